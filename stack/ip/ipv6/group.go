package ipv6

import (
	"bytes"
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// A Reporter is told when the host becomes or ceases to be a member of a group on an interface, or wants other sources of
// it: MLD.
type Reporter interface {
	GroupChanged(i *iface.Iface, group netip.Addr)
}

// memberships are the groups that this host is a member of, by interface. Each user, such as a socket, has a filter of its
// own; the interface's follows from all of them (RFC 3810, 4.2).
type memberships struct {
	of       map[member]map[any]ip.Filter
	report   Reporter
	lastWant struct { // the answer to the last question
		member
		wanted bool
	}
	joined []node // whose solicited-node groups are
}

// A node is an address whose solicited-node group is joined. A quiet one is only listened for: packets to it are taken in,
// but the group is not reported yet (RFC 4862, 5.4.2).
type node struct {
	place
	quiet bool
}

type member struct {
	i     *iface.Iface
	group Addr
}

// routers is the node, as a router, as a user of the groups of those.
type routers struct{}

// nodeUser is an address as a user of its solicited-node group.
type nodeUser struct{ a Addr }

func (g *memberships) init() { g.of = map[member]map[any]ip.Filter{} }

// hold joins a group for good, on behalf of nobody.
func (g *memberships) hold(i *iface.Iface, group Addr) {
	g.of[member{i, group}] = map[any]ip.Filter{nil: {Exclude: true}}
	i.Link().Join(group.Netip())
}

// detach forgets the groups of an interface that goes.
func (g *memberships) detach(y *Layer, i *iface.Iface) {
	var left []Addr
	for m := range g.of {
		if m.i == i {
			left = append(left, m.group)
		}
	}
	slices.SortFunc(left, func(a, b Addr) int { return bytes.Compare(a[:], b[:]) })
	for _, group := range left {
		delete(g.of, member{i, group})
		y.tellGroup(event.IPv6MaddrDel, event.IPv6McastLeave, i, group.Netip())
	}
	g.joined = slices.DeleteFunc(g.joined, func(n node) bool { return n.i == i })
	g.lastWant.i = nil
}

// tellGroup raises both events of a group that came or went: that the interface takes its frames, and that the host is a
// member.
func (y *Layer) tellGroup(address, member event.Code, i *iface.Iface, group netip.Addr) {
	event.Raise(y.Events, event.Event{Code: address, Iface: i.Index, Addr: group})
	event.Raise(y.Events, event.Event{Code: member, Iface: i.Index, Addr: group})
}

// joinNode joins the solicited-node group of an address, or begins to listen for it.
func (g *memberships) joinNode(y *Layer, i *iface.Iface, a Addr, quiet bool) {
	at := place{i, a}
	k := slices.IndexFunc(g.joined, func(n node) bool { return n.place == at })
	switch {
	case k < 0:
		g.joined = append(g.joined, node{at, quiet})
	case g.joined[k].quiet == quiet:
		return
	case quiet: // it is another link now
		g.leaveNode(y, i, a)
		g.joined = append(g.joined, node{at, quiet})
	default:
		g.joined[k].quiet = false
	}
	y.setFilter(nodeUser{a}, i, a.SolicitedNode().Netip(), ip.Filter{Exclude: true}, quiet)
}

func (g *memberships) leaveNode(y *Layer, i *iface.Iface, a Addr) {
	at := place{i, a}
	quiet := g.listens(at)
	g.joined = slices.DeleteFunc(g.joined, func(n node) bool { return n.place == at })
	y.setFilter(nodeUser{a}, i, a.SolicitedNode().Netip(), ip.Filter{}, quiet)
}

// listens tells whether an address is only listened for.
func (g *memberships) listens(at place) bool { return slices.Contains(g.joined, node{at, true}) }

// unheard tells whether a group is only listened to.
func (g *memberships) unheard(m member) bool {
	for u := range g.of[m] {
		if n, ok := u.(nodeUser); !ok || !g.listens(place{m.i, n.a}) {
			return false
		}
	}
	return true
}

// nodes are the addresses whose groups are joined on an interface.
func (g *memberships) nodes(i *iface.Iface) (all []Addr) {
	for _, n := range g.joined {
		if n.i == i {
			all = append(all, n.addr)
		}
	}
	return all
}

// wants tells whether anybody here is a member of a group on an interface.
func (g *memberships) wants(i *iface.Iface, group Addr) bool {
	m := member{i, group}
	if g.lastWant.member == m && g.lastWant.i != nil {
		return g.lastWant.wanted
	}
	g.lastWant.member, g.lastWant.wanted = m, len(g.of[m]) > 0
	return g.lastWant.wanted
}

// AllHosts implements ip.Groups.
func (*Layer) AllHosts(g netip.Addr) bool {
	a := Addr(g.WithZone("").As16())
	return a == ipv6.AllNodes || a == ipv6.AllNodesHere
}

// SetFilter implements ip.Groups (RFC 3810, 3: IPv6MulticastListen).
func (y *Layer) SetFilter(user any, i *iface.Iface, a netip.Addr, f ip.Filter) {
	y.setFilter(user, i, a, f, false)
}

// setFilter is SetFilter, about which MLD may not be told.
func (y *Layer) setFilter(user any, i *iface.Iface, a netip.Addr, f ip.Filter, quiet bool) {
	a = a.WithZone("")
	g := &y.groups
	m := member{i, a.As16()}
	users := g.of[m]
	if f.None() {
		if _, ok := users[user]; !ok {
			return
		}
		delete(users, user)
	} else {
		if users == nil {
			users = map[any]ip.Filter{}
			g.of[m] = users
			i.Link().Join(a)
			defer y.tellGroup(event.IPv6MaddrAdd, event.IPv6McastJoin, i, a)
		}
		users[user] = ip.Filter{Exclude: f.Exclude, Sources: slices.Clone(f.Sources)}
	}
	if len(users) == 0 {
		delete(g.of, m)
		i.Link().Leave(a)
		defer y.tellGroup(event.IPv6MaddrDel, event.IPv6McastLeave, i, a)
	}
	g.lastWant.i = nil
	if g.report != nil && Reported(m.group) && !i.Loopback && !quiet {
		g.report.GroupChanged(i, a)
	}
}

// RoomFor implements ip.GroupBound. What the node joins by itself is not counted.
func (y *Layer) RoomFor(i *iface.Iface, a netip.Addr) bool {
	group, n := Addr(a.WithZone("").As16()), 0
	for m, users := range y.groups.of {
		if m.i != i {
			continue
		}
		for u := range users {
			switch u.(type) {
			case nil, nodeUser, routers:
				continue
			}
			if m.group == group {
				return true
			}
			n++
			break
		}
	}
	return n < y.c.MaxGroups
}

// Reported tells whether memberships of a group are reported (RFC 3810, 6).
func Reported(group Addr) bool { return group != ipv6.AllNodes && group.Scope() > ipv6.ScopeInterface }

// SetReporter says who is told of memberships.
func (y *Layer) SetReporter(r Reporter) { y.groups.report = r }

// Groups are those of an interface that are reported, in order.
func (y *Layer) Groups(i *iface.Iface) (all []netip.Addr) {
	for m := range y.groups.of {
		if m.i == i && Reported(m.group) && !y.groups.unheard(m) {
			all = append(all, m.group.Netip())
		}
	}
	slices.SortFunc(all, netip.Addr.Compare)
	return all
}

// GroupFilter is what the interface as a whole wants of a group (RFC 3810, 4.2).
func (y *Layer) GroupFilter(i *iface.Iface, a netip.Addr) ip.Filter {
	return ip.Merge(y.groups.of[member{i, a.As16()}])
}
