package rfc6775

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var (
	borderNeeds  = []target.Feature{target.BorderRouter}
	border2Needs = append([]target.Feature{target.Registers2}, borderNeeds...)
	offerNeeds   = append([]target.Feature{target.Agent, target.Management6}, borderNeeds...)
)

// bordering is a world in which the target is the border router, and has had the time to say so.
func bordering(p *probe.P) world {
	w := start(p)
	p.Wait(40 * time.Second)
	return w
}

// request is a request of the i-th tester, a router, about an address.
func (w world) request(i int, d ndp.Duplicate) packet.Template {
	n := w.lan.Net()
	if d.ROVR == nil {
		d.ROVR = n.Testers[1].MAC
	}
	return ndp.DAR(d.Conds()...).With(ipv6.Src.Is(n.Testers[i].IP6), ipv6.Dst.Is(n.Target.IP6))
}

// decides sends a request of the first tester, and gives the status of the confirmation; -1 without one.
func (w world) decides(d ndp.Duplicate) (status int, dac *packet.Frame) {
	at := w.Now() - time.Microsecond
	w.lan.Send(w.request(0, d))
	w.Wait(500 * time.Millisecond)
	fs := w.after(ndp.DAC(), at)
	if len(fs) == 0 {
		return -1, nil
	}
	v, _ := ndp.DADStatus.Of(fs[0])
	return int(v), fs[0]
}

// contextsTold are the contexts that the border router tells now; version is that of its option.
func (w world) contextsTold() (all []ndp.Context, version int) {
	for _, ra := range w.tells() {
		b, _ := ndp.RAOptions.Of(ra)
		v, _, _ := abroOf(b)
		return contextsIn(ra), int(v)
	}
	return nil, -1
}

// used tells which of some contexts may be used to compress.
func used(all []ndp.Context) (c []bool) {
	for _, x := range all {
		c = append(c, x.Compress)
	}
	return c
}

