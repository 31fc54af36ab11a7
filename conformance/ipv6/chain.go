package ipv6

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/probe"
)

// Chains of extension headers: RFC 8200, sections 4 and 4.1.

func ipFrom(b []byte) netip.Addr { a, _ := netip.AddrFromSlice(b); return a }

// chain is names of headers: h hop-by-hop, d destination options, r a routing header that is used up, f an atomic fragment.
type chain string

func (c chain) String() string { return string(c) }

func (c chain) headers() (hs []packet.Template) {
	for i, name := range strings.Split(string(c), "") {
		switch name {
		case "h":
			hs = append(hs, ipv6.HopByHop())
		case "d":
			hs = append(hs, ipv6.Destination())
		case "r":
			hs = append(hs, ipv6.Routing(ipv6.RouteType.Is(253), ipv6.SegmentsLeft.Is(0)))
		case "f":
			hs = append(hs, ipv6.Fragment(ipv6.FragID.Is(uint(0x7000+i))))
		}
	}
	return hs
}

// arranged is a chain that shows some requirements.
type arranged struct {
	kit.Aspect
	chain
}

func (a arranged) String() string { return a.Name }

func init() {
	order := func(c string, more ...string) arranged {
		return arranged{kit.About(c, append([]string{"RFC8200:4-1", "RFC8200:4-15"}, more...)...), chain(c)}
	}
	check.Grid(suite, "ipv6.chain.order", "extension headers are taken in any order, and any number of times",
		check.Proves("RFC8200:4-1", mutate.Missing(anyReply)).
			And("RFC8200:4-7", mutate.Ignores(ipv6.Header(ipv6.NextHeader.Is(ipv6.NextHopByHop)))).
			And("RFC8200:4-15", mutate.Missing(anyReply)).
			And("RFC8200:4-17", mutate.Ignores(ipv6.HopByHop())).
			And("RFC8200:4-18", mutate.Ignores(ipv6.Fragment())).
			And("RFC8200:4-19", mutate.Ignores(ipv6.Destination())).
			And("RFC8200:4-20", mutate.Ignores(ipv6.Routing())).
			And("RFC8200:4.1-7", mutate.Ignores(ipv6.Routing().Then(ipv6.Destination()))).
			And("RFC8200:4.1-8", mutate.Ignores(ipv6.Destination().Then(ipv6.Destination()))).
			And("RFC8200:4.4-1", mutate.Ignores(ipv6.Header(ipv6.NextHeader.Is(ipv6.NextRouting)))).
			And("RFC8200:4.5-2", mutate.Ignores(ipv6.Header(ipv6.NextHeader.Is(ipv6.NextFragment)))).
			And("RFC8200:4.6-1", mutate.Ignores(ipv6.Header(ipv6.NextHeader.Is(ipv6.NextDestination)))).
			And("RFC8200:4.3-1", mutate.Ignores(ipv6.HopByHop())).
			And("RFC8200:4.4-2", mutate.Ignores(ipv6.Routing())).
			And("RFC8200:4.6-2", mutate.Ignores(ipv6.Destination())),
		[]arranged{
			order("h", "RFC8200:4-7", "RFC8200:4-17", "RFC8200:4.3-1"),
			order("d", "RFC8200:4-19", "RFC8200:4.6-1", "RFC8200:4.6-2"),
			order("r", "RFC8200:4-20", "RFC8200:4.4-1", "RFC8200:4.4-2"),
			order("f", "RFC8200:4-18", "RFC8200:4.5-2"),
			order("hdrfd"),
			order("rd", "RFC8200:4.1-7"), order("frd", "RFC8200:4.1-7"), order("drd", "RFC8200:4.1-7"),
			order("dd", "RFC8200:4.1-8"), order("ddd", "RFC8200:4.1-8"), order("hddrd", "RFC8200:4.1-8"), order("rr"), order("df"), order("fd"),
		},
		func(p *probe.P, a arranged) {
			lan := p.IPv6()
			lan.Ask(echo(p, a.headers()...), anyReply, probe.For(a.Requirements...))
		})

	lengths := []int{0, 1, 2, 5, 20}
	check.Grid(suite, "ipv6.chain.length", "a header of options is as long as its length field says",
		check.Proves("RFC8200:4.3-1", mutate.Misshifts(ipv6.HopByHop(), ipv6.HopLength, 1)).
			And("RFC8200:4.3-2", mutate.Ignores(ipv6.HopByHop())).
			And("RFC8200:4.6-2", mutate.Misshifts(ipv6.Destination(), ipv6.DestLength, 1)),
		lengths,
		func(p *probe.P, n int) {
			lan := p.IPv6()
			// Padding in options of at most 7 octets: some receivers refuse more.
			options := slices.Concat(ipv6.Option(0x1e), slices.Repeat(ipv6.Option(0x1e, 1, 2, 3, 4, 5, 6), n), ipv6.Option(0x1e))
			if n > 5 { // few options, but long ones
				options = slices.Concat(ipv6.Option(0x1e, make([]byte, 8*n)...), ipv6.Option(0x1e))
			}
			lan.Ask(echo(p, ipv6.HopByHop(ipv6.HopOptions.Is(options))), anyReply, probe.For("RFC8200:4.3-1", "RFC8200:4.3-2"))
			lan.Ask(echo(p, ipv6.Destination(ipv6.DestOptions.Is(options))), anyReply, probe.For("RFC8200:4.6-2"))
		})

	check.Grid(suite, "ipv6.chain.unknown", "a next header that the target does not know draws Parameter Problem, pointing at it",
		check.Proves("RFC8200:4-11", mutate.Gullible()).
			And("RFC8200:4-12", mutate.Missing(anyProblem)).
			And("RFC8200:4-13", mutate.Field(anyProblem, icmpv6.Pointer.Is(7))),
		unknowns(),
		func(p *probe.P, u unknown) {
			lan := p.IPv6()
			good, bad := u.packets(p)
			sent := kit.Framed(lan, bad)
			lan.Silent(bad, good, anyReply, probe.For("RFC8200:4-11"))
			e := lan.Expect(anyError, probe.For("RFC8200:4-12"))
			p.Must("RFC8200:4-12", e, icmpv6.Type.Is(icmpv6.TypeParameterProblem), icmpv6.Code.Is(icmpv6.CodeUnknownNext), ipv6.Dst.Is(lan.IP()), icmpv6.Quotes(sent))
			p.Must("RFC8200:4-13", e, icmpv6.Pointer.Is(u.pointer))
		})

	check.Grid(suite, "ipv6.chain.hop-by-hop", "a Hop-by-Hop Options header behind another one draws Parameter Problem",
		check.Proves("RFC8200:4-14", mutate.Field(anyProblem, icmpv6.Pointer.Is(6))),
		[]chain{"d", "r", "h", "dd", "hd", "f"},
		func(p *probe.P, c chain) {
			lan := p.IPv6()
			before := c.headers()
			good := echo(p, before...)
			bad := echo(p, append(before, ipv6.HopByHop())...)
			lan.Silent(bad, good, anyReply, probe.For("RFC8200:4-14"))
			e := lan.Expect(anyError)
			p.Must("RFC8200:4-14", e, icmpv6.Type.Is(icmpv6.TypeParameterProblem), icmpv6.Code.Is(icmpv6.CodeUnknownNext))
			pointer := 40 + 8*uint(len(before)-1)
			p.Must("RFC8200:4-14", e, icmpv6.Pointer.Is(pointer))
		})

	check.Grid(suite, "ipv6.chain.strict", "headers are processed in their order: what comes first decides whether the next one is looked at",
		check.Proves("RFC8200:4-8", mutate.Field(anyProblem, icmpv6.Pointer.Is(50))).
			And("RFC8200:4-9", mutate.Field(anyProblem, icmpv6.Pointer.Is(50))).
			And("RFC8200:4-10", mutate.Persuaded()),
		faults(),
		func(p *probe.P, f fault) {
			lan := p.IPv6()
			good := echo(p, ipv6.Destination(), ipv6.Destination())
			lan.Silent(echo(p, f.headers...), good, anyReply, probe.For("RFC8200:4-10"))
			e := lan.Expect(anyProblem, probe.For("RFC8200:4-8", "RFC8200:4-9"))
			p.Must("RFC8200:4-8", e, icmpv6.Code.Is(f.code), icmpv6.Pointer.Is(f.pointer))
			p.Must("RFC8200:4-9", e, icmpv6.Pointer.Is(f.pointer))
		})

	check.Grid(suite, "ipv6.chain.none", "No Next Header: nothing follows, and what does is not looked at",
		check.Proves("RFC8200:4.7-1", errs(ipv6.Header(ipv6.NextHeader.Is(ipv6.NextNone)))).
			And("RFC8200:4.7-2", mutate.Gullible()),
		[]chain{"", "h", "d", "r", "f", "hdr"},
		func(p *probe.P, c chain) {
			lan := p.IPv6()
			hs := c.headers()
			good := echo(p, hs...)
			// The same octets behind a header that says that there is nothing.
			body := kit.Framed(lan, good).Body(ipv6.Proto)
			if n := len(hs); n > 0 {
				body = body[8*n:]
			}
			bad := ipv6.Header().Then(hs...).Then(packet.Payload(body))
			if len(c) == 0 {
				bad = bad.With(ipv6.NextHeader.Is(ipv6.NextNone))
			} else {
				field := map[byte]packet.Field[uint]{'h': ipv6.HopNext, 'd': ipv6.DestNext, 'r': ipv6.RouteNext, 'f': ipv6.FragNext}[c[len(c)-1]]
				bad = bad.With(field.Is(ipv6.NextNone))
			}
			lan.Silent(bad, good, anyReply, probe.For("RFC8200:4.7-2"))
			none(lan, "RFC8200:4.7-1", "nothing follows, and that is no error", anyError)
		})
}

