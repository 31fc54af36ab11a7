package ipv6

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// Pseudo implements ip.Network.
func (*Layer) Pseudo(src, dst netip.Addr, proto wire.Protocol) wire.Sum {
	return wire.Pseudo6(src.As16(), dst.As16(), proto)
}

// Path implements ip.Network.
func (y *Layer) Path(s *ip.Send) (by ip.Path, err error) {
	dst, ok := ipv6.AddrFrom(s.Dst)
	if !ok || dst.IsUnspecified() || dst.IsMapped() { // RFC 4291, 2.5.2; never on the wire
		return by, ip.ErrNoRoute
	}
	var src Addr
	var from *local // nil for one that is chosen
	if s.Src.IsValid() {
		if src, ok = ipv6.AddrFrom(s.Src); !ok {
			return by, ip.ErrBadSource
		}
		if !(s.AnySource && src.IsUnspecified()) {
			if from = y.sourceOf(s.Src, src); from == nil {
				return by, ip.ErrBadSource
			}
		}
	}
	out := s.Out
	if z := s.Dst.Zone(); z != "" {
		l := y.zone(z)
		if l == nil || out != nil && out != l.Iface {
			return by, ip.ErrNoRoute
		}
		out = l.Iface
	}
	switch y.classify(nil, dst) {
	case own:
		by.Out = y.loopback()
		if by.Out == nil {
			return by, ip.ErrNoRoute
		}
		by.MTU = by.Out.MTU()
		if by.Src = s.Src; !by.Src.IsValid() {
			by.Src = y.find(dst, nil).in.netip(dst)
		}
		return by, nil
	case group:
		by.Hop.Cast = packet.Multicast
		by.Hop.Addr = dst.Netip()
		if by.Out = y.groupLink(dst, out, from); by.Out == nil {
			return by, ip.ErrNoRoute
		}
	default:
		var hop Addr
		if by.Out, hop, err = y.next(dst, out, from, s.OnLink); err != nil {
			return by, err
		}
		by.Hop.Addr = hop.Netip()
	}
	l := y.link(by.Out)
	if l == nil {
		return by, ip.ErrNoRoute
	}
	if !by.Out.Up() || l.disabled {
		return by, ip.ErrDown
	}
	if from != nil && from.addr.IsLinkLocal() && from.in != l { // RFC 4007, 9
		return by, ip.ErrBadSource
	}
	by.MTU = y.dests.mtu(dst, y.MTU(by.Out))
	switch {
	case from != nil:
		by.Src = from.in.netip(src)
	case s.Src.IsValid(): // ::
		by.Src = s.Src
	default:
		if src, ok = y.source(l, dst, Addr(by.Hop.Addr.As16()), s.Prefer); !ok {
			if !s.AnySource {
				return by, ip.ErrNoRoute
			}
			src = Addr{}
		}
		by.Src = l.netip(src)
	}
	return by, nil
}

// sourceOf finds the address that a sender wants to send from; nil when this host has it not.
func (y *Layer) sourceOf(a netip.Addr, src Addr) *local {
	var in *iface.Iface
	if z := a.Zone(); z != "" {
		l := y.zone(z)
		if l == nil {
			return nil
		}
		in = l.Iface
	}
	if l := y.find(src, in); l != nil && !l.tentative && l.flags&Anycast == 0 {
		return l
	}
	return nil
}

func (y *Layer) loopback() *iface.Iface {
	for _, l := range y.links {
		if l.Loopback {
			return l.Iface
		}
	}
	return nil
}

// first is the interface that is taken when nothing else says which.
func (y *Layer) first() *iface.Iface {
	for _, l := range y.links {
		if !l.Loopback && l.Up() {
			return l.Iface
		}
	}
	return nil
}

