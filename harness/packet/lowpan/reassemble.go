package lowpan

import (
	"errors"
	"fmt"

	"github.com/conform-stack/conform/harness/packet"
)

// A Reassembler puts fragments together (RFC 4944, section 5.3). It is lenient: order does not matter, and a fragment that
// was there already changes nothing. It has no clock; the oldest datagram goes when there are too many.
type Reassembler struct {
	parts      []*datagram
	recoveries []*recovered
}

const maxDatagrams = 64

// key is what the fragments of a datagram have in common.
type key struct {
	src, dst  string
	size, tag int
}

type datagram struct {
	key
	fragments map[int][]byte // by offset in the whole packet
	first     *expander      // the headers of the first fragment were compressed
}

// errOverlap says that fragments overlap. What there was is forgotten; the newest begins a new datagram.
var errOverlap = errors.New("it overlaps another one of the same datagram")

// Add takes a fragment: its size, tag and offset, and what it carries, of a first one from the dispatch on. It gives the
// packet when it is whole.
func (r *Reassembler) Add(size, tag, offset int, first bool, body []byte, a Around) ([]byte, error) {
	k := key{string(a.Src), string(a.Dst), size, tag}
	d := r.find(k)
	data := body
	var x *expander
	if first {
		a.Size = size
		var err error
		if x, err = expand(body, a); err != nil {
			return nil, err
		}
		data = x.out
	}
	overlaps := false
	for at, have := range d.fragments {
		if at == offset && len(have) == len(data) { // once more
			return nil, nil
		}
		overlaps = overlaps || at < offset+len(data) && offset < at+len(have)
	}
	if overlaps {
		d.fragments, d.first = map[int][]byte{}, nil
	}
	d.fragments[offset] = data
	if first {
		d.first = x
	}
	if overlaps {
		return nil, errOverlap
	}
	return r.whole(d)
}

func (r *Reassembler) find(k key) *datagram {
	for _, d := range r.parts {
		if d.key == k {
			return d
		}
	}
	d := &datagram{key: k, fragments: map[int][]byte{}}
	if r.parts = append(r.parts, d); len(r.parts) > maxDatagrams {
		r.parts = r.parts[1:]
	}
	return d
}

// whole is the packet if all of it is there.
func (r *Reassembler) whole(d *datagram) ([]byte, error) {
	var out []byte
	for len(out) < d.size {
		next, ok := d.fragments[len(out)]
		if !ok || len(next) == 0 {
			return nil, nil
		}
		out = append(out, next...)
	}
	for i := range r.parts {
		if r.parts[i] == d {
			r.parts = append(r.parts[:i:i], r.parts[i+1:]...)
			break
		}
	}
	if len(out) > d.size {
		return nil, fmt.Errorf("the fragments have %d octets, datagram_size is %d", len(out), d.size)
	}
	if d.first == nil { // no first fragment: a later one claims its place
		return out, nil
	}
	d.first.out = out
	return d.first.finish(d.size), nil
}

// reassemble adds the fragment in f to those that a reader has seen.
func reassemble(r *packet.Reader, f *packet.Frame, a Around, body []byte) ([]byte, error) {
	all, _ := r.State.(*Reassembler)
	if all == nil {
		all = &Reassembler{}
		r.State = all
	}
	if f.Has(RFragProto) {
		return all.recover(f, a, body)
	}
	if h := f.Header(Frag1Proto); h != nil {
		return all.Add(size(h), tag(h), 0, true, body, a)
	}
	h := f.Header(FragNProto)
	return all.Add(size(h), tag(h), 8*int(h[4]), false, body, a)
}
