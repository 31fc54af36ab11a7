package ipv6

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// destinations are those of which something is known beyond what the routes say: the destination cache of RFC 4861, 5.1,
// without what it would repeat. The number is bounded; a new one makes the one give way that was changed longest ago.
type destinations struct {
	loop  *clock.Loop
	max   int
	age   time.Duration
	known map[Addr]*destination
	made  uint64
}

// A destination has one of both, or both.
type destination struct {
	mtu      int           // of the path; 0: that of the link
	mtuUntil time.Duration // when a larger one is tried again (RFC 8201, 4)
	hop      Addr          // to which a router redirected, on:
	out      *iface.Iface  // nil: nobody did
	made     uint64
}

func (d *destinations) init(y *Layer) {
	d.loop, d.max, d.age, d.known = y.loop, y.c.Destinations, y.config.PathMTUAge, map[Addr]*destination{}
}

// of is what is known of a destination; nil for nothing.
func (d *destinations) of(dst Addr) *destination {
	if len(d.known) == 0 {
		return nil
	}
	return d.known[dst]
}

// mtu is that of the path to a destination, whose first hop has the MTU given.
func (d *destinations) mtu(dst Addr, first int) int {
	x := d.of(dst)
	if x == nil || x.mtu == 0 {
		return first
	}
	if d.loop.Now() >= x.mtuUntil {
		x.mtu = 0
		d.tidy(dst, x)
		return first
	}
	return min(first, x.mtu)
}

// lower takes in that the path to a destination has a lower MTU.
func (d *destinations) lower(dst Addr, mtu int) {
	x := d.make(dst)
	x.mtu, x.mtuUntil = max(mtu, ipv6.MinMTU), 1<<63-1
	if d.age > 0 {
		x.mtuUntil = d.loop.Now() + d.age
	}
}

// redirect takes in that a destination is reached by a hop.
func (d *destinations) redirect(dst, hop Addr, out *iface.Iface) {
	x := d.make(dst)
	x.hop, x.out = hop, out
}

// forgetHop forgets by which hop a destination was to be reached.
func (d *destinations) forgetHop(dst Addr) {
	if x := d.of(dst); x != nil && x.out != nil {
		x.out = nil
		d.tidy(dst, x)
	}
}

// forgetHops forgets a hop that is no longer one, for all destinations.
func (d *destinations) forgetHops(out *iface.Iface, hop Addr) {
	for dst, x := range d.known { // in any order: each is decided by itself
		if x.out == out && x.hop == hop {
			x.out = nil
			d.tidy(dst, x)
		}
	}
}

// forgetWithin forgets by which hops the destinations in a prefix were to be reached.
func (d *destinations) forgetWithin(p netip.Prefix) {
	for dst, x := range d.known { // in any order: each is decided by itself
		if x.out != nil && p.Contains(dst.Netip()) {
			x.out = nil
			d.tidy(dst, x)
		}
	}
}

// detach forgets what was to be reached by an interface.
func (d *destinations) detach(out *iface.Iface) {
	for dst, x := range d.known {
		if x.out == out {
			x.out = nil
			d.tidy(dst, x)
		}
	}
}

// tidy drops what says nothing any more.
func (d *destinations) tidy(dst Addr, x *destination) {
	if x.mtu == 0 && x.out == nil {
		delete(d.known, dst)
	}
}

func (d *destinations) make(dst Addr) *destination {
	x := d.known[dst]
	if x == nil {
		if len(d.known) >= d.max {
			d.evict()
		}
		x = new(destination)
		d.known[dst] = x
	}
	d.made++
	x.made = d.made
	return x
}

func (d *destinations) evict() {
	var oldest Addr
	least := uint64(1<<64 - 1)
	for dst, x := range d.known { // in any order: no two were changed at once
		if x.made < least {
			oldest, least = dst, x.made
		}
	}
	delete(d.known, oldest)
}

// Redirected takes in that a destination is reached by a hop on an interface (RFC 4861, 8.3); hop may be the destination.
func (y *Layer) Redirected(dst, hop Addr, out *iface.Iface) { y.dests.redirect(dst, hop, out) }

// ForgetHop forgets all redirects to a hop (RFC 4861, 7.2.5).
func (y *Layer) ForgetHop(out *iface.Iface, hop Addr) { y.dests.forgetHops(out, hop) }

// ForgetHops forgets all redirects of destinations in a prefix: routes to it have changed (RFC 4191, 3.3).
func (y *Layer) ForgetHops(p netip.Prefix) { y.dests.forgetWithin(p) }

// Destinations is how many destinations something is known of.
func (y *Layer) Destinations() int { return len(y.dests.known) }
