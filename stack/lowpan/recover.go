package lowpan

import (
	"math/bits"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/link"
	"github.com/conform-stack/conform/stack/wire/lowpan"
)

// recoverer is the fragmenting endpoint of RFC 8931. It holds datagrams, as they are compressed, until they are
// acknowledged, and sends one fragment a gap, of the oldest datagram that has one to send.
//
// A datagram sends all its fragments a first time, then those that were lost, in sequence (6). At the end of a window it
// asks for an acknowledgment, X, and waits. When none comes it asks again, by the same fragment, and longer each time; then
// it resets the datagram and begins anew with another tag; then it gives up.
type recoverer struct {
	a    *Adapter
	part []sending
	made uint64
	gap  clock.Timer
}

type sending struct {
	r          *recoverer
	p          *packet.Packet // nil: the place is free
	src, dst   link.Addr
	made       uint64
	tag        uint8
	first, max int // octets of the first fragment, and of any other
	count      int // fragments
	sent       int // of those, so many have been sent a first time
	acked      uint32
	lost       uint32 // to be sent again
	tries      [lowpan.MaxSequence + 1]uint8
	window     int
	unasked    int // fragments since an acknowledgment was asked for
	waits      bool
	again      bool // the fragment that asked last is sent again
	asked      int  // which one that was
	missed     int  // acknowledgments, one after the other
	restarts   int
	after      time.Duration // until an acknowledgment is missed
	timeout    clock.Timer
}

func (r *recoverer) init(a *Adapter) {
	r.a = a
	r.gap.Init(a.env.Loop, r.next)
	if !a.recovers() {
		return
	}
	r.part = make([]sending, a.c.Recovery.Datagrams)
	for i := range r.part {
		s := &r.part[i]
		s.r = r
		s.timeout.Init(a.env.Loop, s.missedIt)
	}
}

// slack is what the first fragment leaves for a hop that cannot elide the source's interface identifier, octets (4.1).
const slack = 8

// output owns a packet that does not fit into a frame. ok is false when it is not to be sent so: p is untouched.
func (r *recoverer) output(p *packet.Packet, s *lowpan.Surroundings, o lowpan.Options, w way, room int) (ok bool) {
	a := r.a
	most := room - lowpan.RecoverableLen
	first := most - slack
	if len(r.part) == 0 || w.meshed || w.broadcast || first <= 0 || (p.Len()-first+most)/most >= lowpan.MaxSequence {
		return false
	}
	o.Limit = min(first, len(a.room)) // 3: what does not fit whole is not compressed
	n, took := a.compress(p.Bytes(), s, o)
	if n > first || took == 0 && first < 1+40 { // 6.1: the IPv6 header is whole in the first fragment
		return false
	}
	d := r.free()
	if d == nil {
		a.drop(p, stats.NoBuffer)
		return true
	}
	p.TrimFront(took)
	if p = a.withHeadroom(p, n); p == nil {
		return true
	}
	copy(p.Prepend(n), a.room[:n])
	r.made++
	d.p, d.src, d.dst, d.made = p, w.from, w.next, r.made
	d.first, d.max, d.restarts = first, most, 0
	d.count = 1 + (max(0, p.Len()-first)+most-1)/most
	d.begin()
	a.env.Stats.Lowpan.Sent++
	a.env.Stats.Lowpan.Fragmented++
	r.kick()
	return true
}

// begin sends the datagram from its first fragment on, under a tag of its own (5, 6.1; RFC 8930, 7: pseudorandom).
func (d *sending) begin() {
	d.tag = d.r.newTag()
	d.sent, d.acked, d.lost, d.unasked, d.missed = 0, 0, 0, 0, 0
	d.tries = [lowpan.MaxSequence + 1]uint8{}
	d.waits, d.again = false, false
	c := &d.r.a.c.Recovery
	d.window, d.after = c.Window, c.Timeout
}

func (r *recoverer) newTag() uint8 {
	tag := uint8(r.a.env.Random.Uint32())
	for r.find(tag) != nil { // there are fewer places than tags
		tag++
	}
	return tag
}

func (r *recoverer) find(tag uint8) *sending {
	for i := range r.part {
		if d := &r.part[i]; d.p != nil && d.tag == tag {
			return d
		}
	}
	return nil
}

func (r *recoverer) free() *sending {
	for i := range r.part {
		if r.part[i].p == nil {
			return &r.part[i]
		}
	}
	return nil
}

// kick sends what there is to send, unless the gap after the last fragment is not over.
func (r *recoverer) kick() {
	if _, waits := r.gap.When(); !waits {
		r.next()
	}
}

// next sends a fragment of the oldest datagram that has one.
func (r *recoverer) next() {
	var d *sending
	for i := range r.part {
		if x := &r.part[i]; x.p != nil && x.ready() && (d == nil || x.made < d.made) {
			d = x
		}
	}
	if d != nil {
		d.send()
		r.gap.After(r.a.c.Recovery.Gap)
	}
}

func (d *sending) ready() bool { return !d.waits && (d.again || d.sent < d.count || d.lost != 0) }

