// Package seq is the arithmetic of TCP sequence numbers (RFC 9293, 3.4).
//
// A Value is a place in the sequence space of 2^32 octets, a Size is a number of octets. They are distinct types because
// they are compared differently: sizes as numbers, values only relative to each other, modulo 2^32, and only by methods.
// Comparing two values with < compiles, and is a mistake that shows after four gigabytes.
//
// Comparisons hold while the two values are less than 2^31 apart, which windows of at most 2^30 octets (RFC 7323, 2.3)
// ensure. Exactly 2^31 apart, each is Less than the other.
package seq

// A Value is a sequence number.
type Value uint32

// A Size is a length in the sequence space: octets of data, and one each for SYN and FIN.
type Size uint32

// Add is the value n octets after v.
func (v Value) Add(n Size) Value { return v + Value(n) }

// Sub is the value n octets before v.
func (v Value) Sub(n Size) Value { return v - Value(n) }

// Since is how far v is after from; the caller knows that it is not before it.
func (v Value) Since(from Value) Size { return Size(v - from) }

// To is how far end is after v: w.Since(v), read the other way round.
func (v Value) To(end Value) Size { return Size(end - v) }

// Less tells whether v stands before w.
func (v Value) Less(w Value) bool { return int32(v-w) < 0 }

// LessEq tells whether v stands before w, or at it.
func (v Value) LessEq(w Value) bool { return v == w || int32(v-w) < 0 }

// InRange tells whether first <= v < end. The range may be longer than 2^31, and is empty when both are equal.
func (v Value) InRange(first, end Value) bool { return v-first < end-first }

// InWindow tells whether v is one of the size octets that begin at first.
func (v Value) InWindow(first Value, size Size) bool { return Size(v-first) < size }

// Max is the later of the two.
func Max(v, w Value) Value {
	if v.Less(w) {
		return w
	}
	return v
}

// Min is the earlier of the two.
func Min(v, w Value) Value {
	if w.Less(v) {
		return w
	}
	return v
}

// Overlap tells whether a segment of size octets at v has an octet in common with the window of n octets at first.
func Overlap(v Value, size Size, first Value, n Size) bool {
	if size == 0 || n == 0 {
		return false
	}
	return v.InWindow(first, n) || first.InWindow(v, size)
}

// Acceptable is the test of RFC 9293, 3.10.7.4, on a segment of length n (SYN and FIN counted) at v, for a receiver that
// expects next and offers window: its four cases. A segment that reaches over the window at both ends is not acceptable by
// the letter; Overlap is the test that takes it.
func Acceptable(v Value, n Size, next Value, window Size) bool {
	switch {
	case n == 0 && window == 0:
		return v == next
	case n == 0:
		return v.InWindow(next, window)
	case window == 0:
		return false
	}
	return v.InWindow(next, window) || v.Add(n-1).InWindow(next, window)
}

// A Range is the octets from Start up to, not including, End: a segment, or a SACK block.
type Range struct{ Start, End Value }

// Len is the number of octets in the range.
func (r Range) Len() Size { return r.Start.To(r.End) }

// Empty tells whether there is none.
func (r Range) Empty() bool { return r.Start == r.End }

// Contains tells whether all of s, which is not empty, lies within r.
func (r Range) Contains(s Range) bool {
	return s.Start.InRange(r.Start, r.End) && s.End-r.Start <= r.End-r.Start && s.Start-r.Start < s.End-r.Start
}
