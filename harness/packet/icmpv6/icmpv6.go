// Package icmpv6 is the tables of ICMPv6 messages (RFC 4443): the header that all share, and what follows it in errors and
// echoes. Neighbor Discovery is package ndp, Multicast Listener Discovery package mld.
package icmpv6

import (
	"fmt"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv6"
)

// Types.
const (
	TypeUnreachable      = 1
	TypePacketTooBig     = 2
	TypeTimeExceeded     = 3
	TypeParameterProblem = 4
	TypeEchoRequest      = 128
	TypeEchoReply        = 129
	TypeMLDQuery         = 130
	TypeMLDReport        = 131
	TypeMLDDone          = 132
	TypeRouterSolicit    = 133
	TypeRouterAdvert     = 134
	TypeNeighborSolicit  = 135
	TypeNeighborAdvert   = 136
	TypeRedirect         = 137
	TypeMLD2Report       = 143
)

// Codes of Destination Unreachable (RFC 4443, section 3.1).
const (
	CodeNoRoute      = 0
	CodeProhibited   = 1
	CodeBeyondScope  = 2
	CodeAddress      = 3
	CodePort         = 4
	CodeSourcePolicy = 5
	CodeRejectRoute  = 6
)

// Codes of Time Exceeded.
const (
	CodeHopLimit   = 0
	CodeReassembly = 1
)

// Codes of Parameter Problem; the last one is of RFC 7112: a first fragment lacks headers.
const (
	CodeErroneousField = 0
	CodeUnknownNext    = 1
	CodeUnknownOption  = 2
	CodeFirstFragment  = 3
)

// MinimumMTU is what every link carries (RFC 8200, section 5): no error is longer.
const MinimumMTU = 1280

const firstInformational = 128 // type

var typeNames = map[uint]string{ // never written
	TypeUnreachable: "destination unreachable", TypePacketTooBig: "packet too big", TypeTimeExceeded: "time exceeded",
	TypeParameterProblem: "parameter problem", TypeEchoRequest: "echo request", TypeEchoReply: "echo reply",
	TypeMLDQuery: "multicast listener query", TypeMLDReport: "multicast listener report", TypeMLDDone: "multicast listener done",
	TypeRouterSolicit: "router solicitation", TypeRouterAdvert: "router advertisement", TypeNeighborSolicit: "neighbor solicitation",
	TypeNeighborAdvert: "neighbor advertisement", TypeRedirect: "redirect", TypeMLD2Report: "multicast listener report v2",
}

// Proto is what all messages begin with: 4 octets. The checksum covers the message and a pseudo-header.
var Proto = packet.Define("ICMPv6", layerType, 4)

var (
	Type     = packet.Uint(Proto, "type", 0, 8, packet.Named(typeNames))
	Code     = packet.Uint(Proto, "code", 8, 8)
	Checksum = packet.Uint(Proto, "checksum", 16, 16, packet.Hex())
)

// ErrorProto is what stands between the header of an error (any type below 128) and the packet that it quotes.
var ErrorProto = packet.Define("ICMPv6 error", errorLayer, 4)

var (
	Unused  = packet.Uint(ErrorProto, "unused", 0, 32, packet.Hex()) // of Destination Unreachable and Time Exceeded
	MTU     = packet.Uint(ErrorProto, "MTU", 0, 32)                  // of Packet Too Big
	Pointer = packet.Uint(ErrorProto, "pointer", 0, 32)              // of Parameter Problem
)

// EchoProto is what stands between the header of an echo and its data.
var EchoProto = packet.Define("ICMPv6 echo", echoLayer, 4)

var (
	ID  = packet.Uint(EchoProto, "identifier", 0, 16)
	Seq = packet.Uint(EchoProto, "sequence number", 16, 16)
)

// Message is any ICMPv6 message. What a message has behind its header, if no other table is for it, is payload.
func Message(conds ...packet.Cond) packet.Template { return Proto.Layer(conds...) }

// split gives the conditions on the header and those on the rest.
func split(conds []packet.Cond) (header, rest []packet.Cond) {
	for _, c := range conds {
		if c.On(Proto) {
			header = append(header, c)
		} else {
			rest = append(rest, c)
		}
	}
	return header, rest
}

