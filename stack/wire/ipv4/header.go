// Package ipv4 reads and writes IPv4 headers (RFC 791) and their options.
package ipv4

import (
	"encoding/binary"
	"fmt"

	"github.com/conform-stack/conform/stack/wire"
)

const (
	MinHeader  = 20 // without options
	MaxHeader  = 60
	MaxOptions = MaxHeader - MinHeader
	MaxLen     = 65535 // of a datagram
	MinMTU     = 68    // every link carries datagrams of this size (RFC 791, 3.2)
)

// Why a header cannot be read. Both wrap wire.ErrInvalid.
var (
	ErrVersion   = wire.Invalid("ipv4: version is not 4")
	ErrHeaderLen = wire.Invalid("ipv4: header length below 5 words")
)

// Flags are the three bits before the fragment offset.
type Flags uint8

const (
	MF       Flags = 1 << iota // more fragments
	DF                         // don't fragment
	Reserved                   // must be zero
)

// A Header is an IPv4 header as it stood on the wire.
type Header struct {
	TOS        uint8
	TotalLen   uint16 // of header and data, in octets
	ID         uint16
	Flags      Flags
	FragOffset uint16 // of the data within the whole datagram, in octets: a multiple of 8
	TTL        uint8
	Protocol   wire.Protocol
	Checksum   uint16
	Src, Dst   Addr
	Options    Options // with their padding, to a multiple of 4 octets; nil without any; aliases what was parsed
}

// Len is the length of the header in octets, the padding of its options included.
func (h Header) Len() int { return MinHeader + (len(h.Options)+3)&^3 }

// IsFragment tells whether the datagram is a part of a larger one.
func (h Header) IsFragment() bool { return h.Flags&MF != 0 || h.FragOffset != 0 }

// Parse reads a header. The payload ends where TotalLen says, so that padding of the link is gone, or where b does when
// TotalLen is beyond it or within the header; Verify refuses both. A datagram quoted in an ICMP error may be cut there.
func Parse(b []byte) (h Header, payload []byte, err error) {
	if len(b) < MinHeader {
		return Header{}, nil, wire.ErrShort
	}
	n := int(b[0]&0xf) * 4
	switch {
	case b[0]>>4 != 4:
		return Header{}, nil, ErrVersion
	case n < MinHeader:
		return Header{}, nil, ErrHeaderLen
	case n > len(b):
		return Header{}, nil, wire.ErrShort
	}
	fragment := binary.BigEndian.Uint16(b[6:])
	h = Header{
		TOS:        b[1],
		TotalLen:   binary.BigEndian.Uint16(b[2:]),
		ID:         binary.BigEndian.Uint16(b[4:]),
		Flags:      Flags(fragment >> 13),
		FragOffset: fragment << 3,
		TTL:        b[8],
		Protocol:   wire.Protocol(b[9]),
		Checksum:   binary.BigEndian.Uint16(b[10:]),
		Src:        Addr(b[12:16]),
		Dst:        Addr(b[16:20]),
	}
	if n > MinHeader {
		h.Options = Options(b[MinHeader:n:n])
	}
	end := len(b)
	if total := int(h.TotalLen); total >= n && total < end {
		end = total
	}
	return h, b[n:end:end], nil
}

// Append adds the header to b; options are padded with zero, End of Option List. It panics when they are longer than
// MaxOptions. Low bits of FragOffset, which cannot be sent, are lost.
func Append(b []byte, h Header) []byte {
	var w [MaxHeader]byte
	n := h.Len()
	Put(w[:n], h)
	return append(b, w[:n]...)
}

// Put writes the header into the first h.Len() octets of b, like Append.
func Put(b []byte, h Header) {
	n := h.Len()
	if n > MaxHeader {
		panic("ipv4: options longer than 40 octets")
	}
	_ = b[n-1]
	b[0], b[1] = 4<<4|uint8(n/4), h.TOS
	binary.BigEndian.PutUint16(b[2:], h.TotalLen)
	binary.BigEndian.PutUint16(b[4:], h.ID)
	binary.BigEndian.PutUint16(b[6:], uint16(h.Flags)<<13|h.FragOffset>>3)
	b[8], b[9] = h.TTL, uint8(h.Protocol)
	binary.BigEndian.PutUint16(b[10:], h.Checksum)
	*(*Addr)(b[12:]), *(*Addr)(b[16:]) = h.Src, h.Dst
	if n > MinHeader {
		clear(b[MinHeader+copy(b[MinHeader:n], h.Options) : n])
	}
}

// Verify judges the datagram b of which h is the header: the checksum (RFC 1122, 3.2.1.2) and the total length, which
// must hold the header and be there. Octets beyond the total length are the link's padding.
func Verify(b []byte, h Header) error {
	n := h.Len()
	switch {
	case n > len(b):
		return wire.ErrShort
	case wire.Checksum(b[:n]) != 0:
		return wire.ErrChecksum
	case int(h.TotalLen) < n || int(h.TotalLen) > len(b):
		return wire.ErrLength
	}
	return nil
}

// Seal fills in total length and checksum of the datagram b, which begins with a header and must not exceed MaxLen.
func Seal(b []byte) {
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	SealChecksum(b)
}

// SealChecksum fills in the header checksum of the datagram b alone.
func SealChecksum(b []byte) {
	header := b[:int(b[0]&0xf)*4]
	header[10], header[11] = 0, 0
	binary.BigEndian.PutUint16(header[10:], wire.Checksum(header))
}

// Pseudo sums the pseudo-header of a transport's checksum, without the length.
func (h Header) Pseudo() wire.Sum { return wire.Pseudo4(h.Src, h.Dst, h.Protocol) }

func (h Header) String() string {
	s := fmt.Sprintf("IP %v > %v %v ttl %d id %d len %d", h.Src, h.Dst, h.Protocol, h.TTL, h.ID, h.TotalLen)
	if h.TOS != 0 {
		s += fmt.Sprintf(" tos 0x%02x", h.TOS)
	}
	if h.Flags&DF != 0 {
		s += " DF"
	}
	if h.Flags&Reserved != 0 {
		s += " reserved-flag"
	}
	if h.IsFragment() {
		s += fmt.Sprintf(" frag %d", h.FragOffset)
		if h.Flags&MF != 0 {
			s += "+"
		}
	}
	if h.Options != nil {
		s += " options [" + h.Options.String() + "]"
	}
	return s
}
