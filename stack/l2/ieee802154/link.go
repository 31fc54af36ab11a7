package ieee802154

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/event"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	wire "github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/link"
)

// Payload is what taps are told that a data frame carries: LoWPAN encapsulation (RFC 7973).
const Payload iface.Protocol = 0xa0ed

// headerLen is the longest header of a data frame that this link sends: version 2, extended addresses, one PAN, and a key
// by its index.
const headerLen = 2 + 1 + 2 + 8 + 8 + 6

// A Link is the upper half, on one interface.
type Link struct {
	iface *iface.Iface
	mac   *MAC
	above Adaptation
	sink  event.Sink
	addrs [2]link.Addr // extended, short
	dsn   uint8        // macDsn: the next sequence number
	bsn   uint8        // macBsn: likewise of beacons

	timer       clock.Timer // of the scan or the association that is under way
	scan        scan
	join        join
	parent      link.Addr // the coordinator that the station is associated with; none: it is not
	parent8     link.Addr // its extended address, if it is known
	coordinator *coordinator
}

// New makes the link layer of an interface whose device is m, or a wrapper around it, and sets it there.
func New(i *iface.Iface, m *MAC) *Link {
	l := &Link{iface: i, mac: m, dsn: uint8(m.random.Uint32()), bsn: uint8(m.random.Uint32())}
	m.link, m.stats = l, i.Stats
	l.timer.Init(i.Loop, l.due)
	l.addrs[0] = m.extended
	l.readdress()
	if i.Kind == iface.KindOther {
		i.Kind = iface.KindIEEE802154
	}
	i.SetLink(l)
	return l
}

// Use says who carries packets of the network layer. It comes before the interface is up.
func (l *Link) Use(a Adaptation) {
	l.above = a
	l.iface.SetMTU(0) // that of the adaptation layer
}

// SetSink says who is told of scans and associations.
func (l *Link) SetSink(s event.Sink) { l.sink = s }

// MAC is the lower half.
func (l *Link) MAC() *MAC { return l.mac }

// Headroom implements iface.L2.
func (l *Link) Headroom() int {
	if l.above == nil {
		return headerLen
	}
	return min(iface.Headroom, headerLen+l.above.Headroom())
}

// HeaderRoom is what Send needs in front of a payload, in octets.
func (*Link) HeaderRoom() int { return headerLen }

// MTU implements iface.L2: what the adaptation layer takes, and without one nothing but what fits into a frame.
func (l *Link) MTU() int {
	if l.above == nil {
		return l.Room(l.addrs[0], l.addrs[0])
	}
	return l.above.MTU()
}

// Addrs implements iface.L2: the extended address, and the short one if the station has one.
func (l *Link) Addrs() []link.Addr {
	if l.addrs[1].IsZero() {
		return l.addrs[:1]
	}
	return l.addrs[:]
}

// readdress puts the short address among the addresses, or takes it from there.
func (l *Link) readdress() {
	l.addrs[1] = link.Addr{}
	if s := l.mac.short; s != wire.Broadcast && s != wire.Unassigned {
		l.addrs[1] = wire.Short(s)
	}
}

// PAN is the identifier of the network, wire.Broadcast for none.
func (l *Link) PAN() uint16 { return l.mac.pan }

// Priority implements iface.L2: a frame says nothing of it.
func (l *Link) Priority([]byte) uint8 { return l.iface.RxPriority() }

// Look implements iface.L2.
func (l *Link) Look(mpdu []byte) (look iface.Look, ok bool) {
	if len(mpdu) < wire.FCSLen {
		return look, false
	}
	h, _, err := wire.Parse(mpdu[:len(mpdu)-wire.FCSLen])
	if err != nil {
		return look, false
	}
	look = iface.Look{Header: h.Len(), Src: h.Src, Dst: h.Dst}
	if h.Type == wire.Data {
		look.Protocol = Payload
	}
	switch {
	case h.Type == wire.Ack || !l.mac.accepts(&h):
		look.Cast = packet.Other
	case everybody(&h):
		look.Cast = packet.Broadcast
	}
	return look, true
}

