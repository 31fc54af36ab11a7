package nd

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/neigh"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	wire6 "github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
)

// Send implements ipv6.Neighbours.
func (n *ND) Send(out *iface.Iface, p *packet.Packet, to Addr) {
	l := n.Link(out)
	if l == nil || len(out.Link().Addrs()) == 0 { // nobody has a link address there
		out.Output(iface.IPv6, p, iface.Hop{Addr: to.Netip()})
		return
	}
	if n.loop.Now() >= l.renew {
		l.drawReachable()
	}
	if l.registry != nil {
		if s, _ := l.cache.State(to.Netip()); s == neigh.None || s == neigh.Incomplete { // nobody is asked
			at, ok := l.resolve(to)
			if !ok {
				out.Unreachable(iface.IPv6, p)
				return
			}
			out.Output(iface.IPv6, p, iface.Hop{Addr: to.Netip(), Link: at})
			return
		}
	}
	n.prompt = Addr(p.Bytes()[8:24])
	at, ok := l.cache.Resolve(to.Netip(), p)
	n.prompt = Addr{}
	if ok {
		out.Output(iface.IPv6, p, iface.Hop{Addr: to.Netip(), Link: at})
	}
}

// Usable implements ipv6.Neighbours.
func (n *ND) Usable(on *iface.Iface, to Addr) bool {
	l := n.Link(on)
	if l == nil {
		return true
	}
	s, _ := l.cache.State(to.Netip())
	return s != neigh.Unreachable
}

// Failed implements ipv6.Neighbours: another router's turn comes (RFC 4861, 6.3.6).
func (n *ND) Failed(on *iface.Iface, to Addr) {
	l := n.Link(on)
	if l == nil {
		return
	}
	for k := range l.ways {
		if l.ways[k].addr == to {
			l.ways[k].dead = true
		}
	}
	if k := l.findRouter(to); k >= 0 {
		l.routers[k].dead = true
		if l.turn%len(l.routers) == k {
			l.turn++
		}
	}
}

// Confirm implements ipv6.Neighbours.
func (n *ND) Confirm(on *iface.Iface, to Addr) {
	if l := n.Link(on); l != nil {
		l.cache.Confirm(to.Netip())
	}
}

// Doubt implements ipv6.Neighbours.
func (n *ND) Doubt(on *iface.Iface, to Addr) {
	if l := n.Link(on); l != nil {
		l.cache.Doubt(to.Netip())
	}
}

// prober is a Link, as its cache of neighbours sees it.
type prober struct{ l *Link }

func (r prober) Send(p *packet.Packet, to link.Addr) {
	r.l.Output(iface.IPv6, p, iface.Hop{Link: to})
}

func (r prober) Unreachable(p *packet.Packet) { r.l.Unreachable(iface.IPv6, p) }

// Solicit sends a neighbor solicitation (RFC 4861, 7.2.2): to the target's solicited-node group, or to the station at which
// it was last. The source is that of the packet that asks, if it is an address of the interface.
func (r prober) Solicit(target netip.Addr, to link.Addr) {
	l, n := r.l, r.l.nd
	dst := Addr(target.As16())
	src := n.prompt
	if !n.ipv6.Has(l.Iface, src) || n.ipv6.IsOptimistic(l.Iface, src) {
		by, err := n.ipv6.Path(&ip.Send{Dst: target, Out: l.Iface, OnLink: true})
		if err != nil {
			a, ok := n.ipv6.LinkLocal(l.Iface)
			if !ok { // no address to ask with: the neighbour is given up in its time
				return
			}
			src = a
		} else {
			src = by.Src.As16()
		}
	}
	if n.ipv6.IsOptimistic(l.Iface, src) { // RFC 4429, 3.2: it must not tell where it is
		return
	}
	if to.IsZero() && l.registry != nil { // RFC 6775, 5.1: not to a group
		return
	}
	m := icmpv6.AppendNeighbor(n.buf[:0], icmpv6.Neighbor{Type: icmpv6.NeighborSolicit, Target: dst})
	if own := l.LinkOf(src); !own.IsZero() {
		m = icmpv6.AppendLinkAddr(m, icmpv6.SourceLinkAddr, own)
	}
	if to.IsZero() {
		dst = dst.SolicitedNode()
	}
	n.send(l, src, dst, to, m)
}

