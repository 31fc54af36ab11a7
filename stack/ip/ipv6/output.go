package ipv6

import (
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
	wirelink "github.com/conform-stack/conform/stack/wire/link"
)

// Output implements ip.Network. The checksum of ICMPv6 is filled in here, whoever sends it (RFC 3542, 3.1).
func (y *Layer) Output(p *packet.Packet, s *ip.Send, by ip.Path) error {
	h := ipv6.Header{
		TrafficClass: s.TOS, NextHeader: s.Protocol, HopLimit: s.TTL,
		Src: by.Src.As16(), Dst: s.Dst.As16(),
	}
	b := p.Bytes()
	if len(b) > ipv6.MaxPayload {
		by.Out.Drop(p, stats.IPTooBig)
		return ip.ErrTooBig
	}
	if s.Protocol == wire.ICMPv6 {
		if len(b) < 4 {
			by.Out.Drop(p, stats.ICMPInvalid)
			return ip.ErrBadOptions
		}
		icmpv6.Seal(b, wire.Pseudo6(h.Src, h.Dst, wire.ICMPv6))
		by.Out.Stats.ICMPv6.Sent++
	}
	if h.HopLimit == 0 {
		if by.Hop.Cast == packet.Multicast {
			h.HopLimit = uint8(y.c.MulticastHopLimit)
		} else {
			h.HopLimit = y.HopLimit(by.Out)
		}
	}
	if y.c.FlowLabels.On() {
		h.FlowLabel = y.labels.of(&h.Src, &h.Dst, s.Protocol, b)
	}
	s.Mark(p)
	h.PayloadLen = uint16(len(b))
	total := ipv6.HeaderLen + len(b)
	mtu := by.MTU
	if s.Fragment == ip.FragmentProbe {
		mtu = y.MTU(by.Out)
	}
	if total > mtu && (s.Fragment == ip.FragmentNever || s.Fragment == ip.FragmentProbe || !y.c.Fragmentation.On()) {
		by.Out.Drop(p, stats.IPTooBig)
		return ip.ErrTooBig
	}
	ipv6.Put(p.Prepend(ipv6.HeaderLen), h)
	by.Out.Stats.IPv6.Sent++
	if by.Hop.Cast == packet.Multicast {
		if s.Loop && y.groups.wants(by.Out, h.Dst) {
			y.loopBack(by.Out, p.Bytes())
		}
		if h.Dst.Scope() <= ipv6.ScopeInterface && !by.Out.Loopback { // RFC 4291, 2.7.1: not onto the link
			p.Free()
			return nil
		}
	}
	if total > mtu {
		return y.fragment(p, mtu, by)
	}
	y.transmit(p, by.Out, by.Hop)
	return nil
}

// transmit sends a packet to a hop.
func (y *Layer) transmit(p *packet.Packet, out *iface.Iface, hop iface.Hop) {
	if hop.Cast == packet.Unicast && hop.Link.IsZero() && y.Neighbours != nil && !out.Loopback {
		y.Neighbours.Send(out, p, hop.Addr.As16())
		return
	}
	out.Output(iface.IPv6, p, hop)
}

// fragment sends a packet in pieces that fit (RFC 8200, 4.5). Only the source does; what is sent here has no extension
// headers that every piece would have to carry.
func (y *Layer) fragment(p *packet.Packet, mtu int, by ip.Path) error {
	defer p.Free()
	s := by.Out.Stats
	s.IPv6.Fragmented++
	h, data, _ := ipv6.Parse(p.Bytes()) // it was written here
	f := ipv6.FragmentHeader{Next: h.NextHeader, ID: y.ids.Uint32()}
	h.NextHeader = wire.Fragment
	most := (mtu - ipv6.HeaderLen - ipv6.FragmentLen) &^ 7
	for at := 0; at < len(data); {
		n := min(most, len(data)-at)
		f.Offset, f.More = uint16(at), at+n < len(data)
		h.PayloadLen = uint16(ipv6.FragmentLen + n)
		q := y.pool.Get(ip.Headroom, ipv6.HeaderLen+ipv6.FragmentLen+n)
		if q == nil {
			s.Drop(stats.NoBuffer)
			return ip.ErrNoBuffer
		}
		q.Priority = p.Priority
		b := q.Bytes()
		ipv6.Put(b, h)
		ipv6.PutFragment(b[ipv6.HeaderLen:], f)
		copy(b[ipv6.HeaderLen+ipv6.FragmentLen:], data[at:at+n])
		s.IPv6.FragmentsSent++
		y.transmit(q, by.Out, by.Hop)
		at += n
	}
	return nil
}

// A Raw says how a message that somebody else made is sent: one of Neighbor Discovery or MLD, whose source and way do not
// follow from routes.
type Raw struct {
	Out      *iface.Iface
	Src, Dst Addr
	Link     wirelink.Addr // of Dst; the zero Addr: it follows from a group, or is found out
	HopLimit uint8
	Alert    bool // with a Router Alert (RFC 2711)
}

// alert is the Hop-by-Hop Options header of MLD (RFC 2710, 3; RFC 3810, 5).
var alert = [8]byte{byte(wire.ICMPv6), 0, byte(ipv6.RouterAlert), 2, 0, ipv6.AlertMLD, byte(ipv6.PadN), 0} // never written

// SendMessage sends a message of ICMPv6, whose checksum it fills in. It is false without a buffer, or when the interface is
// down.
func (y *Layer) SendMessage(r Raw, m []byte) bool {
	if l := y.link(r.Out); l == nil || l.disabled || !r.Out.Up() {
		return false
	}
	n := ipv6.HeaderLen
	if r.Alert {
		n += len(alert)
	}
	p := y.pool.Get(ip.Headroom, n+len(m))
	if p == nil {
		r.Out.Stats.Drop(stats.NoBuffer)
		return false
	}
	h := ipv6.Header{PayloadLen: uint16(n - ipv6.HeaderLen + len(m)), NextHeader: wire.ICMPv6, HopLimit: r.HopLimit, Src: r.Src, Dst: r.Dst}
	b := p.Bytes()
	if r.Alert {
		h.NextHeader = wire.HopByHop
		copy(b[ipv6.HeaderLen:], alert[:])
	}
	ipv6.Put(b, h)
	copy(b[n:], m)
	icmpv6.Seal(b[n:], wire.Pseudo6(r.Src, r.Dst, wire.ICMPv6))
	r.Out.Stats.ICMPv6.Sent++
	r.Out.Stats.IPv6.Sent++
	hop := iface.Hop{Addr: r.Dst.Netip(), Link: r.Link}
	if r.Dst.IsMulticast() {
		hop.Cast = packet.Multicast
	}
	y.transmit(p, r.Out, hop)
	return true
}

// SendFar sends a message of ICMPv6 that others forward, from an address that is chosen unless src is one; it is false when
// there is no way to dst, or no buffer.
func (y *Layer) SendFar(src, dst Addr, hopLimit uint8, m []byte) bool {
	s := ip.Send{Dst: dst.Netip(), Protocol: wire.ICMPv6, TTL: hopLimit}
	if !src.IsUnspecified() {
		s.Src = src.Netip()
	}
	by, err := y.Path(&s)
	if err != nil {
		return false
	}
	p := y.pool.Copy(ip.Headroom, m)
	if p == nil {
		by.Out.Stats.Drop(stats.NoBuffer)
		return false
	}
	return y.Output(p, &s, by) == nil
}
