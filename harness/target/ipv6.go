package target

import (
	"net"
	"net/netip"
)

// LinkLocalOf is the link-local address that a link address makes: the modified EUI-64 of one of 6 or 8 octets (RFC 4291,
// appendix A), 0000:00ff:fe00:XXXX of a short one (RFC 6282, section 3.2.2).
func LinkLocalOf(mac net.HardwareAddr) netip.Addr {
	switch len(mac) {
	case 0: // a station that has no address of that kind
		return netip.Addr{}
	case 2:
		return netip.AddrFrom16([16]byte{0xfe, 0x80, 11: 0xff, 0xfe, 0, mac[0], mac[1]})
	case 8:
		return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: mac[0] ^ 2, mac[1], mac[2], mac[3], mac[4], mac[5], mac[6], mac[7]})
	}
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]})
}

// Give6 gives all hosts of a link addresses of IPv6: in 2001:db8:1::/64 on the first link, 2001:db8:2::/64 on the second
// (RFC 3849), with the number that they have as last octet of their link addresses.
func (n *Net) Give6(link int) {
	host := func(i byte) netip.Addr {
		return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 5: byte(link + 1), 15: i})
	}
	n.Prefix6 = netip.PrefixFrom(host(0), 64)
	n.Unused6 = host(99)
	give := func(h *Host) {
		h.IP6, h.LinkLocal = host(h.MAC[len(h.MAC)-1]), LinkLocalOf(h.MAC)
	}
	give(&n.Target)
	for i := range n.Testers {
		give(&n.Testers[i])
	}
}
