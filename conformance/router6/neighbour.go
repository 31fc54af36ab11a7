package router6

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

func init() {
	check.Grid(suite, "router6.neighbour.answer", "a router answers for its addresses on each link, the link-local one as well, as a router",
		proves(
			by(mutate.Field(ndp.Advert(), ndp.Router.Is(0)), "RFC4861:7.2.4-4"),
			by(mutate.Missing(ndp.Advert()), "RFC4861:2.3-2"),
		),
		[]string{"near link-local", "near global", "far link-local", "far global"},
		func(p *probe.P, which string) {
			lan := p.IPv6()
			if which[:3] == "far" {
				lan = lan.Link(1)
			}
			own := lan.Net().Target.IP6
			if which[len(which)-5:] == "local" {
				own = lan.Net().Target.LinkLocal
			}
			f := lan.Ask(ndp.Solicit(own), ndp.Advert(ndp.NATarget.Is(own)), probe.For("RFC4861:2.3-2"))
			p.Must("RFC4861:7.2.4-4", f, ndp.Router.Is(1))
		})

	advertised := ndp.Advert()
	suite.It("router6.neighbour.anycast", "a router answers for its anycast address in a random part of a second, and would not override another one",
		proves(
			by(mutate.Missing(advertised), "RFC4861:7.2.7-1"),
			by(mutate.Punctual(advertised, ndp.Solicitation(), time.Second), "RFC4861:7.2.7-2"),
			by(mutate.Field(advertised, ndp.Override.Is(1)), "RFC4861:7.2.7-3"),
		).Slow(),
		func(p *probe.P) {
			lan := p.IPv6()
			a := lan.Net().Prefix6.Masked().Addr() // the Subnet-Router anycast address (RFC 4291, 2.6.1)
			var ds []time.Duration
			for range 60 {
				t := p.Now()
				f := lan.Ask(ndp.Solicit(a), ndp.Advert(ndp.NATarget.Is(a)), probe.For("RFC4861:7.2.7-1"), probe.Within(2*time.Second))
				p.Must("RFC4861:7.2.7-3", f, ndp.Override.Is(0))
				ds = append(ds, f.At-t)
			}
			p.Uniform("RFC4861:7.2.7-2", "the delays", ds, 0, time.Second)
		})

	series := mutate.Here(func(n target.Net) mutate.Mutation {
		return mutate.Lags(ndp.Solicit(n.Unused6), 1, 500*time.Millisecond)
	})
	suite.It("router6.neighbour.retrans", "a router asks for a neighbour a RetransTimer apart, as a host does",
		proves(by(series, "RFC4861:6.2.1-26")),
		func(p *probe.P) {
			lan := p.IPv6()
			x := lan.Claiming(lan.UnusedIP())
			x.Send(icmpv6.Echo(1, 1, nil))
			p.Wait(3500 * time.Millisecond)
			fs := lan.Seen(ndp.Solicit(lan.UnusedIP()).With(ipv6.Dst.Where("multicast", group)))
			p.That("RFC4861:6.2.1-26", "solicitations for a neighbour that does not answer", len(fs), gomega.Equal(3))
			for _, d := range gaps(fs) {
				p.Between("RFC4861:6.2.1-26", "from one to the next", d, time.Second, 1040*time.Millisecond)
			}
		})
}