func init() {
	suite.It("nd.border.table", "an address is the first's who asked for it, until the time is over or it is given back",
		check.Proves("RFC6775:8.2.4-1", mutate.Field(ndp.DAC(ndp.DADStatus.Is(1)), ndp.DADStatus.Is(0))).
			And("RFC6775:8.2.4-2", mutate.Misreads(ndp.DAR(ndp.DADLifetime.Is(9)), ndp.DADLifetime.Is(3))).
			And("RFC6775:8.2.4-3", mutate.Misreads(ndp.DAR(ndp.DADLifetime.Is(5)), ndp.DADLifetime.Is(0))).
			And("RFC6775:8.2.4-4", mutate.Ignores(ndp.DAR(ndp.DADLifetime.Is(0)))).
			And("RFC6775:4.4-10", mutate.Misreads(ndp.DAR(ndp.DADLifetime.Is(0)), ndp.DADLifetime.Is(60))).
			And("RFC6775:8.2.4-5", mutate.Field(ndp.DAC(), ipv6.HopLimit.Is(63))).Needs(borderNeeds...),
		func(p *probe.P) {
			w := bordering(p)
			mine := func(minutes uint16) ndp.Duplicate { return ndp.Duplicate{Lifetime: minutes, Addr: w.in(0x61)} }
			other := ndp.Duplicate{Lifetime: 60, Addr: w.in(0x61), ROVR: stranger}
			status, dac := w.decides(mine(5))
			p.That("RFC6775:8.2.4-2", "the status for an unknown address", status, gomega.Equal(0))
			if dac != nil {
				n := w.lan.Net()
				p.Must("RFC6775:8.2.4-5", dac, ipv6.HopLimit.Is(64), ipv6.Src.Is(n.Target.IP6), ipv6.Dst.Is(n.Testers[0].IP6))
				p.Must("RFC6775:8.2.4-5", dac, ndp.DADAddr.Is(w.in(0x61)), ndp.DADLifetime.Where("5", func(v uint) bool { return v == 5 || v == 0 }), ndp.DADEUI64.Is(n.Testers[1].MAC))
			}
			p.Meets("RFC6775:8.2.4-5")
			status, _ = w.decides(other)
			p.That("RFC6775:8.2.4-3", "the status for another EUI-64", status, gomega.Equal(1))
			p.That("RFC6775:8.2.4-1", "the status for another EUI-64", status, gomega.Equal(1))
			status, _ = w.decides(mine(9))
			p.That("RFC6775:8.2.4-2", "the status for the same EUI-64", status, gomega.Equal(0))
			p.Wait(8 * time.Minute)
			status, _ = w.decides(other)
			p.That("RFC6775:8.2.4-2", "the status for another EUI-64 before the time is over", status, gomega.Equal(1))
			w.decides(mine(0))
			status, _ = w.decides(other)
			for _, req := range []string{"RFC6775:8.2.4-4", "RFC6775:4.4-10"} {
				p.That(req, "the status for another EUI-64 after it was given back", status, gomega.Equal(0))
			}
		})

	faults := []fault{
		{"checksum", "RFC6775:8.2.1-2", []packet.Cond{icmpv6.Checksum.Is(0x1234)}},
		{"registered address is a group", "RFC6775:8.2.1-5", []packet.Cond{ndp.DADAddr.Is(ipv6.MustAddr("ff02::1:ff00:1"))}},
		{"option of length 0", "RFC6775:8.2.1-6", []packet.Cond{ndp.DADOptions.Is(ofNothing)}},
		{"source is unspecified", "RFC6775:8.2.1-7", []packet.Cond{ipv6.Src.Is(ipv6.Unspecified)}},
	}
	check.Grid(suite, "nd.border.invalid", "a request that is not valid is not answered",
		claimed(faults).Needs(borderNeeds...), faults,
		func(p *probe.P, f fault) {
			w := bordering(p)
			good := w.request(0, ndp.Duplicate{Lifetime: 5, Addr: w.in(0x61)})
			w.lan.Silent(good.With(f.conds...), good, ndp.DAC(), probe.For(f.requirement))
			others(p, faults, f)
		})

	suite.It("nd.border.advertises", "a border router says in each advertisement that it is one, and of high preference",
		check.Proves("RFC6775:7-1", respelled("with another address", ndp.ABROType, func([]byte) [][]byte { return [][]byte{ndp.ABRO(1, 0, remote)} })).
			And("RFC6775:8.1.1-1", respelled("without a border router", ndp.ABROType, func([]byte) [][]byte { return nil })).
			And("RFC6775:6-7", mutate.Field(anyRA, ndp.Preference.Is(0))).Needs(borderNeeds...),
		func(p *probe.P) {
			w := bordering(p)
			w.tells()
			ras := w.lan.Seen(anyRA)
			p.That("RFC6775:8.1.1-1", "advertisements", len(ras), gomega.BeNumerically(">=", 1))
			for _, ra := range ras {
				b, _ := ndp.RAOptions.Of(ra)
				_, _, border := abroOf(b)
				p.That("RFC6775:8.1.1-1", "options of a border router", len(ndp.FindOptions(b, ndp.ABROType)), gomega.Equal(1))
				p.That("RFC6775:7-1", "the address of the border router", border, gomega.Equal(w.lan.Net().Target.IP6))
				p.Must("RFC6775:6-7", ra, ndp.Preference.Is(1))
			}
		})

	suite.It("nd.border.authority", "a border router makes no address of what others advertise",
		check.Proves("RFC6775:14-5", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Forge(icmpv6.EchoRequest().With(ipv6.Dst.Is(euiOf(farPrefix, n.Target.MAC))), icmpv6.EchoReply())
		})).Needs(borderNeeds...),
		func(p *probe.P) {
			w := bordering(p)
			x := ndp.Advertised(farPrefix)
			x.OnLink = false
			w.lan.Send(w.said(7, 1000, farBorder, x.Option()))
			p.Wait(time.Minute)
			at := w.Now() - time.Microsecond
			w.answers(euiOf(farPrefix, w.lan.Net().Target.MAC))
			p.That("RFC6775:14-5", "answers from an address of the other's prefix", len(w.after(icmpv6.EchoReply(), at)), gomega.BeZero())
		})

	still := respelled("with version 1", ndp.ABROType, func(o []byte) [][]byte {
		o[2], o[3], o[4], o[5] = 0, 1, 0, 0
		return [][]byte{o}
	})
	suite.It("nd.border.version", "with each change of prefixes and contexts the version goes up by one, and else it stays",
		check.Proves("RFC6775:4.3-4", still).
			And("RFC6775:8.1.1-2", respelled("with every second version", ndp.ABROType, func(o []byte) [][]byte {
				o[3] *= 2
				return [][]byte{o}
			})).
			And("RFC6775:7-2", mutate.FieldFrom(4, anyRA.With(unicast), ndp.RAOptions.Is(ndp.ABRO(1, 0, remote)))).Needs(offerNeeds...),
		func(p *probe.P) {
			w := bordering(p)
			_, first := w.contextsTold()
			_, same := w.contextsTold()
			p.That("RFC6775:4.3-4", "the version, when nothing has changed", same, gomega.Equal(first))
			p.AddAddress(netip.MustParsePrefix("2001:db8:78::1/64"))
			_, prefix := w.contextsTold()
			p.That("RFC6775:4.3-4", "the version after there was another prefix", prefix, gomega.BeNumerically(">", first))
			p.That("RFC6775:8.1.1-2", "the version after there was another prefix", prefix, gomega.Equal(first+1))
			p.OfferContext(3, netip.MustParsePrefix("2001:db8:c::/48"))
			_, context := w.contextsTold()
			p.That("RFC6775:8.1.1-2", "the version after there was a context", context, gomega.Equal(first+2))
			p.Wait(time.Hour)
			all, usable := w.contextsTold()
			p.That("RFC6775:7-2", "the version after the context may be used", usable, gomega.Equal(first+3))
			p.That("RFC6775:7-2", "the context may be used", used(all), gomega.Equal([]bool{true}))
		})

	flag := func(what string, when func(o []byte) bool, set bool) mutate.Mutation {
		return respelled(what, ndp.CtxType, func(o []byte) [][]byte {
			if when(o) {
				o[3] &^= 16
				if set {
					o[3] |= 16
				}
			}
			return [][]byte{o}
		})
	}
	always := func([]byte) bool { return true }
	suite.It("nd.border.contexts", "a context is told of before it may be used, and told of as out of use for five minutes before it goes",
		check.Proves("RFC6775:7.2-2", respelled("with each context twice", ndp.CtxType, func(o []byte) [][]byte { return [][]byte{o, o} })).
			And("RFC6775:7.2-3", flag("with contexts to be used", func(o []byte) bool { return o[13] == 0x0c }, true)).
			And("RFC6775:7.2-4", flag("with contexts never to be used", always, false)).
			And("RFC6775:7.2-5", respelled("without contexts that may not be used", ndp.CtxType, func(o []byte) [][]byte {
				if o[3]&16 == 0 {
					return nil
				}
				return [][]byte{o}
			})).
			And("RFC6775:9-1", flag("with contexts always to be used", always, true)).
			And("RFC6775:7.2-6", flag("with other contexts to be used", func(o []byte) bool { return o[13] == 0x0d }, true)).Needs(offerNeeds...),
		func(p *probe.P) {
			w := bordering(p)
			p.OfferContext(3, netip.MustParsePrefix("2001:db8:c::/48"))
			all, _ := w.contextsTold()
			p.That("RFC6775:7.2-2", "contexts", len(all), gomega.Equal(1))
			p.That("RFC6775:7.2-3", "a new context may be used", used(all), gomega.ContainElement(false))
			p.Wait(time.Minute)
			all, _ = w.contextsTold()
			p.That("RFC6775:7.2-3", "a new context may be used after a minute", used(all), gomega.ContainElement(false))
			p.Wait(time.Hour)
			all, _ = w.contextsTold()
			p.That("RFC6775:7.2-4", "a context may be used after an hour", used(all), gomega.ContainElement(true))
			p.WithdrawContext(3)
			for range 4 {
				p.Wait(60 * time.Second)
				all, _ = w.contextsTold()
				p.That("RFC6775:7.2-5", "a context that goes is told of for five minutes", used(all), gomega.ContainElement(false))
				p.That("RFC6775:9-1", "a context that goes may be used", used(all), gomega.Not(gomega.ContainElement(true)))
			}
			p.Wait(time.Hour)
			all, _ = w.contextsTold()
			p.That("RFC6775:7.2-6", "contexts after that", len(all), gomega.BeZero())
			p.OfferContext(3, netip.MustParsePrefix("2001:db8:d::/48"))
			all, _ = w.contextsTold()
			p.That("RFC6775:7.2-6", "another context of that number may be used", used(all), gomega.ContainElement(false))
		})

	borders2()
}

