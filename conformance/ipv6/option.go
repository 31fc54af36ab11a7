package ipv6

import (
	"fmt"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/probe"
)

// Options of Hop-by-Hop and Destination Options headers: RFC 8200, section 4.2.

// withOptions is a header of options: hop-by-hop or destination.
func withOptions(header string, options []byte) packet.Template {
	if header == "hop-by-hop" {
		return ipv6.HopByHop(ipv6.HopOptions.Is(options))
	}
	return ipv6.Destination(ipv6.DestOptions.Is(options))
}

// strange is an option that nobody knows (RFC 4727 has these types for experiments), in a packet to the target or to a group.
type strange struct {
	header string
	kind   byte
	group  bool
}

func (s strange) String() string {
	to := "unicast"
	if s.group {
		to = "multicast"
	}
	return fmt.Sprintf("%s,%#02x,%s", s.header, s.kind, to)
}

// Proves is by the two highest bits of the type, and by the destination.
func (s strange) Proves() []string {
	switch s.kind & 0xc0 {
	case ipv6.ActionSkip:
		return []string{"RFC8200:4.2-4", "RFC8200:4.2-13"}
	case ipv6.ActionDiscard:
		return []string{"RFC8200:4.2-5", "RFC8200:4.2-13"}
	case ipv6.ActionReport:
		if s.group {
			return []string{"RFC8200:4.2-6", "RFC8200:4.2-8", "RFC8200:4.2-12", "RFC8200:4.2-16"}
		}
		return []string{"RFC8200:4.2-6", "RFC8200:4.2-7", "RFC8200:4.2-12", "RFC8200:4.2-16"}
	}
	if s.group {
		return []string{"RFC8200:4.2-9", "RFC8200:4.2-11"}
	}
	return []string{"RFC8200:4.2-9", "RFC8200:4.2-10", "RFC8200:4.2-12", "RFC8200:4.2-16"}
}

func stranges() (all []strange) {
	for _, header := range []string{"hop-by-hop", "destination"} {
		for _, kind := range []byte{0x1e, 0x3e, 0x5e, 0x7e, 0x9e, 0xbe, 0xde, 0xfe} {
			all = append(all, strange{header, kind, false}, strange{header, kind, true})
		}
	}
	return all
}

