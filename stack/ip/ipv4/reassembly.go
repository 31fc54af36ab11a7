package ipv4

import (
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// reassembly puts datagrams together (RFC 791, 3.2; RFC 815; RFC 1122, 3.3.2). What may be kept is bounded in datagrams
// and in memory; a new one makes the oldest give way.
type reassembly struct {
	y     *Layer
	parts map[partKey]*partial
	idle  *partial
	bytes int // charged for all parts
	made  uint64
}

// partKey is what the fragments of a datagram have in common.
type partKey struct {
	src, dst ipv4.Addr
	id       uint16
	proto    wire.Protocol
}

// partial is a datagram of which something is missing. Its data lies where it belongs; holes tell what is not there.
type partial struct {
	r       *reassembly
	key     partKey
	in      *iface.Iface
	kind    kind
	made    uint64
	buf     *packet.Packet
	holes   []hole
	end     int                  // of the last octet received, in the datagram's data
	total   int                  // of the data, once the last fragment is there; 0 before
	header  [ipv4.MaxHeader]byte // of the first fragment, as it was received
	hlen    int                  // of header; 0 before it is there
	first   int                  // octets of data in the first fragment
	parts   int                  // fragments that came
	ecn     uint8                // the codepoints of RFC 3168 that they had, a bit each
	charged int                  // of bytes
	cast    packet.Cast
	timeout clock.Timer
	next    *partial // of idle
}

// hole is a gap, first and last octet included (RFC 815, 3).
type hole struct{ first, last int }

const infinity = 1 << 20

// A datagram may have a few holes for nothing. Whoever sends every second eight octets of a datagram makes thousands, which
// are charged like data.
const (
	fewHoles = 16
	holeSize = 16 // octets, of a hole
)

func (r *reassembly) init(y *Layer) { r.y, r.parts = y, map[partKey]*partial{} }

// input owns a fragment. When it is the last one missing the datagram is delivered.
func (r *reassembly) input(in *iface.Iface, p *packet.Packet, h *ipv4.Header, k kind) {
	defer p.Free()
	s := in.Stats
	data := p.Bytes()[h.Len():]
	first, more := int(h.FragOffset), h.Flags&ipv4.MF != 0
	end := first + len(data)
	if len(data) == 0 || more && len(data)%8 != 0 || end+ipv4.MinHeader > ipv4.MaxLen {
		s.DropIPv4(stats.FragInvalid)
		return
	}
	if !r.y.config.Fragmentation.On() {
		s.DropIPv4(stats.FragNoBuffer)
		return
	}
	d := r.find(in, h, k)
	if d.total != 0 && (end > d.total || !more && end != d.total) || !more && end < d.end {
		s.DropIPv4(stats.FragInvalid) // it contradicts those that came before
		return
	}
	d.parts++
	d.ecn |= 1 << (h.TOS & 3)
	if most := r.y.config.ReassemblyParts; most > 0 && d.parts > most {
		s.DropIPv4(stats.FragNoBuffer)
		r.release(d)
		return
	}
	if !r.room(d, max(end, d.end)) {
		s.DropIPv4(stats.FragNoBuffer)
		if d.buf == nil {
			r.release(d)
		}
		return
	}
	d.fill(first, end-1, more)
	if !r.roomForHoles(d) {
		s.DropIPv4(stats.FragNoBuffer)
		r.release(d)
		return
	}
	copy(d.buf.Bytes()[first:], data) // where fragments overlap, the newest counts (RFC 791, 3.2)
	d.end = max(d.end, end)
	if !more {
		d.total = end
	}
	if first == 0 {
		d.hlen = copy(d.header[:], p.Bytes()[:h.Len()])
		d.first, d.cast = len(data), p.Cast
		d.buf.Cast, d.buf.LinkSrc, d.buf.Priority = p.Cast, p.LinkSrc, p.Priority
	}
	if len(d.holes) == 0 {
		r.complete(d)
	}
}

// fill is the algorithm of RFC 815, 3, for one fragment.
func (d *partial) fill(first, last int, more bool) {
	for i := 0; i < len(d.holes); {
		h := d.holes[i]
		if first > h.last || last < h.first { // steps 2 and 3
			i++
			continue
		}
		d.holes[i] = d.holes[len(d.holes)-1] // step 4
		d.holes = d.holes[:len(d.holes)-1]
		if first > h.first { // step 5
			d.holes = append(d.holes, hole{h.first, first - 1})
		}
		if last < h.last && more { // step 6
			d.holes = append(d.holes, hole{last + 1, h.last})
		}
	}
}

// complete delivers a datagram, with the header of the first fragment.
func (r *reassembly) complete(d *partial) {
	p, in, k := d.buf, d.in, d.kind
	total := d.hlen + d.total
	marked, incapable := d.ecn&(1<<3) != 0, d.ecn&1 != 0
	if total > ipv4.MaxLen || marked && incapable { // RFC 3168, 5.3: a mark is neither lost nor given to who cannot have it
		in.Stats.DropIPv4(stats.FragInvalid)
		r.release(d)
		return
	}
	p.SetLen(d.total)
	copy(p.Prepend(d.hlen), d.header[:d.hlen])
	d.buf = nil
	r.release(d)
	b := p.Bytes()
	h, _, _ := ipv4.Parse(b) // it was parsed before
	h.Flags, h.FragOffset, h.TotalLen = h.Flags&^ipv4.MF, 0, uint16(total)
	if marked {
		h.TOS |= 3
	}
	ipv4.Put(b, h)
	ipv4.SealChecksum(b)
	p.Arrived = r.y.loop.Now()
	in.Stats.IPv4.Reassembled++
	r.y.deliver(in, p, &h, k)
}

// expired is due when the time for a datagram is over. Its source is told if it can be: if the first fragment is there
// (RFC 1122, 3.3.2).
func (d *partial) expired() {
	r := d.r
	d.in.Stats.DropIPv4(stats.FragTimeout)
	if d.hlen > 0 {
		p := d.buf
		p.SetLen(d.first)
		copy(p.Prepend(d.hlen), d.header[:d.hlen])
		p.Cast = d.cast
		r.y.sendError(d.in, p, icmpv4.Header{Type: icmpv4.TimeExceeded, Code: icmpv4.ReassemblyExceeded})
	}
	r.release(d)
}

// supersede drops what is there of a datagram because another one came whole, with its identification (RFC 791, 3.2).
// The identification of an atomic datagram says nothing (RFC 6864, 4.1).
func (r *reassembly) supersede(h *ipv4.Header) {
	if len(r.parts) == 0 || h.Flags&ipv4.DF != 0 {
		return
	}
	if d := r.parts[partKey{h.Src, h.Dst, h.ID, h.Protocol}]; d != nil {
		d.in.Stats.DropIPv4(stats.FragEvicted)
		r.release(d)
	}
}

// find gives the partial datagram of a fragment, a new one if there is none.
func (r *reassembly) find(in *iface.Iface, h *ipv4.Header, k kind) *partial {
	key := partKey{h.Src, h.Dst, h.ID, h.Protocol}
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
		r.idle = d.next
	}
	r.made++
	d.key, d.in, d.kind, d.made, d.next = key, in, k, r.made, nil
	d.holes = append(d.holes[:0], hole{0, infinity})
	d.end, d.total, d.hlen, d.first, d.parts, d.ecn, d.buf = 0, 0, 0, 0, 0, 0, nil
	d.timeout.After(r.y.config.ReassemblyTime)
	r.parts[key] = d
	return d
}

