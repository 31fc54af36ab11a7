package rfc6282

import (
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
)

// All but the addresses: section 3.1.1 up to HLIM, 3.2 and 3.2.1.

// unknownProtocol is a number of RFC 3692, which has an error for an answer.
const unknownProtocol = 253

var unread = mutate.Ignores(lowpan.IPHC())

func init() {
	reads([]reading{
		{id: "iphc.dispatch", title: "a dispatch of 011 announces a compressed header", req: "RFC6282:3.1.1-1", sent: fixed(refused()), mutation: &unread},
		{id: "iphc.tf.all", title: "TF=00: traffic class and flow label are in line", req: "RFC6282:3.1.1-2",
			sent: fixed(refused(ipv6.TrafficClass.Is(0xb9), ipv6.FlowLabel.Is(0xabcde), lowpan.TF.Is(0))), on: iphc(lowpan.TF.Is(0)), as: []packet.Cond{ipv6.FlowLabel.Is(0)}},
		{id: "iphc.tf.flow", title: "TF=01: the flow label is in line, DSCP is 0", req: "RFC6282:3.1.1-3",
			sent: fixed(refused(ipv6.TrafficClass.Is(2), ipv6.FlowLabel.Is(0xabcde), lowpan.TF.Is(1))), on: iphc(lowpan.TF.Is(1)), as: []packet.Cond{ipv6.TrafficClass.Is(0x2a)}},
		{id: "iphc.tf.class", title: "TF=10: the traffic class is in line, the flow label is 0", req: "RFC6282:3.1.1-4",
			sent: fixed(refused(ipv6.TrafficClass.Is(0xb9), lowpan.TF.Is(2))), on: iphc(lowpan.TF.Is(2)), as: []packet.Cond{ipv6.FlowLabel.Is(0xb9000)}},
		{id: "iphc.tf.none", title: "TF=11: traffic class and flow label are 0", req: "RFC6282:3.1.1-5",
			sent: fixed(refused(lowpan.TF.Is(3))), on: iphc(lowpan.TF.Is(3)), as: []packet.Cond{ipv6.TrafficClass.Is(3)}},
		{id: "iphc.tf.rotated", title: "ECN stands before DSCP in line", req: "RFC6282:3.2.1-1",
			sent: fixed(refused(ipv6.TrafficClass.Is(0xb9))), on: iphc(lowpan.TF.Is(2)), as: []packet.Cond{ipv6.TrafficClass.Is(0x6e)}},
		{id: "iphc.nh.inline", title: "NH=0: the next header is in line", req: "RFC6282:3.1.1-6",
			sent: fixed(refused(lowpan.NH.Is(0))), on: iphc(lowpan.NH.Is(0)).Then(udp.Datagram()), as: []packet.Cond{ipv6.NextHeader.Is(unknownProtocol)}},
		{id: "iphc.nh.elided", title: "NH=1: the next header follows in NHC form", req: "RFC6282:3.1.1-7",
			sent: fixed(refused(lowpan.NH.Is(1))), on: iphc(lowpan.NH.Is(1)), as: []packet.Cond{ipv6.NextHeader.Is(unknownProtocol)}},
		{id: "iphc.hlim.inline", title: "HLIM=00: the hop limit is in line", req: "RFC6282:3.1.1-8",
			sent: fixed(refused(ipv6.HopLimit.Is(65), lowpan.HLIM.Is(0))), on: iphc(lowpan.HLIM.Is(0)), as: []packet.Cond{ipv6.HopLimit.Is(64)}},
		{id: "iphc.hlim.1", title: "HLIM=01: the hop limit is 1", req: "RFC6282:3.1.1-9",
			sent: fixed(refused(ipv6.HopLimit.Is(1), lowpan.HLIM.Is(1))), on: iphc(lowpan.HLIM.Is(1)), as: []packet.Cond{ipv6.HopLimit.Is(2)}},
		{id: "iphc.hlim.64", title: "HLIM=10: the hop limit is 64", req: "RFC6282:3.1.1-10",
			sent: fixed(refused(ipv6.HopLimit.Is(64), lowpan.HLIM.Is(2))), on: iphc(lowpan.HLIM.Is(2)), as: []packet.Cond{ipv6.HopLimit.Is(128)}},
		{id: "iphc.hlim.255", title: "HLIM=11: the hop limit is 255", req: "RFC6282:3.1.1-11",
			sent: fixed(refused(ipv6.HopLimit.Is(255), lowpan.HLIM.Is(3))), on: iphc(lowpan.HLIM.Is(3)).Then(udp.Datagram()), as: []packet.Cond{ipv6.HopLimit.Is(254)}},
		{id: "iphc.order", title: "what is in line stands in the order of the IPv6 header", req: "RFC6282:3.2-1",
			sent: fixed(refused(ipv6.TrafficClass.Is(0xb9), ipv6.FlowLabel.Is(0x12345), ipv6.HopLimit.Is(17), lowpan.TF.Is(0), lowpan.NH.Is(0), lowpan.HLIM.Is(0),
				lowpan.SAC.Is(0), lowpan.SAM.Is(0), lowpan.DAC.Is(0), lowpan.DAM.Is(0))),
			on: iphc(lowpan.TF.Is(0), lowpan.HLIM.Is(0)), as: []packet.Cond{ipv6.HopLimit.Is(0x11 + 1)}},
		{id: "iphc.version", unheard: true, title: "the version is 6 again", req: "RFC6282:3.2-2", sent: fixed(refused()), on: iphc(), as: []packet.Cond{ipv6.Version.Is(4)}},
		{id: "iphc.payload-length", title: "the payload length is what the frame has", req: "RFC6282:3.2-3",
			sent: fixed(refused()), on: iphc(), as: []packet.Cond{packet.Data.Is([]byte("628"))}},
		{id: "iphc.octets", title: "an encoding has 2 octets, or 3 with the context extension, and the fields follow straight after", req: "RFC6282:3.1-1",
			sent: fixed(refused(ipv6.HopLimit.Is(9), lowpan.CIDs.Is(0), lowpan.SAC.Is(0), lowpan.SAM.Is(0))), on: iphc(lowpan.CID.Is(1)), as: []packet.Cond{ipv6.HopLimit.Is(0)}},
		{id: "iphc.dispatch.7f", title: "dispatch 01111111 is a compressed header, too, and no escape", req: "RFC6282:5-1",
			sent: func(lan *probe.Tester) packet.Template {
				return between(lan, refused(ipv6.HopLimit.Is(255), lowpan.TF.Is(3), lowpan.NH.Is(1), lowpan.HLIM.Is(3)))
			},
			on: iphc(lowpan.TF.Is(3), lowpan.NH.Is(1), lowpan.HLIM.Is(3)), as: []packet.Cond{ipv6.HopLimit.Is(1)}},
	})

	suite.It("iphc.sent.payload", "what the target sends compressed is the packet that it means",
		check.Proves("RFC6282:2-7", mutate.MisreadsAs(iphc(), "with another payload", func(f *packet.Frame) [][]byte {
			return f.Rewrites(packet.Data.Is(make([]byte, 400)))
		})),
		func(p *probe.P) {
			lan := p.IPv6()
			id, data := p.Serial(), pattern(400)
			reply := lan.Ask(icmpv6.Echo(id, 1, data), icmpv6.EchoReply(icmpv6.ID.Is(id)), probe.For("RFC6282:2-7"))
			p.Must("RFC6282:2-7", reply, packet.Data.Is(data))
		})
}

func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8 + 1)
	}
	return b
}
