package tcp

import (
	"math/rand/v2"
	"slices"

	"net/netip"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
)

// ports are the local ports in use: by endpoints that are bound, and by connections, which may outlive them.
type ports struct {
	bound  map[uint16][]*Endpoint
	conns  map[uint16]int // connections of a local port, TIME-WAIT included
	random *rand.Rand
}

func (p *ports) add(e *Endpoint) { p.bound[e.local.Port()] = append(p.bound[e.local.Port()], e) }

func (p *ports) remove(e *Endpoint) {
	port := e.local.Port()
	rest := slices.DeleteFunc(p.bound[port], func(x *Endpoint) bool { return x == e })
	if p.bound[port] = rest; len(rest) == 0 {
		delete(p.bound, port)
	}
}

func (p *ports) connAdded(port uint16) { p.conns[port]++ }

func (p *ports) connRemoved(port uint16) {
	if p.conns[port]--; p.conns[port] <= 0 {
		delete(p.conns, port)
	}
}

// ephemeral picks a port at random that nobody has (RFC 6056, 3.3.1).
func (p *ports) ephemeral(from ip.Ports) (uint16, error) {
	first, last := from.Bounds()
	n := last - first + 1
	start := p.random.IntN(n)
	for i := range n {
		if port := uint16(first + (start+i)%n); len(p.bound[port]) == 0 && p.conns[port] == 0 && !from.Avoids(port) {
			return port, nil
		}
	}
	return 0, errno.EADDRINUSE
}

// ephemeralTo picks a port at random for a connection from an address to a peer (RFC 6056, 3.3.1): one that no endpoint
// has that may yet listen or connect, and that no connection to this peer uses. To different peers a port may be used
// more than once; one that waits in TIME-WAIT gives way when it may.
func (t *TCP) ephemeralTo(from netip.Addr, peer netip.AddrPort, of ip.Ports) (uint16, error) {
	first, last := of.Bounds()
	n := last - first + 1
	start := t.ports.random.IntN(n)
	for i := range n {
		port := uint16(first + (start+i)%n)
		old := t.conns[tuple{netip.AddrPortFrom(from, port), peer}]
		if (old == nil || old.mayReplace()) && t.ports.shareable(port) && !of.Avoids(port) {
			return port, nil
		}
	}
	return 0, errno.EADDRNOTAVAIL
}

// shareable tells whether all who have a port are connected.
func (p *ports) shareable(port uint16) bool {
	for _, e := range p.bound[port] {
		if e.conn == nil {
			return false
		}
	}
	return true
}

// mayBind tells whether an endpoint may be bound to an address: no other one overlaps with it, unless both say Reuse and
// none of them listens, or both say ReusePort; and no connection that is left over from an endpoint of before uses the port, unless it says
// Reuse.
func (p *ports) mayBind(e *Endpoint, to netip.AddrPort) bool {
	others := p.bound[to.Port()]
	for _, x := range others {
		if e.overlaps(to.Addr(), x) && !(e.Reuse && x.Reuse && x.listener == nil) && !(e.ReusePort && x.ReusePort) {
			return false
		}
	}
	return e.Reuse || e.ReusePort || len(others) > 0 || p.conns[to.Port()] == 0
}

// mayListen tells whether an endpoint may listen: nobody else does at an address that overlaps with its own, unless both
// say ReusePort.
func (p *ports) mayListen(e *Endpoint) bool {
	for _, x := range p.bound[e.local.Port()] {
		if x != e && x.listener != nil && e.overlaps(e.local.Addr(), x) && !(e.ReusePort && x.ReusePort) {
			return false
		}
	}
	return true
}

// overlaps tells whether e, bound to an address, and x would take the same connections.
func (e *Endpoint) overlaps(at netip.Addr, x *Endpoint) bool {
	if e.family != x.family && !(e.family == ip.V6 && e.Dual && !at.IsValid()) && !(x.family == ip.V6 && x.Dual && !x.local.Addr().IsValid()) {
		return false
	}
	return !at.IsValid() || !x.local.Addr().IsValid() || at == x.local.Addr()
}

// listenerFor is the endpoint that listens for connections to an address: the one bound to it, else one bound to all. Those
// with ReusePort that are bound alike share the connections by flow.
func (t *TCP) listenerFor(to, from netip.AddrPort) (best *Endpoint) {
	all := t.ports.bound[to.Port()]
	most, sharers := 0, 0
	for _, e := range all {
		switch n := e.listensFor(to.Addr()); {
		case n == 0 || n < most:
		case n > most:
			best, most, sharers = e, n, 1
		default:
			sharers++
		}
	}
	if sharers < 2 {
		return best
	}
	k := keyed(&t.secrets.reuse, to, from, 0) % uint64(sharers)
	for _, e := range all {
		if e.listensFor(to.Addr()) != most {
			continue
		}
		if k == 0 {
			return e
		}
		k--
	}
	return best
}

// listensFor tells how well a listener fits an address: 3 when it is bound to it, 2 when to all of its family, 1 when it
// takes the other family as well, 0 when it does not listen there.
func (e *Endpoint) listensFor(to netip.Addr) int {
	switch f := ip.FamilyOf(to); {
	case e.listener == nil:
	case e.local.Addr() == to:
		return 3
	case e.local.Addr().IsValid():
	case e.family == f:
		return 2
	case e.Dual && f == ip.V4:
		return 1
	}
	return 0
}
