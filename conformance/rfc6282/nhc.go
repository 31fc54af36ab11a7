package rfc6282

import (
	"fmt"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Next headers: sections 4 and 5.

// ext is a packet with NHC forms as layers of nhc say.
func ext(inner packet.Template, nhc ...packet.Template) packet.Template {
	return lowpan.IPHC(lowpan.NH.Is(1)).Then(nhc...).Then(inner)
}

func wantsError(n int) packet.Cond { return ipv6.DestOptions.Is(ipv6.Option(0x9e, make([]byte, n)...)) }

var (
	refusedUDP = udp.Datagram(udp.SrcPort.Is(0x1234), udp.DstPort.Is(closedPort)).Then(packet.Payload([]byte("6282")))
	extNHC     = lowpan.ExtNHC
	eid        = func(n uint) packet.Template { return lowpan.ExtNHC(lowpan.EID.Is(n)) }
)

func init() {
	hop := ipv6.HopByHop(ipv6.HopOptions.Is(ipv6.Option(0x9e, 1, 2, 3, 4)))
	dest := ipv6.Destination(wantsError(4))
	// Options that anybody skips, so that the port is what the packet is refused for.
	skipped := ipv6.Destination(ipv6.DestOptions.Is(ipv6.Option(0x1e, 1, 2, 3, 4)))
	short := ipv6.Destination(ipv6.DestOptions.Is(ipv6.Option(0x1e, 9))) // padded with 3 octets
	mixed := ipv6.Destination(ipv6.DestOptions.Is(append(append([]byte{0}, ipv6.Pad(3)...), ipv6.Option(0x1e, 7, 7, 7, 7, 7, 7, 7, 7)...)))
	routing := ipv6.Routing(ipv6.RouteType.Is(99), ipv6.SegmentsLeft.Is(1), ipv6.RouteData.Is([]byte{1, 2, 3, 4}))
	mobility := ipv6.Header(ipv6.NextHeader.Is(135)).Then(packet.Payload([]byte{59, 0, 99, 0, 0, 0, 0, 0}))
	inner := ipv6.Header(ipv6.NextHeader.Is(59))

	reads([]reading{
		{id: "nhc.protocol", title: "the protocol is that of the NHC octet", req: "RFC6282:4-1", sent: fixed(refused(lowpan.NH.Is(1))), on: lowpan.UDPNHC(), as: []packet.Cond{ipv6.NextHeader.Is(unknownProtocol)}},
		{id: "nhc.contiguous", title: "headers in NHC form follow each other", req: "RFC6282:4.2-1", sent: fixed(ext(skipped.Then(refusedUDP), extNHC(lowpan.ExtNH.Is(1)), lowpan.UDPNHC())),
			on: extNHC().Then(lowpan.UDPNHC()), as: []packet.Cond{udp.SrcPort.Is(0x4321)}},
		{id: "nhc.ext.octet", title: "an extension header is an octet 1110, EID, NH, and the header", req: "RFC6282:4.2-2", sent: fixed(ext(skipped.Then(refusedUDP), eid(3), lowpan.UDPNHC())),
			on: extNHC(), as: []packet.Cond{ipv6.DestOptions.Is(ipv6.Option(0x1e, 1, 2, 3, 5))}},
		{id: "nhc.ext.hop", title: "EID 0 is a Hop-by-Hop Options header", req: "RFC6282:4.2-3", sent: fixed(ext(hop.Then(refusedUDP), eid(0))), on: eid(0),
			as: []packet.Cond{ipv6.HopOptions.Is(ipv6.Option(0x9e, 1, 2, 3, 5))}},
		{id: "nhc.ext.routing", title: "EID 1 is a Routing header", req: "RFC6282:4.2-4", sent: fixed(ext(routing.Then(refusedUDP), eid(1))), on: eid(1), as: []packet.Cond{ipv6.SegmentsLeft.Is(2)}},
		{id: "nhc.ext.destination", title: "EID 3 is a Destination Options header", req: "RFC6282:4.2-6", sent: fixed(ext(dest.Then(refusedUDP), eid(3))), on: eid(3),
			as: []packet.Cond{ipv6.DestOptions.Is(ipv6.Option(0x9e, 1, 2, 3, 5))}},
		{id: "nhc.ext.mobility", title: "EID 4 is a Mobility header", req: "RFC6282:4.2-7", sent: fixed(ext(mobility, eid(4))), on: eid(4), as: []packet.Cond{packet.Data.Is([]byte{59, 0, 98, 0, 0, 0, 0, 0})}},
		{id: "nhc.ext.next.inline", title: "NH=0: the next header of an extension header is in line", req: "RFC6282:4.2-10", sent: fixed(ext(skipped.Then(refusedUDP), extNHC(lowpan.ExtNH.Is(0)))),
			on: extNHC(lowpan.ExtNH.Is(0)), as: []packet.Cond{ipv6.DestNext.Is(unknownProtocol)}},
		{id: "nhc.ext.next.elided", title: "NH=1: the next header of an extension header is elided, NHC follows", req: "RFC6282:4.2-11", sent: fixed(ext(skipped.Then(refusedUDP), extNHC(lowpan.ExtNH.Is(1)), lowpan.UDPNHC())),
			on: extNHC(lowpan.ExtNH.Is(1)), as: []packet.Cond{ipv6.DestNext.Is(unknownProtocol)}},
		{id: "nhc.ext.length", title: "the length of an extension header counts the octets behind it", req: "RFC6282:4.2-12", sent: fixed(ext(ipv6.Destination(wantsError(20)).Then(refusedUDP), eid(3))),
			on: eid(3), as: []packet.Cond{wantsError(12)}},
		{id: "nhc.ext.padding.elided", title: "padding that was elided is there again", req: "RFC6282:4.2-14", sent: fixed(ext(short.Then(refusedUDP), extNHC(lowpan.ExtLength.Is(3)), lowpan.UDPNHC())),
			on: extNHC(lowpan.ExtLength.Is(3)), as: []packet.Cond{ipv6.DestOptions.Is(ipv6.Option(0x1e, 9, 0, 0, 0))}},
		{id: "nhc.ext.padding.inside", title: "padding that does not stand at the end stays where it is", req: "RFC6282:4.2-15", sent: fixed(ext(mixed.Then(refusedUDP), eid(3), lowpan.UDPNHC())),
			on: eid(3), as: []packet.Cond{ipv6.DestOptions.Is(ipv6.Option(0x1e, 7, 7, 7, 7, 7, 7, 7, 7))}},
		{id: "nhc.ext.padding.kept", title: "a header with its padding in line is read as well", req: "RFC6282:4.2-13", sent: fixed(ext(short.Then(refusedUDP),
			extNHC(lowpan.ExtEncoded.Is([]byte{0xe7, 6, 0x1e, 1, 9, 1, 1, 0})), lowpan.UDPNHC())),
			on: extNHC(lowpan.ExtLength.Is(6)), as: []packet.Cond{ipv6.DestOptions.Is(ipv6.Option(0x1e, 9, 0, 0, 0))}},
		{id: "nhc.ext.ipv6", title: "EID 7: an IPv6 header follows, compressed", req: "RFC6282:4.2-9", sent: fixed(ext(ipv6.Header().Then(inner), eid(7), lowpan.IPHC())), on: eid(7),
			as: []packet.Cond{ipv6.HopLimit.Is(63)}},
		{id: "nhc.ext.ipv6.iphc", title: "what follows EID 7 is a LOWPAN_IPHC header", req: "RFC6282:4.2-18", sent: fixed(ext(ipv6.Header(ipv6.HopLimit.Is(255)).Then(ipv6.Header(ipv6.HopLimit.Is(9), ipv6.TrafficClass.Is(0xb8))), eid(7), lowpan.IPHC(lowpan.TF.Is(2)))),
			on: eid(7), as: []packet.Cond{ipv6.HopLimit.Is(254)}},
		{id: "nhc.ext.ipv6.identifiers", title: "the identifiers of a packet inside are those of the one around it", req: "RFC6282:3.2.2-1",
			sent: func(lan *probe.Tester) packet.Template {
				return ext(ipv6.Header().Then(ipv6.Header(ipv6.Src.Is(lan.Host().LinkLocal), ipv6.Dst.Is(lan.Net().Target.LinkLocal))), eid(7), lowpan.IPHC(append(src(0, 3), dst(0, 0, 3)...)...))
			}, on: eid(7), as: []packet.Cond{ipv6.HopLimit.Is(62)}},

		{id: "nhc.udp.octet", title: "a UDP header is an octet 11110, C, P, and what is in line", req: "RFC6282:4.3-1", sent: fixed(ext(refusedUDP, lowpan.UDPNHC())), on: lowpan.UDPNHC(), as: []packet.Cond{udp.SrcPort.Is(0x3412)}},
		{id: "nhc.udp.checksum", unheard: true, title: "C=0: the checksum is in line", req: "RFC6282:4.3.3-1", sent: fixed(ext(refusedUDP, lowpan.UDPNHC(lowpan.C.Is(0)))), on: lowpan.UDPNHC(lowpan.C.Is(0)), as: []packet.Cond{udp.Checksum.Is(0xdead)}},
		{id: "nhc.udp.order", title: "ports stand before the checksum", req: "RFC6282:4.3.3-6", sent: fixed(ext(refusedUDP, lowpan.UDPNHC(lowpan.P.Is(0)))), on: lowpan.UDPNHC(lowpan.P.Is(0)), as: []packet.Cond{udp.SrcPort.Is(9)}},
		{id: "nhc.udp.length", title: "the UDP length is what the frame has", req: "RFC6282:4.3.3-7", sent: fixed(ext(refusedUDP, lowpan.UDPNHC())), on: lowpan.UDPNHC(), as: []packet.Cond{packet.Data.Is([]byte("62"))}},
	})

	suite.It("nhc.ext.fragment", "EID 2 is a Fragment header",
		check.Proves("RFC6282:4.2-5", mutate.Misreads(eid(2), ipv6.FragMore.Is(1))),
		func(p *probe.P) {
			lan := p.IPv6()
			id := p.Serial()
			lan.Ask(ext(ipv6.Fragment(ipv6.FragID.Is(7)).Then(icmpv6.Echo(id, 1, []byte("atomic"))), eid(2)), icmpv6.EchoReply(icmpv6.ID.Is(id)))
		})

	check.Grid(suite, "nhc.ext.reserved", "EID 5 and 6 are reserved: such a packet is not taken",
		check.Proves("RFC6282:4.2-8", mutate.Gullible()), []uint{5, 6},
		func(p *probe.P, n uint) {
			lan := p.IPv6()
			good := ext(ipv6.Destination(wantsError(4)).Then(refusedUDP), eid(3))
			bad := ext(ipv6.Destination(wantsError(4)).Then(refusedUDP), eid(n))
			lan.Silent(bad, good, icmpv6.Error())
		})

	check.Grid(suite, "nhc.unassigned", "an NHC octet that has no meaning makes a packet that is not taken",
		check.Proves("RFC6282:5-2", mutate.Gullible()), []octet{0x00, 0x3f, 0x40, 0x60, 0x7f, 0x80, 0xaf, 0xc0, 0xcf, 0xd8, 0xde, 0xf8, 0xfc, 0xfe, 0xff},
		func(p *probe.P, o octet) {
			lan := p.IPv6()
			good := lan.Framed(ext(refusedUDP, lowpan.UDPNHC(lowpan.P.Is(0))))
			head := good.Header(lowpan.IPHCProto)
			rest := good.Body(lowpan.IPHCProto)
			bad := lowpan.IPHC(lowpan.Encoded.Is(head)).Then(packet.Payload(append([]byte{byte(o)}, rest[1:]...)))
			lan.Silent(bad, ext(refusedUDP, lowpan.UDPNHC(lowpan.P.Is(0))), icmpv6.Error())
		})

	suite.It("nhc.esc", "dispatch 01000000, which took the place of the escape, announces no packet",
		check.Proves("RFC6282:5-1", mutate.Gullible()),
		func(p *probe.P) {
			lan := p.IPv6()
			good := echoed(lan)
			ip := lan.Framed(good).Packet()
			lan.Silent(lowpan.Other(lowpan.DispatchESC).Then(packet.Payload(ip)), good, icmpv6.EchoReply())
		})

	check.Grid(suite, "nhc.udp.ports", "all four forms of the ports are read, at the ends of their ranges",
		portsClaims(), ports,
		func(p *probe.P, c portCase) {
			d := udp.Datagram(udp.SrcPort.Is(c.src), udp.DstPort.Is(c.dst)).Then(packet.Payload([]byte("ports")))
			quoted(p.IPv6(), portForms[c.form], ext(d, lowpan.UDPNHC(lowpan.P.Is(c.form))))
		})

	suite.It("nhc.udp.checksum.elided", "a checksum that was elided is there again",
		check.Proves("RFC6282:4.3.2-9", mutate.Misreads(lowpan.UDPNHC(lowpan.C.Is(1)), udp.Checksum.Is(0xbeef))).Needs(target.TrustElided),
		func(p *probe.P) {
			quoted(p.IPv6(), "RFC6282:4.3.2-9", ext(refusedUDP, lowpan.UDPNHC(lowpan.C.Is(1))))
		})
	check.Grid(suite, "nhc.udp.checksum.unprotected", "a checksum that was elided in a frame without integrity check makes a packet that is dropped",
		check.Proves("RFC6282:4.3.2-10", mutate.Gullible()).And("RFC6282:4.3.2-12", mutate.Persuaded()), []uint{0, 3},
		func(p *probe.P, form uint) {
			lan := p.IPv6()
			d := udp.Datagram(udp.SrcPort.Is(0xf0b1), udp.DstPort.Is(0xf0b2)).Then(packet.Payload([]byte("elided")))
			good := ext(d, lowpan.UDPNHC(lowpan.C.Is(0), lowpan.P.Is(form)))
			lan.Silent(ext(d, lowpan.UDPNHC(lowpan.C.Is(1), lowpan.P.Is(form))).With(ieee802154.Unsecured()), good, icmpv6.Error(), probe.For("RFC6282:4.3.2-10", "RFC6282:4.3.2-12"))
		})

	check.Grid(suite, "nhc.udp.sent", "a datagram that the target sends has its checksum unless the upper layer said otherwise",
		check.Proves("RFC6282:4.3.2-2", mutate.Recoded(udp.Datagram(udp.SrcPort.Is(7)), lowpan.IPHC(lowpan.NH.Is(1)).Then(lowpan.UDPNHC(lowpan.C.Is(1))))).
			And("RFC6282:4.3.2-1", mutate.Missing(udp.Datagram(udp.SrcPort.Is(7)))).Needs(target.UDPEcho),
		[]int{0, 1, 30, 300},
		func(p *probe.P, n int) {
			lan := p.IPv6()
			reply := lan.Ask(udp.Datagram(udp.SrcPort.Is(0xf0b5), udp.DstPort.Is(uint(lan.UDPEcho()))).Then(packet.Payload(pattern(n))),
				udp.Datagram(udp.DstPort.Is(0xf0b5)), probe.For("RFC6282:4.3.2-2", "RFC6282:4.3.2-1"))
			c, compressed := lowpan.C.Of(reply)
			if compressed && c == 1 {
				p.Fail("RFC6282:4.3.2-2", probe.Field, "the checksum in line (C=0): the socket did not ask for anything else")
			}
			p.Meets("RFC6282:4.3.2-2")
			p.Observed("RFC6282:4.3.2-1", "C=%d", c)
		})
}

// octet is a case named in hexadecimal.
type octet byte

func (o octet) String() string { return fmt.Sprintf("%#02x", byte(o)) }

// portCase is a pair of ports in one of the forms of RFC 6282, section 4.3.3.
type portCase struct{ src, dst, form uint }

func (c portCase) String() string { return fmt.Sprintf("P=%02b %#04x %#04x", c.form, c.src, c.dst) }

var portForms = []string{"RFC6282:4.3.3-2", "RFC6282:4.3.3-3", "RFC6282:4.3.3-4", "RFC6282:4.3.3-5"} // by P

// ports are the ends of what each form can tell, in every form that can, and beside them what it cannot any more.
var ports = []portCase{
	{1, 9, 0}, {0xffff, 0xfffe, 0}, {0xf0b0, 0xf0bf, 0}, {0xf000, 0xf0ff, 0},
	{0x1234, 0xf000, 1}, {0xffff, 0xf0ff, 1}, {0xf0b0, 0xf0b7, 1},
	{0xf000, 9, 2}, {0xf0ff, 0xffff, 2}, {0xf0b1, 0xf0b2, 2},
	{0xf0b0, 0xf0bf, 3}, {0xf0bf, 0xf0b0, 3}, {0xf0b7, 0xf0b8, 3},
}

func portsClaims() check.Claims {
	on := func(p uint) packet.Template { return lowpan.UDPNHC(lowpan.P.Is(p)) }
	return check.Proves(portForms[0], mutate.Misreads(on(0), udp.SrcPort.Is(2))).
		And(portForms[1], mutate.Misreads(on(1), udp.DstPort.Is(0x1f0))).
		And(portForms[2], mutate.Misreads(on(2), udp.SrcPort.Is(0x1f0))).
		And(portForms[3], mutate.Misreads(on(3), udp.DstPort.Is(0xf0b9)))
}

// Proves implements check.Proving.
func (c portCase) Proves() []string { return []string{portForms[c.form]} }
