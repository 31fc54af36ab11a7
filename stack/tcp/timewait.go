package tcp

import (
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/tcp/seq"
	"github.com/conform-stack/conform/stack/wire/tcp"
)

// waits are the connections in TIME-WAIT, in the order in which they will end.
type waits struct{ first, last *conn }

func (w *waits) add(c *conn) {
	c.waitPrev, c.waitNext = w.last, nil
	if w.last == nil {
		w.first = c
	} else {
		w.last.waitNext = c
	}
	w.last = c
}

func (w *waits) remove(c *conn) {
	if c.waitPrev == nil {
		w.first = c.waitNext
	} else {
		c.waitPrev.waitNext = c.waitNext
	}
	if c.waitNext == nil {
		w.last = c.waitPrev
	} else {
		c.waitNext.waitPrev = c.waitPrev
	}
	c.waitPrev, c.waitNext = nil, nil
}

// evict ends the wait of the oldest, so that there is room for another connection. It is false when none waits.
func (w *waits) evict() bool {
	if w.first == nil {
		return false
	}
	w.first.destroy(nil)
	return true
}

// timeWait enters TIME-WAIT (3.6.1, MUST-13).
func (c *conn) timeWait() {
	t := c.tcp
	c.stopTimers()
	if c.state != TimeWait {
		t.waits.add(c)
	}
	c.state = TimeWait
	c.ecn = ecnState{}
	c.snd.buf.drop()
	c.snd.length = 0
	c.rcv.forgetOutOfOrder()
	if c.user == nil {
		c.rcv.buf.drop()
	}
	if t.c.MSL < 0 {
		if c.rcv.ackDue {
			c.sendAck()
		}
		c.destroy(nil)
		return
	}
	c.afterTimer(closeTimer, 2*t.c.MSL)
	c.notify()
}

// inTimeWait takes a segment in TIME-WAIT (3.10.7.4).
func (c *conn) inTimeWait(s *segment) {
	switch {
	case s.flags.Any(tcp.RST): // ignored, so that an old one does not end the wait (RFC 1337, 3, fix F1)
		s.drop(stats.TCPUnwanted)
	case s.flags.Any(tcp.SYN) && !s.flags.Any(tcp.ACK) && c.succeeded(s):
	case s.flags.Any(tcp.SYN):
		s.drop(stats.TCPUnwanted)
		c.challenge() // RFC 5961, 4.2
	case s.flags.Any(tcp.FIN) && s.seq.Add(s.length()) == c.rcv.nxt: // the FIN again: our ACK was lost
		s.drop(stats.TCPDuplicate)
		c.afterTimer(closeTimer, 2*c.tcp.c.MSL)
		c.tcp.waits.remove(c)
		c.tcp.waits.add(c)
		c.ackNow()
	case !seq.Acceptable(s.seq, s.length(), c.rcv.nxt, c.rcv.nxt.To(c.rcv.edge)):
		s.drop(stats.TCPUnwanted)
		c.answer(s)
	case !s.flags.Any(tcp.ACK):
		s.drop(stats.TCPUnwanted)
	case c.snd.sent().Less(s.ack) || !s.carriesNothing(): // of what was not sent; or beyond the peer's FIN
		s.drop(stats.TCPUnwanted)
		c.answer(s)
	}
}

// succeeded makes a new connection of a SYN that surely is not an old one: its timestamp is later than the last (RFC
// 6191, 2), or, without timestamps, its sequence number is beyond what was received (MAY-2). It is false when the SYN is
// not taken so.
func (c *conn) succeeded(s *segment) bool {
	t := c.tcp
	later := c.rcv.nxt.LessEq(s.seq) // beyond the FIN
	if t.c.Timestamps.On() && s.has(tcp.HasTimestamps) {
		d := int32(s.opt.TSVal - c.opt.recent)
		later = !c.opt.timestamps || d > 0 || d == 0 && later
	}
	e := t.listenerFor(s.to, s.from)
	if !later || e == nil {
		return false
	}
	t.above, t.isAbove = c.snd.nxt, true // the next ISN is larger than any number of this connection
	c.destroy(nil)
	t.inListen(e, s)
	t.isAbove = false
	return true
}

// mayReplace tells whether a new connection may take the place of this one: it waits in TIME-WAIT, and timestamps, which
// go on, keep what is left of it apart (RFC 6191, 2, seen from the other side).
func (c *conn) mayReplace() bool {
	return c.state == TimeWait && c.opt.timestamps && c.now()-c.opt.recentAt > 1e9
}
