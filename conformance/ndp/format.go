package ndp

import (
	"github.com/onsi/gomega"

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

// A cond is a condition that may depend on the addresses of the world.
type cond func(n target.Net) packet.Cond

func is(c packet.Cond) cond { return func(target.Net) packet.Cond { return c } }

// A row is a requirement about fields of a message: what a target that violates it sends, and what is right.
type row struct {
	req         string
	wrong, want cond
}

// claims are those of rows about frames like on.
func claims(on func(n target.Net) packet.Template, rows []row) check.Claims {
	var c check.Claims
	for _, r := range rows {
		c = c.And(r.req, mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(on(n), r.wrong(n)) }))
	}
	return c
}

// must asserts them.
func must(p *probe.P, f *packet.Frame, rows []row) {
	for _, r := range rows {
		p.Must(r.req, f, r.want(p.Net()))
	}
}

// wellFormed says that options are whole multiples of 8 octets whose lengths lead from one to the next.
func wellFormed(field packet.Field[[]byte]) packet.Cond {
	return field.Where("of whole options", func(b []byte) bool { _, err := ndp.SplitOptions(b); return err == nil })
}

// oneLink says that there is an option with the link address of the target, 8 octets long.
func oneLink(field packet.Field[[]byte], kind byte) cond {
	return func(n target.Net) packet.Cond {
		return ndp.Has(field, ndp.Option(kind, n.Target.MAC...))
	}
}

// fits says that options leave the message within a link of 1500 octets.
func fits(field packet.Field[[]byte]) packet.Cond {
	return field.Where("within the MTU", func(b []byte) bool { return len(b) <= 1500-40-24 })
}

// optionRows are what every message with a link-address option has to look like (4.6).
func optionRows(field packet.Field[[]byte], kind byte) []row {
	other := byte(ndp.SourceLinkType + ndp.TargetLinkType - kind)
	return []row{
		{"RFC4861:4.6-1", is(field.Is(ndp.RawOption(kind, 6, 2, 0, 0, 0, 0, 1))), is(wellFormed(field))},
		{"RFC4861:4.6-2", is(field.Is(ndp.Options(ndp.Option(kind, 2, 0, 0, 0, 0, 1), []byte{0, 0, 0}))), is(wellFormed(field))},
		{"RFC4861:9-8", is(field.Is(ndp.Options(ndp.Option(kind, 2, 0, 0, 0, 0, 1), []byte{0, 0, 0, 0}))), is(wellFormed(field))},
		{"RFC4861:4.6-4", func(n target.Net) packet.Cond { return field.Is(ndp.Option(other, n.Target.MAC...)) }, oneLink(field, kind)},
		{"RFC4861:4.6.1-1", func(n target.Net) packet.Cond {
			return field.Is(append(ndp.Option(kind, n.Target.MAC...), make([]byte, 8)...))
		}, func(target.Net) packet.Cond {
			return field.Where("with a link address of length 1", func(b []byte) bool {
				all, err := ndp.SplitOptions(b)
				return err == nil && len(ndp.FindOptions(b, kind)) == 1 && len(ndp.FindOptions(b, kind)[0]) == 8 && all != nil
			})
		}},
		{"RFC4861:9-9", is(field.Is(append(ndp.Option(kind, 2, 0, 0, 0, 0, 1), make([]byte, 1600)...))), is(fits(field))},
	}
}

