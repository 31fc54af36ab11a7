// Package tcp is the table of the TCP header and of its options (RFC 9293, section 3.1; RFC 7323, 2018, 7413, 5482).
//
// Flags are a number, made of the constants FIN to CWR: Flags.Is(SYN|ACK). Each is a field of its own, too, for mutants
// that change one and leave the others. Control compares those that steer a connection and overlooks PSH, CWR and ECE.
//
// An option is a field that a header may lack: MSS.Is(1460) adds it to a header without it and changes it in one that has
// it; MSS.None() asks that it is absent, and takes it out of a header that is mutated. Options follow each other in the
// order in which a template names them, and are padded with End of Option List. Illegal ones, unknown ones, and an order
// with No-Operation between them are octets: Options.Is(List(NOP, NOP, Option(8, ...))).
//
// The data offset follows the header, unless the template sets it: below 5 and beyond the end can be sent.
package tcp

import (
	"fmt"
	"strings"

	"github.com/conform-stack/conform/harness/packet"
)

// Proto is TCP, over the network protocol of the context.
var Proto = packet.Define("TCP", layerType, 20)

// The flags, as in the octet that they share.
const (
	FIN = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
)

// Steering are the flags that decide what becomes of a connection; Control compares them.
const Steering = FIN | SYN | RST | ACK | URG

var flagNames = []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"} // never written

// FlagNames is "SYN,ACK" for SYN|ACK, and "no flags" for 0.
func FlagNames(flags uint) string {
	var names []string
	for i, n := range flagNames {
		if flags&(1<<i) != 0 && i != 4 {
			names = append(names, n)
		}
	}
	if flags&ACK != 0 {
		names = append(names, "ACK")
	}
	if len(names) == 0 {
		return "no flags"
	}
	return strings.Join(names, ",")
}

var (
	SrcPort    = packet.Uint(Proto, "source port", 0, 16)
	DstPort    = packet.Uint(Proto, "destination port", 16, 16)
	Seq        = packet.Uint(Proto, "sequence number", 32, 32)
	Ack        = packet.Uint(Proto, "acknowledgment number", 64, 32)
	DataOffset = packet.Uint(Proto, "data offset", 96, 4) // in units of 4 octets
	Reserved   = packet.Uint(Proto, "reserved bits", 100, 4)
	Flags      = packet.Uint(Proto, "flags", 104, 8, packet.Printed(FlagNames))
	CWRBit     = packet.Uint(Proto, "CWR", 104, 1)
	ECEBit     = packet.Uint(Proto, "ECE", 105, 1)
	URGBit     = packet.Uint(Proto, "URG", 106, 1)
	ACKBit     = packet.Uint(Proto, "ACK", 107, 1)
	PSHBit     = packet.Uint(Proto, "PSH", 108, 1)
	RSTBit     = packet.Uint(Proto, "RST", 109, 1)
	SYNBit     = packet.Uint(Proto, "SYN", 110, 1)
	FINBit     = packet.Uint(Proto, "FIN", 111, 1)
	Window     = packet.Uint(Proto, "window", 112, 16) // as it stands, before any scaling
	Checksum   = packet.Uint(Proto, "checksum", 128, 16, packet.Hex())
	Urgent     = packet.Uint(Proto, "urgent pointer", 144, 16)
)

// Segment is a TCP segment.
func Segment(conds ...packet.Cond) packet.Template { return Proto.Layer(conds...) }

// Control asks for exactly these flags among FIN, SYN, RST, ACK and URG, and overlooks the others. It cannot be sent.
func Control(flags uint) packet.Cond {
	return Flags.Where(FlagNames(flags&Steering), func(v uint) bool { return v&Steering == flags&Steering })
}

// Has asks for these flags among others, Lacks that none of them is set. They cannot be sent.
func Has(flags uint) packet.Cond {
	return Flags.Where("with "+FlagNames(flags), func(v uint) bool { return v&flags == flags })
}

// Lacks asks that none of the flags is set.
func Lacks(flags uint) packet.Cond {
	return Flags.Where("without "+FlagNames(flags), func(v uint) bool { return v&flags == 0 })
}

// Length is SEG.LEN of a segment: its data, and one for each of SYN and FIN. It is 0 for a frame without TCP.
func Length(f *packet.Frame) uint {
	flags, _ := Flags.Of(f)
	return uint(len(f.Body(Proto))) + flags>>1&1 + flags&1
}

func init() {
	Proto.Rules = packet.Rules{
		Below:      func(env packet.Env) *packet.Proto { return env.Network },
		IPProtocol: protocol,
		Fix: func(s *packet.Sealing) {
			packet.Put(s, DataOffset, uint(len(s.Header)/4))
			if packet.Sets(s, Checksum) {
				packet.Put(s, Checksum, 0)
				packet.Put(s, Checksum, packet.Checksum(s.PseudoHeader(protocol, len(s.Header)+len(s.Payload)), s.Header, s.Payload))
			}
		},
		Summary: summary,
	}
}

func summary(h, data []byte) string {
	if len(h) < 20 {
		return "TCP"
	}
	num := func(at, n int) (v uint) {
		for _, b := range h[at : at+n] {
			v = v<<8 | uint(b)
		}
		return v
	}
	flags := uint(h[13])
	var b strings.Builder
	fmt.Fprintf(&b, "TCP %d > %d [%s] seq %d", num(0, 2), num(2, 2), FlagNames(flags), num(4, 4))
	if flags&ACK != 0 || num(8, 4) != 0 {
		fmt.Fprintf(&b, " ack %d", num(8, 4))
	}
	fmt.Fprintf(&b, " win %d", num(14, 2))
	if flags&URG != 0 || num(18, 2) != 0 {
		fmt.Fprintf(&b, " urg %d", num(18, 2))
	}
	if r := h[12] & 0xf; r != 0 {
		fmt.Fprintf(&b, " reserved %#x", r)
	}
	if n := int(h[12]>>4) * 4; n != len(h) {
		fmt.Fprintf(&b, " data offset %d", h[12]>>4)
	}
	if o := DescribeOptions(h[20:]); o != "" {
		fmt.Fprintf(&b, " <%s>", o)
	}
	fmt.Fprintf(&b, " len %d", len(data))
	return b.String()
}
