package tcp

import (
	"time"

	"github.com/conform-stack/conform/stack/tcp/seq"
)

// maxScale is the largest shift (RFC 7323, 2.3).
const maxScale = 14

// scaleFor is the shift by which a window of n octets fits into the header.
func scaleFor(n int) (shift uint8) {
	for ; n>>shift > 65535 && shift < maxScale; shift++ {
	}
	return shift
}

// offer moves the right edge of the window that is offered and gives the window as it stands in a header. The edge never
// moves back (3.8.6, SHLD-14). It moves on only by a segment or half the buffer at least (3.8.6.2.2, MUST-39).
func (c *conn) offer() uint16 {
	r := &c.rcv
	if wish := c.wish(); r.edge.Less(wish) && int(r.edge.To(wish)) >= min(r.capacity/2, c.advertised()) {
		r.edge = wish
	}
	w := r.nxt.To(r.edge)
	if int32(r.edge-r.nxt) < 0 { // a FIN, or a probe, stood right behind it
		w = 0
		r.edge = r.nxt
	}
	field := w >> r.scale
	if field<<r.scale < w { // what the shift cuts off was offered before: round up rather than shrink
		field++
	}
	field = min(field, 65535)
	if at := r.nxt.Add(field << r.scale); r.edge.Less(at) {
		r.edge = at
	}
	return uint16(field)
}

// wish is the right edge that the free part of the buffer allows.
func (c *conn) wish() seq.Value {
	r := &c.rcv
	free := r.capacity - r.unread
	if c.tcp.mem.scarce() {
		free = min(free, c.tcp.c.RecvBuffer-r.unread)
	}
	return r.nxt.Add(seq.Size(min(max(free, 0), 65535<<r.scale)))
}

// synWindow is the window of a SYN, which is never scaled (RFC 7323, 2.2).
func (c *conn) synWindow() uint16 {
	r := &c.rcv
	w := min(r.capacity, 65535)
	if c.state == SynReceived {
		if at := r.nxt.Add(seq.Size(max(w-r.unread, 0))); r.edge.Less(at) {
			r.edge = at
		}
		return uint16(min(max(int32(r.edge-r.nxt), 0), 65535))
	}
	return uint16(w)
}

// windowOpened is called when the user has read: the peer is told when that opens the window by two segments or half the
// buffer.
func (c *conn) windowOpened() {
	r := &c.rcv
	if !c.state.receives() {
		return
	}
	if wish := c.wish(); r.edge.Less(wish) && int(r.edge.To(wish)) >= min(r.capacity/2, 2*c.advertised()) {
		// An edge that is still far ahead needs no segment of its own: the next acknowledgement tells.
		if int(r.nxt.To(r.edge)) < r.capacity/2 {
			c.ackNow()
			if !r.inside {
				c.respond()
			}
		}
	}
}

// grow enlarges the receive buffer for a user that reads fast: to twice what it read in one round trip, so that the
// window never limits the peer.
func (c *conn) growRecv(n int) {
	r := &c.rcv
	r.copied += n
	now := c.now()
	rtt, _ := c.est.Smoothed()
	if now-r.copyingSince < max(rtt, time.Millisecond) {
		return
	}
	if c.set.recvBuffer == 0 && 2*r.copied > r.capacity && !c.tcp.mem.scarce() {
		r.capacity = min(2*r.copied, c.tcp.c.RecvBufferMax)
	}
	r.copied, r.copyingSince = 0, now
}
