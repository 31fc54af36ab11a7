package netconn

import (
	"sync"
	"time"
)

// A deadline is an instant by the wall clock after which calls fail. The zero deadline never comes.
type deadline struct {
	mu     sync.Mutex
	timer  *time.Timer
	passed chan struct{} // closed when it has come; nil before wait or set
}

// set moves the deadline, or takes it away when t is zero. Calls that wait learn of one that has come, also of one that
// was set into the past; those that wait for an earlier one go on.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	if d.passed == nil || isClosed(d.passed) {
		d.passed = make(chan struct{})
	}
	if t.IsZero() {
		return
	}
	passed := d.passed
	if left := time.Until(t); left > 0 {
		d.timer = time.AfterFunc(left, func() { d.expire(passed) })
		return
	}
	close(passed)
}

// expire is due when a timer runs out; by then the deadline may have been moved.
func (d *deadline) expire(passed chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && d.passed == passed && !isClosed(passed) {
		d.timer = nil
		close(passed)
	}
}

// wait is closed when the deadline has come.
func (d *deadline) wait() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.passed == nil {
		d.passed = make(chan struct{})
	}
	return d.passed
}

func (d *deadline) stop() { d.set(time.Time{}) }

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// longAgo is before every deadline.
var longAgo = time.Unix(1, 0) // never written
