package ieee802154

import (
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	wire "github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/link"
)

// Output implements iface.L2. Neighbours are resolved above, by ND; a group is everybody.
func (l *Link) Output(proto iface.Protocol, p *packet.Packet, to iface.Hop) {
	dst := to.Link
	switch {
	case proto != iface.IPv6 || l.above == nil:
		l.iface.Drop(p, stats.UnknownType)
		return
	case to.Cast != packet.Unicast:
		dst = wire.Short(wire.Broadcast)
	case dst.Len() != 2 && dst.Len() != 8:
		l.iface.Drop(p, stats.NoLinkAddr)
		return
	}
	l.above.Output(p, dst)
}

// Deliver owns a packet of IPv6 that came in.
func (l *Link) Deliver(p *packet.Packet) { l.iface.Deliver(iface.IPv6, p) }

// header is that of a data frame with some octets of payload. Without a source it has the short address, if there is one.
func (l *Link) header(src, dst link.Addr, payload int) wire.Header {
	m := l.mac
	if src.IsZero() {
		src = l.addrs[1]
	}
	if src.IsZero() {
		src = l.addrs[0]
	}
	h := wire.Header{Type: wire.Data, Seq: l.dsn, Dst: dst, DstPAN: m.pan, Src: src, Compressed: true}
	h.AckRequest = !m.config.NoAckRequest && !everybody(&h)
	s := &m.config.Security
	if s.Level != wire.None {
		h.Version, h.Secured = wire.V2006, true
		h.Security = wire.Security{Level: s.Level, KeyMode: s.KeyMode}
		if s.KeyMode != wire.KeyImplicit {
			h.Security.Index = s.Index
		}
	}
	if payload > safePayload { // the edition of 2003 takes no more (7.2.1.9)
		h.Version = wire.V2006
	}
	if m.config.Version2015 {
		h.Version = wire.V2015
		h.Compressed = dst.Len() == 2 || src.Len() == 2 // between extended addresses it would leave out both PANs
	}
	return h
}

// Room is how many octets of payload a frame from src to dst takes.
func (l *Link) Room(src, dst link.Addr) int {
	h := l.header(src, dst, 0)
	return wire.MaxFrame - h.Len() - h.MICLen() - wire.FCSLen
}

// Protects tells whether frames to a station carry a code that is made with a key.
func (l *Link) Protects(link.Addr) bool { return l.mac.config.Security.Level.MICLen() > 0 }

// Send owns a payload and sends it in a data frame. There is HeaderRoom in front of it, and it is not longer than Room. A
// frame for a station that polls waits until it does.
func (l *Link) Send(p *packet.Packet, src, dst link.Addr) {
	i := l.iface
	h := l.header(src, dst, p.Len())
	n := h.Len()
	total := n + p.Len() + h.MICLen() + wire.FCSLen
	switch {
	case l.mac.pan == wire.Broadcast: // in no network
		i.Drop(p, stats.NoLinkAddr)
		return
	case total > wire.MaxFrame:
		i.Drop(p, stats.FrameInvalid)
		return
	}
	l.dsn++
	wire.Put(p.Prepend(n), h)
	if !p.Grow(total) {
		i.Drop(p, stats.NoBuffer)
		return
	}
	if everybody(&h) {
		i.Stats.Link.BroadcastSent++
	}
	if c := l.coordinator; c != nil && c.sleeps(dst) {
		c.keep(dst, p)
		return
	}
	i.Transmit(p)
}
