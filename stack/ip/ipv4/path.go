package ipv4

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// Pseudo implements ip.Network.
func (*Layer) Pseudo(src, dst netip.Addr, proto wire.Protocol) wire.Sum {
	return wire.Pseudo4(src.As4(), dst.As4(), proto)
}

// Path implements ip.Network.
func (y *Layer) Path(s *ip.Send) (by ip.Path, err error) {
	dst := ipv4.Addr(s.Dst.As4())
	if s.Options != nil {
		if first, ok := firstHop(s.Options); ok {
			if !singleHosts(s.Options, dst) {
				return by, ip.ErrBadOptions
			}
			dst = first
		}
	}
	var want ipv4.Addr
	if s.Src.IsValid() {
		if want = s.Src.As4(); !y.isOwn(want) && !want.IsLoopback() && !(s.AnySource && want.IsUnspecified()) {
			return by, ip.ErrBadSource
		}
	}
	k := y.classify(dst)
	if dst.IsUnspecified() { // never a destination (RFC 1122, 3.2.1.3 (a))
		return by, ip.ErrNoRoute
	}
	switch k {
	case own:
		err = y.loopPath(&by)
	case group:
		err = y.linkPath(&by, s, want, packet.Multicast)
		by.Hop.Addr = dst.Netip()
	case broadcast:
		if l := y.subnetBroadcast(dst); l != nil && s.Out == nil {
			by.Out = l.in
		}
		err = y.linkPath(&by, s, want, packet.Broadcast)
	default:
		err = y.unicastPath(&by, s, dst, want)
	}
	if err != nil {
		return by, err
	}
	if !by.Out.Up() {
		return by, ip.ErrDown
	}
	by.MTU = by.Out.MTU()
	if k == other && y.config.PathMTU.On() {
		by.MTU = y.pmtu.of(dst, by.MTU)
	}
	switch {
	case s.Src.IsValid():
		by.Src = s.Src
	case k == own:
		by.Src = dst.Netip()
	default:
		src, ok := y.source(&by)
		if !ok {
			if !s.AnySource {
				return by, ip.ErrNoRoute
			}
			src = ipv4.Addr{}
		}
		by.Src = src.Netip()
	}
	return by, nil
}

// doubter is a link that looks whether a neighbour is still there when it is told to doubt.
type doubter interface{ Doubt(neighbour netip.Addr) }

// Doubt implements ip.Doubter: the mapping of the next hop is validated again (RFC 1122, 2.3.2.1 (4)). If that fails, the
// hop is told to be unreachable.
func (y *Layer) Doubt(dst netip.Addr) {
	by, err := y.Path(&ip.Send{Dst: dst})
	if err != nil || by.Hop.Cast != packet.Unicast || by.Out.Loopback {
		return
	}
	if l, ok := by.Out.Link().(doubter); ok {
		l.Doubt(by.Hop.Addr)
	}
}

// loopPath is to this host itself.
func (y *Layer) loopPath(by *ip.Path) error {
	for _, i := range y.ifaces {
		if i.Loopback {
			by.Out = i
			return nil
		}
	}
	return ip.ErrNoRoute
}

// linkPath is to a group or to all on a link: the one asked for, that of the source address, that of a route, the default,
// or the first one that is up.
func (y *Layer) linkPath(by *ip.Path, s *ip.Send, src ipv4.Addr, c packet.Cast) error {
	by.Hop.Cast = c
	switch {
	case by.Out != nil:
		return nil
	case s.Out != nil:
		by.Out = s.Out
		return nil
	}
	for i := range y.locals {
		if l := &y.locals[i]; l.addr == src && !l.in.Loopback {
			by.Out = l.in
			return nil
		}
	}
	if r, ok := y.Routes.Lookup(s.Dst, nil, y.loop.Now()); ok && c == packet.Multicast {
		by.Out = r.Out
		return nil
	}
	if y.Default != nil {
		if i := y.Default(); i != nil && !i.Loopback && i.Up() {
			by.Out = i
			return nil
		}
	}
	for _, i := range y.ifaces {
		if !i.Loopback && i.Up() {
			by.Out = i
			return nil
		}
	}
	return ip.ErrNoRoute
}

// unicastPath is to a neighbour, or to the gateway of a route or a redirect (RFC 1122, 3.3.1).
func (y *Layer) unicastPath(by *ip.Path, s *ip.Send, dst, src ipv4.Addr) error {
	by.Hop.Addr = dst.Netip()
	if l := y.subnet(dst, s.Out); l != nil {
		by.Out = l.in
		return nil
	}
	if dst.IsLinkLocal() || src.IsLinkLocal() { // never by a router (RFC 3927, 2.6.2 and 2.7)
		return y.anyLink(by, s, src)
	}
	if gateway, out := y.redirects.of(dst); out != nil && (s.Out == nil || s.Out == out) && !s.OnLink {
		by.Out, by.Hop.Addr = out, gateway.Netip()
		return nil
	}
	r, ok := y.Routes.Lookup(by.Hop.Addr, s.Out, y.loop.Now())
	if !ok || s.OnLink && r.Gateway.IsValid() {
		return ip.ErrNoRoute
	}
	by.Out = r.Out
	if r.Gateway.IsValid() {
		by.Hop.Addr = r.Gateway
	}
	return nil
}

// anyLink is to a neighbour whose subnet this host has no address of.
func (y *Layer) anyLink(by *ip.Path, s *ip.Send, src ipv4.Addr) error {
	by.Out = s.Out
	for i := range y.locals {
		if l := &y.locals[i]; by.Out == nil && l.addr == src {
			by.Out = l.in
		}
	}
	for _, i := range y.ifaces {
		if by.Out == nil && !i.Loopback && i.Up() {
			by.Out = i
		}
	}
	if by.Out == nil {
		return ip.ErrNoRoute
	}
	return nil
}

// source picks the source address for a path: of the interface, the one whose subnet the next hop is in (RFC 1122,
// 3.3.4.3 (c)), else the first that is not link-local (RFC 3927, 2.6.1), else the first.
func (y *Layer) source(by *ip.Path) (src ipv4.Addr, ok bool) {
	var hop ipv4.Addr
	if by.Hop.Cast == packet.Unicast {
		hop = by.Hop.Addr.As4()
	}
	for i := range y.locals {
		l := &y.locals[i]
		switch {
		case l.in != by.Out || l.tentative:
		case by.Hop.Cast == packet.Unicast && l.contains(hop):
			return l.addr, true
		case !ok, src.IsLinkLocal() && !l.addr.IsLinkLocal():
			src, ok = l.addr, true
		}
	}
	return src, ok
}

func (y *Layer) subnetBroadcast(dst ipv4.Addr) *local {
	for i := range y.locals {
		if l := &y.locals[i]; l.broadcast == dst || l.network == dst {
			return l
		}
	}
	return nil
}

// InterfaceOf implements ip.Network.
func (y *Layer) InterfaceOf(a netip.Addr) *iface.Iface {
	for i := range y.locals {
		if l := &y.locals[i]; l.addr.Netip() == a {
			return l.in
		}
	}
	return nil
}

// GroupInterface implements ip.Groups.
func (y *Layer) GroupInterface(group netip.Addr) *iface.Iface {
	var by ip.Path
	if y.linkPath(&by, &ip.Send{Dst: group}, ipv4.Addr{}, packet.Multicast) != nil {
		return nil
	}
	return by.Out
}
