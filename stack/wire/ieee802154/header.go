// Package ieee802154 reads and writes MAC frames of IEEE 802.15.4: frame versions 0 (of the edition of 2003), 1 (2006) and
// 2 (2015 and 2020). Sections are those of the edition of 2015.
//
// A frame on the air, an MPDU, is a header, a payload and a frame check sequence of two octets. Parse and Append know the
// header and want the frame without its FCS: who has a whole MPDU asks Check first, which judges the FCS and takes it off,
// and who has made one lets Seal fill it in.
//
// The standard counts octets of numbers and addresses from the least significant one. Addresses here have the most
// significant octet first, as they are printed and as RFC 4944 takes them.
//
// In a secured frame the payload, with any payload information elements at its front, may be ciphertext, and a message
// integrity code of Security.MICLen octets ends it. Reading it comes after deciphering, which is not the codec's.
//
// Not here: multipurpose, fragment and extended frames, whose headers have another form.
package ieee802154

import (
	"encoding/binary"
	"fmt"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/link"
)

const (
	// MaxFrame is aMaxPHYPacketSize: the longest MPDU, FCS included (11.3).
	MaxFrame = 127
	// MaxHeader is the longest header without information elements: control, sequence number, two PANs and extended
	// addresses, and an auxiliary security header with a key source of 8 octets.
	MaxHeader = 2 + 1 + 20 + 14
	// AckLen is the length of an immediate acknowledgement, FCS included (7.3.3).
	AckLen = 5
)

// A Type is what a frame is for (table 7-1).
type Type uint8

const (
	Beacon  Type = 0
	Data    Type = 1
	Ack     Type = 2
	Command Type = 3
)

func (t Type) String() string {
	switch t {
	case Beacon:
		return "beacon"
	case Data:
		return "data"
	case Ack:
		return "ack"
	case Command:
		return "command"
	}
	return fmt.Sprintf("type %d", uint8(t))
}

// Frame versions (table 7-4).
const (
	V2003 = 0
	V2006 = 1
	V2015 = 2
)

// Broadcast is PAN id and short address of everybody; Unassigned is the short address of a station that has none and goes
// by its extended one (6.4.3).
const (
	Broadcast  uint16 = 0xffff
	Unassigned uint16 = 0xfffe
)

// What is wrong with a frame that cannot be read.
var (
	ErrType    = wire.Invalid("ieee802154: frame type has another header")
	ErrVersion = wire.Invalid("ieee802154: reserved frame version")
	ErrMode    = wire.Invalid("ieee802154: reserved addressing mode")
	ErrPAN     = wire.Invalid("ieee802154: PAN ID compression with one address")
	ErrIE      = wire.Invalid("ieee802154: information element of the wrong kind")
)

// A Header is what stands before the payload (7.2). An address is none, short (2 octets) or extended (8).
type Header struct {
	Type       Type
	Version    uint8
	Secured    bool // the auxiliary security header is there, except in version 0, which had none
	Pending    bool // the sender has more for the recipient
	AckRequest bool
	Compressed bool // PAN ID Compression; which PANs that leaves is PANs
	NoSeq      bool // Sequence Number Suppression; version 2 only
	HasIEs     bool // header information elements are there; version 2 only
	Seq        uint8
	Dst, Src   link.Addr
	DstPAN     uint16 // 0 when it is not there
	SrcPAN     uint16 // 0 when it is not there
	Security   Security
	// IEs are the header information elements as they stand, a termination included.
	IEs []byte
}

// Len is the length of the header in octets.
func (h *Header) Len() int {
	n := 2 + h.Dst.Len() + h.Src.Len()
	if !h.NoSeq || h.Version < V2015 {
		n++
	}
	d, s := h.PANs()
	if d {
		n += 2
	}
	if s {
		n += 2
	}
	if h.auxiliary() {
		n += h.Security.Len()
	}
	if h.HasIEs && h.Version >= V2015 {
		n += len(h.IEs)
	}
	return n
}

// auxiliary tells whether there is an auxiliary security header. Version 0 has security without one, of another kind.
func (h *Header) auxiliary() bool { return h.Secured && h.Version > V2003 }

// MICLen is the octets of the message integrity code at the end of the payload.
func (h *Header) MICLen() int {
	if !h.auxiliary() {
		return 0
	}
	return h.Security.MICLen()
}

