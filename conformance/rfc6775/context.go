package rfc6775

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
)

// compressing is a target that compresses by as many contexts as there are.
var compressing = []string{"CONFIG_NET_6LO_CONTEXT=y", "CONFIG_NET_MAX_6LO_CONTEXTS=16"}

const ctxID = 4

var (
	ctxPrefix  = netip.MustParsePrefix("2001:db8:cc::/64")
	nextPrefix = netip.MustParsePrefix("2001:db8:dd::/64")
)

// inContext is an address of a context.
func inContext(p netip.Prefix) netip.Addr { return p.Addr().Next() }

// ctx is an option of the context of these checks.
func ctx(prefix netip.Prefix, minutes uint16, compress bool) []byte {
	return ndp.Context{ID: ctxID, Prefix: prefix, Lifetime: minutes, Compress: compress}.Option()
}

// asks sends an echo from an address of a context, compressed by it, and gives the answer; nil without one.
func (w world) asks(prefix netip.Prefix) *packet.Frame {
	with := *w.lan
	with.SetContext(ctxID, prefix)
	id := w.lan.Serial()
	with.Send(icmpv6.Echo(id, 1, nil).With(ipv6.Src.Is(inContext(prefix)), ipv6.Dst.Is(w.address()), lowpan.SAC.Is(1)))
	w.Wait(time.Second)
	return last(w.lan.Seen(icmpv6.EchoReply(icmpv6.ID.Is(id))))
}

// compressed tells whether the destination of a packet is compressed by a context.
func compressed(f *packet.Frame) bool {
	if f == nil {
		return false
	}
	dac, _ := lowpan.DAC.Of(f)
	return dac == 1
}

// rehears is a target that sees other contexts in advertisements: what is left of an option, nil to have none.
func rehears(what string, change func(o []byte) []byte) mutate.Mutation {
	return rehearsKind(what, ndp.CtxType, change)
}

func rehearsKind(what string, kind byte, change func(o []byte) []byte) mutate.Mutation {
	there := ndp.RAOptions.Where("with such an option", func(b []byte) bool { return len(ndp.FindOptions(b, kind)) > 0 })
	return mutate.MisreadsAs(ndp.RouterAdvert(there), what, func(f *packet.Frame) [][]byte {
		b, _ := ndp.RAOptions.Of(f)
		all, _ := ndp.SplitOptions(bytes.Clone(b))
		for i, o := range all {
			if o[0] == kind {
				all[i] = change(o)
			}
		}
		return f.Rewrites(ndp.RAOptions.Is(slices.Concat(all...)))
	})
}

// minutesIn is the lifetime of a context.
func minutesIn(o []byte) uint16 { return binary.BigEndian.Uint16(o[6:]) }

// lasts makes the lifetime of a context another one, if it is a certain one.
func lasts(from, to uint16) func([]byte) []byte {
	return func(o []byte) []byte {
		if minutesIn(o) == from {
			binary.BigEndian.PutUint16(o[6:], to)
		}
		return o
	}
}

// lacks leaves out contexts such as one.
func lacks(such func(o []byte) bool) func([]byte) []byte {
	return func(o []byte) []byte {
		if such(o) {
			return nil
		}
		return o
	}
}

