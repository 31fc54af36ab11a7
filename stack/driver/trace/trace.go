// Package trace wraps a device and writes a line for each frame that passes, like tcpdump.
package trace

import (
	"io"
	"strconv"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver"
)

// Config says what is written, and where to.
type Config struct {
	Name     string                    // of the device, in front of each line
	Out      io.Writer                 // one Write a line; after an error nothing more is written
	Describe func(frame []byte) string // one line; nil means Ethernet
}

// A Device is a device with a trace.
type Device struct {
	inner   driver.Device
	loop    *clock.Loop
	config  Config
	handler driver.Handler
	line    []byte
	err     error
}

// New wraps a device that was not started yet. A line has the loop's time in seconds, the name, > for a frame sent and <
// for one received, and what Describe says. Frames that the device refused are not traced.
func New(l *clock.Loop, inner driver.Device, c Config) *Device {
	if c.Describe == nil {
		c.Describe = Ethernet
	}
	return &Device{inner: inner, loop: l, config: c}
}

// Start implements driver.Device.
func (d *Device) Start(h driver.Handler) {
	d.handler = h
	d.inner.Start(d)
}

// Send implements driver.Device.
func (d *Device) Send(frame []byte) bool {
	if !d.inner.Send(frame) {
		return false
	}
	d.write('>', frame)
	return true
}

// Receive implements driver.Handler for the wrapped device.
func (d *Device) Receive(frame []byte) {
	d.write('<', frame)
	d.handler.Receive(frame)
}

// Ready implements driver.Handler for the wrapped device.
func (d *Device) Ready() { d.handler.Ready() }

// HasCarrier implements driver.Carrier.
func (d *Device) HasCarrier() bool { return driver.CarrierOf(d.inner) }

// Carrier implements driver.CarrierHandler for the wrapped device.
func (d *Device) Carrier(on bool) { driver.TellCarrier(d.handler, on) }

// SetPromiscuous implements driver.Promiscuous.
func (d *Device) SetPromiscuous(on bool) error { return driver.SetPromiscuous(d.inner, on) }

// Close implements driver.Device. The writer stays open.
func (d *Device) Close() error { return d.inner.Close() }

// Err is why nothing more is written, if so.
func (d *Device) Err() error { return d.err }

func (d *Device) write(direction byte, frame []byte) {
	if d.err != nil {
		return
	}
	b := appendSeconds(d.line[:0], d.loop.Now())
	b = append(b, ' ')
	if d.config.Name != "" {
		b = append(append(b, d.config.Name...), ' ')
	}
	b = append(b, direction, ' ')
	b = append(append(b, d.config.Describe(frame)...), '\n')
	d.line = b
	_, d.err = d.config.Out.Write(b)
}

// appendSeconds writes a time in seconds with nine decimals.
func appendSeconds(b []byte, at time.Duration) []byte {
	b = strconv.AppendInt(b, int64(at/time.Second), 10)
	var digits [10]byte
	fraction := strconv.AppendInt(digits[:0], int64(at%time.Second+time.Second), 10) // a one and nine digits
	return append(append(b, '.'), fraction[1:]...)
}