// addrMode is the addressing mode field of an address (table 7-3).
func addrMode(a link.Addr) uint16 {
	switch a.Len() {
	case 2:
		return 2
	case 8:
		return 3
	}
	return 0
}

// control is the frame control field (7.2.1).
func (h *Header) control() uint16 {
	c := uint16(h.Type)&7 | addrMode(h.Dst)<<10 | uint16(h.Version&3)<<12 | addrMode(h.Src)<<14
	for bit, set := range [...]bool{3: h.Secured, 4: h.Pending, 5: h.AckRequest, 6: h.Compressed,
		8: h.NoSeq && h.Version >= V2015, 9: h.HasIEs && h.Version >= V2015} {
		if set {
			c |= 1 << bit
		}
	}
	return c
}

// Parse reads the header of a frame without FCS. It refuses frames whose fields it cannot find: other types, the reserved
// version and addressing mode, compression with one address in versions 0 and 1 (7.2.1.5).
func Parse(b []byte) (h Header, payload []byte, err error) {
	r := wire.NewReader(b)
	c := u16(&r)
	if r.Short() {
		return Header{}, nil, wire.ErrShort
	}
	h = Header{
		Type: Type(c & 7), Version: uint8(c >> 12 & 3),
		Secured: c&(1<<3) != 0, Pending: c&(1<<4) != 0, AckRequest: c&(1<<5) != 0, Compressed: c&(1<<6) != 0,
	}
	dst, src := c>>10&3, c>>14
	switch {
	case h.Type > Command:
		return Header{}, nil, ErrType
	case h.Version > V2015:
		return Header{}, nil, ErrVersion
	case dst == 1 || src == 1:
		return Header{}, nil, ErrMode
	case h.Version < V2015 && h.Compressed && (dst == 0) != (src == 0):
		return Header{}, nil, ErrPAN
	}
	if h.Version >= V2015 { // the bits are reserved in the others
		h.NoSeq, h.HasIEs = c&(1<<8) != 0, c&(1<<9) != 0
	}
	if !h.NoSeq {
		h.Seq = r.U8()
	}
	dstPAN, srcPAN := pans(h.Version, int(dst), int(src), h.Compressed)
	if dstPAN {
		h.DstPAN = u16(&r)
	}
	h.Dst = address(&r, dst)
	if srcPAN {
		h.SrcPAN = u16(&r)
	}
	h.Src = address(&r, src)
	if h.auxiliary() {
		h.Security = security(&r)
	}
	if r.Short() {
		return Header{}, nil, wire.ErrShort
	}
	rest := r.Rest()
	if h.HasIEs {
		n, err := headerIEs(rest, h.MICLen())
		if err != nil {
			return Header{}, nil, err
		}
		h.IEs, rest = rest[:n:n], rest[n:]
	}
	return h, rest, nil
}

// Append adds the header to b.
func Append(b []byte, h Header) []byte {
	b = binary.LittleEndian.AppendUint16(b, h.control())
	if !h.NoSeq || h.Version < V2015 {
		b = append(b, h.Seq)
	}
	dst, src := h.PANs()
	if dst {
		b = binary.LittleEndian.AppendUint16(b, h.DstPAN)
	}
	b = appendAddr(b, h.Dst)
	if src {
		b = binary.LittleEndian.AppendUint16(b, h.SrcPAN)
	}
	b = appendAddr(b, h.Src)
	if h.auxiliary() {
		b = h.Security.append(b)
	}
	if h.HasIEs && h.Version >= V2015 {
		b = append(b, h.IEs...)
	}
	return b
}

// Put writes the header into the first h.Len() octets of b.
func Put(b []byte, h Header) {
	_ = b[h.Len()-1]
	Append(b[:0], h)
}

func (h Header) String() string {
	s := fmt.Sprintf("%v %s > %s", h.Type, end(h.SrcPAN, h.Src), end(h.DstPAN, h.Dst))
	if !h.NoSeq {
		s += fmt.Sprintf(" seq %d", h.Seq)
	}
	if h.AckRequest {
		s += " ack"
	}
	if h.Secured {
		s += fmt.Sprintf(" level %d counter %d", h.Security.Level, h.Security.Counter)
	}
	return s
}

func end(pan uint16, a link.Addr) string {
	if a.IsZero() {
		return "none"
	}
	return fmt.Sprintf("%04x/%v", pan, a)
}
