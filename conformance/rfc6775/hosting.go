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

var (
	managedNeeds  = append([]target.Feature{target.Agent, target.Management6}, hostNeeds...)
	managed2Needs = append([]target.Feature{target.Agent, target.Management6}, extendedNeeds...)
	anyEnd        = ndp.Solicitation(ndp.NSLifetime.Is(0))
	knows         = ndp.CIO(ndp.CapE | ndp.CapL)
)

// toRouter are registrations with the i-th tester.
func toRouter(i int, t packet.Template) mutate.Mutation {
	return mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Missing(t.With(ipv6.Dst.Is(n.Testers[i].LinkLocal))) })
}

// at is the template with the i-th tester as its destination.
func (w world) to(i int, t packet.Template) packet.Template {
	return t.With(ipv6.Dst.Is(w.lan.Net().Testers[i].LinkLocal))
}

// grants answers, for a while, what is registered with any of the first two testers: what status gives for it, unless it is
// negative.
func (w world) grants(d time.Duration, minutes uint16, status func(router int, ns *packet.Frame) int) {
	done := len(w.lan.Seen(anyARO))
	for until := w.Now() + d; w.Now() < until; {
		w.Wait(50 * time.Millisecond)
		all := w.lan.Seen(anyARO)
		for _, ns := range all[done:] {
			dst, _ := ipv6.Dst.Of(ns)
			for i := range 2 {
				if r := w.lan.As(i).LinkLocal(); dst == r.Host().LinkLocal {
					if s := status(i, ns); s >= 0 {
						e := earoIn(ns)
						e.Status, e.Lifetime = byte(s), minutes
						w.answer(r, ns, e.Option())
					}
				}
			}
		}
		done = len(all)
	}
}

func fine(int, *packet.Frame) int { return ndp.StatusSuccess }

// two lets the first two testers be routers.
func (w world) two(more ...[]byte) {
	w.solicited()
	w.lan.Send(w.advertisement(w.lan, 1800, more...))
	second := w.lan.As(1)
	second.Send(w.advertisement(second, 1800, more...))
}