// solicited answers a neighbor solicitation (RFC 4861, 7.2.3 and 7.2.4).
func (l *Link) solicited(m *message, target Addr) {
	n := l.nd
	dad := m.Src.IsUnspecified()
	if dad && !n.c.EnhancedDAD.On() && !m.LinkSrc.IsZero() && m.LinkSrc == l.own() { // the link echoes (RFC 4862, appendix A)
		m.ignored()
		return
	}
	if n.Addresses != nil && n.Addresses.Solicited(l.Iface, target, dad, m.options.nonce) {
		return
	}
	own := n.ipv6.Has(l.Iface, target)
	anycast := !own && n.ipv6.IsAnycast(l.Iface, target)
	if !own && !anycast {
		m.ignored()
		return
	}
	if !dad && !m.options.source.IsZero() {
		l.cache.Heard(m.Src.Netip(), neigh.Report{Addr: m.options.source, Create: true, Override: true})
	}
	dst := m.Src
	if dad {
		dst = wire6.AllNodes
	}
	src := target
	if anycast {
		var ok bool
		if src, ok = n.ipv6.LinkLocal(l.Iface); !ok {
			return
		}
	}
	optimistic := n.ipv6.IsOptimistic(l.Iface, target) // RFC 4429, 3.2
	na := icmpv6.Neighbor{Solicited: !dad, Override: !anycast && !optimistic, Target: target}
	if anycast {
		l.answerAnycast(src, dst, na)
	} else {
		l.sendAdvert(src, dst, na)
	}
}

// sendAdvert sends a neighbor advertisement.
func (l *Link) sendAdvert(src, dst Addr, m icmpv6.Neighbor) {
	n := l.nd
	m.Type, m.Router = icmpv6.NeighborAdvert, n.c.Forwarding.On()
	b := icmpv6.AppendNeighbor(n.buf[:0], m)
	if own := l.LinkOf(m.Target); !own.IsZero() {
		b = icmpv6.AppendLinkAddr(b, icmpv6.TargetLinkAddr, own)
	}
	n.send(l, src, dst, link.Addr{}, b)
}

// Announce tells all on the link where an address is (RFC 4861, 7.2.6).
func (l *Link) Announce(a Addr) {
	l.sendAdvert(a, wire6.AllNodes, icmpv6.Neighbor{Override: true, Target: a})
}

// SolicitDuplicate asks whether anybody has an address (RFC 4862, 5.4.2), with a nonce if there is one (RFC 7527, 4.1).
func (l *Link) SolicitDuplicate(a Addr, nonce []byte) {
	n := l.nd
	m := icmpv6.AppendNeighbor(n.buf[:0], icmpv6.Neighbor{Type: icmpv6.NeighborSolicit, Target: a})
	if len(nonce) > 0 {
		m = icmpv6.AppendOption(m, icmpv6.Option{Type: icmpv6.Nonce, Data: nonce})
	}
	n.send(l, Addr{}, a.SolicitedNode(), link.Addr{}, m)
}

// advertised takes in a neighbor advertisement (RFC 4861, 7.2.5).
func (l *Link) advertised(m *message, na icmpv6.Neighbor) {
	n := l.nd
	if n.Addresses != nil && n.Addresses.Advertised(l.Iface, na.Target) {
		return
	}
	if n.ipv6.Has(l.Iface, na.Target) { // somebody else has our address (RFC 4862, 5.4.4): nothing is to be learned of it
		m.ignored()
		return
	}
	target := na.Target.Netip()
	r := neigh.Report{Addr: m.options.target, Solicited: na.Solicited, Override: na.Override, Role: neigh.RoleHost}
	if na.Router {
		r.Role = neigh.RoleRouter
	}
	was := l.cache.IsRouter(target)
	if !l.cache.Heard(target, r) {
		m.ignored()
		return
	}
	if was && !l.cache.IsRouter(target) { // it has ceased to be one
		if k := l.findRouter(na.Target); k >= 0 {
			l.removeRouter(k)
		}
		l.removeWays(na.Target)
		n.ipv6.ForgetHop(l.Iface, na.Target)
	}
}
