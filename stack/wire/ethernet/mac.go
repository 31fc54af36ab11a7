package ethernet

import "github.com/conform-stack/conform/stack/wire/link"

// A MAC is an Ethernet address. Its zero value is the address 00:00:00:00:00:00, not the lack of one.
type MAC [6]byte

// Broadcast reaches every station on the link.
var Broadcast = MAC{0xff, 0xff, 0xff, 0xff, 0xff, 0xff} // never written

// MACFrom takes a link address of six octets; ok is false for one of any other length.
func MACFrom(a link.Addr) (m MAC, ok bool) {
	b, ok := a.As6()
	return MAC(b), ok
}

// Multicast4 is where datagrams to an IPv4 group go (RFC 1112, 6.4): 01:00:5e and the low 23 bits of the group.
func Multicast4(group [4]byte) MAC {
	return MAC{0x01, 0x00, 0x5e, group[1] & 0x7f, group[2], group[3]}
}

// Multicast6 is where packets to an IPv6 group go (RFC 2464, 7): 33:33 and the last four octets of the group.
func Multicast6(group [16]byte) MAC {
	return MAC{0x33, 0x33, group[12], group[13], group[14], group[15]}
}

// Addr is the MAC as a link address.
func (m MAC) Addr() link.Addr { return link.AddrFrom6(m) }

// IsBroadcast tells whether m is ff:ff:ff:ff:ff:ff.
func (m MAC) IsBroadcast() bool { return m == Broadcast }

// IsGroup tells whether m names more than one station: multicast or broadcast (IEEE 802, the I/G bit).
func (m MAC) IsGroup() bool { return m[0]&1 != 0 }

// IsZero tells whether all octets are zero.
func (m MAC) IsZero() bool { return m == MAC{} }

func (m MAC) String() string { return m.Addr().String() }
