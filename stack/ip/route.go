package ip

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/iface"
)

// A Route says where datagrams to a prefix go.
type Route struct {
	Prefix  netip.Prefix
	Gateway netip.Addr // the zero Addr: the prefix is on the link
	Out     *iface.Iface
}

// A Table holds the routes of one family. Of those that hold a destination the longest prefix counts; of equals, the one
// added first whose gateway is not known to be dead (RFC 1122, 3.3.1.5).
type Table struct {
	routes []entry
}

type entry struct {
	Route
	dead time.Duration // until then the gateway is passed over
}

// Add adds a route behind those of the same prefix; one that is there already stays where it is.
func (t *Table) Add(r Route) {
	r.Prefix = r.Prefix.Masked()
	for _, e := range t.routes {
		if e.Route == r {
			return
		}
	}
	at := slices.IndexFunc(t.routes, func(e entry) bool { return e.Prefix.Bits() < r.Prefix.Bits() })
	if at < 0 {
		at = len(t.routes)
	}
	t.routes = slices.Insert(t.routes, at, entry{Route: r})
}

// Remove removes a route and tells whether it was there.
func (t *Table) Remove(r Route) bool {
	r.Prefix = r.Prefix.Masked()
	n := len(t.routes)
	t.routes = slices.DeleteFunc(t.routes, func(e entry) bool { return e.Route == r })
	return len(t.routes) < n
}

// Routes lists all routes, longest prefixes first.
func (t *Table) Routes() []Route {
	all := make([]Route, len(t.routes))
	for i, e := range t.routes {
		all[i] = e.Route
	}
	return all
}

// Lookup finds the route to a destination; out, if not nil, is the only interface that may be used. When all gateways
// for a prefix are dead, the first is tried again.
func (t *Table) Lookup(dst netip.Addr, out *iface.Iface, now time.Duration) (Route, bool) {
	found := -1
	for i := range t.routes {
		e := &t.routes[i]
		if found >= 0 && e.Prefix.Bits() < t.routes[found].Prefix.Bits() {
			break
		}
		if !e.Prefix.Contains(dst) || out != nil && e.Out != out || !e.Out.Up() {
			continue
		}
		if now >= e.dead {
			return e.Route, true
		}
		if found < 0 {
			found = i
		}
	}
	if found < 0 {
		return Route{}, false
	}
	return t.routes[found].Route, true
}

// Dead says that a gateway did not answer; it is passed over until an instant. It tells whether the gateway was not
// passed over before.
func (t *Table) Dead(gateway netip.Addr, until, now time.Duration) (news bool) {
	for i := range t.routes {
		if e := &t.routes[i]; e.Gateway == gateway && gateway.IsValid() {
			news = news || e.dead <= now
			e.dead = until
		}
	}
	return news
}
