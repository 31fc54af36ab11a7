package ipv4

import (
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// discard is a port of the testers that datagrams of the target go to (RFC 863).
const discard = 9

// toDiscard are those datagrams.
var toDiscard = udp.Datagram(udp.DstPort.Is(discard))

func addrPort(a netip.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(a, port) }

// sendTo has a socket of the target send to a tester's discard port. A target that refuses proves nothing.
func sendTo(p *probe.P, s *probe.Socket, to netip.Addr, data string) {
	if err := s.SendTo([]byte(data), addrPort(to, discard)); err != nil {
		p.Inconclusive("the target refused to send to %s: %v", to, err)
	}
}

// setOption sets an option of a socket of the target. A target that cannot proves nothing.
func setOption(p *probe.P, s *probe.Socket, name string, value int) {
	if err := s.SetOption(name, value); err != nil {
		p.Inconclusive("the target refused the option %s=%d: %v", name, value, err)
	}
}

// tooManyBits tells whether more than two of delay, throughput and reliability are set.
func tooManyBits(tos uint) bool { return tos&0x1c == 0x1c }

func init() {
	suite.It("ipv4.tx.header", "what is sent has a header as it must be",
		check.Proves("RFC791:3.1-HF-1", mutate.Field(anyICMP, ipv4.Version.Is(5))).
			And("RFC791:3.1-HF-2", mutate.Field(anyICMP, ipv4.IHL.Is(6))).
			And("RFC791:3.1-HF-5", mutate.Field(anyICMP, ipv4.TOS.Is(0x1c))).
			And("RFC791:3.1-HF-6", mutate.Field(anyICMP, ipv4.TOS.Is(0xe0))).
			And("RFC791:3.1-HF-7", mutate.Field(anyICMP, ipv4.TotalLength.Is(20))).
			And("RFC791:3.1-HF-14", mutate.Field(anyICMP, ipv4.Reserved.Is(1))).
			And("RFC791:3.1-HF-22", mutate.Field(anyICMP, ipv4.Checksum.Is(0x1234))).
			And("RFC791:2.3-5", mutate.Field(anyICMP, ipv4.Offset.Is(1))).
			And("RFC791:3.2-FR-2", mutate.Field(anyICMP, ipv4.MF.Is(1))).
			And("RFC791:3.2-RB-1", mutate.Field(anyICMP, ipv4.TotalLength.Is(2000))).
			And("RFC791:B-1", mutate.Field(anyICMP, ipv4.TotalLength.Is(60<<8))).
			And("RFC791:B-2", mutate.Field(anyICMP, ipv4.Version.Is(5), ipv4.IHL.Is(4))).
			And("RFC1122:3.2.1.7-1", mutate.Field(anyICMP, ipv4.TTL.Is(0))),
		func(p *probe.P) {
			host := p.IPv4()
			host.SendBytes(asked(host, kit.Pattern(32)).Bytes)
			f := host.Expect(anyICMP, probe.For())
			p.Must("RFC791:3.1-HF-1", f, ipv4.Version.Is(4))
			p.Must("RFC791:3.1-HF-2", f, ipv4.IHL.Is(5))
			p.Must("RFC791:3.1-HF-5", f, ipv4.TOS.Where("at most two of delay, throughput and reliability", func(tos uint) bool { return !tooManyBits(tos) }))
			p.Must("RFC791:3.1-HF-6", f, ipv4.TOS.Where("a precedence below 6", func(tos uint) bool { return tos>>5 < 6 }))
			p.Must("RFC791:3.1-HF-7", f, ipv4.TotalLength.Is(60))
			p.Must("RFC791:3.2-RB-1", f, ipv4.TotalLength.Is(60))
			p.Must("RFC791:B-1", f, ipv4.TotalLength.Is(60))
			p.Must("RFC791:B-2", f, ipv4.Version.Is(4), ipv4.IHL.Is(5))
			p.Must("RFC791:3.1-HF-14", f, ipv4.Reserved.Is(0))
			p.That("RFC791:3.1-HF-22", "the sum over the header", packet.Sum(f.Header(ipv4.Proto)), gomega.Equal(uint16(0xffff)))
			p.Must("RFC791:2.3-5", f, ipv4.MF.Is(0), ipv4.Offset.Is(0))
			p.Must("RFC791:3.2-FR-2", f, ipv4.MF.Is(0), ipv4.Offset.Is(0))
			p.Must("RFC1122:3.2.1.7-1", f, ipv4.TTL.Not(0))
		})

	suite.It("ipv4.tx.link", "a datagram to one host does not go out as link broadcast",
		check.Proves("RFC1122:3.3.6-5", mutate.Field(anyReply, ethernet.Dst.Is(ethernet.Broadcast))),
		func(p *probe.P) {
			host := p.IPv4()
			f := asked(host, nil)
			host.SendBytes(f.Bytes)
			reply := host.Expect(f.reply)
			p.Must("RFC1122:3.3.6-5", reply, ethernet.Dst.Is(host.MAC()))
		})

	// Low values, so that none is a default.
	check.Grid(suite, "ipv4.tx.ttl", "the user sets the TTL of what is sent",
		check.Proves("RFC1122:3.2.1.7-3", mutate.Field(toDiscard, ipv4.TTL.Is(32))).
			And("RFC1122:3.2.1.7-4", mutate.Field(toDiscard, ipv4.TTL.Is(32))).Needs(target.Agent),
		[]int{1, 7, 31},
		func(p *probe.P, ttl int) {
			host := p.IPv4()
			s := p.UDP(0)
			setOption(p, s, "IP_TTL", ttl)
			for range 2 {
				sendTo(p, s, host.IP(), "time to live")
				f := host.Expect(toDiscard, probe.For())
				p.Must("RFC1122:3.2.1.7-3", f, ipv4.TTL.Is(uint(ttl)))
				p.Must("RFC1122:3.2.1.7-4", f, ipv4.TTL.Is(uint(ttl)))
			}
		})

	check.Grid(suite, "ipv4.tx.tos", "the user sets the type of service of what is sent",
		check.Proves("RFC1122:3.2.1.6-1", mutate.Field(toDiscard, ipv4.TOS.Is(0))).
			And("RFC791:3.3-1", mutate.Field(toDiscard, ipv4.TOS.Is(0))).Needs(target.Agent),
		[]int{0x04, 0x08, 0x10, 0x28},
		func(p *probe.P, tos int) {
			host := p.IPv4()
			s := p.UDP(0)
			setOption(p, s, "IP_TOS", tos)
			sendTo(p, s, host.IP(), "type of service")
			f := host.Expect(toDiscard, probe.For())
			p.Must("RFC1122:3.2.1.6-1", f, ipv4.TOS.Is(uint(tos)))
			p.Must("RFC791:3.3-1", f, ipv4.TOS.Is(uint(tos)), ipv4.Dst.Is(host.IP()), ipv4.Protocol.Is(17), packet.Data.Is([]byte("type of service")))
		})

	suite.It("ipv4.tx.broadcast", "a broadcast to the link is sent with all ones",
		check.Proves("RFC1122:3.3.6-7", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Field(toDiscard, ipv4.Dst.Is(directed(n, 0)))
		})).And("RFC1122:3.3.6-3", mutate.Field(toDiscard, ipv4.Dst.Is(netip.IPv4Unspecified()))).Needs(target.Agent),
		func(p *probe.P) {
			host := p.IPv4()
			s := p.UDP(0)
			setOption(p, s, "SO_BROADCAST", 1)
			sendTo(p, s, ipv4.Broadcast, "to all")
			f := host.Expect(toDiscard, probe.For())
			p.Must("RFC1122:3.3.6-7", f, ipv4.Dst.Is(ipv4.Broadcast), ethernet.Dst.Is(ethernet.Broadcast))
			p.Must("RFC1122:3.3.6-3", f, ipv4.Dst.Is(ipv4.Broadcast))
		})

	suite.It("ipv4.rx.delivery", "the user of a datagram learns its source and gets its data",
		check.Proves("RFC791:3.3-2", mutate.Misreads(udp.Datagram(), packet.Data.Is([]byte("other data")))).Needs(target.Agent),
		func(p *probe.P) {
			host := p.IPv4()
			s := p.UDP(0)
			r := s.Recv()
			f := kit.Framed(host, toPort(p, s.Local.Port(), "data"))
			host.SendBytes(f.Bytes)
			reply, _ := r.Delivered()
			port, _ := udp.SrcPort.Of(f)
			p.That("RFC791:3.3-2", "the data", string(reply.Data), gomega.Equal("data"))
			p.That("RFC791:3.3-2", "the source", reply.Remote, gomega.Equal(netip.AddrPortFrom(host.IP(), uint16(port))))
		})
}
