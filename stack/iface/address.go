package iface

import (
	"net/netip"
	"slices"
)

// An AddressState says how an address may be used (RFC 4862, 2).
type AddressState uint8

const (
	Preferred  AddressState = iota // for anything
	Tentative                      // not at all: somebody else may have it
	Deprecated                     // by what uses it already; new conversations take another one if they can
)

func (s AddressState) String() string {
	switch s {
	case Preferred:
		return "preferred"
	case Tentative:
		return "tentative"
	case Deprecated:
		return "deprecated"
	}
	return "unknown"
}

// An AddressType says where an address is from.
type AddressType uint8

const (
	Manual      AddressType = iota // somebody gave it
	Autoconf                       // the node made it (RFC 4862, RFC 3927)
	DHCP                           // a server leased it
	Overridable                    // somebody gave it, until there is another
)

func (t AddressType) String() string {
	switch t {
	case Manual:
		return "manual"
	case Autoconf:
		return "autoconf"
	case DHCP:
		return "dhcp"
	case Overridable:
		return "overridable"
	}
	return "unknown"
}

// An Address is one of an interface's, with the length of its subnet's prefix. Lifetimes are kept by whoever manages it.
type Address struct {
	Prefix     netip.Prefix // the address itself, and the length
	Tentative  bool         // not in use yet: somebody else may have it (RFC 5227, RFC 4862)
	Deprecated bool         // in use, but not to be chosen as a source when there is another (RFC 4862, 5.5.4)
	Type       AddressType
}

// Addr is the address without the prefix length.
func (a Address) Addr() netip.Addr { return a.Prefix.Addr() }

// State is the state of the address. One that is tentative is not deprecated yet, whatever its lifetime.
func (a Address) State() AddressState {
	switch {
	case a.Tentative:
		return Tentative
	case a.Deprecated:
		return Deprecated
	}
	return Preferred
}

// An AddressChange is what became of an address of an interface.
type AddressChange uint8

const (
	AddressAdded AddressChange = iota
	AddressChanged
	AddressRemoved
)

// Addresses are all addresses in the order in which they were added. The slice is not the caller's to write.
func (i *Iface) Addresses() []Address { return i.addresses }

// AddAddress adds an address that somebody gave, or changes the one that is there. Both families of address live here.
func (i *Iface) AddAddress(p netip.Prefix, tentative bool) {
	a := Address{Prefix: p, Tentative: tentative}
	if k := i.index(p.Addr()); k >= 0 {
		a.Type, a.Deprecated = i.addresses[k].Type, i.addresses[k].Deprecated
	}
	i.SetAddress(a)
}

// SetAddress adds an address, or changes the one that is there. One that is overridable goes when another of its family
// comes that is not.
func (i *Iface) SetAddress(a Address) {
	if k := i.index(a.Addr()); k >= 0 {
		if i.addresses[k] != a {
			i.addresses[k] = a
			i.tell(AddressChanged, a)
		}
		return
	}
	if a.Type != Overridable && !a.Addr().IsLinkLocalUnicast() {
		for k := len(i.addresses) - 1; k >= 0; k-- {
			if o := i.addresses[k]; o.Type == Overridable && o.Addr().Is4() == a.Addr().Is4() {
				i.RemoveAddress(o.Addr())
			}
		}
	}
	i.addresses = append(i.addresses, a)
	i.tell(AddressAdded, a)
}

// RemoveAddress removes an address and tells whether it was there.
func (i *Iface) RemoveAddress(addr netip.Addr) bool {
	k := i.index(addr)
	if k < 0 {
		return false
	}
	a := i.addresses[k]
	i.addresses = slices.Delete(i.addresses, k, k+1)
	i.tell(AddressRemoved, a)
	return true
}

// Address gives an address of this interface, whatever its state.
func (i *Iface) Address(addr netip.Addr) (a Address, ok bool) {
	if k := i.index(addr); k >= 0 {
		return i.addresses[k], true
	}
	return Address{}, false
}

// Holds tells whether an address is in use on this interface; a tentative one is not.
func (i *Iface) Holds(addr netip.Addr) bool {
	k := i.index(addr)
	return k >= 0 && !i.addresses[k].Tentative
}

// Watch has f called whenever an address is added, changed or removed, and when the interface goes up or down.
func (i *Iface) Watch(f func()) { i.watchers = append(i.watchers, f) }

// WatchAddresses has f called with each change of an address, before those who only Watch.
func (i *Iface) WatchAddresses(f func(AddressChange, Address)) {
	i.addressWatchers = append(i.addressWatchers, f)
}

func (i *Iface) tell(c AddressChange, a Address) {
	for _, f := range i.addressWatchers {
		f(c, a)
	}
	i.changed()
}

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