func init() {
	solicitation := append(optionRows(ndp.NSOptions, ndp.SourceLinkType)[:4],
		row{"RFC4861:4.3-1", func(n target.Net) packet.Cond { return ipv6.Src.Is(n.Testers[0].IP6) },
			func(n target.Net) packet.Cond { return ipv6.Src.In(n.Target.IP6, n.Target.LinkLocal) }},
		row{"RFC4861:7.2.2-3", func(n target.Net) packet.Cond { return ipv6.Src.Is(n.Target.LinkLocal) }, func(n target.Net) packet.Cond { return ipv6.Src.Is(n.Target.IP6) }},
		row{"RFC4861:4.3-2", is(ipv6.Dst.Is(ipv6.AllNodes)), func(n target.Net) packet.Cond { return ipv6.Dst.Is(ipv6.SolicitedNode(n.Unused6)) }},
		row{"RFC4861:7.2.2-2", func(n target.Net) packet.Cond { return ipv6.Dst.Is(ipv6.SolicitedNode(n.Target.IP6)) },
			func(n target.Net) packet.Cond { return ipv6.Dst.Is(ipv6.SolicitedNode(n.Unused6)) }},
		row{"RFC4861:4.3-3", func(n target.Net) packet.Cond { return ipv6.Dst.Is(n.Unused6) }, is(multicastDst)},
		row{"RFC4861:4.3-4", is(ipv6.HopLimit.Is(254)), is(ipv6.HopLimit.Is(255))},
		row{"RFC4861:4.3-5", is(icmpv6.Code.Is(1)), is(icmpv6.Code.Is(0))},
		row{"RFC4861:4.3-6", is(ndp.NSReserved.Is(1)), is(ndp.NSReserved.Is(0))},
		row{"RFC4861:4.3-8", func(n target.Net) packet.Cond { return ndp.NSTarget.Is(ipv6.SolicitedNode(n.Unused6)) }, func(n target.Net) packet.Cond { return ndp.NSTarget.Is(n.Unused6) }},
		row{"RFC4861:4.3-10", is(ndp.NSLink.None()), func(n target.Net) packet.Cond { return ndp.NSLink.Is(n.Target.MAC) }},
		row{"RFC4861:7.2.2-5", func(n target.Net) packet.Cond { return ndp.NSOptions.Is(ndp.TargetLink(n.Target.MAC)) }, func(n target.Net) packet.Cond { return ndp.NSLink.Is(n.Target.MAC) }},
		row{"RFC4861:4.6.1-2", func(n target.Net) packet.Cond { return ndp.NSLink.Is(n.Testers[0].MAC) }, func(n target.Net) packet.Cond { return ndp.NSLink.Is(n.Target.MAC) }},
	)
	forUnused := func(n target.Net) packet.Template { return ndp.Solicit(n.Unused6) }
	suite.It("ndp.ns.format", "a neighbour whose link address is not known is asked for by a multicast solicitation as RFC 4861 has it",
		claims(forUnused, solicitation), func(p *probe.P) {
			x := nobodyOn(p.IPv6())
			x.echo()
			must(p, x.Expect(ndp.Solicitation().With(ethernet.Src.Is(x.TargetMAC())), probe.For()), solicitation)
		})

	unicast := append(optionRows(ndp.NSOptions, ndp.SourceLinkType)[4:],
		row{"RFC4861:4.3-11", is(ndp.NSLink.None()), func(n target.Net) packet.Cond { return ndp.NSLink.Is(n.Target.MAC) }},
		row{"RFC4861:7.3.3-11", func(n target.Net) packet.Cond { return ipv6.Dst.Is(ipv6.SolicitedNode(n.Unused6)) }, func(n target.Net) packet.Cond { return ipv6.Dst.Is(n.Unused6) }},
		row{"RFC4861:7.2.2-6", func(n target.Net) packet.Cond { return ndp.NSLink.Is(n.Testers[0].MAC) }, func(n target.Net) packet.Cond { return ndp.NSLink.Is(n.Target.MAC) }},
		row{"RFC4861:4.3-4", is(ipv6.HopLimit.Is(64)), is(ipv6.HopLimit.Is(255))},
		row{"RFC4861:4.3-6", is(ndp.NSReserved.Is(0x80000000)), is(ndp.NSReserved.Is(0))},
	)
	suite.It("ndp.ns.unicast", "a neighbour whose reachability is in doubt is asked by a unicast solicitation",
		claims(func(n target.Net) packet.Template { return forUnused(n).With(ipv6.Dst.Is(n.Unused6)) }, unicast).
			And("RFC4861:7.2.2-7", mutate.Missing(unicastNS)).Slow(), func(p *probe.P) {
			x := nobodyOn(p.IPv6())
			x.doubted()
			f := x.Expect(x.solicits(), probe.For("RFC4861:7.2.2-7"), probe.Within(firstProbe+2*retrans), probe.Because("5 s have passed without confirmation"))
			must(p, f, unicast)
			link, _ := ndp.NSLink.Of(f)
			p.Observed("RFC4861:7.2.2-7", "a unicast solicitation has the link address %v", link)
		})

	answer := append(optionRows(ndp.NAOptions, ndp.TargetLinkType)[:5],
		row{"RFC4861:4.4-1", func(n target.Net) packet.Cond { return ipv6.Src.Is(n.Testers[0].IP6) }, func(n target.Net) packet.Cond { return ipv6.Src.In(n.Target.IP6, n.Target.LinkLocal) }},
		row{"RFC4861:4.4-2", is(ipv6.Dst.Is(ipv6.AllNodes)), func(n target.Net) packet.Cond { return ipv6.Dst.Is(n.Testers[0].IP6) }},
		row{"RFC4861:7.2.4-11", func(n target.Net) packet.Cond { return ipv6.Dst.Is(n.Testers[0].LinkLocal) }, func(n target.Net) packet.Cond { return ipv6.Dst.Is(n.Testers[0].IP6) }},
		row{"RFC4861:4.4-4", is(ipv6.HopLimit.Is(64)), is(ipv6.HopLimit.Is(255))},
		row{"RFC4861:4.4-5", is(icmpv6.Code.Is(1)), is(icmpv6.Code.Is(0))},
		row{"RFC4861:4.4-6", is(ndp.Router.Is(1)), is(ndp.Router.Is(0))},
		row{"RFC4861:7.2.4-5", is(ndp.Router.Is(1)), is(ndp.Router.Is(0))},
		row{"RFC4861:4.4-7", is(ndp.Solicited.Is(0)), is(ndp.Solicited.Is(1))},
		row{"RFC4861:7.2.4-10", is(ndp.Solicited.Is(0)), is(ndp.Solicited.Is(1))},
		row{"RFC4861:4.4-10", is(ndp.Override.Is(0)), is(ndp.Override.Is(1))},
		row{"RFC4861:4.4-14", is(ndp.Override.Is(0)), is(ndp.Override.Is(1))},
		row{"RFC4861:7.2.4-7", is(ndp.Override.Is(0)), is(ndp.Override.Is(1))},
		row{"RFC4861:4.4-16", is(ndp.NAReserved.Is(1)), is(ndp.NAReserved.Is(0))},
		row{"RFC4861:4.4-18", func(n target.Net) packet.Cond { return ndp.NATarget.Is(n.Target.LinkLocal) }, func(n target.Net) packet.Cond { return ndp.NATarget.Is(n.Target.IP6) }},
		row{"RFC4861:4.4-20", is(ndp.NATarget.Is(ipv6.AllNodes)), is(ndp.NATarget.Where("unicast", unicastAddr))},
		row{"RFC4861:4.4-21", is(ndp.NALink.None()), func(n target.Net) packet.Cond { return ndp.NALink.Is(n.Target.MAC) }},
		row{"RFC4861:7.2.4-3", func(n target.Net) packet.Cond { return ndp.NAOptions.Is(ndp.SourceLink(n.Target.MAC)) }, func(n target.Net) packet.Cond { return ndp.NALink.Is(n.Target.MAC) }},
		row{"RFC4861:4.6.1-3", func(n target.Net) packet.Cond { return ndp.NALink.Is(n.Testers[0].MAC) }, func(n target.Net) packet.Cond { return ndp.NALink.Is(n.Target.MAC) }},
	)
	anyAdvert := func(target.Net) packet.Template { return ndp.Advert() }
	suite.It("ndp.na.multicast", "a multicast solicitation for the target's address is answered by an advertisement as RFC 4861 has it",
		claims(anyAdvert, answer).
			And("RFC4861:7.2.4-1", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Field(ndp.Advert(), ndp.NATarget.Is(n.Testers[0].IP6))
			})).
			And("RFC4861:7.2.3-11", mutate.Missing(ndp.Advert())),
		func(p *probe.P) {
			lan := p.IPv6()
			f := lan.Ask(ndp.Solicitation(), ndp.Advert(), probe.For("RFC4861:7.2.3-11"))
			p.Must("RFC4861:7.2.4-1", f, ndp.NATarget.Is(lan.TargetIP()))
			must(p, f, answer)
		})

	unicastAnswer := []row{
		{"RFC4861:4.4-22", is(ndp.NALink.None()), func(n target.Net) packet.Cond { return ndp.NALink.Is(n.Target.MAC) }},
		{"RFC4861:4.4-7", is(ndp.Solicited.Is(0)), is(ndp.Solicited.Is(1))},
		{"RFC4861:7.2.4-5", is(ndp.Router.Is(1)), is(ndp.Router.Is(0))},
	}
	check.Grid(suite, "ndp.na.unicast", "a unicast solicitation is answered, too, with or without a link address in it",
		claims(anyAdvert, unicastAnswer).And("RFC4861:7.2.4-2", mutate.Missing(ndp.Advert())).
			And("RFC4861:7.2.4-6", mutate.Field(ndp.Advert(), ndp.NALink.None(), ndp.Override.Is(1))),
		[]bool{true, false}, func(p *probe.P, link bool) {
			lan := p.IPv6()
			lan.Ping()
			ns := ndp.Solicitation().With(ipv6.Dst.Is(lan.TargetIP()))
			if !link {
				ns = ns.With(ndp.NSLink.None())
			}
			f := lan.Ask(ns, ndp.Advert(), probe.For("RFC4861:7.2.4-2"))
			must(p, f, unicastAnswer)
			at, _ := ndp.NALink.Of(f)
			p.Observed("RFC4861:7.2.4-2", "the answer to a unicast solicitation has the link address %v", at)
			override, _ := ndp.Override.Of(f)
			p.That("RFC4861:7.2.4-6", "O flag without a link address", at == nil && override == 1, gomega.BeFalse())
		})

	toNobody := []row{
		{"RFC4861:4.4-2", func(n target.Net) packet.Cond { return ipv6.Dst.Is(n.Testers[0].IP6) }, is(ipv6.Dst.Is(ipv6.AllNodes))},
		{"RFC4861:7.2.4-9", is(ipv6.Dst.Is(ipv6.AllRouters)), is(ipv6.Dst.Is(ipv6.AllNodes))},
		{"RFC4861:4.4-8", is(ndp.Solicited.Is(1)), is(ndp.Solicited.Is(0))},
		{"RFC4861:7.2.4-8", is(ndp.Solicited.Is(1)), is(ndp.Solicited.Is(0))},
		{"RFC4861:4.4-21", is(ndp.NALink.None()), func(n target.Net) packet.Cond { return ndp.NALink.Is(n.Target.MAC) }},
		{"RFC4861:7.2.4-5", is(ndp.Router.Is(1)), is(ndp.Router.Is(0))},
		{"RFC4861:7.2.4-7", is(ndp.Override.Is(0)), is(ndp.Override.Is(1))},
	}
	suite.It("ndp.na.probe", "a solicitation from the unspecified address is answered to all nodes, not as solicited",
		claims(anyAdvert, toNobody).And("RFC4861:2.3-3", mutate.Field(ndp.Advert(), ipv6.Dst.Is(ipv6.Unspecified))),
		func(p *probe.P) {
			lan := p.IPv6()
			f := lan.Ask(ndp.Probe(lan.TargetIP()), ndp.Advert(), probe.For())
			must(p, f, toNobody)
			p.Must("RFC4861:2.3-3", f, ipv6.Dst.Not(ipv6.Unspecified))
		})

	check.Grid(suite, "ndp.na.scopes", "each address of the target is defended towards sources of each scope",
		check.Proves("RFC4861:7.2.4-1", mutate.Missing(ndp.Advert())).
			And("RFC4861:7.2.1-2", mutate.Ignores(ndp.Solicitation())).
			And("RFC4861:7.2.4-11", mutate.Field(ndp.Advert(), ipv6.Dst.Is(remote))),
		[]string{"global from global", "global from link-local", "link-local from global", "link-local from link-local"},
		func(p *probe.P, pair string) {
			lan := p.IPv6()
			n := p.Net()
			asked, from := n.Target.IP6, n.Testers[0].IP6
			if pair[:4] == "link" {
				asked = n.Target.LinkLocal
			}
			if pair[len(pair)-5:] == "local" {
				from = n.Testers[0].LinkLocal
			}
			f := lan.Ask(ndp.Solicit(asked).With(ipv6.Src.Is(from)), ndp.Advert(ndp.NATarget.Is(asked)), probe.For("RFC4861:7.2.4-1", "RFC4861:7.2.1-2"),
				probe.Because("the solicited-node group of the address is joined"))
			p.Must("RFC4861:7.2.4-11", f, ipv6.Dst.Is(from))
		})
}
