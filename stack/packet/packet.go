// Package packet holds packets and the pools they come from.
//
// A packet has one owner at a time. Whoever is given one sends it on, keeps it or frees it; nobody touches it after
// having passed it on. It lies in one piece of memory, with headroom in front for headers that are still to come.
//
// Pools are bounded, and what they are bounded by is the configuration's: a packet of n octets is charged for
// ceil(n / BufferSize) buffers, as if it lay in a chain of them. Exhaustion therefore comes where the profile says and
// not where memory ends. It is no error of anybody: Get gives nil, counts, and the caller drops what it was about to do.
package packet

import (
	"time"

	"github.com/conform-stack/conform/stack/wire/link"
)

// A Cast says whom the link addressed.
type Cast uint8

const (
	Unicast   Cast = iota // this station
	Multicast             // a group
	Broadcast             // all stations
	Other                 // another station: seen, not processed
	Outgoing              // it is sent from here
)

func (c Cast) String() string {
	switch c {
	case Unicast:
		return "unicast"
	case Multicast:
		return "multicast"
	case Broadcast:
		return "broadcast"
	case Other:
		return "another station"
	case Outgoing:
		return "outgoing"
	}
	return "unknown cast"
}

// A Packet is a frame, datagram or message on its way through a node.
type Packet struct {
	buf      []byte
	off, end int
	pool     *Pool
	next     *Packet
	charge   int32
	class    int8
	free     bool

	// What arrival says of it; zero for one that was made here.
	Priority uint8         // 0 to 7 (IEEE 802.1Q)
	Cast     Cast          // how the link addressed it
	Verified bool          // the link checked its integrity with a key
	LinkSrc  link.Addr     // who sent it on the link
	Arrived  time.Duration // instant of arrival

	// Hidden is a packet that taps do not see: a capture made it. Get sets it as Pool.Hide says.
	Hidden bool
	// Origin is who made a frame that is sent whole, of those who look at frames: it does not see this one. 0 is nobody.
	Origin uint32
	// Times are instants on its way, in a pool that keeps them: see Point.
	Times [NumPoints]time.Duration
}

// A Point is one on the way of a packet through a node. The last one, when it is sent or given to the application, is
// not kept: the packet's way ends there.
type Point uint8

const (
	Made    Point = iota // a device or an application brought it
	Queued               // it is about to enter the queue of its class
	Taken                // it was taken from that queue
	Waiting              // it was put where the application reads it; received packets only
	NumPoints
)

// Inherit has p be on the way of q: it takes over what is known of that one but the content.
func (p *Packet) Inherit(q *Packet) {
	p.Priority, p.Cast, p.Verified, p.LinkSrc, p.Arrived = q.Priority, q.Cast, q.Verified, q.LinkSrc, q.Arrived
	p.Hidden, p.Origin, p.Times = q.Hidden, q.Origin, q.Times
}

// Bytes is the content. It is valid, and writable, while the packet is owned.
func (p *Packet) Bytes() []byte { return p.buf[p.off:p.end:p.end] }

// Len is the length of the content in octets.
func (p *Packet) Len() int { return p.end - p.off }

// Headroom is the number of octets that can be prepended.
func (p *Packet) Headroom() int { return p.off }

// Prepend grows the content by n octets at its front and gives them; they hold anything. It panics beyond the headroom.
func (p *Packet) Prepend(n int) []byte {
	p.off -= n
	return p.buf[p.off : p.off+n : p.off+n]
}

// TrimFront takes n octets from the front; Prepend brings them back as they were.
func (p *Packet) TrimFront(n int) {
	if n > p.end-p.off {
		panic("packet: trimmed beyond its end")
	}
	p.off += n
}

// SetLen cuts the content to n octets, or grows it into the tailroom by octets that hold anything. The charge stays.
func (p *Packet) SetLen(n int) {
	if n < 0 || n > len(p.buf)-p.off {
		panic("packet: length beyond its storage")
	}
	p.end = p.off + n
}

// Grow makes the content n octets long and charges for them. It is false, and nothing has changed, when its storage or
// its pool does not hold so much.
func (p *Packet) Grow(n int) bool {
	more := p.pool.Charge(n) - int(p.charge)
	if n > len(p.buf)-p.off || more > p.pool.buffers {
		return false
	}
	if more > 0 {
		p.charge += int32(more)
		p.pool.buffers -= more
	}
	p.end = p.off + n
	return true
}

// Scarce tells whether its pool is nearly exhausted: less than an eighth is left. Whoever keeps packets until something
// happens, a socket or a neighbour that does not answer, then keeps no more of them, so that the rest goes on.
func (p *Packet) Scarce() bool {
	o := p.pool
	return o.packets < o.limits.packets()/8 || o.buffers < o.limits.buffers()/8
}

// Cap is the size of its storage in octets.
func (p *Packet) Cap() int { return len(p.buf) }

// Free gives the packet back to its pool. Freeing nil does nothing; freeing twice panics.
func (p *Packet) Free() {
	if p != nil {
		p.pool.put(p)
	}
}
