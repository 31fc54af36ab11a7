package ipv6

import (
	"slices"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/probe"
)

// Reassembly: RFC 8200, section 4.5, and RFC 6946.

// size is how many octets of data the echoes in fragments have: 128 with their header.
const size = 120

// whole is an echo in one frame, behind headers.
func whole(lan *probe.Tester, headers ...packet.Template) *packet.Frame {
	return kit.Framed(lan, ipv6.Header().Then(append(headers, icmpv6.Echo(lan.Serial(), 1, kit.Pattern(size)))...))
}

// parts are fragments of an echo of size octets: [0,48), [48,96), [96,128).
func parts(f *packet.Frame, id uint) []packet.Template { return ipv6.Split(f, id, 48, 96) }

var (
	later  = ipv6.Fragment(ipv6.FragOffset.Not(0))
	first  = ipv6.Fragment(ipv6.FragOffset.Is(0), ipv6.FragMore.Is(1))
	last   = ipv6.Fragment(ipv6.FragOffset.Not(0), ipv6.FragMore.Is(0))
	atomic = ipv6.Fragment(ipv6.FragOffset.Is(0), ipv6.FragMore.Is(0))
)

func init() {
	check.Grid(suite, "ipv6.fragment.order", "fragments are put together, in whatever order they come",
		check.Proves("RFC8200:4.5-36", mutate.Missing(anyReply)).
			And("RFC8200:4.5-7", mutate.Misshifts(later, ipv6.FragOffset, 1)).
			And("RFC8200:4.5-8", mutate.Misreads(first, ipv6.FragMore.Is(0))).
			And("RFC8200:4.5-18", mutate.Ignores(first)).
			And("RFC8200:4.5-27", mutate.Misreads(last, ipv6.FragMore.Is(1))).
			And("RFC8200:4.5-32", mutate.Field(anyReply, packet.Data.Is(kit.Pattern(size-1)))).
			And("RFC8200:4.5-33", mutate.Field(anyReply, packet.Data.Is(kit.Pattern(size+8)))).
			And("RFC8200:4.5-34", mutate.Field(anyReply, packet.Data.Is(make([]byte, size)))).
			And("RFC8200:4.5-35", mutate.Field(anyReply, packet.Data.Is(append(make([]byte, 8), kit.Pattern(size)...)))).
			And("RFC8200:5-10", mutate.Missing(anyReply)),
		[]string{"012", "021", "102", "120", "201", "210"},
		func(p *probe.P, order string) {
			lan := p.IPv6()
			send := parts(whole(lan), 0x0a0b0c0d)
			for _, i := range order {
				lan.Send(send[i-'0'])
			}
			reply := lan.Expect(anyReply, probe.For("RFC8200:4.5-36", "RFC8200:4.5-7", "RFC8200:4.5-8", "RFC8200:4.5-18", "RFC8200:4.5-27", "RFC8200:5-10"))
			for _, r := range []string{"RFC8200:4.5-32", "RFC8200:4.5-33", "RFC8200:4.5-34", "RFC8200:4.5-35"} {
				p.Must(r, reply, packet.Data.Is(kit.Pattern(size)))
			}
		})

	check.Grid(suite, "ipv6.fragment.large", "packets of up to 1500 octets are reassembled, and larger ones may be",
		check.Proves("RFC8200:5-10", mutate.Missing(anyReply)),
		[]int{1240, 1400, 1452},
		func(p *probe.P, n int) {
			lan := p.IPv6()
			f := kit.Framed(lan, icmpv6.Echo(p.Serial(), 1, kit.Pattern(n)))
			for _, part := range ipv6.SplitEvery(f, 0x77, 256) {
				lan.Send(part)
			}
			p.Must("RFC8200:5-10", lan.Expect(anyReply), packet.Data.Is(kit.Pattern(n)))
		})

	suite.It("ipv6.fragment.larger", "packets of more than 1500 octets may be reassembled; then they are right",
		check.Proves("RFC8200:5-11", mutate.Shifts(later, ipv6.FragOffset, 1)),
		func(p *probe.P) {
			lan := p.IPv6()
			f := kit.Framed(lan, icmpv6.Echo(p.Serial(), 1, kit.Pattern(4000)))
			for _, part := range ipv6.SplitEvery(f, 0x78, 1024) {
				lan.Send(part)
			}
			id := p.Serial()
			lan.Ask(icmpv6.Echo(id, 2, nil), icmpv6.EchoReply(icmpv6.ID.Is(id)), probe.For())
			got := lan.Seen(ipv6.Fragment())
			if len(got) == 0 {
				p.Observed("RFC8200:5-11", "4048 octets are not reassembled")
				p.Meets("RFC8200:5-11")
				return
			}
			p.Observed("RFC8200:5-11", "4048 octets are reassembled")
			reply, err := ipv6.Whole(got)
			if err != nil {
				p.Fail("RFC8200:5-11", probe.Value, "the fragments of the reply do not fit: %v", err)
				return
			}
			p.Must("RFC8200:5-11", reply, packet.Data.Is(kit.Pattern(4000)))
		})

	check.Grid(suite, "ipv6.fragment.key", "only fragments with the same addresses and identification are joined",
		check.Proves("RFC8200:4.5-29", mutate.Gullible()).
			And("RFC8200:4.5-9", mutate.Persuaded()),
		[]kit.Aspect{
			kit.About("identification", "RFC8200:4.5-29"), kit.About("identification-high", "RFC8200:4.5-29", "RFC8200:4.5-9"),
			kit.About("source", "RFC8200:4.5-29"), kit.About("destination", "RFC8200:4.5-29"),
		},
		func(p *probe.P, a kit.Aspect) {
			lan := p.IPv6()
			send := ipv6.Split(whole(lan), 0x00001234, 64)
			other := map[string]packet.Cond{
				"identification":      ipv6.FragID.Is(0x1235),
				"identification-high": ipv6.FragID.Is(0x80001234),
				"source":              ipv6.Src.Is(lan.Host().LinkLocal),
				"destination":         ipv6.Dst.Is(lan.Net().Target.LinkLocal),
			}[a.Name]
			lan.Send(send[0])
			lan.Silent(send[1].With(other), echo(p), anyReply, probe.For(a.Requirements...))
			lan.Ask(send[1], anyReply, probe.For(), probe.Because("all else is as it has to be"))
		})

	check.Grid(suite, "ipv6.fragment.reserved", "the reserved bits of a Fragment header are not looked at",
		check.Proves("RFC8200:4.5-4", mutate.Ignores(ipv6.Fragment(ipv6.FragReserved.Not(0)))).
			And("RFC8200:4.5-6", mutate.Ignores(ipv6.Fragment(ipv6.FragRes.Not(0)))),
		[]uint{1, 0xff},
		func(p *probe.P, n uint) {
			lan := p.IPv6()
			for _, part := range parts(whole(lan), 0x11) {
				lan.Send(part.With(ipv6.FragReserved.Is(n)))
			}
			lan.Expect(anyReply, probe.For("RFC8200:4.5-4"))
			for _, part := range parts(whole(lan), 0x12) {
				lan.Send(part.With(ipv6.FragRes.Is(n & 3)))
			}
			lan.Expect(anyReply, probe.For("RFC8200:4.5-6"))
		})

	differing()
	refusedFragments()
	atomics()
}

