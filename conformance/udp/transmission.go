package udp

import (
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// anyDatagram is every datagram.
var anyDatagram = udp.Datagram()

// sum is that of RFC 768 over a datagram: pseudo header, UDP header and data, the checksum among them.
func sum(f *packet.Frame, of probe.Family) uint16 {
	return packet.Sum(pseudo(f, of), f.Body(of.Proto()))
}

// nobody is an address that no datagram may come from.
func nobody(of probe.Family) netip.Addr {
	if of == probe.IPv6 {
		return ipv6.AllNodes
	}
	return ipv4.Broadcast
}

func init() {
	odd := anyDatagram.Then(packet.PayloadWith(packet.Data.Where("of an odd length", func(b []byte) bool { return len(b)%2 == 1 })))
	wrong := udp.Checksum.Is(0xbad0)
	check.GridFamilies(suite, "udp.tx.header", "a datagram has the ports, the length and the checksum of RFC 768",
		func(of probe.Family) check.Claims {
			return check.Proves("RFC768:FM-1", mutate.Field(answer, udp.SrcPort.Is(9))).
				And("RFC768:FI-2", mutate.Missing(answer)).
				And("RFC768:FI-5", mutate.Field(answer, udp.Length.Is(7))).
				And("RFC768:CK-1", mutate.Field(answer, wrong)).
				And("RFC768:CK-2", mutate.Field(odd, wrong)).
				And("RFC768:CK-3", mutate.Field(answer, wrong)).
				And("RFC1122:4.1.3.4-1", mutate.Field(answer, wrong)).
				And("RFC1122:4.1.3.4-4", mutate.Field(answer, udp.Checksum.Is(0))).
				And("RFC1122:4.1.3.6-2", mutate.Field(answer, of.Src().Is(nobody(of)))).
				Needs(target.UDPEcho)
		},
		[]int{0, 1, 2, 3, 255, 1471, 1472},
		func(p *probe.P, host *probe.Tester, n int) {
			of := host.Family()
			if of == probe.IPv6 && n > 1452 {
				n -= 20 // its header is longer
			}
			port := host.UDPEcho()
			f := host.Ask(to(port, kit.Pattern(n)), answer, probe.For("RFC768:FI-2"),
				probe.Because("a reply goes to the source port"))
			p.Must("RFC768:FM-1", f, udp.SrcPort.Is(uint(port)), udp.DstPort.Is(testerPort), packet.Data.Is(kit.Pattern(n)))
			p.Must("RFC768:FI-5", f, udp.Length.Is(uint(8+n)))
			p.Must("RFC1122:4.1.3.4-4", f, udp.Checksum.Not(0))
			p.Must("RFC1122:4.1.3.6-2", f, of.Src().Is(host.TargetIP()))
			right := gomega.Equal(uint16(0xffff))
			for _, req := range []string{"RFC768:CK-1", "RFC768:CK-3", "RFC1122:4.1.3.4-1"} {
				p.That(req, "the sum over pseudo header, header, data and checksum is 0xffff", sum(f, of), right)
			}
			if n%2 == 1 {
				p.That("RFC768:CK-2", "the sum over an odd number of octets and one of zero is 0xffff", sum(f, of), right)
				p.That("RFC768:CK-2", "the zero octet is not sent", len(f.Body(of.Proto())), gomega.Equal(8+n))
			} else {
				p.Meets("RFC768:CK-2")
			}
		})

	// The data is chosen so that the sum over everything else and it is 0xffff, whose complement is 0. A reply has the same
	// sum as its request: ports and addresses only change places.
	check.GridFamilies(suite, "udp.tx.checksum-zero", "a computed checksum of 0 is sent as 0xffff",
		check.Both(check.Proves("RFC768:CK-4", mutate.Field(answer, udp.Checksum.Is(0))).Needs(target.UDPEcho)),
		[]int{2, 8, 101},
		func(p *probe.P, host *probe.Tester, n int) {
			port := host.UDPEcho()
			data := kit.Pattern(n)
			data[0], data[1] = 0, 0
			rest, _ := udp.Checksum.Of(kit.Framed(host, to(port, data)))
			data[0], data[1] = byte(rest>>8), byte(rest)
			f := host.Ask(to(port, data), answer, probe.For())
			p.Must("RFC768:CK-4", f, udp.Checksum.Is(0xffff))
		})

	suite.Families("udp.tx.protocol", "UDP is protocol 17 of IP",
		func(of probe.Family) check.Claims {
			return check.Proves("RFC768:PN-1", mutate.Field(answer, of.Carries().Is(18))).Needs(target.UDPEcho)
		},
		func(p *probe.P, host *probe.Tester) {
			of := host.Family()
			data := kit.Pattern(32)
			f := host.Ask(to(host.UDPEcho(), data), of.Proto().Layer(of.Src().Is(host.TargetIP()), of.Dst().Is(host.IP())), probe.For())
			p.Must("RFC768:PN-1", f, of.Carries().Is(17))
		})
}
