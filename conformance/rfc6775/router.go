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

// Of a router: its advertisements, and the answers to who registers.
var (
	anyRA = ndp.RouterAdvert()
	anyNA = ndp.Advert(ndp.NAARO.Where("there", func([]byte) bool { return true }))
	soon  = 4 * time.Second // in which a router answers a solicitation
)

// contextOption is what the tester's border router tells of contexts.
func contextOption() []byte {
	return ndp.Context{ID: 3, Prefix: netip.MustParsePrefix("2001:db8:c::/48"), Lifetime: 100}.Option()
}

// begun is a world in which the target has become a router: the first tester is the border router that it learned from.
func begun(p *probe.P, more ...[]byte) world {
	w := start(p)
	w.registered(600, more...)
	p.Wait(30 * time.Second)
	return w
}

// host is another tester as a host of the network, with its global address; local is it with its link-local one.
func (w world) host(i int) *probe.Tester {
	t := w.lan.As(i)
	return t.Claiming(euiOf(w.lan.Net().Prefix6, t.Host().MAC))
}

// register is a solicitation of a host, which registers its address with the target for so many minutes.
func (w world) register(t *probe.Tester, minutes uint16, conds ...packet.Cond) packet.Template {
	option := ndp.ARO(0, minutes, t.Host().MAC)
	n := w.lan.Net().Target
	return ndp.Solicitation(append([]packet.Cond{ndp.NSTarget.Is(n.LinkLocal), ndp.NSOptions.Is(ndp.Options(ndp.SourceLink(t.MAC()), option))}, conds...)...).
		With(ipv6.Dst.Is(n.LinkLocal), ipv6.Src.Is(euiOf(w.lan.Net().Prefix6, t.Host().MAC)))
}

// confirm lets the border router answer the next request about duplicates.
func (w world) confirm(status uint) *packet.Frame {
	dar := w.lan.Expect(ndp.DAR(), probe.For(), probe.Within(soon), probe.Because("the border router is to be asked"))
	w.lan.Send(w.confirmation(dar, status))
	return dar
}

// confirmation is the answer of the border router to a request.
func (w world) confirmation(dar *packet.Frame, status uint, conds ...packet.Cond) packet.Template {
	addr, _ := ndp.DADAddr.Of(dar)
	eui, _ := ndp.DADEUI64.Of(dar)
	life, _ := ndp.DADLifetime.Of(dar)
	src, _ := ipv6.Src.Of(dar)
	code, _ := icmpv6.Code.Of(dar)
	return ndp.DAC(append([]packet.Cond{icmpv6.Code.Is(code), ndp.DADStatus.Is(status), ndp.DADAddr.Is(addr), ndp.DADEUI64.Is(eui), ndp.DADLifetime.Is(life)}, conds...)...).
		With(ipv6.Src.Is(w.border()), ipv6.Dst.Is(src))
}

