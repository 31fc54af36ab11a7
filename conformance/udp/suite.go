// Package udp checks UDP: RFC 768 with the rules for hosts of RFC 1122, section 4.1.
//
// What is sent is seen in the answers of a UDP echo service where that will do. Sockets of the agent show what an
// application is given, and what is sent at its wish. ICMP errors that reach applications are in suite icmpv4.
package udp

import (
	"net/netip"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
)

var suite = check.NewSuite("udp", "UDP: RFC 768, RFC 1122 section 4.1")

// Ports: of the tester, of sockets of the target, and one that nobody on the target listens on.
const (
	testerPort = 5000
	boundPort  = 4001
	otherPort  = 4002
	closedPort = 40009
)

// to is a datagram from the tester to a port.
func to(port uint16, data []byte) packet.Template {
	return udp.Datagram(udp.SrcPort.Is(testerPort), udp.DstPort.Is(uint(port))).Then(packet.Payload(data))
}

// answer is every datagram to the tester's port.
var answer = udp.Datagram(udp.DstPort.Is(testerPort))

// pseudo is the pseudo header of a datagram: RFC 768, or RFC 8200, section 8.1.
func pseudo(f *packet.Frame, of probe.Family) []byte {
	header, n := f.Header(of.Proto()), len(f.Body(of.Proto()))
	if of == probe.IPv6 {
		return append(append([]byte(nil), header[8:40]...), 0, 0, byte(n>>8), byte(n), 0, 0, 0, 17)
	}
	return append(append([]byte(nil), header[12:20]...), 0, 17, byte(n>>8), byte(n))
}

// tester is the tester's address for the sockets of the target.
func tester(host *probe.Tester) netip.AddrPort { return netip.AddrPortFrom(host.IP(), testerPort) }
