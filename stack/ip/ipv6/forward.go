package ipv6

import (
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// forward sends a packet on, as a router does. Errors quote it as it was received, so that nothing is written before all
// tests are made. Groups are not forwarded: there is no routing protocol for them here.
func (y *Layer) forward(in *iface.Iface, p *packet.Packet, h *ipv6.Header) {
	switch {
	case h.Src.IsUnspecified(), h.Src.IsLoopback(), h.Dst.IsLoopback(), // RFC 4291, 2.5.2 and 2.5.3
		h.Dst.IsLinkLocal(): // 2.5.6
		in.Drop(p, stats.ForwardRefused)
		return
	case h.HopLimit <= 1: // RFC 8200, 3; RFC 4443, 3.3
		y.refuse(in, p, stats.IPTTL, icmpv6.Header{Type: icmpv6.TimeExceeded, Code: icmpv6.HopLimitExceeded})
		return
	}
	out, hop, err := y.next(h.Dst, nil, nil, false)
	if err != nil {
		y.refuse(in, p, stats.IPNoRoute, icmpv6.Header{Type: icmpv6.Unreachable, Code: icmpv6.NoRoute})
		return
	}
	switch {
	case out.Loopback: // nobody is there
		in.Drop(p, stats.ForwardRefused)
		return
	case h.Src.IsLinkLocal() && out != in: // RFC 4443, 3.1: beyond the scope of its source
		y.refuse(in, p, stats.ForwardRefused, icmpv6.Header{Type: icmpv6.Unreachable, Code: icmpv6.BeyondScope})
		return
	}
	if mtu := y.MTU(out); p.Len() > mtu { // 3.2
		y.refuse(in, p, stats.IPTooBig, icmpv6.TooBig(mtu))
		return
	}
	if out == in && y.Neighbours != nil && y.onLink(h.Src, in) { // RFC 4861, 8.2: the source could have sent it there itself
		y.Neighbours.Redirect(in, p.Bytes(), hop)
	}
	p.Bytes()[7]--
	out.Stats.IPv6.Forwarded++
	p.Cast = packet.Unicast
	y.transmit(p, out, iface.Hop{Addr: hop.Netip()})
}

// onLink tells whether an address is on the link of an interface, as far as the routes know.
func (y *Layer) onLink(a Addr, i *iface.Iface) bool {
	if a.IsLinkLocal() {
		return true
	}
	r, ok := y.Routes.Lookup(a.Netip(), i, y.loop.Now())
	return ok && !r.Gateway.IsValid()
}

// OnLink tells the same to others.
func (y *Layer) OnLink(a Addr, i *iface.Iface) bool { return y.onLink(a, i) }

// Next is the next hop to a destination, as it is now (RFC 4861, 5.2).
func (y *Layer) Next(dst Addr) (hop Addr, out *iface.Iface, ok bool) {
	out, hop, err := y.next(dst, nil, nil, false)
	return hop, out, err == nil
}

var _ ip.Network = (*Layer)(nil)
