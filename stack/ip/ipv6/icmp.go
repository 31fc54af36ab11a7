package ipv6

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// acceptICMP judges a message before anybody sees it, raw sockets among them (RFC 3542, 3.1). It is false when the packet
// is gone.
func (y *Layer) acceptICMP(in *iface.Iface, p *packet.Packet, d *ip.Datagram) bool {
	in.Stats.ICMPv6.Received++
	switch {
	case p.Len() < icmpv6.HeaderLen:
		in.Drop(p, stats.ICMPInvalid)
	case icmpv6.Verify(p.Bytes(), d.Pseudo) != nil:
		in.Drop(p, stats.ICMPChecksum)
	default:
		return true
	}
	return false
}

// icmp is the Layer, as the demultiplexer sees its ICMPv6.
type icmp struct{ y *Layer }

// Input implements ip.Upper.
func (c icmp) Input(p *packet.Packet, d *ip.Datagram) ip.Verdict {
	y := c.y
	m, body, _ := icmpv6.Parse(p.Bytes()) // it is long enough
	switch m.Type {
	case icmpv6.EchoRequest:
		y.echo(p, d, m)
	case icmpv6.EchoReply: // for whoever asked: raw sockets have seen it
	case icmpv6.RouterSolicit, icmpv6.RouterAdvert, icmpv6.NeighborSolicit, icmpv6.NeighborAdvert, icmpv6.Redirect:
		d.In.Stats.ND.Received++
		y.hand(y.Neighbours, p, d)
	case icmpv6.ListenerQuery, icmpv6.ListenerReport, icmpv6.ListenerDone, icmpv6.ListenerReport2:
		d.In.Stats.MLD.Received++
		y.hand(y.Listening, p, d)
	case icmpv6.DuplicateRequest, icmpv6.DuplicateConfirm:
		if y.Registering == nil {
			d.In.Stats.Drop(stats.ICMPUnknown)
			break
		}
		d.In.Stats.ND.Received++
		y.hand(y.Registering, p, d)
	default:
		if m.Type.IsError() { // RFC 4443, 2.4 (a): of an unknown type, too
			d.In.Stats.ICMPv6.ErrorsReceived++
			y.errorInput(d, m, body)
		} else { // 2.4 (b): silently
			d.In.Stats.Drop(stats.ICMPUnknown)
		}
	}
	p.Free()
	return ip.Accepted
}

// hand gives a message to whom it concerns.
func (y *Layer) hand(to Handler, p *packet.Packet, d *ip.Datagram) {
	if to == nil || d.In.Loopback {
		d.In.Stats.Drop(stats.ICMPIgnored)
		return
	}
	y.message = Message{
		In: d.In, Src: d.Src.As16(), Dst: d.Dst.As16(), HopLimit: d.TTL, LinkSrc: p.LinkSrc,
		Fragmented: y.arrived.fragmented, Alert: y.arrived.alert, Bytes: p.Bytes(),
	}
	to.Message(&y.message)
}

// Error implements ip.Upper: nobody is told that a message did not arrive but raw sockets, and those were.
func (icmp) Error(*ip.Error) {}

// echo answers an echo request: all of it comes back (RFC 4443, 4.2), from the address that was asked, or, when that was a
// group's or an anycast address, from one of this host's. p stays the caller's.
func (y *Layer) echo(p *packet.Packet, d *ip.Datagram, m icmpv6.Header) {
	if d.Src.IsUnspecified() {
		d.In.Stats.Drop(stats.ICMPIgnored)
		return
	}
	s := ip.Send{Src: d.Dst, Dst: d.Src, Protocol: wire.ICMPv6, TOS: d.TOS}
	if d.Cast != packet.Unicast || !y.isOwn(d.Dst.As16()) {
		s.Src = netip.Addr{}
	}
	by, err := y.Path(&s)
	if err != nil {
		d.In.Stats.Drop(stats.IPNoRoute)
		return
	}
	q := y.pool.Copy(ip.Headroom, p.Bytes())
	if q == nil {
		d.In.Stats.Drop(stats.NoBuffer)
		return
	}
	q.Priority = p.Priority
	m.Type, m.Code = icmpv6.EchoReply, 0
	icmpv6.Put(q.Bytes(), m)
	if y.Output(q, &s, by) == nil {
		d.In.Stats.ICMPv6.Echoes++
	}
}

