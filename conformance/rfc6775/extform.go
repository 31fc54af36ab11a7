package rfc6775

import (
	"net"
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// The checks of hosts that know RFC 8505, with a router that does.
func init() {
	e := []byte(ndp.CIO(ndp.CapE | ndp.CapL))
	byTarget := func(a netip.Addr, conds ...packet.Cond) packet.Template {
		return anyARO.With(append([]packet.Cond{ndp.NSTarget.Is(a)}, conds...)...)
	}
	flags := func(n uint) mutate.Mutation { return mutate.Field(anyARO, ndp.NSFlags.Is(n)) }
	suite.It("nd.extended.form", "a host registers a link-local address first, and from it the others, by the target, with a transaction id",
		check.Proves("RFC8505:5.1-1", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Field(byTarget(euiOf(n.Prefix6, n.Target.MAC)), ndp.NSTarget.Is(n.Testers[0].LinkLocal))
		})).
			And("RFC8505:5.1-3", flags(2)).
			And("RFC8505:5.1-4", flags(1)).
			And("RFC8505:4.1-4", mutate.Field(anyARO, ndp.NSStatus.Is(3))).
			And("RFC8505:4.1-6", mutate.Field(anyARO, ndp.NSReserved1.Is(3))).
			And("RFC8505:4.1-7", flags(0x83)).
			And("RFC8505:4.1-10", flags(0x0b)).
			And("RFC8505:4.1-11", flags(0x01)).
			And("RFC8505:4.1-12", flags(0x02)).
			And("RFC8505:5.2.1-2", mutate.Field(anyARO, ndp.NSTID.Is(5))).
			And("RFC8505:5.5-1", mutate.Field(anyARO, ndp.NSLink.None())).
			And("RFC8505:5.5-2", mutate.Field(anyARO, ndp.NSLink.Is(net.HardwareAddr{2, 0, 0, 0, 0, 0, 0, 99}))).
			And("RFC8505:5.6-1", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Missing(byTarget(n.Target.LinkLocal))
			})).
			And("RFC8505:5.6-4", mutate.Here(func(n target.Net) mutate.Mutation {
				a := euiOf(n.Prefix6, n.Target.MAC)
				return mutate.Field(byTarget(a), ipv6.Src.Is(a))
			})).
			And("RFC8505:5.6-5", mutate.Field(anyARO, ipv6.Src.Is(ipv6.MustAddr("fe80::9999")))).
			And("RFC8505:5.6-6", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Missing(byTarget(n.Target.LinkLocal))
			})).
			And("RFC8505:5.6-11", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Field(anyARO, ipv6.Src.Is(euiOf(n.Prefix6, n.Target.ShortAddr)))
			})).
			And("RFC8505:6-2", mutate.Field(anyARO, ipv6.Src.Is(remote))).
			And("RFC8505:9.1-1", flags(0xc0)).
			Needs(extendedNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.registeredBy(60, e)
			seen := w.lan.Seen(anyARO)
			n := w.lan.Net()
			var firstTarget netip.Addr
			found := false
			for i, ns := range seen {
				to, _ := ndp.NSTarget.Of(ns)
				src, _ := ipv6.Src.Of(ns)
				if i == 0 {
					firstTarget = to
				}
				found = found || to == w.address()
				fl, _ := ndp.NSFlags.Of(ns)
				p.That("RFC8505:5.1-3", "the T flag", fl&1, gomega.Equal(uint(1)))
				p.That("RFC8505:4.1-12", "the T flag", fl&1, gomega.Equal(uint(1)))
				p.That("RFC8505:5.1-4", "the R flag", fl&2, gomega.Equal(uint(2)))
				p.That("RFC8505:4.1-11", "the R flag", fl&2, gomega.Equal(uint(2)))
				p.That("RFC8505:9.1-1", "the flags R and T", fl&3, gomega.Equal(uint(3)))
				p.That("RFC8505:4.1-7", "the reserved bits", fl>>4, gomega.Equal(uint(0)))
				p.That("RFC8505:4.1-10", "the field I", fl>>2&3, gomega.Equal(uint(0)))
				p.Must("RFC8505:4.1-4", ns, ndp.NSStatus.Is(0))
				p.Must("RFC8505:4.1-6", ns, ndp.NSReserved1.Is(0))
				p.Must("RFC8505:5.2.1-2", ns, ndp.NSTID.Where("128 or more", func(v uint) bool { return v >= 128 }))
				p.That("RFC8505:5.5-1", "a source link-layer address", has(ns, ndp.SourceLinkType), gomega.BeTrue())
				p.That("RFC8505:5.5-2", "the source link-layer address", linkIn(ns), gomega.BeElementOf(n.Target.MAC.String(), n.Target.ShortAddr.String()))
				for _, req := range []string{"RFC8505:5.6-4", "RFC8505:5.6-11", "RFC8505:6-2"} {
					p.That(req, "the source is link-local", src.IsLinkLocalUnicast(), gomega.BeTrue())
				}
				p.That("RFC8505:5.6-5", "the source", src, gomega.BeElementOf(n.Target.LinkLocal, target.LinkLocalOf(n.Target.ShortAddr)))
			}
			p.That("RFC8505:5.1-1", "a registration whose target is the address", found, gomega.BeTrue())
			for _, req := range []string{"RFC8505:5.6-1", "RFC8505:5.6-6"} {
				p.That(req, "the first registration is of a link-local address", firstTarget.IsLinkLocalUnicast(), gomega.BeTrue())
			}
		})

	suite.It("nd.extended.compatible", "with a router that does not say that it knows RFC 8505, the source is registered, by an extended option of 64 bits",
		check.Proves("RFC8505:6-1", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Field(anyARO, ipv6.Src.Is(n.Target.LinkLocal))
		})).
			And("RFC8505:6-3", flags(0)).
			And("RFC8505:6.3-1", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Field(anyARO, ipv6.Src.Is(shortLocal(n)))
			})).
			And("RFC8505:6.3-2", flags(2)).
			And("RFC8505:6.3-3", mutate.Field(anyARO, ndp.NSARO.Is(ndp.Option(ndp.AROType, 0, 0, 3, 240, 0, 60, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)))).
			Needs(extendedNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.letRegister(60)
			seen := w.lan.Seen(anyARO)
			global := false
			for _, ns := range seen {
				fl, _ := ndp.NSFlags.Of(ns)
				src, _ := ipv6.Src.Of(ns)
				global = global || src == w.address()
				p.That("RFC8505:6-3", "the T flag", fl&1, gomega.Equal(uint(1)))
				p.That("RFC8505:6.3-2", "the T flag", fl&1, gomega.Equal(uint(1)))
				o := ndp.Find(ns, ndp.AROType)
				p.That("RFC8505:6.3-3", "the length of the option", int(o[0][1]), gomega.Equal(2))
			}
			p.That("RFC8505:6-1", "a registration from the address", global, gomega.BeTrue())
			p.That("RFC8505:6.3-1", "a registration from the address", global, gomega.BeTrue())
		})

	suite.It("nd.extended.tid", "each registration anew has the next transaction id",
		check.Proves("RFC8505:5.2-1", mutate.Field(anyARO, ndp.NSTID.Is(240))).
			And("RFC8505:4.1-14", mutate.Field(anyARO, ndp.NSTID.Is(241))).Needs(extendedNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.registeredBy(8, e)
			for until := w.Now() + 20*time.Minute; w.Now() < until; {
				p.Wait(100 * time.Millisecond)
				w.acceptByTarget(8)
			}
			var tids []uint
			for _, ns := range w.lan.Seen(byTarget(w.address())) {
				tid, _ := ndp.NSTID.Of(ns)
				tids = append(tids, tid)
			}
			for _, req := range []string{"RFC8505:5.2-1", "RFC8505:4.1-14"} {
				p.That(req, "registrations in twenty minutes", len(tids), gomega.BeNumerically(">=", 3))
			}
			for i := 1; i < len(tids); i++ {
				want := (tids[i-1] + 1) % 256
				p.That("RFC8505:5.2-1", "the transaction id", tids[i], gomega.Equal(want))
				p.That("RFC8505:4.1-14", "the transaction id", tids[i], gomega.Equal(want))
			}
		})

	suite.It("nd.extended.rs", "a router solicitation tells of the node's capabilities",
		check.Proves("RFC8505:6.1-1", mutate.Field(anyRS, ndp.RSOptions.Is(ndp.SourceLink(net.HardwareAddr{2, 0, 0, 0, 0, 0, 0, 2})))).
			And("RFC8505:6.1-3", mutate.Field(anyRS, ndp.RSOptions.Is(ndp.Options(ndp.SourceLink(net.HardwareAddr{2, 0, 0, 0, 0, 0, 0, 2}), ndp.CIO(ndp.CapD))))).
			Needs(extendedNeeds...),
		func(p *probe.P) {
			w := start(p)
			rs := w.solicited()
			found := ndp.Find(rs, ndp.CIOType)
			p.That("RFC8505:6.1-1", "a 6CIO", len(found), gomega.Equal(1))
			if len(found) == 1 {
				bits, _ := ndp.CIOOf(found[0])
				p.That("RFC8505:6.1-3", "the D flag", bits&ndp.CapD, gomega.BeZero())
			}
		})
}

// acceptByTarget answers, as RFC 8505 has it, what has come and is not answered yet.
func (w world) acceptByTarget(minutes uint16) {
	for _, ns := range w.lan.Seen(anyARO) {
		if ns.At <= w.Now()-100*time.Millisecond-time.Microsecond {
			continue
		}
		o := ndp.Find(ns, ndp.AROType)
		if len(o) == 0 || len(o[0]) < 16 {
			continue
		}
		b := append([]byte(nil), o[0]...)
		b[6], b[7] = byte(minutes>>8), byte(minutes)
		w.answer(w.lan, ns, b)
	}
}

// registeredBy lets the target register as RFC 8505 has it, with a router that knows it.
func (w world) registeredBy(minutes uint16, more ...[]byte) {
	w.advertise(more...)
	for until := w.Now() + slack; w.Now() < until; {
		w.Wait(100 * time.Millisecond)
		w.acceptByTarget(minutes)
	}
}
