package pump

import (
	"io"

	"github.com/conform-stack/conform/stack/driver"
)

// A Medium gives one frame a Read and takes one a Write, which does not block. Close ends a Read that waits.
type Medium = io.ReadWriteCloser

// Counts are frames, and what became of them. They belong to the loop.
type Counts struct {
	Received uint64
	Sent     uint64
	Early    uint64 // came before Start
	TooLong  uint64 // longer than the MTU allows
	Unsent   uint64 // the medium did not take them
}

// A Device is on a medium that takes frames as they are. Its methods are called on the loop, except Wait.
type Device struct {
	name    string
	medium  Medium
	pump    *Pump
	limit   int // octets of a frame
	handler driver.Handler
	counts  Counts
	closed  bool
	err     error
}

// NewDevice makes a device of a medium. Frames longer than limit octets are dropped, and as many as frames says are held
// that the loop has not received yet. It is not started: until then, what comes is read and lost.
func NewDevice(name string, m Medium, limit, frames int, door Door) *Device {
	d := &Device{name: name, medium: m, limit: limit}
	d.pump = Start(m, frames, limit+1, door, d.receive, d.ended) // one octet more, to know a frame that is longer
	return d
}

// Name says where the device is.
func (d *Device) Name() string { return d.name }

// Counts is what has happened so far.
func (d *Device) Counts() Counts { return d.counts }

// Err is why nothing more is received, if the medium failed or was taken away by somebody else.
func (d *Device) Err() error { return d.err }

// HasCarrier implements driver.Carrier: the medium is there.
func (d *Device) HasCarrier() bool { return d.err == nil }

// Start implements driver.Device.
func (d *Device) Start(h driver.Handler) { d.handler = h }

// Send implements driver.Device. It always takes the frame; what the medium does not want is counted.
func (d *Device) Send(frame []byte) bool {
	if d.closed {
		return true
	}
	if _, err := d.medium.Write(frame); err != nil {
		d.counts.Unsent++
	} else {
		d.counts.Sent++
	}
	return true
}

// Close implements driver.Device. It does not wait for the goroutines, of which one may be at the door; Wait does.
func (d *Device) Close() error {
	if d.closed {
		return nil
	}
	d.closed, d.handler = true, nil
	d.pump.Stop()
	return d.medium.Close()
}

// Wait returns when the goroutines have ended, which they do after Close. It must not be called on the loop.
func (d *Device) Wait() { d.pump.Wait() }

// ended runs on the loop: nothing more will be received.
func (d *Device) ended(err error) {
	if d.closed { // it is Close that ended it
		return
	}
	d.err = err
	if d.handler != nil {
		driver.TellCarrier(d.handler, false)
	}
}

// receive runs on the loop.
func (d *Device) receive(frame []byte) {
	switch {
	case d.closed:
	case len(frame) > d.limit:
		d.counts.TooLong++
	case d.handler == nil:
		d.counts.Early++
	default:
		d.counts.Received++
		d.handler.Receive(frame)
	}
}
