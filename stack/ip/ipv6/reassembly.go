package ipv6

import (
	"encoding/binary"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// reassembly puts packets together (RFC 8200, 4.5). What may be kept is bounded in packets and in memory; a new one makes
// the oldest give way.
type reassembly struct {
	y     *Layer
	parts map[partKey]*partial
	idle  *partial
	bytes int // charged for all parts
	made  uint64
}

// partKey is what the fragments of a packet have in common.
type partKey struct {
	src, dst Addr
	id       uint32
}

// partial is a packet of which something is missing. Its data lies where it belongs.
type partial struct {
	r       *reassembly
	key     partKey
	in      *iface.Iface
	kind    kind
	made    uint64
	buf     *packet.Packet
	have    []span        // what is there, in order, joined where it meets
	total   int           // of the data, once the last fragment is there; 0 before
	front   []byte        // what is in front of the Fragment header in the first fragment; empty before it is there
	named   int           // the offset in front of the Next Header field that names what follows
	next    wire.Protocol // what follows
	first   int           // octets of data in the first fragment
	arrived arrival
	cast    packet.Cast
	dead    bool // it overlapped: what comes is dropped until its time is over (RFC 5722, 4)
	charged int  // of bytes
	timeout clock.Timer
	free    *partial // next of idle
}

func (r *reassembly) init(y *Layer) { r.y, r.parts = y, map[partKey]*partial{} }

// input owns a fragment, whose Fragment header is at an offset and was named by the field at another one. When it is the
// last one missing the packet goes on.
func (r *reassembly) input(in *iface.Iface, p *packet.Packet, h *ipv6.Header, k kind, f ipv6.FragmentHeader, named, at int) {
	y := r.y
	data := p.Bytes()[at+ipv6.FragmentLen:]
	from, to := int(f.Offset), int(f.Offset)+len(data)
	switch {
	case f.More && len(data)%8 != 0: // 4.5: the pointer is to the Payload Length
		y.refuse(in, p, stats.FragInvalid, icmpv6.BadParameter(icmpv6.ErroneousField, 4))
		return
	case at-ipv6.HeaderLen+to > ipv6.MaxPayload: // the pointer is to the Fragment Offset
		y.refuse(in, p, stats.FragInvalid, icmpv6.BadParameter(icmpv6.ErroneousField, at+2))
		return
	case at > frontRoom-iface.Headroom-ipv6.FragmentLen: // RFC 8504, 5.3
		in.Drop(p, stats.ExtHeader)
		return
	case from == 0 && !wholeChain(f.Next, data): // RFC 7112, 5
		y.refuse(in, p, stats.FragInvalid, icmpv6.BadParameter(icmpv6.IncompleteFirst, 0))
		return
	}
	defer p.Free()
	if len(data) == 0 {
		in.Stats.Drop(stats.FragInvalid)
		return
	}
	if !y.c.Fragmentation.On() {
		in.Stats.Drop(stats.FragNoBuffer)
		return
	}
	d := r.find(in, k, partKey{h.Src, h.Dst, f.ID})
	switch {
	case d.dead:
		in.Stats.Drop(stats.FragInvalid)
		return
	case d.repeats(from, to, data): // 4.5 lets exact duplicates be ignored
		in.Stats.Drop(stats.FragInvalid)
		return
	case d.overlaps(from, to), d.total != 0 && (to > d.total || !f.More), !f.More && to < d.end(): // 4.5; RFC 5722, 4
		in.Stats.Drop(stats.FragInvalid)
		r.kill(d)
		return
	}
	if !r.room(d, max(to, d.end())) || !r.insert(d, span{from, to}) {
		in.Stats.Drop(stats.FragNoBuffer)
		r.release(d)
		return
	}
	copy(d.buf.Bytes()[from:], data)
	if !f.More {
		d.total = to
	}
	if from == 0 {
		d.front = append(d.front[:0], p.Bytes()[:at]...)
		d.named, d.next, d.first = named, f.Next, len(data)
		d.cast, d.arrived = p.Cast, y.arrived
		d.buf.LinkSrc, d.buf.Priority = p.LinkSrc, p.Priority
	}
	if d.whole() {
		r.complete(d)
	}
}

// wholeChain tells whether a first fragment holds all headers, that of the upper layer included.
func wholeChain(next wire.Protocol, data []byte) bool {
	proto, at, _, ok := ipv6.Upper(next, data)
	if !ok {
		return false
	}
	n := 0
	switch proto {
	case wire.TCP:
		n = 20
	case wire.UDP, wire.ICMPv6:
		n = 8
	}
	return len(data) >= at+n
}

// complete sends a packet on its way, without the Fragment header.
func (r *reassembly) complete(d *partial) {
	p, in, k, at, named, next := d.buf, d.in, d.kind, len(d.front), d.named, d.next
	arrived := d.arrived
	p.SetLen(d.total)
	if at-ipv6.HeaderLen+d.total > ipv6.MaxPayload { // the first fragment had more in front than others
		in.Stats.Drop(stats.FragInvalid)
		r.release(d)
		return
	}
	b := p.Prepend(at)
	copy(b, d.front)
	b[named] = byte(next)
	binary.BigEndian.PutUint16(b[4:], uint16(at-ipv6.HeaderLen+d.total))
	p.Cast, p.Arrived = d.cast, r.y.loop.Now()
	d.buf = nil
	r.release(d)
	h, _, _ := ipv6.Parse(p.Bytes()) // it was parsed before
	in.Stats.IPv6.Reassembled++
	r.y.arrived = arrived
	r.y.walk(in, p, &h, k, next, named, at)
}

// expired is due when the time for a packet is over. Its source is told if its first fragment is there (4.5).
func (d *partial) expired() {
	r := d.r
	if !d.dead {
		d.in.Stats.Drop(stats.FragTimeout)
		if len(d.front) > 0 {
			p := d.buf
			p.SetLen(d.first)
			f := ipv6.FragmentHeader{Next: d.next, More: true, ID: d.key.id}
			ipv6.PutFragment(p.Prepend(ipv6.FragmentLen), f)
			copy(p.Prepend(len(d.front)), d.front)
			ipv6.Seal(p.Bytes())
			p.Cast = d.cast
			r.y.sendError(d.in, p, icmpv6.Header{Type: icmpv6.TimeExceeded, Code: icmpv6.ReassemblyExceeded})
		}
	}
	r.release(d)
}

// find gives the partial packet of a fragment, a new one if there is none.
func (r *reassembly) find(in *iface.Iface, k kind, key partKey) *partial {
	if d := r.parts[key]; d != nil {
		return d
	}
	if len(r.parts) >= r.y.config.Reassemblies {
		r.evict(nil)
	}
	d := r.idle
	if d == nil {
		d = &partial{r: r}
		d.timeout.Init(r.y.loop, d.expired)
	} else {
		r.idle = d.free
	}
	r.made++
	d.key, d.in, d.kind, d.made, d.free = key, in, k, r.made, nil
	d.have, d.front, d.total, d.first, d.buf, d.dead = d.have[:0], d.front[:0], 0, 0, nil, false
	d.timeout.After(r.y.c.ReassemblyTime)
	r.parts[key] = d
	return d
}

// kill drops what is there of a packet, and remembers that it is not wanted.
func (r *reassembly) kill(d *partial) {
	d.dead = true
	d.buf.Free()
	d.buf = nil
	if d.have = d.have[:0]; cap(d.have) > fewSpans {
		d.have = nil
	}
	r.charge(d, -d.charged)
}

// room makes the buffer hold n octets of data, with headroom for what the first fragment has in front. It is false when the
// memory for that is not there.
func (r *reassembly) room(d *partial, n int) bool {
	if d.buf != nil && d.buf.Grow(n) {
		return true
	}
	p := d.in.RxPool.Get(frontRoom, n)
	for p == nil {
		if !r.evict(d) {
			return false
		}
		p = d.in.RxPool.Get(frontRoom, n)
	}
	if d.buf != nil {
		copy(p.Bytes(), d.buf.Bytes())
		p.LinkSrc, p.Priority = d.buf.LinkSrc, d.buf.Priority
		d.buf.Free()
	}
	d.buf = p
	r.charge(d, p.Cap()-d.charged)
	return r.within(d)
}

// frontRoom holds headers in front of the data: as many as a fragment of an ordinary link can have.
const frontRoom = iface.Headroom + ipv6.HeaderLen + ipv6.FragmentLen + 144

// within makes others give way until the memory is enough.
func (r *reassembly) within(d *partial) bool {
	for r.bytes > r.y.config.ReassemblyBytes {
		if !r.evict(d) {
			return false
		}
	}
	return true
}

func (r *reassembly) charge(d *partial, octets int) {
	d.charged += octets
	r.bytes += octets
}

// evict drops the oldest packet other than keep, and tells whether there was one.
func (r *reassembly) evict(keep *partial) bool {
	var oldest *partial
	for _, d := range r.parts { // in any order: no two are of the same age
		if d != keep && (oldest == nil || d.made < oldest.made) {
			oldest = d
		}
	}
	if oldest == nil {
		return false
	}
	oldest.in.Stats.Drop(stats.FragEvicted)
	r.release(oldest)
	return true
}

// release forgets a packet.
func (r *reassembly) release(d *partial) {
	d.timeout.Stop()
	r.charge(d, -d.charged)
	if d.buf != nil {
		d.buf.Free()
		d.buf = nil
	}
	if cap(d.have) > fewSpans {
		d.have = nil
	}
	delete(r.parts, d.key)
	d.free, r.idle = r.idle, d
}

func (r *reassembly) detach(i *iface.Iface) {
	for _, d := range r.parts {
		if d.in == i {
			r.release(d)
		}
	}
}

func (r *reassembly) clear() {
	for _, d := range r.parts {
		r.release(d)
	}
}

// Reassembling is how many packets are in reassembly.
func (y *Layer) Reassembling() int { return len(y.reasm.parts) }
