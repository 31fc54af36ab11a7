package ipv6

import (
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// Flags say more of an address than the interface does.
type Flags uint8

const (
	Deprecated  Flags = 1 << iota // not for new communication (RFC 4862, 5.5.4): the interface says so
	Temporary                     // RFC 8981
	Anycast                       // never a source (RFC 4291, 2.6)
	Unjoined                      // its solicited-node group is listened to, and not reported yet
	Optimistic                    // in use, though somebody else may have it (RFC 4429)
	Home                          // of a mobile node, by which it is always reached (RFC 6275)
	Registering                   // in use when a router agrees to it, which says so to the address itself (RFC 6775, 6.5.3)
)

// place is an address on an interface.
type place struct {
	i    *iface.Iface
	addr Addr
}

// local is an address of this host.
type local struct {
	in        *link
	addr      Addr
	bits      int
	tentative bool
	flags     Flags
}

// A kind is what a destination is to this host.
type kind uint8

const (
	other kind = iota // a host elsewhere
	own               // this host
	group             // a multicast group
)

// SetFlags says more of an address. It takes effect with the address, or at once if that is there.
func (y *Layer) SetFlags(i *iface.Iface, a Addr, f Flags) {
	if f == 0 {
		delete(y.flags, place{i, a})
	} else {
		y.flags[place{i, a}] = f
	}
	y.refresh()
}

// FlagsOf is what SetFlags said.
func (y *Layer) FlagsOf(i *iface.Iface, a Addr) Flags { return y.flags[place{i, a}] }

// refresh reads the addresses of all interfaces, after a change, and joins and leaves their solicited-node groups (RFC
// 4291, 2.8).
func (y *Layer) refresh() {
	y.chose = chosen{}
	y.locals = y.locals[:0]
	for _, l := range y.links {
		for _, a := range l.Addresses() {
			addr, ok := ipv6.AddrFrom(a.Addr())
			if !ok {
				continue
			}
			f := y.flags[place{l.Iface, addr}]
			if a.Deprecated {
				f |= Deprecated
			}
			y.locals = append(y.locals, local{l, addr, a.Prefix.Bits(), a.Tentative, f})
			if router := a.Prefix.Masked().Addr().As16(); y.c.Forwarding.On() && !a.Tentative && !l.Loopback && a.Prefix.Bits() < 127 && router != addr {
				y.locals = append(y.locals, local{l, router, a.Prefix.Bits(), false, Anycast}) // RFC 4291, 2.6.1
			}
		}
	}
	for _, l := range y.links {
		if !l.Loopback {
			y.joinNodes(l)
		}
	}
}

// joinNodes makes the solicited-node groups of a link those of its addresses.
func (y *Layer) joinNodes(l *link) {
	for i := range y.locals { // one that is tentative, too: others ask for it (RFC 4862, 5.4.2)
		if a := &y.locals[i]; a.in == l {
			y.groups.joinNode(y, l.Iface, a.addr, a.flags&Unjoined != 0)
		}
	}
	for _, a := range y.groups.nodes(l.Iface) {
		if !slices.ContainsFunc(y.locals, func(x local) bool { return x.in == l && x.addr == a }) {
			y.groups.leaveNode(y, l.Iface, a)
		}
	}
}

// classify tells what a destination is, of a packet that came in by an interface, or nil for one that is made here.
func (y *Layer) classify(in *iface.Iface, a Addr) kind {
	if a.IsMulticast() {
		return group
	}
	linkLocal := a.IsLinkLocal() && in != nil && !in.Loopback
	for i := range y.locals {
		if l := &y.locals[i]; l.addr == a && !l.tentative && (!linkLocal || l.in.Iface == in) {
			return own
		}
	}
	return other
}

// agreed tells whether a packet may be the answer to the registration of an address that is not in use before it (RFC 6775,
// 5.5.2): nothing else is taken there.
func (y *Layer) agreed(in *iface.Iface, b []byte, h *ipv6.Header) bool {
	if h.NextHeader != wire.ICMPv6 || h.HopLimit != 255 || len(b) <= ipv6.HeaderLen || icmpv6.Type(b[ipv6.HeaderLen]) != icmpv6.NeighborAdvert {
		return false
	}
	l := y.find(h.Dst, in)
	return l != nil && l.tentative && l.flags&Registering != 0
}

// find gives an address of this host, on an interface if in is not nil; nil for one that it has not.
func (y *Layer) find(a Addr, in *iface.Iface) *local {
	for i := range y.locals {
		if l := &y.locals[i]; l.addr == a && (in == nil || l.in.Iface == in) {
			return l
		}
	}
	return nil
}

// isOwn tells whether an address is one of this host's, in use, that names it alone.
func (y *Layer) isOwn(a Addr) bool {
	for i := range y.locals {
		if l := &y.locals[i]; l.addr == a && !l.tentative && l.flags&Anycast == 0 {
			return true
		}
	}
	return false
}

// Has tells whether an interface has an address in use; one of a router's anycast is not counted.
func (y *Layer) Has(i *iface.Iface, a Addr) bool {
	for k := range y.locals {
		if l := &y.locals[k]; l.addr == a && l.in.Iface == i && !l.tentative && l.flags&Anycast == 0 {
			return true
		}
	}
	return false
}

// IsAnycast tells whether an address is one of a router's anycast addresses on an interface.
func (y *Layer) IsAnycast(i *iface.Iface, a Addr) bool {
	l := y.find(a, i)
	return l != nil && l.flags&Anycast != 0 && !l.tentative
}

// IsOptimistic tells whether an address is in use though somebody else may have it.
func (y *Layer) IsOptimistic(i *iface.Iface, a Addr) bool {
	l := y.find(a, i)
	return l != nil && l.flags&Optimistic != 0
}

// LinkLocal is the first link-local address in use on an interface; ok is false when there is none.
func (y *Layer) LinkLocal(i *iface.Iface) (a Addr, ok bool) {
	for k := range y.locals {
		if l := &y.locals[k]; l.in.Iface == i && !l.tentative && l.addr.IsLinkLocal() && l.flags&Anycast == 0 {
			return l.addr, true
		}
	}
	return Addr{}, false
}

// Holds implements ip.Network.
func (y *Layer) Holds(a netip.Addr) bool { return y.InterfaceOf(a) != nil && y.isOwn(a.As16()) }

// IsBroadcast implements ip.Network: there is none.
func (*Layer) IsBroadcast(netip.Addr) bool { return false }

// InterfaceOf implements ip.Network.
func (y *Layer) InterfaceOf(a netip.Addr) *iface.Iface {
	addr, ok := ipv6.AddrFrom(a)
	if !ok {
		return nil
	}
	var in *iface.Iface
	if z := a.Zone(); z != "" && addr.IsLinkLocal() {
		l := y.zone(z)
		if l == nil {
			return nil
		}
		in = l.Iface
	}
	if l := y.find(addr, in); l != nil {
		return l.in.Iface
	}
	return nil
}

// zoned is an address of a link with its zone: making one takes time.
type zoned struct {
	addr  Addr
	netip netip.Addr
}

// netip is an address on the link, with a zone if it needs one.
func (l *link) netip(a Addr) netip.Addr {
	if !a.IsLinkLocal() {
		return a.Netip()
	}
	z := &l.zoned[a[15]&3]
	if z.addr != a || !z.netip.IsValid() {
		*z = zoned{a, a.Netip().WithZone(l.Name)}
	}
	return z.netip
}

// zone is the link of a zone's name, or of its number; nil for none.
func (y *Layer) zone(name string) *link {
	for _, l := range y.links {
		if l.Name == name || isNumber(name, l.Index) {
			return l
		}
	}
	return nil
}

func isNumber(s string, n int) bool {
	v := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' || v > 1<<20 {
			return false
		}
		v = 10*v + int(c-'0')
	}
	return s != "" && v == n
}
