package ipv4

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Fragments by their place in a datagram.
var (
	first   = ipv4.Header(ipv4.Offset.Is(0), ipv4.MF.Is(1))
	middle  = ipv4.Header(ipv4.Offset.Not(0), ipv4.MF.Is(1))
	last    = ipv4.Header(ipv4.Offset.Not(0), ipv4.MF.Is(0))
	later   = ipv4.Header(ipv4.Offset.Not(0))
	anyICMP = ipv4.Header(ipv4.Protocol.Is(1))
)

// whole is an echo with data and an identification of its own, to be cut. It may be cut: DF is not set.
func whole(t *probe.Tester, data []byte, conds ...packet.Cond) *packet.Frame {
	n := t.Serial()
	return kit.Framed(t, icmpv4.Echo(n, 1, data).With(ipv4.ID.Is(0x4000+n)).With(conds...))
}

// thirds cuts an echo with 64 octets of data into three fragments: 24 octets, 24, and the rest.
func thirds(f *packet.Frame) []packet.Template { return ipv4.Split(f, 24, 48) }

// reassembled asserts for requirements that the reply to an echo has its data.
func reassembled(t *probe.Tester, f *packet.Frame, data []byte, requirements ...string) {
	reply := t.Expect(replyTo(f), probe.For(requirements...))
	for _, req := range requirements {
		t.Must(req, reply, packet.Data.Is(data))
	}
}

// An order is that in which fragments arrive.
type order []int

func (o order) String() string {
	s := ""
	for _, i := range o {
		s += fmt.Sprint(i + 1)
	}
	return s
}

// orders are all orders of n fragments.
func orders(n int) (all []order) {
	if n == 0 {
		return []order{nil}
	}
	for _, o := range orders(n - 1) {
		for at := range n {
			all = append(all, slices.Insert(slices.Clone(o), at, n-1))
		}
	}
	return all
}

