package ndp

import (
	"time"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
)

func init() {
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
}
