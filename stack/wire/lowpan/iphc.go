package lowpan

import (
	"encoding/binary"
	"fmt"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// An Encoding is the 13 bits of LOWPAN_IPHC with their dispatch (RFC 6282, 3.1.1):
//
//	011 TF NH HLIM CID SAC SAM M DAC DAM
type Encoding uint16

// TF is how traffic class and flow label are sent.
func (e Encoding) TF() uint8 { return uint8(e>>11) & 3 }

// NHC (NH) tells that the next header is compressed, too.
func (e Encoding) NHC() bool { return e&(1<<10) != 0 }

// HLIM is how the hop limit is sent.
func (e Encoding) HLIM() uint8 { return uint8(e>>8) & 3 }

// CID tells that an octet of context identifiers follows.
func (e Encoding) CID() bool { return e&(1<<7) != 0 }

// SAC tells that the source is of a context.
func (e Encoding) SAC() bool { return e&(1<<6) != 0 }

// SAM is how the source is sent.
func (e Encoding) SAM() uint8 { return uint8(e>>4) & 3 }

// M tells that the destination is a group.
func (e Encoding) M() bool { return e&(1<<3) != 0 }

// DAC tells that the destination is of a context.
func (e Encoding) DAC() bool { return e&(1<<2) != 0 }

// DAM is how the destination is sent.
func (e Encoding) DAM() uint8 { return uint8(e) & 3 }

// src is SAC and SAM, dst is M, DAC and DAM: indexes of the tables below.
func (e Encoding) src() uint8 { return uint8(e>>4) & 7 }
func (e Encoding) dst() uint8 { return uint8(e) & 15 }

// Lengths in line, in octets.
var ( // never written
	tfLen  = [4]uint8{4, 3, 1, 0}
	srcLen = [8]uint8{16, 8, 2, 0, 0, 8, 2, 0} // of which 100 is the unspecified address
	dstLen = [16]uint8{
		16, 8, 2, 0, reserved, 8, 2, 0, // unicast: stateless, by context
		16, 6, 4, 1, 6, reserved, reserved, reserved, // groups: stateless, by context
	}
	hopLimits = [4]uint8{0, 1, 64, 255} // by HLIM; the first is in line
)

const reserved = 0xff

// InlineLen is how many octets of the IPv6 header follow in line, behind the context identifiers. ok is false for an
// encoding that is reserved.
func (e Encoding) InlineLen() (n int, ok bool) {
	d := dstLen[e.dst()]
	n = int(tfLen[e.TF()]) + int(srcLen[e.src()]) + int(d)
	if !e.NHC() {
		n++
	}
	if e.HLIM() == 0 {
		n++
	}
	return n, d != reserved
}

// A Compressed is a compressed IPv6 header as it stood on the wire (RFC 6282, 3.1).
type Compressed struct {
	Encoding Encoding
	SCI, DCI uint8  // the contexts of source and destination; 0 where CID is not set
	Inline   []byte // the fields that are sent, in the order of an IPv6 header; aliases what was parsed
}

// Len is the length of the header in octets.
func (h Compressed) Len() int {
	if h.Encoding.CID() {
		return 3 + len(h.Inline)
	}
	return 2 + len(h.Inline)
}

// ParseIPHC reads a compressed IPv6 header. One with a reserved encoding gives ErrUnknown.
func ParseIPHC(b []byte) (h Compressed, payload []byte, err error) {
	if len(b) < 2 {
		return Compressed{}, nil, wire.ErrShort
	}
	h.Encoding = Encoding(binary.BigEndian.Uint16(b))
	n, ok := h.Encoding.InlineLen()
	if b[0]&0xe0 != dispatchIPHC || !ok {
		return Compressed{}, nil, ErrUnknown
	}
	at := 2
	if h.Encoding.CID() {
		if len(b) < 3 {
			return Compressed{}, nil, wire.ErrShort
		}
		h.SCI, h.DCI = b[2]>>4, b[2]&15
		at++
	}
	if len(b) < at+n {
		return Compressed{}, nil, wire.ErrShort
	}
	h.Inline = b[at : at+n : at+n]
	return h, b[at+n : len(b) : len(b)], nil
}

// AppendIPHC adds the header to b. Contexts without CID are lost.
func AppendIPHC(b []byte, h Compressed) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(h.Encoding))
	if h.Encoding.CID() {
		b = append(b, h.SCI<<4|h.DCI&15)
	}
	return append(b, h.Inline...)
}

