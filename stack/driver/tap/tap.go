// Package tap is a device on a TAP interface of the host: the host's kernel is at the other end of the cable.
//
// TAP interfaces are opened on Linux; elsewhere Open says that there are none. Opening one takes CAP_NET_ADMIN, or an
// interface that an administrator has made for the user. The host's side is the host's to configure: it must be up for
// frames to pass, and has the addresses that the host is reached by.
package tap

import (
	"cmp"
	"errors"

	"github.com/conform-stack/conform/stack/driver/pump"
)

// Config says which interface, and how much is held of what comes from it.
type Config struct {
	Name    string // of the interface; empty lets the kernel choose
	Persist bool   // the interface exists before Open or stays after Close; else it is made by Open and gone with Close
	MTU     int    // of the network layer; longer frames are dropped; 0 means 1500
	Frames  int    // that have been read and not been received; 0 means 64, and then the kernel queues and drops
}

func (c Config) mtu() int    { return cmp.Or(c.MTU, 1500) }
func (c Config) frames() int { return cmp.Or(c.Frames, 64) }

func (c Config) check() error {
	var errs []error
	if c.MTU < 0 {
		errs = append(errs, errors.New("tap: MTU is negative"))
	}
	if c.Frames < 0 {
		errs = append(errs, errors.New("tap: Frames is negative"))
	}
	if c.Persist && c.Name == "" {
		errs = append(errs, errors.New("tap: an interface that persists needs a Name"))
	}
	if len(c.Name) > 15 {
		errs = append(errs, errors.New("tap: Name is longer than the 15 octets of an interface name"))
	}
	return errors.Join(errs...)
}

// A Door is the node's: see package pump.
type Door = pump.Door

// Open opens the interface. It is not started: until then, what the host sends is read and lost.
func Open(c Config, door Door) (*Device, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	name, medium, err := open(c)
	if err != nil {
		return nil, err
	}
	return newDevice(name, medium, c, door), nil
}

// linkHeader is the longest header of an Ethernet frame with one tag.
const linkHeader = 18

// A Device is a TAP interface. The kernel takes every frame, unless the interface is down or the frame shorter than its
// header.
type Device = pump.Device

// Counts are frames, and what became of them.
type Counts = pump.Counts

// medium is the interface, opened.
type medium = pump.Medium

func newDevice(name string, m medium, c Config, door Door) *Device {
	return pump.NewDevice(name, m, c.mtu()+linkHeader, c.frames(), door)
}