// differing are fragments of one packet whose headers are not the same.
func differing() {
	suite.It("ipv6.fragment.headers", "headers before the Fragment header may differ; those of the first fragment stay",
		check.Proves("RFC8200:4.5-30", mutate.Ignores(ipv6.Routing().Then(first))).
			And("RFC8200:4.5-54", mutate.Ignores(ipv6.HopByHop().Then(later))).
			And("RFC8200:4.5-56", mutate.Missing(anyReply)),
		func(p *probe.P) {
			lan := p.IPv6()
			id := p.Serial()
			plain := icmpv6.Echo(id, 1, kit.Pattern(size))
			frame := func(hs ...packet.Template) *packet.Frame {
				return kit.Framed(lan, ipv6.Header().Then(append(hs, plain)...))
			}
			used := ipv6.Routing(ipv6.RouteType.Is(253), ipv6.SegmentsLeft.Is(0))
			lan.Send(parts(frame(ipv6.HopByHop()), 0x21)[1])
			lan.Send(parts(frame(), 0x21)[2])
			lan.Send(parts(frame(used), 0x21)[0])
			reply := lan.Expect(anyReply, probe.For("RFC8200:4.5-30", "RFC8200:4.5-54", "RFC8200:4.5-56"))
			p.Must("RFC8200:4.5-56", reply, packet.Data.Is(kit.Pattern(size)))
		})

	suite.It("ipv6.fragment.next-header", "the next header of the first fragment is that of the packet, whatever the others say",
		check.Proves("RFC8200:4.5-31", mutate.Misreads(first, ipv6.FragNext.Is(ipv6.NextNone))).
			And("RFC8200:4.5-57", mutate.Ignores(ipv6.Fragment(ipv6.FragNext.Is(ipv6.NextNone)))),
		func(p *probe.P) {
			lan := p.IPv6()
			send := parts(whole(lan), 0x22)
			lan.Send(send[1].With(ipv6.FragNext.Is(ipv6.NextNone)))
			lan.Send(send[0])
			lan.Send(send[2].With(ipv6.FragNext.Is(ipv6.NextUDP)))
			lan.Expect(anyReply, probe.For("RFC8200:4.5-31", "RFC8200:4.5-57"))
		})

	suite.It("ipv6.fragment.fields", "hop limit, class and label may differ between fragments",
		check.Proves("RFC8200:4.5-58", mutate.Ignores(ipv6.Header(ipv6.TrafficClass.Is(0xb8)))),
		func(p *probe.P) {
			lan := p.IPv6()
			send := parts(whole(lan), 0x23)
			lan.Send(send[0].With(ipv6.HopLimit.Is(3)))
			lan.Send(send[1].With(ipv6.TrafficClass.Is(0xb8)))
			lan.Send(send[2].With(ipv6.FlowLabel.Is(0x12345), ipv6.HopLimit.Is(200)))
			lan.Expect(anyReply)
		})

	suite.It("ipv6.fragment.arrival", "headers before the Fragment header are processed when the fragment comes",
		check.Proves("RFC8200:4.5-55", mutate.Missing(anyProblem)),
		func(p *probe.P) {
			lan := p.IPv6()
			f := whole(lan, ipv6.HopByHop(ipv6.HopOptions.Is(ipv6.Option(0x9e, 1, 2, 3, 4))))
			e := lan.Ask(parts(f, 0x24)[1], anyProblem)
			p.Must("RFC8200:4.5-55", e, icmpv6.Code.Is(icmpv6.CodeUnknownOption), icmpv6.Pointer.Is(42))
		})
}

