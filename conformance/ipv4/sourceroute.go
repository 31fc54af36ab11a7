package ipv4

import (
	"net/netip"
	"slices"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// sourceRoute is one of the two options.
type sourceRoute struct {
	name   string
	kind   byte
	option func(pointer byte, hops ...netip.Addr) []byte
}

func (r sourceRoute) String() string { return r.name }

var (
	loose  = sourceRoute{"loose", ipv4.LooseRouteType, ipv4.LooseRoute}
	strict = sourceRoute{"strict", ipv4.StrictRouteType, ipv4.StrictRoute}
)

// A journey is the way of a datagram from offLink by the gateways recorded.
type journey struct {
	name     string
	recorded func(last netip.Addr) []netip.Addr // last is the gateway on the target's link
	back     func(last netip.Addr) []netip.Addr // the route of the reply behind its first hop, to the source
}

func (j journey) String() string { return j.name }

var (
	far     = netip.MustParseAddr("203.0.113.1")
	farther = netip.MustParseAddr("203.0.113.2")
)

var journeys = []journey{
	{"one-hop", func(last netip.Addr) []netip.Addr { return []netip.Addr{last} },
		func(netip.Addr) []netip.Addr { return []netip.Addr{offLink} }},
	{"three-hops", func(last netip.Addr) []netip.Addr { return []netip.Addr{farther, far, last} },
		func(netip.Addr) []netip.Addr { return []netip.Addr{far, farther, offLink} }},
	{"source-recorded", func(last netip.Addr) []netip.Addr { return []netip.Addr{offLink, far, last} },
		func(netip.Addr) []netip.Addr { return []netip.Addr{far, offLink} }},
}

// used is a route that has been gone to its end.
func used(r sourceRoute, hops []netip.Addr) []byte { return r.option(byte(4+4*len(hops)), hops...) }

func init() {
	for _, r := range []sourceRoute{loose, strict} {
		end := map[string]string{"loose": "RFC791:3.1-LS-3", "strict": "RFC791:3.1-SS-3"}[r.name]
		once := map[string]string{"loose": "RFC791:3.1-LS-10", "strict": "RFC791:3.1-SS-7"}[r.name]
		repliesWith := func(options ...[]byte) mutate.Mutation {
			return mutate.Field(anyReply.With(withOptions), ipv4.Options.Is(join(options...)))
		}
		ignores := mutate.Ignores(anyEcho.With(holds(r.kind)))
		check.Grid(suite, "ipv4.source-route.end["+r.name+"]", "a datagram at the end of its source route is passed up, and the reply goes the way back",
			check.Proves("RFC1122:3.2.1.8c-2", ignores).
				And(end, ignores).
				And("RFC1122:3.2.1.8c-3", repliesWith(r.option(4, far, farther, offLink, offLink))).
				And("RFC1122:3.2.1.8c-4", repliesWith(r.option(4, offLink), r.option(4, offLink))).
				And(once, repliesWith(r.option(4, offLink), r.option(4, offLink))).
				And("RFC1122:3.2.1.8-2", mutate.Field(anyReply, ipv4.Options.Is(nil))).
				And("RFC1122:3.4-3", mutate.Field(anyReply, ipv4.Options.Is(nil))),
			journeys,
			func(p *probe.P, j journey) {
				host := p.IPv4()
				last := host.As(1)
				f := asked(host, kit.Pattern(32), ipv4.Src.Is(offLink), ipv4.Options.Is(used(r, j.recorded(last.IP()))))
				host.SendBytes(f.Bytes)
				reply := host.Expect(f.reply, probe.For("RFC1122:3.2.1.8c-2", end))
				options, _ := ipv4.Options.Of(reply)
				p.Must("RFC1122:3.2.1.8-2", reply, holds(r.kind))
				p.Must("RFC1122:3.4-3", reply, holds(r.kind))
				found := append(ipv4.FindOptions(options, ipv4.LooseRouteType), ipv4.FindOptions(options, ipv4.StrictRouteType)...)
				p.That("RFC1122:3.2.1.8c-4", "source routes in the reply", len(found), gomega.BeNumerically("<=", 1))
				p.That(once, "source routes in the reply", len(found), gomega.BeNumerically("<=", 1))
				p.Must("RFC1122:3.2.1.8c-3", reply, ipv4.Dst.Is(last.IP()))
				if len(found) > 0 {
					p.That("RFC1122:3.2.1.8c-3", "the source route of the reply", found[0], gomega.Equal(r.option(4, j.back(last.IP())...)))
				}
			})
	}

	suite.It("ipv4.source-route.unfinished", "a source route that goes on is refused with Source Route Failed by a host that does not forward it",
		check.Proves("RFC1122:3.3.5-10", mutate.Missing(icmpv4.Unreachable(icmpv4.CodeSourceRoute))),
		func(p *probe.P) {
			host := p.IPv4()
			next := host.As(1).IP()
			host.SendBytes(asked(host, kit.Pattern(32), ipv4.Options.Is(ipv4.LooseRoute(4, next))).Bytes)
			alive(host)
			if len(host.Seen(anyEcho.With(ipv4.Dst.Is(next)))) > 0 {
				p.Observed("RFC1122:3.3.5-10", "the datagram is forwarded to the next hop")
				return
			}
			p.That("RFC1122:3.3.5-10", "Destination Unreachable, source route failed", host.Seen(icmpv4.Unreachable(icmpv4.CodeSourceRoute)), gomega.HaveLen(1))
		})

	suite.It("ipv4.source-route.non-local", "a source route does not lead from one link to another unless that is switched on",
		check.Proves("RFC1122:3.3.5-8", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Forge(anyEcho.With(withOptions), icmpv4.Echo(1, 1, nil))
		})).Needs(target.SecondLink),
		func(p *probe.P) {
			host := p.IPv4()
			other := host.Link(1)
			host.SendBytes(asked(host, kit.Pattern(32), ipv4.Options.Is(ipv4.LooseRoute(4, other.IP()))).Bytes)
			alive(host)
			alive(other)
			p.That("RFC1122:3.3.5-8", "no echo comes out of the target", append(host.Seen(anyEcho), other.Seen(anyEcho)...), gomega.BeEmpty())
		})

	originating()
}

