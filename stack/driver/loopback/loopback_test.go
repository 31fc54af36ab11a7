package loopback_test

import (
	"slices"
	"testing"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver/loopback"
)

type station struct {
	device *loopback.Device
	got    []string
	ready  int
}

func (s *station) Receive(frame []byte) {
	s.got = append(s.got, string(frame))
	if string(frame) == "a" {
		s.device.Send([]byte("from within"))
	}
}
func (s *station) Ready() { s.ready++ }

func TestFramesComeBackInOrder(t *testing.T) {
	loop := clock.New()
	d := loopback.New(loop, 2)
	s := &station{device: d}
	d.Start(s)
	if !d.Send([]byte("b")) || !d.Send([]byte("a")) {
		t.Fatal("refused within its room")
	}
	if d.Send([]byte("c")) {
		t.Error("took a frame beyond its room")
	}
	if len(s.got) != 0 {
		t.Fatal("a frame came back within Send")
	}
	loop.Run(0)
	if want := []string{"b", "a", "from within"}; !slices.Equal(s.got, want) {
		t.Errorf("came back: %q, want %q", s.got, want)
	}
	if s.ready != 1 {
		t.Errorf("told ready %d times, want once", s.ready)
	}
}

func TestCloseLosesFrames(t *testing.T) {
	loop := clock.New()
	d := loopback.New(loop, 0)
	s := &station{device: d}
	d.Start(s)
	d.Send([]byte("x"))
	d.Close()
	loop.Run(0)
	if len(s.got) != 0 {
		t.Errorf("received after Close: %q", s.got)
	}
}
