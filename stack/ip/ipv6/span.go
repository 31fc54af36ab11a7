package ipv6

import (
	"bytes"
	"slices"
)

// span is of the octets from to to, the latter not included.
type span struct{ from, to int }

// A packet may have a span for each of 64 fragments for nothing: 65535 octets in frames of Ethernet take 46. Whoever sends eight octets
// a fragment makes thousands, which are charged.
const (
	fewSpans = 64
	spanSize = 16 // octets
)

func (d *partial) end() int {
	if len(d.have) == 0 {
		return 0
	}
	return d.have[len(d.have)-1].to
}

func (d *partial) overlaps(from, to int) bool {
	for _, s := range d.have {
		if from < s.to && to > s.from {
			return true
		}
	}
	return false
}

// repeats tells whether the same fragment is there already: as long, at the same place, with the same octets. One that is
// within another is no duplicate but an overlap.
func (d *partial) repeats(from, to int, data []byte) bool {
	return slices.Contains(d.have, span{from, to}) && bytes.Equal(d.buf.Bytes()[from:to], data)
}

// whole tells whether all octets up to the end are there. No spans overlap.
func (d *partial) whole() bool {
	n := 0
	for _, s := range d.have {
		n += s.to - s.from
	}
	return d.total != 0 && n == d.total
}

// insert adds a span that overlaps none, and keeps it apart from its neighbours: a duplicate is one of the whole fragment.
// It is false when the memory for it is not there.
func (r *reassembly) insert(d *partial, s span) bool {
	i := len(d.have)
	for i > 0 && d.have[i-1].from > s.from {
		i--
	}
	d.have = slices.Insert(d.have, i, s)
	r.charge(d, d.buf.Cap()+max(0, cap(d.have)-fewSpans)*spanSize-d.charged)
	return r.within(d)
}
