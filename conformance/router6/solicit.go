package router6

import (
	"slices"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// A variant is a solicitation that differs from the usual one: by a fault, or by what is to be overlooked.
type variant struct {
	kit.Aspect
	of func(t *probe.Tester, usual packet.Template) packet.Template
}

func with(name, req string, conds ...packet.Cond) variant {
	return variant{kit.About(name, req), func(_ *probe.Tester, usual packet.Template) packet.Template { return usual.With(conds...) }}
}

var invalid = []variant{
	with("hop limit 254", "RFC4861:6.1.1-2", ipv6.HopLimit.Is(254)),
	with("hop limit 1", "RFC4861:6.1.1-2", ipv6.HopLimit.Is(1)),
	with("checksum", "RFC4861:6.1.1-3", icmpv6.Checksum.Is(0xbad0)),
	with("code 1", "RFC4861:6.1.1-4", icmpv6.Code.Is(1)),
	{kit.About("4 octets", "RFC4861:6.1.1-5"), func(t *probe.Tester, _ packet.Template) packet.Template {
		return ipv6.Header(ipv6.Src.Is(t.Host().LinkLocal), ipv6.Dst.Is(ipv6.AllRouters), ipv6.HopLimit.Is(255)).
			Then(icmpv6.Message(icmpv6.Type.Is(icmpv6.TypeRouterSolicit)))
	}},
	with("option of length 0", "RFC4861:6.1.1-6", ndp.RSOptions.Is(ndp.RawOption(253, 0, 0, 0, 0, 0, 0, 0))),
	{kit.About("from nobody with a link address", "RFC4861:6.1.1-7"), func(t *probe.Tester, usual packet.Template) packet.Template {
		return usual.With(ipv6.Src.Is(ipv6.Unspecified), ndp.RSLink.Is(t.MAC()))
	}},
}

func overlooked() []variant {
	options := func(name, req string, all ...[]byte) variant {
		return variant{kit.About(name, req), func(t *probe.Tester, usual packet.Template) packet.Template {
			return usual.With(ndp.RSOptions.Is(ndp.Options(append(all, ndp.SourceLink(t.MAC()))...)))
		}}
	}
	return []variant{
		with("reserved field", "RFC4861:4.1-6", ndp.RSReserved.Is(0xffffffff)),
		with("reserved field 1", "RFC4861:6.1.1-8", ndp.RSReserved.Is(1)),
		options("unknown option", "RFC4861:4.1-9", ndp.Option(253, 1, 2, 3, 4, 5, 6)),
		options("unknown option of 64 octets", "RFC4861:6.1.1-8", ndp.Option(254, make([]byte, 62)...)),
		options("MTU", "RFC4861:6.1.1-9", ndp.MTU(1280)),
		options("target link address", "RFC4861:6.1.1-9", ndp.TargetLink([]byte{2, 0, 0, 0, 0, 9})),
	}
}

func init() {
	rs := ndp.RouterSolicit()
	suite.It("router6.solicit.answer", "a solicitation is answered within half a second, with all options",
		proves(
			by(mutate.Hushed(rs, advert), "RFC4861:6.2.6-2"),
			by(mutate.Ignores(rs.With(ipv6.Dst.Is(ipv6.AllRouters))), "RFC4861:6.2.2-3"),
			by(mutate.Late(advert, 700*time.Millisecond), "RFC4861:6.2.6-5", "RFC4861:10-5"),
			by(mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.FieldFrom(2, advert, ndp.RAOptions.Is(ndp.SourceLink(n.Target.MAC)))
			}), "RFC4861:6.2.3-12"),
			by(mutate.Field(advert, ipv6.Dst.Is(ipv6.AllRouters)), "RFC4861:4.2-2", "RFC4861:6.2.6-3"),
		).Needs(target.Advertises),
		func(p *probe.P) {
			lan := begun(p)
			asked := p.Now()
			f := lan.Ask(rs, advert, probe.For("RFC4861:6.2.6-2", "RFC4861:6.2.2-3"), probe.Within(2*time.Second))
			for _, req := range []string{"RFC4861:6.2.6-5", "RFC4861:10-5"} {
				p.Between(req, "from the solicitation to the answer", f.At-asked, 0, maxDelay)
			}
			p.Must("RFC4861:6.2.3-12", f, own(p.Net()), ndp.RALink.Is(p.Net().Target.MAC))
			for _, req := range []string{"RFC4861:4.2-2", "RFC4861:6.2.6-3"} {
				p.Must(req, f, ipv6.Dst.In(ipv6.AllNodes, lan.Host().LinkLocal))
			}
			dst, _ := ipv6.Dst.Of(f)
			p.Observed("RFC4861:6.2.6-3", "the answer goes to %s", dst)
		})

	check.Grid(suite, "router6.solicit.source", "a solicitation is answered whoever it is from, with a link address or without",
		proves(
			by(mutate.Ignores(rs.With(ipv6.Src.Is(ipv6.Unspecified))), "RFC4861:6.2.6-2"),
			by(mutate.Ignores(ndp.RouterSolicit(ndp.RSLink.None())), "RFC4861:6.2.6-14"),
		).Needs(target.Advertises),
		[]string{"nobody", "no link address", "global"}, func(p *probe.P, from string) {
			lan := begun(p)
			m := rs
			switch from {
			case "nobody":
				m = ndp.RouterSolicit(ndp.RSLink.None()).With(ipv6.Src.Is(ipv6.Unspecified))
			case "no link address":
				m = ndp.RouterSolicit(ndp.RSLink.None())
			case "global":
				m = m.With(ipv6.Src.Is(lan.IP()))
			}
			lan.Ask(m, advert, probe.For("RFC4861:6.2.6-2", "RFC4861:6.2.6-14"), probe.Within(2*time.Second))
		})

	suite.It("router6.solicit.delay", "the answer is put off by a random part of half a second",
		proves(by(mutate.Punctual(advert, rs, maxDelay), "RFC4861:6.2.6-5")).Needs(target.Advertises).Slow(),
		func(p *probe.P) {
			lan := settled(p)
			var ds []time.Duration
			for range 60 {
				t := p.Now()
				ds = append(ds, lan.Ask(rs, advert, probe.For(), probe.Within(2*time.Second)).At-t)
				p.Wait(minBetween + maxDelay)
			}
			p.Uniform("RFC4861:6.2.6-5", "the delays", ds, 0, maxDelay)
		})

	// A solicitation every 0.7 s for 30 s.
	suite.It("router6.solicit.many", "many solicitations are answered together, advertisements being 3 s apart at least",
		proves(
			by(mutate.Repeat(advert, time.Second), "RFC4861:6.2.6-8", "RFC4861:10-4"),
			by(mutate.Lags(advert, 3, 2*time.Second), "RFC4861:6.2.6-6"),
		).Needs(target.Advertises).Slow(),
		func(p *probe.P) {
			lan := begun(p)
			from := p.Now()
			for range 43 {
				lan.Send(rs)
				p.Wait(700 * time.Millisecond)
			}
			fs := lan.Seen(advert)
			for _, req := range []string{"RFC4861:6.2.6-8", "RFC4861:10-4", "RFC4861:6.2.6-6"} {
				p.That(req, "advertisements in 30 s", len(fs), gomega.BeNumerically(">", 5))
			}
			for _, d := range gaps(fs) {
				for _, req := range []string{"RFC4861:6.2.6-8", "RFC4861:10-4"} {
					p.Between(req, "from one advertisement to the next", d, minBetween, time.Minute)
				}
			}
			// The first solicitation behind an advertisement comes within 0.7 s, and is answered at 3 to 3.5 s.
			for _, d := range gaps(slices.DeleteFunc(fs, func(f *packet.Frame) bool { return f.At < from })) {
				p.Between("RFC4861:6.2.6-6", "from one advertisement to the next", d, 0, minBetween+maxDelay)
			}
		})

	suite.It("router6.solicit.resets", "an answer to all nodes puts off the next advertisement that is due anyway",
		proves(by(mutate.Repeat(advert, 100*time.Second), "RFC4861:6.2.6-4")).Needs(target.Advertises).Slow(),
		func(p *probe.P) {
			const often = 170 * time.Second
			lan := settled(p)
			first := time.Duration(0)
			for range 6 {
				p.Wait(often)
				f := lan.Ask(rs, advert, probe.For(), probe.Within(minBetween+2*maxDelay))
				if to, _ := ipv6.Dst.Of(f); to != ipv6.AllNodes {
					p.Inconclusive("the target answers by unicast")
				}
				if first == 0 {
					first = f.At
				}
			}
			p.Wait(maxInterval + time.Second)
			var fs []*packet.Frame
			for _, f := range lan.Seen(advert) {
				if f.At >= first {
					fs = append(fs, f)
				}
			}
			for _, d := range gaps(fs) { // what was due before would come between two answers
				p.Between("RFC4861:6.2.6-4", "from one advertisement to the next", d, often, maxInterval)
			}
		})

	var faults []claim
	for _, req := range []string{"6.1.1-2", "6.1.1-3", "6.1.1-4", "6.1.1-5", "6.1.1-6", "6.1.1-7"} {
		faults = append(faults, by(mutate.Gullible(), "RFC4861:"+req))
	}
	check.Grid(suite, "router6.solicit.invalid", "an invalid solicitation is discarded", proves(faults...).Needs(target.Advertises), invalid,
		func(p *probe.P, v variant) {
			lan := begun(p)
			lan.Silent(v.of(lan, rs), rs, advert, probe.Delayed(maxDelay), probe.For(v.Requirements...), probe.Within(5*time.Second))
		})

	odd := func(c packet.Cond) mutate.Mutation { return mutate.Ignores(ndp.RouterSolicit(c)) }
	more := odd(ndp.RSOptions.Where("more than a link address", func(b []byte) bool { return len(b) > 8 }))
	check.Grid(suite, "router6.solicit.overlooked", "a solicitation with reserved bits and options of no concern is answered",
		proves(
			by(odd(ndp.RSReserved.Not(0)), "RFC4861:4.1-6", "RFC4861:6.1.1-8"),
			by(more, "RFC4861:4.1-9", "RFC4861:6.1.1-9"),
		).Needs(target.Advertises), overlooked(),
		func(p *probe.P, v variant) {
			lan := begun(p)
			lan.Ask(v.of(lan, rs), advert, probe.For(v.Requirements...), probe.Within(2*time.Second))
		})

	// What the router knows of a neighbour shows by where it sends replies, and when it asks for it.
	learnt := mutate.Misreads(rs, ndp.RSLink.None())
	check.Grid(suite, "router6.solicit.neighbour", "a solicitation tells of its sender where it is, but not that it is reachable",
		proves(
			by(learnt, "RFC4861:6.2.6-13", "RFC4861:6.2.6-11"),
			by(mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Missing(ndp.Solicit(stranger).With(ipv6.Dst.Is(stranger)))
			}), "RFC4861:6.2.6-12"),
		).Slow(),
		[]kit.Aspect{
			kit.About("no entry", "RFC4861:6.2.6-13"),
			kit.About("entry with another address", "RFC4861:6.2.6-11", "RFC4861:6.2.6-12"),
		},
		func(p *probe.P, how kit.Aspect) {
			lan := p.IPv6().LinkLocal()
			x := lan.Claiming(stranger)
			if how.Name != "no entry" {
				other := x.As(1).MAC()
				id := p.Serial()
				x.Send(icmpv6.Echo(id, 1, nil))
				x.Expect(ndp.Solicit(stranger), probe.For())
				x.Send(ndp.Advert(ndp.NALink.Is(other)))
				x.Expect(icmpv6.EchoReply(icmpv6.ID.Is(id)).With(ethernet.Dst.Is(other)), probe.For())
			}
			lan.Forget()
			x.Send(rs.With(ipv6.Src.Is(stranger)))
			kit.Alive(lan)
			id, since := p.Serial(), p.Now()
			x.Send(icmpv6.Echo(id, 1, nil))
			kit.Alive(lan)
			replies := x.Seen(icmpv6.EchoReply(icmpv6.ID.Is(id)))
			p.Wait(6500 * time.Millisecond)
			probes := 0
			for _, f := range x.Seen(ndp.Solicit(stranger).With(ipv6.Dst.Is(stranger))) {
				if f.At > since {
					probes++
				}
			}
			for _, req := range how.Requirements {
				p.That(req, "replies that were sent at once", len(replies), gomega.Equal(1))
				for _, f := range replies {
					p.Must(req, f, linkTo(x.MAC()))
				}
				p.That(req, "unicast solicitations after the use of an entry that is stale", probes, gomega.BeNumerically(">", 0))
			}
		})
}

// stranger is a host that nobody answers for.
var stranger = ipv6.MustAddr("fe80::77")
