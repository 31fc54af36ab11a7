package packet

import "github.com/conform-stack/conform/stack/wire/link"

var noAddr link.Addr // never written

// A Queue holds packets in order of arrival. The zero Queue is empty. It owns the packets in it.
type Queue struct {
	first, last *Packet
	n           int
}

// Len is the number of packets in the queue.
func (q *Queue) Len() int { return q.n }

// Push puts a packet at the end.
func (q *Queue) Push(p *Packet) {
	p.next = nil
	if q.last == nil {
		q.first = p
	} else {
		q.last.next = p
	}
	q.last = p
	q.n++
}

// First is the packet that waits longest, which stays in the queue; nil when there is none.
func (q *Queue) First() *Packet { return q.first }

// Pop takes the packet that waits longest; nil when there is none.
func (q *Queue) Pop() *Packet {
	p := q.first
	if p == nil {
		return nil
	}
	q.first, p.next = p.next, nil
	if q.first == nil {
		q.last = nil
	}
	q.n--
	return p
}

// TakeAll moves all packets to a queue of the caller's.
func (q *Queue) TakeAll() Queue {
	all := *q
	*q = Queue{}
	return all
}

// Clear frees all packets and tells how many.
func (q *Queue) Clear() int {
	n := q.n
	for p := q.Pop(); p != nil; p = q.Pop() {
		p.Free()
	}
	return n
}
