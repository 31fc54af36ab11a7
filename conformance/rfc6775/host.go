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
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// shortSource is a target that speaks from the link-local address of its short address; its link layer follows.
func wrongSource() mutate.Mutation {
	return mutate.Field(anyRS, ipv6.Src.Is(ipv6.MustAddr("fe80::1234:5678:9abc:def0")))
}

func init() {
	suite.It("nd.rs.form", "a host begins by asking all routers, from its link-local address, and says where it is",
		check.Proves("RFC6775:3.3-1", mutate.Missing(anyRS)).
			And("RFC6775:5.2-1", wrongSource()).
			And("RFC6775:5.3-1", mutate.Field(anyRS, ipv6.Dst.Is(ipv6.AllNodes))).
			And("RFC6775:5.3-2", mutate.Field(anyRS, ndp.RSLink.None())).
			And("RFC6775:5.3-3", mutate.Field(anyRS, ipv6.Src.Is(ipv6.Unspecified))).Needs(hostNeeds...),
		func(p *probe.P) {
			w := start(p)
			rs := w.lan.Expect(anyRS, probe.For("RFC6775:3.3-1"), probe.Within(slack))
			n := w.lan.Net().Target
			p.Must("RFC6775:5.3-3", rs, ipv6.Src.Not(ipv6.Unspecified))
			p.Must("RFC6775:5.2-1", rs, ipv6.Src.In(n.LinkLocal, target.LinkLocalOf(n.ShortAddr), ipv6.Unspecified))
			p.Must("RFC6775:5.3-1", rs, ipv6.Dst.Is(ipv6.AllRouters))
			p.That("RFC6775:5.3-2", "a source link-layer address", has(rs, ndp.SourceLinkType), gomega.BeTrue())
		})

	suite.It("nd.rs.times", "without an answer a host asks three times, 10 s or more apart, then ever more rarely, up to a minute",
		check.Proves("RFC6775:5.3-6", mutate.Repeat(anyRS, 4*time.Second)).
			And("RFC6775:5.3-7", mutate.Drops(anyRS, 4)).
			And("RFC6775:5.3-5", mutate.Missing(anyRS)).
			And("RFC6775:9-4", mutate.Repeat(anyRS, 7*time.Second)).Needs(hostNeeds...).Slow(),
		func(p *probe.P) {
			w := start(p)
			w.lan.Expect(anyRS, probe.For("RFC6775:5.3-5"), probe.Within(slack))
			p.Wait(5 * time.Minute)
			fs := w.lan.Seen(anyRS)
			all := gaps(fs)
			for _, d := range all {
				p.Between("RFC6775:5.3-6", "between two solicitations", d, solicitInterval-access, 10*time.Minute)
				p.Between("RFC6775:9-4", "between two solicitations", d, solicitInterval-access, 10*time.Minute)
			}
			p.That("RFC6775:5.3-7", "solicitations in five minutes", len(fs), gomega.BeNumerically(">=", 6))
			if len(all) > 0 {
				p.Between("RFC6775:5.3-7", "the last distance", all[len(all)-1], solicitInterval-access, maxSolicitInterval+slack)
			}
		})

	suite.It("nd.rs.ends", "a host that has an answer asks no more",
		check.Proves("RFC6775:5.3-8", mutate.Repeat(anyRS, 30*time.Second)).Needs(hostNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.registered(60)
			w.lan.Never(anyRS, 2*time.Minute)
		})

	suite.It("nd.register.form", "a host registers its address with the router: from it, by unicast, with its EUI-64",
		check.Proves("RFC6775:3.3-2", mutate.Missing(anyARO)).
			And("RFC6775:4.1-1", mutate.Field(anyARO, ndp.NSARO.Is(ndp.Option(ndp.AROType, make([]byte, 22)...)))).
			And("RFC6775:4.1-2", mutate.Field(anyARO, ipv6.Dst.Is(ipv6.AllRouters))).
			And("RFC6775:4.1-3", mutate.Field(anyARO, ndp.NSLink.None())).
			And("RFC6775:4.1-4", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Field(anyARO, ipv6.Src.Is(n.Target.LinkLocal))
			})).
			And("RFC6775:4.1-5", mutate.Field(anyARO, ndp.NSStatus.Is(1))).
			And("RFC6775:4.1-6", mutate.Field(anyARO, ndp.NSReserved1.Is(7))).
			And("RFC6775:4.1-9", mutate.Here(func(n target.Net) mutate.Mutation {
				flipped := append(net.HardwareAddr(nil), n.Target.MAC...)
				flipped[0] ^= 2
				return mutate.Field(anyARO, ndp.NSEUI64.Is(flipped))
			})).
			And("RFC6775:5.1-1", mutate.Field(anyARO, ipv6.Dst.Is(ipv6.AllNodes))).
			And("RFC6775:5.4.1-3", mutate.Late(anyARO, time.Minute)).
			And("RFC6775:5.5.1-1", mutate.Late(anyARO, 30*time.Second)).
			And("RFC6775:5.5.1-2", mutate.Hushed(ndp.RouterAdvert(), anyARO)).
			And("RFC6775:5.5.1-3", mutate.Field(anyARO, ndp.NSLink.Is(net.HardwareAddr{2, 0, 0, 0, 0, 0, 0, 99}))).
			And("RFC6775:5.5.1-4", mutate.Field(anyARO, ipv6.Src.Is(ipv6.Unspecified))).Needs(hostNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.advertise()
			p.Wait(slack)
			seen := w.lan.Seen(anyARO)
			for _, req := range []string{"RFC6775:3.3-2", "RFC6775:5.4.1-3", "RFC6775:5.5.1-1", "RFC6775:5.5.1-2"} {
				p.That(req, "a registration soon after the advertisement", len(seen), gomega.BeNumerically(">=", 1))
			}
			n := w.lan.Net()
			own := map[netip.Addr]bool{}
			for _, mac := range []net.HardwareAddr{n.Target.MAC, n.Target.ShortAddr} {
				own[euiOf(n.Prefix6, mac)] = true
				own[target.LinkLocalOf(mac)] = true
			}
			global := false
			for _, ns := range seen {
				src, _ := ipv6.Src.Of(ns)
				global = global || n.Prefix6.Contains(src)
				o := ndp.Find(ns, ndp.AROType)[0]
				p.That("RFC6775:4.1-1", "the length of the option", int(o[1]), gomega.Equal(2))
				p.Must("RFC6775:4.1-2", ns, ipv6.Dst.Is(w.lan.Host().LinkLocal))
				p.Must("RFC6775:5.1-1", ns, unicast)
				p.That("RFC6775:4.1-3", "a source link-layer address", has(ns, ndp.SourceLinkType), gomega.BeTrue())
				p.That("RFC6775:5.5.1-3", "the source link-layer address", linkIn(ns), gomega.BeElementOf(n.Target.MAC.String(), n.Target.ShortAddr.String()))
				p.Must("RFC6775:5.5.1-4", ns, ipv6.Src.Not(ipv6.Unspecified))
				p.Must("RFC6775:4.1-5", ns, ndp.NSStatus.Is(0))
				p.Must("RFC6775:4.1-6", ns, ndp.NSReserved1.Is(0), ndp.NSFlags.Is(0), ndp.NSTID.Is(0))
				p.Must("RFC6775:4.1-9", ns, ndp.NSEUI64.Is(n.Target.MAC))
			}
			p.That("RFC6775:4.1-4", "one from an address of the prefix", global, gomega.BeTrue())
		})

	suite.It("nd.ns.multicast", "a host never multicasts a neighbor solicitation, whoever speaks to it",
		check.Proves("RFC6775:5.7-1", mutate.Forge(icmpv6.EchoRequest(), ndp.Solicit(remote))).Needs(hostNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.registered(60)
			w.answers(w.address())
			w.lan.Never(ndp.Solicitation().With(multicast), time.Minute)
		})

	suite.It("nd.register.refresh", "a registration is done anew well before its lifetime of minutes ends",
		check.Proves("RFC6775:3.3-3", once()).
			And("RFC6775:4.1-8", mutate.Repeat(anyARO, 20*time.Second)).
			And("RFC6775:5.5-1", mutate.Misreads(ndp.Advert(ndp.NALifetime.Is(8)), ndp.NALifetime.Is(60))).
			And("RFC6775:5.5.2-3", mutate.Misreads(ndp.Advert(ndp.NALifetime.Is(8)), ndp.NALifetime.Is(16))).Needs(hostNeeds...),
		func(p *probe.P) {
			w := start(p)
			at := w.registered(8).At
			for w.Now() < at+8*time.Minute {
				p.Wait(100 * time.Millisecond)
				w.acceptAll(8)
			}
			again := w.aros(w.address(), at+slack)
			for _, req := range []string{"RFC6775:3.3-3", "RFC6775:5.5-1", "RFC6775:5.5.2-3"} {
				p.That(req, "registrations within the lifetime", len(again), gomega.BeNumerically(">=", 1))
			}
			if len(again) > 0 { // 60 times the lifetime is minutes, not seconds
				p.Between("RFC6775:4.1-8", "until it is registered anew", again[0].At-at, 30*time.Second, 8*time.Minute)
			}
		})

	suite.It("nd.register.retransmit", "a registration that is not answered is tried three times at most, a second or more apart; then the router is none, and the host asks for others",
		check.Proves("RFC6775:3.3-5", mutate.Drops(anyARO, 1)).
			And("RFC6775:5.5-2", mutate.Repeat(anyARO, 700*time.Millisecond)).
			And("RFC6775:5.5.3-1", mutate.Drops(anyRS, 1)).Needs(hostNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.advertise()
			at := w.Now()
			p.Wait(time.Minute)
			fs := w.lan.Seen(anyARO)
			p.That("RFC6775:3.3-5", "solicitations that register one address", most(fs), gomega.BeNumerically(">=", 2))
			p.That("RFC6775:5.5-2", "solicitations that register one address", most(fs), gomega.BeNumerically("<=", 3))
			for _, d := range gaps(fs) {
				p.Between("RFC6775:5.5-2", "between two", d, retrans-access, time.Minute)
			}
			asked := 0
			for _, f := range w.lan.Seen(anyRS) {
				if f.At > at {
					asked++
				}
			}
			p.That("RFC6775:5.5.3-1", "router solicitations after that", asked, gomega.BeNumerically(">=", 1))
		})

	suite.It("nd.register.duplicate", "an address that the router refuses as a duplicate is not used",
		check.Proves("RFC6775:3.3-4", mutate.Misreads(ndp.Advert(ndp.NAStatus.Is(1)), ndp.NAStatus.Is(0))).
			And("RFC6775:5.5.2-4", mutate.Ignores(ndp.Advert(ndp.NAStatus.Is(1)))).
			And("RFC6775:5.5.3-2", mutate.Misreads(ndp.Advert(ndp.NAStatus.Is(1)), ndp.NAARO.None())).
			And("RFC6775:4.1-10", mutate.Misreads(ndp.Advert(ndp.NAStatus.Is(1)), ndp.NAStatus.Is(0))).Needs(hostNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.advertise()
			for range 4 { // whatever it registers, in any order
				p.Wait(100 * time.Millisecond)
				for _, ns := range w.lan.Seen(anyARO) {
					if ns.At > w.Now()-100*time.Millisecond-time.Microsecond {
						w.accept(w.lan, ns, ndp.StatusDuplicate, 60)
					}
				}
			}
			reply := w.answers(w.address())
			for _, req := range []string{"RFC6775:3.3-4", "RFC6775:5.5.2-4", "RFC6775:5.5.3-2", "RFC6775:4.1-10"} {
				p.That(req, "an answer from the address that was refused", reply != nil, gomega.BeFalse())
			}
		})

	suite.It("nd.register.full", "a router whose cache is full is none: the host asks for others",
		check.Proves("RFC6775:5.5.3-5", mutate.Ignores(ndp.Advert(ndp.NAStatus.Is(2)))).
			And("RFC6775:5.5.3-7", mutate.Drops(anyRS, 1)).Needs(hostNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.advertise()
			ns := w.lan.Expect(anyARO, probe.For(), probe.Within(slack))
			at := w.Now()
			w.accept(w.lan, ns, ndp.StatusFull, 60)
			p.Wait(9 * time.Second)
			p.That("RFC6775:5.5.3-5", "solicitations to it after that", len(w.after(anyARO, at)), gomega.BeZero())
			p.Wait(20 * time.Second)
			p.That("RFC6775:5.5.3-7", "router solicitations", len(w.after(anyRS, at)), gomega.BeNumerically(">=", 1))
		})

	suite.It("nd.register.other", "a host registers with more than one router, and with another one when the first is full; a duplicate is ended everywhere",
		check.Proves("RFC6775:5.5-3", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Missing(anyARO.With(ipv6.Dst.Is(n.Testers[1].LinkLocal)))
		})).
			And("RFC6775:5.5.3-3", mutate.Field(ndp.Solicitation(ndp.NSLifetime.Is(0)), ndp.NSLifetime.Is(9))).Needs(hostNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.registered(60)
			second := w.lan.As(1)
			p.Wait(time.Second)
			at := w.Now()
			second.Send(w.advertisement(second, 1800))
			p.Wait(100 * time.Millisecond)
			second.Expect(anyARO.With(ipv6.Dst.Is(second.Host().LinkLocal)), probe.For("RFC6775:5.5-3"), probe.Within(slack))
			mine := w.after(anyARO.With(ipv6.Dst.Is(second.Host().LinkLocal)), at)
			for _, ns := range mine[:1] {
				w.accept(second, ns, ndp.StatusDuplicate, 60)
			}
			p.Wait(slack)
			ended := w.after(ndp.Solicitation(ndp.NSLifetime.Is(0)).With(ipv6.Dst.Is(w.lan.Host().LinkLocal)), at)
			p.That("RFC6775:5.5.3-3", "an end of the registration with the first router", len(ended), gomega.BeNumerically(">=", 1))
		})
}

// after are the frames like one since an instant.
func (w world) after(t packet.Template, at time.Duration) (fs []*packet.Frame) {
	for _, f := range w.lan.Seen(t) {
		if f.At > at {
			fs = append(fs, f)
		}
	}
	return fs
}

// most is how often the address that is registered most often is.
func most(fs []*packet.Frame) (n int) {
	count := map[netip.Addr]int{}
	for _, f := range fs {
		src, _ := ipv6.Src.Of(f)
		count[src]++
		n = max(n, count[src])
	}
	return n
}

// linkIn is the source link-layer address of a solicitation: of two octets in an option of eight (RFC 4944, 8).
func linkIn(ns *packet.Frame) string {
	for _, o := range ndp.Find(ns, ndp.SourceLinkType) {
		if o[1] == 1 {
			return net.HardwareAddr(o[2:4]).String()
		}
	}
	mac, _ := ndp.NSLink.Of(ns)
	return mac.String()
}

// once is a target that registers its address and never again.
func once() mutate.Mutation {
	return mutate.Here(func(n target.Net) mutate.Mutation {
		return mutate.Drops(registers(euiOf(n.Prefix6, n.Target.MAC)), 1)
	})
}
