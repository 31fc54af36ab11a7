package ipv4

import (
	"bytes"
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// allHosts is the group of all hosts on a link (RFC 1112, 4). It is joined for good and never reported.
var allHosts = ipv4.Addr{224, 0, 0, 1} // never written

// A Reporter is told when the host becomes or ceases to be a member of a group on an interface, or wants other sources
// of it: IGMP.
type Reporter interface {
	GroupChanged(i *iface.Iface, group netip.Addr)
}

// memberships are the groups that this host is a member of, by interface. Each user, such as a socket, has a filter of
// its own; the interface's follows from all of them (RFC 3376, 3.2).
type memberships struct {
	of       map[member]map[any]ip.Filter
	report   Reporter
	lastWant struct { // the answer to the last question
		member
		wanted bool
	}
}

type member struct {
	i     *iface.Iface
	group ipv4.Addr
}

func (g *memberships) init() { g.of = map[member]map[any]ip.Filter{} }

// hold joins a group for good, on behalf of nobody.
func (g *memberships) hold(i *iface.Iface, group ipv4.Addr) {
	g.of[member{i, group}] = map[any]ip.Filter{nil: {Exclude: true}}
	i.Link().Join(group.Netip())
}

// wants tells whether anybody here is a member of a group on an interface.
func (g *memberships) wants(i *iface.Iface, group ipv4.Addr) bool {
	m := member{i, group}
	if g.lastWant.member == m && g.lastWant.i != nil {
		return g.lastWant.wanted
	}
	g.lastWant.member, g.lastWant.wanted = m, len(g.of[m]) > 0
	return g.lastWant.wanted
}

// AllHosts implements ip.Groups.
func (*Layer) AllHosts(group netip.Addr) bool { return group == allHosts.Netip() }

// SetFilter implements ip.Groups (RFC 3376, 2: IPMulticastListen).
func (y *Layer) SetFilter(user any, i *iface.Iface, group netip.Addr, f ip.Filter) {
	g := &y.groups
	m := member{i, group.As4()}
	users := g.of[m]
	joined := false
	if f.None() {
		if _, ok := users[user]; !ok {
			return
		}
		delete(users, user)
	} else {
		if users == nil {
			users = map[any]ip.Filter{}
			g.of[m] = users
			i.Link().Join(group)
			joined = true
		}
		users[user] = ip.Filter{Exclude: f.Exclude, Sources: slices.Clone(f.Sources)}
	}
	if len(users) == 0 {
		delete(g.of, m)
		i.Link().Leave(group)
	}
	g.lastWant.i = nil
	if g.report != nil && m.group != allHosts {
		g.report.GroupChanged(i, group)
	}
	switch {
	case joined:
		y.tellGroup(event.IPv4MaddrAdd, event.IPv4McastJoin, i, group)
	case len(users) == 0:
		y.tellGroup(event.IPv4MaddrDel, event.IPv4McastLeave, i, group)
	}
}

// forgetGroups ends all memberships on an interface, in order of groups.
func (y *Layer) forgetGroups(i *iface.Iface) {
	var left []ipv4.Addr
	for m := range y.groups.of {
		if m.i == i {
			left = append(left, m.group)
		}
	}
	slices.SortFunc(left, func(a, b ipv4.Addr) int { return bytes.Compare(a[:], b[:]) })
	for _, group := range left {
		delete(y.groups.of, member{i, group})
		y.tellGroup(event.IPv4MaddrDel, event.IPv4McastLeave, i, group.Netip())
	}
	y.groups.lastWant.i = nil
}

// tellGroup raises both events of a group that came or went: that the interface takes its frames, and that the host is a
// member.
func (y *Layer) tellGroup(address, member event.Code, i *iface.Iface, group netip.Addr) {
	event.Raise(y.Events, event.Event{Code: address, Iface: i.Index, Addr: group})
	event.Raise(y.Events, event.Event{Code: member, Iface: i.Index, Addr: group})
}

// SetReporter says who is told of memberships.
func (y *Layer) SetReporter(r Reporter) { y.groups.report = r }

// GroupFilter is what the interface as a whole wants of a group (RFC 3376, 3.2).
func (y *Layer) GroupFilter(i *iface.Iface, group netip.Addr) ip.Filter {
	return ip.Merge(y.groups.of[member{i, group.As4()}])
}