// errorInput acts on an error and passes it on to the protocol of the packet that it quotes (RFC 4443, 2.4 (d)).
func (y *Layer) errorInput(d *ip.Datagram, m icmpv6.Header, body []byte) {
	about, quoted, err := ipv6.Parse(body)
	if err != nil {
		d.In.Stats.Drop(stats.ICMPInvalid)
		return
	}
	if !y.isOwn(about.Src) || d.Cast != packet.Unicast || y.classify(nil, about.Dst) == own && !d.In.Loopback {
		d.In.Stats.Drop(stats.ICMPIgnored) // not about a packet of this host
		return
	}
	proto, at, fragment, ok := ipv6.Upper(about.NextHeader, quoted)
	l := y.linkOf(d.In, about.Src)
	e := &y.fate
	*e = ip.Error{
		Fate: fateOf(m), Type: uint8(m.Type), Code: uint8(m.Code), From: d.Src,
		Src: l.netip(about.Src), Dst: l.netip(about.Dst), Protocol: proto,
	}
	if ok && !fragment {
		e.Quote = quoted[at:]
	}
	if m.Type == icmpv6.PacketTooBig && !y.tooBig(d, m, &about, e) {
		return
	}
	if e.Quote == nil { // the upper layer is not in it (2.4 (d))
		d.In.Stats.Drop(stats.ICMPIgnored)
		return
	}
	y.demux.Error(e)
}

// tooBig takes in a Packet Too Big. It is false for one that is not believed (RFC 8201, 4): the packet that it quotes must
// be one that this host may have sent, and larger than the MTU told; that must be one that a link may have, and less than
// is known already.
func (y *Layer) tooBig(d *ip.Datagram, m icmpv6.Header, about *ipv6.Header, e *ip.Error) bool {
	s := d.In.Stats
	s.PathMTU6.Received++
	mtu := int(m.MTU())
	sent := ipv6.HeaderLen + int(about.PayloadLen)
	e.MTU = mtu
	known := e.Quote == nil || y.demux.Sent(e)
	if !y.c.PathMTU.On() || m.MTU() < ipv6.MinMTU || m.MTU() >= 1<<16 || sent <= mtu || !known {
		s.Drop(stats.ICMPIgnored)
		return false
	}
	by, err := y.Path(&ip.Send{Dst: e.Dst})
	if err != nil || mtu >= by.MTU {
		e.MTU = by.MTU // what was sent before the estimate was lowered: its sender learns the estimate
		return err == nil
	}
	s.PathMTU6.Believed++
	y.dests.lower(about.Dst, mtu)
	event.Raise(y.Events, event.Event{Code: event.IPv6PMTUChanged, Iface: by.Out.Index, Addr: e.Dst, MTU: mtu})
	e.MTU = mtu
	return true
}

// fateOf reads type and code (RFC 4443, 3).
func fateOf(m icmpv6.Header) ip.Fate {
	switch m.Type {
	case icmpv6.PacketTooBig:
		return ip.TooBig
	case icmpv6.TimeExceeded:
		return ip.TimeExceeded
	case icmpv6.ParameterProblem:
		if m.Code == icmpv6.UnknownNextHeader {
			return ip.ProtocolUnreachable
		}
		return ip.ParameterProblem
	case icmpv6.Unreachable:
		switch m.Code {
		case icmpv6.Prohibited, icmpv6.SourcePolicy, icmpv6.RejectRoute:
			return ip.Prohibited
		case icmpv6.BeyondScope, icmpv6.AddressUnreachable:
			return ip.HostUnreachable
		case icmpv6.PortUnreachable:
			return ip.PortUnreachable
		}
		return ip.NetUnreachable
	}
	return ip.UnknownError
}
