package trace_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/trace"
	"github.com/conform-stack/conform/stack/driver/wire"
)

func run(t *testing.T, l *clock.Loop, until time.Duration) {
	t.Helper()
	if err := l.Run(until); err != nil {
		t.Fatal(err)
	}
}

func TestLines(t *testing.T) {
	l := clock.New()
	near, far := wire.New(l, wire.Config{BitRate: 1_000_000, Sending: 1})
	var out strings.Builder
	d := trace.New(l, near, trace.Config{Name: "n1", Out: &out, Describe: func(f []byte) string { return string(f) }})
	var received []string
	ready := 0
	d.Start(handler{func(f []byte) { received = append(received, string(f)) }, func() { ready++ }})
	far.Start(driver.Frames(func(f []byte) { far.Send([]byte("re " + string(f))) }))
	if !d.Send([]byte("ask")) {
		t.Fatal("refused by an empty wire")
	}
	if d.Send([]byte("too soon")) {
		t.Fatal("taken by a full wire")
	}
	run(t, l, time.Second)
	const want = "0.000000000 n1 > ask\n0.000072000 n1 < re ask\n"
	if out.String() != want {
		t.Errorf("trace %q\nwant  %q", out.String(), want)
	}
	if len(received) != 1 || received[0] != "re ask" || ready != 1 {
		t.Errorf("the handler behind the trace saw %q, %d times ready", received, ready)
	}
	if err := d.Close(); err != nil || d.Err() != nil {
		t.Errorf("Close = %v, Err = %v", err, d.Err())
	}
}

func TestTimeOfLaterLines(t *testing.T) {
	l := clock.New()
	near, far := wire.New(l, wire.Config{})
	far.Start(driver.Frames(func([]byte) {}))
	var out strings.Builder
	d := trace.New(l, near, trace.Config{Out: &out, Describe: func([]byte) string { return "x" }})
	d.Start(driver.Frames(func([]byte) {}))
	for _, at := range []time.Duration{1, 2*time.Minute + 50*time.Millisecond} {
		run(t, l, at)
		d.Send([]byte{0})
	}
	if want := "0.000000001 > x\n120.050000000 > x\n"; out.String() != want {
		t.Errorf("trace %q\nwant  %q", out.String(), want)
	}
}

type handler struct {
	receive func([]byte)
	ready   func()
}

func (h handler) Receive(f []byte) { h.receive(f) }
func (h handler) Ready()           { h.ready() }

type fullDisk struct{ writes int }

func (d *fullDisk) Write([]byte) (int, error) {
	d.writes++
	return 0, errors.New("no space left")
}

// A trace that cannot be written does not disturb the frames.
func TestErrorEndsTheTraceAlone(t *testing.T) {
	l, disk, seen := clock.New(), &fullDisk{}, 0
	near, far := wire.New(l, wire.Config{})
	far.Start(driver.Frames(func([]byte) { seen++ }))
	d := trace.New(l, near, trace.Config{Out: disk})
	d.Start(driver.Frames(func([]byte) {}))
	for range 3 {
		d.Send(make([]byte, 60))
	}
	run(t, l, time.Second)
	if seen != 3 || disk.writes != 1 || d.Err() == nil || d.Err().Error() != "no space left" {
		t.Errorf("%d frames, %d writes, Err = %v", seen, disk.writes, d.Err())
	}
}
