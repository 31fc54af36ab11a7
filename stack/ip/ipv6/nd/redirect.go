package nd

import (
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/neigh"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	wire6 "github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
)

// redirected acts on a redirect (RFC 4861, 8.3). A router does not.
func (l *Link) redirected(m *message, r icmpv6.Redirection) {
	n := l.nd
	if !n.c.AcceptRedirects.On() || n.c.Forwarding.On() || n.ipv6.Has(l.Iface, r.Target) || r.Target.IsUnspecified() {
		m.ignored()
		return
	}
	n.ipv6.Redirected(r.Dst, r.Target, l.Iface)
	report := neigh.Report{Addr: m.options.target, Create: true, Override: true}
	if r.Target != r.Dst { // to a router
		report.Role = neigh.RoleRouter
	}
	l.cache.Heard(r.Target.Netip(), report)
}

// Redirect implements ipv6.Neighbours: a router tells the source of a packet of a better first hop (RFC 4861, 8.2), as often
// as errors may be sent. The hop is the packet's destination when that is a neighbour.
func (n *ND) Redirect(in *iface.Iface, packet []byte, hop Addr) {
	l := n.Link(in)
	h, _, err := wire6.Parse(packet)
	if l == nil || err != nil || l.registry != nil && !n.config.Registration.Redirects.On() { // RFC 6775, 6.1
		return
	}
	src, ok := n.ipv6.LinkLocal(in)
	if !ok || hop != h.Dst && !hop.IsLinkLocal() || !n.ipv6.MayTell() {
		return
	}
	m := icmpv6.AppendRedirection(n.buf[:0], icmpv6.Redirection{Target: hop, Dst: h.Dst})
	if s, at := l.cache.State(hop.Netip()); s != neigh.None && !at.IsZero() {
		m = icmpv6.AppendLinkAddr(m, icmpv6.TargetLinkAddr, at)
	}
	room := (wire6.MinMTU - wire6.HeaderLen - len(m) - 8) &^ 7
	quote := packet[:min(len(packet), room)&^7]
	m = append(m, uint8(icmpv6.RedirectedHeader), uint8(len(quote)/8+1), 0, 0, 0, 0, 0, 0)
	m = append(m, quote...)
	n.send(l, src, h.Src, link.Addr{}, m)
}
