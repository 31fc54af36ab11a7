package udp

import (
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// closed is a port that nobody on the target listens on.
const closed = 40009

func init() {
	suite.It("udp.port.closed", "a datagram to a port that nobody listens on draws Port Unreachable",
		check.Proves("RFC1122:4.1.3.1-1", mutate.Missing(icmpv4.Error())).
			And("RFC1122:3.2.2.1-1", mutate.Field(icmpv4.Error(), icmpv4.Code.Is(icmpv4.CodeHost))).
			And("RFC1122:3.2.2-3", mutate.Field(icmpv4.Error(), packet.Data.Is(make([]byte, 28)))),
		func(p *probe.P) {
			host := p.IPv4()
			datagram := udp.Datagram(udp.SrcPort.Is(5000), udp.DstPort.Is(closed)).Then(packet.Payload([]byte("anybody there?")))
			sent := packet.Dissect(p.Net().Link, host.Build(datagram))
			e := host.Ask(datagram, icmpv4.Error(), probe.For("RFC1122:4.1.3.1-1"))
			p.Must("RFC1122:3.2.2.1-1", e, icmpv4.Type.Is(icmpv4.TypeUnreachable), icmpv4.Code.Is(icmpv4.CodePort))
			p.Must("RFC1122:3.2.2-3", e, packet.Data.Where("the datagram's header and at least 8 octets, unchanged", func(q []byte) bool {
				return quotes(q, sent)
			}))
		})

	check.Grid(suite, "udp.checksum.wrong", "a datagram with a wrong checksum is dropped silently",
		check.Proves("RFC1122:4.1.3.4-2", mutate.Gullible()).And("RFC768:CK-7", mutate.Gullible()).Needs(target.UDPEcho),
		[]uint{0x0001, 0x8000, 0xffff},
		func(p *probe.P, flip uint) {
			host := p.IPv4()
			good := echoTo(p, p.UDPEcho(), "checksum")
			right, _ := udp.Checksum.Of(packet.Dissect(p.Net().Link, host.Build(good)))
			bad := good.With(udp.Checksum.Is(right ^ flip))
			host.Silent(bad, good, udp.Datagram(), probe.For("RFC1122:4.1.3.4-2", "RFC768:CK-7"))
		})

	suite.It("udp.checksum.none", "a datagram without a checksum is delivered",
		check.Proves("RFC768:CK-5", mutate.Ignores(udp.Datagram(udp.Checksum.Is(0)))).Needs(target.UDPEcho),
		func(p *probe.P) {
			host := p.IPv4()
			datagram := echoTo(p, p.UDPEcho(), "unchecked")
			host.Ask(datagram.With(udp.Checksum.Is(0)), udp.Datagram().Then(packet.Payload([]byte("unchecked"))))
		})
}

// echoTo is a datagram to an echo service, from a port of its own.
func echoTo(p *probe.P, port uint16, data string) packet.Template {
	return udp.Datagram(udp.SrcPort.Is(30000+p.Serial()), udp.DstPort.Is(uint(port))).Then(packet.Payload([]byte(data)))
}

// quotes tells whether q is the beginning of the IPv4 datagram in f, with its header and at least 8 octets of data.
// TTL and header checksum may have changed on the way.
func quotes(q []byte, f *packet.Frame) bool {
	header := f.Header(ipv4.Proto)
	whole := append(append([]byte(nil), header...), f.Body(ipv4.Proto)...)
	if len(q) < len(header)+8 || len(q) > len(whole) {
		return false
	}
	for i := range q {
		if q[i] != whole[i] && i != 8 && i != 10 && i != 11 {
			return false
		}
	}
	return true
}
