package tcp

import (
	"time"

	"github.com/conform-stack/conform/stack/clock"
)

// crowdTime is how often it is looked whether the queues of this host have emptied.
const crowdTime = time.Millisecond

// A crowd is connections that have something to send while so many packets of this host wait to be sent that more of them
// would be dropped in its own queues, which would look like congestion of the network.
type crowd struct {
	limit int     // packets in use from which on nothing is sent that can wait
	most  int     // buffers in use from which on that is so
	conns []*conn // from head on those that wait, in the order in which they came
	head  int
	timer clock.Timer
}

func (t *TCP) crowded() bool {
	return t.pool.InUse() >= t.crowd.limit || t.pool.BuffersInUse() >= t.crowd.most
}

// wait has a connection go on sending when there is room.
func (t *TCP) wait(c *conn) {
	if c.waits {
		return
	}
	c.waits = true
	t.crowd.conns = append(t.crowd.conns, c)
	if _, set := t.crowd.timer.When(); !set {
		t.crowd.timer.After(crowdTime)
	}
}

// disperse lets those go on who wait, the longest first, as far as there is room.
func (t *TCP) disperse() {
	w := &t.crowd
	for n := len(w.conns) - w.head; n > 0 && !t.crowded(); n-- { // each once; who finds no room goes to the end
		c := w.conns[w.head]
		w.conns[w.head] = nil
		w.head++
		if c.waits = false; c.state != Closed {
			c.output()
		}
	}
	if 2*w.head >= len(w.conns) {
		n := copy(w.conns, w.conns[w.head:])
		clear(w.conns[n:])
		w.conns, w.head = w.conns[:n], 0
	}
	if len(w.conns) > 0 {
		w.timer.After(crowdTime)
	}
}
