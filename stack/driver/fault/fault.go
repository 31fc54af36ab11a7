// Package fault wraps a device and damages what passes, in virtual time and reproducibly: frames are lost, doubled,
// overtaken, changed in one bit, or late. The same seed and the same frames give the same faults.
package fault

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver"
)

// Config says what happens in each direction. The zero Config does nothing.
type Config struct {
	Seed    uint64
	Send    Faults // on frames to the device
	Receive Faults // on frames from it
	Held    int    // frames held back at a time in each direction; further ones are lost; 0 means 256
}

// Faults are what happens to frames in one direction. Chances are from 0, never, to 1, always, and are drawn
// independently for each frame. A frame is first lost or not, then doubled, and each copy corrupted, late, overtaken.
type Faults struct {
	Loss      float64
	Duplicate float64       // a second copy right behind the first
	Corrupt   float64       // one bit anywhere in the frame is changed
	Delay     time.Duration // of every frame
	Jitter    time.Duration // a further delay, even between 0 and this; frames may overtake each other
	Reorder   float64       // the frame waits until another has passed it
	Patience  time.Duration // and at most so long; 0 means 10 ms
}

// Check tells all that is wrong with a Config.
func (c Config) Check() error {
	errs := []error{c.Send.check("Send"), c.Receive.check("Receive")}
	if c.Held < 0 {
		errs = append(errs, fmt.Errorf("fault: Held is %d; it cannot be negative", c.Held))
	}
	return errors.Join(errs...)
}

func (f Faults) check(direction string) error {
	var errs []error
	for _, chance := range []struct {
		name string
		v    float64
	}{{"Loss", f.Loss}, {"Duplicate", f.Duplicate}, {"Corrupt", f.Corrupt}, {"Reorder", f.Reorder}} {
		if !(chance.v >= 0 && chance.v <= 1) { // so is NaN refused
			errs = append(errs, fmt.Errorf("fault: %s.%s is %v; a chance is from 0 to 1", direction, chance.name, chance.v))
		}
	}
	for _, wait := range []struct {
		name string
		v    time.Duration
	}{{"Delay", f.Delay}, {"Jitter", f.Jitter}, {"Patience", f.Patience}} {
		if wait.v < 0 {
			errs = append(errs, fmt.Errorf("fault: %s.%s is %v; it cannot be negative", direction, wait.name, wait.v))
		}
	}
	return errors.Join(errs...)
}

func (f Faults) patience() time.Duration { return cmp.Or(f.Patience, 10*time.Millisecond) }

// Counts are what has happened in one direction.
type Counts struct {
	Passed     uint64 // copies that came through
	Lost       uint64
	Duplicated uint64
	Corrupted  uint64
	Reordered  uint64
	Overflowed uint64 // lost because too many were held back
}

// A Device is a device with faults.
type Device struct {
	inner   driver.Device
	handler driver.Handler
	out, in lane
	refused bool // a Send was, and nobody was told Ready since
}

// New wraps a device that was not started yet. It panics when c.Check finds something wrong.
func New(l *clock.Loop, inner driver.Device, c Config) *Device {
	if err := c.Check(); err != nil {
		panic(err)
	}
	d := &Device{inner: inner}
	held := cmp.Or(c.Held, 256)
	d.out.init(l, c.Seed, "send", c.Send, held, inner.Send)
	d.in.init(l, c.Seed, "receive", c.Receive, held, func(frame []byte) bool {
		if d.handler != nil {
			d.handler.Receive(frame)
		}
		return true
	})
	return d
}

// Sent is what has happened to frames to the device.
func (d *Device) Sent() Counts { return d.out.counts }

// Received is what has happened to frames from the device.
func (d *Device) Received() Counts { return d.in.counts }

// InFlight is the number of frames held back.
func (d *Device) InFlight() int { return d.out.busy + d.in.busy }

// Start implements driver.Device.
func (d *Device) Start(h driver.Handler) {
	d.handler = h
	d.inner.Start((*below)(d))
}

// Send implements driver.Device. While the device is full and frames wait for it that were late, it is full too.
func (d *Device) Send(frame []byte) bool {
	if d.out.waiting() || !d.out.pass(frame) {
		d.refused = true
		return false
	}
	return true
}

// HasCarrier implements driver.Carrier.
func (d *Device) HasCarrier() bool { return driver.CarrierOf(d.inner) }

// SetPromiscuous implements driver.Promiscuous.
func (d *Device) SetPromiscuous(on bool) error { return driver.SetPromiscuous(d.inner, on) }

// Close implements driver.Device. Frames held back are lost.
func (d *Device) Close() error {
	d.handler, d.refused = nil, false
	d.out.drop()
	d.in.drop()
	return d.inner.Close()
}

// below is the Device as the wrapped device sees it.
type below Device

func (b *below) Receive(frame []byte) { b.in.pass(frame) }

func (b *below) Ready() {
	b.out.resume()
	if b.refused && !b.out.waiting() && b.handler != nil {
		b.refused = false
		b.handler.Ready()
	}
}

func (b *below) Carrier(on bool) {
	if b.handler != nil {
		driver.TellCarrier(b.handler, on)
	}
}
