// Package ipv6 reads and writes IPv6 headers (RFC 8200), their extension headers and the options in those.
package ipv6

import (
	"encoding/binary"
	"fmt"

	"github.com/conform-stack/conform/stack/wire"
)

const (
	HeaderLen  = 40
	MaxPayload = 65535 // without a jumbo payload option, which is not understood here
	MinMTU     = 1280  // every link carries packets of this size (RFC 8200, 5)
)

// ErrVersion is what a header of another version gives; it wraps wire.ErrInvalid.
var ErrVersion = wire.Invalid("ipv6: version is not 6")

// A Header is an IPv6 header as it stood on the wire.
type Header struct {
	TrafficClass uint8
	FlowLabel    uint32 // 20 bits
	PayloadLen   uint16 // of what follows the header, in octets
	NextHeader   wire.Protocol
	HopLimit     uint8
	Src, Dst     Addr
}

// Len is the length of the header in octets.
func (h Header) Len() int { return HeaderLen }

// Parse reads a header. The payload ends where PayloadLen says, so that padding of the link is gone, or where b does when
// PayloadLen is beyond it; Verify refuses that. A packet quoted in an ICMPv6 error may be cut there.
func Parse(b []byte) (h Header, payload []byte, err error) {
	switch {
	case len(b) < HeaderLen:
		return Header{}, nil, wire.ErrShort
	case b[0]>>4 != 6:
		return Header{}, nil, ErrVersion
	}
	first := binary.BigEndian.Uint32(b)
	h = Header{
		TrafficClass: uint8(first >> 20),
		FlowLabel:    first & 0xfffff,
		PayloadLen:   binary.BigEndian.Uint16(b[4:]),
		NextHeader:   wire.Protocol(b[6]),
		HopLimit:     b[7],
		Src:          Addr(b[8:24]),
		Dst:          Addr(b[24:40]),
	}
	end := min(len(b), HeaderLen+int(h.PayloadLen))
	return h, b[HeaderLen:end:end], nil
}

// Append adds the header to b. High bits of FlowLabel, which cannot be sent, are lost.
func Append(b []byte, h Header) []byte {
	var w [HeaderLen]byte
	Put(w[:], h)
	return append(b, w[:]...)
}

// Put writes the header into the first 40 octets of b.
func Put(b []byte, h Header) {
	_ = b[HeaderLen-1]
	binary.BigEndian.PutUint32(b, 6<<28|uint32(h.TrafficClass)<<20|h.FlowLabel&0xfffff)
	binary.BigEndian.PutUint16(b[4:], h.PayloadLen)
	b[6], b[7] = uint8(h.NextHeader), h.HopLimit
	*(*Addr)(b[8:]), *(*Addr)(b[24:]) = h.Src, h.Dst
}

// Verify judges the packet b of which h is the header: what follows it must be there. Octets beyond the payload are the
// link's padding.
func Verify(b []byte, h Header) error {
	if HeaderLen+int(h.PayloadLen) > len(b) {
		return wire.ErrLength
	}
	return nil
}

// Seal fills in the payload length of the packet b, which begins with a header.
func Seal(b []byte) { binary.BigEndian.PutUint16(b[4:], uint16(len(b)-HeaderLen)) }

// Pseudo sums the pseudo-header of an upper layer's checksum, without the length (RFC 8200, 8.1).
func Pseudo(src, dst Addr, p wire.Protocol) wire.Sum { return wire.Pseudo6(src, dst, p) }

func (h Header) String() string {
	s := fmt.Sprintf("IP6 %v > %v %v hlim %d len %d", h.Src, h.Dst, h.NextHeader, h.HopLimit, h.PayloadLen)
	if h.TrafficClass != 0 {
		s += fmt.Sprintf(" class 0x%02x", h.TrafficClass)
	}
	if h.FlowLabel != 0 {
		s += fmt.Sprintf(" label 0x%05x", h.FlowLabel)
	}
	return s
}
