package clock

import "time"

// A Timer is one event of a loop: what is to run, and when, if it is set. It is set for one instant at a time; setting
// it again moves it behind the events that the new instant has already. It lies within the struct that owns it, which
// calls Init once.
type Timer struct {
	loop       *Loop
	run        func()
	seq        uint64
	at         time.Duration
	where      int // index into the heap; or one of these
	prev, next *Timer
}

const (
	nowhere = -1
	posted  = -2
)

// Init says what to run on which loop. It must not be called on a timer that is set.
func (t *Timer) Init(l *Loop, run func()) { *t = Timer{loop: l, run: run, where: nowhere} }

// NewTimer makes a timer that is not set.
func (l *Loop) NewTimer(run func()) *Timer {
	t := new(Timer)
	t.Init(l, run)
	return t
}

// Post sets the timer for this instant, behind the events that it has already. A timer that was posted keeps its place.
func (t *Timer) Post() {
	if t.where == posted {
		return
	}
	t.Stop()
	l := t.loop
	l.seq++
	t.seq, t.at, t.where, t.prev, t.next = l.seq, l.now, posted, l.last, nil
	if l.last == nil {
		l.first = t
	} else {
		l.last.next = t
	}
	l.last = t
}

// Set sets the timer for an instant; one that has passed means now.
func (t *Timer) Set(at time.Duration) {
	t.Stop()
	l := t.loop
	if at <= l.now {
		t.Post()
		return
	}
	l.seq++
	t.seq, t.at = l.seq, at
	l.push(slot{at, l.seq, t})
}

// After sets the timer for an instant some time from now.
func (t *Timer) After(d time.Duration) { t.Set(t.loop.now + d) }

// Stop unsets the timer and tells whether it was set.
func (t *Timer) Stop() bool {
	switch {
	case t.where == posted:
		t.unpost()
	case t.loop != nil && t.where >= 0:
		t.loop.remove(t.where)
	default:
		return false
	}
	t.where = nowhere
	return true
}

// When tells for which instant the timer is set; ok is false when it is not.
func (t *Timer) When() (at time.Duration, ok bool) {
	return t.at, t.loop != nil && t.where != nowhere
}

func (t *Timer) unpost() {
	l := t.loop
	if t.prev == nil {
		l.first = t.next
	} else {
		t.prev.next = t.next
	}
	if t.next == nil {
		l.last = t.prev
	} else {
		t.next.prev = t.prev
	}
	t.prev, t.next = nil, nil
}
