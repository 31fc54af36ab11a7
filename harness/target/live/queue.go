// Package live holds what targets in real time have in common.
//
// A Queue is what has happened in one world and has not been asked for yet, and the world's clock. A Pump carries frames
// between a port (anything that reads and writes whole frames) and queues. Shared is a target of which there is one: it
// lends each world testers from a pool, so that what an earlier world left in the target's tables does not matter.
package live

import (
	"fmt"
	"sync"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/target"
)

const (
	maxFrames = 4096 // that wait in a queue; more are lost, and counted

	// settle is how long a past deadline still waits: what the kernel holds ready has been read by then.
	settle = 200 * time.Microsecond
)

// A Queue holds the events of one world, oldest first. Next belongs to one goroutine; events may come from any.
type Queue struct {
	ready chan struct{} // holds a token after something has been put in

	mu     sync.Mutex
	start  time.Time
	events []target.Event
	frames int // among events
	lost   int
	broken error
}

// NewQueue makes an empty queue, whose clock starts now.
func NewQueue() *Queue {
	return &Queue{start: time.Now(), ready: make(chan struct{}, 1)}
}

// Now is the time since the queue was made, or its clock was started anew.
func (q *Queue) Now() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	return time.Since(q.start)
}

// Begin starts the clock anew. What is in the queue already has happened when it begins.
func (q *Queue) Begin() {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	gone := now.Sub(q.start)
	for i := range q.events {
		q.events[i].At = max(0, q.events[i].At-gone)
	}
	q.start = now
}

// Frame puts in a frame that has been read just now, on a target's only link. The queue keeps it.
func (q *Queue) Frame(frame []byte) { q.FrameOn(0, frame) }

// FrameOn is Frame for a target with several links.
func (q *Queue) FrameOn(link int, frame []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.frames == maxFrames {
		q.lost++
		return
	}
	q.frames++
	q.put(target.Event{Link: link, Frame: frame})
}

// Ended puts in an operation of the agent that has ended just now. There is always room.
func (q *Queue) Ended(op *agent.Op) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.put(target.Event{Op: op})
}

// Break says that nothing more will come. Next tells why when all that came before has been taken.
func (q *Queue) Break(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.broken = err
	q.wake()
}

// Next takes the oldest event, waiting until the given time for one. The zero Event says that none came.
func (q *Queue) Next(until time.Duration) (target.Event, error) {
	timer := time.NewTimer(max(until-q.Now(), settle))
	defer timer.Stop()
	for late := false; ; {
		ev, ok, err := q.take()
		if ok || err != nil || late {
			return ev, err
		}
		select {
		case <-q.ready:
		case <-timer.C:
			late = true
		}
	}
}

func (q *Queue) take() (ev target.Event, ok bool, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.events) == 0 {
		return target.Event{}, false, q.broken
	}
	ev = q.events[0]
	q.events[0] = target.Event{} // the slice may live long
	q.events = q.events[1:]
	if ev.Frame != nil {
		q.frames--
	}
	return ev, true, nil
}

// put stamps and appends ev. The lock is held, so stamps never run backwards.
func (q *Queue) put(ev target.Event) {
	ev.At = time.Since(q.start)
	q.events = append(q.events, ev)
	q.wake()
}

func (q *Queue) wake() {
	select {
	case q.ready <- struct{}{}:
	default: // a token is there already
	}
}

// Lost is nil or says how many frames nobody had room for.
func (q *Queue) Lost() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.lost == 0 {
		return nil
	}
	return fmt.Errorf("%d frames of the target were lost: more than %d waited to be looked at", q.lost, maxFrames)
}
