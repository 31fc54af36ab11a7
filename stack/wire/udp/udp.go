// Package udp reads and writes UDP headers (RFC 768).
package udp

import (
	"encoding/binary"
	"fmt"

	"github.com/conform-stack/conform/stack/wire"
)

// HeaderLen is the length of the header in octets.
const HeaderLen = 8

// A Header is the UDP header as it stood on the wire.
type Header struct {
	SrcPort, DstPort uint16
	Length           uint16 // of header and data, in octets
	Checksum         uint16 // zero: the sender computed none
}

// Len is the length of the header in octets.
func (h Header) Len() int { return HeaderLen }

// Parse reads a header. The payload ends where Length says, or where b does if Length is below 8 or beyond it.
func Parse(b []byte) (h Header, payload []byte, err error) {
	if len(b) < HeaderLen {
		return Header{}, nil, wire.ErrShort
	}
	h = Header{
		SrcPort:  binary.BigEndian.Uint16(b),
		DstPort:  binary.BigEndian.Uint16(b[2:]),
		Length:   binary.BigEndian.Uint16(b[4:]),
		Checksum: binary.BigEndian.Uint16(b[6:]),
	}
	end := len(b)
	if n := int(h.Length); n >= HeaderLen && n < end {
		end = n
	}
	return h, b[HeaderLen:end:end], nil
}

// Append adds the header to b.
func Append(b []byte, h Header) []byte {
	var w [HeaderLen]byte
	Put(w[:], h)
	return append(b, w[:]...)
}

// Put writes the header into the first 8 octets of b.
func Put(b []byte, h Header) {
	_ = b[HeaderLen-1]
	binary.BigEndian.PutUint16(b, h.SrcPort)
	binary.BigEndian.PutUint16(b[2:], h.DstPort)
	binary.BigEndian.PutUint16(b[4:], h.Length)
	binary.BigEndian.PutUint16(b[6:], h.Checksum)
}

// Verify judges the datagram b, the payload of an IP packet, with the sum of its pseudo-header. Octets beyond Length are
// no part of it. A checksum of zero passes: over IPv6 the caller refuses it (RFC 8200, 8.1).
func Verify(b []byte, h Header, pseudo wire.Sum) error {
	n := int(h.Length)
	if n < HeaderLen || n > len(b) {
		return wire.ErrLength
	}
	if h.Checksum != 0 && !pseudo.AddUint16(h.Length).Add(b[:n]).Valid() {
		return wire.ErrChecksum
	}
	return nil
}

// Seal fills in length and checksum of the datagram b. A checksum that comes out as zero is sent as its other form, all
// ones, since zero means none (RFC 768). b must not exceed 65535 octets.
func Seal(b []byte, pseudo wire.Sum) {
	_ = b[HeaderLen-1]
	n := uint16(len(b))
	binary.BigEndian.PutUint16(b[4:], n)
	binary.BigEndian.PutUint16(b[6:], 0)
	c := pseudo.AddUint16(n).Add(b).Checksum()
	if c == 0 {
		c = 0xffff
	}
	binary.BigEndian.PutUint16(b[6:], c)
}

func (h Header) String() string {
	s := fmt.Sprintf("UDP %d > %d len %d", h.SrcPort, h.DstPort, h.Length)
	if h.Checksum == 0 {
		s += " no checksum"
	}
	return s
}
