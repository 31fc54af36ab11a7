package ndp

import (
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

// Preferences of RFC 4191, section 2.1.
const (
	medium  = 0
	high    = 1
	unnamed = 2 // reserved
	low     = 3
)

var (
	wide   = netip.MustParsePrefix("2001:db8::/32") // three prefixes with the remote addresses
	longer = netip.MustParsePrefix("2001:db8:ffff::/48")
	longos = netip.MustParsePrefix("2001:db8:ffff::/80")
	all6   = netip.MustParsePrefix("::/0")
)

// route has the i-th tester advertise routes. It is a default router only where conds say so.
func (w world) route(i int, routes []byte, conds ...packet.Cond) {
	w.lan.As(i).Send(w.routes(i, routes, conds...))
}

func (w world) routes(i int, routes []byte, conds ...packet.Cond) packet.Template {
	options := ndp.Options(ndp.SourceLink(w.lan.As(i).MAC()), routes)
	return ndp.RouterAdvert(append([]packet.Cond{ndp.Lifetime.Is(0), ndp.RAOptions.Is(options)}, conds...)...)
}

// by is the name of the i-th tester, as named gives it.
func (w world) by(i int) string { return named(w.lan.As(i).MAC()) }

// telling are the advertisements with an option.
func telling(o []byte) packet.Template { return ndp.RouterAdvert(ndp.Has(ndp.RAOptions, o)) }

// unfit is an option that a host may not take for a route, and one that is right.
type unfit struct {
	name      string
	bad, good []byte
	of        netip.Addr // an address of the prefix
	req       string
}

func (u unfit) String() string { return u.name }

func init() {
	type C = check.Claims
	typeC := func(c C) C { return c.Needs(target.RouteInfo) }

	wideRoute, longRoute := ndp.RouteInfo(wide, medium, 1800), ndp.RouteInfo(longer, low, 1800)
	longest, gone := ndp.RouteInfo(longos, low, 1800), ndp.RouteInfo(longos, low, 0)
	suite.It("ndp.route.longest", "a destination off the link is reached by the router that advertises the longest prefix with it, until that takes it back",
		typeC(check.Proves("RFC4191:2.3-1", mutate.Ignores(telling(wideRoute))).
			And("RFC4191:3.1-5", mutate.Ignores(telling(wideRoute))).
			And("RFC4191:3.2-3", mutate.Ignores(telling(longRoute))).
			And("RFC4191:3.1-3", mutate.Ignores(telling(longest))).
			And("RFC4191:3.1-4", mutate.Ignores(telling(gone)))),
		func(p *probe.P) {
			w := routed(p)
			all(p, "who forwards what no route is about", named(w.way(remote)), w.by(0), "RFC4191:3.2-3")
			w.route(1, wideRoute)
			all(p, "who forwards, of a default router and a /32", named(w.way(remote)), w.by(1), "RFC4191:2.3-1", "RFC4191:3.1-5")
			w.route(2, longRoute)
			all(p, "who forwards, of a /32 and a /48 of low preference", named(w.way(remote)), w.by(2), "RFC4191:3.2-3")
			w.route(1, longest)
			all(p, "who forwards, of a /48 and a /80 by the router of the /32", named(w.way(remote)), w.by(1), "RFC4191:3.1-3")
			w.route(1, gone)
			all(p, "who forwards without the /80", named(w.way(remote)), w.by(2), "RFC4191:3.1-4")
		})

	check.Grid(suite, "ndp.route.preference", "of routers that advertise the same prefix the preferred one is used, and a change of preference counts",
		typeC(check.Proves("RFC4191:2.1-1", mutate.Misreads(ndp.RouterAdvert(ndp.Has(ndp.RAOptions, ndp.RouteInfo(longer, high, 1800))), ndp.RAOptions.Is(ndp.RouteInfo(longer, low, 1800)))).
			And("RFC4191:3.2-4", mutate.Ignores(telling(ndp.RouteInfo(longer, high, 1800)))).
			And("RFC4191:3.1-5", mutate.Ignores(telling(ndp.RouteInfo(longer, low, 1801))))),
		[]int{1, 2}, func(p *probe.P, first int) {
			w := routed(p)
			w.route(first, ndp.RouteInfo(longer, medium, 1800))
			w.route(3-first, ndp.RouteInfo(longer, low, 1800))
			all(p, "who forwards, of medium and low", named(w.way(remote)), w.by(first), "RFC4191:2.1-1", "RFC4191:3.2-4")
			w.route(3-first, ndp.RouteInfo(longer, high, 1800))
			all(p, "who forwards, of medium and high", named(w.way(remote)), w.by(3-first), "RFC4191:2.1-1", "RFC4191:3.2-4")
			w.route(3-first, ndp.RouteInfo(longer, low, 1801))
			all(p, "who forwards, high being low now", named(w.way(remote)), w.by(first), "RFC4191:3.1-5")
		})

	short := ndp.RouteInfo(longer, medium, 2)
	suite.It("ndp.route.lifetime", "a route lasts as many seconds as its router says, and no longer",
		typeC(check.Proves("RFC4191:2.3-7", mutate.Misreads(telling(short), ndp.RAOptions.Is(ndp.RouteInfo(longer, medium, 60))))),
		func(p *probe.P) {
			w := routed(p)
			w.route(1, short)
			p.Wait(1200 * time.Millisecond)
			all(p, "who forwards after 1.2 s of 2", named(w.way(remote)), w.by(1), "RFC4191:2.3-7")
			p.Wait(1800 * time.Millisecond)
			all(p, "who forwards after 3 s of 2", named(w.way(remote)), w.by(0), "RFC4191:2.3-7")
			w.route(1, ndp.RouteInfo(longer, medium, ndp.Infinite))
			all(p, "who forwards for ever", named(w.way(remote)), w.by(1), "RFC4191:2.3-7")
		})

	good := ndp.RouteInfo(longos, medium, 1800)
	cut := func(o []byte, units byte) []byte {
		o = append([]byte(nil), o[:8*units]...)
		o[1] = units
		return o
	}
	// Who takes 80 bits out of 64 takes the rest from the option behind: fd01.
	far := netip.MustParseAddr("2001:db8:ffff:0:fd01::9")
	whole := ndp.RouteInfo(netip.PrefixFrom(far, 80).Masked(), medium, 1800)
	check.Grid(suite, "ndp.route.ignored", "an option that is too short for its prefix, or of the reserved preference, is no route",
		typeC(check.Proves("RFC4191:2.3-2", mutate.Gullible()).And("RFC4191:2.3-3", mutate.Gullible()).And("RFC4191:2.3-5", mutate.Gullible())),
		[]unfit{
			{"80 bits in 8 octets", append(cut(whole, 2), ndp.Option(253)...), whole, far, "RFC4191:2.3-2"},
			{"48 bits in none", cut(ndp.RouteInfo(longer, medium, 1800), 1), good, remote, "RFC4191:2.3-3"},
			{"reserved preference", ndp.RouteInfo(longos, unnamed, 1800), good, remote, "RFC4191:2.3-5"},
		}, func(p *probe.P, u unfit) {
			w := routed(p)
			w.lan.As(1).SendBad(w.routes(1, u.bad), w.routes(1, u.good))
			for _, req := range []string{"RFC4191:2.3-2", "RFC4191:2.3-3", "RFC4191:2.3-5"} {
				if req == u.req {
					all(p, "who forwards, there being no route", named(w.way(u.of)), w.by(0), req)
				} else {
					p.Meets(req)
				}
			}
		})

	behind := ndp.RouteInfo(longos, medium, 1800)
	copy(behind[18:], []byte{1, 2, 3, 4, 5, 6})
	flags := ndp.RouteInfo(longer, medium, 1800)
	flags[3] = 0xe7
	suite.It("ndp.route.reserved", "reserved bits, and bits behind the prefix, do not count",
		typeC(check.Proves("RFC4191:2.3-8", mutate.Ignores(telling(behind))).
			And("RFC4191:2.3-6", mutate.Ignores(telling(flags))).
			And("RFC4191:2.2-5", mutate.Ignores(ndp.RouterAdvert(ndp.RAReserved.Is(7))))),
		func(p *probe.P) {
			w := routed(p)
			w.route(1, flags)
			all(p, "who forwards", named(w.way(remote)), w.by(1), "RFC4191:2.3-6")
			w.route(2, behind)
			all(p, "who forwards", named(w.way(remote)), w.by(2), "RFC4191:2.3-8")
			w.route(0, longest, ndp.RAReserved.Is(7))
			w.route(2, gone)
			all(p, "who forwards", named(w.way(remote)), w.by(0), "RFC4191:2.2-5")
		})

	sees := func(o []byte) mutate.Mutation { // instead of the option
		return mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Misreads(ndp.RouterAdvert(ndp.Preference.Is(high)), ndp.RAOptions.Is(ndp.Options(ndp.SourceLink(n.Testers[1].MAC), o)))
		})
	}
	check.Grid(suite, "ndp.route.all", "an option for all destinations is stronger than the header of the advertisement",
		typeC(check.Proves("RFC4191:3.1-2", sees(nil)).
			And("RFC4191:2.3-4", sees(ndp.RouteInfo(wide, low, 1800))).
			And("RFC4191:3.1-1", mutate.Ignores(ndp.RouterAdvert(ndp.Lifetime.Is(0))))),
		[]byte{1, 2, 3}, func(p *probe.P, units byte) {
			w := routed(p)
			option := make([]byte, 8*int(units))
			copy(option, ndp.RouteInfo(all6, low, 1800))
			option[1] = units
			w.route(1, option, ndp.Lifetime.Is(1800), ndp.Preference.Is(high))
			all(p, "who forwards, of the first router and one whose option makes it a low one", named(w.way(remote)), w.by(0), "RFC4191:3.1-2", "RFC4191:2.3-4")
			w.r.Advertise(ndp.Lifetime.Is(0))
			all(p, "who forwards without the first", named(w.way(remote)), w.by(1), "RFC4191:3.1-1", "RFC4191:3.1-2")
		})

	suite.It("ndp.route.default", "the preferred default router is used; the reserved preference is the medium one",
		typeC(check.Proves("RFC4191:3.1-1", mutate.Misreads(ndp.RouterAdvert(), ndp.Preference.Is(medium))).
			And("RFC4191:3.2-1", mutate.Ignores(ndp.RouterAdvert(ndp.Preference.Is(high)))).
			And("RFC4191:2.2-3", mutate.Misreads(ndp.RouterAdvert(ndp.Preference.Is(unnamed)), ndp.Preference.Is(low)))),
		func(p *probe.P) {
			w := routed(p, ndp.Preference.Is(medium))
			w.advertise(1, ndp.Preference.Is(high))
			all(p, "who forwards, of medium and high", named(w.way(remote)), w.by(1), "RFC4191:3.1-1", "RFC4191:3.2-1")
			w.advertise(1, ndp.Preference.Is(low))
			w.advertise(0, ndp.Preference.Is(medium), ndp.Lifetime.Is(0)) // there may be room for two
			w.advertise(2, ndp.Preference.Is(unnamed))
			all(p, "who forwards, of low and reserved", named(w.way(remote)), w.by(2), "RFC4191:2.2-3", "RFC4191:3.1-1")
		})

	far6 := netip.MustParseAddr("2001:db9::9") // in none of the prefixes
	check.Grid(suite, "ndp.route.header", "an option about some destinations says nothing of the others",
		typeC(check.Proves("RFC4191:3.1-1", mutate.Misreads(ndp.RouterAdvert(ndp.Preference.Is(high)), ndp.Preference.Is(low)))),
		[]string{"low", "none"}, func(p *probe.P, which string) {
			w := routed(p, ndp.Preference.Is(medium))
			option := map[string][]byte{"low": ndp.RouteInfo(longer, low, 1800), "none": ndp.RouteInfo(longer, medium, 0)}[which]
			w.route(1, option, ndp.Lifetime.Is(1800), ndp.Preference.Is(high))
			all(p, "who forwards what the option is not about, of medium and high", named(w.way(far6)), w.by(1), "RFC4191:3.1-1")
		})

	suite.It("ndp.route.redirected", "a route that has come makes redirects of the destinations in it void",
		typeC(check.Proves("RFC4191:3.3-1", mutate.Ignores(telling(longRoute)))),
		func(p *probe.P) {
			w := routed(p)
			w.way(remote)
			w.lan.Send(ndp.Redirect(w.lan.As(2).LinkLocal().IP(), remote, ndp.RDLink.Is(w.lan.As(2).MAC())))
			if got := named(w.way(remote)); got != w.by(2) {
				p.Inconclusive("a redirect has no effect: %s forwards", got)
			}
			w.route(1, longRoute)
			all(p, "who forwards", named(w.way(remote)), w.by(1), "RFC4191:3.3-1")
		})

	deadLL := ipv6.MustAddr("fe80::dead")
	probes := ndp.Solicit(deadLL)
	suite.It("ndp.route.unreachable", "the router of the next best route is used while the best one does not answer, which is asked once a minute",
		typeC(check.Proves("RFC4191:3.2-5", mutate.Missing(icmpv6.EchoReply().With(ipv6.Dst.Is(remote2)))).
			And("RFC4191:3.2-2", mutate.Ignores(telling(ndp.RouteInfo(longer, high, 1801)))).
			And("RFC4191:3.5-1", mutate.Drops(probes, 6)).
			And("RFC4191:3.5-2", mutate.Repeat(probes, 90*time.Second)).
			And("RFC4191:3.5-3", mutate.Repeat(probes, 20*time.Second)).Slow()),
		func(p *probe.P) {
			w := routed(p)
			dead := nobodyAt(w.lan.As(1), deadLL)
			dead.Send(ndp.RouterAdvert(ndp.Lifetime.Is(0), ndp.RAOptions.Is(ndp.Options(ndp.SourceLink(dead.MAC()), ndp.RouteInfo(longer, high, 1801)))).With(ipv6.Src.Is(deadLL)))
			all(p, "who forwards, nothing being known of the router", named(w.way(remote)), w.by(1), "RFC4191:3.2-2")
			used := func(d time.Duration) (by string) {
				for end := p.Now() + d; p.Now() < end; p.Wait(time.Second) {
					by = named(w.way(remote2))
				}
				return by
			}
			used(12 * time.Second)
			all(p, "who forwards, the router not having answered", used(time.Second), w.by(0), "RFC4191:3.2-5")
			used(65 * time.Second) // the series of probes of what is known is over (RFC 7048)
			since := p.Now()
			used(125 * time.Second)
			n := len(since6(w.lan, probes, since))
			p.That("RFC4191:3.5-1", "solicitations of the better router in two minutes", n, gomega.BeNumerically(">", 0))
			p.That("RFC4191:3.5-3", "solicitations of the better router in two minutes", n, gomega.BeNumerically("<=", 3))
			p.Wait(5 * time.Second)
			idle := p.Now()
			p.Wait(125 * time.Second)
			p.That("RFC4191:3.5-2", "solicitations of the better router while there is nothing to send", len(since6(w.lan, probes, idle)), gomega.BeZero())
		})

	suite.It("ndp.route.unreachable-default", "a preferred default router that does not answer is asked once a minute, too",
		typeC(check.Proves("RFC4191:3.5-1", mutate.Drops(probes, 6)).And("RFC4191:3.5-3", mutate.Repeat(probes, 20*time.Second)).Slow()),
		func(p *probe.P) {
			w := routed(p, ndp.Preference.Is(medium))
			dead := nobodyAt(w.lan.As(1), deadLL)
			dead.Send(ndp.RouterAdvert(ndp.Lifetime.Is(1800), ndp.Preference.Is(high), ndp.RAOptions.Is(ndp.SourceLink(dead.MAC()))).With(ipv6.Src.Is(deadLL)))
			using := func(d time.Duration) {
				for end := p.Now() + d; p.Now() < end; p.Wait(time.Second) {
					w.way(remote2)
				}
			}
			using(80 * time.Second) // the series of probes of what is known is over (RFC 7048)
			since := p.Now()
			using(125 * time.Second)
			n := len(since6(w.lan, probes, since))
			p.That("RFC4191:3.5-1", "solicitations of the better router in two minutes", n, gomega.BeNumerically(">", 0))
			p.That("RFC4191:3.5-3", "solicitations of the better router in two minutes", n, gomega.BeNumerically("<=", 3))
		})
}

// since6 are the frames like t since an instant.
func since6(lan *probe.Tester, t packet.Template, since time.Duration) (fs []*packet.Frame) {
	for _, f := range lan.Seen(t) {
		if f.At >= since {
			fs = append(fs, f)
		}
	}
	return fs
}
