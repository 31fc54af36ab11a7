package lowpan

import (
	"time"

	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/link"
	"github.com/conform-stack/conform/stack/wire/lowpan"
)

// mesh is the part in a mesh below IPv6 (RFC 4944, 11): frames go from station to station, and a header in front of all
// others says between whom they are in the end. How routes are found is another protocol's affair; here they are set.
type mesh struct {
	a         *Adapter
	routes    map[link.Addr]link.Addr // by the final destination
	forwarder link.Addr               // for all others
	seq       uint8                   // of the next broadcast

	seen []sighting // a ring of broadcasts, the oldest at next
	next int
}

// sighting is a broadcast that was here. A sequence number is soon used again, so it is not remembered for long.
type sighting struct {
	originator link.Addr
	seq        uint8
	fragment   lowpan.Fragment // some senders give all fragments of a datagram one number
	until      time.Duration
}

// broadcastMemory is how long a broadcast is remembered: longer than it is on its way, shorter than a sender takes to send
// 256 more.
const broadcastMemory = 10 * time.Second

func (m *mesh) init(a *Adapter) {
	m.a = a
	m.routes = map[link.Addr]link.Addr{}
	m.seq = uint8(a.env.Random.Uint32())
	m.seen = make([]sighting, a.c.Broadcasts)
}

// SetRoute says by way of which station another one is reached; itself for one that is in reach. It is false when no more
// routes are kept.
func (a *Adapter) SetRoute(final, next link.Addr) bool {
	m := &a.mesh
	if _, ok := m.routes[final]; !ok && len(m.routes) >= a.c.MeshRoutes {
		return false
	}
	m.routes[final] = next
	return true
}

// RemoveRoute forgets the way to a station.
func (a *Adapter) RemoveRoute(final link.Addr) { delete(a.mesh.routes, final) }

// SetForwarder says who is sent what is for stations without a route (RFC 4944, 11); no address: they are in reach.
func (a *Adapter) SetForwarder(next link.Addr) { a.mesh.forwarder = next }

// way is how a payload goes out.
type way struct {
	from, next link.Addr   // of the frame
	meshed     bool        // with a mesh header
	broadcast  bool        // and a number
	header     lowpan.Mesh // of the mesh
}

// len is the length of the headers of the mesh, in octets.
func (w *way) len() (n int) {
	if w.meshed {
		n = w.header.Len()
	}
	if w.broadcast {
		n += lowpan.BroadcastLen
	}
	return n
}

// hop is the next station on the way to another one.
func (m *mesh) hop(final link.Addr) link.Addr {
	if next, ok := m.routes[final]; ok {
		return next
	}
	if !m.forwarder.IsZero() {
		return m.forwarder
	}
	return final
}

// way finds how a payload from src gets to dst.
func (m *mesh) way(src, dst link.Addr) way {
	w := way{from: src, next: dst}
	switch {
	case isGroup(dst):
		w.meshed, w.broadcast = m.a.c.MeshUnder.On(), m.a.c.MeshUnder.On()
	default:
		w.next = m.hop(dst)
		w.meshed = w.next != dst
	}
	if w.meshed {
		w.header = lowpan.Mesh{Originator: src, Final: dst, HopsLeft: uint8(m.a.c.MeshHops)}
	}
	return w
}

func (m *mesh) nextSeq() uint8 {
	m.seq++
	return m.seq
}

// isGroup tells whether a link address is everybody's or a group's (RFC 4944, 12).
func isGroup(a link.Addr) bool {
	return a.Len() == 2 && (a == Broadcast || a.Uint64()>>13 == 4)
}

func (m *mesh) isOwn(a link.Addr) bool {
	for _, own := range m.a.link.Addrs() {
		if own == a {
			return true
		}
	}
	return false
}

// input looks at a payload with a mesh header. When it is for this station it is left without that header, and the ends
// are those of the mesh; ok is false when the packet is gone.
func (m *mesh) input(p *packet.Packet, from link.Addr) (e ends, ok bool) {
	h, rest, err := lowpan.ParseMesh(p.Bytes())
	switch {
	case err != nil:
		m.a.drop(p, stats.LowpanInvalid)
		return e, false
	case m.isOwn(h.Originator): // a broadcast comes back
		m.a.drop(p, stats.MeshRepeat)
		return e, false
	}
	e = ends{h.Originator, h.Final}
	if !isGroup(h.Final) {
		if !m.isOwn(h.Final) {
			m.forward(p, h)
			return e, false
		}
		p.TrimFront(h.Len())
		return e, true
	}
	if len(rest) > 0 && lowpan.KindOf(rest[0], 0) == lowpan.BC0 {
		bc, rest, err := lowpan.ParseBroadcast(rest)
		if err != nil {
			m.a.drop(p, stats.LowpanInvalid)
			return e, false
		}
		if m.repeats(h.Originator, bc, rest) {
			m.a.drop(p, stats.MeshRepeat)
			return e, false
		}
		if m.a.c.MeshUnder.On() && h.HopsLeft > 1 {
			if q := m.a.env.Tx.Copy(m.a.env.Headroom, p.Bytes()); q != nil {
				q.Inherit(p)
				m.forward(q, h)
			} else {
				m.a.env.Stats.Drop(stats.NoBuffer)
			}
		}
		p.TrimFront(h.Len() + lowpan.BroadcastLen)
		return e, true
	}
	p.TrimFront(h.Len())
	return e, true
}

// bare takes a broadcast header without a mesh header off, as if the sender were its originator. ok is false when the packet
// is gone.
func (m *mesh) bare(p *packet.Packet, from link.Addr) (ok bool) {
	bc, rest, err := lowpan.ParseBroadcast(p.Bytes())
	switch {
	case err != nil:
		m.a.drop(p, stats.LowpanInvalid)
		return false
	case m.repeats(from, bc, rest):
		m.a.drop(p, stats.MeshRepeat)
		return false
	}
	p.TrimFront(lowpan.BroadcastLen)
	return true
}

// repeats tells whether a broadcast was here before, and remembers it if not (11.1).
func (m *mesh) repeats(originator link.Addr, bc lowpan.Broadcast, rest []byte) bool {
	f, _, _ := lowpan.ParseFragment(rest) // the zero value for one that is none
	now := m.a.env.Loop.Now()
	for i := range m.seen {
		s := &m.seen[i]
		if s.originator == originator && s.seq == bc.Seq && s.fragment == f && s.until > now {
			return true
		}
	}
	m.seen[m.next] = sighting{originator, bc.Seq, f, now + broadcastMemory}
	m.next = (m.next + 1) % len(m.seen)
	return false
}

// forward owns a payload with a mesh header that goes on to another station, or to all.
func (m *mesh) forward(p *packet.Packet, h lowpan.Mesh) {
	own := m.a.link.Addrs()
	switch {
	case !m.a.c.MeshUnder.On() || len(own) == 0:
		m.a.drop(p, stats.MeshRefused)
		return
	case h.HopsLeft <= 1:
		m.a.drop(p, stats.MeshHops)
		return
	}
	h.HopsLeft-- // its place is as long as it was
	lowpan.PutMesh(p.Bytes(), h)
	from, next := own[len(own)-1], h.Final
	if !isGroup(h.Final) {
		next = m.hop(h.Final)
	}
	if p.Len() > m.a.link.Room(from, next) {
		m.a.drop(p, stats.IPTooBig)
		return
	}
	if p = m.a.withHeadroom(p, 0); p != nil {
		p.Cast = packet.Outgoing
		m.a.env.Stats.Lowpan.Forwarded++
		m.a.link.Send(p, from, next)
	}
}
