package tcp

import (
	"time"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/tcp/seq"
)

// overrideTime is after how long a small segment is sent although a silly window is the reason (3.8.6.2.1: 0.1 to 1 s).
const overrideTime = 500 * time.Millisecond

// persist starts probing: there is something to send, nothing is in flight, and the window does not take it (3.8.6.1).
func (c *conn) persist() {
	n := &c.snd
	n.progress = c.now()
	n.probes = 0
	if n.wnd > 0 {
		c.afterTimer(persistTimer, overrideTime)
	} else {
		c.afterTimer(persistTimer, c.probeInterval()) // SHLD-29
	}
	c.watchUser()
}

// probeInterval doubles with each probe (SHLD-30).
func (c *conn) probeInterval() time.Duration {
	d := c.est.RTO()
	for range c.snd.probes {
		if d *= 2; d >= c.tcp.c.MaxProbeInterval {
			return max(c.tcp.c.MaxProbeInterval, c.est.RTO())
		}
	}
	return d
}

// persistTimeout sends a probe: an octet beyond the window (3.8.6.1, MUST-36), which the peer will take when there is
// room, and answer in any case. The connection lives as long as it answers (MUST-37).
func (c *conn) persistTimeout() {
	n := &c.snd
	if n.end() == n.nxt || n.una != n.nxt || !c.maySend() {
		return
	}
	if n.wnd > 0 {
		c.flush()
		return
	}
	if d := c.userTimeoutValue(); c.user == nil && c.listener == nil && d != never && c.now()-c.orphaned >= d {
		// Nobody here waits any more, and the peer could hold this connection for ever (RFC 6429, 3).
		c.giveUp(errno.ETIMEDOUT)
		return
	}
	size := min(1, int(n.nxt.To(n.data())))
	c.stats().TCP.ProbesSent++
	if c.sendData(n.nxt, size, size == 0, probe) {
		n.probed, n.sentAt = n.nxt.Add(1), c.now()
	}
	n.probes++
	c.afterTimer(persistTimer, c.probeInterval())
}

// probeTaken takes in that the octet of a probe was acknowledged, which until then did not count as sent: a closed window
// is no congestion. Of several probes nobody knows which one it was (RFC 6298, 3).
func (c *conn) probeTaken(ack seq.Value) {
	n := &c.snd
	r := seq.Range{Start: n.nxt, End: ack}
	fin := n.data().Less(ack)
	c.rec.Sent(n.sentAt, r, fin)
	if n.probes > 1 {
		c.rec.Sent(n.sentAt, r, fin)
	}
	n.nxt = ack
}
