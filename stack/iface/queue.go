package iface

import (
	"github.com/conform-stack/conform/stack/packet"
)

// queues holds packets by class; a higher class goes first, always.
type queues struct {
	class   []packet.Queue
	of      [8]uint8 // the class of each priority
	slots   int      // that each class holds; 0 means any number
	direct  int      // the class that is not queued unless it must wait; -1: none
	waiting int
}

// newQueues makes queues for some classes, and for one more if the highest is not to be queued. Without any there is one
// queue, which holds any number.
func newQueues(m ClassMap, classes, slots int, skipHigh bool) queues {
	q := queues{slots: slots, direct: -1}
	n := classes
	if skipHigh {
		q.direct = n
		n++
	}
	if n == 0 {
		n, q.slots = 1, 0
	}
	q.class, q.of = make([]packet.Queue, n), classOf[m][n]
	return q
}

// classOf is the class of a packet.
func (q *queues) classOf(p *packet.Packet) int { return int(q.of[p.Priority&7]) }

// push is false when the class is full: the packet was not taken.
func (q *queues) push(class int, p *packet.Packet) bool {
	c := &q.class[class]
	if q.slots > 0 && c.Len() >= q.slots {
		return false
	}
	c.Push(p)
	q.waiting++
	return true
}

// highest is the class that goes next; -1 when nothing waits.
func (q *queues) highest() int {
	if q.waiting == 0 {
		return -1
	}
	class := len(q.class) - 1
	for q.class[class].Len() == 0 {
		class--
	}
	return class
}

// pop takes the packet of a class that waits longest.
func (q *queues) pop(class int) *packet.Packet {
	q.waiting--
	return q.class[class].Pop()
}

func (q *queues) clear() (n int) {
	for i := range q.class {
		n += q.class[i].Clear()
	}
	q.waiting = 0
	return n
}
