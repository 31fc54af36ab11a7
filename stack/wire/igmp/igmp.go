// Package igmp reads and writes IGMP messages of versions 1 (RFC 1112), 2 (RFC 2236) and 3 (RFC 3376).
//
// Parse reads the eight octets that versions 1 and 2 consist of and that a version 3 query begins with. After Version has
// said 3, ParseQuery reads the rest of a query. A version 3 report is another message, read by ParseReport.
package igmp

import (
	"encoding/binary"
	"fmt"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

const (
	HeaderLen = 8
	QueryLen  = 12 // of a version 3 query without sources
)

// ErrType says that Parse was given a version 3 report, ParseQuery anything but a query, or ParseReport anything but a
// version 3 report. It wraps wire.ErrInvalid.
var ErrType = wire.Invalid("igmp: message of another type")

// A Header is a message of version 1 or 2, or the beginning of a version 3 query.
type Header struct {
	Type     Type
	MaxResp  Code // zero in version 1; tenths of a second, in version 2 not floating; a floating Code in version 3
	Checksum uint16
	Group    ipv4.Addr // 0.0.0.0 in a general query
}

// Len is the length of the header in octets.
func (h Header) Len() int { return HeaderLen }

// Parse reads a header. The payload is what follows: nothing in version 1 and 2, more of the query in version 3.
func Parse(b []byte) (h Header, payload []byte, err error) {
	r := wire.NewReader(b)
	h = Header{Type: Type(r.U8()), MaxResp: Code(r.U8()), Checksum: r.U16(), Group: r.Four()}
	switch {
	case r.Short():
		return Header{}, nil, wire.ErrShort
	case h.Type == V3Report:
		return Header{}, nil, ErrType
	}
	return h, r.Rest(), nil
}

// Append adds the header to b.
func Append(b []byte, h Header) []byte {
	b = append(b, byte(h.Type), byte(h.MaxResp))
	b = binary.BigEndian.AppendUint16(b, h.Checksum)
	return append(b, h.Group[:]...)
}

// Put writes the header into the first 8 octets of b.
func Put(b []byte, h Header) {
	_ = b[HeaderLen-1]
	Append(b[:0], h)
}

// Version tells which version a query of n octets is (RFC 3376, 7.1); 0 when it is none and must be ignored.
func (h Header) Version(n int) int {
	switch {
	case n == HeaderLen && h.MaxResp == 0:
		return 1
	case n == HeaderLen:
		return 2
	case n >= QueryLen:
		return 3
	}
	return 0
}

// Verify judges the checksum of the message b: all of the IP datagram's payload, also what is read by no version.
func Verify(b []byte) error {
	if wire.Checksum(b) != 0 {
		return wire.ErrChecksum
	}
	return nil
}

// Seal fills in the checksum of the message b.
func Seal(b []byte) {
	_ = b[HeaderLen-1]
	b[2], b[3] = 0, 0
	binary.BigEndian.PutUint16(b[2:], wire.Checksum(b))
}

func (h Header) String() string {
	if h.Type != Query {
		return fmt.Sprintf("IGMP %v %v", h.Type, h.Group)
	}
	return fmt.Sprintf("IGMP query %v max resp %d", h.Group, h.MaxResp)
}