func init() {
	suite.It("nd.host.managed", "when addresses are managed, the host makes none but of its EUI-64",
		check.Proves("RFC6775:3.2-1", mutate.Misreads(ndp.RouterAdvert(ndp.Managed.Is(1)), ndp.Managed.Is(0))).
			And("RFC6775:5.4.1-1", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Field(registers(euiOf(n.Prefix6, n.Target.MAC)), ipv6.Src.Is(euiOf(n.Prefix6, net.HardwareAddr{0x12, 0x34})))
			})).Needs(hostNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.solicited()
			w.lan.Send(w.advertisement(w.lan, 1800).With(ndp.Managed.Is(1)))
			w.grants(5*time.Second, 60, fine)
			for _, ns := range w.lan.Seen(anyARO) {
				src, _ := ipv6.Src.Of(ns)
				if !w.lan.Net().Prefix6.Contains(src) {
					continue
				}
				for _, req := range []string{"RFC6775:3.2-1", "RFC6775:5.4.1-1"} {
					p.That(req, "an address that is registered", src, gomega.Equal(w.address()))
				}
			}
			p.Meets("RFC6775:3.2-1")
			p.Meets("RFC6775:5.4.1-1")
		})

	suite.It("nd.host.other", "an address that is configured otherwise is registered as well",
		check.Proves("RFC6775:5.4.1-2", mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Missing(registers(manual(n.Prefix6))) })).Needs(managedNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.registered(60)
			a := manual(w.lan.Net().Prefix6)
			p.AddAddress(netip.PrefixFrom(a, 64))
			p.Wait(slack)
			p.That("RFC6775:5.4.1-2", "registrations of it", len(w.aros(a, 0)), gomega.BeNumerically(">=", 1))
		})

	suite.It("nd.host.leaves", "from a router that says it is none any more a host takes its registrations back",
		check.Proves("RFC6775:5.5-5", mutate.Missing(anyEnd)).Needs(hostNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.registered(60)
			at := w.Now()
			w.lan.Send(w.advertisement(w.lan, 0))
			p.Wait(slack)
			p.That("RFC6775:5.5-5", "solicitations that end a registration", len(w.after(anyEnd, at)), gomega.BeNumerically(">=", 1))
		})

	suite.It("nd.host.full", "when one router is full a host goes to the other one",
		check.Proves("RFC6775:5.5.3-6", mutate.Misreads(ndp.Advert(ndp.NAStatus.Is(2)), ndp.NAStatus.Is(0))).Needs(hostNeeds...).
			Configured("CONFIG_CONFORM_6LO_ND_REGISTRARS=1"),
		func(p *probe.P) {
			w := start(p)
			w.two()
			w.grants(10*time.Second, 60, func(router int, _ *packet.Frame) int { return ndp.StatusFull * (1 - router) })
			p.That("RFC6775:5.5.3-6", "registrations with the second router", len(w.lan.Seen(w.to(1, anyARO))), gomega.BeNumerically(">=", 1))
		})

	suite.It("nd.host.multicast", "a group is on the link: what goes there is sent to all, or to the link address of the group",
		check.Proves("RFC6775:5.6-2", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Field(anyRS.With(multicast), ieee802154.Dst.Is(n.Testers[0].MAC))
		})).Needs(hostNeeds...),
		func(p *probe.P) {
			w := start(p)
			rs := w.solicited()
			p.Must("RFC6775:5.6-2", rs, ieee802154.Dst.In(net.HardwareAddr{0xff, 0xff}, net.HardwareAddr{0x80, 0x02}))
		})

	suite.It("nd.host.waits", "an address that somebody else may have is not used before a router has agreed to it",
		check.Proves("RFC6775:13-1", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Forge(icmpv6.EchoRequest().With(ipv6.Dst.Is(manual(n.Prefix6))), icmpv6.EchoReply())
		})).Needs(append([]target.Feature{target.DAD}, managedNeeds...)...),
		func(p *probe.P) {
			w := start(p)
			w.registered(60)
			a := manual(w.lan.Net().Prefix6)
			p.AddAddress(netip.PrefixFrom(a, 64))
			p.Wait(500 * time.Millisecond)
			at := w.Now() - time.Microsecond
			w.answers(a)
			p.That("RFC6775:13-1", "answers from the address", len(w.after(icmpv6.EchoReply(), at)), gomega.BeZero())
		})

	suite.It("nd.host.features", "a host asks for routers, registers the address of its EUI-64, is in the group of all nodes, and sees whether its router is there",
		check.Proves("RFC6775:14-1", mutate.Missing(ndp.Solicitation(ndp.NSARO.None()).With(unicast))).Needs(hostNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.registered(60)
			at := w.Now()
			w.lan.Send(icmpv6.Echo(w.lan.Serial(), 1, nil).With(ipv6.Dst.Is(ipv6.AllNodes)))
			p.Wait(time.Second)
			p.That("RFC6775:14-1", "an answer to all nodes", len(w.after(icmpv6.EchoReply(), at)), gomega.BeNumerically(">=", 1))
			p.Wait(2 * time.Minute)
			at = w.Now()
			w.answers(w.address())
			p.Wait(10 * time.Second)
			p.That("RFC6775:14-1", "solicitations for the router, to see whether it is there", len(w.after(ndp.Solicitation().With(unicast), at)), gomega.BeNumerically(">=", 1))
		})

	suite.It("nd.router.features", "a router gets an address, passes on what border routers say, asks them about duplicates, and registers hosts",
		check.Proves("RFC6775:14-3", mutate.Missing(anyNA)).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			p.That("RFC6775:14-3", "an answer from the address of the prefix", w.answers(w.address()) != nil, gomega.BeTrue())
			p.That("RFC6775:14-3", "an advertisement for the border router", w.tellsOf(w.border()) != nil, gomega.BeTrue())
			t := w.host(1)
			at := w.Now() - time.Microsecond
			w.lan.Send(w.confirmation(w.asked(t, 77), 0))
			p.Wait(time.Second)
			p.That("RFC6775:14-3", "answers to the host", len(w.after(anyNA, at)), gomega.BeNumerically(">=", 1))
			p.That("RFC6775:14-3", "a packet for the host is passed on", w.passes(t), gomega.BeTrue())
		})

	suite.It("nd.host.conflict", "an address that is refused as a duplicate is none of the interface's any more",
		check.Proves("RFC6775:5.5.3-4", mutate.Misreads(ndp.Advert(ndp.NAStatus.Is(1)), ndp.NAStatus.Is(0))).
			Needs(append([]target.Feature{target.DAD}, managedNeeds...)...),
		func(p *probe.P) {
			w := start(p)
			w.registered(60)
			a := manual(w.lan.Net().Prefix6)
			p.AddAddress(netip.PrefixFrom(a, 64))
			w.grants(6*time.Second, 60, func(_ int, ns *packet.Frame) int {
				if src, _ := ipv6.Src.Of(ns); src == a {
					return ndp.StatusDuplicate
				}
				return ndp.StatusSuccess
			})
			x, there := p.Address(a)
			p.That("RFC6775:5.5.3-4", "the address is one of the interface's", there && x.State != "conflict", gomega.BeFalse())
		})

	suite.It("nd.host.prefixes", "of each of several prefixes an address is made, registered, and used",
		check.Proves("RFC6775:5.4.1-3", mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Missing(registers(euiOf(farPrefix, n.Target.MAC))) })).
			And("RFC6775:3.3-2", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Missing(registers(euiOf(n.Prefix6, n.Target.MAC)))
			})).Needs(hostNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.solicited()
			x := ndp.Advertised(farPrefix)
			x.OnLink = false
			w.lan.Send(w.advertisement(w.lan, 1800, x.Option()))
			w.grants(10*time.Second, 60, fine)
			far := euiOf(farPrefix, w.lan.Net().Target.MAC)
			p.That("RFC6775:5.4.1-3", "registrations of the address of the second prefix", len(w.aros(far, 0)), gomega.BeNumerically(">=", 1))
			p.That("RFC6775:3.3-2", "registrations of the address of the first prefix", len(w.aros(w.address(), 0)), gomega.BeNumerically(">=", 1))
			p.That("RFC6775:5.4.1-3", "an answer from the address of the second prefix", w.answers(far) != nil, gomega.BeTrue())
		})

	suite.It("nd.host.wakes", "when a host that was silent for long finds its router gone, it asks all, and registers anew with who answers",
		check.Proves("RFC6775:5.8.2-2", mutate.Drops(anyRS.With(multicast), 1)).Needs(hostNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.registered(600)
			p.Wait(15 * time.Minute)
			w.answers(w.address()) // and the router does not say that it is there
			at := w.Now()
			p.Wait(20 * time.Second)
			p.That("RFC6775:5.8.2-2", "router solicitations to all", len(w.after(anyRS.With(multicast), at)), gomega.BeNumerically(">=", 1))
			at = w.Now()
			w.lan.Send(w.advertisement(w.lan, 1800))
			p.Wait(slack)
			p.That("RFC6775:5.8.2-2", "registrations with who answers", len(w.after(anyARO, at)), gomega.BeNumerically(">=", 1))
		})
}

// manual is an address that is configured by hand.
func manual(p netip.Prefix) netip.Addr {
	if !p.IsValid() {
		return netip.IPv6Unspecified()
	}
	a := p.Addr().As16()
	a[15] = 0x99
	return netip.AddrFrom16(a)
}
