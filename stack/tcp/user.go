package tcp

import (
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/tcp/seq"
)

// Send hands octets over and tells how many were taken (3.10.2). EAGAIN says that there is no room, EPIPE that the
// connection sends no more, ENOTCONN that there is none. An error that ended the connection is told first, once.
func (e *Endpoint) Send(b []byte, f Flags) (int, error) {
	c := e.conn
	switch {
	case e.closed:
		return 0, errno.EBADF
	case c == nil && e.listener != nil:
		return 0, errno.EPIPE
	case c == nil:
		return 0, errno.ENOTCONN
	case c.err != nil:
		return 0, c.takeError()
	case !c.state.sends() || c.snd.fin:
		return 0, errno.EPIPE
	case len(b) == 0:
		return 0, nil
	}
	n := &c.snd
	take := min(len(b), c.sendRoom())
	for take > 0 && !n.buf.room(n.length, take) { // memory is short
		take /= 2
	}
	if take <= 0 {
		if n.blocked = true; n.length == 0 { // no acknowledgement will say that there is memory
			c.tcp.starve(c)
		}
		return 0, errno.EAGAIN
	}
	n.blocked = take < len(b)
	n.buf.write(n.length, b[:take])
	n.length += take
	n.more = f&More != 0 && take == len(b)
	if f&OOB != 0 && take == len(b) {
		n.up = n.start.Add(seq.Size(n.length)) // 3.8.5: behind the last urgent octet
	}
	if c.state == SynSent && n.deferred {
		c.fastOpenSend()
		return take, nil
	}
	c.output()
	return take, nil
}

// sendCapacity is how many octets the send buffer holds: twice the congestion window, so that there is always something
// to send, within bounds.
func (c *conn) sendCapacity() int {
	if c.set.sendBuffer > 0 {
		return c.set.sendBuffer
	}
	least := c.tcp.c.SendBuffer
	if c.tcp.mem.scarce() || c.cc == nil {
		return least
	}
	return max(least, min(2*c.cc.Window(), c.tcp.c.SendBufferMax))
}

func (c *conn) sendRoom() int { return max(0, c.sendCapacity()-c.snd.length) }

// notifyWritable tells a user that found no room that there is some: a third of the buffer at least.
func (c *conn) notifyWritable() {
	n := &c.snd
	switch {
	case !n.blocked || c.sendRoom() < max(1, c.sendCapacity()/3):
	case n.buf.could(n.length):
		n.blocked = false
		c.notify()
	case n.length == 0:
		c.tcp.starve(c)
	}
}

// Recv gives octets in order (3.10.3). 0 and no error is the end of the stream. EAGAIN says that nothing is there yet.
// Data that came before an end is given first; then an error that ended the connection is told, once.
func (e *Endpoint) Recv(b []byte, f Flags) (int, error) {
	c := e.conn
	switch {
	case e.closed:
		return 0, errno.EBADF
	case c == nil:
		return 0, errno.ENOTCONN
	case f&OOB != 0:
		return c.recvUrgent(b, f&Peek != 0)
	}
	r := &c.rcv
	n, skip := c.beforeMark(min(len(b), r.unread))
	if skip > 0 && r.unread > 0 { // the urgent octet is not of the stream
		if r.unread == 1 {
			n = 0
		} else {
			n = min(n, r.unread-1)
		}
	}
	if n <= 0 {
		if len(b) > 0 && skip > 0 && r.unread == 1 {
			if f&Peek == 0 {
				c.consume(1)
			}
			skip = 0
		}
		return 0, c.nothing(len(b))
	}
	r.buf.read(skip, b[:n])
	if f&Peek == 0 {
		c.consume(n + skip)
	}
	return n, nil
}

// nothing says why there is nothing to read.
func (c *conn) nothing(wanted int) error {
	r := &c.rcv
	switch {
	case c.err != nil:
		return c.takeError()
	case r.finished, r.shut, c.state == Closed, wanted == 0 && r.unread > 0:
		return nil
	case c.state == SynSent && c.snd.deferred:
		return errno.ENOTCONN
	}
	return errno.EAGAIN
}

// consume takes octets out of the receive buffer.
func (c *conn) consume(n int) {
	r := &c.rcv
	r.read = r.read.Add(seq.Size(n))
	r.unread -= n
	r.receipts.read(r.read)
	if r.unread == 0 && r.queue.Ranges() == 0 && !c.tcp.in.copied {
		r.buf.clear()
	} else {
		r.buf.discard(n)
	}
	c.passedMark()
	c.growRecv(n)
	c.windowOpened()
}

// readable tells whether Recv would give something.
func (c *conn) readable() bool {
	r := &c.rcv
	switch {
	case r.unread > 1:
		return true
	case r.unread == 1:
		_, skip := c.beforeMark(1)
		return skip == 0
	}
	return c.err != nil
}
