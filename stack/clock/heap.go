package clock

import "time"

// slot is a timer in the heap, with its key beside it so that comparing touches no other memory.
type slot struct {
	at  time.Duration
	seq uint64
	t   *Timer
}

func (a slot) before(b slot) bool { return a.at < b.at || a.at == b.at && a.seq < b.seq }

func (l *Loop) push(s slot) {
	l.heap = append(l.heap, s)
	l.up(len(l.heap)-1, s)
}

// remove takes out the slot at i and puts the last one in its place.
func (l *Loop) remove(i int) {
	n := len(l.heap) - 1
	s := l.heap[n]
	l.heap[n] = slot{}
	l.heap = l.heap[:n]
	if i == n {
		return
	}
	if i > 0 && s.before(l.heap[(i-1)/2]) {
		l.up(i, s)
	} else {
		l.down(i, s)
	}
}

// up finds the place of s at or above i.
func (l *Loop) up(i int, s slot) {
	for i > 0 {
		parent := (i - 1) / 2
		if !s.before(l.heap[parent]) {
			break
		}
		l.put(i, l.heap[parent])
		i = parent
	}
	l.put(i, s)
}

// down finds the place of s at or below i.
func (l *Loop) down(i int, s slot) {
	for {
		child := 2*i + 1
		if child >= len(l.heap) {
			break
		}
		if right := child + 1; right < len(l.heap) && l.heap[right].before(l.heap[child]) {
			child = right
		}
		if !l.heap[child].before(s) {
			break
		}
		l.put(i, l.heap[child])
		i = child
	}
	l.put(i, s)
}

func (l *Loop) put(i int, s slot) {
	l.heap[i] = s
	s.t.where = i
}
