package fault_test

import (
	"bytes"
	"fmt"
	"math"
	"math/bits"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/fault"
	"github.com/conform-stack/conform/stack/driver/wire"
)

// A bench is a device with faults on one end of a wire, and a tester on the other.
type bench struct {
	loop   *clock.Loop
	device *fault.Device
	far    *wire.End
	got    []string // what came out at the tester, "at frame"
}

func newBench(c fault.Config) *bench {
	b := &bench{loop: clock.New()}
	near, far := wire.New(b.loop, wire.Config{})
	b.device, b.far = fault.New(b.loop, near, c), far
	b.device.Start(driver.Frames(func([]byte) {}))
	far.Start(driver.Frames(func(f []byte) { b.got = append(b.got, fmt.Sprintf("%v %s", b.loop.Now(), f)) }))
	return b
}

// send sends frames with a millisecond between them, then lets a second pass.
func (b *bench) send(t *testing.T, frames ...string) {
	t.Helper()
	for i, f := range frames {
		run(t, b.loop, time.Duration(i)*time.Millisecond)
		if !b.device.Send([]byte(f)) {
			t.Fatalf("frame %q refused by a wire without end", f)
		}
	}
	run(t, b.loop, b.loop.Now()+time.Second)
}

func run(t *testing.T, l *clock.Loop, until time.Duration) {
	t.Helper()
	if err := l.Run(until); err != nil {
		t.Fatal(err)
	}
}

func TestEachFaultAlone(t *testing.T) {
	for _, tt := range []struct {
		name   string
		faults fault.Faults
		want   string // of a, b, c sent at 0, 1 and 2 ms
		counts fault.Counts
	}{
		{"none", fault.Faults{}, "0s a, 1ms b, 2ms c", fault.Counts{Passed: 3}},
		{"loss", fault.Faults{Loss: 1}, "", fault.Counts{Lost: 3}},
		{"duplicate", fault.Faults{Duplicate: 1}, "0s a, 0s a, 1ms b, 1ms b, 2ms c, 2ms c", fault.Counts{Passed: 6, Duplicated: 3}},
		{"delay", fault.Faults{Delay: 5 * time.Millisecond}, "5ms a, 6ms b, 7ms c", fault.Counts{Passed: 3}},
		{"reorder: a waits for b, c for its patience", fault.Faults{Reorder: 1}, "1ms b, 1ms a, 12ms c", fault.Counts{Passed: 3, Reordered: 2}},
		{"reorder with patience", fault.Faults{Reorder: 1, Patience: time.Millisecond / 2}, "500µs a, 1.5ms b, 2.5ms c",
			fault.Counts{Passed: 3, Reordered: 3}},
		{"loss wins over the rest", fault.Faults{Loss: 1, Duplicate: 1, Corrupt: 1, Reorder: 1}, "", fault.Counts{Lost: 3}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(fault.Config{Seed: 1, Send: tt.faults})
			b.send(t, "a", "b", "c")
			if got := strings.Join(b.got, ", "); got != tt.want {
				t.Errorf("came  %s\nwant  %s", got, tt.want)
			}
			if got := b.device.Sent(); got != tt.counts {
				t.Errorf("counts %+v\nwant   %+v", got, tt.counts)
			}
			if got := b.device.Received(); got != (fault.Counts{}) {
				t.Errorf("faults the other way: %+v", got)
			}
			if n := b.device.InFlight(); n != 0 {
				t.Errorf("%d frames still held back", n)
			}
		})
	}
}

func TestCorruptChangesOneBit(t *testing.T) {
	b := newBench(fault.Config{Seed: 7, Send: fault.Faults{Corrupt: 1}})
	var got [][]byte
	b.far.Start(driver.Frames(func(f []byte) { got = append(got, bytes.Clone(f)) }))
	frame := []byte("sixteen octets.!")
	where := map[int]bool{}
	for range 200 {
		b.device.Send(frame)
		run(t, b.loop, b.loop.Now())
	}
	for _, g := range got {
		changed := 0
		for i := range g {
			changed += bits.OnesCount8(g[i] ^ frame[i])
			if g[i] != frame[i] {
				where[i] = true
			}
		}
		if changed != 1 || len(g) != len(frame) {
			t.Fatalf("%d bits of %x changed, want 1: %x", changed, frame, g)
		}
	}
	if len(got) != 200 || len(where) != len(frame) {
		t.Errorf("%d frames, changed in %d octets of %d", len(got), len(where), len(frame))
	}
	if string(frame) != "sixteen octets.!" {
		t.Errorf("the sender's frame is now %q", frame)
	}
}

