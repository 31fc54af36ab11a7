// Package link holds the address of a station on a link, of any technology: none (loopback, CAN), two octets
// (802.15.4 short), six (Ethernet, Bluetooth), eight (EUI-64).
package link

import (
	"encoding/binary"
	"errors"
	"strconv"
)

// MaxLen is the length of the longest address, in octets.
const MaxLen = 8

// An Addr is a link address of 0 to 8 octets. It is comparable and a map key. The zero Addr is no address, distinct
// from an address of zero octets such as 00:00:00:00:00:00.
type Addr struct {
	v uint64 // the octets, the last one lowest
	n uint8
}

// AddrFrom takes an address of any length; ok is false when b is longer than MaxLen.
func AddrFrom(b []byte) (a Addr, ok bool) {
	if len(b) > MaxLen {
		return Addr{}, false
	}
	for _, c := range b {
		a.v = a.v<<8 | uint64(c)
	}
	a.n = uint8(len(b))
	return a, true
}

// AddrFrom2 takes an IEEE 802.15.4 short address, most significant octet first.
func AddrFrom2(b [2]byte) Addr { return Addr{uint64(binary.BigEndian.Uint16(b[:])), 2} }

// AddrFrom6 takes a MAC address of Ethernet or a Bluetooth device address.
func AddrFrom6(b [6]byte) Addr {
	return Addr{uint64(binary.BigEndian.Uint16(b[:]))<<32 | uint64(binary.BigEndian.Uint32(b[2:])), 6}
}

// AddrFrom8 takes an EUI-64, most significant octet first.
func AddrFrom8(b [8]byte) Addr { return Addr{binary.BigEndian.Uint64(b[:]), 8} }

// Len is the length in octets; 0 for no address.
func (a Addr) Len() int { return int(a.n) }

// IsZero tells whether a is no address.
func (a Addr) IsZero() bool { return a.n == 0 }

// Uint64 is the octets as a number, the first one highest.
func (a Addr) Uint64() uint64 { return a.v }

// As6 gives the octets of an address of six; ok is false for any other.
func (a Addr) As6() (b [6]byte, ok bool) {
	if a.n != 6 {
		return b, false
	}
	binary.BigEndian.PutUint16(b[:], uint16(a.v>>32))
	binary.BigEndian.PutUint32(b[2:], uint32(a.v))
	return b, true
}

// As8 gives the octets of an address of eight; ok is false for any other.
func (a Addr) As8() (b [8]byte, ok bool) {
	if a.n != 8 {
		return b, false
	}
	binary.BigEndian.PutUint64(b[:], a.v)
	return b, true
}

// Append adds the octets of a to b.
func (a Addr) Append(b []byte) []byte {
	for i := int(a.n) - 1; i >= 0; i-- {
		b = append(b, byte(a.v>>(8*i)))
	}
	return b
}

// String writes octets in hexadecimal with colons, as 02:00:00:00:00:01; no address is "none".
func (a Addr) String() string {
	if a.n == 0 {
		return "none"
	}
	return string(a.appendText(make([]byte, 0, 3*MaxLen)))
}

func (a Addr) appendText(b []byte) []byte {
	const hex = "0123456789abcdef"
	for i := int(a.n) - 1; i >= 0; i-- {
		c := byte(a.v >> (8 * i))
		b = append(b, hex[c>>4], hex[c&15])
		if i > 0 {
			b = append(b, ':')
		}
	}
	return b
}

// ParseAddr reads what String writes, "none" among it. It wants two digits an octet and colons or hyphens between them.
func ParseAddr(s string) (Addr, error) {
	if s == "none" {
		return Addr{}, nil
	}
	var a Addr
	for i := 0; ; i += 3 {
		if len(s) < i+2 {
			return Addr{}, &parseError{s, "wants two hexadecimal digits an octet"}
		}
		c, err := strconv.ParseUint(s[i:i+2], 16, 8)
		if err != nil {
			return Addr{}, &parseError{s, "has " + strconv.Quote(s[i:i+2]) + " for an octet"}
		}
		if a.n == MaxLen {
			return Addr{}, &parseError{s, "has more than 8 octets"}
		}
		a.v, a.n = a.v<<8|c, a.n+1
		if len(s) == i+2 {
			return a, nil
		}
		if s[i+2] != ':' && s[i+2] != '-' {
			return Addr{}, &parseError{s, "wants a colon after " + strconv.Quote(s[:i+2])}
		}
	}
}

// MustParseAddr is ParseAddr for constants in tests: it panics on a mistake.
func MustParseAddr(s string) Addr {
	a, err := ParseAddr(s)
	if err != nil {
		panic(err)
	}
	return a
}

// MarshalText writes what String writes.
func (a Addr) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what ParseAddr reads.
func (a *Addr) UnmarshalText(b []byte) (err error) {
	*a, err = ParseAddr(string(b))
	return err
}

// ErrAddr is what every error of ParseAddr wraps.
var ErrAddr = errors.New("not a link address")

type parseError struct{ in, why string }

func (e *parseError) Error() string { return "link address " + strconv.Quote(e.in) + " " + e.why }
func (e *parseError) Unwrap() error { return ErrAddr }
