package pcap

import (
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver"
)

// A Device is a device whose frames are captured, both ways.
type Device struct {
	inner   driver.Device
	loop    *clock.Loop
	file    *Writer
	handler driver.Handler
}

// New wraps a device that was not started yet. Frames that the device refused are not captured. An error of the file is
// the Writer's to tell, and does not disturb the frames.
func New(l *clock.Loop, inner driver.Device, file *Writer) *Device {
	return &Device{inner: inner, loop: l, file: file}
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
	_ = d.file.Write(d.loop.Now(), frame) // kept in the Writer
	return true
}

// Receive implements driver.Handler for the wrapped device.
func (d *Device) Receive(frame []byte) {
	_ = d.file.Write(d.loop.Now(), frame) // kept in the Writer
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

// Close implements driver.Device. The file stays open.
func (d *Device) Close() error { return d.inner.Close() }