// 2000 draws at 30 %: the bounds are five standard deviations away.
func TestChancesAreKept(t *testing.T) {
	b := newBench(fault.Config{Seed: 3, Send: fault.Faults{Loss: 0.3}})
	for range 2000 {
		b.device.Send([]byte("x"))
		run(t, b.loop, b.loop.Now())
	}
	if lost := int(b.device.Sent().Lost); lost < 498 || lost > 702 {
		t.Errorf("%d of 2000 lost, want about 600", lost)
	}
}

func TestSameSeedSameFaults(t *testing.T) {
	mixed := fault.Faults{Loss: 0.2, Duplicate: 0.2, Corrupt: 0.2, Reorder: 0.3, Delay: time.Millisecond, Jitter: 3 * time.Millisecond}
	course := func(seed uint64, f fault.Faults) []string {
		b := newBench(fault.Config{Seed: seed, Send: f, Receive: f})
		var frames []string
		for i := range 100 {
			frames = append(frames, fmt.Sprintf("frame %d", i))
		}
		b.send(t, frames...)
		return b.got
	}
	if a, b := course(5, mixed), course(5, mixed); !slices.Equal(a, b) {
		t.Errorf("two runs with one seed differ:\n%v\n%v", a, b)
	}
	if a, b := course(5, mixed), course(6, mixed); slices.Equal(a, b) {
		t.Error("two seeds give the same course")
	}
	// One more fault leaves alone which frames are lost.
	loss := fault.Faults{Loss: 0.2}
	late := loss
	late.Delay = time.Second / 2
	strip := func(lines []string) (names []string) {
		for _, l := range lines {
			_, name, _ := strings.Cut(l, " ")
			names = append(names, name)
		}
		return names
	}
	if a, b := strip(course(5, loss)), strip(course(5, late)); !slices.Equal(a, b) {
		t.Errorf("a delay changes which frames are lost:\n%v\n%v", a, b)
	}
}

func TestReceiveDirection(t *testing.T) {
	b := newBench(fault.Config{Receive: fault.Faults{Delay: time.Second}})
	var got []string
	b.device.Start(driver.Frames(func(f []byte) { got = append(got, fmt.Sprintf("%v %s", b.loop.Now(), f)) }))
	b.far.Send([]byte("hello"))
	run(t, b.loop, time.Second-1)
	if len(got) != 0 || b.device.InFlight() != 1 {
		t.Fatalf("a nanosecond early: %v, %d held", got, b.device.InFlight())
	}
	run(t, b.loop, time.Second)
	if want := []string{"1s hello"}; !slices.Equal(got, want) {
		t.Errorf("came %v, want %v", got, want)
	}
	if got := b.device.Received(); got != (fault.Counts{Passed: 1}) {
		t.Errorf("counts %+v", got)
	}
}

func TestHeldFramesAreBounded(t *testing.T) {
	b := newBench(fault.Config{Send: fault.Faults{Delay: time.Millisecond}, Held: 2})
	for _, f := range []string{"a", "b", "c"} {
		b.device.Send([]byte(f))
	}
	run(t, b.loop, time.Second)
	if got := b.device.Sent(); len(b.got) != 2 || got.Overflowed != 1 || got.Passed != 2 {
		t.Errorf("came %v, counts %+v; want two and one overflowed", b.got, got)
	}
}

// slow is a device with room for one frame, until it is emptied.
type slow struct {
	handler driver.Handler
	frames  []string
	full    bool
	closed  bool
}

func (s *slow) Start(h driver.Handler) { s.handler = h }
func (s *slow) Close() error           { s.closed = true; return nil }
func (s *slow) Send(f []byte) bool {
	if s.full {
		return false
	}
	s.frames, s.full = append(s.frames, string(f)), true
	return true
}

func (s *slow) empty() {
	s.full = false
	s.handler.Ready()
}

type ready struct{ n int }

func (*ready) Receive([]byte) {}
func (r *ready) Ready()       { r.n++ }