func init() {
	check.Grid(suite, "ipv4.reassembly.order", "a datagram is put together from its fragments in any order",
		check.Proves("RFC815:1-2", mutate.DeafAfter(1, last, first)).
			And("RFC791:3.2-RP-3", mutate.DeafAfter(1, later, first)).
			And("RFC815:3-3", mutate.DeafAfter(1, middle, first)).
			And("RFC815:3-4", mutate.DeafAfter(1, last, middle)).
			And("RFC815:3-5", mutate.DeafAfter(1, first, middle)).
			And("RFC815:3-7", mutate.DeafAfter(1, last, anyICMP)).
			And("RFC791:3.1-HF-17", mutate.Misreads(last, ipv4.Offset.Is(2))),
		orders(3),
		func(p *probe.P, o order) {
			host := p.IPv4()
			f := whole(host, kit.Pattern(64))
			sendAll(host, thirds(f), o...)
			reassembled(host, f, kit.Pattern(64), "RFC815:1-2", "RFC791:3.2-RP-3", "RFC815:3-3", "RFC815:3-4", "RFC815:3-5", "RFC815:3-7", "RFC791:3.1-HF-17")
		})

	// 72 fragments of 8 octets make the 576 octets that every host must take.
	check.Grid(suite, "ipv4.reassembly.count", "a datagram is put together from any number of fragments, of any size",
		check.Proves("RFC815:1-1", mutate.DeafAfter(16, anyICMP, anyICMP)).
			And("RFC1122:3.2.1.4-1", mutate.Ignores(later)).
			And("RFC1122:3.3.2-1", mutate.Ignores(later)).
			And("RFC791:3.1-HF-12", mutate.Ignores(first)).
			And("RFC1122:3.3.2-2", mutate.Ignores(ipv4.Header(ipv4.Offset.Where("beyond 512 octets", func(o uint) bool { return o >= 64 })))),
		[]int{8, 16, 200, 280, 552},
		func(p *probe.P, size int) {
			host := p.IPv4()
			data := kit.Pattern(548)
			f := whole(host, data)
			for _, part := range ipv4.SplitEvery(f, size) {
				host.Send(part)
			}
			reassembled(host, f, data, "RFC815:1-1", "RFC1122:3.2.1.4-1", "RFC1122:3.3.2-1", "RFC791:3.1-HF-12", "RFC1122:3.3.2-2")
		})

	check.Grid(suite, "ipv4.reassembly.hole", "a datagram is passed up when the last hole is filled, not before",
		check.Proves("RFC815:2-1", mutate.Forge(later, icmpv4.EchoReply(icmpv4.ID.Is(1)))).
			And("RFC815:3-8", mutate.Forge(later, icmpv4.Message(icmpv4.Type.Is(icmpv4.TypeTimeExceeded)))).
			And("RFC791:3.2-RP-6", mutate.Drops(anyReply, 1)).
			And("RFC791:3.2-RP-5", mutate.Field(anyReply, packet.Data.Is(kit.Pattern(40)))).
			And("RFC815:3-6", mutate.Field(anyReply, packet.Data.Is(kit.Pattern(72)))),
		orders(3),
		func(p *probe.P, o order) {
			host := p.IPv4()
			f := whole(host, kit.Pattern(64))
			parts := thirds(f)
			sendAll(host, parts, o[:2]...)
			alive(host)
			p.That("RFC815:2-1", "no reply while a fragment is missing", host.Seen(replyTo(f)), gomega.BeEmpty())
			p.That("RFC815:3-8", "no error while a fragment is missing", host.Seen(icmpv4.Error()), gomega.BeEmpty())
			sendAll(host, parts, o[2])
			reassembled(host, f, kit.Pattern(64), "RFC791:3.2-RP-6", "RFC791:3.2-RP-5", "RFC815:3-6")
		})

	check.Grid(suite, "ipv4.reassembly.duplicate", "fragments that come twice do no harm",
		check.Proves("RFC815:1-3", mutate.DeafAfter(2, first, anyICMP)).And("RFC815:3-2", mutate.DeafAfter(2, middle, anyICMP)),
		[]order{{0, 0, 1, 2}, {0, 1, 1, 2}, {2, 2, 1, 0}, {1, 0, 1, 0, 2}, {0, 2, 0, 2, 1}},
		func(p *probe.P, o order) {
			host := p.IPv4()
			f := whole(host, kit.Pattern(64))
			sendAll(host, thirds(f), o...)
			reassembled(host, f, kit.Pattern(64), "RFC815:1-3", "RFC815:3-2")
		})

	suite.It("ipv4.reassembly.freed", "with the datagram complete its state is gone: the same fragments make another one",
		check.Proves("RFC791:3.2-RP-7", mutate.DeafAfter(1, last, first)),
		func(p *probe.P) {
			host := p.IPv4()
			f := whole(host, kit.Pattern(64))
			parts := thirds(f)
			sendAll(host, parts, 0, 1, 2)
			host.Expect(replyTo(f), probe.For())
			sendAll(host, parts, 1, 2)
			alive(host)
			p.That("RFC791:3.2-RP-7", "replies after a part of the same fragments", len(host.Seen(replyTo(f))), gomega.Equal(1))
			sendAll(host, parts, 0)
			reassembled(host, f, kit.Pattern(64), "RFC791:3.2-RP-7")
		})

	keyed()
	firstHeader()

	// Linux goes on with what it had, RFC 791's example starts afresh: only the whole datagram is certain.
	suite.It("ipv4.reassembly.whole-between", "a whole datagram is passed on though fragments with its identification wait",
		check.Proves("RFC791:3.2-RP-2", mutate.DeafAfter(1, first, anyICMP.With(ipv4.MF.Is(0), ipv4.Offset.Is(0)))),
		func(p *probe.P) {
			host := p.IPv4()
			f := whole(host, kit.Pattern(64))
			parts := thirds(f)
			sendAll(host, parts, 0, 1)
			id, _ := ipv4.ID.Of(f)
			other := asked(host, kit.Pattern(64), ipv4.ID.Is(id))
			host.SendBytes(other.Bytes)
			host.Expect(other.reply)
			sendAll(host, parts, 2)
			alive(host)
			p.Observed("RFC791:3.2-RP-2", "the fragments that waited: %d replies", len(host.Seen(replyTo(f))))
		})
}

