package tcp

import (
	"time"

	"github.com/conform-stack/conform/stack/tcp/recovery"
	"github.com/conform-stack/conform/stack/tcp/seq"
)

const (
	// corkTime is how long segments are held back by Cork or More.
	corkTime = 200 * time.Millisecond
	// againTime is after how long sending is tried again when there was no packet, or no path.
	againTime = 10 * time.Millisecond
)

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
	if !c.maySend() {
		return
	}
	if c.cc == nil { // a server that answers before the handshake is done
		c.measure()
		c.beginSending(c.snd.iss.Add(1))
	}
	n := &c.snd
	_ = c.findPath() // which may tell of another MTU; without a path nothing is sent below
	for now := c.now(); ; {
		if c.tcp.crowded() {
			c.tcp.wait(c)
			break
		}
		unsent := int(int32(n.end() - n.nxt)) // FIN counted
		window := int(int32(n.una.Add(n.wnd) - n.nxt))
		switch d := c.rec.Next(now, unsent, window); d.Kind {
		case recovery.New:
			if c.sendNew(now, d.Limit) {
				continue
			}
		case recovery.Again:
			if c.sendAgain(now, d.Range) {
				continue
			}
		}
		break
	}
	c.watch()
}

// respond ends the processing of a segment or a call: what may be sent is sent, and an acknowledgement that is due and
// found no data to go with.
func (c *conn) respond() {
	c.output()
	if c.rcv.ackDue && c.state != Closed {
		c.sendAck()
	}
}

// sendNew sends one segment of new data, at most limit octets, or the FIN, if it is worth a segment now; and tells whether
// it did.
func (c *conn) sendNew(now time.Duration, limit int) bool {
	n := &c.snd
	left := int(int32(n.data() - n.nxt))
	full := n.mss - c.blockOctets()
	probe := false
	if n.mtu.passes > 0 {
		switch size, wait := c.probeLength(left, limit); {
		case wait:
			return false
		case size > 0:
			full, probe = size, true
		}
	}
	size := min(left, limit, full)
	last := size == left
	fin := last && n.fin && limit > size
	switch {
	case size == full, last && n.fin: // all that fits, or the end
	case (c.set.cork || n.more) && last && !n.override:
		if !c.timerSet(corkTimer) {
			c.afterTimer(corkTimer, corkTime)
		}
		return false
	case last && (c.set.noDelay || n.una == n.nxt || n.nxt.Less(n.up)): // Nagle (3.7.4, SHLD-7)
	case seq.Size(size) >= n.maxWnd/2 && (c.set.noDelay || n.una == n.nxt): // 3.8.6.2.1 (3): half of the largest window
	case n.override: // (4)
	default:
		return false
	}
	if !c.sendData(n.nxt, size, fin, fresh) {
		if probe {
			n.mtu.probe = 0
		}
		if n.una == n.nxt {
			c.afterTimer(persistTimer, againTime)
		}
		return false
	}
	if n.una == n.nxt {
		n.progress = now
		c.stopTimer(persistTimer)
	}
	n.override, n.sentAt = false, now
	at := n.nxt
	c.told(now, at, size, fin)
	if probe {
		c.probeSent(at, size)
	}
	return true
}

// sendAgain sends octets again that were lost.
func (c *conn) sendAgain(now time.Duration, r seq.Range) bool {
	n := &c.snd
	size := min(int(r.Len()), int(r.Start.To(n.data())), n.mss-c.blockOctets())
	fin := n.data().Less(r.End) && r.Start.Add(seq.Size(size)) == n.data()
	if !c.sendData(r.Start, size, fin, again) {
		return false
	}
	c.told(now, r.Start, size, fin)
	return true
}

// told tells loss recovery what was sent.
func (c *conn) told(now time.Duration, at seq.Value, size int, fin bool) {
	end := at.Add(seq.Size(size))
	if fin {
		end = end.Add(1)
	}
	c.rec.Sent(now, seq.Range{Start: at, End: end}, fin)
	c.snd.nxt = c.rec.Nxt()
}

// flush sends what is there, however little.
func (c *conn) flush() {
	c.snd.override = true
	c.output()
	c.snd.override = false
}

// watch sets the timers for what is in flight, or waits for a window.
func (c *conn) watch() {
	n := &c.snd
	if c.state == SynReceived { // SYN,ACK has the timer
		return
	}
	if at, t := c.rec.Timer(); t != recovery.NoTimer {
		c.setTimer(rexmitTimer, at)
	} else {
		c.stopTimer(rexmitTimer)
	}
	switch {
	case n.una != n.nxt:
		if !c.timerSet(userTimer) {
			c.watchUser()
		}
	case n.end() != n.nxt && !c.timerSet(persistTimer) && !c.timerSet(corkTimer): // something waits, with nothing in flight
		c.persist()
	}
}
