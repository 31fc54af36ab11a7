package neigh

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/wire/link"
)

// A Role is what a neighbour does with datagrams that are not for it.
type Role uint8

const (
	RoleUntold Role = iota // the message does not say; a neighbour of which none did is taken for a host
	RoleHost
	RoleRouter
)

// A Report is what a message tells of a neighbour, by the words of RFC 4861, 4.4.
type Report struct {
	Addr      link.Addr // where it is on the link; the zero Addr: the message does not say
	Create    bool      // an entry is made if there is none
	Solicited bool      // the message answers one of ours, and so shows that the neighbour is reachable
	Override  bool      // Addr takes the place of another one; without it another one casts doubt, no more
	Role      Role
}

// Heard takes in a message of a neighbour (RFC 4861, 7.2.3 and 7.2.5) and tells whether there is an entry now. What has
// waited is sent as soon as the link address is known. A Static entry stays as it is.
func (c *Cache) Heard(addr netip.Addr, r Report) bool {
	e := c.find(addr)
	switch {
	case e == nil && (!r.Create || r.Addr.IsZero()):
		return false
	case e == nil:
		e = c.create(addr)
	case e.state == Static:
		return true
	}
	if e.pinned && !r.Addr.IsZero() && r.Addr != e.link { // only a registration moves it
		return true
	}
	differs := !r.Addr.IsZero() && r.Addr != e.link
	switch {
	case e.link.IsZero() && r.Addr.IsZero(): // asked for, and not answered by this
		return true
	case !e.link.IsZero() && differs && !r.Override: // 7.2.5, I
		if c.settle(e) == Reachable {
			c.become(e, Stale)
		}
		return true
	}
	if differs {
		c.learn(e, r.Addr)
	}
	if r.Role != RoleUntold {
		e.router = r.Role == RoleRouter
	}
	switch {
	case r.Solicited:
		c.become(e, Reachable)
	case differs:
		c.become(e, Stale)
	}
	c.flush(e)
	return true
}

// IsRouter tells whether a neighbour has said that it is a router.
func (c *Cache) IsRouter(addr netip.Addr) bool {
	e := c.entries[addr]
	return e != nil && e.router
}
