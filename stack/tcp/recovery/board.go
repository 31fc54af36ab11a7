package recovery

import (
	"time"

	"github.com/conform-stack/conform/stack/tcp/seq"
)

type flags uint8

const (
	sacked        flags = 1 << iota // selectively acknowledged
	lost                            // the last transmission is believed lost, and no other was made (RFC 8985, 5.2)
	retransmitted                   // ever
	twice                           // retransmitted while not believed lost: two copies are in the network
	fin                             // its last octet is FIN
	part                            // of a segment that was split by a block: RACK wants whole ones
)

// A segment is octets that were sent together (RFC 8985, 5.2). It begins where the one before ends.
type segment struct {
	sent  time.Duration // the last transmission
	end   seq.Value
	flags flags
}

// A board is the scoreboard: all segments in flight, in the order of their sequence numbers, with the sums that pipe is
// made of. Its ring grows with use.
type board struct {
	ring     []segment // a power of two
	head, n  int
	una, nxt seq.Value
	sacked   int                  // octets selectively acknowledged
	segs     int                  // segments selectively acknowledged
	lost     int                  // octets believed lost
	extra    int                  // octets of which two copies are in the network
	hint     seq.Value            // no segment before it is lost
	runs     [maxBlocks]seq.Range // where all segments have arrived: the blocks that came last, to be passed over at once
	top      seq.Value            // what follows the highest octet selectively acknowledged, una if none is
}

func (b *board) init(ring []segment, una seq.Value) {
	*b = board{ring: ring, una: una, nxt: una, hint: una, top: una}
}

func (b *board) at(i int) *segment { return &b.ring[(b.head+i)&(len(b.ring)-1)] }

func (b *board) start(i int) seq.Value {
	if i == 0 {
		return b.una
	}
	return b.at(i - 1).end
}

func (b *board) len(i int) seq.Size { return b.start(i).To(b.at(i).end) }

// find is the index of the segment that holds v, n if none does.
func (b *board) find(v seq.Value) int {
	lo, hi := 0, b.n
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		if v.Less(b.at(m).end) {
			hi = m
		} else {
			lo = m + 1
		}
	}
	return lo
}

func (b *board) grow() {
	ring := make([]segment, max(16, 2*len(b.ring)))
	for i := range b.n {
		ring[i] = *b.at(i)
	}
	b.ring, b.head = ring, 0
}

// push adds a segment of new data.
func (b *board) push(end seq.Value, now time.Duration, f flags) {
	if b.n == len(b.ring) {
		b.grow()
	}
	b.n++
	*b.at(b.n - 1) = segment{now, end, f}
	b.nxt = end
}

// split cuts segment i in two at v, which is inside it.
func (b *board) split(i int, v seq.Value) {
	if b.n == len(b.ring) {
		b.grow()
	}
	b.n++
	for k := b.n - 1; k > i; k-- {
		*b.at(k) = *b.at(k - 1)
	}
	b.at(i + 1).flags |= part
	g := b.at(i)
	g.end = v
	g.flags = g.flags&^fin | part
	if g.flags&sacked != 0 {
		b.segs++
	}
}

// pop takes away the first segment, which is acknowledged.
func (b *board) pop() {
	g := b.at(0)
	b.forget(g, int(b.una.To(g.end)))
	if g.flags&sacked != 0 {
		if b.segs--; b.segs == 0 {
			b.runs = [maxBlocks]seq.Range{} // they must not outlive a turn of the sequence space
		}
	}
	b.una = g.end
	b.head = (b.head + 1) & (len(b.ring) - 1)
	b.n--
	b.settle()
}

// trim takes away what stands before v in the first segment.
func (b *board) trim(v seq.Value) {
	b.forget(b.at(0), int(b.una.To(v)))
	b.una = v
	b.settle()
}

func (b *board) settle() { b.hint, b.top = seq.Max(b.hint, b.una), seq.Max(b.top, b.una) }

// forget takes n octets of a segment out of the sums.
func (b *board) forget(g *segment, n int) {
	if g.flags&sacked != 0 {
		b.sacked -= n
	}
	if g.flags&lost != 0 {
		b.lost -= n
	}
	if g.flags&twice != 0 {
		b.extra -= n
	}
}

// markSACKed takes a segment as having arrived.
func (b *board) markSACKed(i int) {
	g, n := b.at(i), int(b.len(i))
	b.forget(g, n)
	g.flags = g.flags&^(lost|twice) | sacked
	b.sacked += n
	b.segs++
	b.top = seq.Max(b.top, g.end)
}

// markLost takes a segment that has not arrived as lost, with all its copies. It tells whether that is news.
func (b *board) markLost(i int) bool {
	g := b.at(i)
	if g.flags&(lost|sacked) != 0 {
		return false
	}
	n := int(b.len(i))
	b.forget(g, n)
	g.flags = g.flags&^twice | lost
	b.lost += n
	b.hint = seq.Min(b.hint, b.start(i))
	return true
}

// resent notes another transmission of a segment.
func (b *board) resent(i int, now time.Duration) {
	g, n := b.at(i), int(b.len(i))
	if g.flags&lost != 0 {
		b.lost -= n
		g.flags &^= lost
	} else if g.flags&twice == 0 {
		b.extra += n
		g.flags |= twice
	}
	g.flags = g.flags&^part | retransmitted
	g.sent = now
}

// firstLost is the first lost segment, n if there is none.
func (b *board) firstLost() int {
	if b.lost == 0 {
		return b.n
	}
	for i := b.find(b.hint); i < b.n; i++ {
		if b.at(i).flags&lost != 0 {
			b.hint = b.start(i)
			return i
		}
	}
	return b.n
}

// unlose takes back that segments were lost which were not sent again since.
func (b *board) unlose() {
	for i := range b.n {
		b.at(i).flags &^= lost
	}
	b.lost, b.hint = 0, b.una
}

// renege forgets all selective acknowledgements (RFC 2018, 8).
func (b *board) renege() {
	for i := range b.n {
		b.at(i).flags &^= sacked
	}
	b.sacked, b.segs, b.top, b.runs = 0, 0, b.una, [maxBlocks]seq.Range{}
}

// pass is the end of the run that v stands in, v if it stands in none.
func (b *board) pass(v seq.Value) seq.Value {
	for i := range b.runs {
		if r := &b.runs[i]; v.InRange(r.Start, r.End) {
			return r.End
		}
	}
	return v
}

// first is the index of the first segment that begins at v or after it. A segment that v is inside of is split, if it has
// not arrived and there is room.
func (b *board) first(v seq.Value) int {
	i := b.find(v)
	if i < b.n && b.start(i).Less(v) {
		if b.at(i).flags&sacked == 0 && b.n < MaxSegments {
			b.split(i, v)
		}
		i++
	}
	return i
}

// take marks segment i as arrived, as far as it is within r, in which it begins; what is beyond r is split off, and
// without room for that the segment does not count. It tells whether that is news.
func (b *board) take(i int, r seq.Range) bool {
	g := b.at(i)
	if g.flags&sacked != 0 {
		return false
	}
	if r.End.Less(g.end) {
		if b.n >= MaxSegments {
			return false
		}
		b.split(i, r.End)
	}
	b.markSACKed(i)
	return true
}