func init() {
	optioned := func(conds ...packet.Cond) packet.Template { return ipv6.Header(conds...).Then(ipv6.Destination()) }
	toGroup := ipv6.Dst.Is(ipv6.AllNodes)
	check.Grid(suite, "ipv6.option.unknown", "the highest bits of an unknown option's type say what becomes of the packet",
		check.Proves("RFC8200:4.2-4", mutate.Missing(anyReply)).
			And("RFC8200:4.2-13", mutate.Misreads(ipv6.Destination(ipv6.DestOptions.Is(ipv6.Option(0x3e, 1, 2, 3, 4))), ipv6.DestOptions.Is(ipv6.Option(0x9e, 1, 2, 3, 4)))).
			And("RFC8200:4.2-5", mutate.Gullible()).
			And("RFC8200:4.2-6", mutate.Gullible()).
			And("RFC8200:4.2-7", mutate.Missing(anyProblem)).
			And("RFC8200:4.2-8", mutate.Missing(anyProblem)).
			And("RFC8200:4.2-9", mutate.Persuaded()).
			And("RFC8200:4.2-10", mutate.Field(anyProblem, icmpv6.Code.Is(icmpv6.CodeUnknownNext))).
			And("RFC8200:4.2-11", errs(optioned(toGroup))).
			And("RFC8200:4.2-12", mutate.Field(anyProblem, icmpv6.Pointer.Is(40))).
			And("RFC8200:4.2-16", mutate.Missing(anyProblem)),
		stranges(),
		func(p *probe.P, s strange) {
			lan := p.IPv6()
			to := ipv6.Dst.Is(lan.TargetIP())
			if s.group {
				to = ipv6.Dst.Is(ipv6.AllNodes)
			}
			good := echo(p, withOptions(s.header, ipv6.Pad(6))).With(to)
			bad := echo(p, withOptions(s.header, ipv6.Option(s.kind, 1, 2, 3, 4))).With(to)
			if s.kind&0xc0 == ipv6.ActionSkip {
				lan.Ask(bad, anyReply, probe.For("RFC8200:4.2-4", "RFC8200:4.2-13"))
				return
			}
			discard := map[byte]string{ipv6.ActionDiscard: "RFC8200:4.2-5", ipv6.ActionReport: "RFC8200:4.2-6", ipv6.ActionReportHost: "RFC8200:4.2-9"}[s.kind&0xc0]
			lan.Silent(bad, good, anyReply, probe.For(discard))
			report := ""
			switch s.kind & 0xc0 {
			case ipv6.ActionDiscard:
				none(lan, "RFC8200:4.2-5", "bits 01 draw no message", anyError)
				lan.Meets("RFC8200:4.2-13")
				return
			case ipv6.ActionReport:
				report = "RFC8200:4.2-7"
				if s.group {
					report = "RFC8200:4.2-8"
				}
			case ipv6.ActionReportHost:
				if s.group {
					none(lan, "RFC8200:4.2-11", "bits 11 draw no message for a packet to a group", anyError)
					return
				}
				report = "RFC8200:4.2-10"
			}
			e := lan.Expect(anyProblem, probe.For(report, "RFC8200:4.2-16"))
			p.Must(report, e, icmpv6.Code.Is(icmpv6.CodeUnknownOption), ipv6.Dst.Is(lan.IP()), icmpv6.Quotes(kit.Framed(lan, bad)))
			p.Must("RFC8200:4.2-12", e, icmpv6.Pointer.Is(42))
		})

	check.Grid(suite, "ipv6.option.pointer", "the pointer is the offset of the unknown option's type",
		check.Proves("RFC8200:4.2-12", mutate.Field(anyProblem, icmpv6.Pointer.Is(42))).
			And("RFC8200:4.2-2", mutate.Field(anyProblem, icmpv6.Pointer.Is(42))).
			And("RFC8200:4.2-3", mutate.Field(anyProblem, icmpv6.Pointer.Is(40))),
		placements(),
		func(p *probe.P, o placement) {
			lan := p.IPv6()
			e := lan.Ask(echo(p, withOptions(o.header, o.options)), anyProblem, probe.For("RFC8200:4.2-12"))
			p.Must("RFC8200:4.2-12", e, icmpv6.Pointer.Is(40+2+o.before))
			p.Must("RFC8200:4.2-2", e, icmpv6.Pointer.Is(42+o.before))
			p.Must("RFC8200:4.2-3", e, icmpv6.Pointer.Is(42+o.before))
		})

	check.Grid(suite, "ipv6.option.order", "options are processed in their order: the first that has the packet discarded decides",
		check.Proves("RFC8200:4.2-2", errs(ipv6.Header(ipv6.NextHeader.In(ipv6.NextHopByHop, ipv6.NextDestination)))).
			And("RFC8200:4.2-3", mutate.Persuaded()),
		[]string{"hop-by-hop", "destination"},
		func(p *probe.P, header string) {
			lan := p.IPv6()
			options := append(ipv6.Option(0x5e, 1, 2), ipv6.Option(0x9e, 1, 2)...) // silently; with a message
			lan.Silent(echo(p, withOptions(header, options)), echo(p), anyReply, probe.For("RFC8200:4.2-3"))
			none(lan, "RFC8200:4.2-2", "the first option has the packet discarded without a message", anyError)
		})

	check.Grid(suite, "ipv6.option.type", "an option is known by all 8 bits of its type",
		check.Proves("RFC8200:4.2-15", mutate.Gullible()).
			And("RFC8200:4.2-1", mutate.Persuaded()),
		[]byte{0x40, 0x41, 0x80, 0x81, 0x85, 0xc0, 0xc1, 0xe1},
		func(p *probe.P, kind byte) {
			lan := p.IPv6()
			lan.Silent(echo(p, withOptions("destination", ipv6.Option(kind, 0, 0, 0, 0))), echo(p, withOptions("destination", ipv6.Pad(6))), anyReply,
				probe.For("RFC8200:4.2-15", "RFC8200:4.2-1"), probe.Because("it is not the option that shares its low bits"))
		})

	check.Grid(suite, "ipv6.option.padding", "Pad1 and PadN are skipped, in either header",
		check.Proves("RFC8200:4.2-19", mutate.Ignores(ipv6.Destination(has(ipv6.DestOptions, ipv6.Pad1Type)))).
			And("RFC8200:4.2-20", mutate.Ignores(ipv6.Destination(has(ipv6.DestOptions, ipv6.PadNType)))).
			And("RFC8200:4.2-21", mutate.Misreads(ipv6.Destination(ipv6.DestOptions.Is(paddings["pad1,padN"])), ipv6.DestOptions.Is([]byte{0x5e, 1, 3, 0, 0, 0}))).
			And("RFC8200:4.2-23", mutate.Misreads(ipv6.Destination(ipv6.DestOptions.Is(paddings["padN4"])), ipv6.DestOptions.Is([]byte{1, 3, 0, 0, 0, 1}))).
			And("RFC8200:4.2-18", mutate.Missing(anyReply)),
		[]string{"pad1", "padN0,padN0,padN0", "padN4", "pad1,padN", "padN,pad1", "option,pad1", "pad1,option"},
		func(p *probe.P, padding string) {
			lan := p.IPv6()
			for _, header := range []string{"hop-by-hop", "destination"} {
				lan.Ask(echo(p, withOptions(header, paddings[padding])), anyReply,
					probe.For("RFC8200:4.2-19", "RFC8200:4.2-20", "RFC8200:4.2-21", "RFC8200:4.2-23", "RFC8200:4.2-18"))
			}
		})

	check.Grid(suite, "ipv6.option.overrun", "an option that runs beyond its header is not processed as if it fitted",
		check.Proves("RFC8200:4.2-1", mutate.Gullible()),
		[]string{"hop-by-hop", "destination"},
		func(p *probe.P, header string) {
			lan := p.IPv6()
			lan.Silent(echo(p, withOptions(header, []byte{0x1e, 5, 0, 0, 0, 0})), echo(p, withOptions(header, []byte{0x1e, 4, 0, 0, 0, 0})), anyReply)
		})
}

