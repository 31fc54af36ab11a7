package lowpan

import (
	"errors"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/link"
	"github.com/conform-stack/conform/stack/wire/lowpan"
)

// ends are the two stations that a payload is between: those of the mesh header, or else of the frame.
type ends struct{ src, dst link.Addr }

// Input owns the payload of a frame that the link took. The headers of the stack come in one order (RFC 4944, 5).
func (a *Adapter) Input(p *packet.Packet, from, to link.Addr) {
	e := ends{from, to}
	first, ok := front(p)
	if ok && lowpan.KindOf(first, 0) == lowpan.MeshType {
		if e, ok = a.mesh.input(p, from); !ok {
			return
		}
	} else if ok && lowpan.KindOf(first, 0) == lowpan.BC0 {
		if ok = a.mesh.bare(p, from); !ok {
			return
		}
	}
	if first, ok = front(p); !ok {
		a.drop(p, stats.LowpanInvalid)
		return
	}
	switch lowpan.KindOf(first, 0) {
	case lowpan.Frag1, lowpan.FragN:
		a.reasm.input(p, e)
	case lowpan.RFrag:
		if !a.recovers() {
			a.drop(p, stats.LowpanUnknown)
			return
		}
		a.recovery.input(p, e)
	case lowpan.RFragAck:
		if !a.recovers() {
			a.drop(p, stats.LowpanUnknown)
			return
		}
		a.recover.acknowledged(p, e)
	default:
		a.datagram(p, e)
	}
}

func front(p *packet.Packet) (_ uint8, ok bool) {
	if p.Len() == 0 {
		return 0, false
	}
	return p.Bytes()[0], true
}

// expand puts the headers at the front of a payload together in room. Size is that of the datagram when this is a first
// fragment of it. ok is false when the payload was dropped.
func (a *Adapter) expand(p *packet.Packet, b []byte, e ends, size int) (r lowpan.Result, ok bool) {
	s := lowpan.Surroundings{Src: e.src, Dst: e.dst, PAN: a.link.PAN(), Contexts: &a.contexts.wire}
	r, err := lowpan.Decompress(a.room[:MTU], b, &s, size)
	switch {
	case err != nil:
		a.drop(p, reason(err))
		return r, false
	case r.Generic && a.generic.work == nil, r.HC1 && !a.c.HC1.On():
		a.drop(p, stats.LowpanUnknown)
		return r, false
	case r.Elided != 0 && !a.trusted(p.Verified):
		a.drop(p, stats.LowpanChecksum)
		return r, false
	}
	if r.Generic { // 3.3: who uses it understands it
		a.SetGeneric(e.src, true)
	}
	return r, true
}

// trusted tells whether a datagram without a checksum may be taken: a decompressor must know that something else protects
// it (RFC 6282, 4.3.2).
func (a *Adapter) trusted(verified bool) bool { return verified || a.c.TrustElided.On() }

func reason(err error) stats.Drop {
	switch {
	case errors.Is(err, lowpan.ErrUnknown):
		return stats.LowpanUnknown
	case errors.Is(err, lowpan.ErrContext):
		return stats.LowpanContext
	}
	return stats.LowpanInvalid
}

// datagram owns a payload that is a whole datagram.
func (a *Adapter) datagram(p *packet.Packet, e ends) {
	r, ok := a.expand(p, p.Bytes(), e, 0)
	if !ok {
		return
	}
	p.TrimFront(r.Took)
	n := r.Len + p.Len()
	if n > MTU || n == 0 {
		a.drop(p, stats.LowpanInvalid)
		return
	}
	if p.Headroom() < r.Len+iface.Headroom {
		q := a.env.Rx.Get(iface.Headroom, n)
		if q == nil {
			a.drop(p, stats.NoBuffer)
			return
		}
		copy(q.Bytes()[r.Len:], p.Bytes())
		q.Inherit(p)
		p.Free()
		p = q
	} else {
		p.Prepend(r.Len)
	}
	copy(p.Bytes(), a.room[:r.Len])
	a.deliver(p, e, r)
}

// deliver owns a datagram that is whole.
func (a *Adapter) deliver(p *packet.Packet, e ends, r lowpan.Result) {
	if r.Elided != 0 {
		lowpan.Restore(p.Bytes(), r)
	}
	p.LinkSrc = e.src
	a.env.Stats.Lowpan.Received++
	a.link.Deliver(p)
}
