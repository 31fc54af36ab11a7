package lowpan

import (
	"bytes"
	"math/bits"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
	"github.com/conform-stack/conform/stack/wire/lowpan"
)

// reassembly puts datagrams together (RFC 4944, 5.3). What is kept is bounded in datagrams, each of which is no longer than
// the MTU, and for each sender.
type reassembly struct {
	a    *Adapter
	part []partial
	made uint64
}

// partKey is what the fragments of a datagram have in common.
type partKey struct {
	ends
	size, tag uint16
}

// partial is a datagram of which something is missing. Its data lies where it belongs, in units of 8 octets; the last unit
// may be shorter.
type partial struct {
	r       *reassembly
	key     partKey
	buf     *packet.Packet // nil: the place is free
	made    uint64
	have    units // that are there
	starts  units // at which a fragment begins
	left    int   // octets that are missing
	result  lowpan.Result
	checked bool // the link verified all fragments
	timeout clock.Timer
}

// units is a set of units of a datagram.
type units [(MTU/8 + 63) / 64]uint64

func (u *units) has(i int) bool { return u[i/64]>>(i%64)&1 != 0 }
func (u *units) add(i int)      { u[i/64] |= 1 << (i % 64) }

// count is how many units there are from one to another.
func (u *units) count(from, to int) (n int) {
	for i := from; i < to; {
		k := min(to-i, 64-i%64)
		n += bits.OnesCount64(u[i/64] >> (i % 64) & (^uint64(0) >> (64 - k)))
		i += k
	}
	return n
}

func (u *units) addAll(from, to int) {
	for i := from; i < to; i++ {
		u.add(i)
	}
}

func (r *reassembly) init(a *Adapter) {
	r.a = a
	if !a.c.Fragmentation.On() {
		return
	}
	r.part = make([]partial, a.c.Reassemblies)
	for i := range r.part {
		d := &r.part[i]
		d.r = r
		d.timeout.Init(a.env.Loop, d.expired)
	}
}

// input owns a payload that is a fragment.
func (r *reassembly) input(p *packet.Packet, e ends) {
	a := r.a
	f, data, err := lowpan.ParseFragment(p.Bytes())
	size, at := int(f.Size), int(f.Offset)
	if err != nil || size < ipv6.HeaderLen || size > MTU || !f.First && at == 0 {
		a.drop(p, stats.FragInvalid)
		return
	}
	a.env.Stats.Lowpan.FragmentsReceived++
	if len(r.part) == 0 {
		a.drop(p, stats.FragNoBuffer)
		return
	}
	var res lowpan.Result
	if f.First {
		ok := false
		if res, ok = a.expand(p, data, e, size); !ok {
			return
		}
		data = data[res.Took:]
	}
	defer p.Free()
	n := res.Len + len(data)
	if n == 0 || at+n > size || n%8 != 0 && at+n != size {
		a.env.Stats.Drop(stats.FragInvalid)
		return
	}
	key := partKey{e, f.Size, f.Tag}
	d := r.find(key)
	if d != nil {
		switch d.compare(a.room[:res.Len], data, at) {
		case same:
			a.env.Stats.Drop(stats.FragInvalid)
			return
		case other: // 5.3: what is there is discarded, and this one begins anew
			a.env.Stats.Drop(stats.FragInvalid)
			r.release(d)
			d = nil
		}
	}
	if d == nil {
		if d = r.take(key); d == nil {
			a.env.Stats.Drop(stats.FragNoBuffer)
			return
		}
		d.buf.Inherit(p)
	}
	d.put(a.room[:res.Len], data, at)
	d.checked = d.checked && p.Verified
	if f.First {
		d.result = res
	}
	if d.left == 0 {
		r.complete(d)
	}
}

// How a fragment compares with what is there.
type comparison uint8

const (
	fresh comparison = iota // none of it is there
	same                    // it is there
	other                   // it overlaps, or is there with other octets: its tag was used again
)