// refusedFragments are those that no packet has.
func refusedFragments() {
	check.Grid(suite, "ipv6.fragment.multiple", "a fragment that is not the last and no multiple of 8 octets long draws Parameter Problem",
		check.Proves("RFC8200:4.5-44", mutate.Gullible()).
			And("RFC8200:4.5-45", mutate.Field(anyProblem, icmpv6.Pointer.Is(42))).
			And("RFC8200:4.5-17", mutate.Missing(anyProblem)),
		[]int{1, 4, 7, 9, 47},
		func(p *probe.P, n int) {
			lan := p.IPv6()
			f := whole(lan)
			bad := ipv6.Part(f, 0x31, 48, 48+n)
			lan.Send(ipv6.Part(f, 0x31, 0, 48))
			lan.Silent(bad, echo(p), anyReply, probe.For("RFC8200:4.5-44"))
			e := lan.Expect(anyProblem, probe.For("RFC8200:4.5-45", "RFC8200:4.5-17"))
			p.Must("RFC8200:4.5-45", e, icmpv6.Code.Is(icmpv6.CodeErroneousField), icmpv6.Pointer.Is(4), icmpv6.Quotes(kit.Framed(lan, bad)))
		})

	check.Grid(suite, "ipv6.fragment.beyond", "a fragment that would make a packet of more than 65535 octets draws Parameter Problem",
		check.Proves("RFC8200:4.5-46", mutate.Persuaded()).
			And("RFC8200:4.5-47", mutate.Field(anyProblem, icmpv6.Pointer.Is(4))),
		[]int{8, 9, 1000},
		func(p *probe.P, n int) {
			lan := p.IPv6()
			f := whole(lan)
			bad := ipv6.Part(f, 0x32, 65528, 65528+n).With(ipv6.FragMore.Is(0))
			send := parts(f, 0x32)
			lan.Send(send[0])
			lan.Send(send[1])
			lan.Silent(bad, echo(p), anyReply, probe.For("RFC8200:4.5-46"))
			e := lan.Expect(anyProblem, probe.For("RFC8200:4.5-47"))
			p.Must("RFC8200:4.5-47", e, icmpv6.Code.Is(icmpv6.CodeErroneousField), icmpv6.Pointer.Is(42))
		})

	suite.It("ipv6.fragment.beyond.header", "the pointer at a fragment offset counts the headers before it",
		check.Proves("RFC8200:4.5-47", mutate.Field(anyProblem, icmpv6.Pointer.Is(42))),
		func(p *probe.P) {
			lan := p.IPv6()
			e := lan.Ask(ipv6.Part(whole(lan, ipv6.HopByHop()), 0x33, 65528, 65544), anyProblem)
			p.Must("RFC8200:4.5-47", e, icmpv6.Code.Is(icmpv6.CodeErroneousField), icmpv6.Pointer.Is(50))
		})
}