// originating adds the checks of source routes that a user of the target sets. As BSD's sockets have it, the route given
// holds the gateways, and the first of them becomes the destination of the header.
func originating() {
	for _, r := range []sourceRoute{loose, strict} {
		form := map[string][]string{
			"loose":  {"RFC791:3.1-LS-1", "RFC791:3.1-LS-2"},
			"strict": {"RFC791:3.1-SS-1", "RFC791:3.1-SS-2", "RFC791:3.1-SS-5"},
		}[r.name]
		wrong := []mutate.Mutation{
			mutate.Field(toDiscard, ipv4.Options.Is(r.option(4, offLink, offLink))),
			mutate.Field(toDiscard, ipv4.Options.Is(r.option(1, offLink))),
			mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Field(toDiscard, ethernet.Dst.Is(n.Testers[0].MAC))
			}),
		}
		claims := check.Proves("RFC1122:3.2.1.8c-1", mutate.Field(toDiscard, ipv4.Dst.Is(offLink))).
			And("RFC1122:3.2.1.8-1", mutate.Field(toDiscard, ipv4.Options.Is(nil))).
			And("RFC1122:3.4-1", mutate.Field(toDiscard, ipv4.Options.Is(nil)))
		for i, req := range form {
			claims = claims.And(req, wrong[i])
		}
		suite.It("ipv4.source-route.originate["+r.name+"]", "the user sets a source route, which goes to its first gateway",
			claims.Needs(target.Agent),
			func(p *probe.P) {
				host := p.IPv4()
				gateway := host.As(1)
				s := p.UDP(0)
				if err := s.SetOptionOctets("IP_OPTIONS", r.option(4, gateway.IP())); err != nil {
					p.Inconclusive("the target refused the option IP_OPTIONS: %v", err)
				}
				sendTo(p, s, offLink, "by a source route")
				f := host.Expect(toDiscard, probe.For())
				p.Must("RFC1122:3.2.1.8c-1", f, ipv4.Dst.Is(gateway.IP()))
				p.Must("RFC1122:3.2.1.8-1", f, holds(r.kind))
				p.Must("RFC1122:3.4-1", f, holds(r.kind))
				options, _ := ipv4.Options.Of(f)
				if found := ipv4.FindOptions(options, r.kind); len(found) > 0 {
					p.That(form[0], "the option, with the destination at the end of the route", found[0], gomega.Equal(r.option(4, offLink)))
					p.That(form[1], "the pointer", found[0][2], gomega.Equal(byte(4)))
				}
				if i := slices.Index(form, "RFC791:3.1-SS-5"); i >= 0 {
					p.Must(form[i], f, ethernet.Dst.Is(gateway.MAC()))
				}
			})
	}

	// Two options of seven octets: the header ends with two octets behind them.
	unpadded := mutate.Octets(toDiscard.With(withOptions), "with padding that is not zero", func(b []byte) []byte {
		b[14+20+15] = 0x99
		return b
	})
	suite.It("ipv4.option.padding", "options are padded with zeros to a multiple of 4 octets",
		check.Proves("RFC791:3.1-PA-1", unpadded).And("RFC791:3.2-OD-2", unpadded).Needs(target.Agent),
		func(p *probe.P) {
			host := p.IPv4()
			s := p.UDP(0)
			given := join(ipv4.LooseRoute(4, host.As(1).IP()), ipv4.RecordRoute(4, netip.Addr{}))
			if err := s.SetOptionOctets("IP_OPTIONS", given); err != nil {
				p.Inconclusive("the target refused the option IP_OPTIONS: %v", err)
			}
			sendTo(p, s, offLink, "padded")
			options, _ := ipv4.Options.Of(host.Expect(toDiscard, probe.For()))
			for _, req := range []string{"RFC791:3.1-PA-1", "RFC791:3.2-OD-2"} {
				if p.That(req, "octets of options", len(options), gomega.Equal(16)) {
					p.That(req, "the octets behind the options", options[14:], gomega.Equal([]byte{0, 0}))
				}
			}
		})
}
