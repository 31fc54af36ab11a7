package tcp

import (
	"time"

	"github.com/conform-stack/conform/stack/errno"
)

// keepRestart starts the timer of keep-alives, if the user wants them (3.8.4, MUST-24, MUST-25).
func (c *conn) keepRestart() {
	if !c.set.keepAlive || !c.state.synchronized() || c.state == TimeWait {
		c.stopTimer(keepTimer)
		return
	}
	c.keeps = 0
	c.setTimer(keepTimer, max(c.now(), c.heard+c.keepIdle()))
}

// keepIdle is how long a peer may be silent: longer than the user timeout that was adopted from it (RFC 5482, 4.2).
func (c *conn) keepIdle() time.Duration {
	if c.set.adoptTimeout && c.remoteTimeout > 0 {
		return max(c.set.keepIdle, c.userTimeoutValue()+time.Second)
	}
	return c.set.keepIdle
}

// keepTimeout probes when nothing came for so long: an acknowledgement of an octet that the peer has acknowledged makes
// it answer. One probe that is not answered means nothing (MUST-29).
func (c *conn) keepTimeout() {
	now := c.now()
	switch {
	case !c.set.keepAlive:
		return
	case c.heard+c.keepIdle() > now: // it has spoken since
		c.keeps = 0
		c.setTimer(keepTimer, c.heard+c.keepIdle())
		return
	case c.snd.una != c.snd.nxt || c.timerSet(persistTimer): // not idle: other timers see whether the peer is there (MUST-26)
		c.afterTimer(keepTimer, c.keepIdle())
		return
	case c.keeps >= c.set.keepCount:
		c.giveUp(errno.ETIMEDOUT)
		return
	}
	c.keeps++
	c.stats().TCP.KeepAlivesSent++
	c.sendBare(c.snd.nxt.Sub(1), 0)
	c.afterTimer(keepTimer, c.set.keepInterval)
}

// giveUp ends a connection whose peer does not answer, with a reset for the case that it is only deaf. What the network
// said of the way is a better reason than that time passed (3.9.2.2).
func (c *conn) giveUp(why error) {
	if c.soft != nil {
		why = c.soft
	}
	if c.state.synchronized() {
		c.sendReset()
	}
	c.fail(why)
}
