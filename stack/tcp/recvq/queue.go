// Package recvq keeps account of what a TCP receiver holds: which octets have come out of order, where the stream ends,
// and what to tell the peer of it (RFC 9293, 3.10.7.4; RFC 2018, 4; RFC 2883).
//
// A Queue holds no data, only ranges of sequence numbers. Whoever has the buffer does, for each segment that is
// acceptable, cut to the window:
//
//	for h, ok := q.Hole(r); ok; h, ok = q.Hole(seq.Range{Start: h.End, End: r.End}) {
//		copy the octets h of the segment into the buffer
//	}
//	octets, fin, ok := q.Insert(r)
//
// Of octets that come twice, the first arrival stays, and Hole leaves the second out. RFC 9293, 3.4, only says that
// duplicates are discarded; it does not say what to do when they differ. The first has perhaps been acknowledged, or
// read; and whoever injects data later cannot change what is there.
//
// The ranges are bounded. A segment that would need one more is refused, unless it is the next one in order, and must be
// dropped; it comes again. What was reported to the peer is never given up.
package recvq

import (
	"slices"

	"github.com/conform-stack/conform/stack/tcp/seq"
)

// DefaultLimit is how many ranges a queue holds when Init is given none.
const DefaultLimit = 1024

// recents is how many arrivals are remembered, to repeat their blocks. An option has room for four.
const recents = 8

// A Queue is the receive side of one connection. Init makes it ready.
type Queue struct {
	next     seq.Value   // RCV.NXT
	ranges   []seq.Range // beyond next: ascending, apart from each other
	limit    int
	octets   seq.Size // in the ranges
	fin      seq.Value
	hasFIN   bool
	finished bool // next is beyond the FIN
	news     int  // of recent that count
	recent   [recents]seq.Value
	dup      seq.Range // to be reported; empty: none
}

// Init begins with next, the first octet of data, and at most limit ranges. It keeps the memory of an earlier use.
func (q *Queue) Init(next seq.Value, limit int) {
	if limit <= 0 {
		limit = DefaultLimit
	}
	*q = Queue{next: next, ranges: q.ranges[:0], limit: limit}
}

// Next is RCV.NXT: the octet that is expected, or what follows the FIN.
func (q *Queue) Next() seq.Value { return q.next }

// Held is how many octets have come out of order, a FIN counted.
func (q *Queue) Held() seq.Size { return q.octets }

// Ranges is how many ranges they are in.
func (q *Queue) Ranges() int { return len(q.ranges) }

// End is what follows the last octet that has come.
func (q *Queue) End() seq.Value {
	if n := len(q.ranges); n > 0 {
		return q.ranges[n-1].End
	}
	return q.next
}

// SetFIN notes that a FIN stands at a sequence number; its octet is part of the range that Insert is given. A place that
// contradicts what came before is not believed: another FIN elsewhere, or data at or beyond it. ok is false then, and
// the segment shall be taken without its FIN.
func (q *Queue) SetFIN(at seq.Value) (ok bool) {
	if q.hasFIN {
		return q.fin == at
	}
	if at.Less(q.End()) {
		return false
	}
	q.fin, q.hasFIN = at, true
	return true
}

// FIN is where the stream ends, if that is known.
func (q *Queue) FIN() (at seq.Value, ok bool) { return q.fin, q.hasFIN }

// Finished tells whether everything has come, the FIN included.
func (q *Queue) Finished() bool { return q.finished }

// clip cuts off what is before next, and beyond the FIN.
func (q *Queue) clip(r seq.Range) seq.Range {
	if q.hasFIN {
		end := q.fin.Add(1)
		r.Start, r.End = seq.Min(r.Start, end), seq.Min(r.End, end)
	}
	r.Start, r.End = seq.Max(r.Start, q.next), seq.Max(r.End, q.next)
	return r
}

// after is the index of the first range that ends beyond v, len(ranges) for none.
func (q *Queue) after(v seq.Value) int {
	lo, hi := 0, len(q.ranges)
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		if v.Less(q.ranges[m].End) {
			hi = m
		} else {
			lo = m + 1
		}
	}
	return lo
}

// Hole finds the first octets of r that have not come yet, and which hold data: the place of a FIN is none.
func (q *Queue) Hole(r seq.Range) (hole seq.Range, ok bool) {
	if q.hasFIN {
		r.End = seq.Min(r.End, q.fin)
	}
	if r.Start.Less(q.next) {
		r.Start = q.next
	}
	for i := q.after(r.Start); i < len(q.ranges) && r.Start.Less(r.End); i++ {
		if has := q.ranges[i]; r.Start.Less(has.Start) {
			r.End = seq.Min(r.End, has.Start)
			break
		} else {
			r.Start = has.End
		}
	}
	return r, r.Start.Less(r.End)
}

// Insert takes the octets of r as having come. It tells how many octets of data are in order now that were not, and
// whether the FIN is the next of them: it is so once. ok is false when there is no room for another range: nothing has
// changed then, except that what was a duplicate will be reported.
func (q *Queue) Insert(r seq.Range) (octets seq.Size, fin, ok bool) {
	if r.Start == q.next && len(q.ranges) == 0 && !q.hasFIN { // most of the time
		if !r.Start.Less(r.End) {
			return 0, false, true
		}
		q.next = r.End
		return r.Len(), false, true
	}
	q.noteDuplicate(r)
	whole := r
	if r = q.clip(r); !r.Start.Less(r.End) {
		return 0, false, true
	}
	i := q.after(r.Start)
	if i > 0 && q.ranges[i-1].End == r.Start { // touches the one before
		i--
	}
	j := i // ranges i to j-1 join r
	for ; j < len(q.ranges) && q.ranges[j].Start.LessEq(r.End); j++ {
		q.octets -= q.ranges[j].Len()
	}
	joined := r
	if j > i {
		joined = seq.Range{Start: seq.Min(r.Start, q.ranges[i].Start), End: seq.Max(r.End, q.ranges[j-1].End)}
	}
	if joined.Start == q.next {
		return q.advance(joined.End, j)
	}
	switch {
	case j == i && len(q.ranges) >= q.limit:
		return 0, false, false
	case j == i:
		q.ranges = slices.Insert(q.ranges, i, joined)
	default:
		q.ranges[i] = joined
		q.ranges = slices.Delete(q.ranges, i+1, j)
	}
	q.octets += joined.Len()
	q.report(seq.Max(whole.Start, q.next), joined)
	return 0, false, true
}

// advance moves next; the first j ranges are in order now.
func (q *Queue) advance(to seq.Value, j int) (octets seq.Size, fin, ok bool) {
	octets = q.next.To(to)
	q.next = to
	q.ranges = slices.Delete(q.ranges, 0, j)
	if q.hasFIN && !q.finished && q.fin.Less(to) {
		q.finished = true
		return octets - 1, true, true
	}
	return octets, false, true
}
