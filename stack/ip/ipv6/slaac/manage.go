package slaac

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip/ipv6"
)

// Add gives an interface an address by hand. It is in use at once, or when nobody else turns out to have it. One that is
// link-local takes an interface into use again that was given up (RFC 4862, 4). It is false when there is no room.
func (c *Configurator) Add(i *iface.Iface, p netip.Prefix, detect bool) bool {
	l := c.conf(i)
	if l == nil {
		return false
	}
	addr := Addr(p.Addr().As16())
	if old := l.find(addr); old != nil {
		l.remove(old, Removed)
	} else if len(l.addresses) >= c.c.Addresses {
		return false
	}
	a := &address{addr: addr, bits: p.Bits(), kind: byHand, prefix: p.Masked(), preferred: forever, valid: forever}
	if !detect {
		a.left = -1
	}
	if l.disabled && addr.IsLinkLocal() {
		l.enable()
		for _, old := range l.addresses {
			old.begin()
		}
	}
	l.add(a, false)
	return true
}

// SetLifetimes sets how long an address is preferred and valid from now on; forever for a negative time. It is false when
// there is none.
func (c *Configurator) SetLifetimes(i *iface.Iface, addr Addr, preferred, valid time.Duration) bool {
	l := c.conf(i)
	if l == nil {
		return false
	}
	a := l.find(addr)
	if a == nil {
		return false
	}
	end := func(d time.Duration) time.Duration {
		if d < 0 {
			return forever
		}
		return c.loop.Now() + d
	}
	a.preferred, a.valid = end(preferred), end(valid)
	l.age()
	return true
}

// SetHome says that an address of a mobile node is its home address, or no more (RFC 6275): as a source it is preferred to
// others (RFC 6724, 5, rule 4). It is false when there is none.
func (c *Configurator) SetHome(i *iface.Iface, addr Addr, on bool) bool {
	l := c.conf(i)
	if l == nil {
		return false
	}
	a := l.find(addr)
	if a == nil {
		return false
	}
	a.home = on
	l.place(a, c.ipv6.FlagsOf(i, addr)&ipv6.Unjoined|a.flags())
	return true
}

// Remove takes an address away and tells whether it was there.
func (c *Configurator) Remove(i *iface.Iface, addr Addr) bool {
	l := c.conf(i)
	if l == nil {
		return false
	}
	a := l.find(addr)
	if a == nil {
		return false
	}
	l.remove(a, Removed)
	return true
}

// Info is what management may ask of an address.
type Info struct {
	Prefix           netip.Prefix
	Tentative        bool
	Deprecated       bool
	Temporary        bool
	Autonomous       bool
	Preferred, Valid time.Duration // until when, on the loop's clock; the largest value: for ever
}

// Addresses lists those of an interface, in the order in which they came.
func (c *Configurator) Addresses(i *iface.Iface) (all []Info) {
	l := c.conf(i)
	if l == nil {
		return nil
	}
	for _, a := range l.addresses {
		all = append(all, Info{
			Prefix: a.netip(), Tentative: a.tentative, Deprecated: a.deprecated,
			Temporary: a.kind == temporary, Autonomous: a.kind == autonomous || a.kind == temporary,
			Preferred: a.preferred, Valid: a.valid,
		})
	}
	return all
}