// borders2 are the checks of a border router that knows RFC 8505.
func borders2() {
	suite.It("nd.ext.border.order", "of requests about one address the newest counts: an older one is told that it has moved, and a router that had it is, too",
		check.Proves("RFC8505:6.4-1", mutate.Field(ndp.DAC(), icmpv6.Code.Is(0))).
			And("RFC8505:5.7-13", mutate.Field(ndp.DAC(ndp.DADStatus.Is(3), ndp.DADReserved.Is(240)), ndp.DADStatus.Is(0))).
			And("RFC8505:5.7-7", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Missing(ndp.DAC(ndp.DADStatus.Is(3)).With(ipv6.Dst.Is(n.Testers[1].IP6)))
			})).Needs(border2Needs...),
		func(p *probe.P) {
			w := bordering(p)
			of := func(tid byte) ndp.Duplicate { return ndp.Duplicate{Code: 1, TID: tid, Lifetime: 60, Addr: w.in(0x61)} }
			w.lan.Send(w.request(1, of(241)))
			p.Wait(time.Second)
			status, dac := w.decides(of(240))
			p.That("RFC8505:5.7-13", "the status for an older transaction", status, gomega.Equal(3))
			if dac != nil {
				p.Must("RFC8505:6.4-1", dac, icmpv6.Code.Is(1))
			}
			p.Meets("RFC8505:6.4-1")
			at := w.Now() - time.Microsecond
			w.decides(of(242))
			p.Wait(time.Second)
			moved := w.after(ndp.DAC(ndp.DADStatus.Is(3)).With(ipv6.Dst.Is(w.lan.Net().Testers[1].IP6)), at)
			p.That("RFC8505:5.7-7", "that it has moved, told to the router that had it", len(moved), gomega.BeNumerically(">=", 1))
		})

	suite.It("nd.ext.border.removed", "an address that is given back is remembered for a while, so that nothing older comes between",
		check.Proves("RFC8505:5.7-12", mutate.Field(ndp.DAC(ndp.DADReserved.Is(241)), ndp.DADStatus.Is(3))).
			And("RFC8505:5.7-14", mutate.Misreads(ndp.DAR(ndp.DADReserved.Is(239)), ndp.DADReserved.Is(250))).Needs(border2Needs...),
		func(p *probe.P) {
			w := bordering(p)
			of := func(tid byte, minutes uint16) ndp.Duplicate {
				return ndp.Duplicate{Code: 1, TID: tid, Lifetime: minutes, Addr: w.in(0x61)}
			}
			w.decides(of(240, 60))
			status, _ := w.decides(of(241, 0))
			p.That("RFC8505:5.7-12", "the status for the newest transaction, which gives it back", status, gomega.Equal(0))
			status, _ = w.decides(of(239, 60))
			p.That("RFC8505:5.7-14", "the status for an older one within a second", status, gomega.Equal(3))
			p.Wait(time.Minute)
			status, _ = w.decides(of(238, 60))
			p.That("RFC8505:5.7-14", "the status for an older one after a minute", status, gomega.Equal(0))
		})

	suite.It("nd.ext.border.full", "when there is no room for another address, the router is told so by a status of its own",
		check.Proves("RFC8505:5.7-2", mutate.Field(ndp.DAC(ndp.DADStatus.Is(9)), ndp.DADStatus.Is(2))).Needs(border2Needs...).
			Configured("CONFIG_CONFORM_6LO_ND_DUPLICATE_TABLE=3"),
		func(p *probe.P) {
			w := bordering(p)
			var all []int
			for i := range byte(4) {
				status, _ := w.decides(ndp.Duplicate{Code: 1, TID: 240, Lifetime: 60, Addr: w.in(0x61 + i)})
				all = append(all, status)
			}
			p.That("RFC8505:5.7-2", "the status for the first address", all[0], gomega.Equal(0))
			p.That("RFC8505:5.7-2", "the status for the last address", all[3], gomega.Equal(9))
		})

	check.Grid(suite, "nd.ext.border.ignored", "the upper half of the code is not looked at, nor is the transaction id of a request of RFC 6775",
		check.Proves("RFC8505:4.2-3", mutate.Ignores(ndp.DAR(icmpv6.Code.Is(0x51)))).
			And("RFC8505:4.2-7", mutate.Misreads(ndp.DAR(icmpv6.Code.Is(0)), icmpv6.Code.Is(1))).Needs(border2Needs...),
		[]string{"code", "id"},
		func(p *probe.P, which string) {
			w := bordering(p)
			if which == "code" {
				status, _ := w.decides(ndp.Duplicate{Code: 0x51, TID: 240, Lifetime: 60, Addr: w.in(0x61)})
				p.That("RFC8505:4.2-3", "the status", status, gomega.Equal(0))
				p.Meets("RFC8505:4.2-7")
				return
			}
			for _, tid := range []byte{30, 20} {
				status, _ := w.decides(ndp.Duplicate{TID: tid, Lifetime: 60, Addr: w.in(0x61)})
				p.That("RFC8505:4.2-7", "the status", status, gomega.Equal(0))
			}
			p.Meets("RFC8505:4.2-3")
		})

	suite.It("nd.router.operator", "the operator of a router sees what is registered",
		check.Proves("RFC8505:3-3", mutate.Replies("tells of no registrations", mutate.Verb(agent.Registrations), func(r *agent.Reply) { r.Addrs = nil })).
			Needs(append([]target.Feature{target.Agent, target.Management6}, router2Needs...)...),
		func(p *probe.P) {
			w := begun2(p)
			t := w.host(1)
			w.settles(w.register2(claim2{at: t, addr: t.IP(), option: minutes77(240)}))
			p.That("RFC8505:3-3", "the addresses that are registered", p.Registrations(), gomega.ContainElement(t.IP()))
		})
}
