package gvisor

import (
	"slices"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// routes is the route table of a stack: what the world begins with, what comes with addresses, and what routers advertise. Netstack keeps routers
// and prefixes with their lifetimes and leaves routes to who embeds it, whom it tells while it holds locks; so the table
// is written later, when the stack is idle.
type routes struct {
	fixed     []tcpip.Route
	addresses *addresses // that netstack makes are told there
	temps     bool       // it makes temporary addresses, beside those of the device's identifier

	mu      sync.Mutex
	learned []learned // the last one learned at the end
	changed bool
}

// A learned route is one of RFC 4861, 6.3.4, or of RFC 4191.
type learned struct {
	tcpip.Route
	preference header.NDPRoutePreference
}

// serve writes the table if it has changed. It is false when it has not.
func (r *routes) serve(s *stack.Stack) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.changed {
		return false
	}
	r.changed = false
	table := slices.Clone(r.fixed)
	for _, l := range r.learned {
		table = append(table, l.Route)
	}
	// The longest prefix first, as netstack takes the first that fits; of routers the one that is preferred more.
	slices.SortStableFunc(table, func(a, b tcpip.Route) int { return b.Destination.Prefix() - a.Destination.Prefix() })
	s.SetRouteTable(table)
	return true
}

// fix adds a route that no router has advertised; unfix removes one such.
func (r *routes) fix(to tcpip.Route) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fixed = append(r.fixed, to)
	r.changed = true
}

func (r *routes) unfix(to tcpip.Route) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.IndexFunc(r.fixed, func(f tcpip.Route) bool { return same(f, to) }); i >= 0 {
		r.fixed = slices.Delete(r.fixed, i, i+1)
		r.changed = true
	}
}

// add learns a route; one that is known gets the new preference.
func (r *routes) add(to tcpip.Route, preference header.NDPRoutePreference) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.learned, func(l learned) bool { return same(l.Route, to) })
	if i < 0 {
		i = len(r.learned)
		r.learned = append(r.learned, learned{Route: to})
	}
	r.learned[i].preference = preference
	slices.SortStableFunc(r.learned, func(a, b learned) int { return rank(b.preference) - rank(a.preference) })
	r.changed = true
}

func (r *routes) remove(to tcpip.Route) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.learned = slices.DeleteFunc(r.learned, func(l learned) bool { return same(l.Route, to) })
	r.changed = true
}

func same(a, b tcpip.Route) bool {
	return a.NIC == b.NIC && a.Gateway == b.Gateway && a.Destination.Equal(b.Destination)
}

// rank orders preferences, whose values on the wire are a signed number of two bits (RFC 4191, 2.1).
func rank(p header.NDPRoutePreference) int {
	switch p {
	case header.HighRoutePreference:
		return 1
	case header.LowRoutePreference:
		return -1
	}
	return 0
}

var _ ipv6.NDPDispatcher = (*routes)(nil)

// OnOffLinkRouteUpdated implements ipv6.NDPDispatcher.
func (r *routes) OnOffLinkRouteUpdated(nic tcpip.NICID, to tcpip.Subnet, by tcpip.Address, p header.NDPRoutePreference) {
	r.add(tcpip.Route{NIC: nic, Destination: to, Gateway: by}, p)
}

// OnOffLinkRouteInvalidated implements ipv6.NDPDispatcher.
func (r *routes) OnOffLinkRouteInvalidated(nic tcpip.NICID, to tcpip.Subnet, by tcpip.Address) {
	r.remove(tcpip.Route{NIC: nic, Destination: to, Gateway: by})
}

// OnOnLinkPrefixDiscovered implements ipv6.NDPDispatcher.
func (r *routes) OnOnLinkPrefixDiscovered(nic tcpip.NICID, in tcpip.Subnet) {
	r.add(tcpip.Route{NIC: nic, Destination: in}, header.MediumRoutePreference)
}

// OnOnLinkPrefixInvalidated implements ipv6.NDPDispatcher.
func (r *routes) OnOnLinkPrefixInvalidated(nic tcpip.NICID, in tcpip.Subnet) {
	r.remove(tcpip.Route{NIC: nic, Destination: in})
}

// OnAutoGenAddress implements ipv6.NDPDispatcher. Where there are temporary addresses, they are those whose identifier is not
// the device's.
func (r *routes) OnAutoGenAddress(nic tcpip.NICID, a tcpip.AddressWithPrefix) stack.AddressDispatcher {
	return r.addresses.hold(nic, a.Address, r.temps && !modified(a.Address))
}

// modified tells whether the identifier of an address is made of one of Ethernet (RFC 4291, appendix A).
func modified(a tcpip.Address) bool {
	b := a.As16()
	return b[11] == 0xff && b[12] == 0xfe
}

// What else netstack tells is not for the table, and nobody here resolves names.

func (*routes) OnDuplicateAddressDetectionResult(tcpip.NICID, tcpip.Address, stack.DADResult) {}

func (*routes) OnAutoGenAddressDeprecated(tcpip.NICID, tcpip.AddressWithPrefix) {}

func (*routes) OnAutoGenAddressInvalidated(tcpip.NICID, tcpip.AddressWithPrefix) {}

func (*routes) OnRecursiveDNSServerOption(tcpip.NICID, []tcpip.Address, time.Duration) {}

func (*routes) OnDNSSearchListOption(tcpip.NICID, []string, time.Duration) {}

func (*routes) OnDHCPv6Configuration(tcpip.NICID, ipv6.DHCPv6ConfigurationFromNDPRA) {}
