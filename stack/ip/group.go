package ip

import (
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/stack/iface"
)

// Groups are the multicast groups of a version of IP. Each user, such as a socket, has filters of its own.
type Groups interface {
	// GroupInterface is the interface on which a group is joined when none is named; nil if there is none.
	GroupInterface(group netip.Addr) *iface.Iface
	// SetFilter says which sources of a group a user wants on an interface.
	SetFilter(user any, i *iface.Iface, group netip.Addr, f Filter)
	// AllHosts tells whether every host is a member of a group, unasked.
	AllHosts(group netip.Addr) bool
}

// A GroupBound are Groups whose number is bounded for each interface.
type GroupBound interface {
	// RoomFor tells whether users may join a group on an interface, on which it may be joined already.
	RoomFor(i *iface.Iface, group netip.Addr) bool
}

// A Filter is which sources of a group are wanted (RFC 3376, 2; RFC 3810, 3). The zero Filter wants none: no membership.
type Filter struct {
	Exclude bool // all but these; otherwise only these
	Sources []netip.Addr
}

// None tells whether nothing is wanted.
func (f Filter) None() bool { return !f.Exclude && len(f.Sources) == 0 }

// Wants tells whether a source is wanted.
func (f Filter) Wants(source netip.Addr) bool { return slices.Contains(f.Sources, source) != f.Exclude }

// Merge is what an interface as a whole wants of a group for all its users (RFC 3376, 3.2; RFC 3810, 4.2): if any of them
// excludes, all but the sources that every excluding user excludes and no other includes; otherwise all sources that anybody
// includes.
func Merge(users map[any]Filter) (f Filter) {
	var included []netip.Addr
	for _, u := range users {
		switch {
		case !u.Exclude:
			included = append(included, u.Sources...)
		case !f.Exclude:
			f = Filter{Exclude: true, Sources: slices.Clone(u.Sources)}
		default:
			f.Sources = slices.DeleteFunc(f.Sources, func(s netip.Addr) bool { return !slices.Contains(u.Sources, s) })
		}
	}
	if f.Exclude {
		f.Sources = slices.DeleteFunc(f.Sources, func(s netip.Addr) bool { return slices.Contains(included, s) })
	} else {
		f.Sources = included
	}
	slices.SortFunc(f.Sources, netip.Addr.Compare)
	f.Sources = slices.Compact(f.Sources)
	return f
}