// Join implements iface.L2: frames to a group are for everybody.
func (*Link) Join(netip.Addr) {}

// Leave implements iface.L2.
func (*Link) Leave(netip.Addr) {}

// Close implements iface.L2.
func (l *Link) Close() {
	l.timer.Stop()
	if c := l.coordinator; c != nil {
		c.close()
	}
	if l.above != nil {
		l.above.Close()
	}
}

// Input implements iface.L2.
func (l *Link) Input(p *packet.Packet) {
	i := l.iface
	if p.Len() < wire.FCSLen { // the MAC has looked at it
		i.Drop(p, stats.FrameInvalid)
		return
	}
	p.SetLen(p.Len() - wire.FCSLen)
	h, payload, err := wire.Parse(p.Bytes())
	switch {
	case err != nil:
		i.Drop(p, stats.FrameInvalid)
		return
	case h.Type == wire.Ack || !l.mac.accepts(&h): // seen by taps, and no more
		i.Drop(p, stats.OtherStation)
		return
	}
	if h.Secured {
		if drop := l.open(&h, p.Bytes(), payload); drop != stats.NotDropped {
			i.Drop(p, drop)
			return
		}
		i.Stats.MAC.Opened++
		payload = payload[:len(payload)-h.MICLen()]
		p.Verified = h.MICLen() > 0
	}
	if h.HasIEs && h.HasPayloadIEs() {
		if payload, err = wire.SkipPayloadIEs(payload); err != nil {
			i.Drop(p, stats.FrameInvalid)
			return
		}
	}
	switch h.Type {
	case wire.Data:
		l.data(p, &h, payload)
	case wire.Beacon:
		i.Stats.MAC.BeaconsReceived++
		p.Free()
	case wire.Command:
		i.Stats.MAC.CommandsReceived++
		l.command(&h, payload)
		p.Free()
	}
}

// open lifts the protection of a received frame.
func (l *Link) open(h *wire.Header, frame, payload []byte) stats.Drop {
	k := &l.mac.keys
	from := k.extended(h.Src)
	if from.IsZero() && h.Src == l.parent {
		from = l.parent8
	}
	switch k.open(from, h, frame, payload) {
	case opened:
		return stats.NotDropped
	case replayed:
		return stats.FrameReplay
	}
	return stats.FrameSecurity
}

// data gives a payload to the adaptation layer. A frame without a source is of the PAN coordinator (7.2.1.10), one without
// a destination for it.
func (l *Link) data(p *packet.Packet, h *wire.Header, payload []byte) {
	i := l.iface
	if h.Src.IsZero() {
		h.Src = l.parent
	}
	if h.Dst.IsZero() {
		h.Dst = l.addrs[0]
	}
	n, short := wire.AsShort(h.Src)
	level := wire.None
	if h.Secured {
		level = h.Security.Level
	}
	switch {
	case h.Src.IsZero() || short && (n == wire.Broadcast || n == wire.Unassigned):
		i.Drop(p, stats.BadLinkSource)
		return
	case h.Src == l.addrs[0] || h.Src == l.addrs[1]:
		i.Drop(p, stats.OwnFrame)
		return
	case !enough(level, l.mac.config.Security.Require):
		i.Drop(p, stats.FrameSecurity)
		return
	case l.above == nil || len(payload) == 0:
		i.Drop(p, stats.UnknownType)
		return
	}
	if everybody(h) {
		p.Cast = packet.Broadcast
		i.Stats.Link.Broadcast++
	}
	p.LinkSrc = h.Src
	p.TrimFront(p.Len() - h.MICLen() - len(payload))
	p.SetLen(len(payload))
	l.above.Input(p, h.Src, h.Dst)
}

// enough tells whether a frame has the protection that is required of it: as long a code, and encryption (9.2).
func enough(has, want wire.Level) bool {
	return has.MICLen() >= want.MICLen() && (has.Encrypts() || !want.Encrypts())
}
