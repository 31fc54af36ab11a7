// Package loopback is a device whose medium ends in itself: what is sent is received, at the same instant, in order, but
// never within the call that sent it.
package loopback

import (
	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver"
)

// DefaultRoom is the number of frames on their way at a time.
const DefaultRoom = 256

// A Device is a loopback device.
type Device struct {
	handler driver.Handler
	frames  [][]byte // a ring
	oldest  int
	count   int
	refused bool
	arrive  clock.Timer
}

// New makes a device with room for some frames; 0 means DefaultRoom.
func New(l *clock.Loop, room int) *Device {
	if room <= 0 {
		room = DefaultRoom
	}
	d := &Device{frames: make([][]byte, room)}
	d.arrive.Init(l, d.arrived)
	return d
}

// Start implements driver.Device.
func (d *Device) Start(h driver.Handler) { d.handler = h }

// Send implements driver.Device.
func (d *Device) Send(frame []byte) bool {
	if d.count == len(d.frames) {
		d.refused = true
		return false
	}
	i := (d.oldest + d.count) % len(d.frames)
	d.frames[i] = append(d.frames[i][:0], frame...)
	d.count++
	d.arrive.Post()
	return true
}

// Close implements driver.Device. Frames on their way are lost.
func (d *Device) Close() error {
	d.handler, d.count, d.refused = nil, 0, false
	d.arrive.Stop()
	return nil
}

func (d *Device) arrived() {
	frame := d.frames[d.oldest]
	if d.count > 1 {
		d.arrive.Post()
	}
	if d.handler != nil {
		d.handler.Receive(frame)
	}
	if d.count == 0 { // closed by what the frame caused
		return
	}
	d.oldest = (d.oldest + 1) % len(d.frames)
	d.count--
	if d.refused && d.handler != nil {
		d.refused = false
		d.handler.Ready()
	}
}