// room makes the buffer hold n octets of data. It is false when the memory for that is not there.
func (r *reassembly) room(d *partial, n int) bool {
	if d.buf != nil && d.buf.Grow(n) {
		return true
	}
	var held int
	if d.buf != nil {
		held = d.buf.Cap()
	}
	p := d.in.RxPool.Get(ip.Headroom, n)
	for p == nil || r.bytes-held+p.Cap() > r.y.config.ReassemblyBytes {
		p.Free()
		if !r.evict(d) {
			return false
		}
		p = d.in.RxPool.Get(ip.Headroom, n)
	}
	if d.buf != nil {
		copy(p.Bytes(), d.buf.Bytes())
		p.Cast, p.LinkSrc, p.Priority = d.buf.Cast, d.buf.LinkSrc, d.buf.Priority
		d.buf.Free()
	}
	r.charge(d, p.Cap()-held)
	d.buf = p
	return true
}

// roomForHoles charges a datagram for its holes. It is false when the memory for them is not there.
func (r *reassembly) roomForHoles(d *partial) bool {
	r.charge(d, d.buf.Cap()+max(0, cap(d.holes)-fewHoles)*holeSize-d.charged)
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

// evict drops the oldest datagram other than keep, and tells whether there was one.
func (r *reassembly) evict(keep *partial) bool {
	var oldest *partial
	for _, d := range r.parts { // the order does not matter: no two are of the same age
		if d != keep && (oldest == nil || d.made < oldest.made) {
			oldest = d
		}
	}
	if oldest == nil {
		return false
	}
	oldest.in.Stats.DropIPv4(stats.FragEvicted)
	r.release(oldest)
	return true
}

// release forgets a datagram.
func (r *reassembly) release(d *partial) {
	d.timeout.Stop()
	r.charge(d, -d.charged)
	if d.buf != nil {
		d.buf.Free()
		d.buf = nil
	}
	if cap(d.holes) > fewHoles {
		d.holes = nil
	}
	delete(r.parts, d.key)
	d.next, r.idle = r.idle, d
}

func (r *reassembly) clear() {
	for _, d := range r.parts {
		r.release(d)
	}
}
