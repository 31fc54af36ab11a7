package tap

import (
	"sync"

	"github.com/conform-stack/conform/stack/driver"
)

// A Device is a TAP interface. Its methods are called on the loop, except Wait.
//
// Two goroutines own a ring of frames: the reader fills them, the carrier takes all that are full through the node's door
// at a time. The loop sees a frame only within Receive. When all are full the reader waits, and the kernel's queue grows.
type Device struct {
	name    string
	medium  medium
	door    Door
	limit   int // octets of a frame
	handler driver.Handler
	counts  Counts
	closed  bool // the loop's view of quit
	err     error

	readErr error // why the reader ended; the carrier's once full is closed

	free, full chan slot
	quit       chan struct{} // closed by Close
	running    sync.WaitGroup
}

// slot is a frame of the ring, and how much of it was read.
type slot struct {
	buf []byte
	n   int
}

func newDevice(name string, m medium, c Config, door Door) *Device {
	d := &Device{
		name: name, medium: m, door: door, limit: c.mtu() + linkHeader,
		free: make(chan slot, c.frames()), full: make(chan slot, c.frames()), quit: make(chan struct{}),
	}
	for range c.frames() {
		d.free <- slot{buf: make([]byte, d.limit+1)} // one more, to know a frame that is longer
	}
	d.running.Go(d.read)
	d.running.Go(d.carry)
	return d
}

// Name is the name of the interface.
func (d *Device) Name() string { return d.name }

// Counts is what has happened so far.
func (d *Device) Counts() Counts { return d.counts }

// Err is why nothing more is received, if the interface failed or was deleted by somebody else.
func (d *Device) Err() error { return d.err }

// HasCarrier implements driver.Carrier: the interface is there.
func (d *Device) HasCarrier() bool { return d.err == nil }

// Start implements driver.Device.
func (d *Device) Start(h driver.Handler) { d.handler = h }

// Send implements driver.Device. The kernel always has room; what it does not want is counted.
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
	close(d.quit)
	return d.medium.Close()
}

// Wait returns when the goroutines have ended, which they do after Close. It must not be called on the loop.
func (d *Device) Wait() { d.running.Wait() }

// read fills slots until the medium is closed or fails.
func (d *Device) read() {
	defer close(d.full)
	for {
		select {
		case <-d.quit:
			return
		case s := <-d.free:
			n, err := d.medium.Read(s.buf)
			if err != nil {
				d.readErr = err
				return
			}
			s.n = n
			d.full <- s // there is room for all slots
		}
	}
}

// carry takes full slots to the loop, as many as there are at a time, until there will be no more.
func (d *Device) carry() {
	batch := make([]slot, 0, cap(d.full))
	hand := func() {
		for _, s := range batch {
			d.receive(s.buf[:s.n])
		}
	}
	for s := range d.full {
		batch = append(batch[:0], s)
		for range len(d.full) {
			if s, ok := <-d.full; ok {
				batch = append(batch, s)
			}
		}
		if !d.door(hand) {
			return // the loop has ended; the reader follows when the device is closed
		}
		for _, s := range batch {
			d.free <- s
		}
	}
	if d.readErr != nil {
		d.door(func() {
			if !d.closed { // else it is Close that ended the reader
				d.err = d.readErr
				if d.handler != nil {
					driver.TellCarrier(d.handler, false)
				}
			}
		})
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
