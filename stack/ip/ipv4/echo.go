package ipv4

import (
	"encoding/binary"
	"net/netip"

	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
)

// echo answers an echo request: all of it comes back (RFC 1122, 3.2.2.6). p stays the caller's.
func (y *Layer) echo(p *packet.Packet, d *ip.Datagram, m icmpv4.Header) {
	if q := y.answer(p, d); q != nil {
		m.Type, m.Code = icmpv4.EchoReply, 0
		if y.reply(p, q, d, m) {
			d.In.Stats.ICMP.Echoes++
		}
	}
}

// timestamp answers a timestamp request (RFC 792; RFC 1122, 3.2.2.8). What came when is known to a nanosecond, and no
// time passes here.
func (y *Layer) timestamp(p *packet.Packet, d *ip.Datagram, m icmpv4.Header, body []byte) {
	if _, _, err := icmpv4.ParseTimestamps(body); err != nil {
		d.In.Stats.Drop(stats.ICMPInvalid)
		return
	}
	q := y.answer(p, d)
	if q == nil {
		return
	}
	now := y.timeOfDay()
	b := q.Bytes()[icmpv4.HeaderLen:]
	binary.BigEndian.PutUint32(b[4:], now)
	binary.BigEndian.PutUint32(b[8:], now)
	m.Type, m.Code = icmpv4.TimestampReply, 0
	y.reply(p, q, d, m)
}

// answer copies a request that may be answered; nil for one that may not, or without a buffer.
func (y *Layer) answer(p *packet.Packet, d *ip.Datagram) *packet.Packet {
	if d.Cast != packet.Unicast && !y.config.EchoBroadcast.On() || d.Src.IsUnspecified() {
		d.In.Stats.Drop(stats.ICMPIgnored)
		return nil
	}
	q := y.pool.Copy(ip.Headroom, p.Bytes())
	if q == nil {
		d.In.Stats.Drop(stats.NoBuffer)
		return nil
	}
	q.Priority = p.Priority
	return q
}

// reply sends q in answer to the request p, from the address that was asked (RFC 1122, 3.2.2.6), with its options
// (echoOptions) and its TOS. It tells whether q was sent.
func (y *Layer) reply(p, q *packet.Packet, d *ip.Datagram, m icmpv4.Header) bool {
	m.Checksum = 0
	icmpv4.Put(q.Bytes(), m)
	icmpv4.Seal(q.Bytes())
	s := ip.Send{Src: d.Dst, Dst: d.Src, Protocol: wire.ICMPv4, TOS: d.TOS}
	if d.Cast != packet.Unicast { // the interface's address (RFC 1122, 3.3.4.2)
		s.Src, s.Out = netip.Addr{}, d.In
	}
	if d.Options != nil && y.config.IPOptions.On() {
		options, at, err := y.echoOptions(y.echoed[:0], d)
		if err != nil {
			q.Free()
			p.Prepend(len(d.Header))
			y.sendError(d.In, p, icmpv4.BadParameter(uint8(at)))
			p.TrimFront(len(d.Header))
			d.In.Stats.DropIPv4(stats.IPOption)
			return false
		}
		if len(options) > 0 {
			s.Options = options
		}
	}
	by, err := y.Path(&s)
	if err != nil {
		drop(d.In, q, stats.IPNoRoute)
		return false
	}
	by.Out.Stats.ICMP.Sent++
	return y.Output(q, &s, by) == nil
}
