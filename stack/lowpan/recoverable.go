package lowpan

import (
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/link"
	"github.com/conform-stack/conform/stack/wire/lowpan"
)

// recovery is the reassembling endpoint of RFC 8931. Datagrams are put together as they are compressed, and expanded when
// they are whole. It is bounded as reassembly is: so many datagrams, none longer than an uncompressed one of the MTU.
//
// A datagram has three states: unknown, in which only a first fragment begins one and any other is answered with an abort;
// partial; and complete, in which late fragments are absorbed until a short timer runs out (6).
type recovery struct {
	a    *Adapter
	part []recovering
	made uint64
}

// recoverKey identifies a datagram: who sends it and its tag (RFC 8930, 3).
type recoverKey struct {
	ends
	tag uint8
}

type recovering struct {
	r        *recovery
	key      recoverKey
	used     bool
	complete bool
	buf      *packet.Packet // nil when it is complete
	made     uint64
	have     octetSet
	left     int    // octets that are missing
	bitmap   uint32 // of fragments that were received
	echo     bool   // the next acknowledgment tells of congestion
	checked  bool   // the link verified all fragments
	timeout  clock.Timer
}

// maxCompressed is the longest datagram, in octets: one that is not compressed behind its dispatch.
const maxCompressed = MTU + 1

// octetSet is a set of octets of a datagram.
type octetSet [(maxCompressed + 63) / 64]uint64

// add puts octets into the set, and tells how many are new.
func (s *octetSet) add(from, to int) (fresh int) {
	for i := from; i < to; i++ {
		if s[i/64]>>(i%64)&1 == 0 {
			s[i/64] |= 1 << (i % 64)
			fresh++
		}
	}
	return fresh
}

func (r *recovery) init(a *Adapter) {
	r.a = a
	if !a.recovers() {
		return
	}
	r.part = make([]recovering, a.c.Recovery.Datagrams)
	for i := range r.part {
		d := &r.part[i]
		d.r = r
		d.timeout.Init(a.env.Loop, d.expired)
	}
}

// recovers tells whether RFC 8931 is spoken.
func (a *Adapter) recovers() bool { return a.c.Fragmentation.On() && a.c.Recovery.Enabled.On() }

// input owns a payload that is a recoverable fragment.
func (r *recovery) input(p *packet.Packet, e ends) {
	a := r.a
	f, data, err := lowpan.ParseRecoverable(p.Bytes())
	if err != nil || e.dst == Broadcast { // nobody could acknowledge for all
		a.drop(p, stats.FragInvalid)
		return
	}
	a.env.Stats.Lowpan.FragmentsReceived++
	defer p.Free()
	key := recoverKey{e, f.Tag}
	d := r.find(key)
	switch {
	case f.Offset == 0: // 5.1, 6.3: a reset, whatever its sequence
		if d != nil {
			a.env.Stats.Drop(stats.FragAborted)
			r.release(d)
		}
		if f.AckRequest {
			r.acknowledge(key, lowpan.NullBitmap, f.Congested)
		}
		return
	case int(f.Size) > len(data) || f.Size == 0:
		a.env.Stats.Drop(stats.FragInvalid)
		return
	case d != nil && d.complete: // 6: absorbed
		if f.AckRequest {
			r.acknowledge(key, lowpan.FullBitmap, f.Congested)
		}
		return
	case d == nil && f.Sequence != 0: // 6.1.2
		a.env.Stats.Drop(stats.FragAborted)
		r.acknowledge(key, lowpan.NullBitmap, f.Congested)
		return
	}
	at, n := int(f.Offset), int(f.Size)
	size := at
	if f.Sequence == 0 {
		at = 0
		if size > maxCompressed || n > size {
			a.env.Stats.Drop(stats.FragInvalid)
			r.acknowledge(key, lowpan.NullBitmap, f.Congested)
			return
		}
		if d != nil && d.buf.Len() != size { // the tag is used again
			a.env.Stats.Drop(stats.FragEvicted)
			r.release(d)
			d = nil
		}
		if d == nil {
			if d = r.take(key, size); d == nil { // 6.3: out of buffers
				a.env.Stats.Drop(stats.FragNoBuffer)
				r.acknowledge(key, lowpan.NullBitmap, f.Congested)
				return
			}
			d.buf.Inherit(p)
		}
	}
	if at+n > d.buf.Len() {
		a.env.Stats.Drop(stats.FragInvalid)
		return
	}
	// 5.1: what overlaps is not looked at.
	copy(d.buf.Bytes()[at:], data[:n])
	d.left -= d.have.add(at, at+n)
	d.bitmap |= lowpan.SequenceBit(f.Sequence)
	d.echo = d.echo || f.Congested
	d.checked = d.checked && p.Verified
	switch {
	case d.left == 0:
		r.completed(d)
	case f.AckRequest: // 6: all that were received so far
		r.acknowledge(key, d.bitmap, d.echo)
		d.echo = false // at most once
	}
}

