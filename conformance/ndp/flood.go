package ndp

import (
	"net"
	"net/netip"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
)

func init() {
	flooded := mutate.Hushed(ndp.Solicitation().With(ipv6.Src.Is(flooder(700))), anyReply)
	flood := func(send func(x *probe.Tester, i int)) func(p *probe.P) {
		return func(p *probe.P) {
			lan := p.IPv6()
			lan.Ping()
			for i := range 1000 {
				send(lan, i)
			}
			lan.As(1).Ping(probe.For("RFC7048:3-11", "RFC4861:5.3-1"))
			p.Observed("RFC7048:3-11", "a new neighbour is served after 1000 others")
		}
	}
	suite.It("ndp.flood.solicitations", "after solicitations of a thousand neighbours a new one is served",
		check.Proves("RFC7048:3-11", flooded).And("RFC4861:5.3-1", flooded).Crowds(), flood(func(x *probe.Tester, i int) {
			mac := net.HardwareAddr{2, 0, 0, 1, byte(i >> 8), byte(i)}
			x.Send(ndp.Solicitation(ndp.NSLink.Is(mac)).With(ipv6.Src.Is(flooder(i))))
		}))

	routersFlood := mutate.Hushed(ndp.RouterAdvert().With(ipv6.Src.Is(floodRouter(700))), anyReply)
	suite.It("ndp.flood.routers", "after advertisements of a thousand routers and prefixes a neighbour is served",
		check.Proves("RFC7048:3-11", routersFlood).And("RFC4861:5.3-1", routersFlood).Crowds(), flood(func(x *probe.Tester, i int) {
			a := ipv6.MustAddr("2001:db8:4000::").As16()
			a[6], a[7] = byte(i>>8), byte(i)
			pre := ndp.Prefix{Prefix: netip.PrefixFrom(netip.AddrFrom16(a), 64), OnLink: true, Valid: 600}
			x.Send(ndp.RouterAdvert(ndp.RAOptions.Is(pre.Option())).With(ipv6.Src.Is(floodRouter(i))))
		}))
}

// flooder and floodRouter are one address of many.
func flooder(i int) netip.Addr { return numbered("2001:db8:1::f00:0", i) }

func floodRouter(i int) netip.Addr { return numbered("fe80::f00:0", i) }

func numbered(base string, i int) netip.Addr {
	a := ipv6.MustAddr(base).As16()
	a[14], a[15] = byte(i>>8), byte(i)
	return netip.AddrFrom16(a)
}
