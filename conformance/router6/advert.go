package router6

import (
	"bytes"
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

// prefixes asks that the prefixes of an advertisement are as ok says, of which there are some.
func prefixes(what string, ok func(raw []byte, p ndp.Prefix) bool) packet.Cond {
	return ndp.RAOptions.Where("with prefixes "+what, func(b []byte) bool {
		found := ndp.FindOptions(b, ndp.PrefixType)
		for _, o := range found {
			if p, whole := ndp.PrefixOf(o); !whole || !ok(o, p) {
				return false
			}
		}
		return len(found) > 0
	})
}

// tells is the options of an advertisement of the target with its link address and prefixes.
func tells(n target.Net, options ...[]byte) packet.Cond {
	return ndp.RAOptions.Is(ndp.Options(append([][]byte{ndp.SourceLink(n.Target.MAC)}, options...)...))
}

// of is what the target ought to say of a prefix: the defaults of RFC 4861, section 6.2.1, changed.
func of(n target.Net, change func(p *ndp.Prefix)) []byte {
	p := ndp.Advertised(n.Prefix6)
	change(&p)
	return p.Option()
}

// option is a target that says something else of its prefix.
func option(change func(p *ndp.Prefix)) func(n target.Net) packet.Cond {
	return func(n target.Net) packet.Cond { return tells(n, of(n, change)) }
}

// raw is the same in octets of the option.
func raw(change func(o []byte)) func(n target.Net) packet.Cond {
	return func(n target.Net) packet.Cond {
		o := of(n, func(*ndp.Prefix) {})
		change(o)
		return tells(n, o)
	}
}

func init() {
	linkLocal := ipv6.MustAddr("fe80::")
	rows := []row{
		{"RFC4861:4.2-1", func(n target.Net) packet.Cond { return ipv6.Src.Is(n.Target.IP6) }, func(n target.Net) packet.Cond { return ipv6.Src.Is(n.Target.LinkLocal) }},
		{"RFC4861:2.3-2", func(n target.Net) packet.Cond { return ipv6.Src.Is(n.Target.IP6) }, func(n target.Net) packet.Cond { return ipv6.Src.Is(n.Target.LinkLocal) }},
		{"RFC4861:4.2-2", is(ipv6.Dst.Is(ipv6.AllRouters)), is(ipv6.Dst.Is(ipv6.AllNodes))},
		{"RFC4861:4.2-3", is(ipv6.HopLimit.Is(64)), is(ipv6.HopLimit.Is(255))},
		{"RFC4861:4.2-4", is(icmpv6.Code.Is(1)), is(icmpv6.Code.Is(0))},
		{"RFC4861:4.2-10", is(ndp.RAReserved.Is(1)), is(ndp.RAReserved.Is(0))},
		{"RFC4191:2.2-4", is(ndp.RAReserved.Is(4)), is(ndp.RAReserved.Is(0))},
		{"RFC4191:2.1-2", is(ndp.Preference.Is(2)), is(ndp.Preference.Not(2))},
		{"RFC4191:4-1", is(ndp.Preference.Is(1)), is(ndp.Preference.Is(0))},
		{"RFC4191:4-5", func(n target.Net) packet.Cond {
			return tells(n, of(n, func(*ndp.Prefix) {}), bytes.Repeat(ndp.RouteInfo(n.Prefix6, 0, 1800), 18))
		}, is(ndp.RAOptions.Where("with 17 routes at most", func(b []byte) bool { return len(ndp.FindOptions(b, ndp.RouteInfoType)) <= 17 }))},
		{"RFC4861:6.2.1-8", is(ndp.Managed.Is(1)), is(ndp.Managed.Is(0))},
		{"RFC4861:6.2.1-9", is(ndp.OtherConfig.Is(1)), is(ndp.OtherConfig.Is(0))},
		{"RFC4861:6.2.3-2", is(ndp.Managed.Is(1)), is(ndp.Managed.Is(0))},
		{"RFC4861:6.2.1-11", is(ndp.Reachable.Is(3600001)), is(ndp.Reachable.Where("an hour at most", func(v uint) bool { return v <= 3600000 }))},
		{"RFC4861:6.2.1-12", is(ndp.Reachable.Is(30000)), is(ndp.Reachable.Is(0))},
		{"RFC4861:6.2.3-4", is(ndp.Reachable.Is(1)), is(ndp.Reachable.Is(0))},
		{"RFC4861:6.2.1-13", is(ndp.Retrans.Is(1000)), is(ndp.Retrans.Is(0))},
		{"RFC4861:6.2.3-5", is(ndp.Retrans.Is(1)), is(ndp.Retrans.Is(0))},
		{"RFC4861:6.2.1-14", is(ndp.CurHopLimit.Is(0)), is(ndp.CurHopLimit.Is(64))},
		{"RFC4861:6.2.3-3", is(ndp.CurHopLimit.Is(255)), is(ndp.CurHopLimit.Is(64))},
		{"RFC4861:6.2.1-15", is(ndp.Lifetime.Is(300)), is(ndp.Lifetime.Where("0 or from 600 s", func(v uint) bool { return v == 0 || v >= 600 }))},
		{"RFC4861:6.2.1-16", is(ndp.Lifetime.Is(600)), is(ndp.Lifetime.Is(1800))},
		{"RFC4861:6.2.3-1", is(ndp.Lifetime.Is(0)), is(ndp.Lifetime.Is(1800))},
		{"RFC4861:6.2.3-10", is(ndp.Lifetime.Is(0)), is(ndp.Lifetime.Not(0))},
		{"RFC4861:6.2.3-6", func(n target.Net) packet.Cond { return ndp.RALink.Is(n.Testers[0].MAC) },
			func(n target.Net) packet.Cond { return ndp.RALink.Is(n.Target.MAC) }},
		{"RFC4861:6.2.1-10", func(n target.Net) packet.Cond { return tells(n, of(n, func(*ndp.Prefix) {}), ndp.MTU(1500)) }, is(ndp.Lacks(ndp.RAOptions, ndp.MTUType))},
		{"RFC4861:6.2.3-7", func(n target.Net) packet.Cond { return tells(n, of(n, func(*ndp.Prefix) {}), ndp.MTU(0)) }, is(ndp.Lacks(ndp.RAOptions, ndp.MTUType))},
		{"RFC4861:4.2-20", func(n target.Net) packet.Cond { return tells(n) }, own},
		{"RFC4861:6.2.1-18", func(n target.Net) packet.Cond { return tells(n) }, own},
		{"RFC4861:6.2.3-8", func(n target.Net) packet.Cond { return tells(n) }, own},
		{"RFC4861:4.6.2-16", func(n target.Net) packet.Cond {
			return tells(n, of(n, func(*ndp.Prefix) {}), of(n, func(p *ndp.Prefix) { p.Prefix = ipv6.LinkLocalPrefix }))
		}, is(prefixes("that are no link-local one", func(_ []byte, p ndp.Prefix) bool { return p.Prefix.Addr() != linkLocal }))},
		{"RFC4861:6.2.1-17", func(n target.Net) packet.Cond {
			return tells(n, of(n, func(p *ndp.Prefix) { p.Prefix = ipv6.LinkLocalPrefix }), of(n, func(*ndp.Prefix) {}))
		}, is(prefixes("that are no link-local one", func(_ []byte, p ndp.Prefix) bool { return p.Prefix.Addr() != linkLocal }))},
		{"RFC4861:4.6.2-1", func(n target.Net) packet.Cond {
			return tells(n, append(of(n, func(*ndp.Prefix) {}), make([]byte, 8)...)[:32], ndp.Option(ndp.PrefixType, make([]byte, 22)...))
		}, is(prefixes("of 32 octets", func(o []byte, _ ndp.Prefix) bool { return len(o) == 32 }))},
		{"RFC4861:4.6.2-7", raw(func(o []byte) { o[3] |= 1 }), is(prefixes("with reserved bits 0", func(o []byte, _ ndp.Prefix) bool { return o[3]&0x1f == 0 }))},
		{"RFC4861:4.6.2-12", option(func(p *ndp.Prefix) { p.Reserved2 = 1 }), is(prefixes("with reserved octets 0", func(_ []byte, p ndp.Prefix) bool { return p.Reserved2 == 0 }))},
		{"RFC4861:4.6.2-14", func(n target.Net) packet.Cond {
			return tells(n, of(n, func(p *ndp.Prefix) { p.HostBits = n.Target.IP6 }))
		}, is(prefixes("with 0 behind their length", func(_ []byte, p ndp.Prefix) bool { return p.HostBits == p.Prefix.Addr() }))},
		{"RFC4861:4.6.2-11", option(func(p *ndp.Prefix) { p.Valid, p.Preferred = 100, 200 }), is(prefixes("valid as long as preferred", func(_ []byte, p ndp.Prefix) bool { return p.Valid >= p.Preferred }))},
		{"RFC4861:6.2.1-24", option(func(p *ndp.Prefix) { p.Preferred = p.Valid + 1 }), is(prefixes("valid as long as preferred", func(_ []byte, p ndp.Prefix) bool { return p.Valid >= p.Preferred }))},
		{"RFC4861:6.2.1-19", option(func(p *ndp.Prefix) { p.Valid = ndp.Infinite }), is(prefixes("valid for 30 days", func(_ []byte, p ndp.Prefix) bool { return p.Valid == 2592000 }))},
		{"RFC4861:6.2.1-22", option(func(p *ndp.Prefix) { p.Preferred = p.Valid }), is(prefixes("preferred for 7 days", func(_ []byte, p ndp.Prefix) bool { return p.Preferred == 604800 }))},
		{"RFC4861:6.2.1-21", option(func(p *ndp.Prefix) { p.OnLink = false }), is(prefixes("on the link", func(_ []byte, p ndp.Prefix) bool { return p.OnLink }))},
		{"RFC4861:6.2.1-25", option(func(p *ndp.Prefix) { p.Autonom = false }), is(prefixes("for autoconfiguration", func(_ []byte, p ndp.Prefix) bool { return p.Autonom }))},
		{"RFC4861:6.2.3-9", option(func(p *ndp.Prefix) { p.OnLink, p.Autonom = false, false }), is(prefixes("with both flags", func(_ []byte, p ndp.Prefix) bool { return p.OnLink && p.Autonom }))},
	}
	suite.It("router6.advert.format", "an advertisement is as RFC 4861 has it, with the defaults of a router",
		proves(append(wrongs(advert, rows), by(mutate.Missing(advert), "RFC4861:6.2.2-2"))...).Needs(target.Advertises),
		func(p *probe.P) {
			lan := p.IPv6()
			f := lan.Expect(advert, probe.For("RFC4861:6.2.2-2"), probe.Within(17*time.Second))
			must(p, f, rows)
			p.Observed("RFC4861:6.2.3-6", "the link address is told")
		})

	check.Grid(suite, "router6.advert.link", "each link has advertisements of its own",
		proves(
			by(mutate.Between(func(near, far target.Net) mutate.Mutation {
				return mutate.Field(advert, ndp.RAOptions.Is(ndp.Options(ndp.SourceLink(near.Target.MAC), ndp.Advertised(near.Prefix6).Option(), ndp.Advertised(far.Prefix6).Option())))
			}), "RFC4861:6.2.1-18"),
			by(mutate.Field(advert, ipv6.Src.Is(ipv6.MustAddr("2001:db8:9::9"))), "RFC4861:2.3-2"),
		).Needs(target.Advertises),
		[]int{0, 1}, func(p *probe.P, i int) {
			lan := p.IPv6()
			link := lan
			if i > 0 {
				link = lan.Link(i)
			}
			f := link.Expect(advert, probe.For(), probe.Within(17*time.Second))
			p.Must("RFC4861:2.3-2", f, ipv6.Src.Is(link.Net().Target.LinkLocal))
			p.Must("RFC4861:6.2.1-18", f, own(link.Net()))
		})

	suite.It("router6.advert.intervals", "advertisements come soon at first, and then at intervals drawn evenly between MinRtrAdvInterval and MaxRtrAdvInterval",
		proves(
			by(mutate.Lags(advert, 1, 17*time.Second), "RFC4861:6.2.4-3", "RFC4861:10-1"),
			by(mutate.Drops(advert, 2), "RFC4861:10-2"),
			by(mutate.Repeat(advert, 10*time.Second), "RFC4861:6.2.6-9", "RFC4861:6.2.1-7"),
			by(mutate.Lags(advert, 20, 500*time.Second), "RFC4861:6.2.1-5"),
			by(mutate.Punctual(advert, advert, maxInterval), "RFC4861:6.2.4-2"),
			by(mutate.FieldFrom(2, advert, ndp.RAOptions.Is(nil)), "RFC4861:6.2.3-13"),
		).Needs(target.Advertises).Slow(),
		func(p *probe.P) {
			lan := p.IPv6()
			p.Wait(6 * time.Hour)
			fs := lan.Seen(advert)
			all := gaps(fs)
			if len(all) < 2 {
				for _, req := range []string{"RFC4861:6.2.4-3", "RFC4861:10-1", "RFC4861:10-2"} {
					p.Fail(req, probe.Missing, "three advertisements")
				}
				return
			}
			// With three initial advertisements there are two intervals between them; whether the third is behind them is open.
			for i, d := range all[:2] {
				for _, req := range []string{"RFC4861:6.2.4-3", "RFC4861:10-1", "RFC4861:10-2"} {
					if !p.Between(req, "an interval between the first three", d, minBetween, maxInitialInterval) {
						p.Step("it is interval %d", i+1)
					}
				}
			}
			for _, f := range fs[:3] {
				p.Must("RFC4861:6.2.3-13", f, own(p.Net()), ndp.RALink.Is(p.Net().Target.MAC))
			}
			if len(all) < 40 {
				for _, req := range []string{"RFC4861:6.2.6-9", "RFC4861:6.2.1-7", "RFC4861:6.2.1-5", "RFC4861:6.2.4-2"} {
					p.Fail(req, probe.Value, "more than 40 advertisements in 6 hours, there are %d", len(fs))
				}
				return
			}
			for _, d := range all[3:] {
				for _, req := range []string{"RFC4861:6.2.6-9", "RFC4861:6.2.1-7"} {
					p.Between(req, "an interval", d, minInterval, time.Hour)
				}
				p.Between("RFC4861:6.2.1-5", "an interval", d, 0, maxInterval)
			}
			p.Uniform("RFC4861:6.2.4-2", "the intervals", all[3:], minInterval, maxInterval)
		})

	unasked := mutate.Forge(ndp.RouterSolicit(), advert)
	suite.It("router6.advert.off", "a router that nobody has told to advertise itself does not",
		proves(by(unasked, "RFC4861:6.2.1-3", "RFC4861:6.2.2-1")),
		func(p *probe.P) {
			lan := p.IPv6()
			lan.Send(ndp.RouterSolicit())
			lan.Ping()
			p.Wait(maxDelay + minBetween + 500*time.Millisecond)
			for _, req := range []string{"RFC4861:6.2.1-3", "RFC4861:6.2.2-1"} {
				p.That(req, "advertisements", len(lan.Seen(advert)), gomega.BeZero())
			}
		})
}

// own asks for an advertisement with the prefix of the link, and no other.
func own(n target.Net) packet.Cond {
	return ndp.RAOptions.Where("with the prefix "+n.Prefix6.Masked().String()+" alone", func(b []byte) bool {
		found := ndp.FindOptions(b, ndp.PrefixType)
		if len(found) != 1 {
			return false
		}
		p, ok := ndp.PrefixOf(found[0])
		return ok && p.Prefix == n.Prefix6.Masked()
	})
}