// A full device keeps late frames waiting, in order, refuses new ones meanwhile, and tells when it is worth another try.
func TestFullDevice(t *testing.T) {
	for name, faults := range map[string]fault.Faults{"late": {Delay: time.Millisecond}, "unharmed": {}} {
		t.Run(name, func(t *testing.T) {
			l, inner, h := clock.New(), &slow{}, &ready{}
			d := fault.New(l, inner, fault.Config{Send: faults})
			d.Start(h)
			taken := 0
			for _, f := range []string{"a", "b", "c"} {
				if d.Send([]byte(f)) {
					taken++
				}
			}
			run(t, l, time.Second)
			if d.Send([]byte("d")) {
				t.Error("a frame was taken past those that wait")
			}
			for range 4 {
				inner.empty()
			}
			if h.n != 1 {
				t.Errorf("told ready %d times after one refusal, want once", h.n)
			}
			if len(inner.frames) != taken || strings.Join(inner.frames, "") != "abc"[:taken] {
				t.Errorf("%d frames taken, sent %q", taken, inner.frames)
			}
			if !d.Send([]byte("e")) || d.InFlight() > 1 {
				t.Errorf("refused after ready; %d held", d.InFlight())
			}
		})
	}
}

func TestCloseDropsWhatIsHeld(t *testing.T) {
	l, inner := clock.New(), &slow{}
	d := fault.New(l, inner, fault.Config{Send: fault.Faults{Delay: time.Second, Reorder: 1}, Receive: fault.Faults{Delay: time.Second}})
	d.Start(driver.Frames(func(f []byte) { t.Errorf("received %q after close", f) }))
	d.Send([]byte("a"))
	inner.handler.Receive([]byte("b"))
	if err := d.Close(); err != nil || !inner.closed || d.InFlight() != 0 {
		t.Errorf("Close = %v, inner closed %v, %d held", err, inner.closed, d.InFlight())
	}
	inner.handler.Receive([]byte("c"))
	run(t, l, time.Minute)
	if len(inner.frames) != 0 {
		t.Errorf("sent %q after close", inner.frames)
	}
}

// The handler may close the device while it has a frame.
func TestCloseWithinReceive(t *testing.T) {
	l, inner := clock.New(), &slow{}
	d := fault.New(l, inner, fault.Config{Receive: fault.Faults{Duplicate: 1, Reorder: 0.5}})
	seen := 0
	d.Start(driver.Frames(func([]byte) {
		seen++
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}))
	for range 10 {
		inner.handler.Receive([]byte("x"))
	}
	run(t, l, time.Second)
	if seen != 1 || d.InFlight() != 0 {
		t.Errorf("%d frames received, %d held after close within the first", seen, d.InFlight())
	}
}

func TestCheckNamesEachField(t *testing.T) {
	err := fault.Config{
		Held:    -1,
		Send:    fault.Faults{Loss: 1.5, Duplicate: -0.1, Corrupt: math.NaN(), Delay: -1},
		Receive: fault.Faults{Jitter: -time.Second},
	}.Check()
	for _, want := range []string{
		"fault: Send.Loss is 1.5; a chance is from 0 to 1", "fault: Send.Duplicate is -0.1;", "fault: Send.Corrupt is NaN;",
		"fault: Send.Delay is -1ns; it cannot be negative", "fault: Receive.Jitter is -1s;", "fault: Held is -1;",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Check = %v\nwant it to say %s", err, want)
		}
	}
	if err := (fault.Config{Send: fault.Faults{Loss: 1, Reorder: 0.5}}).Check(); err != nil {
		t.Errorf("Check of a good config = %v", err)
	}
}

func TestNoAllocations(t *testing.T) {
	l, inner := clock.New(), &slow{}
	d := fault.New(l, inner, fault.Config{Receive: fault.Faults{Loss: 0.1, Duplicate: 0.1, Corrupt: 0.5, Jitter: time.Millisecond, Reorder: 0.1}})
	seen := 0
	d.Start(driver.Frames(func([]byte) { seen++ }))
	frame := make([]byte, 1514)
	pass := func() {
		for range 100 {
			inner.handler.Receive(frame)
		}
		if err := l.Run(l.Now() + time.Second); err != nil {
			panic(err)
		}
	}
	for range 200 { // until as many frames have been held at a time as ever will be
		pass()
	}
	if n := testing.AllocsPerRun(20, pass); n != 0 {
		t.Errorf("%v allocations for 100 frames", n)
	}
	if seen < 100 {
		t.Errorf("%d frames seen", seen)
	}
}