// With is a message of a type whose rest is a layer of body. Conditions may be on either.
func With(kind uint, body *packet.Proto, conds ...packet.Cond) packet.Template {
	header, rest := split(conds)
	return Message(append([]packet.Cond{Type.Is(kind)}, header...)...).Then(body.Layer(rest...))
}

// Echo is an echo request with data.
func Echo(id, seq uint, data []byte) packet.Template {
	return With(TypeEchoRequest, EchoProto, ID.Is(id), Seq.Is(seq)).Then(packet.Payload(data))
}

// EchoReply is any echo reply.
func EchoReply(conds ...packet.Cond) packet.Template {
	return With(TypeEchoReply, EchoProto, conds...)
}

// EchoRequest is any echo request.
func EchoRequest(conds ...packet.Cond) packet.Template {
	return With(TypeEchoRequest, EchoProto, conds...)
}

// Unreachable is a Destination Unreachable of the given code.
func Unreachable(code uint, conds ...packet.Cond) packet.Template {
	return With(TypeUnreachable, ErrorProto, append([]packet.Cond{Code.Is(code)}, conds...)...)
}

// PacketTooBig is a Packet Too Big.
func PacketTooBig(conds ...packet.Cond) packet.Template {
	return With(TypePacketTooBig, ErrorProto, conds...)
}

// TimeExceeded is a Time Exceeded of the given code.
func TimeExceeded(code uint, conds ...packet.Cond) packet.Template {
	return With(TypeTimeExceeded, ErrorProto, append([]packet.Cond{Code.Is(code)}, conds...)...)
}

// ParameterProblem is a Parameter Problem of the given code.
func ParameterProblem(code uint, conds ...packet.Cond) packet.Template {
	return With(TypeParameterProblem, ErrorProto, append([]packet.Cond{Code.Is(code)}, conds...)...)
}

// Error is any error message: of a type below 128. It cannot be sent.
func Error(conds ...packet.Cond) packet.Template {
	header, rest := split(conds)
	below := Type.Where("of an error (below 128)", func(v uint) bool { return v < firstInformational })
	return Message(append([]packet.Cond{below}, header...)...).Then(ErrorProto.Layer(rest...))
}

func summary(h, _ []byte) string {
	if len(h) < 4 {
		return "ICMPv6"
	}
	name := typeNames[uint(h[0])]
	if name == "" {
		name = fmt.Sprintf("type %d", h[0])
	}
	return fmt.Sprintf("ICMPv6 %s code %d", name, h[1])
}

func init() {
	Proto.Rules = packet.Rules{
		Below:      func(packet.Env) *packet.Proto { return ipv6.Proto },
		IPProtocol: ipv6.NextICMPv6,
		Defaults: func(_ packet.Env, inner *packet.Layer) []packet.Cond {
			if inner == nil {
				return nil
			}
			if kind, ok := typeOf[inner.Proto()]; ok {
				return []packet.Cond{Type.Is(kind)}
			}
			return nil
		},
		Fix: func(s *packet.Sealing) {
			if packet.Sets(s, Checksum) {
				packet.Put(s, Checksum, 0)
				pseudo := s.PseudoHeader(ipv6.NextICMPv6, len(s.Header)+len(s.Payload))
				packet.Put(s, Checksum, packet.Checksum(pseudo, s.Header, s.Payload))
			}
		},
		Summary: summary,
	}
	ErrorProto.Rules = packet.Rules{
		Below: Below,
		Summary: func(h, _ []byte) string {
			if len(h) < 4 {
				return "rest cut off"
			}
			return fmt.Sprintf("rest %#x", uint(h[0])<<24|uint(h[1])<<16|uint(h[2])<<8|uint(h[3]))
		},
	}
	EchoProto.Rules = packet.Rules{
		Below: Below,
		Summary: func(h, _ []byte) string {
			if len(h) < 4 {
				return "echo cut off"
			}
			return fmt.Sprintf("id %d seq %d", uint(h[0])<<8|uint(h[1]), uint(h[2])<<8|uint(h[3]))
		},
	}
}

// Below is the rule that a layer is carried by the header of an ICMPv6 message.
func Below(packet.Env) *packet.Proto { return Proto }
