package ipv4

import (
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// maxError is the length of the largest datagram that carries an error: as much of the offending one is quoted as fits
// (RFC 1812, 4.3.2.3; RFC 1122, 3.2.2 allows it).
const maxError = 576

// sendError tells the source of the datagram p, which begins with its header as it was received, what is wrong with it,
// if it may be told. p stays the caller's. in is the interface by which the datagram came.
func (y *Layer) sendError(in *iface.Iface, p *packet.Packet, m icmpv4.Header) {
	h, payload, err := ipv4.Parse(p.Bytes())
	if err != nil || !y.config.Have.ICMPv4.On() || p.Cast != packet.Unicast || !y.mayHearError(in, &h, payload) {
		in.Stats.Drop(stats.ICMPNotSent)
		return
	}
	if !y.limit.Take(y.loop.Now()) {
		in.Stats.Drop(stats.ICMPRateLimit)
		return
	}
	s := ip.Send{Dst: h.Src.Netip(), Protocol: wire.ICMPv4} // TOS 0 (RFC 1122, 3.2.2)
	if y.isOwn(h.Dst) {
		s.Src = h.Dst.Netip()
	}
	by, err := y.Path(&s)
	if err != nil {
		in.Stats.DropIPv4(stats.IPNoRoute)
		return
	}
	quote := p.Bytes()[:min(int(h.TotalLen), p.Len(), maxError-ipv4.MinHeader-icmpv4.HeaderLen)]
	q := y.pool.Get(ip.Headroom, icmpv4.HeaderLen+len(quote))
	if q == nil {
		by.Out.Stats.Drop(stats.NoBuffer)
		return
	}
	icmpv4.Put(q.Bytes(), m)
	copy(q.Bytes()[icmpv4.HeaderLen:], quote)
	icmpv4.Seal(q.Bytes())
	by.Out.Stats.ICMP.Sent++
	by.Out.Stats.ICMP.ErrorsSent++
	if m.Type == icmpv4.Unreachable && m.Code == icmpv4.FragmentationNeeded {
		by.Out.Stats.PathMTU4.Sent++
	}
	_ = y.Output(q, &s, by) // counted there
}

// mayHearError is the list of RFC 1122, 3.2.2: about which datagrams no error is sent. That a datagram came as a link
// broadcast the packet knows. A datagram of this host itself is one that came by the loopback interface.
func (y *Layer) mayHearError(in *iface.Iface, h *ipv4.Header, payload []byte) bool {
	switch {
	case h.FragOffset != 0, // not the first fragment
		y.classify(h.Dst) == group, y.classify(h.Dst) == broadcast,
		!in.Loopback && (!y.singleHost(h.Src) || y.isOwn(h.Src)):
		return false
	case h.Protocol == wire.ICMPv4:
		return len(payload) > 0 && isQuery(icmpv4.Type(payload[0])) // of an unknown type: it may be an error
	}
	return true
}

// isQuery tells whether a type is known not to be an error.
func isQuery(t icmpv4.Type) bool {
	switch t {
	case icmpv4.EchoRequest, icmpv4.EchoReply, icmpv4.TimestampRequest, icmpv4.TimestampReply,
		icmpv4.RouterSolicitation, icmpv4.RouterAdvertisement, icmpv4.InformationRequest, icmpv4.InformationReply,
		icmpv4.AddressMaskRequest, icmpv4.AddressMaskReply:
		return true
	}
	return false
}
