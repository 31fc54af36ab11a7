package ndp

import (
	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
)

// An oddity is what a message may have and the receiver has to overlook.
type oddity struct {
	name string
	reqs []string
	cond func(t *probe.Tester) packet.Cond
}

func (o oddity) String() string   { return o.name }
func (o oddity) Proves() []string { return o.reqs }

// overlooked claims that messages like m with anything odd are taken notice of. strange says what is odd.
func overlooked(all []oddity, m func(conds ...packet.Cond) packet.Template, usual packet.Field[[]byte], reserved packet.Cond) check.Claims {
	var c check.Claims
	seen := map[string]bool{}
	for _, o := range all {
		for _, req := range o.reqs {
			if seen[req] {
				continue
			}
			seen[req] = true
			strange := reserved
			if o.name[:8] != "reserved" {
				strange = usual.Where("unusual options", func(b []byte) bool { return len(b) > 8 })
			}
			c = c.And(req, mutate.Ignores(m(strange)))
		}
	}
	return c
}

// odd are the oddities of options: unknown ones before and behind the usual one, and known ones that belong elsewhere.
func odd(field packet.Field[[]byte], usual byte, unknown, foreign []string) []oddity {
	own := func(t *probe.Tester) []byte { return ndp.Option(usual, t.MAC()...) }
	list := func(name string, reqs []string, f func(t *probe.Tester) []byte) oddity {
		return oddity{name, reqs, func(t *probe.Tester) packet.Cond { return field.Is(f(t)) }}
	}
	strange := ndp.Option(253, 1, 2, 3, 4, 5, 6)
	all := []oddity{
		list("unknown option behind", unknown, func(t *probe.Tester) []byte { return ndp.Options(own(t), strange) }),
		list("unknown option before", append([]string{"RFC4861:9-3", "RFC4861:9-5"}, unknown...), func(t *probe.Tester) []byte { return ndp.Options(strange, own(t)) }),
		list("unknown option of 64 octets", unknown, func(t *probe.Tester) []byte { return ndp.Options(ndp.Option(254, make([]byte, 62)...), own(t)) }),
	}
	for _, o := range []struct {
		name string
		req  string
		make func(t *probe.Tester) []byte
		not  byte
	}{
		{"source link address", "RFC4861:4.6.1-4", func(t *probe.Tester) []byte { return ndp.SourceLink(t.As(2).MAC()) }, ndp.SourceLinkType},
		{"target link address", "RFC4861:4.6.1-4", func(t *probe.Tester) []byte { return ndp.TargetLink(t.As(2).MAC()) }, ndp.TargetLinkType},
		{"prefix", "RFC4861:4.6.2-18", func(t *probe.Tester) []byte { return ndp.Advertised(t.Net().Prefix6).Option() }, ndp.PrefixType},
		{"redirected header", "RFC4861:4.6.3-5", func(*probe.Tester) []byte { return ndp.Redirected(make([]byte, 48)) }, ndp.RedirectedType},
		{"MTU", "RFC4861:4.6.4-4", func(*probe.Tester) []byte { return ndp.MTU(1280) }, ndp.MTUType},
	} {
		if o.not != usual {
			all = append(all, list("foreign "+o.name, append([]string{o.req}, foreign...), func(t *probe.Tester) []byte { return ndp.Options(o.make(t), own(t)) }))
		}
	}
	return all
}

func reserved(name string, reqs []string, cond packet.Cond) oddity {
	return oddity{"reserved " + name, reqs, func(*probe.Tester) packet.Cond { return cond }}
}

func without(all []oddity, names ...string) (left []oddity) {
	for _, o := range all {
		keep := true
		for _, n := range names {
			keep = keep && o.name != n
		}
		if keep {
			left = append(left, o)
		}
	}
	return left
}

