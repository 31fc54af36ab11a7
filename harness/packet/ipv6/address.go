package ipv6

import (
	"net"
	"net/netip"
)

// Addr is an IPv6 address.
type Addr = netip.Addr

// MustAddr reads an address that is written in a program.
func MustAddr(s string) Addr { return netip.MustParseAddr(s) }

// Groups (RFC 4291, section 2.7.1; RFC 3810, section 5.2.14). Never written.
var (
	Unspecified   = netip.IPv6Unspecified()
	AllNodesHere  = MustAddr("ff01::1") // of the interface itself
	AllNodes      = MustAddr("ff02::1")
	AllRouters    = MustAddr("ff02::2")
	AllMLDRouters = MustAddr("ff02::16")
)

// SolicitedNode is the solicited-node group of an address (RFC 4291, section 2.7.1).
func SolicitedNode(a netip.Addr) netip.Addr {
	b := a.As16()
	return netip.AddrFrom16([16]byte{0xff, 0x02, 11: 1, 12: 0xff, 13: b[13], 14: b[14], 15: b[15]})
}

// GroupMAC is the link address of a group (RFC 2464, section 7); nil for other addresses.
func GroupMAC(a netip.Addr) net.HardwareAddr {
	if !a.Is6() || !a.IsMulticast() {
		return nil
	}
	b := a.As16()
	return net.HardwareAddr{0x33, 0x33, b[12], b[13], b[14], b[15]}
}

// FromMAC is the address with a prefix of 64 bits that the modified EUI-64 of a link address makes (RFC 4291, appendix A).
func FromMAC(prefix netip.Prefix, mac net.HardwareAddr) netip.Addr {
	b := prefix.Masked().Addr().As16()
	copy(b[8:], []byte{mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]})
	return netip.AddrFrom16(b)
}

// LinkLocalPrefix is fe80::/64.
var LinkLocalPrefix = netip.MustParsePrefix("fe80::/64")

// LinkLocal is the link-local address that the modified EUI-64 of a link address makes.
func LinkLocal(mac net.HardwareAddr) netip.Addr { return FromMAC(LinkLocalPrefix, mac) }
