package socket

import (
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
)

// maxSources is how many sources a filter lists (Linux's igmp_max_msf has a like bound).
const maxSources = 64

// membership is what a socket wants of a group on an interface.
type membership struct {
	in     *iface.Iface
	group  netip.Addr
	filter ip.Filter
}

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

// groupOf is the group and interface of an option's value. Without an interface the routes choose one.
func (s *Socket) groupOf(v Value) (in *iface.Iface, err error) {
	if !v.Group.IsMulticast() || ip.FamilyOf(v.Group) != s.family.ip() {
		return nil, errno.EINVAL
	}
	return s.interfaceOf(v.Interface, v.Group)
}

func (s *Socket) interfaceOf(addr, group netip.Addr) (*iface.Iface, error) {
	if addr.IsValid() && !addr.IsUnspecified() {
		if in := s.network.InterfaceOf(addr); in != nil {
			return in, nil
		}
		return nil, errno.ENODEV
	}
	if in := s.network.GroupInterface(group); in != nil {
		return in, nil
	}
	return nil, errno.ENODEV
}

// setFilter changes what the socket wants of a group.
func (s *Socket) setFilter(in *iface.Iface, group netip.Addr, f ip.Filter) error {
	if len(f.Sources) > maxSources {
		return errno.ENOBUFS
	}
	m := s.find(in, group)
	switch {
	case f.None():
		s.groups = slices.DeleteFunc(s.groups, func(m membership) bool { return m.in == in && m.group == group })
	case m == nil:
		s.groups = append(s.groups, membership{in, group, f})
	default:
		m.filter = f
	}
	s.network.SetFilter(s, in, group, f)
	return nil
}

// changeGroup is one of the options that join, leave, add or drop a source (RFC 3678, 4.1).
func (s *Socket) changeGroup(o Option, v Value) error {
	in, err := s.groupOf(v)
	if err != nil {
		return err
	}
	m := s.find(in, v.Group)
	var f ip.Filter
	if m != nil {
		f = ip.Filter{Exclude: m.filter.Exclude, Sources: slices.Clone(m.filter.Sources)}
	}
	switch o {
	case IPAddMembership:
		if m != nil {
			return errno.EADDRINUSE
		}
		return s.setFilter(in, v.Group, ip.Filter{Exclude: true})
	case IPDropMembership:
		if m == nil {
			return errno.EADDRNOTAVAIL
		}
		return s.setFilter(in, v.Group, ip.Filter{})
	case IPMsfilter:
		return s.setFilter(in, v.Group, ip.Filter{Exclude: v.Int == 0, Sources: slices.Clone(v.Sources)})
	}
	if len(v.Sources) != 1 {
		return errno.EINVAL
	}
	adds := o == IPAddSourceMembership || o == IPBlockSource
	excludes := o == IPBlockSource || o == IPUnblockSource
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

func (s *Socket) leaveAll() {
	for _, m := range s.groups {
		s.network.SetFilter(s, m.in, m.group, ip.Filter{})
	}
	s.groups = nil
}
