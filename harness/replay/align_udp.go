package replay

import (
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
)

// udpAligner is UDP over IPv4 (RFC 768): datagrams by addresses and ports. What is in them is the business of programs; the target
// sends none that a socket of the scenario does not send.
var udpAligner = &aligner{
	kind: "UDP",
	event: func(f *packet.Frame) (string, bool) {
		if !f.Has(udp.Proto) || !f.Has(ipv4.Proto) {
			return "", false
		}
		return "UDP " + endsOf(f), true
	},
	begins:  always,
	comes:   shows("RFC768:UI-3"),
	fields:  func(*packet.Frame) []field { return udpFields },
	unasked: noRule,
	refills: true,
}

var udpFields = append(addressed("RFC768:UI-3", "RFC1122:3.2.1.3-2"),
	same(udp.Proto, udp.SrcPort, "RFC768:FM-1"),
	same(udp.Proto, udp.DstPort, "RFC768:FM-1"),
	same(udp.Proto, udp.Length, "RFC768:FI-5"),
	field{"UDP checksum", []string{"RFC768:CK-1"}, func(want, got *packet.Frame) *packet.Diff {
		if sum, ok := udp.Checksum.Of(got); ok && sum == 0 {
			return nil // none was made, which a sender may do
		}
		return fits(udp.Proto, udp.Checksum).differs(want, got)
	}},
	data(udp.Proto, "RFC768:FM-1"),
)
