package ipv6

import (
	"errors"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// arrival is what is known of the packet being processed beyond its header.
type arrival struct {
	fragmented bool // it came with a Fragment header
	alert      bool // with a Router Alert
	headers    int  // extension headers looked at so far
	options    int  // options likewise
}

// Input implements iface.L3. The order of the tests is that of what must be believed to make the next one.
func (y *Layer) Input(in *iface.Iface, p *packet.Packet) {
	in.Stats.IPv6.Received++
	if l := y.link(in); l == nil || l.disabled {
		in.Drop(p, stats.IfaceDown)
		return
	}
	b := p.Bytes()
	h, _, err := ipv6.Parse(b)
	if err != nil {
		if errors.Is(err, ipv6.ErrVersion) {
			in.Drop(p, stats.IPVersion)
		} else {
			in.Drop(p, stats.IPInvalid)
		}
		return
	}
	if ipv6.Verify(b, h) != nil {
		in.Drop(p, stats.WrongLength(ipv6.HeaderLen+int(h.PayloadLen), len(b)))
		return
	}
	p.SetLen(ipv6.HeaderLen + int(h.PayloadLen)) // what follows is the link's padding
	k := y.classify(in, h.Dst)
	if k == other && y.Registering != nil && y.agreed(in, b, &h) {
		k = own
	}
	switch {
	case h.Src.IsMulticast(), // RFC 4291, 2.7
		h.Src.IsMapped(),
		h.Src.IsLoopback() && !in.Loopback,                             // 2.5.3
		h.Src.IsUnspecified() && k == other,                            // 2.5.2: never forwarded
		!in.Loopback && y.Has(in, h.Src) && !y.IsOptimistic(in, h.Src): // nobody else has our address, and what we send does not come back
		in.Drop(p, stats.IPSource)
		return
	case h.Dst.IsUnspecified(), h.Dst.IsMapped(), h.Dst.IsLoopback() && !in.Loopback: // 2.5.2, 2.5.3
		in.Drop(p, stats.IPDestination)
		return
	case p.Cast != packet.Unicast && k != group && !y.config.AcceptMismatch.On():
		in.Drop(p, stats.IPLinkCast)
		return
	case k == group && (h.Dst.Scope() == 0 || h.Dst.Scope() == ipv6.ScopeInterface && !in.Loopback): // 2.7
		in.Drop(p, stats.IPDestination)
		return
	case k == group && !y.groups.wants(in, h.Dst), k == other && !y.c.Forwarding.On():
		in.Drop(p, stats.IPDestination)
		return
	}
	y.arrived = arrival{}
	if k != other {
		y.walk(in, p, &h, k, h.NextHeader, 6, ipv6.HeaderLen)
		return
	}
	if h.NextHeader == wire.HopByHop && !y.hopByHop(in, p, &h, k) {
		return
	}
	y.forward(in, p, &h)
}

// deliver gives a packet to the protocol at an offset of it; the Next Header field that named it is at named. When nobody
// wants it the sender is told, if it may be.
func (y *Layer) deliver(in *iface.Iface, p *packet.Packet, h *ipv6.Header, k kind, proto wire.Protocol, named, at int) {
	l := y.linkOf(in, h.Dst)
	d := &y.datagram
	*d = ip.Datagram{
		Src: l.netip(h.Src), Dst: l.netip(h.Dst), Protocol: proto, TTL: h.HopLimit, TOS: h.TrafficClass, In: in,
		Pseudo: wire.Pseudo6(h.Src, h.Dst, proto), Front: at,
	}
	if k == group {
		d.Cast = packet.Multicast
	}
	p.TrimFront(at)
	if proto == wire.ICMPv6 && !y.acceptICMP(in, p, d) {
		return
	}
	switch y.demux.Deliver(p, d) {
	case ip.Accepted:
		in.Stats.IPv6.Delivered++
		return
	case ip.NoProtocol:
		p.Prepend(at)
		in.Stats.Drop(stats.IPNoProtocol)
		y.sendError(in, p, icmpv6.BadParameter(icmpv6.UnknownNextHeader, named)) // RFC 8200, 4
	case ip.NoPort:
		p.Prepend(at)
		if y.config.ICMPUnreachable.On() { // RFC 4443, 3.1
			y.sendError(in, p, icmpv6.Header{Type: icmpv6.Unreachable, Code: icmpv6.PortUnreachable})
		}
	}
	p.Free()
}

// linkOf is the link whose zone an address is in: that by which a packet came, or that of the address when it came from
// this host.
func (y *Layer) linkOf(in *iface.Iface, a Addr) *link {
	if in.Loopback && a.IsLinkLocal() {
		if l := y.find(a, nil); l != nil {
			return l.in
		}
	}
	return y.link(in)
}

// loopBack has a copy of a packet that was sent to a group delivered here as well, behind what is under way at this
// instant.
func (y *Layer) loopBack(out *iface.Iface, b []byte) {
	p := out.RxPool.Copy(ip.Headroom, b)
	if p == nil {
		out.Stats.Drop(stats.NoBuffer)
		return
	}
	p.Arrived = y.loop.Now()
	p.Cast = packet.Multicast
	y.looped.Push(p)
	y.loopedIn = append(y.loopedIn, out)
	y.loopOn.Post()
}

func (y *Layer) drainLooped() {
	p, in := y.looped.Pop(), y.loopedIn[0]
	y.loopedIn = append(y.loopedIn[:0], y.loopedIn[1:]...)
	if y.looped.Len() > 0 {
		y.loopOn.Post()
	}
	h, _, err := ipv6.Parse(p.Bytes())
	if err != nil || !y.groups.wants(in, h.Dst) {
		in.Drop(p, stats.IPDestination)
		return
	}
	y.arrived = arrival{}
	y.walk(in, p, &h, group, h.NextHeader, 6, ipv6.HeaderLen)
}
