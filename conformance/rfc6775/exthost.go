package rfc6775

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// The checks of a host that knows RFC 8505.
func init() {
	of := func(a netip.Addr) packet.Template { return anyARO.With(ndp.NSTarget.Is(a)) }
	suite.It("nd.ext.host.first", "the first address that is registered is one that needs no proof, and the others are registered from it",
		check.Proves("RFC8505:5.6-7", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Field(of(n.Target.LinkLocal), ndp.NSTarget.Is(ipv6.MustAddr("fe80::9999")))
		})).
			And("RFC8505:5.6-8", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Field(of(euiOf(n.Prefix6, n.Target.MAC)), ipv6.Src.Is(ipv6.MustAddr("fe80::9999")))
			})).Needs(extendedNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.registeredBy(60, knows)
			seen := w.lan.Seen(anyARO)
			p.That("RFC8505:5.6-7", "registrations", len(seen), gomega.BeNumerically(">=", 2))
			if len(seen) == 0 {
				return
			}
			first, _ := ndp.NSTarget.Of(seen[0])
			p.That("RFC8505:5.6-7", "the address that is registered first", first, gomega.Equal(w.lan.Net().Target.LinkLocal))
			own := last(w.lan.Seen(of(w.address())))
			p.That("RFC8505:5.6-8", "a registration of the other", own != nil, gomega.BeTrue())
			if own != nil {
				p.Must("RFC8505:5.6-8", own, ipv6.Src.Is(w.lan.Net().Target.LinkLocal))
			}
		})

	suite.It("nd.ext.host.prefers", "of two routers the one that knows RFC 8505 is registered with",
		check.Proves("RFC8505:5-1", mutate.MisreadsAs(anyRA, "without capabilities", func(f *packet.Frame) [][]byte {
			b, _ := ndp.RAOptions.Of(f)
			return f.Rewrites(ndp.RAOptions.Is(without(b, ndp.CIOType)))
		})).Needs(extendedNeeds...).Configured("CONFIG_CONFORM_6LO_ND_REGISTRARS=1"),
		func(p *probe.P) {
			w := start(p)
			w.solicited()
			second := w.lan.As(1)
			w.lan.Send(w.advertisement(w.lan, 1800))
			second.Send(w.advertisement(second, 1800, knows))
			w.grants(10*time.Second, 60, fine)
			p.That("RFC8505:5-1", "registrations with the one that knows it", len(w.lan.Seen(w.to(1, anyARO))), gomega.BeNumerically(">=", 1))
		})

	suite.It("nd.ext.host.parallel", "a registration with two routers is one transaction",
		check.Proves("RFC8505:5.2-2", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Shifts(of(euiOf(n.Prefix6, n.Target.MAC)).With(ipv6.Dst.Is(n.Testers[1].LinkLocal)), ndp.NSTID, 1)
		})).Needs(extendedNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.two(knows)
			w.grants(20*time.Minute, 8, fine)
			tids := func(i int) (all []uint) {
				for _, ns := range w.lan.Seen(w.to(i, of(w.address()))) {
					tid, _ := ndp.NSTID.Of(ns)
					if len(all) == 0 || all[len(all)-1] != tid {
						all = append(all, tid)
					}
				}
				return all
			}
			a, b := tids(0), tids(1)
			if len(b) == 0 {
				p.Inconclusive("the target registers with one router only")
			}
			p.That("RFC8505:5.2-2", "the transaction ids with the second router", b[len(b)-1], gomega.Equal(a[len(a)-1]))
		})

	suite.It("nd.ext.host.wraps", "the transaction id goes from 255 to 0, and from 127 to 0",
		check.Proves("RFC8505:5.2.1-3", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Field(of(euiOf(n.Prefix6, n.Target.MAC)).With(ndp.NSTID.Is(0)), ndp.NSTID.Is(128))
		})).Needs(extendedNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.advertise(knows)
			var all []byte
			for n := 0; len(all) < 148; n++ {
				if n%50 == 49 {
					w.lan.Send(w.advertisement(w.lan, 1800, knows))
				}
				ns := w.lan.Expect(anyARO, probe.For(), probe.Within(70*time.Second), probe.Because("a registration lasts a minute"))
				e := earoIn(ns)
				if to, _ := ndp.NSTarget.Of(ns); to == w.address() {
					if len(all) > 0 && e.TID != all[len(all)-1] {
						was, want := all[len(all)-1], all[len(all)-1]+1
						if was == 127 || was == 255 {
							want = 0
						}
						if !p.That("RFC8505:5.2.1-3", fmt.Sprintf("the transaction id after %d", was), e.TID, gomega.Equal(want)) {
							return
						}
					}
					all = append(all, e.TID)
				}
				e.Lifetime = 1
				w.answer(w.lan, ns, e.Option())
			}
			p.That("RFC8505:5.2.1-3", "transaction ids", all, gomega.ContainElements(byte(255), byte(0), byte(127)))
		})

	suite.It("nd.ext.host.twins", "of two routers with one link-local address a host deals with one",
		check.Proves("RFC8505:5.6-2", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.FieldFrom(8, anyARO, ieee802154.Dst.Is(n.Testers[1].MAC))
		})).Needs(extendedNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.advertise(knows)
			w.grants(5*time.Second, 8, fine)
			first := w.lan.Host().LinkLocal
			twin := w.lan.As(1)
			with := map[string]int{}
			for range 20 {
				at := w.Now()
				twin.Send(w.advertisement(twin, 1800, knows).With(ipv6.Src.Is(first)))
				w.grants(30*time.Second, 8, fine)
				w.lan.Send(w.advertisement(w.lan, 1800, knows))
				w.grants(30*time.Second, 8, fine)
				for _, ns := range w.after(anyARO, at) {
					dst, _ := ieee802154.Dst.Of(ns)
					with[dst.String()]++
				}
			}
			p.That("RFC8505:5.6-2", "the stations that are registered with, and how often", with, gomega.HaveLen(1))
		})

	suite.It("nd.ext.router.itself", "a router that sees to it itself that it is reached does not ask for that",
		check.Proves("RFC8505:5.1-5", mutate.Field(anyARO, ndp.NSFlags.Is(3))).Needs(router2Needs...),
		func(p *probe.P) {
			w := start(p)
			w.registeredBy(60, knows)
			seen := w.lan.Seen(anyARO)
			p.That("RFC8505:5.1-5", "registrations", len(seen), gomega.BeNumerically(">=", 1))
			for _, ns := range seen {
				flags, _ := ndp.NSFlags.Of(ns)
				p.That("RFC8505:5.1-5", "the R flag", flags&2, gomega.BeZero())
			}
		})

	suite.It("nd.ext.host.saturated", "when the network has no room for an address no other router is asked",
		check.Proves("RFC8505:5.7-3", mutate.Misreads(ndp.Advert(ndp.NAStatus.Is(9)), ndp.NAStatus.Is(2))).Needs(extendedNeeds...).
			Configured("CONFIG_CONFORM_6LO_ND_REGISTRARS=1"),
		func(p *probe.P) {
			w := start(p)
			w.two(knows)
			w.grants(40*time.Second, 60, func(router int, ns *packet.Frame) int {
				to, _ := ndp.NSTarget.Of(ns)
				if to == w.address() {
					return ndp.StatusSaturated
				}
				return 0
			})
			a, b := len(w.lan.Seen(w.to(0, of(w.address())))), len(w.lan.Seen(w.to(1, of(w.address()))))
			p.That("RFC8505:5.7-3", "routers that the address was to be registered with", min(a, 1)+min(b, 1), gomega.Equal(1))
		})

	suite.It("nd.ext.host.moves", "who leaves a router takes its registrations back there, and registers elsewhere in a later transaction",
		check.Proves("RFC8505:5.7-6", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Field(anyARO.With(ipv6.Dst.Is(n.Testers[1].LinkLocal)), ndp.NSTID.Is(240))
		})).Needs(extendedNeeds...).Configured("CONFIG_CONFORM_6LO_ND_REGISTRARS=1"),
		func(p *probe.P) {
			w := start(p)
			w.two(knows)
			w.grants(10*time.Second, 60, fine)
			from, other := 0, 1
			if len(w.lan.Seen(w.to(0, of(w.address())))) == 0 {
				p.Inconclusive("the target did not register with the first router")
			}
			before, _ := ndp.NSTID.Of(last(w.lan.Seen(w.to(from, of(w.address())))))
			at := w.Now()
			w.lan.Send(w.advertisement(w.lan, 0, knows))
			w.grants(10*time.Second, 60, fine)
			p.That("RFC8505:5.7-6", "solicitations that end a registration", len(w.after(w.to(from, anyEnd), at)), gomega.BeNumerically(">=", 1))
			again := last(w.lan.Seen(w.to(other, of(w.address()))))
			p.That("RFC8505:5.7-6", "a registration with the other router", again != nil, gomega.BeTrue())
			if again != nil {
				p.Must("RFC8505:5.7-6", again, ndp.NSTID.Is((before+1)%256))
			}
		})

	suite.It("nd.ext.host.ends", "an address that is given up is taken back from all routers",
		check.Proves("RFC8505:5.7-5", toRouter(0, anyEnd)).
			And("RFC8505:7-10", toRouter(1, anyEnd)).Needs(managed2Needs...),
		func(p *probe.P) {
			w := start(p)
			w.two(knows)
			w.grants(5*time.Second, 60, fine)
			a := manual(w.lan.Net().Prefix6)
			p.AddAddress(netip.PrefixFrom(a, 64))
			w.grants(5*time.Second, 60, fine)
			at := w.Now()
			p.RemoveAddress(a)
			p.Wait(slack)
			end := anyEnd.With(ndp.NSTarget.Is(a))
			p.That("RFC8505:5.7-5", "solicitations to the first router that end its registration", len(w.after(w.to(0, end), at)), gomega.BeNumerically(">=", 1))
			p.That("RFC8505:7-10", "solicitations to the second router that end its registration", len(w.after(w.to(1, end), at)), gomega.BeNumerically(">=", 1))
		})

	suite.It("nd.ext.host.lifetime", "how long a registration is to last is configured",
		check.Proves("RFC8505:7-2", mutate.Field(anyARO, ndp.NSLifetime.Is(60))).Needs(extendedNeeds...).Configured("CONFIG_CONFORM_6LO_ND_LIFETIME=33"),
		func(p *probe.P) {
			w := start(p)
			w.registeredBy(33, knows)
			seen := w.lan.Seen(anyARO)
			p.That("RFC8505:7-2", "registrations", len(seen), gomega.BeNumerically(">=", 1))
			for _, ns := range seen {
				p.Must("RFC8505:7-2", ns, ndp.NSLifetime.Is(33))
			}
		})

	suite.It("nd.ext.host.short", "with a router that knows RFC 6775 only, the identifier is of 64 bits, so that all others could read it",
		check.Proves("RFC8505:4.1-16", mutate.Instead(anyARO, "with an identifier of 128 bits", func(f *packet.Frame) []packet.Cond {
			e := earoIn(f)
			e.ROVR = rovrOf(16)
			return []packet.Cond{ndp.NSARO.Is(e.Option())}
		})).
			And("RFC8505:4.1-2", mutate.Instead(anyARO, "with an identifier of 256 bits", func(f *packet.Frame) []packet.Cond {
				e := earoIn(f)
				e.ROVR = rovrOf(32)
				return []packet.Cond{ndp.NSARO.Is(e.Option())}
			})).Needs(extendedNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.letRegister(60)
			seen := w.lan.Seen(anyARO)
			for _, req := range []string{"RFC8505:4.1-16", "RFC8505:4.1-2"} {
				p.That(req, "registrations", len(seen), gomega.BeNumerically(">=", 1))
				for _, ns := range seen {
					p.That(req, "the octets of the identifier", len(earoIn(ns).ROVR), gomega.Equal(8))
				}
			}
		})
}
