package recvq

import "github.com/conform-stack/conform/stack/tcp/seq"

// Duplicate notes that octets have come again in a segment that is not taken any further, because it is not acceptable.
func (q *Queue) Duplicate(r seq.Range) { q.noteDuplicate(r) }

// noteDuplicate finds the first contiguous octets of r that had come before (RFC 2883, 4 (1) and 4.2).
func (q *Queue) noteDuplicate(r seq.Range) {
	switch {
	case !r.Start.Less(r.End):
	case r.Start.Less(q.next):
		q.dup = seq.Range{Start: r.Start, End: seq.Min(r.End, q.next)}
	default:
		if i := q.after(r.Start); i < len(q.ranges) && q.ranges[i].Start.Less(r.End) {
			has := q.ranges[i]
			q.dup = seq.Range{Start: seq.Max(r.Start, has.Start), End: seq.Min(r.End, has.End)}
		}
	}
}

// report remembers an arrival at v, which is now part of in, for the blocks to come. What in has swallowed is forgotten.
func (q *Queue) report(v seq.Value, in seq.Range) {
	kept := 0
	old := q.recent
	for _, w := range old[:q.news] {
		if !w.InRange(in.Start, in.End) && kept < recents-1 {
			kept++
			q.recent[kept] = w
		}
	}
	q.recent[0], q.news = v, kept+1
}

// SACK fills blocks with what an acknowledgement that is sent now shall say, and tells how many they are: first the
// duplicate that came last, once (RFC 2883, 4); then the range that it is part of, or else the range in which a segment
// has come last; then those before it; then others, as many as there is room for (RFC 2018, 4). dup says whether the
// first is a duplicate. It allocates nothing.
func (q *Queue) SACK(blocks []seq.Range) (n int, dup bool) {
	add := func(r seq.Range) {
		if n >= len(blocks) {
			return
		}
		first := 0
		if dup {
			first = 1
		}
		for _, b := range blocks[first:n] {
			if b == r {
				return
			}
		}
		blocks[n] = r
		n++
	}
	if !q.dup.Empty() && len(blocks) > 0 {
		blocks[0], n, dup = q.dup, 1, true
		if r, ok := q.holding(q.dup.Start); ok { // 4 (4)
			add(r)
		}
		q.dup = seq.Range{}
	}
	for i := 0; i < q.news && n < len(blocks); {
		r, ok := q.holding(q.recent[i])
		if !ok { // in order by now
			copy(q.recent[i:q.news], q.recent[i+1:q.news])
			q.news--
			continue
		}
		add(r)
		i++
	}
	if n < len(blocks) {
		for _, r := range q.ranges {
			add(r)
		}
	}
	return n, dup
}

// Reports tells whether SACK has anything to say.
func (q *Queue) Reports() bool { return len(q.ranges) > 0 || !q.dup.Empty() }

// Forget drops a duplicate that was noted, because the peer does not take SACK.
func (q *Queue) Forget() { q.dup = seq.Range{} }

func (q *Queue) holding(v seq.Value) (seq.Range, bool) {
	if i := q.after(v); i < len(q.ranges) && q.ranges[i].Start.LessEq(v) {
		return q.ranges[i], true
	}
	return seq.Range{}, false
}
