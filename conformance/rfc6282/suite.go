// Package rfc6282 checks the header compression of 6LoWPAN: RFC 6282.
//
// How a target reads an encoding shows where it quotes the packet: most checks send one that it has to refuse with an
// ICMPv6 error, whose data is the packet as the target has it, every field of it. What it sends is read by the harness's own
// tables, which are written from the RFC and share nothing with any stack.
package rfc6282

import (
	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("rfc6282", "RFC 6282: compression of IPv6 headers on 6LoWPANs").On(target.IEEE802154).Needing(target.IPv6)

const closedPort = 9

// refused is a datagram to a port that nobody has, which is quoted in the answer.
func refused(conds ...packet.Cond) packet.Template {
	return udp.Datagram(udp.SrcPort.Is(0x1234), udp.DstPort.Is(closedPort)).Then(packet.Payload([]byte("6282"))).With(conds...)
}

// unknownOption is a packet with an option in its Destination Options that nobody knows and that wants an error, even for a
// group (RFC 8200, section 4.2).
func unknownOption() packet.Template {
	return ipv6.Destination(ipv6.DestOptions.Is(ipv6.Option(0x9e, 1, 2, 3, 4))).Then(udp.Datagram(udp.SrcPort.Is(0xf0b1), udp.DstPort.Is(0xf0b2)), packet.Payload([]byte("option")))
}

// quoted asserts that the target read a packet as it is meant: it quotes it whole.
func quoted(lan *probe.Tester, req string, sent packet.Template, more ...packet.Cond) *packet.Frame {
	answer := lan.Ask(sent, icmpv6.Error(), probe.For(req), probe.Because("the packet is refused, and quoted"))
	lan.Must(req, answer, icmpv6.Quotes(lan.Framed(sent)))
	if len(more) > 0 {
		lan.Must(req, answer, more...)
	}
	return answer
}

// A reading is an encoding that a target has to read right.
type reading struct {
	id, title, req string
	sent           func(lan *probe.Tester) packet.Template
	on             packet.Template // how the mutant knows it
	as             []packet.Cond   // what the mutant reads
	source, dest   misread         // in the place of as: an address that the mutant reads in the place of the right one
	needs          []target.Feature
	mutation       *mutate.Mutation
	unheard        bool // what the mutant reads is no packet for it any more, so that it does not answer
}

// reads adds a check for each.
func reads(rs []reading) {
	for _, r := range rs {
		m := mutate.Misreads(r.on, r.as...)
		switch {
		case r.mutation != nil:
			m = *r.mutation
		case r.source != nil:
			m = mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Misreads(r.on, ipv6.Src.Is(r.source(n))) })
		case r.dest != nil:
			m = mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Misreads(r.on, ipv6.Dst.Is(r.dest(n))) })
		}
		if r.mutation == nil && !r.unheard { // the quoted packet shows it, and not that nothing came
			m.Kills = []probe.Kind{probe.Field, probe.Value}
		}
		suite.It(r.id, r.title, check.Proves(r.req, m).Needs(r.needs...), func(p *probe.P) {
			lan := p.IPv6()
			if r.source != nil {
				lan.Owns(r.source(lan.Net()))
			}
			quoted(lan, r.req, r.sent(lan))
		})
	}
}

// fixed is a packet that does not depend on the world.
func fixed(t packet.Template) func(*probe.Tester) packet.Template {
	return func(*probe.Tester) packet.Template { return t }
}

func between(lan *probe.Tester, t packet.Template) packet.Template {
	return t.With(ipv6.Src.Is(lan.Host().LinkLocal), ipv6.Dst.Is(lan.Net().Target.LinkLocal))
}

// iphc is any packet with these bits.
func iphc(conds ...packet.Cond) packet.Template { return lowpan.IPHC(conds...) }

// echoed is an echo that is answered, as the fence of what must not be.
func echoed(lan *probe.Tester) packet.Template {
	return icmpv6.Echo(lan.Serial(), 1, kit.Pattern(8))
}
