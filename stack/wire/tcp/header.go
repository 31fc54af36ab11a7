// Package tcp reads and writes TCP headers (RFC 9293, 3.1) and their options.
//
// A Header holds the options as octets. What is in them is told by Options, which holds those that a TCP of today acts on
// and says what is wrong with them, or by an OptionIter, which goes through all.
package tcp

import (
	"encoding/binary"
	"strconv"

	"github.com/conform-stack/conform/stack/wire"
)

const (
	// MinHeader is the length of a header without options, in octets.
	MinHeader = 20
	// MaxOptions is the most octets that options may take.
	MaxOptions = 40
	// MaxHeader is the length of the longest header.
	MaxHeader = MinHeader + MaxOptions
)

// Flags are the twelve bits after the data offset: the control bits and, above them, those that are still reserved.
type Flags uint16

const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE           // RFC 3168, 6.1
	CWR           // RFC 3168, 6.1
	AE            // accurate ECN; was NS, the nonce sum of RFC 3540
	Reserved      = Flags(0xe00)
	letters       = "FSRPAUEWe"
	all           = Flags(0xfff)
	firstReserved = 9
)

// Has tells whether all bits of g are set.
func (f Flags) Has(g Flags) bool { return f&g == g }

// Any tells whether one of the bits of g is set.
func (f Flags) Any(g Flags) bool { return f&g != 0 }

// String has a letter for each bit, as tcpdump has: "[S.]" is SYN and ACK, "[.]" ACK alone, "[none]" no bit at all.
func (f Flags) String() string {
	var b [16]byte
	return string(f.append(b[:0]))
}

func (f Flags) append(b []byte) []byte {
	if f&all == 0 {
		return append(b, "[none]"...)
	}
	b = append(b, '[')
	for i := range len(letters) {
		if bit := Flags(1) << i; f&bit != 0 && bit != ACK {
			b = append(b, letters[i])
		}
	}
	if f&ACK != 0 {
		b = append(b, '.')
	}
	if r := f & Reserved >> firstReserved; r != 0 {
		b = append(b, 'r', '0'+byte(r))
	}
	return append(b, ']')
}

// A Header is the TCP header as it stood on the wire. The data offset is not a field: it follows from the options.
type Header struct {
	SrcPort, DstPort uint16
	Seq, Ack         uint32 // package stack/tcp/seq compares them
	Flags            Flags
	Window           uint16 // as on the wire, not scaled
	Checksum         uint16
	Urgent           uint16
	Options          RawOptions // up to 40 octets; when parsed a multiple of four, and it aliases the segment
}

// ErrOffset says that the data offset is below 5, so that the header would end inside itself. It wraps wire.ErrInvalid.
var ErrOffset = wire.Invalid("tcp: data offset below 5")

// Len is the length of the header in octets, with its options padded to a multiple of four.
func (h Header) Len() int { return MinHeader + (len(h.Options)+3)&^3 }

// Parse reads a header. Everything after it is the payload: how long a segment is, IP says.
func Parse(b []byte) (h Header, payload []byte, err error) {
	if len(b) < MinHeader {
		return Header{}, nil, wire.ErrShort
	}
	w := (*[MinHeader]byte)(b)
	n := int(w[12]>>4) * 4
	if n < MinHeader {
		return Header{}, nil, ErrOffset
	}
	if n > len(b) {
		return Header{}, nil, wire.ErrShort
	}
	h.SrcPort = binary.BigEndian.Uint16(w[0:])
	h.DstPort = binary.BigEndian.Uint16(w[2:])
	h.Seq = binary.BigEndian.Uint32(w[4:])
	h.Ack = binary.BigEndian.Uint32(w[8:])
	h.Flags = Flags(binary.BigEndian.Uint16(w[12:])) & all
	h.Window = binary.BigEndian.Uint16(w[14:])
	h.Checksum = binary.BigEndian.Uint16(w[16:])
	h.Urgent = binary.BigEndian.Uint16(w[18:])
	if n > MinHeader {
		h.Options = RawOptions(b[MinHeader:n:n])
	}
	return h, b[n:len(b):len(b)], nil
}

// Append adds the header to b.
func Append(b []byte, h Header) []byte {
	var w [MaxHeader]byte
	n := h.Len()
	Put(w[:n], h)
	return append(b, w[:n]...)
}

// Put writes the header into the first h.Len() octets of b. Options that are no multiple of four are padded with zeros
// (MUST-69), the first of which is EOL. More than 40 octets of options panic.
func Put(b []byte, h Header) {
	n := h.Len()
	if n > MaxHeader {
		panic("tcp: more than 40 octets of options")
	}
	_ = b[n-1]
	binary.BigEndian.PutUint16(b[0:], h.SrcPort)
	binary.BigEndian.PutUint16(b[2:], h.DstPort)
	binary.BigEndian.PutUint32(b[4:], h.Seq)
	binary.BigEndian.PutUint32(b[8:], h.Ack)
	binary.BigEndian.PutUint16(b[12:], uint16(n)<<10|uint16(h.Flags&all))
	binary.BigEndian.PutUint16(b[14:], h.Window)
	binary.BigEndian.PutUint16(b[16:], h.Checksum)
	binary.BigEndian.PutUint16(b[18:], h.Urgent)
	clear(b[MinHeader+copy(b[MinHeader:n], h.Options) : n])
}

// Verify judges the checksum of the segment b, the payload of an IP packet, with the sum of its pseudo-header.
func Verify(b []byte, pseudo wire.Sum) error {
	if len(b) < MinHeader {
		return wire.ErrLength
	}
	if !pseudo.AddUint32(uint32(len(b))).Add(b).Valid() {
		return wire.ErrChecksum
	}
	return nil
}

// Seal fills in the checksum of the segment b.
func Seal(b []byte, pseudo wire.Sum) {
	_ = b[MinHeader-1]
	b[16], b[17] = 0, 0
	binary.BigEndian.PutUint16(b[16:], pseudo.AddUint32(uint32(len(b))).Add(b).Checksum())
}

// SealHeader fills in the checksum of a segment of which b is the header, and of whose n octets of data the sum is
// known, because they were copied with wire.SumCopy.
func SealHeader(b []byte, pseudo, data wire.Sum, n int) {
	_ = b[MinHeader-1]
	b[16], b[17] = 0, 0
	binary.BigEndian.PutUint16(b[16:], (pseudo + data).AddUint32(uint32(len(b)+n)).Add(b).Checksum())
}

// String is one line: ports, flags, then what the flags make meaningful, and the options.
func (h Header) String() string { return string(h.append(nil, -1)) }

// Segment is the line of a segment with n octets of data: its sequence number is a range.
func (h Header) Segment(n int) string { return string(h.append(nil, n)) }

func (h Header) append(b []byte, n int) []byte {
	num := func(name string, v uint32) { b = strconv.AppendUint(append(b, name...), uint64(v), 10) }
	num("TCP ", uint32(h.SrcPort))
	num(" > ", uint32(h.DstPort))
	b = h.Flags.append(append(b, ' '))
	num(" seq ", h.Seq)
	if n > 0 {
		num(":", h.Seq+uint32(n))
	}
	if h.Flags&ACK != 0 || h.Ack != 0 {
		num(" ack ", h.Ack)
	}
	num(" win ", uint32(h.Window))
	if h.Flags&URG != 0 || h.Urgent != 0 {
		num(" urg ", uint32(h.Urgent))
	}
	if len(h.Options) > 0 {
		b = append(append(append(b, " <"...), h.Options.String()...), '>')
	}
	if n >= 0 {
		num(" len ", uint32(n))
	}
	return b
}
