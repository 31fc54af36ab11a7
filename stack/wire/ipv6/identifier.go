package ipv6

import (
	"encoding/binary"

	"github.com/conform-stack/conform/stack/wire/link"
)

// Identifier is the interface identifier that is made of a link address: of eight octets the modified EUI-64 (RFC 4291,
// appendix A), of six with fffe in the middle (RFC 2464, 4), of two behind 0000:00ff:fe00 (RFC 6282, 3.2.2). ok is false for
// other lengths.
func Identifier(a link.Addr) (id uint64, ok bool) {
	if m, ok := a.As6(); ok {
		return binary.BigEndian.Uint64([]byte{m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]}), true
	}
	if m, ok := a.As8(); ok {
		return binary.BigEndian.Uint64(m[:]) ^ universal, true
	}
	if a.Len() == 2 {
		b := a.Append(make([]byte, 0, link.MaxLen))
		return shortIdentifier | uint64(binary.BigEndian.Uint16(b)), true
	}
	return 0, false
}

const (
	universal       = 1 << 57 // the bit that says that an EUI-64 is one
	shortIdentifier = 0x000000fffe000000
	maskOfShort     = 0xffff
)

// LinkOf is the link address that an identifier was made of, on a link whose addresses have octets: 6, or 8 and 2. ok is
// false for one that was not.
func LinkOf(id uint64, octets int) (a link.Addr, ok bool) {
	var b [8]byte
	switch {
	case octets == 8 && id&^maskOfShort == shortIdentifier:
		return link.AddrFrom2([2]byte{byte(id >> 8), byte(id)}), true
	case octets == 8:
		binary.BigEndian.PutUint64(b[:], id^universal)
		return link.AddrFrom8(b), true
	case octets == 6 && id>>24&0xffff == 0xfffe:
		binary.BigEndian.PutUint64(b[:], id^universal)
		return link.AddrFrom6([6]byte{b[0], b[1], b[2], b[5], b[6], b[7]}), true
	}
	return link.Addr{}, false
}

// WithIdentifier is an address with another identifier.
func (a Addr) WithIdentifier(id uint64) Addr {
	binary.BigEndian.PutUint64(a[8:], id)
	return a
}
