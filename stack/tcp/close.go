package tcp

import (
	"time"

	"github.com/conform-stack/conform/stack/errno"
)

// finWait2Time is how long a connection without user waits in FIN-WAIT-2 for the peer's FIN. RFC 9293 sets no bound, and a
// peer that is gone would hold the connection for ever.
const finWait2Time = time.Minute

// Shutdown closes one half of the connection, or both (3.10.4).
func (e *Endpoint) Shutdown(how How) error {
	c := e.conn
	switch {
	case e.closed:
		return errno.EBADF
	case how > Both:
		return errno.EINVAL
	case c == nil && e.listener != nil && how != Write: // as on other systems: it listens no longer
		e.listener.close()
		return nil
	case c == nil, c.state == SynSent, c.state == Closed:
		return errno.ENOTCONN
	}
	if how != Read {
		c.shutWrite()
	}
	if how != Write && c.state != Closed {
		c.rcv.shut = true
		c.notify()
	}
	return nil
}

// shutWrite is the CLOSE of 3.10.4: the FIN follows what was handed over.
func (c *conn) shutWrite() {
	if c.snd.fin {
		return
	}
	switch c.state {
	case SynReceived: // the FIN waits for ESTABLISHED
	case Established:
		c.state = FinWait1
	case CloseWait:
		c.state = LastAck
	default:
		return
	}
	c.snd.fin = true
	c.output()
	c.notify()
}

// userClose lets go of the connection.
func (c *conn) userClose() {
	linger := c.set.linger
	c.owner, c.user, c.orphaned = c.user, nil, c.now()
	switch {
	case c.state == Closed:
		c.rcv.buf.drop()
		c.tcp.spared(c)
	case c.state == SynSent:
		c.destroy(nil)
	case linger == 0, c.rcv.unread > 0 && c.state != TimeWait: // data that nobody will read is lost: say so (3.6.1, SHLD-3)
		c.abort(nil)
	default:
		c.rcv.buf.drop()
		c.rcv.forgetOutOfOrder()
		c.shutWrite()
		c.orphanTimeout()
		if linger > 0 && c.state != Closed && c.state != TimeWait {
			c.afterTimer(closeTimer, linger)
			c.lingering = true
		}
	}
}

// orphanTimeout bounds FIN-WAIT-2 of a connection without user.
func (c *conn) orphanTimeout() {
	if c.user == nil && c.listener == nil && c.state == FinWait2 {
		c.lingering = false
		c.afterTimer(closeTimer, finWait2Time)
	}
}

// closeTimeout is the end of TIME-WAIT, of FIN-WAIT-2 without user, or of lingering.
func (c *conn) closeTimeout() {
	if c.lingering {
		c.abort(nil)
		return
	}
	c.destroy(nil)
}

// inFin takes in the peer's FIN, after all its data (3.10.7.4, eighth step).
func (c *conn) inFin() {
	c.rcv.finished = true
	c.ackNow()
	switch c.state {
	case SynReceived, Established:
		c.state = CloseWait
		if c.snd.fin { // the user has closed in SYN-RECEIVED
			c.state = LastAck
		}
	case FinWait1: // our FIN is not acknowledged, or the fifth step would have moved on
		c.state = Closing
	case FinWait2:
		c.timeWait()
	}
	if l := c.listener; l != nil && c.set.deferAccept {
		l.endpoint.notify()
	}
	c.notify()
}
