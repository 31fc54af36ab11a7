package rfc6775

import (
	"fmt"
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

// A step is from one transaction id to another one (RFC 8505, 5.2.1).
type step struct {
	requirement string
	a, b        byte
	newer       bool // b is newer than a; else it is older, or cannot be compared
}

func (s step) String() string {
	if s.newer {
		return fmt.Sprintf("%d then %d, newer", s.a, s.b)
	}
	return fmt.Sprintf("%d then %d, not newer", s.a, s.b)
}

// steps are the edges of the rules. What wraps from 127 to 0 is left out: the increment of rule 2 and the difference of rule
// 3.2.2 say different things about it.
var steps = []step{
	{"RFC8505:5.2.1-4", 240, 0, true}, {"RFC8505:5.2.1-4", 250, 5, true}, {"RFC8505:5.2.1-4", 255, 15, true},
	{"RFC8505:5.2.1-5", 240, 5, false}, {"RFC8505:5.2.1-5", 240, 1, false}, {"RFC8505:5.2.1-5", 128, 127, false},
	{"RFC8505:5.2.1-6", 240, 241, true}, {"RFC8505:5.2.1-6", 241, 240, false}, {"RFC8505:5.2.1-6", 5, 6, true}, {"RFC8505:5.2.1-6", 6, 5, false},
	{"RFC8505:5.2.1-1", 10, 26, true}, {"RFC8505:5.2.1-1", 10, 27, false}, {"RFC8505:5.2.1-1", 140, 156, true}, {"RFC8505:5.2.1-1", 140, 157, false},
	{"RFC8505:5.2.1-7", 10, 100, false}, {"RFC8505:5.2.1-7", 250, 130, false},
	{"RFC8505:5.2.1-8", 100, 10, false}, {"RFC8505:5.2.1-8", 130, 250, false},
}

// seesTID is a target that sees another transaction id in the second registration of a step.
func seesTID(b, as uint) mutate.Mutation {
	return mutate.Misreads(ndp.Solicitation(ndp.NSLifetime.Is(88), ndp.NSTID.Is(b)), ndp.NSTID.Is(as))
}

func init() {
	check.Grid(suite, "nd.ext.tid", "of two registrations the one with the newer transaction id counts, and when that cannot be told, the first",
		check.Proves("RFC8505:5.2.1-4", seesTID(5, 249)).
			And("RFC8505:5.2.1-5", seesTID(1, 241)).
			And("RFC8505:5.2.1-6", seesTID(6, 4)).
			And("RFC8505:5.2.1-1", seesTID(27, 26)).
			And("RFC8505:5.2.1-7", seesTID(100, 11)).
			And("RFC8505:5.2.1-8", seesTID(10, 101)).Needs(router2Needs...),
		steps,
		func(p *probe.P, s step) {
			w := begun2(p)
			a, b := w.host(1), w.lan.As(2)
			addr := a.IP()
			rovr := a.Host().MAC
			w.settles(w.register2(claim2{at: a, addr: addr, option: ndp.EARO{Flags: 3, TID: s.a, Lifetime: 77, ROVR: rovr}}))
			if !w.reaches(addr, a.MAC()) {
				p.Inconclusive("the target passes nothing on to a host that has registered")
			}
			w.settles(w.register2(claim2{at: b, addr: addr, option: ndp.EARO{Flags: 3, TID: s.b, Lifetime: 88, ROVR: rovr}}))
			p.That(s.requirement, "it is where the second registration says", w.reaches(addr, b.MAC()), gomega.Equal(s.newer))
			for _, o := range steps {
				if o.requirement != s.requirement {
					p.Meets(o.requirement)
				}
			}
		})

	type status struct {
		name, requirement string
		want              int
		ns                func(w world, t *probe.Tester) packet.Template
	}
	// Each is a registration after that of host 1, which has registered its link-local and its global address.
	statuses := []status{
		{"older", "RFC8505:4.1-20", ndp.StatusMoved, func(w world, t *probe.Tester) packet.Template {
			return w.register2(claim2{at: t, addr: t.IP(), option: minutes77(240)})
		}},
		{"duplicate", "RFC8505:4.1-18", ndp.StatusDuplicate, func(w world, t *probe.Tester) packet.Template {
			return w.register2(claim2{at: w.lan.As(2), addr: t.IP(), option: minutes77(250)})
		}},
		{"duplicate source", "RFC8505:4.1-19", ndp.StatusDuplicateSource, func(w world, t *probe.Tester) packet.Template {
			return w.register2(claim2{at: w.lan.As(2), from: t.Host().LinkLocal, addr: w.in(0x55), option: minutes77(240)})
		}},
		{"invalid source", "RFC8505:4.1-23", ndp.StatusInvalidSource, func(w world, t *probe.Tester) packet.Template {
			return w.register2(claim2{at: t, from: t.IP(), addr: w.in(0x55), option: minutes77(242)})
		}},
		{"not of the network", "RFC8505:4.1-24", ndp.StatusIncorrect, func(w world, t *probe.Tester) packet.Template {
			return w.register2(claim2{at: t, addr: ipv6.MustAddr("2001:db8:eeee::5"), option: minutes77(242)})
		}},
	}
	names := make([]string, len(statuses))
	for i, s := range statuses {
		names[i] = s.name
	}
	wrong := func(s, as uint) mutate.Mutation {
		return mutate.Field(ndp.Advert(ndp.NAStatus.Is(s)), ndp.NAStatus.Is(as))
	}
	check.Grid(suite, "nd.ext.status", "what is wrong with a registration is told by its status",
		check.Proves("RFC8505:4.1-20", wrong(3, 4)).
			And("RFC8505:4.1-18", wrong(1, 6)).
			And("RFC8505:4.1-19", wrong(6, 1)).
			And("RFC8505:4.1-23", wrong(7, 8)).
			And("RFC8505:4.1-24", wrong(8, 7)).
			And("RFC8505:5.3-6", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Misreads(ndp.Solicitation(ndp.NSTID.Is(250)), ndp.NSEUI64.Is(n.Testers[1].MAC))
			})).Needs(router2Needs...),
		names,
		func(p *probe.P, name string) {
			w := begun2(p)
			t := w.host(1)
			w.settles(w.register2(claim2{at: t, addr: t.Host().LinkLocal, option: minutes77(240)}))
			w.settles(w.register2(claim2{at: t, addr: t.IP(), option: minutes77(241)}))
			for _, s := range statuses {
				if s.name != name {
					p.Meets(s.requirement)
					continue
				}
				na := w.settles(s.ns(w, t))
				p.That(s.requirement, "the status of the answer", statusIn(na), gomega.Equal(s.want))
			}
			p.That("RFC8505:5.3-6", "the address is where it was registered first", w.reaches(t.IP(), t.MAC()), gomega.BeTrue())
		})

	suite.It("nd.ext.router.saturated", "that the border router has no room is passed on to the host",
		check.Proves("RFC8505:4.1-25", mutate.Field(ndp.Advert(ndp.NAStatus.Is(9)), ndp.NAStatus.Is(2))).Needs(router2Needs...),
		func(p *probe.P) {
			w := begun2(p)
			t := w.host(1)
			w.settles(w.register2(claim2{at: t, addr: t.Host().LinkLocal, option: minutes77(240)}))
			at := w.Now() - time.Microsecond
			t.Send(w.register2(claim2{at: t, addr: t.IP(), option: minutes77(241)}))
			dar := w.lan.Expect(ndp.DAR(ndp.DADAddr.Is(t.IP())), probe.For(), probe.Within(soon))
			w.agree(dar, ndp.StatusSaturated)
			p.Wait(500 * time.Millisecond)
			p.That("RFC8505:4.1-25", "the status of the answer", statusIn(last(w.after(anyNA, at))), gomega.Equal(9))
		})

	suite.It("nd.ext.router.full", "when there is no room for another registration its host is told so",
		check.Proves("RFC8505:5.7-1", mutate.Field(ndp.Advert(ndp.NAStatus.Is(2)), ndp.NAStatus.Is(9))).Needs(router2Needs...).
			Configured("CONFIG_CONFORM_6LO_ND_NEIGHBORS=2"),
		func(p *probe.P) {
			w := begun2(p)
			a, b := w.host(1), w.lan.As(2)
			w.settles(w.register2(claim2{at: a, addr: a.Host().LinkLocal, option: minutes77(240)}))
			w.settles(w.register2(claim2{at: a, addr: a.IP(), option: minutes77(241)}))
			na := w.settles(w.register2(claim2{at: b, addr: b.Host().LinkLocal, option: minutes77(240)}))
			p.That("RFC8505:5.7-1", "the status of the answer", statusIn(na), gomega.Equal(2))
		})

	suite.It("nd.ext.router.renewed", "a registration anew is told to the border router",
		check.Proves("RFC8505:5.7-4", mutate.Drops(ndp.DAR(ndp.DADLifetime.Is(77)), 1)).Needs(router2Needs...),
		func(p *probe.P) {
			w := begun2(p)
			t := w.host(1)
			w.settles(w.register2(claim2{at: t, addr: t.IP(), option: minutes77(240)}))
			at := w.Now() - time.Microsecond
			w.settles(w.register2(claim2{at: t, addr: t.IP(), option: minutes77(241)}))
			p.That("RFC8505:5.7-4", "requests with the new transaction id", len(w.after(ndp.DAR(ndp.DADReserved.Is(241)), at)), gomega.BeNumerically(">=", 1))
		})

	suite.It("nd.ext.router.moved", "who is told that an address has moved forgets it, and tells the host",
		check.Proves("RFC8505:5.7-8", mutate.Missing(ndp.Advert(ndp.NAStatus.Is(3)))).
			And("RFC8505:5.7-9", mutate.Ignores(ndp.DAC(ndp.DADStatus.Is(3)))).Needs(router2Needs...),
		func(p *probe.P) {
			w := begun2(p)
			t := w.host(1)
			w.settles(w.register2(claim2{at: t, addr: t.IP(), option: minutes77(240)}))
			if !w.passes(t) {
				p.Inconclusive("the target passes nothing on to a host that has registered")
			}
			at := w.Now() - time.Microsecond
			d := ndp.Duplicate{Code: 1, Status: ndp.StatusMoved, TID: 241, Lifetime: 77, ROVR: t.Host().MAC, Addr: t.IP()}
			w.lan.Send(ndp.DAC(d.Conds()...).With(ipv6.Src.Is(w.border()), ipv6.Dst.Is(w.address())))
			p.Wait(500 * time.Millisecond)
			p.That("RFC8505:5.7-8", "that it has moved, told to the host", len(w.after(ndp.Advert(ndp.NAStatus.Is(3)), at)), gomega.BeNumerically(">=", 1))
			p.That("RFC8505:5.7-9", "a packet for it is passed on", w.passes(t), gomega.BeFalse())
		})

	suite.It("nd.ext.router.ended", "a registration is ended by the newest transaction only, and the border router is told which",
		check.Proves("RFC8505:5.7-10", mutate.Misreads(ndp.Solicitation(ndp.NSLifetime.Is(0), ndp.NSTID.Is(240)), ndp.NSTID.Is(243))).
			And("RFC8505:4.1-15", mutate.Ignores(ndp.Solicitation(ndp.NSLifetime.Is(0), ndp.NSTID.Is(242)))).
			And("RFC8505:5.7-11", mutate.Field(ndp.DAR(ndp.DADLifetime.Is(0)), ndp.DADReserved.Is(241))).Needs(router2Needs...),
		func(p *probe.P) {
			w := begun2(p)
			t := w.host(1)
			w.settles(w.register2(claim2{at: t, addr: t.IP(), option: minutes77(241)}))
			w.settles(w.register2(claim2{at: t, addr: t.IP(), option: ndp.EARO{Flags: 3, TID: 240}}))
			p.That("RFC8505:5.7-10", "a packet for it is passed on after an older one", w.passes(t), gomega.BeTrue())
			at := w.Now() - time.Microsecond
			w.settles(w.register2(claim2{at: t, addr: t.IP(), option: ndp.EARO{Flags: 3, TID: 242}}))
			p.That("RFC8505:4.1-15", "a packet for it is passed on after the newest one", w.passes(t), gomega.BeFalse())
			dar := last(w.after(ndp.DAR(ndp.DADLifetime.Is(0)), at))
			p.That("RFC8505:5.7-11", "a request that ends it", dar != nil, gomega.BeTrue())
			if dar != nil {
				p.Must("RFC8505:5.7-11", dar, ndp.DADReserved.Is(242))
			}
			w.settles(w.register2(claim2{at: t, addr: t.IP(), option: ndp.EARO{Flags: 3, TID: 243, Lifetime: 2}}))
			p.Wait(100 * time.Second)
			p.That("RFC8505:4.1-15", "a packet for it is passed on after 100 s of two minutes", w.passes(t), gomega.BeTrue())
			p.Wait(20 * time.Second)
			p.That("RFC8505:4.1-15", "a packet for it is passed on after two minutes", w.passes(t), gomega.BeFalse())
		})

	bits := func(what string, change func(uint16) uint16) mutate.Mutation {
		return respelled(what, ndp.CIOType, func(o []byte) [][]byte {
			b, _ := ndp.CIOOf(o)
			return [][]byte{ndp.CIO(change(b))}
		})
	}
	suite.It("nd.ext.router.capabilities", "a router that knows RFC 8505 says so, and that its border router does, to who asks",
		check.Proves("RFC8505:6.1-2", respelled("without capabilities", ndp.CIOType, func([]byte) [][]byte { return nil })).
			And("RFC8505:4.3-1", respelled("with capabilities of two units", ndp.CIOType, func(o []byte) [][]byte {
				return [][]byte{ndp.Option(ndp.CIOType, append(o[2:4:4], make([]byte, 12)...)...)}
			})).
			And("RFC8505:4.3-2", bits("without D", func(b uint16) uint16 { return b &^ ndp.CapD })).
			And("RFC8505:4.3-3", bits("as a border router", func(b uint16) uint16 { return b&^ndp.CapL | ndp.CapB })).
			And("RFC8505:4.3-4", bits("without E", func(b uint16) uint16 { return b &^ ndp.CapE })).
			And("RFC8505:9.5-1", bits("with bits elsewhere", func(b uint16) uint16 { return b << 4 })).
			And("RFC8505:6.1-4", respelled("without a border router", ndp.ABROType, func([]byte) [][]byte { return nil })).
			Needs(router2Needs...),
		func(p *probe.P) {
			w := begun2(p)
			at := w.Now() - time.Microsecond
			host := w.lan.As(1)
			host.Send(ndp.RouterSolicit(ndp.RSOptions.Is(ndp.Options(ndp.SourceLink(host.MAC()), ndp.CIO(ndp.CapE|ndp.CapL)))))
			p.Wait(soon)
			ras := w.after(anyRA.With(ipv6.Dst.Is(host.Host().LinkLocal)), at)
			if len(ras) == 0 {
				p.Inconclusive("the target does not answer a router solicitation")
			}
			for _, ra := range ras {
				all := ndp.Find(ra, ndp.CIOType)
				p.That("RFC8505:6.1-2", "options of capabilities", len(all), gomega.Equal(1))
				p.That("RFC8505:6.1-4", "options of a border router", len(ndp.Find(ra, ndp.ABROType)), gomega.Equal(1))
				if len(all) != 1 {
					continue
				}
				p.That("RFC8505:4.3-1", "the length of the option", len(all[0]), gomega.Equal(8))
				b, _ := ndp.CIOOf(append(all[0][:1:1], append([]byte{1}, all[0][2:8]...)...))
				p.That("RFC8505:9.5-1", "bits that are none of the capabilities", b>>6, gomega.BeZero())
				p.That("RFC8505:4.3-2", "the flags D and L", b&(ndp.CapD|ndp.CapL), gomega.Equal(uint16(ndp.CapD|ndp.CapL)))
				p.That("RFC8505:4.3-3", "the flags L and B", b&(ndp.CapB|ndp.CapL), gomega.Equal(uint16(ndp.CapL)))
				p.That("RFC8505:4.3-4", "the flag E", b&ndp.CapE, gomega.Equal(uint16(ndp.CapE)))
			}
		})

	perNode()
}

