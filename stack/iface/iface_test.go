package iface_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/link"
)

// bare is a link layer whose frames are a priority and a payload.
type bare struct {
	iface *iface.Iface
	got   []string
	at    []time.Duration
	again func() // what the first packet causes
}

func (b *bare) Input(p *packet.Packet) {
	b.got, b.at = append(b.got, string(p.Bytes())), append(b.at, b.iface.Loop.Now())
	p.Free()
	if b.again != nil {
		f := b.again
		b.again = nil
		f()
	}
}
func (b *bare) Output(_ iface.Protocol, p *packet.Packet, _ iface.Hop) { b.iface.Transmit(p) }
func (b *bare) Priority(frame []byte) uint8                            { return frame[0] - '0' }
func (*bare) Look(frame []byte) (iface.Look, bool) {
	look := iface.Look{Header: 1, Protocol: iface.IPv4}
	if len(frame) > 1 && frame[1] == '!' { // for another station
		look.Cast = packet.Other
	}
	return look, true
}
func (*bare) Headroom() int      { return 0 }
func (*bare) MTU() int           { return 100 }
func (*bare) Addrs() []link.Addr { return nil }
func (*bare) Join(netip.Addr)    {}
func (*bare) Leave(netip.Addr)   {}
func (*bare) Close()             {}

type fixture struct {
	*iface.Iface
	l2   *bare
	loop *clock.Loop
	far  *wire.End
	sent []string // what came out at the far end
}

func newFixture(t *testing.T, c iface.Config, w wire.Config) *fixture {
	loop := clock.New()
	near, far := wire.New(loop, w)
	f := &fixture{loop: loop, far: far}
	far.Start(driver.Frames(func(b []byte) { f.sent = append(f.sent, string(b)) }))
	rx, tx := packet.NewPool(packet.Limits{}), packet.NewPool(packet.Limits{})
	f.Iface = iface.New(1, "test0", loop, near, rx, tx, new(stats.Node), c)
	f.l2 = &bare{iface: f.Iface}
	f.SetLink(f.l2)
	f.SetUp(true)
	t.Cleanup(func() {
		f.Close()
		if rx.InUse()+tx.InUse() != 0 {
			t.Errorf("%d received and %d sent packets left in use", rx.InUse(), tx.InUse())
		}
	})
	return f
}

func (f *fixture) send(frames ...string) {
	for _, s := range frames {
		p := f.TxPool.Copy(0, []byte(s))
		p.Priority = s[0] - '0'
		f.Transmit(p)
	}
}

// greedy prepends more than there is room for.
type greedy struct{ bare }

func (*greedy) Headroom() int { return iface.Headroom + 1 }

func TestLinkThatNeedsMoreHeadroomIsRefused(t *testing.T) {
	f := newFixture(t, iface.Config{}, wire.Config{})
	defer func() {
		const want = "iface: the link layer of test0 prepends up to 35 octets; packets have room for 34"
		if got := recover(); got != want {
			t.Errorf("SetLink panics with %v, want %q", got, want)
		}
		if f.Link() != iface.L2(f.l2) {
			t.Error("the link layer was set all the same")
		}
	}()
	f.SetLink(&greedy{})
}

func TestHigherClassGoesFirst(t *testing.T) {
	for classes, want := range map[int][]string{
		0: {"1", "0", "7", "3", "5"},
		1: {"1", "0", "7", "3", "5"},
		2: {"7", "5", "1", "0", "3"},
		8: {"7", "5", "3", "0", "1"}, // priority 1 is background, below 0
	} {
		f := newFixture(t, iface.Config{RxClasses: classes, TxClasses: classes, Slots: 10}, wire.Config{})
		in := []string{"1", "0", "7", "3", "5"}
		f.send(in...)
		for _, s := range in {
			f.Receive([]byte(s))
		}
		f.loop.Run(0)
		if !slices.Equal(f.sent, want) {
			t.Errorf("%d classes: sent in the order %v, want %v", classes, f.sent, want)
		}
		if !slices.Equal(f.l2.got, want) {
			t.Errorf("%d classes: processed in the order %v, want %v", classes, f.l2.got, want)
		}
	}
}

// Whatever the first packet brings about at the same instant is classified with those that wait.
func TestDrainYieldsBetweenPackets(t *testing.T) {
	f := newFixture(t, iface.Config{RxClasses: 2, TxClasses: 2, Slots: 10}, wire.Config{})
	f.l2.again = func() { f.Receive([]byte("7 late")) }
	f.Receive([]byte("0 a"))
	f.Receive([]byte("0 b"))
	f.loop.Run(0)
	if want := []string{"0 a", "7 late", "0 b"}; !slices.Equal(f.l2.got, want) {
		t.Errorf("processed in the order %q, want %q", f.l2.got, want)
	}
}