// paddings fill the 6 octets of a header of options. Never written.
var paddings = map[string][]byte{
	"pad1":              {0, 0x1e, 3, 1, 2, 3},
	"padN0,padN0,padN0": {1, 0, 0x1e, 0, 1, 0},
	"padN4":             {1, 4, 0, 0, 0, 0},
	"pad1,padN":         {0, 1, 3, 0, 0, 0},
	"padN,pad1":         {1, 3, 0, 0, 0, 0},
	"option,pad1":       {0x1e, 3, 9, 9, 9, 0},
	"pad1,option":       {0, 0x1e, 3, 9, 9, 9},
}

// has asks for an option of a type.
func has(field packet.Field[[]byte], kind byte) packet.Cond {
	return field.Where(fmt.Sprintf("with option %d", kind), func(b []byte) bool {
		all, _ := ipv6.SplitOptions(b)
		for _, o := range all {
			if o[0] == kind {
				return true
			}
		}
		return false
	})
}

// placement is an unknown option behind others.
type placement struct {
	header  string
	options []byte
	before  uint // octets of options before it
}

func (o placement) String() string { return fmt.Sprintf("%s,+%d", o.header, o.before) }

func placements() (all []placement) {
	for _, header := range []string{"hop-by-hop", "destination"} {
		for _, before := range [][]byte{{0}, ipv6.Pad(2), ipv6.Pad(4), ipv6.Option(0x1e, 1, 2, 3), ipv6.Option(0x3e, make([]byte, 100)...)} {
			all = append(all, placement{header, append(before[:len(before):len(before)], ipv6.Option(0x9e, 1)...), uint(len(before))})
		}
	}
	return all
}
