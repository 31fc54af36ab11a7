package iface_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
)

// Every combination of what the operational state follows from (RFC 2863, 3.1.13).
func TestOperationalState(t *testing.T) {
	for _, tt := range []struct {
		admin, carrier, dormant bool
		real, virtual           iface.Oper
	}{
		{false, false, false, iface.OperDown, iface.OperDown},
		{false, false, true, iface.OperDown, iface.OperDown},
		{false, true, false, iface.OperDown, iface.OperDown},
		{false, true, true, iface.OperDown, iface.OperDown},
		{true, false, false, iface.OperDown, iface.OperLowerLayerDown},
		{true, false, true, iface.OperDown, iface.OperLowerLayerDown},
		{true, true, false, iface.OperUp, iface.OperUp},
		{true, true, true, iface.OperDormant, iface.OperDormant},
	} {
		f := newFixture(t, iface.Config{}, wire.Config{})
		v := iface.NewVirtual(2, "test0.1", f.Iface, new(stats.Node), func(*packet.Packet) bool { return true })
		l2 := &bare{iface: v}
		v.SetLink(l2)
		for i, want := range map[*iface.Iface]iface.Oper{f.Iface: tt.real, v: tt.virtual} {
			i.SetUp(tt.admin)
			i.Carrier(tt.carrier)
			i.SetDormant(tt.dormant)
			got := i.State()
			if got.Oper != want || i.Oper() != want || i.Up() != (want == iface.OperUp) {
				t.Errorf("%s: %+v is %v and up %v, want %v", i.Name, tt, got.Oper, i.Up(), want)
			}
			if got.Admin != tt.admin || got.Carrier != tt.carrier || got.Dormant != tt.dormant {
				t.Errorf("%s: state %+v", i.Name, got)
			}
		}
		v.Close()
	}
}

// What stands above hears of packets passing or not, and of nothing else; who watches the state hears of all changes once.
func TestWhoIsTold(t *testing.T) {
	f := newFixture(t, iface.Config{}, wire.Config{})
	var above []bool
	var states []string
	f.Watch(func() { above = append(above, f.Up()) })
	f.WatchState(func(was, is iface.State) { states = append(states, fmt.Sprintf("%v>%v", was.Oper, is.Oper)) })
	f.Carrier(true)    // it was
	f.Carrier(false)   // down
	f.SetDormant(true) // and does not matter now
	f.Carrier(true)    // dormant
	f.SetDormant(false)
	f.SetUp(false)
	f.Carrier(false)
	f.SetUp(true) // finds out by itself that the medium is there
	if want := []bool{false, true, false, true}; !slices.Equal(above, want) {
		t.Errorf("above was told up: %v, want %v", above, want)
	}
	want := []string{"up>down", "down>down", "down>dormant", "dormant>up", "up>down", "down>down", "down>up"}
	if !slices.Equal(states, want) {
		t.Errorf("states %v\nwant   %v", states, want)
	}
}

// A cable that is pulled out takes the interface down, with what waits for it; nothing is accepted meanwhile.
func TestPulledCable(t *testing.T) {
	f := newFixture(t, iface.Config{RxClasses: 1, TxClasses: 1, Slots: 9}, wire.Config{BitRate: 8000, Sending: 1})
	f.send("0a", "0b", "0c")
	f.loop.Run(0)
	f.Receive([]byte("0r"))
	f.far.Pull()
	if f.Up() || f.Oper() != iface.OperDown {
		t.Fatalf("without a cable: %v", f.Oper())
	}
	f.send("0d")
	f.Receive([]byte("0s"))
	f.loop.Run(1e9)
	if len(f.sent) != 0 || len(f.l2.got) != 0 {
		t.Errorf("without a cable: sent %v, received %v", f.sent, f.l2.got)
	}
	if n := f.Stats.Drops[stats.IfaceDown]; n != 5 {
		t.Errorf("%d dropped, want 5: two that waited to be sent, one received, and one each way later", n)
	}
	f.far.Plug()
	if !f.Up() {
		t.Error("with the cable in again it is not up")
	}
	f.send("0e")
	f.loop.Run(2e9)
	if want := []string{"0e"}; !slices.Equal(f.sent, want) {
		t.Errorf("sent %v, want %v", f.sent, want)
	}
}

// A device that looks at addresses is asked, and may refuse.
type picky struct {
	driver.Device
	on  []bool
	err error
}

func (p *picky) SetPromiscuous(on bool) error {
	p.on = append(p.on, on)
	return p.err
}

func TestPromiscuousMode(t *testing.T) {
	loop, pool := clock.New(), packet.NewPool(packet.Limits{})
	near, _ := wire.New(loop, wire.Config{})
	d := &picky{Device: near}
	i := iface.New(1, "test0", loop, d, pool, pool, new(stats.Node), iface.Config{})
	i.SetLink(&bare{iface: i})
	for k, on := range []bool{true, true, false, false} {
		changed, err := i.SetPromiscuous(on)
		if err != nil || changed != (k%2 == 0) || i.State().Promiscuous != on {
			t.Errorf("SetPromiscuous(%v) = %v, %v; state %+v", on, changed, err, i.State())
		}
	}
	if want := []bool{true, false}; !slices.Equal(d.on, want) {
		t.Errorf("the device was asked %v, want %v", d.on, want)
	}
	d.err = errors.New("it cannot")
	if changed, err := i.SetPromiscuous(true); changed || err != d.err || i.State().Promiscuous {
		t.Errorf("a device that refuses: %v, %v, state %+v", changed, err, i.State())
	}
}

func TestFlags(t *testing.T) {
	f := newFixture(t, iface.Config{}, wire.Config{})
	v := iface.NewVirtual(2, "test0.1", f.Iface, new(stats.Node), func(*packet.Packet) bool { return true })
	v.SetLink(&bare{iface: v})
	defer v.Close()
	for _, tt := range []struct {
		what string
		do   func()
		i    *iface.Iface
		want string
	}{
		{"at first", func() {}, f.Iface, "up,lower-up,running"},
		{"dormant", func() { f.SetDormant(true) }, f.Iface, "up,lower-up,dormant"},
		{"awake, promiscuous", func() { f.SetDormant(false); f.SetPromiscuous(true) }, f.Iface, "up,lower-up,running,promiscuous"},
		{"without a medium", func() { f.SetPromiscuous(false); f.Carrier(false) }, f.Iface, "up"},
		{"not wanted", func() { f.SetUp(false) }, f.Iface, ""},
		{"of a kind", func() { f.Loopback, f.PointToPoint = true, true }, f.Iface, "loopback,point-to-point"},
		{"virtual", func() {}, v, "lower-up,virtual"},
	} {
		tt.do()
		if got := tt.i.Flags().String(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.what, got, tt.want)
		}
	}
}
