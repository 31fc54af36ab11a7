package rfc6282

import (
	"net/netip"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// The addresses: section 3.1.1 from CID on, 3.1.2, 3.2.2 to 3.2.4.

var (
	stranger = ipv6.MustAddr("fe80::9999")
	another  = []packet.Cond{ipv6.Src.Is(stranger)}
	other    = []packet.Cond{ipv6.Dst.Is(ipv6.MustAddr("ff02::1"))} // a packet that is for the target all the same, yet for another address
	contexts = []target.Feature{target.Contexts6, target.Gateway}
)

// in is the address with the prefix of a context of the world and an identifier; bits that the context covers win.
func in(lan *probe.Tester, cid int, iid [8]byte) netip.Addr {
	p := lan.Net().Contexts[cid]
	var a [16]byte
	copy(a[8:], iid[:])
	c := p.Masked().Addr().As16()
	for bit := range p.Bits() {
		mask := byte(0x80) >> (bit % 8)
		a[bit/8] = a[bit/8]&^mask | c[bit/8]&mask
	}
	return netip.AddrFrom16(a)
}

// from is a datagram from an address that the tester has besides its own, encoded as conds say.
func from(a func(lan *probe.Tester) netip.Addr, conds ...packet.Cond) func(*probe.Tester) packet.Template {
	return func(lan *probe.Tester) packet.Template {
		ip := a(lan)
		lan.Owns(ip)
		return refused(append([]packet.Cond{ipv6.Src.Is(ip)}, conds...)...)
	}
}

// fromShort is from, in a frame from the tester's short address.
func fromShort(a func(lan *probe.Tester) netip.Addr, conds ...packet.Cond) func(*probe.Tester) packet.Template {
	return func(lan *probe.Tester) packet.Template {
		return from(a, conds...)(lan).With(ieee802154.Src.Is(lan.Host().ShortAddr))
	}
}

func to(a func(lan *probe.Tester) netip.Addr, conds ...packet.Cond) func(*probe.Tester) packet.Template {
	return func(lan *probe.Tester) packet.Template {
		return refused(append([]packet.Cond{ipv6.Dst.Is(a(lan))}, conds...)...)
	}
}

// toGroup is a packet to a group that the target is a member of, with an option that wants an error.
func toGroup(group func(lan *probe.Tester) netip.Addr, conds ...packet.Cond) func(*probe.Tester) packet.Template {
	return func(lan *probe.Tester) packet.Template {
		return unknownOption().With(append([]packet.Cond{ipv6.Src.Is(lan.Host().LinkLocal), ipv6.Dst.Is(group(lan))}, conds...)...)
	}
}

func own(lan *probe.Tester) netip.Addr       { return lan.Host().LinkLocal }
func ownShort(lan *probe.Tester) netip.Addr  { return target.LinkLocalOf(lan.Host().ShortAddr) }
func peer(lan *probe.Tester) netip.Addr      { return lan.Net().Target.LinkLocal }
func peerShort(lan *probe.Tester) netip.Addr { return target.LinkLocalOf(lan.Net().Target.ShortAddr) }
func allNodes(*probe.Tester) netip.Addr      { return ipv6.AllNodes }
func solicited(lan *probe.Tester) netip.Addr { return ipv6.SolicitedNode(lan.Net().Target.IP6) }
func stateful(cid int, iid [8]byte) func(*probe.Tester) netip.Addr {
	return func(lan *probe.Tester) netip.Addr { return in(lan, cid, iid) }
}

var someIID = [8]byte{0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88}

func src(stateful, mode uint) []packet.Cond {
	return []packet.Cond{lowpan.SAC.Is(stateful), lowpan.SAM.Is(mode)}
}
func dst(m, stateful, mode uint) []packet.Cond {
	return []packet.Cond{lowpan.M.Is(m), lowpan.DAC.Is(stateful), lowpan.DAM.Is(mode)}
}

func init() {
	all := func(lan *probe.Tester) netip.Addr { return lan.Host().IP6 }
	reads([]reading{
		{id: "iphc.src.full", title: "SAC=0 SAM=00: the source is in line", req: "RFC6282:3.1.1-14", sent: from(all, src(0, 0)...), on: iphc(src(0, 0)...), source: asLocal},
		{id: "iphc.src.64", title: "SAC=0 SAM=01: the source is link-local with 64 bits in line", req: "RFC6282:3.1.1-15", sent: from(own, src(0, 1)...), on: iphc(src(0, 1)...), source: byDefault},
		{id: "iphc.src.16", title: "SAC=0 SAM=10: the source is link-local with 16 bits in line", req: "RFC6282:3.1.1-16", sent: from(ownShort, src(0, 2)...), on: iphc(src(0, 2)...), source: bare16},
		{id: "iphc.src.elided", title: "SAC=0 SAM=11: the source is link-local with the identifier of the link address", req: "RFC6282:3.1.1-17", sent: from(own, src(0, 3)...), on: iphc(src(0, 3)...), source: byDefault},
		{id: "iphc.src.context.64", title: "SAC=1 SAM=01: the source has the context's prefix and 64 bits in line; the context wins", req: "RFC6282:3.1.1-19",
			sent: from(stateful(5, someIID), append(src(1, 1), lowpan.CIDs.Is(0x50))...), on: iphc(src(1, 1)...), source: byContext(5, someIID), needs: contexts},
		{id: "iphc.src.context.16", title: "SAC=1 SAM=10: the source has the context's prefix and 16 bits in line; what nobody tells is zero", req: "RFC6282:3.1.1-20",
			sent: from(stateful(1, [8]byte{3: 0xff, 4: 0xfe, 6: 0xbe, 7: 0xef}), append(src(1, 2), lowpan.CIDs.Is(0x10))...), on: iphc(src(1, 2)...), source: byContext(1, [8]byte{6: 0xbe, 7: 0xef}), needs: contexts},
		{id: "iphc.src.context.elided", title: "SAC=1 SAM=11: the source has the context's prefix and the identifier of the link address", req: "RFC6282:3.1.1-21",
			sent: func(lan *probe.Tester) packet.Template {
				return from(stateful(3, lowpan.IID(lan.MAC())), append(src(1, 3), lowpan.CIDs.Is(0x30))...)(lan)
			}, on: iphc(src(1, 3)...), source: byDefault, needs: contexts},
		{id: "iphc.cid.none", title: "CID=0: addresses are compressed by context 0", req: "RFC6282:3.1.1-12", sent: from(all, append(src(1, 1), lowpan.CID.Is(0))...),
			on: iphc(lowpan.CID.Is(0), lowpan.SAC.Is(1)), source: byContext(1, [8]byte{7: 1}), needs: contexts},
		{id: "iphc.cid.octet", title: "CID=1: an octet of contexts follows DAM", req: "RFC6282:3.1.1-13", sent: from(stateful(1, someIID), append(src(1, 1), lowpan.CIDs.Is(0x10))...),
			on: iphc(lowpan.CIDs.Is(0x10)), source: byContext(0, someIID), needs: contexts},
		{id: "iphc.cid.halves", title: "the upper half of the octet is the source's context, the lower one the destination's", req: "RFC6282:3.1.2-1",
			sent: func(lan *probe.Tester) packet.Template {
				return from(stateful(1, someIID), append(src(1, 1), lowpan.CIDs.Is(0x1f), lowpan.DAC.Is(1), lowpan.DAM.Is(1), ipv6.Dst.Is(in(lan, 15, [8]byte{})))...)(lan)
			}, on: iphc(lowpan.CIDs.Is(0x1f)), source: byContext(0, someIID), needs: contexts},
		{id: "iphc.cid.default", title: "context 0 is the one that nothing names", req: "RFC6282:3.1.2-2", sent: to(func(lan *probe.Tester) netip.Addr { return lan.Net().Target.IP6 }, append(dst(0, 1, 1), lowpan.CID.Is(0))...),
			on: iphc(lowpan.CID.Is(0), lowpan.DAC.Is(1)), dest: targetLocal, needs: contexts},
		{id: "iphc.cid.different", title: "source and destination have contexts of their own", req: "RFC6282:3.1.2-3",
			sent: func(lan *probe.Tester) packet.Template {
				return from(stateful(3, someIID), append(src(1, 1), lowpan.CIDs.Is(0x30), lowpan.DAC.Is(1), lowpan.DAM.Is(3), ipv6.Dst.Is(lan.Net().Target.IP6))...)(lan)
			}, on: iphc(lowpan.CIDs.Is(0x30)), source: byContext(0, someIID), needs: contexts},

		{id: "iphc.m", unheard: true, title: "M tells a group from one node", req: "RFC6282:3.1.1-22", sent: toGroup(allNodes), on: iphc(lowpan.M.Is(1)), dest: targetLocal},
		{id: "iphc.dst.full", title: "M=0 DAC=0 DAM=00: the destination is in line", req: "RFC6282:3.1.1-23", sent: fixed(refused(dst(0, 0, 0)...)), on: iphc(dst(0, 0, 0)...), dest: targetLocal},
		{id: "iphc.dst.64", title: "M=0 DAC=0 DAM=01: the destination is link-local with 64 bits in line", req: "RFC6282:3.1.1-24", sent: to(peer, dst(0, 0, 1)...), on: iphc(dst(0, 0, 1)...), dest: targetGlobal},
		{id: "iphc.dst.16", title: "M=0 DAC=0 DAM=10: the destination is link-local with 16 bits in line", req: "RFC6282:3.1.1-25", sent: to(peerShort, dst(0, 0, 2)...), on: iphc(dst(0, 0, 2)...), dest: targetGlobal, needs: []target.Feature{target.ShortAddress}},
		{id: "iphc.dst.elided", title: "M=0 DAC=0 DAM=11: the destination is link-local with the identifier of the link address", req: "RFC6282:3.1.1-26", sent: to(peer, dst(0, 0, 3)...), on: iphc(dst(0, 0, 3)...), dest: targetGlobal},
		{id: "iphc.dst.context.64", title: "M=0 DAC=1 DAM=01: the destination has the context's prefix and 64 bits in line", req: "RFC6282:3.1.1-28",
			sent: fixed(refused(dst(0, 1, 1)...)), on: iphc(dst(0, 1, 1)...), dest: targetLocal, needs: contexts},
		{id: "iphc.dst.context.16", title: "M=0 DAC=1 DAM=10: the destination has the context's prefix and 16 bits in line; the context wins", req: "RFC6282:3.1.1-29",
			sent: to(stateful(15, [8]byte{}), append(dst(0, 1, 2), lowpan.CIDs.Is(0x0f))...), on: iphc(dst(0, 1, 2)...), dest: targetLocal, needs: contexts},
		{id: "iphc.dst.context.elided", title: "M=0 DAC=1 DAM=11: the destination has the context's prefix and the identifier of the link address", req: "RFC6282:3.1.1-30",
			sent: fixed(refused(dst(0, 1, 3)...)), on: iphc(dst(0, 1, 3)...), dest: targetLocal, needs: contexts},

		{id: "iphc.group.full", title: "M=1 DAC=0 DAM=00: the group is in line", req: "RFC6282:3.1.1-31", sent: toGroup(allNodes, dst(1, 0, 0)...), on: iphc(dst(1, 0, 0)...), dest: targetSolicited},
		{id: "iphc.group.48", title: "M=1 DAC=0 DAM=01: 48 bits in line give the group", req: "RFC6282:3.1.1-32", sent: toGroup(solicited, dst(1, 0, 1)...), on: iphc(dst(1, 0, 1)...), as: other},
		{id: "iphc.group.32", title: "M=1 DAC=0 DAM=10: 32 bits in line give the group", req: "RFC6282:3.1.1-33", sent: toGroup(allNodes, dst(1, 0, 2)...), on: iphc(dst(1, 0, 2)...), dest: targetSolicited},
		{id: "iphc.group.8", title: "M=1 DAC=0 DAM=11: 8 bits in line give the group", req: "RFC6282:3.1.1-34", sent: toGroup(allNodes, dst(1, 0, 3)...), on: iphc(dst(1, 0, 3)...), dest: targetSolicited},
		{id: "iphc.group.48.octets", title: "the 48 bits are flags and scope, and 40 bits of the group", req: "RFC6282:3.2.3-1", sent: toGroup(solicited, append(dst(1, 0, 1), ipv6.HopLimit.Is(255))...),
			on: iphc(append(dst(1, 0, 1), lowpan.HLIM.Is(3))...), as: []packet.Cond{ipv6.Dst.Is(ipv6.AllNodes)}},
		{id: "iphc.group.32.octets", unheard: true, title: "the 32 bits are flags and scope, and 24 bits of the group", req: "RFC6282:3.2.3-2", sent: toGroup(allNodes, append(dst(1, 0, 2), ipv6.HopLimit.Is(255))...),
			on: iphc(append(dst(1, 0, 2), lowpan.HLIM.Is(3))...), as: []packet.Cond{ipv6.Dst.Is(ipv6.MustAddr("ff05::1"))}},
		{id: "iphc.group.8.octet", unheard: true, title: "the 8 bits are the last of the group, of link-local scope", req: "RFC6282:3.2.3-3", sent: toGroup(allNodes, append(dst(1, 0, 3), ipv6.HopLimit.Is(255))...),
			on: iphc(append(dst(1, 0, 3), lowpan.HLIM.Is(3))...), as: []packet.Cond{ipv6.Dst.Is(ipv6.MustAddr("ff05::1"))}},

		{id: "iphc.iid.eui64", title: "the identifier of an extended address is that with its universal bit inverted", req: "RFC6282:3.2.2-4", sent: from(own, src(0, 3)...), on: iphc(src(0, 3)...),
			source: notInverted},
		{id: "iphc.iid.short", title: "the identifier of a short address is 0000:00ff:fe00:XXXX", req: "RFC6282:3.2.2-5", sent: fromShort(ownShort, src(0, 3)...), on: iphc(src(0, 3)...),
			source: withPAN},
		{id: "iphc.iid.short.rest", title: "a short address also gives the part of an identifier that the context does not cover", req: "RFC6282:3.2.2-6",
			sent: func(lan *probe.Tester) packet.Template {
				return fromShort(stateful(5, lowpan.IID(lan.Host().ShortAddr)), append(src(1, 3), lowpan.CIDs.Is(0x50))...)(lan)
			}, on: iphc(src(1, 3)...), source: byContext(5, [8]byte{0xaa}), needs: contexts},
	})

	suite.It("iphc.src.unspecified", "SAC=1 SAM=00: the source is the unspecified address",
		check.Proves("RFC6282:3.1.1-18", mutate.Misreads(iphc(src(1, 0)...), another...)),
		func(p *probe.P) {
			lan := p.IPv6()
			probing := ndp.Probe(lan.Net().Target.LinkLocal).With(src(1, 0)...)
			answer := lan.Ask(probing, ndp.Advert(ndp.NATarget.Is(lan.Net().Target.LinkLocal)).With(ipv6.Dst.Is(ipv6.AllNodes)), probe.For("RFC6282:3.1.1-18"),
				probe.Because("who asks has no address"))
			p.Must("RFC6282:3.1.1-18", answer, ipv6.Dst.Is(ipv6.AllNodes))
		})

	check.Grid(suite, "iphc.dst.reserved", "M=0 DAC=1 DAM=00 is reserved: such a packet is not taken",
		check.Proves("RFC6282:3.1.1-27", mutate.Gullible()), []uint{0, 1},
		func(p *probe.P, nh uint) {
			lan := p.IPv6()
			good := echoed(lan)
			lan.Silent(good.With(append(dst(0, 1, 0), lowpan.CID.Is(nh))...), good, icmpv6.EchoReply())
		})
	check.Grid(suite, "iphc.group.reserved", "M=1 DAC=1 DAM=01, 10 and 11 are reserved: such a packet is not taken",
		check.Proves("RFC6282:3.1.1-36", mutate.Gullible()), []uint{1, 2, 3},
		func(p *probe.P, mode uint) {
			lan := p.IPv6()
			good := echoed(lan)
			lan.Silent(good.With(dst(1, 1, mode)...), good, icmpv6.EchoReply())
		})

	check.Grid(suite, "iphc.group.context", "M=1 DAC=1 DAM=00: 48 bits in line and the context's prefix give a group of RFC 3306 or RFC 3956",
		check.Proves("RFC6282:3.1.1-35", mutate.Misreads(iphc(dst(1, 1, 0)...), ipv6.Dst.Is(stranger))).
			And("RFC6282:3.2.4-1", mutate.Misreads(iphc(dst(1, 1, 0)...), ipv6.Dst.Is(ipv6.MustAddr("ff3e:40:2001:db8:1:0:7:5678")))).
			And("RFC6282:3.2.4-2", mutate.Misreads(iphc(dst(1, 1, 0)...), ipv6.Dst.Is(ipv6.MustAddr("ff3e:140:2001:db8:1:0:1234:5678")))).
			Needs(target.Contexts6, target.Agent),
		[]string{"ff3e:40:2001:db8:1:0:1234:5678", "ff7e:a40:2001:db8:1:0:1234:5678"}, // the latter has RIID 10
		func(p *probe.P, group string) {
			lan := p.IPv6()
			g := ipv6.MustAddr(group)
			if err := lan.UDP(0).Join(g); err != nil {
				p.Inconclusive("the target does not join %v: %v", g, err)
			}
			sent := toGroup(func(*probe.Tester) netip.Addr { return g }, dst(1, 1, 0)...)(lan)
			reqs := []string{"RFC6282:3.1.1-35", "RFC6282:3.2.4-1", "RFC6282:3.2.4-2"}
			answer := lan.Ask(sent, icmpv6.Error(), probe.For(reqs...))
			for _, r := range reqs {
				p.Must(r, answer, icmpv6.Quotes(lan.Framed(sent)))
			}
		})

	check.Grid(suite, "iphc.sent.identifier", "an identifier that does not follow from the link address is not elided",
		check.Proves("RFC6282:3.2.2-3", mutate.Recoded(icmpv6.EchoReply(), iphc(src(0, 3)...))).
			And("RFC6282:3.2.2-2", mutate.Missing(icmpv6.EchoReply())).
			Needs(target.ShortAddress),
		[]string{"extended", "short"},
		func(p *probe.P, kind string) {
			lan := p.IPv6()
			a := lan.Net().Target.IP6
			if kind == "short" {
				a = peerShort(lan)
			}
			id := p.Serial()
			reply := lan.Ask(icmpv6.Echo(id, 1, nil).With(ipv6.Dst.Is(a), ieee802154.Dst.Is(lan.Net().Target.MAC)), icmpv6.EchoReply(icmpv6.ID.Is(id)), probe.For("RFC6282:3.2.2-3", "RFC6282:3.2.2-2"))
			p.Must("RFC6282:3.2.2-3", reply, ipv6.Src.Is(a))
			have, best := len(lowpan.EncodedOf(reply)), len(lowpan.Encode(reply.Packet(), lowpan.AroundOf(reply)))
			p.Observed("RFC6282:3.2.2-2", "the reply is encoded in %d octets, the shortest form has %d", have, best)
		})
}
