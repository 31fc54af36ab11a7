package ipv6

import (
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

var addressUnreachable = icmpv6.Header{Type: icmpv6.Unreachable, Code: icmpv6.AddressUnreachable} // never written

// sendError tells the source of the packet p, which begins with its header, what is wrong with it, if it may be told. As
// much of it is quoted as fits into the least MTU (RFC 4443, 2.4 (c)). p stays the caller's; what is dropped is counted at
// the interface at, by which p came or should have left.
func (y *Layer) sendError(at *iface.Iface, p *packet.Packet, m icmpv6.Header) {
	h, payload, err := ipv6.Parse(p.Bytes())
	if err != nil || !y.mayHearError(&h, payload, p.Cast, m) {
		at.Stats.Drop(stats.ICMPNotSent)
		return
	}
	if !y.limit.Take(y.loop.Now()) { // 2.4 (f)
		at.Stats.Drop(stats.ICMPRateLimit)
		return
	}
	l := y.linkOf(at, h.Src)
	s := ip.Send{Dst: l.netip(h.Src), Protocol: wire.ICMPv6}
	if y.isOwn(h.Dst) { // 2.2
		s.Src = y.linkOf(at, h.Dst).netip(h.Dst)
	}
	by, err := y.Path(&s)
	if err != nil {
		at.Stats.Drop(stats.IPNoRoute)
		return
	}
	quote := p.Bytes()[:min(ipv6.HeaderLen+int(h.PayloadLen), p.Len(), ipv6.MinMTU-ipv6.HeaderLen-icmpv6.HeaderLen)]
	q := y.pool.Get(ip.Headroom, icmpv6.HeaderLen+len(quote))
	if q == nil {
		at.Stats.Drop(stats.NoBuffer)
		return
	}
	icmpv6.Put(q.Bytes(), m)
	copy(q.Bytes()[icmpv6.HeaderLen:], quote)
	by.Out.Stats.ICMPv6.ErrorsSent++
	if m.Type == icmpv6.PacketTooBig {
		by.Out.Stats.PathMTU6.Sent++
	}
	_ = y.Output(q, &s, by) // counted there
}

// MayTell takes one from what may be told of others' packets at a time (RFC 4443, 2.4 (f); RFC 4861, 8.2).
func (y *Layer) MayTell() bool { return y.limit.Take(y.loop.Now()) }

// mayHearError is the list of RFC 4443, 2.4 (e): about which packets no error is sent.
func (y *Layer) mayHearError(h *ipv6.Header, payload []byte, cast packet.Cast, m icmpv6.Header) bool {
	switch { // (6): sources that do not name one node
	case h.Src.IsUnspecified(), h.Src.IsMulticast(), h.Src.IsLoopback() && !y.isOwn(h.Src):
		return false
	}
	if l := y.find(h.Src, nil); l != nil && l.flags&Anycast != 0 {
		return false
	}
	toAll := h.Dst.IsMulticast() || cast != packet.Unicast // (3) to (5), with their two exceptions
	if toAll && m.Type != icmpv6.PacketTooBig && !(m.Type == icmpv6.ParameterProblem && m.Code == icmpv6.UnknownOption) {
		return false
	}
	proto, at, fragment, ok := ipv6.Upper(h.NextHeader, payload)
	if !ok || fragment || proto != wire.ICMPv6 {
		return true
	}
	if at >= len(payload) { // nobody can tell that it is no error, unless just that is what is wrong
		return m.Type == icmpv6.ParameterProblem && m.Code == icmpv6.IncompleteFirst
	}
	t := icmpv6.Type(payload[at])
	return !t.IsError() && t != icmpv6.Redirect // (1), (2)
}
