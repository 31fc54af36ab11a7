package tcp

import (
	"time"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/tcp/recovery"
)

// rexmitTimeout is what the timer of loss recovery is for: a timeout (RFC 6298, 5.4 to 5.7), a probe (RFC 8985, 7.3), or
// that something was not merely reordered (6.2).
func (c *conn) rexmitTimeout() {
	if c.cc == nil || c.state == SynReceived {
		c.synTimeout()
		return
	}
	was := c.rec.State()
	switch c.rec.Expired(c.now()) {
	case recovery.Retransmit:
		c.stats().TCP.Timeouts++
		c.ecn.cwr = c.ecn.on // RFC 3168, 6.1.2: for whatever reason the window was reduced
		c.retried()
	case recovery.ReorderTimer:
		if was != c.rec.State() {
			c.ecn.cwr = c.ecn.on
		}
	}
	c.output()
}

// synTimeout sends a SYN again, or gives up (3.8.3, MUST-23).
func (c *conn) synTimeout() {
	most := c.set.synCount
	if c.user == nil { // nobody waits for it any more, or yet
		most = min(most, c.tcp.c.SynRetries)
	}
	if c.snd.retries >= most {
		switch {
		case c.passive:
			c.stats().TCP.ConnectionsDropped++
			c.destroy(nil)
		case c.soft != nil:
			c.fail(c.soft)
		default:
			c.fail(errno.ETIMEDOUT)
		}
		return
	}
	c.stats().TCP.Retransmitted++
	c.est.Backoff() // RFC 6298, 5.5
	c.retried()
	c.fastOpenFailed()
	c.sendSyn()
}

// retried counts a retransmission by time. After R1 of them IP is told (3.8.3, MUST-20): the way is looked for again.
func (c *conn) retried() {
	n := &c.snd
	n.retries++
	if n.retries >= c.tcp.c.R1 {
		c.doubt()
	}
	c.blackHole()
}

// userTimeoutValue is how long data may be unacknowledged: as the user says, else as the peer asks for within bounds
// (RFC 5482, 3.1), else as configured. never: for ever.
func (c *conn) userTimeoutValue() time.Duration {
	switch {
	case c.set.userTimeout > 0:
		return c.set.userTimeout
	case c.set.userTimeout < 0:
		return never
	case c.remoteTimeout > 0 && c.set.adoptTimeout && c.state.synchronized():
		return min(max(c.remoteTimeout, leastTimeout, c.tcp.c.UserTimeout), mostTimeout)
	case c.tcp.c.UserTimeout < 0:
		return never
	}
	return c.tcp.c.UserTimeout
}

// Bounds on the timeout that a peer asks for (RFC 5482, 3.1: L_LIMIT, U_LIMIT).
const (
	leastTimeout = 100 * time.Second
	mostTimeout  = 2 * time.Hour
)

// takeTimeout takes in what the peer says of its user timeout.
func (c *conn) takeTimeout(s *segment) {
	if s.opt.UserTimeout > 0 {
		c.remoteTimeout = s.opt.UserTimeout
		c.userTimeoutChanged()
	}
}

func (c *conn) userTimeoutChanged() {
	if c.timerSet(userTimer) {
		c.watchUser()
	}
}

// watchUser sets the user timer: counted from the last progress.
func (c *conn) watchUser() {
	if d := c.userTimeoutValue(); d != never {
		c.setTimer(userTimer, c.snd.progress+d)
	} else {
		c.stopTimer(userTimer)
	}
}

// userTimeout ends a connection that made no progress for too long (3.8.3, R2; 3.10.8).
func (c *conn) userTimeout() {
	n := &c.snd
	if n.una == n.nxt && n.end() == n.nxt {
		return
	}
	d := c.userTimeoutValue()
	if d == never {
		return
	}
	if at := n.progress + d; at > c.now() {
		c.setTimer(userTimer, at)
		return
	}
	c.giveUp(errno.ETIMEDOUT)
}
