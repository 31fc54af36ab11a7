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
}

func (l *Link) findRouter(a Addr) int {
	for k := range l.routers {
		if l.routers[k].addr == a {
			return k
		}
	}
	return -1
}

// Router implements ipv6.Neighbours (RFC 4861, 6.3.6; RFC 4191, 3.2): of the routers that are reachable or probably so, one
// of the highest preference; else each in its turn, so that all are tried.
func (n *ND) Router(out *iface.Iface) (a Addr, on *iface.Iface, ok bool) {
	best := -2
	for _, l := range n.links {
		if out != nil && l.Iface != out || !l.Up() {
			continue
		}
		for k := range l.routers {
			r := &l.routers[k]
			switch s, _ := l.cache.State(r.addr.Netip()); s {
			case neigh.None, neigh.Incomplete, neigh.Unreachable:
			default:
				if r.preference > best {
					a, on, ok, best = r.addr, l.Iface, true, r.preference
				}
			}
		}
	}
	if ok {
		return a, on, ok
	}
	for _, l := range n.links {
		if k := len(l.routers); k > 0 && (out == nil || l.Iface == out) && l.Up() {
			return l.routers[l.turn%k].addr, l.Iface, true
		}
	}
	return Addr{}, nil, false
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
	l.defaultRouter(m.Src, ra)
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
		case icmpv6.RDNSS:
			l.serversAdvertised(o)
		case icmpv6.DNSSL:
			l.domainsAdvertised(o)
		}
	}
	l.arm()
}

// defaultRouter takes in that a router is one for so many seconds, or no longer.
func (l *Link) defaultRouter(a Addr, ra icmpv6.RouterAdvertisement) {
	k := l.findRouter(a)
	if ra.Lifetime == 0 {
		if k >= 0 {
			l.removeRouter(k)
			l.nd.ipv6.ForgetHop(l.Iface, a)
		}
		return
	}
	l.stopSoliciting()
	r := router{addr: a, until: l.nd.loop.Now() + time.Duration(ra.Lifetime)*time.Second}
	switch ra.Preference {
	case icmpv6.High:
		r.preference = 1
	case icmpv6.Low:
		r.preference = -1
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
	l.servers.expire(now, l.serverGone)
	l.domains.expire(now, func(string) {})
	l.arm()
}
