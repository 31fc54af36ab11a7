package nd

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/neigh"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
)

// probeInterval is how often a router is asked that is passed over because it does not answer (RFC 4191, 3.5).
const probeInterval = time.Minute

// A way is a route to a prefix that is not all there is, which a router advertises (RFC 4191, 2.3). A host that takes them
// is of type C, one that is configured to keep none of type B.
type way struct {
	net netip.Prefix
	router
}

// wayAdvertised takes in a route information option (RFC 4191, 3.1). One for all destinations is the header's concern:
// defaultAdvertised.
func (l *Link) wayAdvertised(by Addr, o icmpv6.Option) {
	r, ok := o.Route()
	if !ok || r.Bits == 0 || r.Preference == icmpv6.Reserved || r.Prefix.IsLinkLocal() || r.Prefix.IsMulticast() {
		return
	}
	net := netip.PrefixFrom(r.Prefix.Netip(), int(r.Bits)).Masked() // what is behind the prefix does not count
	w := way{net, router{addr: by, preference: preferenceOf(r.Preference), until: l.nd.after(r.Lifetime)}}
	k := slices.IndexFunc(l.ways, func(x way) bool { return x.net == net && x.addr == by })
	switch {
	case k >= 0 && r.Lifetime == 0:
		l.removeWay(k)
	case k >= 0 && l.ways[k].preference == w.preference:
		l.ways[k].until, l.ways[k].dead = w.until, false
	case r.Lifetime == 0:
	case k >= 0:
		l.ways = slices.Delete(l.ways, k, k+1)
		l.addWay(w)
	case len(l.ways) < l.nd.c.Routes:
		l.addWay(w)
		event.Raise(l.nd.Events, event.Event{Code: event.IPv6RouteAdd, Iface: l.Index, Prefix: net, Addr: by.Netip()})
	}
}

// addWay adds a way behind those that are better or as good. Destinations that it concerns are thought about anew (3.3).
func (l *Link) addWay(w way) {
	at := slices.IndexFunc(l.ways, func(x way) bool {
		return x.net.Bits() < w.net.Bits() || x.net.Bits() == w.net.Bits() && x.preference < w.preference
	})
	if at < 0 {
		at = len(l.ways)
	}
	l.ways = slices.Insert(l.ways, at, w)
	l.nd.ipv6.ForgetHops(w.net)
}

func (l *Link) removeWay(k int) {
	w := l.ways[k]
	l.ways = slices.Delete(l.ways, k, k+1)
	l.nd.ipv6.ForgetHops(w.net)
	event.Raise(l.nd.Events, event.Event{Code: event.IPv6RouteDel, Iface: l.Index, Prefix: w.net, Addr: w.addr.Netip()})
}

// removeWays forgets all ways by a router that is none any more (RFC 4861, 7.2.5).
func (l *Link) removeWays(by Addr) {
	for k := len(l.ways) - 1; k >= 0; k-- {
		if l.ways[k].addr == by {
			l.removeWay(k)
		}
	}
}

// A Way is a route that a router advertises.
type Way struct {
	Prefix netip.Prefix
	Router netip.Addr
}

// Ways are the routes that routers of the link advertise, longest prefixes first.
func (l *Link) Ways() (all []Way) {
	for _, w := range l.ways {
		all = append(all, Way{w.net, w.addr.Netip()})
	}
	return all
}

// preferenceOf is a preference as a number that grows with it. The reserved value is as good as the medium one (RFC 4191,
// 2.2).
func preferenceOf(p icmpv6.Preference) int {
	switch p {
	case icmpv6.High:
		return 1
	case icmpv6.Low:
		return -1
	}
	return 0
}

// A choice is a router that may be the next hop.
type choice struct {
	l    *Link
	r    *router // nil: there is none
	bits int     // of the prefix; 0 for a default router
}

// better tells whether a choice is one that comes before another: its prefix is longer, or as long and the preference higher
// (RFC 4191, 3.2).
func (c choice) better(than choice) bool {
	if c.r == nil || than.r == nil {
		return than.r == nil && c.r != nil
	}
	return c.bits > than.bits || c.bits == than.bits && c.r.preference > than.r.preference
}

// usable tells whether the router of a way may be sent to: it answers, or nothing is known of it (RFC 4191, 3.2).
func (l *Link) usable(r *router) bool {
	switch s, _ := l.cache.State(r.addr.Netip()); s {
	case neigh.None, neigh.Incomplete:
		return !r.dead
	case neigh.Unreachable:
		return false
	}
	return true
}

// wayTo finds the best way to a destination, and the best one of those whose routers do not answer.
func (n *ND) wayTo(dst Addr, out *iface.Iface) (best, spare choice) {
	var to netip.Addr // made when there is a need
	for _, l := range n.links {
		if len(l.ways) == 0 || out != nil && l.Iface != out || !l.Up() {
			continue
		}
		if !to.IsValid() {
			to = dst.Netip()
		}
		for k := range l.ways {
			w := &l.ways[k]
			if !w.net.Contains(to) {
				continue
			}
			c := choice{l, &w.router, w.net.Bits()}
			switch {
			case !l.usable(c.r):
				if c.better(spare) {
					spare = c
				}
			case c.better(best):
				best = c
			}
		}
	}
	return best, spare
}

// probeBetter asks those routers whether they are back that would be taken for a destination if they were (RFC 4191, 3.5).
func (n *ND) probeBetter(dst Addr, out *iface.Iface, taken choice) {
	to := dst.Netip()
	for _, l := range n.links {
		if out != nil && l.Iface != out || !l.Up() || l.registry != nil { // RFC 6775, 5.1: nobody is asked for there
			continue
		}
		for k := range l.ways {
			if w := &l.ways[k]; w.net.Contains(to) && (choice{l, &w.router, w.net.Bits()}).better(taken) && !l.usable(&w.router) {
				l.probe(w.addr)
			}
		}
		for k := range l.routers {
			if r := &l.routers[k]; (choice{l, r, 0}).better(taken) && !l.answers(r) {
				l.probe(r.addr)
			}
		}
	}
}

// probe asks a router once, and then for a minute not again.
func (l *Link) probe(a Addr) {
	now := l.nd.loop.Now()
	if now < l.lastProbe(a)+probeInterval {
		return
	}
	for k := range l.ways {
		if l.ways[k].addr == a {
			l.ways[k].probed = now
		}
	}
	if k := l.findRouter(a); k >= 0 {
		l.routers[k].probed = now
	}
	l.cache.Probe(a.Netip())
}

func (l *Link) lastProbe(a Addr) time.Duration {
	last := -probeInterval
	for k := range l.ways {
		if w := &l.ways[k]; w.addr == a && w.probed > 0 {
			last = max(last, w.probed)
		}
	}
	if k := l.findRouter(a); k >= 0 && l.routers[k].probed > 0 {
		last = max(last, l.routers[k].probed)
	}
	return last
}