// keyed adds the checks of what belongs together. The other fragment differs in nothing but the field of the case; its
// data has the same checksum, so that a datagram made with it would be answered.
func keyed() {
	mixed := func(a netip.Addr) mutate.Mutation {
		return mutate.Misreads(last, ipv4.Src.Is(a))
	}
	check.Grid(suite, "ipv4.reassembly.key", "fragments belong together by source, destination, protocol and identification",
		check.Proves("RFC815:7-1", mutate.Here(func(n target.Net) mutate.Mutation { return mixed(n.Testers[0].IP4) })).
			And("RFC791:3.2-RP-1", mutate.Misreads(last, ipv4.ID.Is(0x4001))),
		[]string{"source", "destination", "protocol", "identification"},
		func(p *probe.P, field string) {
			host := p.IPv4()
			data := kit.Pattern(64)
			f := whole(host, data) // of identification 0x4001
			id, _ := ipv4.ID.Of(f)
			differs := map[string]packet.Cond{
				"source":         ipv4.Src.Is(host.As(1).IP()),
				"destination":    ipv4.Dst.Is(directed(p.Net(), 0xff)),
				"protocol":       ipv4.Protocol.Is(253),
				"identification": ipv4.ID.Is(id + 1),
			}[field]
			echoID, _ := icmpv4.ID.Of(f)
			other := kit.Framed(host, icmpv4.Echo(echoID, 1, twin(data)).With(ipv4.ID.Is(id)))
			parts := thirds(f)
			host.Send(parts[0])
			host.Send(thirds(other)[1].With(differs))
			host.Send(thirds(other)[2].With(differs))
			alive(host)
			for _, req := range []string{"RFC815:7-1", "RFC791:3.2-RP-1"} {
				p.That(req, "no reply to a datagram of fragments of two", host.Seen(replyTo(f)), gomega.BeEmpty())
			}
			sendAll(host, parts, 1, 2)
			reassembled(host, f, data, "RFC815:7-1", "RFC791:3.2-RP-1")
		})
}

// firstHeader adds the checks of where the header of the datagram comes from. Record Route shows it: it is in the first
// fragment only.
func firstHeader() {
	slots := []netip.Addr{offLink, {}, {}, {}}
	without := mutate.Misreads(first, ipv4.Options.Is(nil))
	check.Grid(suite, "ipv4.reassembly.header", "the header of the first fragment is that of the datagram, whenever it comes",
		check.Proves("RFC791:3.2-RP-4", without).
			And("RFC815:6-1", without).
			And("RFC815:6-2", without).
			And("RFC815:6-4", mutate.Misreads(first, ipv4.Options.Is(ipv4.RecordRoute(8, far, netip.Addr{}, netip.Addr{}, netip.Addr{})))),
		[]order{{0, 1, 2}, {2, 1, 0}},
		func(p *probe.P, o order) {
			host := p.IPv4()
			reqs := []string{"RFC791:3.2-RP-4", "RFC815:6-1", "RFC815:6-2", "RFC815:6-4"}
			if returned(host, ipv4.RecordRouteType, ipv4.RecordRoute(8, slots...), reqs...) == nil {
				return
			}
			f := whole(host, kit.Pattern(64), ipv4.Options.Is(ipv4.RecordRoute(8, slots...)))
			parts := thirds(f)
			p.Step("the other fragments say that the route was another one")
			for i := 1; i <= 2; i++ {
				parts[i] = parts[i].With(ipv4.Options.Is(ipv4.RecordRoute(8, far, netip.Addr{}, netip.Addr{}, netip.Addr{})))
			}
			sendAll(host, parts, o...)
			reply := host.Expect(replyTo(f), probe.For(reqs...))
			options, _ := ipv4.Options.Of(reply)
			for _, req := range reqs {
				p.Must(req, reply, packet.Data.Is(kit.Pattern(64)))
				found := ipv4.FindOptions(options, ipv4.RecordRouteType)
				if p.That(req, "Record Route options in the reply", len(found), gomega.Equal(1)) {
					p.That(req, "the route recorded", hops(found[0]), recordedOnce(host))
				}
			}
		})
}
