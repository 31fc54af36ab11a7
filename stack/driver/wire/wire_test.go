package wire_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/wire"
)

func Example() {
	loop := clock.New()
	a, b := wire.New(loop, wire.Config{BitRate: 8_000_000, Delay: time.Millisecond}) // an octet a microsecond
	b.Start(driver.Frames(func(frame []byte) { fmt.Printf("%v %s\n", loop.Now(), frame) }))
	a.Send([]byte("hello"))
	a.Send([]byte("world"))
	loop.Run(time.Second)
	// Output:
	// 1.005ms hello
	// 1.01ms world
}

type station struct {
	loop  *clock.Loop
	got   []string
	at    []time.Duration
	ready int
}

func (s *station) Receive(frame []byte) {
	s.got, s.at = append(s.got, string(frame)), append(s.at, s.loop.Now())
}
func (s *station) Ready() { s.ready++ }

func TestFrameNeverArrivesWithinSend(t *testing.T) {
	loop := clock.New()
	a, b := wire.New(loop, wire.Config{})
	peer := &station{loop: loop}
	b.Start(peer)
	frame := []byte("one")
	a.Send(frame)
	copy(frame, "xxx") // the octets are the caller's again
	if len(peer.got) != 0 {
		t.Fatal("the frame arrived within Send")
	}
	loop.Run(0)
	if !slices.Equal(peer.got, []string{"one"}) {
		t.Errorf("arrived: %q", peer.got)
	}
}

func TestRateFillsTheSender(t *testing.T) {
	loop := clock.New()
	a, b := wire.New(loop, wire.Config{BitRate: 8_000_000, Sending: 2})
	sender, peer := &station{loop: loop}, &station{loop: loop}
	a.Start(sender)
	b.Start(peer)
	ten := make([]byte, 10)
	for n, want := range []bool{true, true, false, false} {
		if got := a.Send(ten); got != want {
			t.Fatalf("frame %d of at most two: taken is %v", n+1, got)
		}
	}
	loop.Run(10*time.Microsecond - 1)
	if sender.ready != 0 {
		t.Error("ready before the first frame was sent")
	}
	loop.Run(10 * time.Microsecond)
	if sender.ready != 1 {
		t.Errorf("told ready %d times after the first frame was sent, want once", sender.ready)
	}
	if !a.Send(ten) || a.Send(ten) {
		t.Error("ready for other than one frame")
	}
	loop.Run(time.Second)
	if want := []time.Duration{10000, 20000, 30000}; !slices.Equal(peer.at, want) {
		t.Errorf("arrived at %v, want %v", peer.at, want)
	}
	if sender.ready != 2 {
		t.Errorf("told ready %d times, want twice: two refusals were not forgotten", sender.ready)
	}
}

func TestWireIsBounded(t *testing.T) {
	loop := clock.New()
	a, b := wire.New(loop, wire.Config{Delay: time.Second, Flying: 3})
	sender, peer := &station{loop: loop}, &station{loop: loop}
	a.Start(sender)
	b.Start(peer)
	sent := 0
	for a.Send([]byte{byte(sent)}) {
		sent++
	}
	if sent != 3 || a.InFlight() != 3 {
		t.Fatalf("%d frames taken, %d on the wire, want 3", sent, a.InFlight())
	}
	loop.Run(time.Second - 1)
	if sender.ready != 0 {
		t.Error("ready while the wire is full")
	}
	loop.Run(time.Second)
	if sender.ready != 1 || len(peer.got) != 3 {
		t.Errorf("told ready %d times, %d frames arrived", sender.ready, len(peer.got))
	}
}

func TestAnswerWithinReceive(t *testing.T) { // as a tester does, with a wire of room for one
	loop := clock.New()
	a, b := wire.New(loop, wire.Config{Flying: 1})
	me := &station{loop: loop}
	a.Start(me)
	b.Start(driver.Frames(func(frame []byte) {
		if !b.Send([]byte("re: " + string(frame))) {
			t.Error("the other direction is full")
		}
	}))
	a.Send([]byte("x"))
	loop.Run(0)
	if !slices.Equal(me.got, []string{"re: x"}) {
		t.Errorf("answers: %q", me.got)
	}
}

// plugged is a station that is told of its carrier.
type plugged struct {
	station
	carrier []bool
}

func (p *plugged) Carrier(on bool) { p.carrier = append(p.carrier, on) }

func TestPull(t *testing.T) {
	loop := clock.New()
	a, b := wire.New(loop, wire.Config{Delay: time.Second})
	near, far := &plugged{station: station{loop: loop}}, &plugged{station: station{loop: loop}}
	a.Start(near)
	b.Start(far)
	a.Send([]byte("on its way"))
	b.Pull()
	a.Pull() // it is out already
	a.Send([]byte("into nothing"))
	if a.HasCarrier() || b.HasCarrier() || a.InFlight() != 0 || a.Lost() != 2 {
		t.Errorf("pulled out: carriers %v and %v, %d on the wire, %d lost", a.HasCarrier(), b.HasCarrier(), a.InFlight(), a.Lost())
	}
	loop.Run(10 * time.Second)
	a.Plug()
	a.Send([]byte("again"))
	loop.Run(20 * time.Second)
	if want := []string{"again"}; !slices.Equal(far.got, want) {
		t.Errorf("arrived %q, want %q", far.got, want)
	}
	if want := []bool{false, true}; !slices.Equal(near.carrier, want) || !slices.Equal(far.carrier, want) {
		t.Errorf("told %v and %v, want %v", near.carrier, far.carrier, want)
	}
}

// The cable may be pulled, and plugged in again, by what a frame causes; what is sent then is not lost.
func TestPullWithinReceive(t *testing.T) {
	loop := clock.New()
	a, b := wire.New(loop, wire.Config{})
	var got []string
	a.Start(driver.Frames(func([]byte) {}))
	b.Start(driver.Frames(func(frame []byte) {
		got = append(got, string(frame))
		if len(got) == 1 {
			b.Pull()
			b.Plug()
			a.Send([]byte("new"))
		}
	}))
	a.Send([]byte("first"))
	a.Send([]byte("second"))
	loop.Run(0)
	if want := []string{"first", "new"}; !slices.Equal(got, want) || a.InFlight() != 0 {
		t.Errorf("arrived %q, want %q; %d on the wire", got, want, a.InFlight())
	}
}

func TestClose(t *testing.T) {
	loop := clock.New()
	a, b := wire.New(loop, wire.Config{})
	peer := &station{loop: loop}
	b.Start(peer)
	a.Send([]byte("before"))
	a.Close()
	a.Send([]byte("after"))
	loop.Run(0)
	if !slices.Equal(peer.got, []string{"before"}) || a.Lost() != 1 {
		t.Errorf("arrived %q, %d lost", peer.got, a.Lost())
	}
	b.Send([]byte("to nobody"))
	loop.Run(0)
	if b.Lost() != 1 {
		t.Errorf("%d frames lost at a closed end, want 1", b.Lost())
	}
}

func TestFramesAllocateNothing(t *testing.T) {
	loop := clock.New()
	a, b := wire.New(loop, wire.Config{Flying: 4})
	n := 0
	b.Start(driver.Frames(func([]byte) { n++ }))
	frame := make([]byte, 1500)
	send := func() {
		a.Send(frame)
		loop.Run(loop.Now())
	}
	for range 8 {
		send()
	}
	if got := testing.AllocsPerRun(100, send); got != 0 {
		t.Errorf("%v allocations a frame, want 0", got)
	}
}
