package ip_test

import (
	"net/netip"
	"testing"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver/wire"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/l2/ethernet"
	"github.com/conform-stack/conform/stack/neigh"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
)

func upIface(index int) *iface.Iface {
	loop := clock.New()
	near, _ := wire.New(loop, wire.Config{})
	pool := packet.NewPool(packet.Limits{})
	i := iface.New(index, "eth", loop, near, pool, pool, new(stats.Node), iface.Config{})
	ethernet.New(i, [6]byte{2, 0, 0, 0, 0, byte(index)}, neigh.Config{})
	i.SetUp(true)
	return i
}

func TestLongestPrefixThenFirstLiving(t *testing.T) { // RFC 1122, 3.3.1.1 to 3.3.1.5
	a, b := upIface(1), upIface(2)
	gw := func(i byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, i}) }
	var table ip.Table
	def := netip.MustParsePrefix("0.0.0.0/0")
	table.Add(ip.Route{Prefix: def, Gateway: gw(1), Out: a})
	table.Add(ip.Route{Prefix: def, Gateway: gw(2), Out: a})
	table.Add(ip.Route{Prefix: netip.MustParsePrefix("10.1.2.3/16"), Gateway: gw(3), Out: b})
	table.Add(ip.Route{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Out: a})
	table.Add(ip.Route{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Out: a})
	if n := len(table.Routes()); n != 4 {
		t.Errorf("%d routes, want 4", n)
	}
	for _, tt := range []struct {
		why, dst string
		out      *iface.Iface
		want     netip.Addr
		ok       bool
	}{
		{"on the link", "192.0.2.77", nil, netip.Addr{}, true},
		{"the longer prefix", "10.1.9.9", nil, gw(3), true},
		{"outside it", "10.2.0.1", nil, gw(1), true},
		{"pinned to the interface of the default", "10.1.9.9", a, gw(1), true},
		{"pinned where no route is", "8.8.8.8", b, netip.Addr{}, false},
	} {
		r, ok := table.Lookup(netip.MustParseAddr(tt.dst), tt.out, 0)
		if ok != tt.ok || r.Gateway != tt.want {
			t.Errorf("%s: %s goes to %v, %v; want %v, %v", tt.why, tt.dst, r.Gateway, ok, tt.want, tt.ok)
		}
	}
	dst := netip.MustParseAddr("8.8.8.8")
	if !table.Dead(gw(1), 100, 0) || table.Dead(gw(1), 100, 50) {
		t.Error("the death of a gateway is news once")
	}
	if r, _ := table.Lookup(dst, nil, 99); r.Gateway != gw(2) {
		t.Errorf("with the first gateway dead: %v", r.Gateway)
	}
	if r, _ := table.Lookup(dst, nil, 100); r.Gateway != gw(1) {
		t.Errorf("after its time: %v", r.Gateway)
	}
	table.Dead(gw(1), 200, 100)
	table.Dead(gw(2), 200, 100)
	if r, ok := table.Lookup(dst, nil, 150); !ok || r.Gateway != gw(1) {
		t.Errorf("with all dead: %v, %v; want the first again", r.Gateway, ok)
	}
	a.SetUp(false)
	if _, ok := table.Lookup(dst, nil, 300); ok {
		t.Error("a route by an interface that is down")
	}
	if !table.Remove(ip.Route{Prefix: def, Gateway: gw(2), Out: a}) || len(table.Routes()) != 3 {
		t.Error("the route was not removed")
	}
}
