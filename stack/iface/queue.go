package iface

import "github.com/conform-stack/conform/stack/packet"

// classOf maps the priorities 0 to 7 to classes, by the number of classes (IEEE 802.1Q, table 8-4). Priority 1,
// background, is below 0, best effort.
var classOf = [9][8]uint8{ // never written
	1: {0, 0, 0, 0, 0, 0, 0, 0},
	2: {0, 0, 0, 0, 1, 1, 1, 1},
	3: {0, 0, 0, 0, 1, 1, 2, 2},
	4: {0, 0, 1, 1, 2, 2, 3, 3},
	5: {0, 0, 1, 1, 2, 2, 3, 4},
	6: {1, 0, 2, 2, 3, 3, 4, 5},
	7: {1, 0, 2, 3, 4, 4, 5, 6},
	8: {1, 0, 2, 3, 4, 5, 6, 7},
}

// queues holds packets by class; a higher class goes first, always.
type queues struct {
	class   []packet.Queue
	slots   int // that each class holds; 0 means any number
	waiting int
}

func newQueues(classes, slots int) queues {
	if classes == 0 {
		return queues{class: make([]packet.Queue, 1)}
	}
	return queues{class: make([]packet.Queue, classes), slots: slots}
}

// push is false when the class is full: the packet was not taken.
func (q *queues) push(p *packet.Packet) bool {
	c := &q.class[0]
	if n := len(q.class); n > 1 {
		c = &q.class[classOf[n][p.Priority&7]]
	}
	if q.slots > 0 && c.Len() >= q.slots {
		return false
	}
	c.Push(p)
	q.waiting++
	return true
}

// highest is the class that goes next; nil when nothing waits.
func (q *queues) highest() *packet.Queue {
	if q.waiting == 0 {
		return nil
	}
	for i := len(q.class) - 1; ; i-- {
		if q.class[i].Len() > 0 {
			return &q.class[i]
		}
	}
}

func (q *queues) first() *packet.Packet {
	if c := q.highest(); c != nil {
		return c.First()
	}
	return nil
}

func (q *queues) pop() *packet.Packet {
	if c := q.highest(); c != nil {
		q.waiting--
		return c.Pop()
	}
	return nil
}

func (q *queues) clear() (n int) {
	for i := range q.class {
		n += q.class[i].Clear()
	}
	q.waiting = 0
	return n
}
