package ipv6

import (
	"bytes"
	"slices"
)

// span is of the octets from to to, the latter not included.
type span struct{ from, to int }

// A packet may have a few spans for nothing. Whoever sends every second eight octets makes thousands, which are charged.
const (
	fewSpans = 16
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

// repeats tells whether the same octets are there already.
func (d *partial) repeats(from, to int, data []byte) bool {
	for _, s := range d.have {
		if from >= s.from && to <= s.to {
			return bytes.Equal(d.buf.Bytes()[from:to], data)
		}
	}
	return false
}

// insert adds a span that overlaps none. It is false when the memory for it is not there.
func (r *reassembly) insert(d *partial, s span) bool {
	i := 0
	for i < len(d.have) && d.have[i].from < s.from {
		i++
	}
	before, after := i > 0 && d.have[i-1].to == s.from, i < len(d.have) && d.have[i].from == s.to
	switch {
	case before && after:
		d.have[i-1].to = d.have[i].to
		d.have = slices.Delete(d.have, i, i+1)
	case before:
		d.have[i-1].to = s.to
	case after:
		d.have[i].from = s.from
	default:
		d.have = slices.Insert(d.have, i, s)
	}
	r.charge(d, d.buf.Cap()+max(0, cap(d.have)-fewSpans)*spanSize-d.charged)
	return r.within(d)
}
