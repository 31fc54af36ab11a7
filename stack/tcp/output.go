package tcp

import (
	"time"

	"github.com/conform-stack/conform/stack/tcp/seq"
)

// corkTime is how long segments are held back by Cork or More.
const corkTime = 200 * time.Millisecond

// maySend tells whether data may be sent: the connection is synchronized, or Fast Open lets it be.
func (c *conn) maySend() bool {
	switch c.state {
	case Established, CloseWait, FinWait1, Closing, LastAck:
		return true
	case SynReceived:
		return c.rcv.fast
	}
	return false
}

// output sends all that may be sent now.
func (c *conn) output() {
	if !c.maySend() || c.cc == nil && !c.beginSending() {
		return
	}
	for c.sendNew() {
	}
	c.watch()
}

// beginSending makes congestion control for a server that answers before the handshake is done.
func (c *conn) beginSending() bool {
	c.measure()
	c.initialWindow()
	return true
}

// respond ends the processing of a segment or a call: what may be sent is sent, and an acknowledgement that is due and
// found no data to go with.
func (c *conn) respond() {
	c.output()
	if c.rcv.ackDue && c.state != Closed {
		c.sendAck()
	}
}

// sendNew sends one segment of new data, or the FIN, if windows and algorithms allow; and tells whether it did.
func (c *conn) sendNew() bool {
	n := &c.snd
	left := int(int32(n.data() - n.nxt)) // data not yet sent
	fin := n.fin && int32(n.end()-n.nxt) > 0
	if left <= 0 && !fin {
		return false
	}
	if n.una == n.nxt && n.sentAt != 0 { // RFC 5681, 4.1; RFC 7661
		c.cc.Resume(c.now(), c.now()-n.sentAt, c.est.RTO())
	}
	usable := int(int32(n.una.Add(n.wnd) - n.nxt)) // 3.8.6.2.1: the usable window
	room := c.congestionRoom()
	size := min(left, usable, n.mss-c.blockOctets())
	if size < 0 || left > 0 && size == 0 {
		return false
	}
	last := size == left
	switch {
	case size > room && n.una != n.nxt: // the congestion window is full
		return false
	case left == 0: // the FIN alone; it needs no window
	case size >= n.mss-c.blockOctets():
	case last && fin:
	case (c.set.cork || n.more) && last:
		if !c.timerSet(corkTimer) {
			if n.override {
				break
			}
			c.afterTimer(corkTimer, corkTime)
		}
		return false
	case last && (c.set.noDelay || n.una == n.nxt || n.nxt.Less(n.up)): // Nagle (3.7.4, SHLD-7)
	case seq.Size(size) >= n.maxWnd/2 && (c.set.noDelay || n.una == n.nxt): // 3.8.6.2.1 (3)
	case n.override: // (4)
	default:
		return false
	}
	if !c.sendData(n.nxt, size, fin && last, false) {
		c.afterTimer(persistTimer, time.Millisecond*10) // no packet, no path: again soon
		return false
	}
	now := c.now()
	if n.una == n.nxt {
		n.progress = now
	}
	n.override = false
	n.sentAt = now
	size2 := seq.Size(size)
	if fin && last {
		size2++
	}
	c.sentRange(n.nxt, size2)
	n.nxt = n.nxt.Add(size2)
	return true
}

// watch sets the timers for what is in flight, or waits for a window.
func (c *conn) watch() {
	n := &c.snd
	if n.una != n.nxt {
		if !c.timerSet(rexmitTimer) {
			c.afterTimer(rexmitTimer, c.est.RTO()) // RFC 6298, 5.1
		}
		if !c.timerSet(userTimer) {
			c.watchUser()
		}
		return
	}
	if n.end() != n.nxt && !c.timerSet(persistTimer) && !c.timerSet(corkTimer) { // nothing in flight, something waits: for the window
		c.persist()
	}
}
