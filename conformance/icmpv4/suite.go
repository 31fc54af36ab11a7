// Package icmpv4 checks ICMP for IPv4: RFC 792 with the rules for hosts of RFC 1122, section 3.2.2, Source Quench as
// RFC 6633 left it, and the host's side of path MTU discovery, RFC 1191.
//
// The first tester is the default gateway. What a target keeps of errors and redirects is seen by where, and in what
// sizes, it then sends.
package icmpv4

import (
	"net/netip"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/target"
)

var suite = check.NewSuite("icmpv4", "ICMP for IPv4: RFC 792, RFC 1122 section 3.2.2, RFC 6633, RFC 1191").On(target.Ethernet)

// offLink and farther are addresses that no link of a world has (RFC 5737): the way there leads through the gateway.
var (
	offLink = netip.MustParseAddr("203.0.113.9")
	farther = netip.MustParseAddr("203.0.113.10")
)

// closed is a port that nobody on the target listens on.
const closed = 40009

// toClosedPort is a datagram that draws Port Unreachable.
func toClosedPort() packet.Template {
	return udp.Datagram(udp.SrcPort.Is(5000), udp.DstPort.Is(closed)).Then(packet.Payload([]byte("anybody there?")))
}

// toNoProtocol is a datagram that draws Protocol Unreachable: 253 is for experiments (RFC 3692), no target has a user of
// it.
func toNoProtocol() packet.Template {
	return ipv4.Header(ipv4.Protocol.Is(253)).Then(packet.Payload([]byte("does anybody speak this?")))
}

// badOption is an option of an impossible length, its last octet on an odd place.
var badOption = []byte{1, 7, 1, 0}

// withBadOption is an echo that draws Parameter Problem.
func withBadOption() packet.Template {
	return icmpv4.Echo(7, 7, []byte("a bad option")).With(ipv4.Options.Is(badOption))
}
