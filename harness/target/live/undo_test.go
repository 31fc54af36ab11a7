package live

import (
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/target"
)

// What a tester said as a router is taken back, as far as it was said.
func TestUndo(t *testing.T) {
	mac, router := net.HardwareAddr{2, 0, 0, 1, 0, 5}, netip.MustParseAddr("fe80::5")
	env := packet.Env{Local: target.Host{MAC: mac, IP6: router, LinkLocal: router}, Peer: target.Host{MAC: ipv6.GroupMAC(ipv6.AllNodes), IP6: ipv6.AllNodes}, Network: ipv6.Proto}
	prefix := ndp.Advertised(netip.MustParsePrefix("2001:db8:7::/64"))
	route := netip.MustParsePrefix("2001:db8:8000::/33")
	c := Config{MTU: 1500, Info: target.Info{Params: target.Params{HopLimit: 255, Retrans: 2 * time.Second}}}
	for _, row := range []struct {
		name string
		say  packet.Template
		want packet.Template // none without a layer
	}{
		{"a router", ndp.RouterAdvert(), ndp.RouterAdvert(ndp.Lifetime.Is(0), ndp.CurHopLimit.Is(255), ndp.Reachable.Is(0), ndp.Retrans.Is(0), ndp.RAOptions.Is(nil))},
		{"its parameters", ndp.RouterAdvert(ndp.CurHopLimit.Is(0), ndp.Reachable.Is(5), ndp.Retrans.Is(6), ndp.RAOptions.Is(ndp.MTU(1300))),
			ndp.RouterAdvert(ndp.Lifetime.Is(0), ndp.CurHopLimit.Is(0), ndp.Reachable.Is(30000), ndp.Retrans.Is(2000), ndp.RAOptions.Is(ndp.MTU(1500)))},
		{"a prefix and a route", ndp.RouterAdvert(ndp.RAOptions.Is(ndp.Options(prefix.Option(), ndp.RouteInfo(route, 1, 600)))),
			ndp.RouterAdvert(ndp.Lifetime.Is(0), ndp.RAOptions.Is(ndp.Options(prefix.Lasting(0, 0).Option(), ndp.RouteInfo(route, 1, 0))))},
		{"options that are cut", ndp.RouterAdvert(ndp.RAOptions.Is([]byte{ndp.PrefixType, 1, 64, 0, 0, 0, 0, 0, ndp.MTUType, 2})), ndp.RouterAdvert(ndp.Lifetime.Is(0), ndp.RAOptions.Is(nil))},
		{"no router", ndp.Advert(ndp.NATarget.Is(router)), packet.Template{}},
	} {
		s := said{}
		for range 2 {
			s.note(row.say.Build(env))
		}
		all := s.undone(c)
		if want := min(1, len(row.want)); len(all) != want {
			t.Errorf("%s: %d frames, want %d", row.name, len(all), want)
			continue
		}
		if len(all) == 0 {
			continue
		}
		f := packet.Dissect(target.Ethernet, slices.Clone(all[0]))
		if want := row.want.With(ipv6.Src.Is(router), ipv6.Dst.Is(ipv6.AllNodes), ipv6.HopLimit.Is(255)); !want.Matches(f) {
			t.Errorf("%s: %s\nwant %s", row.name, f, want)
		}
	}
}
