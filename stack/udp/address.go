package udp

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/ip"
)

// An endpoint of IPv6 that is Dual speaks IPv4 as well: its user writes addresses of IPv4 as addresses of IPv6 that map
// them (RFC 3493, 3.7). Inside, all addresses are as they are on the wire.

// inside is an address as it is on the wire, and the version of IP that it is of. ok is false when the endpoint does not
// speak that one.
func (e *Endpoint) inside(a netip.Addr) (netip.Addr, ip.Family, bool) {
	if e.family == ip.V6 && a.Is4In6() {
		return a.Unmap(), ip.V4, e.Dual
	}
	f := ip.FamilyOf(a)
	return a, f, f == e.family
}

// outside is an address as the user of the endpoint writes it.
func (e *Endpoint) outside(a netip.Addr) netip.Addr {
	if e.family == ip.V6 && a.Is4() {
		return netip.AddrFrom16(a.As16())
	}
	return a
}

func (e *Endpoint) outsidePort(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(e.outside(a.Addr()), a.Port())
}

// speaks tells whether the endpoint, with the address that it is bound to, may hear of datagrams of a version of IP.
func (e *Endpoint) speaks(f ip.Family) bool { return e.speaksAt(e.local.Addr(), e.only4, f) }

func (e *Endpoint) speaksAt(local netip.Addr, only4 bool, f ip.Family) bool {
	switch {
	case local.IsValid():
		return ip.FamilyOf(local) == f
	case only4:
		return f == ip.V4
	}
	return f == e.family || e.Dual && e.family == ip.V6
}

// overlaps tells whether a datagram could be for x as well as for e, were it bound to an address, the zero Addr for all.
func (e *Endpoint) overlaps(x *Endpoint, addr netip.Addr, only4 bool) bool {
	if a := x.local.Addr(); addr.IsValid() && a.IsValid() && a != addr {
		return false
	}
	return e.speaksAt(addr, only4, ip.V4) && x.speaks(ip.V4) || e.speaksAt(addr, only4, ip.V6) && x.speaks(ip.V6)
}