func init() {
	all := func([]byte) bool { return true }
	usable := func(o []byte) []byte { o[3] |= 16; return o }
	suite.It("nd.context.receive", "a context that may not be used to compress is used to decompress, and to nothing else",
		check.Proves("RFC6775:4.2-3", rehears("with contexts that may be used", usable)).
			And("RFC6775:5.4.2-1", rehears("with contexts that may be used, for long", func(o []byte) []byte { return lasts(100, 1000)(usable(o)) })).
			And("RFC6775:4.2-4", rehears("with contexts that end", lasts(100, 0))).
			And("RFC6775:5.4.2-2", rehears("without contexts that may not be used", lacks(func(o []byte) bool { return o[3]&16 == 0 }))).
			And("RFC6775:5.4.2-5", rehears("without contexts", lacks(all))).
			Needs(hostNeeds...).Configured(compressing...),
		func(p *probe.P) {
			w := start(p)
			w.registered(60, ctx(ctxPrefix, 100, false))
			reply := w.asks(ctxPrefix)
			for _, req := range []string{"RFC6775:4.2-4", "RFC6775:5.4.2-2", "RFC6775:5.4.2-5"} {
				p.That(req, "an answer to what is compressed by the context", reply != nil, gomega.BeTrue())
			}
			for _, req := range []string{"RFC6775:4.2-3", "RFC6775:5.4.2-1"} {
				p.That(req, "the answer is compressed by the context", compressed(reply), gomega.BeFalse())
			}
		})

	suite.It("nd.context.changed", "a context is another one when a router says so, and none when its lifetime is 0",
		check.Proves("RFC6775:5.4.2-3", rehears("without another context", lacks(func(o []byte) bool { return o[13] == 0xdd }))).
			And("RFC6775:4.2-8", rehears("with contexts that last", lasts(0, 60))).
			And("RFC6775:5.4.2-4", rehears("without contexts that end", lacks(func(o []byte) bool { return minutesIn(o) == 0 }))).
			Needs(hostNeeds...).Configured(compressing...),
		func(p *probe.P) {
			w := start(p)
			w.registered(60, ctx(ctxPrefix, 100, true))
			if w.asks(ctxPrefix) == nil {
				p.Inconclusive("the target does not use the context")
			}
			w.lan.Send(w.advertisement(w.lan, 1800, ctx(nextPrefix, 100, true)))
			p.Wait(time.Second)
			p.That("RFC6775:5.4.2-3", "an answer to what is compressed by the new context", w.asks(nextPrefix) != nil, gomega.BeTrue())
			w.lan.Send(w.advertisement(w.lan, 1800, ctx(nextPrefix, 0, true)))
			p.Wait(time.Second)
			gone := w.asks(nextPrefix)
			for _, req := range []string{"RFC6775:4.2-8", "RFC6775:5.4.2-4"} {
				p.That(req, "an answer to what is compressed by a context that is none", gone != nil, gomega.BeFalse())
			}
			if w.answers(w.address()) == nil {
				p.Inconclusive("the target does not answer any more: silence proves nothing")
			}
		})

	suite.It("nd.context.over", "when its minutes are over a context only decompresses, and after twice the lifetime of the router it is gone",
		check.Proves("RFC6775:4.2-7", rehears("with half of its minutes", lasts(2, 1))).
			And("RFC6775:5.4.3-1", rehears("with more minutes", lasts(2, 60))).
			And("RFC6775:5.4.3-2", mutate.Misreads(anyRA, ndp.Lifetime.Is(9000))).
			Needs(hostNeeds...).Configured(compressing...),
		func(p *probe.P) {
			w := start(p)
			w.solicited()
			again := w.advertisement(w.lan, 300)
			w.lan.Send(w.advertisement(w.lan, 300, ctx(ctxPrefix, 2, true)))
			at := w.Now()
			until := func(d time.Duration) {
				for w.Now() < at+d {
					p.Wait(min(100*time.Millisecond, at+d-w.Now()))
					w.acceptAll(60)
					if left := at + d - w.Now(); (w.Now()-at)%(90*time.Second) == 0 || left == 2*time.Second { // it is a router all the time
						w.lan.Send(again)
					}
				}
			}
			until(3 * time.Second)
			first := compressed(w.asks(ctxPrefix))
			until(100 * time.Second)
			p.That("RFC6775:4.2-7", "answers are compressed by the context after 100 s as before", compressed(w.asks(ctxPrefix)), gomega.Equal(first))
			until(130 * time.Second)
			reply := w.asks(ctxPrefix)
			p.That("RFC6775:5.4.3-1", "an answer to what is compressed by the context after its two minutes", reply != nil, gomega.BeTrue())
			p.That("RFC6775:5.4.3-1", "the answer is compressed by the context", compressed(reply), gomega.BeFalse())
			until(690 * time.Second)
			p.That("RFC6775:5.4.3-2", "an answer before twice the lifetime of the router", w.asks(ctxPrefix) != nil, gomega.BeTrue())
			until(740 * time.Second)
			p.That("RFC6775:5.4.3-2", "an answer after it", w.asks(ctxPrefix) != nil, gomega.BeFalse())
			if w.answers(w.address()) == nil {
				p.Inconclusive("the target does not answer any more: silence proves nothing")
			}
		})

	suite.It("nd.prefix.over", "a prefix ends when its time is over",
		check.Proves("RFC6775:5.4.3-3", rehearsKind("with prefixes that last", ndp.PrefixType, func(o []byte) []byte {
			binary.BigEndian.PutUint32(o[4:], 90000)
			return o
		})).Needs(hostNeeds...),
		func(p *probe.P) {
			w := start(p)
			w.solicited()
			x := ndp.Advertised(w.lan.Net().Prefix6)
			x.OnLink, x.Valid, x.Preferred = false, 200, 200
			w.lan.Send(w.said(1, 1000, w.border(), x.Option()))
			for until := w.Now() + 3*time.Second; w.Now() < until; {
				p.Wait(100 * time.Millisecond)
				w.acceptAll(60)
			}
			if w.answers(w.address()) == nil {
				p.Inconclusive("the target does not answer from the address that it made")
			}
			p.Wait(200 * time.Second)
			p.That("RFC6775:5.4.3-3", "an answer from an address of the prefix after its time", w.answers(w.address()) != nil, gomega.BeFalse())
		})
}