// unknown is a next header value that is none, behind some headers.
type unknown struct {
	chain
	value   uint
	pointer uint
}

func (u unknown) String() string { return fmt.Sprintf("%s,%d", u.chain, u.value) }

// packets are an echo and the same with the value in place of that of ICMPv6.
func (u unknown) packets(p *probe.P) (good, bad packet.Template) {
	hs := u.headers()
	good = echo(p, hs...)
	field := ipv6.NextHeader
	if len(u.chain) > 0 {
		field = map[byte]packet.Field[uint]{'h': ipv6.HopNext, 'd': ipv6.DestNext, 'r': ipv6.RouteNext, 'f': ipv6.FragNext}[u.chain[len(u.chain)-1]]
	}
	return good, ipv6.Header().Then(hs...).Then(packet.Payload(kit.Pattern(32))).With(field.Is(u.value))
}

func unknowns() (us []unknown) {
	for _, value := range []uint{99, 143, 252, 253, 254} { // private, Ethernet, unassigned, experiments
		for _, c := range []chain{"", "h", "d", "r", "hd", "dd", "f"} {
			pointer := uint(6)
			if n := uint(len(c)); n > 0 {
				pointer = 40 + 8*(n-1)
			}
			us = append(us, unknown{c, value, pointer})
		}
	}
	return us
}

// fault is a chain with two faults: the first decides.
type fault struct {
	kit.Aspect
	headers       []packet.Template
	code, pointer uint
}

func faults() []fault {
	option := func(kind byte) packet.Template {
		return ipv6.Destination(ipv6.DestOptions.Is(ipv6.Option(kind, 0, 0, 0, 0)))
	}
	routing := ipv6.Routing(ipv6.RouteType.Is(253), ipv6.SegmentsLeft.Is(1))
	all := []string{"RFC8200:4-8", "RFC8200:4-9", "RFC8200:4-10"}
	return []fault{
		{kit.About("option,routing", all...), []packet.Template{option(0x9e), routing}, icmpv6.CodeUnknownOption, 42},
		{kit.About("routing,option", all...), []packet.Template{routing, option(0x9e)}, icmpv6.CodeErroneousField, 42},
		{kit.About("option,option", all...), []packet.Template{option(0xde), option(0x9e)}, icmpv6.CodeUnknownOption, 42},
		{kit.About("hop-by-hop,option", all...), []packet.Template{ipv6.HopByHop(ipv6.HopOptions.Is(ipv6.Option(0x9e, 0, 0, 0, 0))), option(0x9e)}, icmpv6.CodeUnknownOption, 42},
	}
}