func init() {
	ns := append(odd(ndp.NSOptions, ndp.SourceLinkType, []string{"RFC4861:4.3-12", "RFC4861:7.1.1-9", "RFC4861:9-1"}, []string{"RFC4861:7.1.1-10"}),
		reserved("field", []string{"RFC4861:4.3-7", "RFC4861:7.1.1-9"}, ndp.NSReserved.Is(0xffffffff)))
	check.Grid(suite, "ndp.ns.overlooked", "a solicitation with reserved bits and options of no concern is answered",
		overlooked(ns, ndp.Solicitation, ndp.NSOptions, ndp.NSReserved.Not(0)), ns, func(p *probe.P, o oddity) {
			lan := p.IPv6()
			lan.Ask(ndp.Solicitation(o.cond(lan)), ndp.Advert(), probe.For(o.reqs...))
		})

	na := append(odd(ndp.NAOptions, ndp.TargetLinkType, []string{"RFC4861:4.4-23", "RFC4861:7.1.2-8", "RFC4861:9-1"}, []string{"RFC4861:7.1.2-9"}),
		reserved("bits", []string{"RFC4861:4.4-17", "RFC4861:7.1.2-8"}, ndp.NAReserved.Is(0x1fffffff)))
	check.Grid(suite, "ndp.na.overlooked", "an advertisement with reserved bits and options of no concern resolves the address",
		overlooked(na, ndp.Advert, ndp.NAOptions, ndp.NAReserved.Not(0)).And("RFC4861:9-2", mutate.Misreads(ndp.Advert(), ndp.NALink.None())), func() []oddity {
			all := append([]oddity{}, na...)
			for i := range all {
				all[i].reqs = append([]string{"RFC4861:9-2"}, all[i].reqs...)
			}
			return all
		}(), func(p *probe.P, o oddity) {
			x := nobodyOn(p.IPv6())
			reply := x.echo()
			x.Expect(x.solicits(), probe.For())
			f := x.Ask(ndp.Advert(o.cond(x.Tester)), reply, probe.For(o.reqs...))
			p.Must(o.reqs[0], f, linkTo(x.MAC()))
		})

	ra := append(odd(ndp.RAOptions, ndp.SourceLinkType, []string{"RFC4861:4.2-21", "RFC4861:6.1.2-7", "RFC4861:9-1"}, []string{"RFC4861:6.1.2-8"}),
		reserved("bits", []string{"RFC4861:4.2-11", "RFC4861:6.1.2-7"}, ndp.RAReserved.Is(7)))
	ra = without(ra, "foreign prefix", "foreign MTU")
	check.Grid(suite, "ndp.ra.overlooked", "an advertisement of a router with reserved bits and options of no concern is taken notice of",
		overlooked(ra, ndp.RouterAdvert, ndp.RAOptions, ndp.RAReserved.Not(0)), ra, func(p *probe.P, o oddity) {
			lan := p.IPv6()
			lan.Send(ndp.RouterAdvert(ndp.CurHopLimit.Is(77), o.cond(lan)))
			hops, _ := ipv6.HopLimit.Of(lan.Ping())
			for _, req := range o.reqs {
				p.That(req, "the hop limit that was advertised is used", hops, gomega.Equal(uint(77)))
			}
		})

	rd := append(odd(ndp.RDOptions, ndp.TargetLinkType, []string{"RFC4861:8.1-10", "RFC4861:9-1"}, []string{"RFC4861:8.1-11"}),
		reserved("field", []string{"RFC4861:4.5-6", "RFC4861:8.1-10"}, ndp.RDReserved.Is(0xffffffff)),
		oddity{"redirected header with reserved octets", []string{"RFC4861:4.6.3-3"}, func(t *probe.Tester) packet.Cond {
			quoted := kit.Framed(t, icmpv6.EchoReply(icmpv6.ID.Is(1)).With(ipv6.Src.Is(t.TargetIP()), ipv6.Dst.Is(own(t.Net(), farNet, 1))))
			o := ndp.Redirected(quoted.Bytes[14:])
			copy(o[2:8], []byte{255, 255, 255, 255, 255, 255})
			return ndp.RDOptions.Is(ndp.Options(ndp.TargetLink(t.MAC()), o))
		}})
	rd = without(rd, "foreign redirected header")
	check.Grid(suite, "ndp.redirect.overlooked", "a Redirect with reserved bits and options of no concern changes the way",
		overlooked(rd, func(conds ...packet.Cond) packet.Template { return farther.With(conds...) }, ndp.RDOptions, ndp.RDReserved.Not(0)),
		rd, func(p *probe.P, o oddity) {
			w := routed(p)
			dst := own(w.lan.Net(), farNet, 1)
			w.way(dst)
			// the redirect says that the destination is a neighbour, where the second tester is
			w.lan.Send(ndp.Redirect(dst, dst, ndp.RDLink.Is(w.lan.As(1).MAC())).With(o.cond(w.lan.As(1))))
			by := w.way(dst)
			for _, req := range o.reqs {
				p.That(req, "packets go where the Redirect says", by.String(), gomega.Equal(w.lan.As(1).MAC().String()))
			}
		})
}
