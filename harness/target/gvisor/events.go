package gvisor

import (
	"fmt"
	"sync"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/target"
)

const maxFrames = 1 << 16 // that wait to be asked for; more are lost, and counted

// events is what has happened in a world and has not been asked for yet, oldest first. The stack's goroutines put in.
type events struct {
	clock *clock

	mu     sync.Mutex
	queue  []target.Event
	frames int // in the queue
	lost   int
}

// frame puts in a frame that the stack has sent. The queue keeps it.
func (e *events) frame(link int, frame []byte) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.frames == maxFrames {
		e.lost++
		return
	}
	e.frames++
	e.queue = append(e.queue, target.Event{At: e.clock.since(), Link: link, Frame: frame})
}

// ended puts in an operation of the agent. There is always room.
func (e *events) ended(op *agent.Op) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.queue = append(e.queue, target.Event{At: e.clock.since(), Op: op})
}

func (e *events) take() (ev target.Event, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.queue) == 0 {
		return target.Event{}, false
	}
	ev = e.queue[0]
	e.queue[0] = target.Event{} // the slice may live long
	e.queue = e.queue[1:]
	if ev.Frame != nil {
		e.frames--
	}
	return ev, true
}

// complaint says what was lost.
func (e *events) complaint() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.lost == 0 {
		return nil
	}
	return fmt.Errorf("%d frames of the target were lost: %d waited to be asked for", e.lost, maxFrames)
}