func TestFullQueueDropsAndCounts(t *testing.T) {
	f := newFixture(t, iface.Config{RxClasses: 2, TxClasses: 2, Slots: 3}, wire.Config{})
	for range 5 {
		f.Receive([]byte("0"))
		f.send("0")
	}
	f.Receive([]byte("7")) // the other class has room
	if n := f.Stats.Drops[stats.RxQueueFull]; n != 2 {
		t.Errorf("%d received frames dropped, want 2", n)
	}
	if n := f.Stats.Drops[stats.TxQueueFull]; n != 2 {
		t.Errorf("%d sent frames dropped, want 2", n)
	}
	f.loop.Run(0)
	if len(f.l2.got) != 4 || len(f.sent) != 3 {
		t.Errorf("processed %d, sent %d", len(f.l2.got), len(f.sent))
	}
}

func TestBitRateFillsTheQueue(t *testing.T) {
	f := newFixture(t, iface.Config{RxClasses: 1, TxClasses: 8, Slots: 10},
		wire.Config{BitRate: 8000, Sending: 1}) // an octet a millisecond
	f.send("0", "0")
	f.loop.Run(0)
	f.send("7") // overtakes the second, which has not been given to the device
	f.loop.Run(time.Second)
	if want := []string{"0", "7", "0"}; !slices.Equal(f.sent, want) {
		t.Errorf("sent in the order %v, want %v", f.sent, want)
	}
}

func TestWithoutClassesAFullDeviceDrops(t *testing.T) {
	f := newFixture(t, iface.Config{}, wire.Config{Flying: 2})
	f.send("0", "0", "0")
	if n := f.Stats.Drops[stats.DeviceFull]; n != 1 {
		t.Errorf("%d frames dropped, want 1", n)
	}
	f.loop.Run(0)
	if len(f.sent) != 2 {
		t.Errorf("%d frames sent, want 2", len(f.sent))
	}
}

func TestPacketCostIsPaidInVirtualTime(t *testing.T) {
	f := newFixture(t, iface.Config{RxClasses: 2, Slots: 10, PacketCost: time.Millisecond}, wire.Config{})
	f.Receive([]byte("0 a"))
	f.Receive([]byte("0 b"))
	f.loop.Run(time.Millisecond - 1)
	f.Receive([]byte("7 c"))
	f.loop.Run(time.Second)
	if want := []string{"0 a", "7 c", "0 b"}; !slices.Equal(f.l2.got, want) {
		t.Errorf("processed in the order %q, want %q", f.l2.got, want)
	}
	if want := []time.Duration{0, time.Millisecond, 2 * time.Millisecond}; !slices.Equal(f.l2.at, want) {
		t.Errorf("processed at %v, want %v", f.l2.at, want)
	}
}

func TestDownDropsWhatIsQueued(t *testing.T) {
	f := newFixture(t, iface.Config{RxClasses: 1, TxClasses: 1, Slots: 10}, wire.Config{})
	f.Receive([]byte("0"))
	f.send("0")
	f.SetUp(false)
	f.Receive([]byte("0"))
	f.send("0")
	f.loop.Run(0)
	if n := f.Stats.Drops[stats.IfaceDown]; n != 4 || len(f.sent)+len(f.l2.got) != 0 {
		t.Errorf("%d dropped, want 4; sent %v, received %v", n, f.sent, f.l2.got)
	}
}

func TestAddresses(t *testing.T) {
	f := newFixture(t, iface.Config{}, wire.Config{})
	changes := 0
	f.Watch(func() { changes++ })
	p := netip.MustParsePrefix("192.0.2.1/24")
	f.AddAddress(p, true)
	if f.Holds(p.Addr()) {
		t.Error("holds a tentative address")
	}
	f.AddAddress(p, false)
	f.AddAddress(p, false)
	if !f.Holds(p.Addr()) || len(f.Addresses()) != 1 {
		t.Errorf("addresses: %v", f.Addresses())
	}
	if !f.RemoveAddress(p.Addr()) || f.RemoveAddress(p.Addr()) || f.Holds(p.Addr()) {
		t.Error("the address was not removed once")
	}
	if changes != 3 {
		t.Errorf("%d changes were told, want 3", changes)
	}
}
