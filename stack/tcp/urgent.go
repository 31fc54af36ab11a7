package tcp

import (
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/tcp/seq"
)

// urgentState is where the urgent octet is that the peer spoke of last. The octet itself stands in the stream (RFC 6093,
// 2): with OOBInline the user reads it there; without, Recv passes over it, and Recv with OOB reads it.
type urgentState uint8

const (
	urgentNone  urgentState = iota
	urgentWaits             // it was announced, and has not come
	urgentHere              // it has come: it lies in the buffer in front of up
)

// inUrgent is the sixth step of 3.10.7.4. The pointer points behind the last urgent octet (3.8.5, MUST-62).
func (c *conn) inUrgent(s *segment) {
	r := &c.rcv
	up := s.seq.Add(seq.Size(s.urgent))
	if up.LessEq(r.read) || up.LessEq(r.up) && r.urgent != urgentNone || r.edge.Add(1).Less(up) && r.nxt.Add(65536).Less(up) {
		return
	}
	r.up, r.urgent, r.urgentTaken = up, urgentWaits, false
	c.urgentArrived()
	c.notify() // MUST-32
}

// urgentArrived is called when RCV.NXT has moved.
func (c *conn) urgentArrived() {
	if r := &c.rcv; r.urgent == urgentWaits && r.up.LessEq(r.nxt) {
		r.urgent = urgentHere
		var b [1]byte
		r.buf.read(int(r.read.To(r.up))-1, b[:])
		r.urgentOctet = b[0]
	}
}

// recvUrgent is Recv with OOB.
func (c *conn) recvUrgent(b []byte, peek bool) (int, error) {
	r := &c.rcv
	switch {
	case c.set.oobInline || r.urgent == urgentNone || r.urgentTaken:
		return 0, errno.EINVAL
	case r.urgent == urgentWaits:
		if r.finished || c.state == Closed {
			return 0, nil
		}
		return 0, errno.EAGAIN
	case len(b) == 0:
		return 0, nil
	}
	b[0] = r.urgentOctet
	r.urgentTaken = !peek
	return 1, nil
}

// beforeMark limits a read of n octets: it ends at the urgent octet, so that the user sees where it stands. skip is 1 when
// the octet is the next, and does not belong to the stream for this user.
func (c *conn) beforeMark(n int) (most, skip int) {
	r := &c.rcv
	if r.urgent == urgentNone {
		return n, 0
	}
	mark := int(int32(r.up-r.read)) - 1
	switch {
	case mark < 0:
		return n, 0
	case mark > 0:
		return min(n, mark), 0
	case c.set.oobInline:
		return n, 0
	}
	return n, 1
}

// passedMark is called when the user has read: what lies behind is urgent no longer.
func (c *conn) passedMark() {
	if r := &c.rcv; r.urgent != urgentNone && r.up.LessEq(r.read) {
		if r.urgentTaken || c.set.oobInline || r.urgent == urgentHere && r.up.Less(r.read) {
			r.urgent = urgentNone
		}
	}
}

// AtMark tells whether the next octet that Recv gives is the urgent one, or stood behind it (sockatmark).
func (e *Endpoint) AtMark() bool {
	if e.conn == nil {
		return false
	}
	r := &e.conn.rcv
	return r.urgent != urgentNone && int32(r.up-r.read)-1 == 0
}

// urgentField is the urgent pointer of a segment at a sequence number; ok is false when nothing at it or behind it is
// urgent. A pointer that does not reach says as far as it does.
func (c *conn) urgentField(at seq.Value) (pointer uint16, ok bool) {
	if !at.Less(c.snd.up) {
		return 0, false
	}
	return uint16(min(at.To(c.snd.up), 65535)), true
}