// atomics are packets that are whole and have a Fragment header.
func atomics() {
	suite.It("ipv6.atomic.alone", "a packet with a Fragment header that is all of it is taken at once",
		check.Proves("RFC8200:4.5-37", mutate.Ignores(atomic)).
			And("RFC6946:2-1", mutate.Misreads(atomic, ipv6.FragMore.Is(1))).
			And("RFC6946:4-2", mutate.Missing(anyReply)).
			And("RFC6946:4-3", mutate.Ignores(ipv6.HopByHop().Then(atomic))).
			And("RFC6946:4-4", mutate.Misreads(atomic, ipv6.FragNext.Is(ipv6.NextNone))).
			And("RFC6946:4-5", mutate.Field(anyReply, packet.Data.Is(kit.Pattern(size+8)))),
		func(p *probe.P) {
			lan := p.IPv6()
			all := []string{"RFC8200:4.5-37", "RFC6946:2-1", "RFC6946:4-2", "RFC6946:4-3", "RFC6946:4-4", "RFC6946:4-5"}
			reply := lan.Ask(ipv6.Atomic(whole(lan, ipv6.HopByHop()), 0x41), anyReply, probe.For(all...))
			p.Must("RFC6946:4-5", reply, packet.Data.Is(kit.Pattern(size)))
		})

	check.Grid(suite, "ipv6.atomic.beside", "a packet that is all of it neither joins nor disturbs fragments with its identification",
		check.Proves("RFC8200:4.5-38", mutate.DeafAfter(1, atomic, last)).
			And("RFC6946:4-1", mutate.DeafAfter(1, first, atomic)).
			And("RFC6946:4-6", mutate.DeafAfter(1, atomic, later)).
			And("RFC6946:4-7", mutate.DeafAfter(1, atomic, ipv6.Fragment(ipv6.FragMore.Is(0)))),
		[]int{1, 2},
		func(p *probe.P, before int) {
			lan := p.IPv6()
			send := parts(whole(lan), 0x42)
			for _, part := range send[:before] {
				lan.Send(part)
			}
			lan.Ask(ipv6.Atomic(whole(lan), 0x42), anyReply, probe.For("RFC6946:4-1"))
			for _, part := range slices.Clone(send[before:]) {
				lan.Send(part)
			}
			lan.Expect(anyReply, probe.For("RFC8200:4.5-38", "RFC6946:4-6", "RFC6946:4-7"))
		})
}