// compare compares a fragment of head and data with what is there.
func (d *partial) compare(head, data []byte, at int) comparison {
	n := len(head) + len(data)
	from, to := at/8, (at+n+7)/8
	switch d.have.count(from, to) {
	case 0:
		return fresh
	case to - from:
	default:
		return other
	}
	// It is the same fragment if one begins where it does, none within it, and none goes on behind it.
	if !d.starts.has(from) || d.starts.count(from+1, to) != 0 || at+n < int(d.key.size) && d.have.has(to) && !d.starts.has(to) {
		return other
	}
	b := d.buf.Bytes()[at:]
	if !bytes.Equal(b[:len(head)], head) || !bytes.Equal(b[len(head):n], data) {
		return other
	}
	return same
}

// put puts a fragment where it belongs.
func (d *partial) put(head, data []byte, at int) {
	b := d.buf.Bytes()[at:]
	copy(b[copy(b, head):], data)
	n := len(head) + len(data)
	d.have.addAll(at/8, (at+n+7)/8)
	d.starts.add(at / 8)
	d.left -= n
}

// complete sends a datagram on its way.
func (r *reassembly) complete(d *partial) {
	p, res, e := d.buf, d.result, d.key.ends
	d.buf = nil
	p.Verified = d.checked
	r.release(d)
	if res.Elided != 0 && !r.a.trusted(p.Verified) {
		r.a.drop(p, stats.LowpanChecksum)
		return
	}
	p.Arrived = r.a.env.Loop.Now()
	r.a.env.Stats.Lowpan.Reassembled++
	r.a.deliver(p, e, res)
}

func (r *reassembly) find(key partKey) *partial {
	for i := range r.part {
		if d := &r.part[i]; d.buf != nil && d.key == key {
			return d
		}
	}
	return nil
}

// take gives a place for a new datagram. A sender who has his share gives up his oldest; when all are taken, the oldest of
// whoever has most gives way. It is nil when the pool is exhausted.
func (r *reassembly) take(key partKey) *partial {
	var free, mine, oldest *partial
	count, most := 0, 0
	for i := range r.part {
		d := &r.part[i]
		if d.buf == nil {
			free = d
			continue
		}
		if d.key.src == key.src {
			if count++; mine == nil || d.made < mine.made {
				mine = d
			}
		}
		if n := r.of(d.key.src); n > most || n == most && d.made < oldest.made {
			most, oldest = n, d
		}
	}
	d := free
	switch {
	case count >= r.a.c.SenderShare:
		d = mine
	case d == nil:
		d = oldest
	}
	if d.buf != nil {
		r.a.env.Stats.Drop(stats.FragEvicted)
		r.release(d)
	}
	if d.buf = r.a.env.Rx.Get(iface.Headroom, int(key.size)); d.buf == nil {
		return nil
	}
	r.made++
	d.key, d.made, d.left, d.checked, d.result = key, r.made, int(key.size), true, lowpan.Result{}
	d.have, d.starts = units{}, units{}
	d.timeout.After(r.a.c.ReassemblyTime)
	return d
}

// of is how many datagrams of a sender there are.
func (r *reassembly) of(src link.Addr) (n int) {
	for i := range r.part {
		if d := &r.part[i]; d.buf != nil && d.key.src == src {
			n++
		}
	}
	return n
}

func (d *partial) expired() {
	d.r.a.env.Stats.Drop(stats.FragTimeout)
	d.r.release(d)
}

// release makes a place free.
func (r *reassembly) release(d *partial) {
	d.timeout.Stop()
	if d.buf != nil {
		d.buf.Free()
		d.buf = nil
	}
}

func (r *reassembly) clear() {
	for i := range r.part {
		r.release(&r.part[i])
	}
}

// Reassembling is how many datagrams are in reassembly.
func (a *Adapter) Reassembling() (n int) {
	for i := range a.reasm.part {
		if a.reasm.part[i].buf != nil {
			n++
		}
	}
	return n
}
