// Package live drives a loop by the wall clock: one goroutine, which runs the loop's events when they are due and
// sleeps in between. While nothing is set it sleeps without a timer.
//
// There is one door: Do runs a function on the loop, after the events that were due before it, and returns when it has
// run. Whatever belongs to the loop is touched only there. A function that runs on the loop must not call Do: it is
// inside already, and would wait for itself.
package live

import (
	"sync"
	"time"

	"github.com/conform-stack/conform/stack/clock"
)

// A Clock is a loop that runs in real time.
type Clock struct {
	loop  *clock.Loop
	start time.Time
	door  chan request
	quit  chan struct{}
	ended chan struct{}
	once  sync.Once
	turns int // how often the goroutine woke, for tests
}

type request struct {
	f    func()
	done chan struct{}
}

// Start takes over the loop, whose present instant is now, until Close.
func Start(l *clock.Loop) *Clock {
	c := &Clock{
		loop:  l,
		start: time.Now().Add(-l.Now()),
		door:  make(chan request),
		quit:  make(chan struct{}),
		ended: make(chan struct{}),
	}
	l.SetInstant(func() time.Duration { return time.Since(c.start) })
	go c.run()
	return c
}

// Do runs f on the loop and returns true when it has run; false, without having run it, once the clock is closed.
func (c *Clock) Do(f func()) bool {
	r := request{f, make(chan struct{})}
	select {
	case c.door <- r:
		<-r.done
		return true
	case <-c.ended:
		return false
	}
}

// Close ends the goroutine, after the function that is being done. The loop is the caller's again.
func (c *Clock) Close() {
	c.once.Do(func() {
		close(c.quit)
		<-c.ended
		c.loop.SetInstant(nil)
	})
	<-c.ended
}

func (c *Clock) run() {
	defer close(c.ended)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		c.turns++
		// A loop that is busy without end gives ErrBound: the door is looked at, then it goes on.
		_ = c.loop.Run(time.Since(c.start))
		timer.Stop()
		if at, ok := c.loop.Next(); ok {
			timer.Reset(at - time.Since(c.start))
		}
		select {
		case <-c.quit:
			return
		case r := <-c.door:
			_ = c.loop.Run(time.Since(c.start))
			r.f()
			close(r.done)
		case <-timer.C:
		}
	}
}