// groupLink is on which interface a group is sent to: the one asked for, that of the source address, that of a route, or
// the first one.
func (y *Layer) groupLink(dst Addr, out *iface.Iface, from *local) *iface.Iface {
	switch {
	case out != nil:
		return out
	case from != nil && !from.in.Loopback:
		return from.in.Iface
	case dst.Scope() <= ipv6.ScopeInterface:
		return y.loopback()
	}
	if r, ok := y.Routes.Lookup(dst.Netip(), nil, y.loop.Now()); ok && r.Prefix.Bits() >= 8 {
		return r.Out
	}
	return y.first()
}

// next determines the next hop (RFC 4861, 5.2): the destination itself when it is on the link, that of a redirect, or a
// router. Without a router the destination is not assumed to be on the link (RFC 5942, 3).
func (y *Layer) next(dst Addr, out *iface.Iface, from *local, onLink bool) (*iface.Iface, Addr, error) {
	if dst.IsLinkLocal() { // always on a link: which, its zone says, or the source
		if out == nil && from != nil && from.addr.IsLinkLocal() {
			out = from.in.Iface
		}
		if out == nil {
			out = y.first()
		}
		if out == nil {
			return nil, dst, ip.ErrNoRoute
		}
		return out, dst, nil
	}
	if x := y.dests.of(dst); x != nil && x.out != nil && (out == nil || x.out == out) && (!onLink || x.hop == dst) {
		if y.Neighbours == nil || y.Neighbours.Usable(x.out, x.hop) {
			return x.out, x.hop, nil
		}
		y.dests.forgetHop(dst) // RFC 7048, 3
	}
	if r, ok := y.Routes.Lookup(dst.Netip(), out, y.loop.Now()); ok && !(onLink && r.Gateway.IsValid()) {
		if !r.Gateway.IsValid() {
			return r.Out, dst, nil
		}
		gateway := Addr(r.Gateway.As16())
		if now := y.loop.Now(); y.Neighbours != nil && !y.Neighbours.Usable(r.Out, gateway) && y.Routes.Dead(r.Gateway, now+gatewayDead, now) {
			r, _ = y.Routes.Lookup(dst.Netip(), out, now) // there may be another one (RFC 4861, 7.3.3)
			gateway = r.Gateway.As16()
		}
		return r.Out, gateway, nil
	}
	if y.Neighbours != nil && !onLink {
		if router, on, ok := y.Neighbours.Router(dst, out); ok {
			return on, router, nil
		}
	}
	return nil, dst, ip.ErrNoRoute
}

// gatewayDead is how long a gateway that did not answer is passed over.
const gatewayDead = time.Minute

// Confirm tells that the way to a destination works, because something came back (RFC 4861, 7.3.1): an upper layer has
// heard that its peer received what it sent of late.
func (y *Layer) Confirm(dst netip.Addr) {
	if y.Neighbours == nil {
		return
	}
	by, err := y.Path(&ip.Send{Dst: dst})
	if err == nil && by.Hop.Cast == packet.Unicast && !by.Out.Loopback {
		y.Neighbours.Confirm(by.Out, by.Hop.Addr.As16())
	}
}

// Doubt tells that the way to a destination may not work (RFC 1122, 3.3.1.4): nothing comes back. If the next hop does not
// answer either, another router's turn comes (RFC 4861, 7.3.3).
func (y *Layer) Doubt(dst netip.Addr) {
	if y.Neighbours == nil {
		return
	}
	by, err := y.Path(&ip.Send{Dst: dst})
	if err == nil && by.Hop.Cast == packet.Unicast && !by.Out.Loopback {
		y.Neighbours.Doubt(by.Out, by.Hop.Addr.As16())
	}
}

// GroupInterface implements ip.Groups.
func (y *Layer) GroupInterface(g netip.Addr) *iface.Iface {
	var out *iface.Iface
	if z := g.Zone(); z != "" {
		l := y.zone(z)
		if l == nil {
			return nil
		}
		out = l.Iface
	}
	return y.groupLink(g.As16(), out, nil)
}