func (h Compressed) String() string {
	e := h.Encoding
	s := fmt.Sprintf("IPHC TF %d NH %t HLIM %d SAC %t SAM %d M %t DAC %t DAM %d", e.TF(), e.NHC(), e.HLIM(), e.SAC(), e.SAM(), e.M(), e.DAC(), e.DAM())
	if e.CID() {
		s += fmt.Sprintf(" contexts %d %d", h.SCI, h.DCI)
	}
	return s
}

// expand puts the IPv6 header together in the first 40 octets of b, with a payload length of 0, and a next header of 0 if it
// is not in line.
func (h Compressed) expand(b []byte, s *Surroundings, d idents) error {
	_ = b[ipv6.HeaderLen-1]
	e, in := h.Encoding, h.Inline
	first := uint32(6 << 28)
	switch e.TF() { // 3.2.1: the ECN bits come first, what is reserved is not looked at
	case 0:
		first |= trafficClass(in[0]) | binary.BigEndian.Uint32(in)&0xfffff
		in = in[4:]
	case 1:
		first |= trafficClass(in[0]&0xc0) | uint32(in[0]&15)<<16 | uint32(in[1])<<8 | uint32(in[2])
		in = in[3:]
	case 2:
		first |= trafficClass(in[0])
		in = in[1:]
	}
	binary.BigEndian.PutUint32(b, first)
	b[4], b[5], b[6], b[7] = 0, 0, 0, hopLimits[e.HLIM()]
	if !e.NHC() {
		b[6] = in[0]
		in = in[1:]
	}
	if e.HLIM() == 0 {
		b[7] = in[0]
		in = in[1:]
	}

	n := srcLen[e.src()]
	switch {
	case e.SAC() && e.SAM() == 0: // the unspecified address, of no context
		clear(b[8:24])
	default:
		var c *context
		if e.SAC() {
			if c = s.get(h.SCI); c == nil {
				return ErrContext
			}
		}
		if err := expandUnicast(b[8:24], in, e.SAM(), c, d.src); err != nil {
			return err
		}
	}
	in = in[n:]
	switch {
	case e.M() && e.DAC():
		c := s.get(h.DCI)
		if c == nil {
			return ErrContext
		}
		expandPrefixGroup(b[24:40], in, c)
	case e.M():
		expandGroup(b[24:40], in, e.DAM())
	default:
		var c *context
		if e.DAC() {
			if c = s.get(h.DCI); c == nil {
				return ErrContext
			}
		}
		return expandUnicast(b[24:40], in, e.DAM(), c, d.dst)
	}
	return nil
}

// trafficClass rotates a traffic class back, to its place in the first word of the header.
func trafficClass(b uint8) uint32 { return uint32(b<<2|b>>6) << 20 }

// expandUnicast expands an address: stateless without a context, else by what the context covers, the identifier beyond
// it, and zeros.
func expandUnicast(to, in []byte, mode uint8, c *context, d ident) error {
	var lo uint64
	switch mode {
	case 0: // only without a context
		copy(to, in[:16])
		return nil
	case 1:
		lo = binary.BigEndian.Uint64(in)
	case 2:
		lo = shortIID | uint64(binary.BigEndian.Uint16(in))
	case 3:
		if !d.ok && (c == nil || c.bits < 128) {
			return ErrAddress
		}
		lo = d.iid
	}
	hi := uint64(linkLocal)
	if c != nil {
		hi, lo = c.hi, c.lo|lo&^c.maskLo
	}
	binary.BigEndian.PutUint64(to, hi)
	binary.BigEndian.PutUint64(to[8:], lo)
	return nil
}

// expandGroup expands a group without a context (3.2.3).
func expandGroup(to, in []byte, mode uint8) {
	clear(to)
	to[0] = 0xff
	switch mode {
	case 0:
		copy(to, in[:16])
	case 1: // ffXX::00XX:XXXX:XXXX
		to[1] = in[0]
		copy(to[11:], in[1:6])
	case 2: // ffXX::00XX:XXXX
		to[1] = in[0]
		copy(to[13:], in[1:4])
	case 3: // ff02::00XX
		to[1], to[15] = 2, in[0]
	}
}

// expandPrefixGroup expands a group made from a prefix (3.2.4): ffXX:XXLL:PPPP:PPPP:PPPP:PPPP:XXXX:XXXX. Such a group has
// no more than 64 bits of a prefix (RFC 3306, 4).
func expandPrefixGroup(to, in []byte, c *context) {
	to[0], to[1], to[2], to[3] = 0xff, in[0], in[1], min(c.bits, 64)
	binary.BigEndian.PutUint64(to[4:], c.hi)
	copy(to[12:], in[2:6])
}
