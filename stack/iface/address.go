package iface

import (
	"net/netip"
	"slices"
)

// An Address is one of an interface's, with the length of its subnet's prefix.
type Address struct {
	Prefix    netip.Prefix // the address itself, and the length
	Tentative bool         // not in use yet: somebody else may have it (RFC 5227, RFC 4862)
}

// Addr is the address without the prefix length.
func (a Address) Addr() netip.Addr { return a.Prefix.Addr() }

// Addresses are all addresses in the order in which they were added. The slice is not the caller's to write.
func (i *Iface) Addresses() []Address { return i.addresses }

// AddAddress adds an address, or changes the one that is there. Both families of address live here.
func (i *Iface) AddAddress(p netip.Prefix, tentative bool) {
	a := Address{p, tentative}
	if k := i.index(p.Addr()); k >= 0 {
		if i.addresses[k] == a {
			return
		}
		i.addresses[k] = a
	} else {
		i.addresses = append(i.addresses, a)
	}
	i.changed()
}

// RemoveAddress removes an address and tells whether it was there.
func (i *Iface) RemoveAddress(addr netip.Addr) bool {
	k := i.index(addr)
	if k < 0 {
		return false
	}
	i.addresses = slices.Delete(i.addresses, k, k+1)
	i.changed()
	return true
}

// Holds tells whether an address is in use on this interface; a tentative one is not.
func (i *Iface) Holds(addr netip.Addr) bool {
	k := i.index(addr)
	return k >= 0 && !i.addresses[k].Tentative
}

// Watch has f called whenever an address is added, changed or removed, and when the interface goes up or down.
func (i *Iface) Watch(f func()) { i.watchers = append(i.watchers, f) }

func (i *Iface) index(addr netip.Addr) int {
	for k := range i.addresses {
		if i.addresses[k].Prefix.Addr() == addr {
			return k
		}
	}
	return -1
}

func (i *Iface) changed() {
	for _, f := range i.watchers {
		f()
	}
}
