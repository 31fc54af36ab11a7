package iface_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
)

// passing is a link layer that gives every frame to IPv4 or IPv6, by its second octet.
type passing struct{ bare }

func (l *passing) Input(p *packet.Packet) {
	proto := iface.IPv4
	if p.Bytes()[1] == '6' {
		proto = iface.IPv6
	}
	l.iface.Deliver(proto, p)
}

// arrivals is a network protocol that notes what it gets.
type arrivals struct{ got []string }

func (a *arrivals) Input(_ *iface.Iface, p *packet.Packet) {
	a.got = append(a.got, string(p.Bytes()))
	p.Free()
}
func (*arrivals) Unreachable(_ *iface.Iface, p *packet.Packet) { p.Free() }

func TestFilters(t *testing.T) {
	for _, tt := range []struct {
		at    iface.Hook
		drop  stats.Drop
		above []string // what the network protocols get of 04x, 06x, 04
		out   []string // what is sent of the same
	}{
		{iface.OnReceive, stats.FilterReceive, []string{"04"}, []string{"04x", "06x", "04"}},
		{iface.OnIPv4, stats.FilterIPv4, []string{"06x", "04"}, []string{"04x", "06x", "04"}},
		{iface.OnIPv6, stats.FilterIPv6, []string{"04x", "04"}, []string{"04x", "06x", "04"}},
		{iface.OnSend, stats.FilterSend, []string{"04x", "06x", "04"}, []string{"04"}},
	} {
		f := newFixture(t, iface.Config{}, wire.Config{})
		l2 := &passing{}
		l2.iface = f.Iface
		f.SetLink(l2)
		above := &arrivals{}
		f.Handle(iface.IPv4, above)
		f.Handle(iface.IPv6, above)
		looked := 0
		f.SetFilters(tt.at,
			func(i *iface.Iface, p *packet.Packet) bool { looked++; return i == f.Iface },
			func(_ *iface.Iface, p *packet.Packet) bool { return p.Len() < 3 })
		frames := []string{"04x", "06x", "04"}
		dropped := uint64(0)
		for _, s := range frames {
			f.Receive([]byte(s))
		}
		f.send(frames...)
		f.loop.Run(0)
		if !slices.Equal(above.got, tt.above) || !slices.Equal(f.sent, tt.out) {
			t.Errorf("%v: received %v, want %v; sent %v, want %v", tt.drop, above.got, tt.above, f.sent, tt.out)
		}
		dropped = uint64(6 - len(tt.above) - len(tt.out))
		if f.Stats.Drops[tt.drop] != dropped || f.Stats.Dropped() != dropped {
			t.Errorf("%v: %d dropped for it and %d in all, want %d", tt.drop, f.Stats.Drops[tt.drop], f.Stats.Dropped(), dropped)
		}
		f.SetFilters(tt.at)
		before := looked
		f.Receive([]byte("04y"))
		f.send("04y")
		f.loop.Run(0)
		if looked != before || f.Stats.Dropped() != dropped || f.Filtered(tt.at) {
			t.Errorf("%v: filters that were taken away still look", tt.drop)
		}
	}
}

// seen is a tap that notes what it sees.
type seen struct {
	got  []string
	then func(*iface.Seen)
}

func (s *seen) Tap(f *iface.Seen) {
	s.got = append(s.got, fmt.Sprintf("%s %s %s %d", f.Iface.Name, f.Cast, f.Frame, f.Priority))
	if s.then != nil {
		s.then(f)
	}
}

