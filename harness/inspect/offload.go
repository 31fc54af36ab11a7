package inspect

import (
	"net/netip"

	"github.com/conform-stack/conform/harness/capture"
	"github.com/conform-stack/conform/harness/judge"
)

// offloads learns which hosts leave which checksum to their network card: all that they sent carry the mark of it (the
// sum of the pseudo header, or a zero in the IPv4 header). One right or otherwise wrong checksum, and it is no habit.
type offloads struct {
	seen  map[habit]*marks
	order []habit
}

// A habit is what one host does with one checksum.
type habit struct {
	host  netip.Addr
	proto uint8 // 6, 17, or 0 for the IPv4 header
}

type marks struct {
	unfinished, other int
	left              bool // to the network card; known after settle
}

func newOffloads() *offloads { return &offloads{seen: map[habit]*marks{}} }

func (o *offloads) learn(p capture.Packet) {
	if c, ok := judge.CheckOffload(p.LinkType, p.Data); ok {
		o.note(habit{c.Source, 0}, c.Header)
		o.note(habit{c.Source, c.Protocol}, c.Transport)
	}
}

func (o *offloads) note(h habit, s judge.Signature) {
	if s == judge.NoSignature {
		return
	}
	m := o.seen[h]
	if m == nil {
		m = &marks{}
		o.seen[h] = m
		o.order = append(o.order, h)
	}
	if s == judge.Unfinished {
		m.unfinished++
	} else {
		m.other++
	}
}

// settle ends the learning.
func (o *offloads) settle() {
	for _, m := range o.seen {
		m.left = m.unfinished > 0 && m.other == 0
	}
}

// unfinished tells whether checksums of a packet are not to be judged.
func (o *offloads) unfinished(p capture.Packet) bool {
	c, ok := judge.CheckOffload(p.LinkType, p.Data)
	return ok && (o.left(habit{c.Source, 0}) || o.left(habit{c.Source, c.Protocol}))
}

func (o *offloads) left(h habit) bool { m := o.seen[h]; return m != nil && m.left }

func (o *offloads) list() []Offload {
	names := map[uint8]string{0: "IPv4 header", 6: "TCP", 17: "UDP"}
	var all []Offload
	for _, h := range o.order {
		if m := o.seen[h]; m.left {
			all = append(all, Offload{h.host.String(), names[h.proto], m.unfinished})
		}
	}
	return all
}
