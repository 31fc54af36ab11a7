package rfc6775

import (
	"net"
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// stranger is an EUI-64 that no tester has.
var stranger = net.HardwareAddr{2, 7, 7, 7, 7, 7, 7, 7}

// frames are those of a template, from the i-th tester to the target of a network.
func frames(n target.Net, i int, t packet.Template) [][]byte {
	env := packet.Of(n)
	env.Local, env.Network = n.Testers[i], ipv6.Proto
	return t.Frames(env)
}

// registration is a solicitation by which the i-th tester registers its address, with a link address and an EUI-64.
func registration(n target.Net, i int, link, eui net.HardwareAddr, minutes uint16) packet.Template {
	return ndp.Solicitation(ndp.NSTarget.Is(n.Target.LinkLocal), ndp.NSOptions.Is(ndp.Options(ndp.SourceLink(link), ndp.ARO(0, minutes, eui)))).
		With(ipv6.Dst.Is(n.Target.LinkLocal), ipv6.Src.Is(euiOf(n.Prefix6, n.Testers[i].MAC)))
}

// asRegistration is a target that takes frames like when for a registration of the second tester, at the link address of
// the tester that at is.
func asRegistration(when packet.Template, at int) mutate.Mutation {
	return mutate.Here(func(n target.Net) mutate.Mutation {
		return mutate.MisreadsAs(when, "as a registration", func(*packet.Frame) [][]byte {
			return frames(n, 1, registration(n, 1, n.Testers[at].MAC, n.Testers[1].MAC, 60))
		})
	})
}

// crowd is one of many link-local addresses.
func crowd(i byte) netip.Addr { return netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 8: 6, 15: i}) }

// whose is a solicitation that registers something for an EUI-64.
func whose(eui net.HardwareAddr) packet.Template { return ndp.Solicitation(ndp.NSEUI64.Is(eui)) }

