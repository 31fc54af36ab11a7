package ndp

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// An mtuCase is an MTU option and whether packets of 1448 octets have to be cut because of it.
type mtuCase struct {
	mtu  uint32
	odd  bool // the reserved octets are set
	cut  bool
	reqs []string
}

func (c mtuCase) String() string   { return fmt.Sprintf("%d reserved %t", c.mtu, c.odd) }
func (c mtuCase) Proves() []string { return c.reqs }

func init() {
	small := mutate.Misreads(ndp.RouterAdvert(), ndp.RAOptions.Is(ndp.MTU(1300)))
	check.Grid(suite, "ndp.router.mtu", "an MTU that is advertised is used between 1280 and what the link carries",
		check.Proves("RFC4861:6.3.4-21", mutate.Ignores(ndp.RouterAdvert())).And("RFC4861:3.2-1", mutate.Ignores(ndp.RouterAdvert())).
			And("RFC4861:4.6.4-3", mutate.Ignores(ndp.RouterAdvert())).
			And("RFC4861:6.3.4-22", small).And("RFC4861:6.3.4-23", small).And("RFC4861:6.3.2-2", small),
		[]mtuCase{
			{1280, false, true, []string{"RFC4861:6.3.4-21", "RFC4861:3.2-1"}},
			{1400, false, true, []string{"RFC4861:6.3.4-21", "RFC4861:3.2-1"}},
			{1400, true, true, []string{"RFC4861:4.6.4-3"}},
			{1500, false, false, []string{"RFC4861:6.3.2-2"}},
			{1279, false, false, []string{"RFC4861:6.3.4-22"}},
			{0, false, false, []string{"RFC4861:6.3.4-22"}},
			{1501, false, false, []string{"RFC4861:6.3.4-23"}},
			{0xffffffff, false, false, []string{"RFC4861:6.3.4-23"}},
		}, func(p *probe.P, c mtuCase) {
			lan := p.IPv6()
			o := ndp.MTU(c.mtu)
			if c.odd {
				o[2], o[3] = 255, 255
			}
			lan.Send(ndp.RouterAdvert(ndp.RAOptions.Is(o)))
			lan.Send(icmpv6.Echo(9999, 1, kit.Pattern(1400)))
			kit.Alive(lan)
			p.Wait(20 * time.Millisecond)
			all(p, "a reply of 1448 octets comes in fragments", len(lan.Seen(ipv6.Fragment())) > 0, c.cut, c.reqs...)
		})

	neighbours := ndp.Solicit(routerLL)
	local := []string{"RFC4861:5.1-1", "RFC4861:5.1-2", "RFC4861:4.6.2-17", "RFC4861:6.3.4-28", "RFC5942:3-3"}
	var c check.Claims
	for _, req := range local {
		c = c.And(req, mutate.Missing(neighbours))
	}
	check.Grid(suite, "ndp.prefix.link-local", "what a router says of the link-local prefix is ignored", c, []uint32{0, 1}, func(p *probe.P, valid uint32) {
		lan := p.IPv6().LinkLocal()
		lan.Send(ndp.RouterAdvert(ndp.RAOptions.Is(ndp.Prefix{Prefix: netip.MustParsePrefix("fe80::/64"), OnLink: true, Valid: valid}.Option())))
		p.Wait(1100 * time.Millisecond)
		x := nobodyAt(lan, routerLL)
		x.ask()
		p.Wait(50 * time.Millisecond)
		all(p, "a link-local neighbour is asked for", len(x.asked(0)) > 0, true, local...)
	})

	suite.It("ndp.router.reachable", "a router whose link address is known is preferred to one that does not answer",
		check.Proves("RFC4861:6.3.6-1", byOther(3)), func(p *probe.P) {
			lan := p.IPv6()
			lan.As(2).Send(ndp.RouterAdvert(ndp.RALink.None()).With(ipv6.Src.Is(routerLL)))
			wayOf(lan, remote) // it is asked for, and does not answer
			lan.Router().Advertise()
			p.Wait(4 * time.Second)
			all(p, "who forwards", named(wayOf(lan, remote2)), named(lan.MAC()), "RFC4861:6.3.6-1")
		})

	silent := func(p *probe.P, lan *probe.Tester) string {
		for until := p.Now() + 14*time.Second; p.Now() < until; {
			lan.Claiming(remote).Send(icmpv6.Echo(1, 1, nil))
			p.Wait(200 * time.Millisecond)
		}
		return named(wayOf(lan, remote))
	}
	suite.It("ndp.unreachable.router", "a default router that no longer answers gives way to another",
		check.Proves("RFC7048:3-9", byOther(2)).And("RFC4861:6.3.6-2", byOther(2)).Slow(), func(p *probe.P) {
			lan := p.IPv6()
			lan.As(2).Send(ndp.RouterAdvert().With(ipv6.Src.Is(routerLL)))
			wayOf(lan, remote)
			lan.Router().Advertise()
			all(p, "who forwards after 14 s", silent(p, lan), named(lan.MAC()), "RFC7048:3-9", "RFC4861:6.3.6-2")
		})
	suite.It("ndp.unreachable.redirect", "a neighbour that a Redirect named and that does not answer is not used any longer",
		check.Proves("RFC7048:3-7", byOther(2)).And("RFC7048:3-8", byOther(2)).And("RFC7048:3-6", byOther(2)).Slow(), func(p *probe.P) {
			w := routed(p)
			w.way(remote)
			w.lan.Send(ndp.Redirect(routerLL, remote, ndp.RDLink.Is(w.lan.As(2).MAC())))
			all(p, "who forwards after 14 s", silent(p, w.lan), named(w.lan.MAC()), "RFC7048:3-7", "RFC7048:3-8", "RFC7048:3-6")
			p.Observed("RFC7048:3-6", "packets go by the router again")
		})

	suite.It("ndp.router.none-told", "who sends to an address that nothing leads to is told",
		check.Proves("RFC5942:1-5", mutate.Errno(agent.Send, "", "ENETUNREACH", "EHOSTUNREACH")).
			And("RFC4191:3.2-6", mutate.Errno(agent.Send, "", "ENETUNREACH", "EHOSTUNREACH")).
			And("RFC5942:4-8", mutate.Errno(agent.Send, "", "ENETUNREACH", "EHOSTUNREACH")).Needs(target.Agent), func(p *probe.P) {
			err := p.IPv6().UDP(0).SendTo([]byte("x"), netip.AddrPortFrom(remote, 9))
			for _, req := range []string{"RFC5942:1-5", "RFC5942:4-8", "RFC4191:3.2-6"} {
				p.That(req, "what sending says", err, gomega.HaveOccurred())
			}
		})

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
