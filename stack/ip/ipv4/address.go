package ipv4

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// local is an address of this host.
type local struct {
	in        *iface.Iface
	addr      ipv4.Addr
	mask      uint32
	broadcast ipv4.Addr // of the subnet; zero when the prefix is longer than 30 bits (RFC 3021)
	network   ipv4.Addr // the old form of broadcast, with zeros (RFC 1122, 3.3.6)
	tentative bool
}

func (l *local) contains(a ipv4.Addr) bool { return (a.Uint32()^l.addr.Uint32())&l.mask == 0 }

// A kind is what a destination is to this host.
type kind uint8

const (
	other     kind = iota // a host elsewhere
	own                   // this host
	group                 // a multicast group
	broadcast             // all hosts of a subnet
)

// refresh reads the addresses of all interfaces, after a change.
func (y *Layer) refresh() {
	y.locals = y.locals[:0]
	for _, i := range y.ifaces {
		for _, a := range i.Addresses() {
			addr, ok := ipv4.AddrFrom(a.Addr())
			if !ok {
				continue
			}
			l := local{in: i, addr: addr, tentative: a.Tentative}
			if bits := a.Prefix.Bits(); bits > 0 {
				l.mask = ^uint32(0) << (32 - bits)
				if bits < 31 && !i.Loopback {
					l.broadcast = ipv4.AddrFromUint32(addr.Uint32() | ^l.mask)
					l.network = ipv4.AddrFromUint32(addr.Uint32() & l.mask)
				}
			}
			y.locals = append(y.locals, l)
		}
	}
}

// classify tells what a destination is (RFC 1122, 3.2.1.3 and 3.3.6). All forms of broadcast are recognised: limited,
// with ones or zeros, and to a subnet with ones or zeros. Since classes of networks are gone, so are broadcasts to a
// network or to all its subnets, other than where these are the subnet's.
func (y *Layer) classify(a ipv4.Addr) kind {
	for i := range y.locals {
		if l := &y.locals[i]; l.addr == a && !l.tentative {
			return own
		}
	}
	switch {
	case a.IsMulticast():
		return group
	case a.IsLimitedBroadcast(), a.IsUnspecified():
		return broadcast
	case a.IsLoopback():
		return own
	}
	for i := range y.locals {
		if l := &y.locals[i]; a == l.broadcast || a == l.network {
			return broadcast
		}
	}
	return other
}

// isOwn tells whether an address is one of this host's, in use.
func (y *Layer) isOwn(a ipv4.Addr) bool {
	for i := range y.locals {
		if l := &y.locals[i]; l.addr == a {
			return !l.tentative
		}
	}
	return false
}

// Holds implements ip.Network.
func (y *Layer) Holds(a netip.Addr) bool { return a.Is4() && y.isOwn(a.As4()) }

// isBroadcast tells whether an address is a broadcast address on a link of this host.
func (y *Layer) isBroadcast(a ipv4.Addr) bool {
	return y.classify(a) == broadcast && !a.IsUnspecified()
}

// IsBroadcast implements ip.Network.
func (y *Layer) IsBroadcast(a netip.Addr) bool { return a.Is4() && y.isBroadcast(a.As4()) }

// singleHost tells whether an address can name one host elsewhere, so that an error can be sent there (RFC 1122, 3.2.2).
func (y *Layer) singleHost(a ipv4.Addr) bool {
	return a[0] != 0 && !a.IsLoopback() && !a.IsMulticast() && !a.IsClassE() && !y.isBroadcast(a)
}

// onLink tells whether an address is of a subnet of this host.
func (y *Layer) onLink(a ipv4.Addr) bool { return y.subnet(a, nil) != nil }

// subnet finds the address of this host whose subnet holds a, the longest prefix first, on one interface if out is not nil.
func (y *Layer) subnet(a ipv4.Addr, out *iface.Iface) (best *local) {
	for i := range y.locals {
		l := &y.locals[i]
		if l.tentative || out != nil && l.in != out || !l.contains(a) || !l.in.Up() {
			continue
		}
		if best == nil || l.mask > best.mask {
			best = l
		}
	}
	return best
}

// primary is the first address of an interface; ok is false when it has none.
func (y *Layer) primary(i *iface.Iface) (ipv4.Addr, bool) {
	for k := range y.locals {
		if l := &y.locals[k]; l.in == i && !l.tentative {
			return l.addr, true
		}
	}
	return ipv4.Addr{}, false
}

// timeOfDay is milliseconds since midnight UT (RFC 791, 3.1; RFC 792).
func (y *Layer) timeOfDay() uint32 {
	const day = 24 * time.Hour
	return uint32((y.config.TimeOfDay + y.loop.Now()) % day / time.Millisecond)
}