func init() {
	suite.It("nd.cache.duplicate", "an address that is registered stays whose it is: another EUI-64 is refused, the same one is accepted once more",
		check.Proves("RFC6775:6.5.1-1", mutate.FieldFrom(1, anyNA.With(ndp.NALifetime.Is(77)), ndp.NAStatus.Is(1))).
			And("RFC6775:6.5.1-2", mutate.Missing(ndp.Advert(ndp.NAEUI64.Is(stranger)))).
			And("RFC6775:6.5.1-3", mutate.Hushed(whose(stranger), toHost())).
			And("RFC6775:8.2-3", mutate.Misreads(whose(stranger), ndp.NSLifetime.Is(0), ndp.NSEUI64.Is(net.HardwareAddr{2, 0, 0, 0, 0, 0, 0, 3}))).
			Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			t := w.host(1)
			w.taken(t, 77)
			at := w.Now() - time.Microsecond
			t.Send(w.register(t, 77))
			p.Wait(time.Second)
			again := w.after(anyNA, at)
			p.That("RFC6775:6.5.1-1", "answers to the same EUI-64", len(again), gomega.BeNumerically(">=", 1))
			for _, na := range again {
				p.Must("RFC6775:6.5.1-1", na, ndp.NAStatus.Is(0))
			}
			at = w.Now() - time.Microsecond
			other := w.lan.As(2)
			other.Send(w.register(t, 77, ndp.NSOptions.Is(ndp.Options(ndp.SourceLink(other.MAC()), ndp.ARO(0, 78, stranger)))))
			p.Wait(time.Second)
			refused := w.after(ndp.Advert(ndp.NAEUI64.Is(stranger)), at)
			for _, req := range []string{"RFC6775:6.5.1-2", "RFC6775:8.2-3"} {
				p.That(req, "answers to the other EUI-64", len(refused), gomega.BeNumerically(">=", 1))
				for _, na := range refused {
					p.Must(req, na, ndp.NAStatus.Is(1), unicast)
				}
			}
			p.That("RFC6775:6.5.1-3", "a packet for the first is passed on to it", w.passes(t), gomega.BeTrue())
		})

	suite.It("nd.cache.tentative", "while the border router is asked about an address it is nobody's: another EUI-64 is ignored, and nothing is passed on",
		check.Proves("RFC6775:8.2-4", mutate.Forge(whose(stranger), ndp.Advert(ndp.NAStatus.Is(1)))).
			And("RFC6775:8.2-5", mutate.Misreads(ndp.Solicitation(ndp.NSLifetime.Is(77)), ndp.NSLink.Is(net.HardwareAddr{2, 0, 0, 0, 0, 0, 0, 99}))).
			And("RFC6775:6.5.4-1", mutate.Here(func(n target.Net) mutate.Mutation {
				dac := ndp.DAC(ndp.DADStatus.Is(0), ndp.DADAddr.Is(euiOf(n.Prefix6, n.Testers[1].MAC)), ndp.DADEUI64.Is(n.Testers[1].MAC), ndp.DADLifetime.Is(77))
				return mutate.MisreadsAs(whose(stranger), "as the border router's consent", func(*packet.Frame) [][]byte {
					return frames(n, 0, dac.With(ipv6.Src.Is(euiOf(n.Prefix6, net.HardwareAddr{2, 9, 9, 9, 9, 9, 9, 9})), ipv6.Dst.Is(euiOf(n.Prefix6, n.Target.MAC))))
				})
			})).
			And("RFC6775:3.5-1", mutate.Misreads(ndp.DAC(ndp.DADStatus.Is(0)), ndp.DADStatus.Is(1))).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			t := w.host(1)
			dar := w.asked(t, 77)
			at := w.Now() - time.Microsecond
			other := w.lan.As(2)
			other.Send(w.register(t, 77, ndp.NSOptions.Is(ndp.Options(ndp.SourceLink(other.MAC()), ndp.ARO(0, 78, stranger)))))
			p.Wait(300 * time.Millisecond)
			p.That("RFC6775:8.2-4", "answers to the other EUI-64", len(w.after(ndp.Advert(ndp.NAStatus.Not(0)), at)), gomega.BeZero())
			p.That("RFC6775:6.5.4-1", "a packet for the address is passed on", w.passes(t), gomega.BeFalse())
			w.lan.Send(w.confirmation(dar, 0))
			p.Wait(300 * time.Millisecond)
			for _, req := range []string{"RFC6775:8.2-5", "RFC6775:3.5-1"} {
				p.That(req, "a packet for the address is passed on to where it was registered from", w.passes(t), gomega.BeTrue())
			}
		})

	suite.It("nd.cache.solicitation", "a router solicitation registers nothing, and moves nothing",
		check.Proves("RFC6775:6.3-4", asRegistration(anyRS, 2)).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			t := w.host(1)
			w.taken(t, 77)
			w.lan.As(2).Send(ndp.RouterSolicit(ndp.RSLink.Is(w.lan.As(2).MAC())).With(ipv6.Src.Is(t.IP())))
			p.Wait(soon)
			p.That("RFC6775:6.3-4", "a packet for a host that has registered is passed on to where it was registered from", w.passes(t), gomega.BeTrue())
		})

	suite.It("nd.cache.lasting", "a registration is no cache entry: it outlasts silence of its host, and many others that say who they are",
		check.Proves("RFC6775:6-1", mutate.Hushed(ndp.RouterSolicit().With(ipv6.Src.Is(crowd(39))), toHost())).
			And("RFC6775:6-2", mutate.Drops(toHost(), 1)).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			t := w.host(1)
			w.taken(t, 600)
			for i := range byte(40) {
				w.lan.As(2).Send(ndp.RouterSolicit().With(ipv6.Src.Is(crowd(i))))
				p.Wait(100 * time.Millisecond)
			}
			first := w.passes(t) // which the host does not confirm
			p.That("RFC6775:6-1", "a packet for the host is passed on", first, gomega.BeTrue())
			p.Wait(time.Minute)
			p.That("RFC6775:6-2", "a packet for the host is passed on after it did not answer", w.passes(t), gomega.BeTrue())
		})

	suite.It("nd.cache.stale", "a registration that is renewed is in doubt until it is used",
		check.Proves("RFC6775:6-3", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Drops(ndp.Solicit(euiOf(n.Prefix6, n.Testers[1].MAC), ndp.NSARO.None()).With(unicast), 1)
		})).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			t := w.host(1)
			w.taken(t, 600)
			w.passes(t)
			probes := ndp.Solicit(t.IP(), ndp.NSARO.None()).With(unicast)
			ns := w.lan.Expect(probes, probe.For(), probe.Within(10*time.Second), probe.Because("the host's address is doubted"))
			src, _ := ipv6.Src.Of(ns)
			t.Send(ndp.Advert(ndp.NATarget.Is(t.IP()), ndp.Solicited.Is(1), ndp.NALink.None()).With(ipv6.Dst.Is(src), ipv6.Src.Is(t.IP())))
			p.Wait(time.Second)
			at := w.Now() - time.Microsecond
			t.Send(w.register(t, 600))
			p.Wait(time.Second)
			w.passes(t)
			p.Wait(9 * time.Second)
			p.That("RFC6775:6-3", "solicitations for the host, to see whether it is there", len(w.after(probes, at)), gomega.BeNumerically(">=", 1))
		})

	suite.It("nd.cache.full", "when there is no room for another address its host is told so, at the address of its EUI-64",
		check.Proves("RFC6775:6.5.3-2", mutate.Field(ndp.Advert(ndp.NAStatus.Is(2)), ndp.NAStatus.Is(0))).Needs(routerNeeds...).
			Configured("CONFIG_CONFORM_6LO_ND_NEIGHBORS=1"),
		func(p *probe.P) {
			w := begun(p)
			w.taken(w.host(1), 77)
			t := w.host(2)
			at := w.Now() - time.Microsecond
			t.Send(w.register(t, 77))
			p.Wait(time.Second)
			nas := w.after(anyNA, at)
			p.That("RFC6775:6.5.3-2", "answers", len(nas), gomega.BeNumerically(">=", 1))
			for _, na := range nas {
				p.Must("RFC6775:6.5.3-2", na, ndp.NAStatus.Is(2), ipv6.Dst.Is(target.LinkLocalOf(t.Host().MAC)), ieee802154.Dst.Is(t.Host().MAC))
			}
		})

	plain := []string{"source is unspecified", "no link address"}
	check.Grid(suite, "nd.router.plain", "a solicitation without a source, or without its link address, is one that registers nothing",
		check.Proves("RFC6775:6.5-3", mutate.Ignores(ndp.Solicitation().With(ipv6.Src.Is(ipv6.Unspecified)))).
			And("RFC6775:6.5-4", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.MisreadsAs(ndp.Solicitation(ndp.NSLifetime.Is(79)), "with a link address", func(*packet.Frame) [][]byte {
					return frames(n, 1, registration(n, 1, n.Testers[1].MAC, n.Testers[1].MAC, 79).With(ipv6.Src.Is(n.Testers[1].LinkLocal)))
				})
			})).Needs(routerNeeds...),
		plain,
		func(p *probe.P, which string) {
			w := begun(p)
			t := w.host(1)
			n := w.lan.Net().Target
			req, other := "RFC6775:6.5-3", "RFC6775:6.5-4"
			ns := ndp.Solicitation(ndp.NSTarget.Is(n.LinkLocal), ndp.NSOptions.Is(ndp.ARO(0, 78, t.Host().MAC))).
				With(ipv6.Src.Is(ipv6.Unspecified), ipv6.Dst.Is(ipv6.SolicitedNode(n.LinkLocal)))
			if which == plain[1] {
				req, other = other, req
				ns = w.register(t, 79, ndp.NSOptions.Is(ndp.ARO(0, 79, t.Host().MAC))).With(ipv6.Src.Is(t.Host().LinkLocal))
			}
			at := w.Now() - time.Microsecond
			t.Send(ns)
			p.Wait(time.Second)
			p.That(req, "answers about the address that is asked for", len(w.after(ndp.Advert(ndp.NATarget.Is(n.LinkLocal)), at)), gomega.BeNumerically(">=", 1))
			p.That(req, "answers about a registration", len(w.after(anyNA, at)), gomega.BeZero())
			p.That(req, "requests about an address", len(w.after(ndp.DAR(), at)), gomega.BeZero())
			p.Meets(other)
		})

	suite.It("nd.router.reserved", "what is reserved in the option of a registration is not looked at",
		check.Proves("RFC6775:4.1-7", mutate.Ignores(ndp.Solicitation(ndp.NSReserved1.Is(0xff)))).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			t := w.host(1)
			t.Send(w.register(t, 77, ndp.NSReserved1.Is(0xff), ndp.NSFlags.Is(0xff), ndp.NSTID.Is(0xff)))
			p.Wait(500 * time.Millisecond)
			p.That("RFC6775:4.1-7", "requests about its address", len(w.lan.Seen(ndp.DAR(ndp.DADAddr.Is(t.IP())))), gomega.BeNumerically(">=", 1))
		})

	suite.It("nd.router.renewal", "who renews a registration has its answer at once",
		check.Proves("RFC6775:8.2-2", mutate.Lags(anyNA, 1, 5*time.Second)).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			t := w.host(1)
			w.taken(t, 77)
			at := w.Now() - time.Microsecond
			t.Send(w.register(t, 77))
			p.Wait(time.Second) // and no confirmation comes
			p.That("RFC6775:8.2-2", "answers", len(w.after(ndp.Advert(ndp.NAStatus.Is(0)), at)), gomega.BeNumerically(">=", 1))
		})

	suite.It("nd.router.registers", "a router gets its address as a host does, and registers it with the router that it has it from",
		check.Proves("RFC6775:6.5.5-1", mutate.Missing(anyARO)).
			And("RFC6775:3.2-2", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Missing(icmpv6.EchoReply().With(ipv6.Src.Is(euiOf(n.Prefix6, n.Target.MAC))))
			})).Needs(routerNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.letRegister(60)
			p.That("RFC6775:6.5.5-1", "registrations", len(w.lan.Seen(anyARO)), gomega.BeNumerically(">=", 1))
			p.That("RFC6775:3.2-2", "an answer from the address that it made of the prefix", w.answers(w.address()) != nil, gomega.BeTrue())
		})

	check.Grid(suite, "nd.router.redirect", "a router sends a host no redirect to another one, unless it is configured to",
		check.Proves("RFC6775:6.1-1", mutate.Forge(icmpv6.EchoRequest(), ndp.Redirect(remote, remote))).
			And("RFC6775:6.1-2", mutate.Missing(anyRedirect)).Needs(routerNeeds...),
		[]switched{false, true},
		func(p *probe.P, on switched) {
			w := begun(p)
			a, b := w.host(1), w.host(2)
			w.taken(a, 600)
			w.taken(b, 600)
			at := w.Now() - time.Microsecond
			a.Send(icmpv6.Echo(w.lan.Serial(), 1, nil).With(ipv6.Src.Is(a.IP()), ipv6.Dst.Is(b.IP())))
			p.Wait(time.Second)
			n := len(w.after(anyRedirect, at))
			if on {
				p.That("RFC6775:6.1-2", "redirects", n, gomega.BeNumerically(">=", 1))
				p.Meets("RFC6775:6.1-1")
				return
			}
			p.That("RFC6775:6.1-1", "redirects", n, gomega.BeZero())
			p.That("RFC6775:6.1-2", "redirects", n, gomega.BeZero())
		})
}

var anyRedirect = icmpv6.With(137, ndp.RD)

// switched is whether redirects are on.
type switched bool

func (s switched) String() string {
	if s {
		return "redirects on"
	}
	return "as it is"
}

// Config is what a target is configured with for the case.
func (s switched) Config() []string {
	if s {
		return []string{"CONFIG_CONFORM_6LO_ND_REDIRECTS=y"}
	}
	return nil
}
