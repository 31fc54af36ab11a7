package ipv6

import (
	"encoding/binary"
	"fmt"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
	"github.com/onsi/gomega"
)

func init() {
	check.Grid(suite, "ipv6.header.fields", "what is sent has the header of RFC 8200, with the sender's address",
		check.Proves("RFC8200:3-1", mutate.Octets(anyReply, "with version 4", func(b []byte) []byte { b[14] = 0x40 | b[14]&15; return b })).
			And("RFC8200:1-1", mutate.Missing(anyReply)).
			And("RFC8200:3-4", mutate.Octets(anyReply, "with the IPv6 header counted in the payload length", func(b []byte) []byte {
				binary.BigEndian.PutUint16(b[18:], binary.BigEndian.Uint16(b[18:])+40)
				return b
			})).
			And("RFC8200:3-5", mutate.Octets(anyReply, "with protocol 1", func(b []byte) []byte { b[20] = 1; return b })).
			And("RFC8200:3-11", mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(anyReply, ipv6.Src.Is(n.Unused6)) })).
			And("RFC8200:3-12", mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(anyReply, ipv6.Dst.Is(n.Unused6)) })),
		[]int{0, 1, 24, 1000, 1452},
		func(p *probe.P, size int) {
			lan := p.IPv6()
			id := p.Serial()
			// The frame is looked at as octets: what is wrong in the header may keep decoders from what follows.
			is := ethernet.Frame(ethernet.Type.Is(0x86dd), ethernet.Dst.Is(lan.MAC()))
			lan.Send(icmpv6.Echo(id, 1, kit.Pattern(size)))
			var b []byte
			for len(b) < 48 || b[40] != icmpv6.TypeEchoReply {
				b = lan.Expect(is, probe.For("RFC8200:1-1")).Body(ethernet.Proto)
			}
			p.That("RFC8200:3-1", "the version", int(b[0]>>4), gomega.Equal(6))
			p.That("RFC8200:3-4", "the payload length", int(binary.BigEndian.Uint16(b[4:])), gomega.Equal(8+size))
			p.That("RFC8200:3-5", "the next header", int(b[6]), gomega.Equal(ipv6.NextICMPv6))
			p.That("RFC8200:3-11", "the source", fmt.Sprint(ipFrom(b[8:24])), gomega.Equal(fmt.Sprint(lan.TargetIP())))
			p.That("RFC8200:3-12", "the destination", fmt.Sprint(ipFrom(b[24:40])), gomega.Equal(fmt.Sprint(lan.IP())))
		})

	check.Grid(suite, "ipv6.header.class", "traffic class and flow label are read and sent where RFC 8200 has them",
		check.Proves("RFC8200:7-1", mutate.Ignores(ipv6.Header(ipv6.TrafficClass.Not(0)))).
			And("RFC8200:3-2", mutate.Ignores(ipv6.Header(ipv6.TrafficClass.Not(0)))).
			And("RFC8200:3-3", mutate.Ignores(ipv6.Header(ipv6.FlowLabel.Not(0)))).
			And("RFC8200:6-1", mutate.Ignores(ipv6.Header(ipv6.FlowLabel.Not(0)))),
		[]mark{{0xff, 0xfffff}, {0x01, 0x80000}, {0x80, 0x00001}, {0xb8, 0x12345}},
		func(p *probe.P, m mark) {
			lan := p.IPv6()
			lan.Ask(icmpv6.Echo(p.Serial(), 1, nil).With(ipv6.TrafficClass.Is(m.class), ipv6.FlowLabel.Is(m.label)), anyReply,
				probe.For("RFC8200:7-1", "RFC8200:3-2", "RFC8200:3-3", "RFC8200:6-1"), probe.Because("any class and label is received"))
		})

	suite.It("ipv6.header.class.sent", "the traffic class that a socket asks for stands behind the version",
		check.Proves("RFC8200:3-2", mutate.Field(udp.Datagram(), ipv6.TrafficClass.Is(0))).Needs(target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			s := lan.UDP(0)
			if err := s.SetOption("IPV6_TCLASS", 0xa8); err != nil {
				p.Inconclusive("no IPV6_TCLASS: %v", err)
			}
			sendTo(lan, s, 8)
			d := lan.Expect(udp.Datagram(), probe.For())
			p.Must("RFC8200:3-2", d, ipv6.TrafficClass.Is(0xa8))
		})

	check.Grid(suite, "ipv6.hops.received", "the destination takes a packet whatever its hop limit, 0 as well",
		check.Proves("RFC8200:3-9", mutate.Ignores(ipv6.Header(ipv6.HopLimit.Is(0)))).
			And("RFC8200:3-10", mutate.Missing(anyReply)),
		[]uint{0, 1, 2, 255},
		func(p *probe.P, hops uint) {
			lan := p.IPv6()
			lan.Ask(icmpv6.Echo(p.Serial(), 1, nil).With(ipv6.HopLimit.Is(hops)), anyReply, probe.For("RFC8200:3-9", "RFC8200:3-10"))
		})

	check.Grid(suite, "ipv6.length.trailer", "octets behind the payload length are no part of the packet",
		check.Proves("RFC8200:3-4", mutate.Missing(anyReply)),
		[]int{1, 7, 40},
		func(p *probe.P, more int) {
			lan := p.IPv6()
			data := kit.Pattern(64)
			b := lan.Build(icmpv6.Echo(p.Serial(), 1, data))
			lan.SendBytes(append(b, make([]byte, more)...))
			reply := lan.Expect(anyReply)
			p.Must("RFC8200:3-4", reply, packet.Data.Is(data))
		})

	check.Grid(suite, "ipv6.length.short", "a packet of which less came than its payload length says is no packet",
		check.Proves("RFC8200:3-4", mutate.Gullible()),
		[]uint{33, 100, 1400, 65535},
		func(p *probe.P, length uint) {
			lan := p.IPv6()
			good := icmpv6.Echo(p.Serial(), 1, kit.Pattern(24))
			lan.Silent(good.With(ipv6.PayloadLength.Is(length)), good, anyReply)
		})

	suite.It("ipv6.mtu.received", "a packet as large as the link's MTU is received",
		check.Proves("RFC8200:5-5", mutate.Missing(anyReply)),
		func(p *probe.P) {
			lan := p.IPv6()
			data := kit.Pattern(lan.Net().MTU - 48)
			reply := lan.Ask(icmpv6.Echo(p.Serial(), 1, data), anyReply)
			p.Must("RFC8200:5-5", reply, packet.Data.Is(data))
		})
}

// mark is a traffic class with a flow label.
type mark struct{ class, label uint }

func (m mark) String() string { return fmt.Sprintf("%#02x,%#05x", m.class, m.label) }
