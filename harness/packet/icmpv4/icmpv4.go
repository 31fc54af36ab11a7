// Package icmpv4 is the table of ICMP messages (RFC 792).
package icmpv4

import (
	"fmt"
	"net/netip"

	"github.com/google/gopacket/layers"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
)

// Types.
const (
	TypeEchoReply        = 0
	TypeUnreachable      = 3
	TypeSourceQuench     = 4
	TypeRedirect         = 5
	TypeEcho             = 8
	TypeTimeExceeded     = 11
	TypeParameterProblem = 12
	TypeTimestamp        = 13
	TypeTimestampReply   = 14
	TypeInfoRequest      = 15
	TypeInfoReply        = 16
	TypeMaskRequest      = 17
	TypeMaskReply        = 18
)

// Codes of Destination Unreachable.
const (
	CodeNet         = 0
	CodeHost        = 1
	CodeProtocol    = 2
	CodePort        = 3
	CodeFragNeeded  = 4
	CodeSourceRoute = 5
)

var typeNames = map[uint]string{
	TypeEchoReply: "echo reply", TypeUnreachable: "destination unreachable", TypeSourceQuench: "source quench",
	TypeRedirect: "redirect", TypeEcho: "echo", TypeTimeExceeded: "time exceeded", TypeParameterProblem: "parameter problem",
	TypeTimestamp: "timestamp", TypeTimestampReply: "timestamp reply", TypeInfoRequest: "information request",
	TypeInfoReply: "information reply", TypeMaskRequest: "address mask request", TypeMaskReply: "address mask reply",
}

// Proto is ICMP for IPv4. Its header is the first 8 octets; what follows is data.
var Proto = packet.Define("ICMP", layers.LayerTypeICMPv4, 8)

var (
	Type     = packet.Uint(Proto, "type", 0, 8, packet.Named(typeNames))
	Code     = packet.Uint(Proto, "code", 8, 8)
	Checksum = packet.Uint(Proto, "checksum", 16, 16, packet.Hex())
	ID       = packet.Uint(Proto, "identifier", 32, 16)
	Seq      = packet.Uint(Proto, "sequence number", 48, 16)
	Unused   = packet.Uint(Proto, "unused", 32, 32, packet.Hex()) // of the errors but Redirect and Parameter Problem
	Pointer  = packet.Uint(Proto, "pointer", 32, 8)
	Gateway  = packet.IP(Proto, "gateway", 32, 32)
	MTU      = packet.Uint(Proto, "next-hop MTU", 48, 16) // RFC 1191, section 4
)

// Message is any ICMP message.
func Message(conds ...packet.Cond) packet.Template { return Proto.Layer(conds...) }

// Echo is an echo request with data.
func Echo(id, seq uint, data []byte) packet.Template {
	return Message(Type.Is(TypeEcho), ID.Is(id), Seq.Is(seq)).Then(packet.Payload(data))
}

// EchoReply is any echo reply.
func EchoReply(conds ...packet.Cond) packet.Template {
	return Message(append([]packet.Cond{Type.Is(TypeEchoReply)}, conds...)...)
}

// Unreachable is a Destination Unreachable of the given code.
func Unreachable(code uint) packet.Template { return Message(Type.Is(TypeUnreachable), Code.Is(code)) }

// Error is any ICMP error message (RFC 1122, 3.2.2).
func Error(conds ...packet.Cond) packet.Template {
	errors := Type.In(TypeUnreachable, TypeSourceQuench, TypeRedirect, TypeTimeExceeded, TypeParameterProblem)
	return Message(append([]packet.Cond{errors}, conds...)...)
}

func summary(h, body []byte) string {
	if len(h) < 8 {
		return "ICMP"
	}
	name := typeNames[uint(h[0])]
	if name == "" {
		name = fmt.Sprintf("type %d", h[0])
	}
	switch h[0] {
	case TypeEcho, TypeEchoReply, TypeTimestamp, TypeTimestampReply:
		return fmt.Sprintf("ICMP %s id %d seq %d", name, uint(h[4])<<8|uint(h[5]), uint(h[6])<<8|uint(h[7]))
	case TypeParameterProblem:
		return fmt.Sprintf("ICMP %s code %d pointer %d", name, h[1], h[4])
	case TypeRedirect:
		return fmt.Sprintf("ICMP %s code %d to %s", name, h[1], netip.AddrFrom4([4]byte(h[4:8])))
	}
	return fmt.Sprintf("ICMP %s code %d", name, h[1])
}

func init() {
	Proto.Rules = packet.Rules{
		Below:      func(packet.Env) *packet.Proto { return ipv4.Proto },
		IPProtocol: 1,
		Fix: func(s *packet.Sealing) {
			if packet.Sets(s, Checksum) {
				packet.Put(s, Checksum, 0)
				packet.Put(s, Checksum, packet.Checksum(s.Header, s.Payload))
			}
		},
		Summary: summary,
	}
}