// Taps see what is received before the link layer does, what was sent once the device has it, and what is for others only
// in promiscuous mode.
func TestTaps(t *testing.T) {
	f := newFixture(t, iface.Config{RxClasses: 2, TxClasses: 1, Slots: 2}, wire.Config{BitRate: 8000, Sending: 1})
	tap := &seen{}
	f.AddTap(tap)
	f.Receive([]byte("0a"))
	if len(tap.got) != 0 {
		t.Error("a tap sees a frame before its turn")
	}
	f.Receive([]byte("7b"))
	f.Receive([]byte("7!"))
	f.Receive([]byte("7c")) // no room
	f.loop.Run(0)
	want := []string{"test0 unicast 7b 7", "test0 unicast 0a 0"}
	if !slices.Equal(tap.got, want) {
		t.Errorf("saw  %q\nwant %q", tap.got, want)
	}
	tap.got = nil
	if _, err := f.SetPromiscuous(true); err != nil {
		t.Fatal(err)
	}
	f.Receive([]byte("7!"))
	f.send("0d", "0e")
	f.loop.Run(f.loop.Now())
	want = []string{"test0 another station 7! 7", "test0 outgoing 0d 0"} // the other one waits for the device
	if slices.Sort(tap.got); !slices.Equal(tap.got, want) {
		t.Errorf("saw  %q\nwant %q", tap.got, want)
	}
	if !f.RemoveTap(tap) || f.RemoveTap(tap) {
		t.Error("the tap was not removed once")
	}
	f.loop.Run(1e9)
	if len(tap.got) != 2 {
		t.Errorf("a tap that was removed saw %q", tap.got[2:])
	}
}

// A tap that sends what it sees does not see that in turn.
func TestCaptureDoesNotCaptureItself(t *testing.T) {
	f := newFixture(t, iface.Config{TxClasses: 1}, wire.Config{})
	tap := &seen{}
	tap.then = func(s *iface.Seen) {
		f.Transmit(f.TxPool.Copy(0, append([]byte("0copy of "), s.Frame...)))
	}
	other := &seen{}
	f.AddTap(tap)
	f.AddTap(other)
	f.send("0x")
	f.loop.Run(0)
	if want := []string{"0x", "0copy of 0x"}; !slices.Equal(f.sent, want) {
		t.Errorf("sent %q, want %q", f.sent, want)
	}
	if len(tap.got) != 1 || len(other.got) != 1 {
		t.Errorf("taps saw %q and %q", tap.got, other.got)
	}
	f.send("0y")
	f.loop.Run(0)
	if len(tap.got) != 2 {
		t.Errorf("what is sent later is hidden, too: %q", tap.got)
	}
}

func TestHooksAllocateNothing(t *testing.T) {
	f := newFixture(t, iface.Config{RxClasses: 8, TxClasses: 8, RxTimes: iface.Times{On: true, Detail: true}, TxTimes: iface.Times{On: true, Detail: true}}, wire.Config{Flying: 4})
	l2 := &counting{}
	l2.iface = f.Iface
	f.SetLink(l2)
	f.far.Start(l2)
	n := 0
	f.AddTap(tapFunc(func(*iface.Seen) { n++ }))
	for h := range iface.OnSend + 1 {
		f.SetFilters(h, func(*iface.Iface, *packet.Packet) bool { return true })
	}
	frame := []byte("3 frame")
	run := func() {
		f.Receive(frame)
		f.Transmit(f.TxPool.Copy(0, frame))
		f.loop.Run(f.loop.Now())
	}
	for range 10 {
		run()
	}
	n, l2.n = 0, 0
	if a := testing.AllocsPerRun(100, run); a != 0 {
		t.Errorf("%v allocations for a frame each way, want 0", a)
	}
	if n != 202 || l2.n != 202 {
		t.Errorf("a tap saw %d frames, %d arrived, want 202", n, l2.n)
	}
}

type tapFunc func(*iface.Seen)

func (f tapFunc) Tap(s *iface.Seen) { f(s) }

// counting is a link layer, and the station at the other end, which only count.
type counting struct {
	bare
	n int
}

func (c *counting) Input(p *packet.Packet) { c.n++; c.iface.Given(p); p.Free() }
func (c *counting) Receive([]byte)         { c.n++ }
func (*counting) Ready()                   {}
