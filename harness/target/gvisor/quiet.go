package gvisor

import (
	"fmt"

	"github.com/conform-stack/conform/harness/target"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

const (
	eventBound = 1 << 18 // timers at one instant
	roundBound = 1 << 16 // rounds of the applications at one instant
)

// settle returns when nothing goes on in the stack that does not wait for time, for a frame or for a call of the agent:
// its goroutines are idle, and no application has anything to do.
func (w *world) settle() error {
	for range roundBound {
		w.idle()
		busy := w.echo != nil && w.echo.serve()
		if w.agent.serve() {
			busy = true
		}
		if !busy {
			return nil
		}
	}
	return fmt.Errorf("%w: applications are busy after %d rounds at %v", target.ErrRunaway, roundBound, w.Now())
}

// idle waits until the goroutines that process segments have no more. To pause and resume them is the stack's own way to
// wait for that: each one pauses when it has no connection to look at. One that has paused may be given something by one
// that has not yet, so it takes a round in which no segment came.
func (w *world) idle() {
	segments := w.stack.Stats().TCP.ValidSegmentsReceived
	workers := w.stack.TransportProtocolInstance(tcp.ProtocolNumber)
	for {
		n := segments.Value()
		workers.Pause()
		workers.Resume()
		if n == w.segments {
			return
		}
		w.segments = n
	}
}
