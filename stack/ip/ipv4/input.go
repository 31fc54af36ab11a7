package ipv4

import (
	"errors"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// Input implements iface.L3. The order of the tests is that of what must be believed to make the next one.
func (y *Layer) Input(in *iface.Iface, p *packet.Packet) {
	in.Stats.IPv4.Received++
	b := p.Bytes()
	h, _, err := ipv4.Parse(b)
	if err != nil { // RFC 1122, 3.2.1.1: silently
		if errors.Is(err, ipv4.ErrVersion) {
			drop(in, p, stats.IPVersion)
		} else {
			drop(in, p, stats.IPInvalid)
		}
		return
	}
	if err := ipv4.Verify(b, h); err != nil {
		if errors.Is(err, wire.ErrChecksum) {
			drop(in, p, stats.IPChecksum) // 3.2.1.2: silently
		} else {
			drop(in, p, stats.WrongLength(int(h.TotalLen), len(b)))
		}
		return
	}
	p.SetLen(int(h.TotalLen)) // what follows is the link's padding
	k := y.classify(h.Dst)
	switch {
	case !y.acceptableSource(in, &h, k):
		drop(in, p, stats.IPSource) // 3.2.1.3: silently
	case h.Dst.IsLoopback() && !in.Loopback:
		drop(in, p, stats.IPDestination) // 3.2.1.3 (g)
	case p.Cast != packet.Unicast && (k == own || k == other) && !y.config.AcceptMismatch.On():
		drop(in, p, stats.IPLinkCast) // 3.3.6
	case k == group && !y.groups.wants(in, h.Dst):
		drop(in, p, stats.IPDestination)
	case k == other && !y.config.Forwarding.On():
		drop(in, p, stats.IPDestination) // 3.2.1.3: silently
	case h.Options != nil && !y.acceptOptions(in, p, &h):
	case k == other:
		y.forward(in, p, &h)
	case h.IsFragment():
		in.Stats.IPv4.FragmentsReceived++
		y.reasm.input(in, p, &h, k)
	default:
		y.reasm.supersede(&h)
		y.deliver(in, p, &h, k)
	}
}

// acceptableSource tells whether a host can have sent a datagram that came in by an interface (RFC 1122, 3.2.1.3).
func (y *Layer) acceptableSource(in *iface.Iface, h *ipv4.Header, k kind) bool {
	a := h.Src
	switch {
	case in.Loopback:
		return true
	case a.IsUnspecified(): // a host that does not know its address yet
		return k != own && k != other || h.Protocol == wire.IGMP
	case a[0] == 0, a.IsLoopback(), a.IsMulticast(), a.IsClassE():
		return false
	}
	for i := range y.locals {
		if l := &y.locals[i]; a == l.addr && !l.tentative || a == l.broadcast || a == l.network {
			return false
		}
	}
	return true
}

// deliver gives a whole datagram to its protocol. When nobody wants it the sender is told, if it may be.
func (y *Layer) deliver(in *iface.Iface, p *packet.Packet, h *ipv4.Header, k kind) {
	n := h.Len()
	header := p.Bytes()[:n:n]
	p.TrimFront(n)
	d := &y.datagram
	d.Src, d.Dst, d.Protocol, d.TTL, d.TOS, d.In = h.Src.Netip(), h.Dst.Netip(), h.Protocol, h.TTL, h.TOS, in
	d.Options, d.Header, d.Pseudo = h.Options, header, wire.Pseudo4(h.Src, h.Dst, h.Protocol)
	switch k {
	case group:
		d.Cast = packet.Multicast
	case broadcast:
		d.Cast = packet.Broadcast
	default:
		d.Cast = packet.Unicast
	}
	code := icmpv4.PortUnreachable
	switch y.demux.Deliver(p, d) {
	case ip.Accepted:
		in.Stats.IPv4.Delivered++
		return
	case ip.NoProtocol:
		in.Stats.DropIPv4(stats.IPNoProtocol)
		code = icmpv4.ProtocolUnreachable
	}
	p.Prepend(n)
	if y.config.ICMPUnreachable.On() { // RFC 1122, 3.2.2.1
		y.sendError(in, p, icmpv4.Header{Type: icmpv4.Unreachable, Code: code})
	}
	p.Free()
}

// loop has a copy of a datagram that was sent to a group delivered here as well (RFC 1112, 6.1), behind what is under
// way at this instant.
func (y *Layer) loopBack(out *iface.Iface, datagram []byte) {
	p := out.RxPool.Copy(ip.Headroom, datagram)
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
	h, _, err := ipv4.Parse(p.Bytes())
	if err != nil || !y.groups.wants(in, h.Dst) {
		drop(in, p, stats.IPDestination)
		return
	}
	if h.IsFragment() {
		y.reasm.input(in, p, &h, group)
		return
	}
	y.deliver(in, p, &h, group)
}