// completed hands a datagram up, tells its sender, and stays to absorb what still comes.
func (r *recovery) completed(d *recovering) {
	a, p := r.a, d.buf
	d.buf, d.complete = nil, true
	d.timeout.After(a.c.Recovery.Absorb)
	r.acknowledge(d.key, lowpan.FullBitmap, d.echo)
	p.Verified, p.Arrived = d.checked, a.env.Loop.Now()
	a.env.Stats.Lowpan.Reassembled++
	a.datagram(p, d.key.ends)
}

// acknowledge sends an RFRAG-ACK back, without any payload (6).
func (r *recovery) acknowledge(key recoverKey, bitmap uint32, congested bool) {
	a := r.a
	q := a.env.Tx.Get(a.env.Headroom, lowpan.RecoverableLen)
	if q == nil {
		a.env.Stats.Drop(stats.NoBuffer)
		return
	}
	lowpan.AppendAcknowledgment(q.Bytes()[:0], lowpan.Acknowledgment{Congested: congested, Tag: key.tag, Bitmap: bitmap})
	a.link.Send(q, key.dst, key.src)
}

func (r *recovery) find(key recoverKey) *recovering {
	for i := range r.part {
		if d := &r.part[i]; d.used && d.key == key {
			return d
		}
	}
	return nil
}

// take gives a place for a new datagram: a free one, that of a complete one, or the oldest of whoever has most. It is nil
// when the pool is exhausted.
func (r *recovery) take(key recoverKey, size int) *recovering {
	var d *recovering
	rank := func(x *recovering) (uint8, int, uint64) {
		switch {
		case !x.used:
			return 2, 0, 0
		case x.complete:
			return 1, 0, x.made
		}
		return 0, r.of(x.key.src), x.made
	}
	for i := range r.part {
		x := &r.part[i]
		if d == nil {
			d = x
			continue
		}
		k, n, made := rank(x)
		bestK, bestN, bestMade := rank(d)
		if k > bestK || k == bestK && (n > bestN || n == bestN && made < bestMade) {
			d = x
		}
	}
	if d.used && !d.complete { // 6.3: its sender is told
		r.a.env.Stats.Drop(stats.FragEvicted)
		r.acknowledge(d.key, lowpan.NullBitmap, d.echo)
	}
	r.release(d)
	if d.buf = r.a.env.Rx.Get(iface.Headroom, size); d.buf == nil {
		return nil
	}
	r.made++
	d.key, d.used, d.made, d.left, d.checked = key, true, r.made, size, true
	d.timeout.After(r.a.c.ReassemblyTime)
	return d
}

// of is how many incomplete datagrams of a sender there are.
func (r *recovery) of(src link.Addr) (n int) {
	for i := range r.part {
		if d := &r.part[i]; d.used && !d.complete && d.key.src == src {
			n++
		}
	}
	return n
}

func (d *recovering) expired() {
	if !d.complete { // 6.3
		d.r.a.env.Stats.Drop(stats.FragTimeout)
		d.r.acknowledge(d.key, lowpan.NullBitmap, d.echo)
	}
	d.r.release(d)
}

// release makes a place free.
func (r *recovery) release(d *recovering) {
	d.timeout.Stop()
	if d.buf != nil {
		d.buf.Free()
	}
	d.buf, d.used, d.complete, d.bitmap, d.echo, d.have = nil, false, false, 0, false, octetSet{}
}

func (r *recovery) clear() {
	for i := range r.part {
		r.release(&r.part[i])
	}
}
