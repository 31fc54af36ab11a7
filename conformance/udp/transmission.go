package udp

import (
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// anyDatagram is every datagram.
var anyDatagram = udp.Datagram()

// sum is that of RFC 768 over a datagram: pseudo header, UDP header and data, the checksum among them.
func sum(f *packet.Frame) uint16 {
	header, datagram := f.Header(ipv4.Proto), f.Body(ipv4.Proto)
	pseudo := append(append([]byte(nil), header[12:20]...), 0, 17, byte(len(datagram)>>8), byte(len(datagram)))
	return packet.Sum(pseudo, datagram)
}

func init() {
	odd := anyDatagram.Then(packet.PayloadWith(packet.Data.Where("of an odd length", func(b []byte) bool { return len(b)%2 == 1 })))
	wrong := udp.Checksum.Is(0xbad0)
	check.Grid(suite, "udp.tx.header", "a datagram has the ports, the length and the checksum of RFC 768",
		check.Proves("RFC768:FM-1", mutate.Field(answer, udp.SrcPort.Is(9))).
			And("RFC768:FI-2", mutate.Missing(answer)).
			And("RFC768:FI-5", mutate.Field(answer, udp.Length.Is(7))).
			And("RFC768:CK-1", mutate.Field(answer, wrong)).
			And("RFC768:CK-2", mutate.Field(odd, wrong)).
			And("RFC768:CK-3", mutate.Field(answer, wrong)).
			And("RFC1122:4.1.3.4-1", mutate.Field(answer, wrong)).
			And("RFC1122:4.1.3.4-4", mutate.Field(answer, udp.Checksum.Is(0))).
			And("RFC1122:4.1.3.6-2", mutate.Field(answer, ipv4.Src.Is(ipv4.Broadcast))).
			Needs(target.UDPEcho),
		[]int{0, 1, 2, 3, 255, 1471, 1472},
		func(p *probe.P, n int) {
			host := p.IPv4()
			port := p.UDPEcho()
			f := host.Ask(to(port, kit.Pattern(n)), answer, probe.For("RFC768:FI-2"),
				probe.Because("a reply goes to the source port"))
			p.Must("RFC768:FM-1", f, udp.SrcPort.Is(uint(port)), udp.DstPort.Is(testerPort), packet.Data.Is(kit.Pattern(n)))
			p.Must("RFC768:FI-5", f, udp.Length.Is(uint(8+n)))
			p.Must("RFC1122:4.1.3.4-4", f, udp.Checksum.Not(0))
			p.Must("RFC1122:4.1.3.6-2", f, ipv4.Src.Is(host.TargetIP()))
			right := gomega.Equal(uint16(0xffff))
			for _, req := range []string{"RFC768:CK-1", "RFC768:CK-3", "RFC1122:4.1.3.4-1"} {
				p.That(req, "the sum over pseudo header, header, data and checksum is 0xffff", sum(f), right)
			}
			if n%2 == 1 {
				p.That("RFC768:CK-2", "the sum over an odd number of octets and one of zero is 0xffff", sum(f), right)
				p.That("RFC768:CK-2", "the zero octet is not sent", len(f.Body(ipv4.Proto)), gomega.Equal(8+n))
			} else {
				p.Meets("RFC768:CK-2")
			}
		})

	// The data is chosen so that the sum over everything else and it is 0xffff, whose complement is 0. A reply has the same
	// sum as its request: ports and addresses only change places.
	check.Grid(suite, "udp.tx.checksum-zero", "a computed checksum of 0 is sent as 0xffff",
		check.Proves("RFC768:CK-4", mutate.Field(answer, udp.Checksum.Is(0))).Needs(target.UDPEcho),
		[]int{2, 8, 101},
		func(p *probe.P, n int) {
			host := p.IPv4()
			port := p.UDPEcho()
			data := kit.Pattern(n)
			data[0], data[1] = 0, 0
			rest, _ := udp.Checksum.Of(kit.Framed(host, to(port, data)))
			data[0], data[1] = byte(rest>>8), byte(rest)
			f := host.Ask(to(port, data), answer, probe.For())
			p.Must("RFC768:CK-4", f, udp.Checksum.Is(0xffff))
		})

	anyPacket := ipv4.Header(ipv4.Dst.Where("any", func(v netip.Addr) bool { return v.IsValid() }))
	suite.It("udp.tx.protocol", "UDP is protocol 17 of IP",
		check.Proves("RFC768:PN-1", mutate.Field(anyPacket, ipv4.Protocol.Is(18))).Needs(target.UDPEcho),
		func(p *probe.P) {
			host := p.IPv4()
			f := host.Ask(to(p.UDPEcho(), kit.Pattern(32)), ipv4.Header(ipv4.Src.Is(host.TargetIP()), ipv4.Dst.Is(host.IP())), probe.For())
			p.Must("RFC768:PN-1", f, ipv4.Protocol.Is(17))
		})
}