// perNode are checks of how many addresses a node may have.
func perNode() {
	nth := func(w world, t *probe.Tester, i byte) packet.Template {
		return w.register2(claim2{at: t, addr: w.in(0x80 + i), option: minutes77(240)})
	}
	of := func(n target.Net, i byte) netip.Addr {
		a := n.Prefix6.Addr().As16()
		a[15] = 0x80 + i
		return netip.AddrFrom16(a)
	}
	suite.It("nd.ext.router.ten", "a node may have ten addresses",
		check.Proves("RFC8505:7-5", mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Ignores(ndp.Solicit(of(n, 9))) })).Needs(router2Needs...),
		func(p *probe.P) {
			w := begun2(p)
			t := w.lan.As(1)
			for i := range byte(10) {
				w.settles(nth(w, t, i))
			}
			for i := range byte(10) {
				p.That("RFC8505:7-5", "a packet for one of ten is passed on", w.reaches(w.in(0x80+i), t.MAC()), gomega.BeTrue())
			}
		})

	suite.It("nd.ext.router.few", "when a node has as many addresses as are configured, the one that it registered longest ago gives way to another, but not its last link-local one",
		check.Proves("RFC8505:7-4", mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Ignores(ndp.Solicit(of(n, 3))) })).
			And("RFC8505:7-7", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Misreads(ndp.Solicit(of(n, 2)), ndp.NSTarget.Is(of(n, 1)))
			})).Needs(router2Needs...).Configured("CONFIG_CONFORM_6LO_ND_NEIGHBORS_PER_NODE=3"),
		func(p *probe.P) {
			w := begun2(p)
			t := w.lan.As(1)
			w.settles(w.register2(claim2{at: t, addr: t.Host().LinkLocal, option: minutes77(240)}))
			for i := range byte(4) {
				w.settles(nth(w, t, i))
			}
			kept := 0
			for i := range byte(4) {
				if w.reaches(w.in(0x80+i), t.MAC()) {
					kept++
				}
			}
			p.That("RFC8505:7-4", "a packet for the last one is passed on", w.reaches(w.in(0x83), t.MAC()), gomega.BeTrue())
			p.That("RFC8505:7-7", "addresses that are registered", kept, gomega.Equal(2))
			p.That("RFC8505:7-7", "a packet for the last but one is passed on", w.reaches(w.in(0x82), t.MAC()), gomega.BeTrue())
		})
}
