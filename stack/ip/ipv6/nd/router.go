package nd

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/neigh"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	wire6 "github.com/conform-stack/conform/stack/wire/ipv6"
)

const forever = time.Duration(1<<63 - 1)

// router is a default router (RFC 4861, 5.1).
type router struct {
	addr       Addr
	preference int // RFC 4191: 1 high, 0 medium, -1 low
	until      time.Duration
	probed     time.Duration // when it was last asked whether it is back (RFC 4191, 3.5); 0: never
	dead       bool          // it did not answer when it was sought, and has not been heard since
}

func (l *Link) findRouter(a Addr) int {
	for k := range l.routers {
		if l.routers[k].addr == a {
			return k
		}
	}
	return -1
}

// Router implements ipv6.Neighbours (RFC 4861, 6.3.6; RFC 4191, 3.2): the router of the longest prefix that has the
// destination, of the highest preference among equals, passing over those that do not answer. A default router has to be
// reachable or probably so; when none is, each has its turn, so that all are tried.
func (n *ND) Router(dst Addr, out *iface.Iface) (a Addr, on *iface.Iface, ok bool) {
	best, spare := n.wayTo(dst, out)
	var silent, unknown choice // default routers: the best one that does not answer, and of which nothing is known
	for _, l := range n.links {
		if best.bits > 0 || out != nil && l.Iface != out || !l.Up() {
			continue
		}
		for k := range l.routers {
			c := choice{l, &l.routers[k], 0}
			switch {
			case l.answers(c.r):
				if c.better(best) {
					best = c
				}
				continue
			case l.usable(c.r) && c.better(unknown):
				unknown = c
			}
			if c.better(silent) {
				silent = c
			}
		}
	}
	if best.r == nil && spare.r != nil {
		if best = unknown; best.r == nil {
			best = spare
		}
	}
	if best.r != nil {
		if spare.better(best) || silent.better(best) {
			n.probeBetter(dst, out, best)
		}
		return best.r.addr, best.l.Iface, true
	}
	for _, l := range n.links {
		if k := len(l.routers); k > 0 && (out == nil || l.Iface == out) && l.Up() {
			return l.routers[l.turn%k].addr, l.Iface, true
		}
	}
	return Addr{}, nil, false
}

// answers tells whether a router is reachable or probably so (RFC 4861, 6.3.6).
func (l *Link) answers(r *router) bool {
	switch s, _ := l.cache.State(r.addr.Netip()); s {
	case neigh.None, neigh.Incomplete, neigh.Unreachable:
		return false
	}
	return true
}

// Routers are the default routers of a link, in the order in which they came.
func (l *Link) Routers() (all []netip.Addr) {
	for _, r := range l.routers {
		all = append(all, r.addr.Netip())
	}
	return all
}

// routerAdvertised takes in a router advertisement (RFC 4861, 6.3.4). A router learns nothing from it.
func (l *Link) routerAdvertised(m *message, ra icmpv6.RouterAdvertisement) {
	n := l.nd
	if l.registry == nil && n.c.Forwarding.On() || l.registry != nil && !l.registry.RouterAdvertised(m.heard(l), ra) {
		m.ignored()
		return
	}
	l.Managed, l.Other = ra.Managed, ra.Other
	if ra.HopLimit != 0 {
		n.ipv6.SetHopLimit(l.Iface, ra.HopLimit)
	}
	if ra.Retrans != 0 {
		l.retrans = icmpv6.Milliseconds(ra.Retrans)
		l.cache.SetTimes(0, l.retrans)
	}
	if d := icmpv6.Milliseconds(ra.Reachable); d != 0 && d != l.base {
		l.base = d
		l.drawReachable()
	}
	l.cache.Heard(m.Src.Netip(), neigh.Report{
		Addr: m.options.source, Create: true, Override: true, Role: neigh.RoleRouter,
	})
	l.defaultAdvertised(m, ra)
	if mtu := int(min(m.options.mtu, 1<<16)); mtu >= wire6.MinMTU && mtu <= l.MTU() {
		n.ipv6.SetMTU(l.Iface, mtu)
	}
	for rest := m.options.all; len(rest) > 0; {
		b := rest
		var o icmpv6.Option
		o, rest, _ = icmpv6.ParseOption(b) // they were parsed before
		switch o.Type {
		case icmpv6.PrefixOption:
			if p, _, err := icmpv6.ParsePrefix(b); err == nil && p.Bits <= 128 {
				l.prefixAdvertised(m.Src, p)
			}
		case icmpv6.RouteOption:
			l.wayAdvertised(m.Src, o)
		case icmpv6.RDNSS:
			l.serversAdvertised(o)
		case icmpv6.DNSSL:
			l.domainsAdvertised(o)
		}
	}
	l.arm()
}

