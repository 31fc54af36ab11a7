package ipv4

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// An Addr is an IPv4 address as it stands on the wire. The zero Addr is 0.0.0.0, "this host" (RFC 1122, 3.2.1.3).
type Addr [4]byte

// AddrFrom takes an IPv4 address, or an IPv4-mapped one of IPv6; ok is false for any other.
func AddrFrom(a netip.Addr) (b Addr, ok bool) {
	if a = a.Unmap(); !a.Is4() {
		return Addr{}, false
	}
	return a.As4(), true
}

// AddrFromUint32 takes the first octet from the highest bits.
func AddrFromUint32(v uint32) (a Addr) {
	binary.BigEndian.PutUint32(a[:], v)
	return a
}

// Netip is the address for the layers that know both families.
func (a Addr) Netip() netip.Addr { return netip.AddrFrom4(a) }

// Uint32 is the address as a number, the first octet highest.
func (a Addr) Uint32() uint32 { return binary.BigEndian.Uint32(a[:]) }

// IsUnspecified tells whether a is 0.0.0.0.
func (a Addr) IsUnspecified() bool { return a == Addr{} }

// IsLimitedBroadcast tells whether a is 255.255.255.255 (RFC 1122, 3.2.1.3 (c)).
func (a Addr) IsLimitedBroadcast() bool { return a == Addr{255, 255, 255, 255} }

// IsMulticast tells whether a is of 224.0.0.0/4 (RFC 1112, 4).
func (a Addr) IsMulticast() bool { return a[0]>>4 == 0xe }

// IsLoopback tells whether a is of 127.0.0.0/8 (RFC 1122, 3.2.1.3 (g)).
func (a Addr) IsLoopback() bool { return a[0] == 127 }

// IsLinkLocal tells whether a is of 169.254.0.0/16 (RFC 3927, 2.1).
func (a Addr) IsLinkLocal() bool { return a[0] == 169 && a[1] == 254 }

// IsClassE tells whether a is of 240.0.0.0/4, reserved, the limited broadcast among it (RFC 1112, 4).
func (a Addr) IsClassE() bool { return a[0]>>4 == 0xf }

func (a Addr) String() string {
	b := make([]byte, 0, len("255.255.255.255"))
	for i, c := range a {
		if i > 0 {
			b = append(b, '.')
		}
		b = strconv.AppendUint(b, uint64(c), 10)
	}
	return string(b)
}
