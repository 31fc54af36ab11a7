// Package udp is the table of the UDP header (RFC 768).
package udp

import (
	"fmt"

	"github.com/google/gopacket/layers"

	"github.com/conform-stack/conform/harness/packet"
)

// Proto is UDP, over the network protocol of the context.
var Proto = packet.Define("UDP", layers.LayerTypeUDP, 8)

var (
	SrcPort  = packet.Uint(Proto, "source port", 0, 16)
	DstPort  = packet.Uint(Proto, "destination port", 16, 16)
	Length   = packet.Uint(Proto, "length", 32, 16)
	Checksum = packet.Uint(Proto, "checksum", 48, 16, packet.Hex())
)

// Datagram is a UDP datagram.
func Datagram(conds ...packet.Cond) packet.Template { return Proto.Layer(conds...) }

func init() {
	Proto.Rules = packet.Rules{
		Below:      func(env packet.Env) *packet.Proto { return env.Network },
		IPProtocol: 17,
		Fix: func(s *packet.Sealing) {
			packet.Put(s, Length, uint(len(s.Header)+len(s.Payload)))
			if !packet.Sets(s, Checksum) {
				return
			}
			packet.Put(s, Checksum, 0)
			length := int(s.Header[4])<<8 | int(s.Header[5]) // wrong if the template says so: then the checksum fits the wrong one
			data := s.Payload[:min(max(0, length-len(s.Header)), len(s.Payload))]
			sum := packet.Checksum(s.PseudoHeader(17, length), s.Header, data)
			if sum == 0 {
				sum = 0xffff
			}
			packet.Put(s, Checksum, sum)
		},
		Summary: func(h, _ []byte) string {
			if len(h) < 8 {
				return "UDP"
			}
			return fmt.Sprintf("UDP %d > %d", uint(h[0])<<8|uint(h[1]), uint(h[2])<<8|uint(h[3]))
		},
	}
}