// defaultAdvertised takes in for how long a router is a default router, and how good a one: as the header says, unless an
// option has another word on the route to all destinations (RFC 4191, 3.1).
func (l *Link) defaultAdvertised(m *message, ra icmpv6.RouterAdvertisement) {
	seconds, preference := uint32(ra.Lifetime), ra.Preference
	if l.nd.c.Routes > 0 {
		for rest := m.options.all; len(rest) > 0; {
			var o icmpv6.Option
			o, rest, _ = icmpv6.ParseOption(rest) // they were parsed before
			if o.Type != icmpv6.RouteOption {
				continue
			}
			if r, ok := o.Route(); ok && r.Bits == 0 && r.Preference != icmpv6.Reserved {
				seconds, preference = r.Lifetime, r.Preference
			}
		}
	}
	l.defaultRouter(m.Src, seconds, preferenceOf(preference))
}

// defaultRouter takes in that a router is one for so many seconds, or no longer.
func (l *Link) defaultRouter(a Addr, seconds uint32, preference int) {
	k := l.findRouter(a)
	if seconds == 0 {
		if k >= 0 {
			l.removeRouter(k)
			l.nd.ipv6.ForgetHop(l.Iface, a)
		}
		return
	}
	l.stopSoliciting()
	r := router{addr: a, preference: preference, until: l.nd.after(seconds)}
	if k >= 0 {
		r.probed = l.routers[k].probed
	}
	switch {
	case k >= 0:
		l.routers[k] = r
		return
	case len(l.routers) >= l.nd.c.Routers: // those that answer stay; somebody may make up any number of routers
		for k = range l.routers {
			if !l.nd.Usable(l.Iface, l.routers[k].addr) {
				break
			}
		}
		if l.nd.Usable(l.Iface, l.routers[k].addr) {
			return
		}
		l.removeRouter(k)
	}
	l.routers = append(l.routers, r)
	l.nd.tell(l, event.IPv6RouterAdd, a, r.until)
	if l.registry != nil {
		l.registry.RouterChanged(a, true)
	}
}

func (l *Link) removeRouter(k int) {
	a := l.routers[k].addr
	l.routers = append(l.routers[:k], l.routers[k+1:]...)
	l.nd.tell(l, event.IPv6RouterDel, a, 0)
	if l.registry != nil {
		l.registry.RouterChanged(a, false)
	}
}

// after is the instant some seconds from now; never for the lifetime that does not end.
func (n *ND) after(seconds uint32) time.Duration {
	if seconds == icmpv6.Infinity {
		return forever
	}
	return n.loop.Now() + time.Duration(seconds)*time.Second
}

// arm sets the timer for the first thing that ends.
func (l *Link) arm() {
	first := forever
	for k := range l.routers {
		first = min(first, l.routers[k].until)
	}
	for k := range l.prefixes {
		first = min(first, l.prefixes[k].until)
	}
	for k := range l.ways {
		first = min(first, l.ways[k].until)
	}
	first = min(first, l.servers.first(), l.domains.first())
	if first == forever {
		l.expiry.Stop()
		return
	}
	l.expiry.Set(first)
}

// expire removes what has ended (RFC 4861, 6.3.5).
func (l *Link) expire() {
	now := l.nd.loop.Now()
	for k := len(l.routers) - 1; k >= 0; k-- {
		if a := l.routers[k].addr; now >= l.routers[k].until {
			l.removeRouter(k)
			l.nd.ipv6.ForgetHop(l.Iface, a)
		}
	}
	for k := len(l.prefixes) - 1; k >= 0; k-- {
		if now >= l.prefixes[k].until {
			l.removePrefix(k)
		}
	}
	for k := len(l.ways) - 1; k >= 0; k-- {
		if now >= l.ways[k].until {
			l.removeWay(k)
		}
	}
	l.servers.expire(now, l.serverGone)
	l.domains.expire(now, func(string) {})
	l.arm()
}
