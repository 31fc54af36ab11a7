package ndp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

func init() {
	rs := ndp.RouterSolicit()
	rows := []row{
		{"RFC4861:4.1-1", func(n target.Net) packet.Cond { return ipv6.Src.Is(n.Testers[0].LinkLocal) },
			func(n target.Net) packet.Cond { return ipv6.Src.In(n.Target.LinkLocal, ipv6.Unspecified) }},
		{"RFC4861:4.1-2", is(ipv6.Dst.Is(ipv6.AllNodes)), is(ipv6.Dst.Is(ipv6.AllRouters))},
		{"RFC4861:2.3-1", is(ipv6.Dst.Is(ipv6.AllNodes)), is(ipv6.Dst.Is(ipv6.AllRouters))},
		{"RFC4861:6.3.7-4", is(ipv6.Dst.Is(ipv6.AllNodes)), is(ipv6.Dst.Is(ipv6.AllRouters))},
		{"RFC4861:4.1-3", is(ipv6.HopLimit.Is(1)), is(ipv6.HopLimit.Is(255))},
		{"RFC4861:4.1-4", is(icmpv6.Code.Is(1)), is(icmpv6.Code.Is(0))},
		{"RFC4861:4.1-5", is(ndp.RSReserved.Is(1)), is(ndp.RSReserved.Is(0))},
	}
	suite.It("ndp.rs.format", "a host asks for routers as it starts, as RFC 4861 has it",
		claims(func(target.Net) packet.Template { return rs }, rows).
			And("RFC4861:4.1-7", mutate.Field(rs, ipv6.Src.Is(ipv6.Unspecified))).
			And("RFC4861:4.1-8", mutate.Field(rs, ndp.RSLink.None())).
			And("RFC4861:6.3.7-5", mutate.Field(rs, ndp.RSLink.None())).
			And("RFC4861:6.3.7-3", mutate.Missing(rs)).
			And("RFC4861:6.3.7-8", mutate.Missing(rs)).
			And("RFC4861:6.3.7-6", mutate.Late(rs, 2*time.Second)).
			And("RFC4861:10-6", mutate.Late(rs, 1200*time.Millisecond)).Needs(target.SLAAC),
		func(p *probe.P) {
			lan := p.IPv6()
			f := lan.Expect(rs.With(), probe.For("RFC4861:6.3.7-3", "RFC4861:6.3.7-8"), probe.Within(5*time.Second))
			must(p, f, rows)
			src, _ := ipv6.Src.Of(f)
			link, _ := ndp.RSLink.Of(f)
			p.That("RFC4861:4.1-7", "a link address from the unspecified one", src.IsUnspecified() && link != nil, gomega.BeFalse())
			for _, req := range []string{"RFC4861:4.1-8", "RFC4861:6.3.7-5"} {
				p.That(req, "from an address without a link address", !src.IsUnspecified() && link == nil, gomega.BeFalse())
			}
			for _, req := range []string{"RFC4861:6.3.7-6", "RFC4861:10-6"} {
				p.Between(req, "from the start to the first solicitation", f.At, 0, 1100*time.Millisecond)
			}
			p.Observed("RFC4861:6.3.7-8", "the first came after %v", f.At)
		})

	suite.It("ndp.rs.series", "without an answer it asks three times at least, 4 s apart, and with one no more",
		check.Proves("RFC4861:6.3.7-1", mutate.Drops(rs, 2)).And("RFC4861:10-8", mutate.Drops(rs, 1)).
			And("RFC4861:6.3.7-2", mutate.Repeat(rs, time.Second)).And("RFC4861:10-7", mutate.Repeat(rs, 2*time.Second)).
			And("RFC4861:6.3.7-10", mutate.Ignores(ndp.RouterAdvert())).
			And("RFC4861:6.3.7-13", mutate.Ignores(ndp.RouterAdvert())).Needs(target.SLAAC).Slow(),
		func(p *probe.P) {
			lan := p.IPv6()
			p.Wait(16 * time.Second)
			fs := lan.Seen(rs)
			for _, req := range []string{"RFC4861:6.3.7-1", "RFC4861:10-8"} {
				p.That(req, "solicitations without an answer in 16 s", len(fs), gomega.BeNumerically(">=", 3))
			}
			p.Meets("RFC4861:6.3.7-2")
			p.Meets("RFC4861:10-7")
			gaps := series(fs)
			for i := 1; i < len(gaps); i++ { // RFC 7559, 2.1 lets 4 s be 3.6 s
				p.Between("RFC4861:6.3.7-2", "from one to the next", gaps[i]-gaps[i-1], 3600*time.Millisecond, time.Hour)
				p.Between("RFC4861:10-7", "from one to the next", gaps[i]-gaps[i-1], 3600*time.Millisecond, time.Hour)
			}
			lan.Send(ndp.RouterAdvert(ndp.CurHopLimit.Is(77)))
			p.Wait(100 * time.Millisecond)
			since := p.Now()
			p.Wait(60 * time.Second)
			after := 0
			for _, f := range lan.Seen(rs) {
				if f.At > since {
					after++
				}
			}
			p.That("RFC4861:6.3.7-10", "solicitations after a router has answered", after, gomega.BeZero())
			hops, _ := ipv6.HopLimit.Of(lan.LinkLocal().Ping())
			p.That("RFC4861:6.3.7-13", "the hop limit that was advertised is used", hops, gomega.Equal(uint(77)))
		})
}
