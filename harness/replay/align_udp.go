package replay

import (
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/udp"
)

// udpAligner is UDP (RFC 768) over either IP: datagrams by addresses and ports. What is in them is the business of programs; the target
// sends none that a socket of the scenario does not send.
var udpAligner = &aligner{
	kind: "UDP",
	event: func(f *packet.Frame) (string, bool) {
		if !f.Has(udp.Proto) || network(f) == nil {
			return "", false
		}
		return "UDP " + endsOf(f), true
	},
	begins: always,
	comes:  shows("RFC768:UI-3"),
	fields: func(f *packet.Frame) []field {
		if f.Has(ipv6.Proto) {
			return udp6Fields
		}
		return udpFields
	},
	unasked: noRule,
	refills: true,
}

var udpFields = append(addressed("RFC768:UI-3", "RFC1122:3.2.1.3-2"),
	same(udp.Proto, udp.SrcPort, "RFC768:FM-1"),
	same(udp.Proto, udp.DstPort, "RFC768:FM-1"),
	same(udp.Proto, udp.Length, "RFC768:FI-5"),
	field{"UDP checksum", []string{"RFC768:CK-1"}, nil, func(want, got *packet.Frame) *packet.Diff {
		if sum, ok := udp.Checksum.Of(got); ok && sum == 0 {
			return nil // none was made, which a sender may do
		}
		return fits(udp.Proto, udp.Checksum).differs(want, got)
	}},
	data(udp.Proto, "RFC768:FM-1"),
)

var udp6Fields = []field{
	same(ipv6.Proto, ipv6.Src, "RFC8200:3-11"),
	same(ipv6.Proto, ipv6.Dst, "RFC8200:3-12"),
	same(udp.Proto, udp.SrcPort, "RFC768:FM-1"),
	same(udp.Proto, udp.DstPort, "RFC768:FM-1"),
	same(udp.Proto, udp.Length, "RFC768:FI-5"),
	fits(udp.Proto, udp.Checksum, "RFC8200:8.1-1", "RFC8200:8.1-7"),
	data(udp.Proto, "RFC768:FM-1"),
}
