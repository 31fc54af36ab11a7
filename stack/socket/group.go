package socket

import (
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
)

// maxSources is how many sources a filter lists (Linux's igmp_max_msf has a like bound).
const maxSources = 128

// membership is what a socket wants of a group on an interface.
type membership struct {
	in     *iface.Iface
	group  netip.Addr
	filter ip.Filter
}

// A groupChange is one of the options that join, leave, add or drop a source (RFC 3678, 4.1 and 5.1).
type groupChange uint8

const (
	joinGroup groupChange = iota
	leaveGroup
	joinSource
	leaveSource
	blockSource
	unblockSource
	setSources
)

// wants tells whether a datagram to a group is for this socket.
func (s *Socket) wants(in *iface.Iface, group, source netip.Addr) bool {
	m := s.find(in, group)
	return m != nil && m.filter.Wants(source)
}

func (s *Socket) find(in *iface.Iface, group netip.Addr) *membership {
	for i := range s.groups {
		if m := &s.groups[i]; m.in == in && m.group == group {
			return m
		}
	}
	return nil
}

// networkOf is the version of IP of an address; nil when the socket does not speak it.
func (s *Socket) networkOf(a netip.Addr) ip.Network {
	f := ip.FamilyOf(a)
	if f != s.family.ip() && (s.family == Inet || s.v6only) {
		return nil
	}
	return s.system.IP.Network(f)
}

// groupOf is the interface of an option's value, by its index, or by an address of it. Without either the routes choose.
func (s *Socket) groupOf(v Value) (*iface.Iface, error) {
	n := s.networkOf(v.Group)
	if !v.Group.IsMulticast() || n == nil {
		return nil, errno.EINVAL
	}
	var in *iface.Iface
	switch {
	case v.Index != 0:
		in = s.system.byIndex(v.Index)
	case v.Interface.IsValid() && !v.Interface.IsUnspecified():
		in = n.InterfaceOf(v.Interface)
	default:
		in = n.GroupInterface(v.Group)
	}
	if in == nil {
		return nil, errno.ENODEV
	}
	return in, nil
}

// setFilter changes what the socket wants of a group.
func (s *Socket) setFilter(in *iface.Iface, group netip.Addr, f ip.Filter) error {
	if len(f.Sources) > maxSources {
		return errno.ENOBUFS
	}
	if slices.ContainsFunc(f.Sources, func(a netip.Addr) bool { return !a.IsValid() || a.Is4() != group.Is4() }) {
		return errno.EINVAL
	}
	m := s.find(in, group)
	if bound, ok := s.networkOf(group).(ip.GroupBound); ok && m == nil && !f.None() && !bound.RoomFor(in, group) {
		return errno.ENOBUFS
	}
	switch {
	case f.None():
		s.groups = slices.DeleteFunc(s.groups, func(m membership) bool { return m.in == in && m.group == group })
	case m == nil:
		s.groups = append(s.groups, membership{in, group, f})
	default:
		m.filter = f
	}
	s.networkOf(group).SetFilter(s, in, group, f)
	return nil
}

// maxGroups bounds the memberships of a socket (as Linux's igmp_max_memberships does).
const maxGroups = 64

// changeGroup changes what the socket wants of a group.
func (s *Socket) changeGroup(c groupChange, v Value) error {
	v.Group = v.Group.WithZone("").Unmap()
	in, err := s.groupOf(v)
	if err != nil {
		return err
	}
	m := s.find(in, v.Group)
	var f ip.Filter
	if m != nil {
		f = ip.Filter{Exclude: m.filter.Exclude, Sources: slices.Clone(m.filter.Sources)}
	}
	if m == nil && len(s.groups) == maxGroups {
		return errno.ENOBUFS
	}
	switch c {
	case joinGroup:
		if m != nil {
			return errno.EADDRINUSE
		}
		return s.setFilter(in, v.Group, ip.Filter{Exclude: true})
	case leaveGroup:
		if m == nil {
			return errno.EADDRNOTAVAIL
		}
		return s.setFilter(in, v.Group, ip.Filter{})
	case setSources:
		return s.setFilter(in, v.Group, ip.Filter{Exclude: v.Int == 0, Sources: slices.Clone(v.Sources)})
	}
	if len(v.Sources) != 1 {
		return errno.EINVAL
	}
	adds := c == joinSource || c == blockSource
	excludes := c == blockSource || c == unblockSource
	switch {
	case m == nil && excludes, m != nil && m.filter.Exclude != excludes:
		return errno.EINVAL
	case slices.Contains(f.Sources, v.Sources[0]) == adds:
		return errno.EADDRNOTAVAIL
	case adds:
		f.Sources = append(f.Sources, v.Sources[0])
	default:
		f.Sources = slices.DeleteFunc(f.Sources, func(a netip.Addr) bool { return a == v.Sources[0] })
	}
	return s.setFilter(in, v.Group, f)
}

// leave ends memberships.
func (s *Socket) leave(which func(membership) bool) {
	s.groups = slices.DeleteFunc(s.groups, func(m membership) bool {
		if !which(m) {
			return false
		}
		s.system.IP.Network(ip.FamilyOf(m.group)).SetFilter(s, m.in, m.group, ip.Filter{})
		return true
	})
}
