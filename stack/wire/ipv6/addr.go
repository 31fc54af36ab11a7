package ipv6

import (
	"encoding/binary"
	"net/netip"
)

// An Addr is an IPv6 address as on the wire, without a zone. Its zero value is the unspecified address.
type Addr [16]byte

// Addresses that every node knows (RFC 4291, 2.5.3 and 2.7.1; RFC 3810, 5.2.14).
var ( // never written
	Loopback       = Addr{15: 1}
	AllNodes       = Addr{0xff, 0x02, 15: 1}
	AllRouters     = Addr{0xff, 0x02, 15: 2}
	AllNodesHere   = Addr{0xff, 0x01, 15: 1} // on this node
	AllRoutersSite = Addr{0xff, 0x05, 15: 2}
	MLDv2Routers   = Addr{0xff, 0x02, 15: 0x16}
	LinkLocal      = Addr{0xfe, 0x80} // the prefix, of 64 bits
)

// A Scope is how far an address reaches (RFC 4291, 2.7; RFC 7346, 2; RFC 4007).
type Scope uint8

const (
	ScopeInterface Scope = 1
	ScopeLink      Scope = 2
	ScopeRealm     Scope = 3
	ScopeAdmin     Scope = 4
	ScopeSite      Scope = 5
	ScopeOrg       Scope = 8
	ScopeGlobal    Scope = 14
)

// AddrFrom takes an address of IPv6; its zone is lost. ok is false for one of IPv4.
func AddrFrom(a netip.Addr) (_ Addr, ok bool) {
	if !a.Is6() {
		return Addr{}, false
	}
	return a.As16(), true
}

// MustParseAddr is for constants in tests: it panics on a mistake.
func MustParseAddr(s string) Addr { return netip.MustParseAddr(s).As16() }

// Netip is the address without a zone.
func (a Addr) Netip() netip.Addr { return netip.AddrFrom16(a) }

// Halves are the first and the last 64 bits.
func (a Addr) Halves() (hi, lo uint64) {
	return binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(a[8:])
}

// IsUnspecified tells whether a is ::.
func (a Addr) IsUnspecified() bool { return a == Addr{} }

// IsLoopback tells whether a is ::1.
func (a Addr) IsLoopback() bool { return a == Loopback }

// IsMulticast tells whether a names a group.
func (a Addr) IsMulticast() bool { return a[0] == 0xff }

// IsLinkLocal tells whether a is a unicast address of fe80::/10 (RFC 4291, 2.4).
func (a Addr) IsLinkLocal() bool { return a[0] == 0xfe && a[1]&0xc0 == 0x80 }

// IsMapped tells whether a stands for an IPv4 address (RFC 4291, 2.5.5.2). Such an address is never on the wire.
func (a Addr) IsMapped() bool {
	hi, lo := a.Halves()
	return hi == 0 && lo>>32 == 0xffff
}

// Scope is that of a group, or of a unicast address: the link for link-local ones and ::1, the site for fec0::/10, else
// global (RFC 6724, 3.1).
func (a Addr) Scope() Scope {
	switch {
	case a.IsMulticast():
		return Scope(a[1] & 0xf)
	case a.IsLinkLocal(), a.IsLoopback():
		return ScopeLink
	case a[0] == 0xfe && a[1]&0xc0 == 0xc0:
		return ScopeSite
	}
	return ScopeGlobal
}

// SolicitedNode is the group that whoever has the address a is a member of (RFC 4291, 2.7.1).
func (a Addr) SolicitedNode() Addr {
	return Addr{0xff, 0x02, 11: 1, 12: 0xff, 13: a[13], 14: a[14], 15: a[15]}
}

// IsSolicitedNode tells whether a is the solicited-node group of some address.
func (a Addr) IsSolicitedNode() bool {
	return a[0] == 0xff && a.SolicitedNode() == a
}

// CommonPrefixLen is how many leading bits a and b share (RFC 6724, 2.2).
func (a Addr) CommonPrefixLen(b Addr) int {
	for i := range a {
		if x := a[i] ^ b[i]; x != 0 {
			n := 8 * i
			for x&0x80 == 0 {
				n++
				x <<= 1
			}
			return n
		}
	}
	return 128
}

func (a Addr) String() string { return a.Netip().String() }
