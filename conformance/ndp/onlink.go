package ndp

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

func init() {
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

	suite.It("ndp.router.none-told", "who sends to an address that nothing leads to is told",
		check.Proves("RFC5942:1-5", mutate.Errno(agent.Send, "", "ENETUNREACH", "EHOSTUNREACH")).
			And("RFC4191:3.2-6", mutate.Errno(agent.Send, "", "ENETUNREACH", "EHOSTUNREACH")).
			And("RFC5942:4-8", mutate.Errno(agent.Send, "", "ENETUNREACH", "EHOSTUNREACH")).Needs(target.Agent), func(p *probe.P) {
			err := p.IPv6().UDP(0).SendTo([]byte("x"), netip.AddrPortFrom(remote, 9))
			for _, req := range []string{"RFC5942:1-5", "RFC5942:4-8", "RFC4191:3.2-6"} {
				p.That(req, "what sending says", err, gomega.HaveOccurred())
			}
		})
}
