package rfc7400

import (
	"slices"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
)

// What is in generic form, and for whom: section 3.

// closed is a datagram to a port that nobody has.
func closed() packet.Template {
	return udp.Datagram(udp.SrcPort.Is(0xf0b1), udp.DstPort.Is(0xf0b9)).Then(packet.Payload([]byte("7400 7400 7400")))
}

// refused is one that is quoted in the answer.
func refused(lan *probe.Tester) packet.Template { return near(lan, closed()) }

// optioned is a packet of which the option in front of a datagram is refused; kind is Hop-by-Hop Options or Destination
// Options.
func optioned(lan *probe.Tester, kind uint) packet.Template {
	option := ipv6.Option(0x9e, make([]byte, 20)...)
	if kind == 0 {
		return near(lan, ipv6.HopByHop(ipv6.HopOptions.Is(option)).Then(closed()))
	}
	return near(lan, ipv6.Destination(ipv6.DestOptions.Is(option)).Then(closed()))
}

// generic is a frame with a packet whose extension header is in generic form, and whose datagram is in that of RFC 6282.
func generic(lan *probe.Tester, eid uint, packet packet.Template) packet.Template {
	f := lan.Framed(lowpan.IPHC(lowpan.NH.Is(1)).Then(lowpan.ExtNHC(lowpan.EID.Is(eid)), lowpan.UDPNHC()).Then(packet))
	ip := f.Packet()
	n := 8 * (int(ip[41]) + 1)
	u := ip[40+n:]
	return raw(f, slices.Concat([]byte{0xb0 | byte(eid)<<1 | 1}, literal(ip[42:40+n]), []byte{0x90}, []byte{0xf0}, u[:4], u[6:]))
}

func init() {
	suite.It("ghc.nhc.icmpv6", "NHC 11011111 is an ICMPv6 message in generic form",
		check.Proves("RFC7400:3.1-2", misread("icmpv6")),
		func(p *probe.P) { echoes(p, "RFC7400:3.1-2", distinct(30), literal) })

	suite.It("ghc.nhc.end", "the end of the packet ends the code of what is last",
		check.Proves("RFC7400:3.1-3", misread("end")),
		func(p *probe.P) {
			echoes(p, "RFC7400:3.1-3", distinct(3), literal)
			echoes(p, "RFC7400:3.1-3", make([]byte, 5), func(m []byte) []byte { return append(literal(m[:header]), 0x83) })
			echoes(p, "RFC7400:3.1-3", []byte("abab"), func(m []byte) []byte { return append(literal(m[:header+2]), refer(2, 2)...) })
		})

	check.Grid(suite, "ghc.nhc.udp", "NHC 11010CPP is a UDP header as in RFC 6282, and data in generic form",
		check.Proves("RFC7400:3.1-1", mutate.Misreads(lowpan.UDPGHC(), packet.Data.Is([]byte("7401")))), []uint{0, 1, 2, 3},
		func(p *probe.P, form uint) {
			lan := p.IPv6()
			sent := lowpan.IPHC(lowpan.NH.Is(1)).Then(lowpan.UDPGHC(lowpan.P.Is(form), lowpan.C.Is(0))).Then(refused(lan))
			answer := lan.Ask(sent, icmpv6.Error(), probe.For("RFC7400:3.1-1"))
			lan.Must("RFC7400:3.1-1", answer, icmpv6.Quotes(lan.Framed(refused(lan))))
		})

	check.Grid(suite, "ghc.nhc.extension", "NHC 10110EEN is an extension header in generic form, without its length and with a stop code at its end",
		check.Proves("RFC7400:3.2-1", mutate.Misreads(lowpan.ExtNHC(), ipv6.HopLimit.Is(63))).
			And("RFC7400:3.2-2", mutate.Misreads(lowpan.ExtNHC(), ipv6.HopLimit.Is(62))).
			And("RFC7400:3.2-3", mutate.Misreads(lowpan.ExtNHC(), ipv6.HopLimit.Is(61))).
			And("RFC7400:2-5", mutate.Misreads(lowpan.ExtNHC(), ipv6.HopLimit.Is(60))), []uint{0, 3},
		func(p *probe.P, eid uint) {
			lan := p.IPv6()
			reqs := []string{"RFC7400:3.2-1", "RFC7400:3.2-2", "RFC7400:3.2-3", "RFC7400:2-5"}
			answer := lan.Ask(generic(lan, eid, optioned(lan, eid)), icmpv6.Error(), probe.For(reqs...))
			for _, req := range reqs {
				lan.Must(req, answer, icmpv6.Quotes(lan.Framed(optioned(lan, eid))))
			}
		})

	check.Grid(suite, "ghc.nhc.unassigned", "what RFC 7400 did not assign beside its NHC octets makes a packet that is not taken",
		check.Proves("RFC7400:4-1", mutate.Gullible()), []octet{0xb8, 0xbf, 0xc0, 0xcf, 0xd8, 0xde},
		func(p *probe.P, o octet) {
			lan := p.IPv6()
			id := p.Serial()
			f := lan.Framed(lowpan.IPHC(lowpan.NH.Is(1)).Then(lowpan.ICMPGHC()).Then(near(lan, icmpv6.Echo(id, 1, distinct(4)))))
			code := literal(f.Packet()[40:])
			lan.Silent(raw(f, append([]byte{byte(o)}, code...)), raw(f, append([]byte{0xdf}, code...)), icmpv6.EchoReply(icmpv6.ID.Is(id)))
		})

	suite.It("ghc.capability.unknown", "who has not shown that it understands generic form is not sent it",
		check.Proves("RFC7400:3.3-4", mutate.Recoded(icmpv6.EchoReply(), lowpan.IPHC(lowpan.NH.Is(1)).Then(lowpan.ICMPGHC()))),
		func(p *probe.P) {
			lan := p.IPv6()
			id := p.Serial()
			reply := lan.Ask(near(lan, icmpv6.Echo(id, 1, make([]byte, 40))), icmpv6.EchoReply(icmpv6.ID.Is(id)), probe.For("RFC7400:3.3-4"))
			if _, ok := lowpan.ICMPNHC.Of(reply); ok {
				p.Fail("RFC7400:3.3-4", probe.Field, "a message in the form of RFC 6282: nothing said that the tester understands another one")
			}
			p.Meets("RFC7400:3.3-4")
		})

	suite.It("ghc.capability.shown", "who has used generic form may be sent it, and can read the answer in either case",
		check.Proves("RFC7400:3.3-3", mutate.Misreads(lowpan.ICMPGHC(), packet.Data.Is(make([]byte, 3)))),
		func(p *probe.P) {
			reply := echoes(p, "RFC7400:3.3-3", make([]byte, 17), func(m []byte) []byte { return append(literal(m[:header]), 0x8f) })
			_, used := lowpan.ICMPNHC.Of(reply)
			p.Observed("RFC7400:3.3-3", "the answer is in generic form: %v", used)
		})
}