// send sends the next fragment: a new one, or else the oldest that was lost.
func (d *sending) send() {
	var seq int
	switch {
	case d.again:
		seq = d.asked
	case d.sent < d.count:
		seq = d.sent
	default:
		seq = bits.LeadingZeros32(d.lost)
	}
	at, n := d.span(seq)
	a := d.r.a
	q := a.env.Tx.Get(a.env.Headroom, lowpan.RecoverableLen+n)
	if q == nil {
		return // after the gap there may be room
	}
	bit := lowpan.SequenceBit(uint8(seq))
	if seq == d.sent && !d.again {
		d.sent++
	} else {
		d.tries[seq]++
		a.env.Stats.Lowpan.Recovered++
	}
	d.lost &^= bit
	d.unasked++
	x := d.again || d.unasked >= d.window || d.sent == d.count && d.lost == 0
	h := lowpan.Recoverable{Tag: d.tag, AckRequest: x, Sequence: uint8(seq), Size: uint16(n), Offset: uint16(at)}
	if seq == 0 {
		h.Offset = uint16(d.p.Len())
	}
	q.Inherit(d.p)
	b := q.Bytes()
	lowpan.PutRecoverable(b, h)
	copy(b[lowpan.RecoverableLen:], d.p.Bytes()[at:at+n])
	if d.again = false; x { // 6: the end of a window, guarded by a timer
		d.waits, d.asked, d.unasked = true, seq, 0
		d.timeout.After(d.after)
	}
	a.env.Stats.Lowpan.FragmentsSent++
	a.link.Send(q, d.src, d.dst)
}

// span is where the data of a fragment stands.
func (d *sending) span(seq int) (at, n int) {
	if seq == 0 {
		return 0, min(d.first, d.p.Len())
	}
	at = d.first + (seq-1)*d.max
	return at, min(d.max, d.p.Len()-at)
}

// acknowledged owns a payload that is an RFRAG-ACK.
func (r *recoverer) acknowledged(p *packet.Packet, e ends) {
	h, _, err := lowpan.ParseAcknowledgment(p.Bytes())
	p.Free()
	if err != nil {
		r.a.env.Stats.Drop(stats.LowpanInvalid)
		return
	}
	d := r.find(h.Tag)
	switch {
	case d == nil || d.dst != e.src || d.src != e.dst || d.sent == 0: // 6.2: silently
		r.a.env.Stats.Drop(stats.FragInvalid)
		return
	case h.Bitmap == lowpan.NullBitmap: // 6.3
		d.aborted()
		r.kick()
		return
	}
	sent := ^(^uint32(0) >> d.sent)
	fresh := h.Bitmap & sent &^ d.acked
	d.acked |= fresh
	d.lost &^= fresh
	if h.Bitmap == lowpan.FullBitmap || d.sent == d.count && d.acked == sent {
		d.done()
		return
	}
	if h.Congested && r.a.c.Recovery.ECN.On() { // 4.3
		d.window = 1
	}
	if !d.waits { // nobody asked: what is missing may be on its way
		return
	}
	d.timeout.Stop()
	d.waits = false
	if fresh != 0 {
		d.missed, d.after = 0, r.a.c.Recovery.Timeout
	}
	if d.lost = sent &^ d.acked; d.exhausted() {
		d.restart()
	}
	r.kick()
}

// exhausted tells whether a fragment that is lost has been sent again as often as it may be.
func (d *sending) exhausted() bool {
	for seq := range d.sent {
		if d.lost&lowpan.SequenceBit(uint8(seq)) != 0 && int(d.tries[seq]) >= d.r.a.c.Recovery.Retries {
			return true
		}
	}
	return false
}

// missedIt is called when no acknowledgment has come.
func (d *sending) missedIt() {
	c := &d.r.a.c.Recovery
	d.waits = false
	if d.missed++; d.missed > c.Retries {
		d.restart()
	} else {
		d.again = true
		d.after = min(2*d.after, c.MaxTimeout)
	}
	d.r.kick()
}

// restart resets the datagram on the way (6.3), and begins anew or gives up.
func (d *sending) restart() {
	a := d.r.a
	if q := a.env.Tx.Get(a.env.Headroom, lowpan.RecoverableLen); q != nil {
		lowpan.PutRecoverable(q.Bytes(), lowpan.Recoverable{Tag: d.tag})
		a.link.Send(q, d.src, d.dst)
	}
	d.anew()
}

// aborted ends what is under way, because the other side wants that. When nothing was acknowledged it is the first fragment
// that was lost, and others came without it: so the datagram is tried again from scratch (7.1, MaxDatagramRetries).
func (d *sending) aborted() {
	d.timeout.Stop()
	if d.acked != 0 {
		d.restarts = d.r.a.c.Recovery.Restarts
	}
	d.anew()
}

// anew begins from scratch, or gives up.
func (d *sending) anew() {
	c := &d.r.a.c.Recovery
	if d.restarts++; d.restarts > c.Restarts {
		d.r.a.env.Stats.Drop(stats.FragAborted)
		d.done()
		return
	}
	d.begin()
}

// done makes the place free.
func (d *sending) done() {
	d.timeout.Stop()
	if d.p != nil {
		d.p.Free()
		d.p = nil
	}
}

func (r *recoverer) clear() {
	r.gap.Stop()
	for i := range r.part {
		r.part[i].done()
	}
}
