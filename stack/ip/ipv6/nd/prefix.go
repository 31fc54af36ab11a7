package nd

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
)

// prefix is one that is on the link because a router says so; nothing else makes it so (RFC 5942, 3).
type prefix struct {
	net   netip.Prefix
	until time.Duration
	ours  bool // the route is; otherwise it was there before
}

// prefixAdvertised takes in a prefix (RFC 4861, 6.3.4; RFC 4862, 5.5.3).
func (l *Link) prefixAdvertised(by Addr, p icmpv6.Prefix) {
	n := l.nd
	if p.Prefix.IsLinkLocal() || p.Prefix.IsMulticast() || p.Prefix.IsUnspecified() && p.Bits != 0 {
		return
	}
	if p.Autonomous {
		l.assigns(by, netip.PrefixFrom(p.Prefix.Netip(), int(p.Bits)).Masked(), p.Valid != 0)
	}
	if p.OnLink {
		if l.registry != nil { // RFC 6775, 5.4
			return
		}
		l.onLink(netip.PrefixFrom(p.Prefix.Netip(), int(p.Bits)).Masked(), p.Valid)
	}
	if p.Autonomous && n.c.Autoconf.On() && n.Addresses != nil {
		n.Addresses.Prefix(l.Iface, p)
	}
}

// onLink takes in that a prefix is on the link for so many seconds, or no longer.
func (l *Link) onLink(net netip.Prefix, valid uint32) {
	n := l.nd
	k := slices.IndexFunc(l.prefixes, func(p prefix) bool { return p.net == net })
	switch {
	case k >= 0 && valid == 0:
		l.removePrefix(k)
	case k >= 0:
		l.prefixes[k].until = n.after(valid)
	case valid != 0 && len(l.prefixes) < n.c.Prefixes:
		route := l.route(net)
		p := prefix{net, n.after(valid), !slices.Contains(n.ipv6.Routes.Routes(), route)}
		n.ipv6.Routes.Add(route)
		l.prefixes = append(l.prefixes, p)
		event.Raise(n.Events, event.Event{Code: event.IPv6PrefixAdd, Iface: l.Index, Prefix: net, Lifetime: n.lasts(p.until)})
	}
}

func (l *Link) route(net netip.Prefix) ip.Route { return ip.Route{Prefix: net, Out: l.Iface} }

func (l *Link) removePrefix(k int) {
	p := l.prefixes[k]
	l.prefixes = append(l.prefixes[:k], l.prefixes[k+1:]...)
	if p.ours {
		l.nd.ipv6.Routes.Remove(l.route(p.net))
	}
	event.Raise(l.nd.Events, event.Event{Code: event.IPv6PrefixDel, Iface: l.Index, Prefix: p.net})
}

// Prefixes are those that routers say are on the link.
func (l *Link) Prefixes() (all []netip.Prefix) {
	for _, p := range l.prefixes {
		all = append(all, p.net)
	}
	return all
}

// assignment is a prefix of addresses and a router that advertises it. It is for the choice of sources only (RFC 6724, 5,
// rule 5.5): a list that is too short, or out of date, leaves the choice to the next rule.
type assignment struct {
	net netip.Prefix
	by  Addr
}

// assigns takes in that a router advertises a prefix, or does so no more. That it is no default router any more does not matter.
func (l *Link) assigns(by Addr, net netip.Prefix, on bool) {
	defer l.nd.ipv6.Reconsider()
	x := assignment{net, by}
	if !on {
		l.assigned = slices.DeleteFunc(l.assigned, func(a assignment) bool { return a == x })
		return
	}
	if slices.Contains(l.assigned, x) {
		return
	}
	if len(l.assigned) >= l.nd.c.Prefixes {
		l.assigned = slices.Delete(l.assigned, 0, 1)
	}
	l.assigned = append(l.assigned, x)
}

// Assigned implements ipv6.Neighbours.
func (n *ND) Assigned(on *iface.Iface, a, by Addr) (assigned, yes bool) {
	l := n.Link(on)
	if l == nil {
		return false, false
	}
	addr := a.Netip()
	for _, x := range l.assigned {
		if x.net.Contains(addr) {
			assigned, yes = true, yes || x.by == by
		}
	}
	return assigned, yes
}
