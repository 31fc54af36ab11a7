package tcp

import (
	"math"
	"time"

	"github.com/conform-stack/conform/stack/clock"
)

// A timerKind is one of the timers of a connection.
type timerKind uint8

const (
	rexmitTimer  timerKind = iota // of a SYN; else what loss recovery waits for (RFC 6298; RFC 8985)
	persistTimer                  // zero-window probes (RFC 9293, 3.8.6.1), and the sender's SWS override (3.8.6.2.1)
	ackTimer                      // delayed ACK (3.8.6.3)
	userTimer                     // user timeout: data unacknowledged for too long (3.8.3)
	keepTimer                     // keep-alive (3.8.4)
	closeTimer                    // what a connection without user waits for: 2 MSL (3.6.1), FIN-WAIT-2, linger
	corkTimer                     // segments held back by Cork or More
	numTimers
)

// timers are those of one connection. Setting one writes a field: the loop's timer is only moved when it is to run
// earlier than it would. It may thus run too early, finds nothing due, and sets itself to what is next.
type timers struct {
	due   [numTimers]time.Duration // never: not set
	next  time.Duration            // for which the loop's timer is set
	timer clock.Timer
}

const never = time.Duration(math.MaxInt64)

func (c *conn) initTimers() {
	for k := range c.tm.due {
		c.tm.due[k] = never
	}
	c.tm.next = never
}

// set sets a timer for an instant.
func (c *conn) setTimer(k timerKind, at time.Duration) {
	m := &c.tm
	m.due[k] = at
	if at < m.next {
		m.next = at
		m.timer.Set(at)
	}
}

func (c *conn) afterTimer(k timerKind, d time.Duration) { c.setTimer(k, c.now()+d) }

func (c *conn) stopTimer(k timerKind) { c.tm.due[k] = never }

func (c *conn) timerSet(k timerKind) bool { return c.tm.due[k] != never }

func (c *conn) stopTimers() {
	for k := range c.tm.due {
		c.tm.due[k] = never
	}
	c.tm.next = never
	c.tm.timer.Stop()
}

// expire runs what is due.
func (c *conn) expire() {
	m := &c.tm
	m.next = never
	now := c.now()
	for k := range m.due {
		if m.due[k] > now {
			continue
		}
		m.due[k] = never
		c.timeout(timerKind(k))
		if c.state == Closed {
			return
		}
	}
	first := never
	for _, at := range m.due {
		first = min(first, at)
	}
	if first < m.next {
		m.next = first
		m.timer.Set(first)
	}
}

// timeout is called when a timer of a connection is due.
func (c *conn) timeout(k timerKind) {
	switch k {
	case rexmitTimer:
		c.rexmitTimeout()
	case persistTimer:
		c.persistTimeout()
	case ackTimer:
		c.ackTimeout()
	case userTimer:
		c.userTimeout()
	case keepTimer:
		c.keepTimeout()
	case closeTimer:
		c.closeTimeout()
	case corkTimer:
		c.flush()
	}
}
