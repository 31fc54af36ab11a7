package gvisor

import (
	"encoding/binary"
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
	w.flow = flow{}
	for range roundBound {
		w.idle()
		busy := w.routes.serve(w.stack)
		if w.echo != nil && w.echo.serve() {
			busy = true
		}
		if w.agent.serve() {
			busy = true
		}
		if !busy {
			return nil
		}
	}
	return fmt.Errorf("%w: applications are busy after %d rounds at %v", target.ErrRunaway, roundBound, w.Now())
}

// idle lets the goroutines that process segments run until they have no more. They are paused outside of it. To pause
// them is the stack's own way to wait for that: each one pauses when it has no connection to look at. One that has paused
// may be given something by one that has not yet, so it takes a round in which no segment came.
func (w *world) idle() {
	segments := w.stack.Stats().TCP.ValidSegmentsReceived
	for {
		n := segments.Value()
		w.resume()
		w.pause()
		if n == w.segments {
			return
		}
		w.segments = n
	}
}

func (w *world) pause()  { w.stack.TransportProtocolInstance(tcp.ProtocolNumber).Pause() }
func (w *world) resume() { w.stack.TransportProtocolInstance(tcp.ProtocolNumber).Resume() }

// A flow is the connection that a segment belongs to; the zero flow is none.
type flow struct {
	link      int
	addresses [32]byte
	ports     [4]byte
}

// flowOf is the flow of a plain segment with data or an ACK, such as come in a row. Those of one flow that come at one
// time the stack may find in its queue together, and acknowledge together (RFC 9293, 3.10.7.4, MUST-59).
func flowOf(link int, frame []byte) (f flow) {
	const ethernet, ack, controls = 14, 0x10, 0x17 // octets; ACK; ACK, RST, SYN, FIN
	if len(frame) < ethernet+20 {
		return flow{}
	}
	segment := frame[ethernet:]
	switch binary.BigEndian.Uint16(frame[12:]) {
	case 0x0800:
		header := int(segment[0]&0xf) * 4
		if fragment := binary.BigEndian.Uint16(segment[6:])&0x3fff != 0; fragment || segment[9] != 6 || len(segment) < header {
			return flow{}
		}
		copy(f.addresses[:], segment[12:20])
		segment = segment[header:]
	case 0x86dd:
		if len(segment) < 40 || segment[6] != 6 {
			return flow{}
		}
		copy(f.addresses[:], segment[8:40])
		segment = segment[40:]
	default:
		return flow{}
	}
	if len(segment) < 20 || segment[13]&controls != ack {
		return flow{}
	}
	f.link = link
	copy(f.ports[:], segment)
	return f
}