func init() {
	suite.It("nd.router.advertises", "a router passes on what the border router said, to the one who asks",
		check.Proves("RFC6775:6.3-9", mutate.Field(anyRA.With(unicast), ipv6.Dst.Is(ipv6.AllNodes))).
			And("RFC6775:6.3-7", mutate.Field(anyRA, ndp.RALink.None())).
			And("RFC6775:5.4-1", mutate.Field(anyRA.With(unicast), ndp.RALink.None())).
			And("RFC6775:6.3-1", mutate.Instead(anyRA, "with another border router", func(f *packet.Frame) []packet.Cond {
				return []packet.Cond{ndp.RAOptions.Is(ndp.Options(ndp.SourceLink(net.HardwareAddr{2, 0, 0, 0, 0, 0, 0, 2}), ndp.ABRO(2, 0, remote)))}
			})).
			And("RFC6775:4.3-1", mutate.Instead(anyRA, "without a border router", func(f *packet.Frame) []packet.Cond {
				return []packet.Cond{ndp.RAOptions.Is(ndp.SourceLink(net.HardwareAddr{2, 0, 0, 0, 0, 0, 0, 2}))}
			})).
			And("RFC6775:6.1-3", mutate.Instead(anyRA, "with the prefix on the link", func(f *packet.Frame) []packet.Cond {
				x := ndp.Advertised(netip.MustParsePrefix("2001:db8:1::/64"))
				return []packet.Cond{ndp.RAOptions.Is(ndp.Options(ndp.SourceLink(net.HardwareAddr{2, 0, 0, 0, 0, 0, 0, 2}), x.Option()))}
			})).
			And("RFC6775:8.1.5-1", mutate.Instead(anyRA, "without contexts", func(f *packet.Frame) []packet.Cond {
				o, _ := ndp.RAOptions.Of(f)
				return []packet.Cond{ndp.RAOptions.Is(without(o, ndp.CtxType))}
			})).
			And("RFC6775:6-6", mutate.Field(anyRA, ndp.Preference.Is(1))).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p, contextOption())
			at := w.Now()
			host := w.lan.As(1)
			host.Send(ndp.RouterSolicit())
			p.Wait(soon)
			fs := w.after(anyRA.With(ipv6.Dst.Is(host.Host().LinkLocal)), at)
			p.That("RFC6775:6.3-9", "advertisements to the one who asked", len(fs), gomega.BeNumerically(">=", 1))
			if len(fs) == 0 {
				return
			}
			ra := fs[0]
			p.That("RFC6775:6.3-7", "a source link-layer address", has(ra, ndp.SourceLinkType), gomega.BeTrue())
			p.That("RFC6775:5.4-1", "a source link-layer address", has(ra, ndp.SourceLinkType), gomega.BeTrue())
			abro := ndp.Find(ra, ndp.ABROType)
			p.That("RFC6775:4.3-1", "border routers", len(abro), gomega.Equal(1))
			want := ndp.ABRO(1, 0, w.border())
			p.That("RFC6775:6.3-1", "the border router's option", first0(abro), gomega.Equal(want))
			for _, o := range ndp.Find(ra, ndp.PrefixType) {
				x, _ := ndp.PrefixOf(o)
				p.That("RFC6775:6.1-3", "the L flag", x.OnLink, gomega.BeFalse())
			}
			p.That("RFC6775:8.1.5-1", "contexts and prefixes", []int{len(ndp.Find(ra, ndp.CtxType)), len(ndp.Find(ra, ndp.PrefixType))}, gomega.Equal([]int{1, 1}))
			pref, _ := ndp.Preference.Of(ra)
			p.That("RFC6775:6-6", "the preference", pref, gomega.Equal(uint(0)))
		})

	suite.It("nd.router.begins", "a router begins as a host: it asks for routers, and advertises nothing before it has an address",
		check.Proves("RFC6775:3.4-1", mutate.Missing(anyRS)).
			And("RFC6775:8.1.2-1", mutate.Late(anyRS, time.Minute)).
			And("RFC6775:6.2-1", mutate.Forge(anyRS, anyRA)).Needs(routerNeeds...),
		func(p *probe.P) {
			w := start(p)
			p.Wait(slack)
			n := len(w.lan.Seen(anyRS))
			p.That("RFC6775:3.4-1", "router solicitations", n, gomega.BeNumerically(">=", 1))
			p.That("RFC6775:8.1.2-1", "router solicitations", n, gomega.BeNumerically(">=", 1))
			w.lan.As(1).Send(ndp.RouterSolicit())
			p.Wait(20 * time.Second)
			p.That("RFC6775:6.2-1", "advertisements", len(w.lan.Seen(anyRA)), gomega.BeZero())
		})

	suite.It("nd.router.without-abro", "a router ignores an advertisement that no border router stands for",
		check.Proves("RFC6775:8.1.3-1", mutate.Here(func(n target.Net) mutate.Mutation {
			x := ndp.Advertised(n.Prefix6)
			x.OnLink = false
			return mutate.Misreads(ndp.RouterAdvert(ndp.CurHopLimit.Is(65)), ndp.RAOptions.Is(ndp.Options(ndp.SourceLink(n.Testers[0].MAC), x.Option(), ndp.ABRO(1, 0, remote))))
		})).Needs(routerNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.solicited()
			w.lan.Send(ndp.RouterAdvert(ndp.CurHopLimit.Is(65), ndp.RAOptions.Is(ndp.Options(ndp.SourceLink(w.lan.MAC()), w.prefix()))).
				With(ipv6.Dst.Is(w.lan.Net().Target.LinkLocal)))
			p.Wait(slack)
			p.That("RFC6775:8.1.3-1", "registrations", len(w.lan.Seen(anyARO)), gomega.BeZero())
		})

	suite.It("nd.router.duplicate-request", "before a router accepts an address it asks the border router, from its global address, with the host's EUI-64 and lifetime",
		check.Proves("RFC6775:8.2-6", mutate.Missing(ndp.DAR())).
			And("RFC6775:8.2.3-1", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Field(ndp.DAR(), ipv6.Src.Is(n.Target.LinkLocal))
			})).
			And("RFC6775:4.4-2", mutate.Field(ndp.DAR(), ipv6.Src.Is(ipv6.MustAddr("fe80::2")))).
			And("RFC6775:4.4-4", mutate.Field(ndp.DAR(), ipv6.HopLimit.Is(255))).
			And("RFC6775:9-3", mutate.Field(ndp.DAR(), ipv6.HopLimit.Is(63))).
			And("RFC6775:4.4-6", mutate.Field(ndp.DAR(), icmpv6.Code.Is(1))).
			And("RFC6775:4.4-8", mutate.Field(ndp.DAR(), ndp.DADStatus.Is(1))).
			And("RFC6775:8.2.3-2", mutate.Field(ndp.DAR(), ndp.DADStatus.Is(2))).
			And("RFC6775:4.4-9", mutate.Field(ndp.DAR(), ndp.DADReserved.Is(9))).
			And("RFC6775:4.4-11", mutate.Field(ndp.DAR(), ndp.DADAddr.Is(remote))).
			And("RFC6775:8.2.3-3", mutate.Field(ndp.DAR(), ndp.DADLifetime.Is(1))).
			And("RFC6775:8.2-1", mutate.Forge(ndp.Solicitation(ndp.NSLifetime.Is(77)), ndp.Advert(ndp.NAStatus.Is(0)))).
			And("RFC6775:8.2-8", mutate.Ignores(ndp.DAC())).
			And("RFC6775:8.2-9", mutate.Field(anyNA, ndp.NAStatus.Is(5))).
			And("RFC6775:6.5.3-3", mutate.Missing(anyNA)).
			And("RFC6775:6.5.3-4", mutate.Field(anyNA, ndp.NALifetime.Is(3))).
			And("RFC6775:4.1-10", mutate.Field(anyNA, ndp.NAStatus.Is(2))).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			t := w.host(1)
			at := w.Now() - time.Microsecond // an answer may come at once
			t.Send(w.register(t, 77))
			p.Wait(500 * time.Millisecond)
			dars := w.after(ndp.DAR(ndp.DADAddr.Not(w.address())), at)
			p.That("RFC6775:8.2-6", "requests", len(dars), gomega.BeNumerically(">=", 1))
			p.That("RFC6775:8.2-1", "answers before the border router's", len(w.after(anyNA, at)), gomega.BeZero())
			if len(dars) == 0 {
				return
			}
			dar := dars[0]
			p.Must("RFC6775:8.2.3-1", dar, ipv6.Src.Is(w.address()), ipv6.Dst.Is(w.border()))
			src, _ := ipv6.Src.Of(dar)
			p.That("RFC6775:4.4-2", "the source is link-local", src.IsLinkLocalUnicast(), gomega.BeFalse())
			p.Must("RFC6775:4.4-4", dar, ipv6.HopLimit.Is(64))
			p.Must("RFC6775:9-3", dar, ipv6.HopLimit.Is(64))
			p.Must("RFC6775:4.4-6", dar, icmpv6.Code.Is(0))
			p.Must("RFC6775:4.4-8", dar, ndp.DADStatus.Is(0))
			p.Must("RFC6775:8.2.3-2", dar, ndp.DADStatus.Is(0))
			p.Must("RFC6775:4.4-9", dar, ndp.DADReserved.Is(0))
			p.Must("RFC6775:4.4-11", dar, ndp.DADAddr.Is(t.IP()))
			p.Must("RFC6775:8.2.3-3", dar, ndp.DADLifetime.Is(77), ndp.DADEUI64.Is(t.Host().MAC))
			w.lan.Send(w.confirmation(dar, 0))
			p.Wait(time.Second)
			nas := w.after(anyNA, at)
			for _, req := range []string{"RFC6775:8.2-8", "RFC6775:6.5.3-3"} {
				p.That(req, "answers to the host", len(nas), gomega.BeNumerically(">=", 1))
			}
			if len(nas) == 0 {
				return
			}
			for _, req := range []string{"RFC6775:8.2-9", "RFC6775:4.1-10"} {
				p.Must(req, nas[0], ndp.NAStatus.Is(0))
			}
			p.Must("RFC6775:6.5.3-4", nas[0], ndp.NALifetime.Is(77), ndp.NAEUI64.Is(t.Host().MAC))
		})

	suite.It("nd.router.duplicate-refused", "what the border router refuses is refused, to the link-local address of the EUI-64",
		check.Proves("RFC6775:8.2-10", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Field(anyNA, ipv6.Dst.Is(n.Testers[1].IP6))
		})).
			And("RFC6775:6.5.2-1", mutate.Field(anyNA, ipv6.Dst.Is(remote))).
			And("RFC6775:6.5.2-2", mutate.Field(anyNA, ndp.NALifetime.Is(1))).
			And("RFC6775:6.5.2-3", mutate.Field(anyNA, ieee802154.Dst.Is(net.HardwareAddr{0, 3}))).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			t := w.host(1)
			at := w.Now()
			t.Send(w.register(t, 77))
			w.confirm(ndp.StatusDuplicate)
			p.Wait(time.Second)
			nas := w.after(anyNA, at)
			p.That("RFC6775:8.2-10", "answers", len(nas), gomega.BeNumerically(">=", 1))
			if len(nas) == 0 {
				return
			}
			local := euiOf(netip.MustParsePrefix("fe80::/64"), t.Host().MAC)
			p.Must("RFC6775:8.2-10", nas[0], ipv6.Dst.Is(local), ndp.NAStatus.Is(1))
			p.Must("RFC6775:6.5.2-1", nas[0], ipv6.Dst.Is(local))
			p.Must("RFC6775:6.5.2-2", nas[0], ndp.NALifetime.Is(77), ndp.NAEUI64.Is(t.Host().MAC))
			p.Must("RFC6775:6.5.2-3", nas[0], ieee802154.Dst.Is(t.Host().MAC))
		})

	suite.It("nd.router.unanswered", "a request that is not answered is sent three times, a second apart, and then the host is accepted",
		check.Proves("RFC6775:8.2.6-1", mutate.Drops(ndp.DAR(), 1)).
			And("RFC6775:8.2.6-2", mutate.Missing(anyNA)).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			t := w.host(1)
			at := w.Now()
			t.Send(w.register(t, 77))
			p.Wait(8 * time.Second)
			dars := w.after(ndp.DAR(ndp.DADAddr.Is(t.IP())), at)
			p.That("RFC6775:8.2.6-1", "requests", len(dars), gomega.Equal(3))
			for _, d := range gaps(dars) {
				p.Between("RFC6775:8.2.6-1", "between two requests", d, retrans-access, 2*retrans)
			}
			p.That("RFC6775:8.2.6-2", "acceptances", len(w.after(ndp.Advert(ndp.NAStatus.Is(0)), at)), gomega.BeNumerically(">=", 1))
		})

	check.Grid(suite, "nd.router.invalid", "a registration that is not valid has no effect: of a wrong length, or with a status",
		check.Proves("RFC6775:6.5-1", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Misreads(ndp.Solicitation(ndp.NSLifetime.Is(78)), ndp.NSOptions.Is(ndp.Options(ndp.SourceLink(n.Testers[1].MAC), ndp.ARO(0, 78, n.Testers[1].MAC))))
		})).
			And("RFC6775:6.5-2", mutate.Misreads(ndp.Solicitation(ndp.NSStatus.Is(1)), ndp.NSStatus.Is(0))).Needs(routerNeeds...),
		[]string{"length", "status"},
		func(p *probe.P, which string) {
			w := begun(p)
			t := w.host(1)
			option := ndp.EARO{Lifetime: 78, ROVR: append(append([]byte(nil), t.Host().MAC...), make([]byte, 8)...)}.Option()
			req, other := "RFC6775:6.5-1", "RFC6775:6.5-2"
			if which == "status" {
				option, req, other = ndp.ARO(1, 77, t.Host().MAC), other, req
			}
			t.Send(w.register(t, 77, ndp.NSOptions.Is(ndp.Options(ndp.SourceLink(t.MAC()), option))))
			p.Wait(soon)
			p.That(req, "requests about its address", len(w.lan.Seen(ndp.DAR(ndp.DADAddr.Is(t.IP())))), gomega.BeZero())
			t.Send(w.register(t, 77)) // a valid one has
			w.lan.Expect(ndp.DAR(ndp.DADAddr.Is(t.IP())), probe.For(), probe.Within(soon))
			p.Meets(other)
		})

	suite.It("nd.router.accepts", "who is registered is on the link of the router, until the lifetime ends or is ended",
		check.Proves("RFC6775:6.5.4-2", mutate.Missing(toHost())).
			And("RFC6775:6.5.3-1", mutate.Missing(toHost())).
			And("RFC6775:6.5.3-6", mutate.Ignores(ndp.Solicitation(ndp.NSLifetime.Is(0)))).
			And("RFC6775:8.2.3-4", mutate.Missing(ndp.DAR(ndp.DADLifetime.Is(0)))).
			And("RFC6775:6.5.3-7", mutate.Misreads(ndp.Solicitation(ndp.NSLifetime.Is(2)), ndp.NSLifetime.Is(60))).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			t := w.host(1)
			t.Send(w.register(t, 2))
			w.confirm(0)
			p.Wait(time.Second)
			for _, req := range []string{"RFC6775:6.5.4-2", "RFC6775:6.5.3-1"} {
				p.That(req, "a packet for it is passed on", w.passes(t), gomega.BeTrue())
			}
			p.Wait(2 * time.Minute)
			p.That("RFC6775:6.5.3-7", "a packet for it is passed on after its lifetime", w.passes(t), gomega.BeFalse())
			w.lan.Send(w.advertisement(w.lan, 1800)) // the way to the border router may have been given up meanwhile
			p.Wait(time.Second)
			t.Send(w.register(t, 60))
			w.confirm(0)
			p.Wait(time.Second)
			at := w.Now()
			t.Send(w.register(t, 0))
			p.Wait(time.Second)
			p.That("RFC6775:8.2.3-4", "requests that end it", len(w.after(ndp.DAR(ndp.DADLifetime.Is(0)), at)), gomega.BeNumerically(">=", 1))
			p.That("RFC6775:6.5.3-6", "a packet for it is passed on after that", w.passes(t), gomega.BeFalse())
		})

	suite.It("nd.router.multicast", "a router answers solicitations to its group",
		check.Proves("RFC6775:6.5.5-3", mutate.Missing(ndp.Advert())).
			And("RFC6775:6.5.5-4", mutate.Ignores(ndp.Solicitation().With(multicast))).Needs(routerNeeds...),
		func(p *probe.P) {
			w := begun(p)
			near := w.lan.As(1)
			at := w.Now()
			near.Send(ndp.Solicit(w.lan.Net().Target.LinkLocal))
			p.Wait(time.Second)
			n := len(w.after(ndp.Advert(ndp.NATarget.Is(w.lan.Net().Target.LinkLocal)), at))
			p.That("RFC6775:6.5.5-3", "answers", n, gomega.BeNumerically(">=", 1))
			p.That("RFC6775:6.5.5-4", "answers", n, gomega.BeNumerically(">=", 1))
		})
}

// toHost is what a router passes on to a host.
func toHost() packet.Template { return icmpv6.EchoRequest() }

// passes tells whether the target passes a packet on to a host.
func (w world) passes(t *probe.Tester) bool {
	id := w.lan.Serial()
	at := w.Now()
	w.lan.Send(icmpv6.Echo(id, 1, nil).With(ipv6.Src.Is(remote), ipv6.Dst.Is(t.IP())))
	w.Wait(500 * time.Millisecond)
	return len(w.after(icmpv6.EchoRequest(icmpv6.ID.Is(id)).With(ieee802154.Dst.Is(t.Host().MAC)), at)) > 0
}

// without is options less those of a kind.
func without(options []byte, kind byte) (rest []byte) {
	all, _ := ndp.SplitOptions(options)
	for _, o := range all {
		if o[0] != kind {
			rest = append(rest, o...)
		}
	}
	return rest
}

func first0(all [][]byte) []byte {
	if len(all) == 0 {
		return nil
	}
	return all[0]
}
