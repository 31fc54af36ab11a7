package ndp

import (
	"net"
	"net/netip"
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

func named(mac net.HardwareAddr) string {
	if mac == nil {
		return "nobody"
	}
	return mac.String()
}

// all asserts one value for several requirements.
func all(p *probe.P, what string, got, want any, reqs ...string) {
	for _, req := range reqs {
		p.That(req, what, got, gomega.Equal(want))
	}
}

// byOther is a target that sends what leaves the link to another host than the router.
func byOther(i int) mutate.Mutation {
	return mutate.Here(func(n target.Net) mutate.Mutation {
		return mutate.Field(ipv6.Header(ipv6.Dst.Where("beyond any router", far)), linkTo(n.Testers[i].MAC))
	})
}

func init() {
	ra := ndp.RouterAdvert
	suite.It("ndp.router.hop-limit", "the hop limit that was advertised last is used; 0 says nothing",
		check.Proves("RFC4861:4.2-5", mutate.Misreads(ra(), ndp.CurHopLimit.Is(0))).
			And("RFC4861:6.3.4-11", mutate.Ignores(ra())).
			And("RFC4861:6.3.4-2", mutate.Ignores(ra(ndp.CurHopLimit.Is(33)))).
			And("RFC4861:6.3.4-3", mutate.Misreads(ra(ndp.CurHopLimit.Is(0)), ndp.CurHopLimit.Is(1))).
			And("RFC4861:6.3.4-4", mutate.Misreads(ra(ndp.CurHopLimit.Is(0)), ndp.CurHopLimit.Is(64))).
			And("RFC4861:4.2-14", mutate.Ignores(ra(ndp.Lifetime.Is(0)))),
		func(p *probe.P) {
			lan := p.IPv6()
			for _, c := range []struct {
				hops, want uint
				reqs       []string
			}{
				{77, 77, []string{"RFC4861:4.2-5", "RFC4861:6.3.4-11"}},
				{0, 77, []string{"RFC4861:6.3.4-3", "RFC4861:6.3.4-4"}},
				{33, 33, []string{"RFC4861:6.3.4-2"}},
			} {
				lan.Send(ra(ndp.CurHopLimit.Is(c.hops)))
				hops, _ := ipv6.HopLimit.Of(lan.Ping())
				all(p, "the hop limit", hops, c.want, c.reqs...)
			}
			lan.As(1).Send(ra(ndp.CurHopLimit.Is(44), ndp.Lifetime.Is(0)))
			hops, _ := ipv6.HopLimit.Of(lan.Ping())
			all(p, "the hop limit that one says who is no default router", hops, uint(44), "RFC4861:4.2-14")
		})

	suite.It("ndp.router.retrans", "the retransmission timer that was advertised is used; 0 says nothing",
		check.Proves("RFC4861:6.3.4-15", mutate.Ignores(ra(ndp.Retrans.Is(400)))).
			And("RFC4861:4.2-16", mutate.Misreads(ra(ndp.Retrans.Is(400)), ndp.Retrans.Is(800))).
			And("RFC4861:6.3.4-3", mutate.Misreads(ra(ndp.Retrans.Is(0)), ndp.Retrans.Is(1000))),
		func(p *probe.P) {
			lan := p.IPv6()
			lan.Send(ra(ndp.Retrans.Is(400)))
			lan.Send(ra(ndp.Retrans.Is(0)))
			x := nobodyOn(lan)
			x.echo()
			p.Wait(3 * time.Second)
			fs := x.asked(0)
			if len(fs) < 2 {
				p.Inconclusive("there are %d solicitations", len(fs))
			}
			for _, req := range []string{"RFC4861:6.3.4-15", "RFC4861:4.2-16", "RFC4861:6.3.4-3"} {
				p.Between(req, "from one solicitation to the next", fs[1].At-fs[0].At, 400*time.Millisecond, 440*time.Millisecond)
			}
		})

	suite.It("ndp.router.list", "a router is used as long as its lifetime says, and no longer",
		check.Proves("RFC4861:6.3.4-5", mutate.Ignores(ra(ndp.Lifetime.Not(0)))).
			And("RFC4861:5.2-3", byOther(2)).
			And("RFC4861:6.3.4-27", byOther(2)).
			And("RFC5942:1-4", byOther(3)).
			And("RFC4861:6.3.4-6", mutate.Ignores(ra(ndp.Lifetime.Is(3)))).
			And("RFC4861:6.3.5-3", mutate.Misreads(ra(ndp.Lifetime.Is(3)), ndp.Lifetime.Is(1800))).
			And("RFC4861:5.3-2", mutate.Ignores(ra(ndp.Lifetime.Is(3)))).
			And("RFC4861:6.3.4-7", mutate.Ignores(ra(ndp.Lifetime.Is(0)))).
			And("RFC4861:4.2-13", mutate.Misreads(ra(ndp.Lifetime.Is(0)), ndp.Lifetime.Is(60))).
			And("RFC4861:4.2-12", mutate.Ignores(ra(ndp.Lifetime.Is(65535)))).Slow(),
		func(p *probe.P) {
			w := routed(p, ndp.Lifetime.Is(2))
			router := named(w.lan.MAC())
			all(p, "who forwards", named(w.way(remote)), router, "RFC4861:6.3.4-5", "RFC4861:5.2-3", "RFC4861:6.3.4-27", "RFC5942:1-4")
			w.r.Advertise(ndp.Lifetime.Is(3))
			p.Wait(2500 * time.Millisecond)
			all(p, "who forwards, the lifetime being longer now", named(w.way(remote)), router, "RFC4861:6.3.4-6", "RFC4861:5.3-2")
			p.Wait(1500 * time.Millisecond)
			all(p, "who forwards after the lifetime", named(w.way(remote)), "nobody", "RFC4861:6.3.5-3")
			w.r.Advertise(ndp.Lifetime.Is(65535))
			all(p, "who forwards", named(w.way(remote)), router, "RFC4861:4.2-12")
			w.r.Advertise(ndp.Lifetime.Is(0))
			all(p, "who forwards, the router being none any more", named(w.way(remote)), "nobody", "RFC4861:6.3.4-7", "RFC4861:4.2-13")
		})

	suite.It("ndp.router.several", "several routers are known, and one that goes gives way to another",
		check.Proves("RFC4861:6.3.4-9", mutate.DeafAfter(1, ra(ndp.Lifetime.Not(0)), ra(ndp.Lifetime.Not(0)))).
			And("RFC4861:5.3-3", mutate.DeafAfter(1, ra(ndp.Lifetime.Not(0)), ra(ndp.Lifetime.Not(0)))).
			And("RFC4861:6.3.4-10", mutate.DeafAfter(2, ra(ndp.Lifetime.Not(0)), ra(ndp.Lifetime.Not(0)))).
			And("RFC4861:6.3.4-8", mutate.Ignores(ra())).
			And("RFC4861:6.3.4-1", mutate.DeafAfter(1, ra(ndp.Lifetime.Not(0)), ra(ndp.Lifetime.Not(0)))).
			And("RFC4861:6.3.5-4", mutate.Ignores(ra(ndp.Lifetime.Is(0)))).
			And("RFC4861:5.3-5", mutate.Ignores(ra(ndp.Lifetime.Is(0)))),
		func(p *probe.P) {
			w := routed(p)
			w.advertise(1)
			w.advertise(2)
			gone := map[string]bool{}
			var seen []string
			for range 3 {
				by := named(w.way(remote))
				seen = append(seen, by)
				for i := range 3 {
					if mac := w.lan.As(i).MAC().String(); mac == by {
						w.advertise(i, ndp.Lifetime.Is(0))
						gone[by] = true
					}
				}
			}
			for _, req := range []string{"RFC4861:6.3.4-9", "RFC4861:5.3-3", "RFC4861:6.3.4-1", "RFC4861:6.3.5-4", "RFC4861:5.3-5"} {
				p.That(req, "routers that were used, each until it was gone", len(gone), gomega.BeNumerically(">=", 2))
			}
			p.That("RFC4861:6.3.4-10", "routers that were used", len(gone), gomega.BeNumerically(">", 2))
			p.That("RFC4861:6.3.4-8", "routers that were used", len(gone), gomega.BeNumerically(">", 0))
			p.Observed("RFC4861:6.3.4-8", "by turns %v", seen)
		})

	turned := func(n target.Net) packet.Template { return ndp.Advert(ndp.NATarget.Is(n.Testers[0].LinkLocal)) }
	deaf := mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Ignores(turned(n)) })
	asRouter := mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Misreads(turned(n), ndp.Router.Is(1)) })
	suite.It("ndp.router.turned-host", "a router that says that it is one no more is not used any longer",
		check.Proves("RFC4861:7.2.5-14", asRouter).
			And("RFC4861:7.2.5-15", asRouter).And("RFC4861:7.2.5-16", deaf).And("RFC4861:7.3.3-18", asRouter).And("RFC4861:7.3.3-19", deaf).
			And("RFC4861:7.3.3-20", asRouter).And("RFC4861:D-3", asRouter).And("RFC4861:6.3.4-17", mutate.Ignores(ra())),
		func(p *probe.P) {
			w := routed(p)
			w.advertise(1)
			w.way(remote)
			all(p, "who forwards is a router", w.way(remote) != nil, true, "RFC4861:6.3.4-17")
			w.lan.Send(ndp.Unsolicited(w.lan.Host().LinkLocal, ndp.Router.Is(0), ndp.Override.Is(1)).With(ipv6.Src.Is(w.lan.Host().LinkLocal)))
			all(p, "who forwards, the first being a host now", named(w.way(remote)), named(w.lan.As(1).MAC()),
				"RFC4861:7.2.5-14", "RFC4861:7.2.5-15", "RFC4861:7.2.5-16", "RFC4861:7.3.3-18", "RFC4861:7.3.3-19", "RFC4861:7.3.3-20", "RFC4861:D-3")
		})

	guess := mutate.Forge(ipv6.Header(ipv6.Src.Is(remote)).Then(icmpv6.EchoRequest()), ndp.Solicit(remote))
	suite.It("ndp.router.none", "without a router nothing that is not said to be on the link is sent or asked for",
		check.Proves("RFC5942:4-6", guess).And("RFC5942:4-7", guess).And("RFC5942:1-3", guess).And("RFC5942:1-1", guess).And("RFC5942:3-6", guess).
			And("RFC5942:3-1", guess).And("RFC5942:4-2", guess).And("RFC5942:3-9", guess).And("RFC5942:3-8", guess).And("RFC5942:3-10", guess).And("RFC5942:6-1", guess).And("RFC4861:2.1-4", guess),
		func(p *probe.P) {
			lan := p.IPv6()
			x := nobodyAt(lan, remote)
			lan.Ping()
			p.Forget()
			x.Send(ndp.Unsolicited(remote))
			x.Send(ndp.Solicit(lan.UnusedIP()).With(ipv6.Dst.Is(ipv6.SolicitedNode(lan.TargetIP()))))
			f := x.ask()
			p.Wait(1200 * time.Millisecond)
			all(p, "solicitations and replies", len(x.asked(0))+len(x.Seen(ipv6.Header(ipv6.Dst.Is(remote)).Then(anyReply))), 0,
				"RFC5942:4-6", "RFC5942:4-7", "RFC5942:1-3", "RFC5942:1-1", "RFC5942:3-6", "RFC5942:3-1", "RFC5942:4-2", "RFC5942:3-9", "RFC5942:3-8", "RFC5942:3-10", "RFC5942:6-1", "RFC4861:2.1-4")
			_ = f
		})

	onLink := netip.MustParsePrefix("2001:db8:abcd::/64")
	toHost := ndp.Solicitation(ndp.NSTarget.Where("in the prefix", onLink.Contains))
	prefix := func(valid uint32) ndp.Prefix {
		return ndp.Prefix{Prefix: onLink, OnLink: true, Valid: valid, Preferred: valid}
	}
	off := prefix(600)
	off.OnLink = false
	odd := prefix(600)
	odd.Reserved1, odd.Reserved2, odd.HostBits = 0x1f, 0xffffffff, ipv6.MustAddr("2001:db8:abcd::ff:ff")
	auto := off
	auto.Autonom = true
	wide := prefix(600)
	wide.Prefix = netip.MustParsePrefix("2001:db8:abc0::/44")
	narrow := prefix(600)
	narrow.Prefix = netip.PrefixFrom(onLink.Addr(), 128) // that of the host itself
	forever := prefix(ndp.Infinite)
	cases := []prefixCase{
		{"L", []ndp.Prefix{prefix(600)}, 0, true, []string{"RFC4861:6.3.4-24", "RFC4861:6.3.4-29", "RFC4861:2.1-1", "RFC4861:4.6.2-3", "RFC4861:5.2-1", "RFC5942:1-2", "RFC5942:3-2"}},
		{"L, for ever", []ndp.Prefix{forever}, 10 * time.Second, true, []string{"RFC4861:4.6.2-9"}},
		{"L, reserved bits", []ndp.Prefix{odd}, 0, true, []string{"RFC4861:4.6.2-8", "RFC4861:4.6.2-13", "RFC4861:4.6.2-15"}},
		{"L, /44", []ndp.Prefix{wide}, 0, true, []string{"RFC4861:6.3.4-34", "RFC4861:4.6.2-2"}},
		{"L, /128", []ndp.Prefix{narrow}, 0, true, []string{"RFC4861:6.3.4-34", "RFC4861:4.6.2-2"}},
		{"L behind another", []ndp.Prefix{auto, prefix(600)}, 0, true, []string{"RFC4861:9-6"}},
		{"L, then not L", []ndp.Prefix{prefix(600), off}, 0, true, []string{"RFC4861:4.6.2-4", "RFC4861:4.6.2-5", "RFC4861:6.3.4-25", "RFC4861:6.3.4-26"}},
		{"L for 1 s, covered by another", []ndp.Prefix{prefix(1), wide}, 2 * time.Second, true, []string{"RFC5942:4-5"}},
		{"L for 1 s, then 600 s", []ndp.Prefix{prefix(1), prefix(600)}, 2 * time.Second, true, []string{"RFC4861:6.3.4-30"}},
		{"L for 1 s", []ndp.Prefix{prefix(1)}, 2 * time.Second, false, []string{"RFC4861:6.3.5-1", "RFC5942:4-3", "RFC5942:4-4", "RFC4861:6.3.4-33"}},
		{"L, then 0 s", []ndp.Prefix{prefix(600), prefix(0)}, 0, false, []string{"RFC4861:6.3.4-31"}},
		{"L for 0 s", []ndp.Prefix{prefix(0)}, 0, false, []string{"RFC4861:6.3.4-32"}},
		{"not L", []ndp.Prefix{off}, 0, false, []string{"RFC4861:6.3.4-27"}},
		{"A, not L", []ndp.Prefix{auto}, 0, false, []string{"RFC5942:4-1"}},
	}
	var c check.Claims
	done := map[string]bool{}
	for _, k := range cases {
		for _, req := range k.reqs {
			if done[req] {
				continue
			}
			done[req] = true
			if k.on {
				c = c.And(req, mutate.Missing(toHost))
			} else {
				c = c.And(req, mutate.Here(func(n target.Net) mutate.Mutation {
					host := own(n, onLink, 0x77)
					return mutate.Forge(ipv6.Header(ipv6.Src.Is(host)).Then(icmpv6.EchoRequest()), ndp.Solicit(host))
				}))
			}
		}
	}
	check.Grid(suite, "ndp.prefix", "what a router says of a prefix decides whether its addresses are asked for or sent by the router", c, cases,
		func(p *probe.P, k prefixCase) {
			w := routed(p)
			host := own(w.lan.Net(), onLink, 0x77)
			for _, x := range k.say {
				if x.Prefix.IsSingleIP() {
					x.Prefix = netip.PrefixFrom(host, 128)
				}
				w.r.Advertise(w.r.Prefixes(x))
			}
			p.Wait(k.wait + 10*time.Millisecond)
			x := nobodyAt(w.lan, host)
			x.ask()
			p.Wait(50 * time.Millisecond)
			all(p, "the address is asked for on the link", len(x.asked(0)) > 0, k.on, k.reqs...)
		})
}

// A prefixCase is what is said of prefixes, one after another, and whether an address is on the link some time later.
type prefixCase struct {
	name string
	say  []ndp.Prefix
	wait time.Duration
	on   bool
	reqs []string
}

func (c prefixCase) String() string   { return c.name }
func (c prefixCase) Proves() []string { return c.reqs }
