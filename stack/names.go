package stack

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/ip/ipv6"
	"github.com/conform-stack/conform/stack/ip/ipv6/nd"
)

// What a resolver of names asks of a node: whom to ask, where to look for a name, and in which order to try the addresses
// that it finds.

// NameServers are the servers of DNS that routers advertise (RFC 8106), the one to be asked first first.
func (n *Node) NameServers() (all []netip.Addr) {
	for _, l := range n.ndLinks() {
		all = append(all, l.Servers()...)
	}
	return all
}

// SearchList are the domains that routers advertise, in which names are to be looked for.
func (n *Node) SearchList() (all []string) {
	for _, l := range n.ndLinks() {
		all = append(all, l.SearchList()...)
	}
	return all
}

// ndLinks are the links with Neighbor Discovery, in the order of their interfaces.
func (n *Node) ndLinks() (all []*nd.Link) {
	if n.ND == nil {
		return nil
	}
	for _, i := range n.interfaces {
		if l := n.ND.Link(i.Iface); l != nil {
			all = append(all, l)
		}
	}
	return all
}

// SortDestinations puts the addresses of a peer, of both families, into the order in which they should be tried (RFC 6724,
// 6). The result is that of this instant.
func (n *Node) SortDestinations(dsts []netip.Addr) {
	if n.IPv6 == nil {
		return
	}
	n.IPv6.SortDestinations(dsts, n.source4)
}

// source4 is the source for a destination of IPv4, with its prefix; the zero Prefix for none.
func (n *Node) source4(dst netip.Addr) netip.Prefix {
	if n.IPv4 == nil {
		return netip.Prefix{}
	}
	by, err := n.IPv4.Path(&ip.Send{Dst: dst})
	if err != nil {
		return netip.Prefix{}
	}
	a, ok := by.Out.Address(by.Src)
	if !ok {
		return netip.PrefixFrom(by.Src, 32)
	}
	return a.Prefix
}

// SetPolicies sets the table of RFC 6724, 2.1, by which sources and destinations are chosen; nil for the one of the RFC.
func (n *Node) SetPolicies(p []ipv6.Policy) {
	if n.IPv6 != nil {
		n.IPv6.SetPolicies(p)
	}
}
