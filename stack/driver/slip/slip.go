// Package slip is a device on a line of octets, on which frames of Ethernet are told apart as RFC 1055 has it.
//
// RFC 1055 carries packets of IP. What is carried here are whole frames, which is what Zephyr's boards in QEMU do with
// CONFIG_SLIP_TAP, and so the interface is one of Ethernet as on any other device.
//
// A line has no beginning: it may be opened in the middle of a frame, so that everything before the first END is noise. It
// has no end of a frame that is longer than any, either: such a frame is passed over and counted. The line is a Unix
// socket, as QEMU's -serial unix: has it, or a serial device or pseudo-terminal, which is put into raw mode; its speed stays
// as it is.
//
// A line whose other side does not read takes no more after a while. What is sent then is lost, as on a line without
// flow control: the loop never waits.
package slip

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"

	"github.com/conform-stack/conform/stack/driver/pump"
)

// Config says which line, and how much is held of what comes from it.
type Config struct {
	Path   string // of a Unix socket, a serial device or a pseudo-terminal
	Listen bool   // the other side connects to the Unix socket, which is made
	MTU    int    // of the network layer, in octets; longer frames are dropped; 0 means 1500
	Frames int    // that wait on either side of the line; 0 means 64
}

// header is the longest of Ethernet with one tag, in octets.
const header = 18

// A Device is one end of a line. Its methods are called on the loop, except Wait.
type Device struct {
	*pump.Device
	line *line
}

// Open opens the line; when it listens, until somebody has connected or ctx ends.
func Open(ctx context.Context, c Config, door pump.Door) (*Device, error) {
	if c.MTU < 0 || c.Frames < 0 {
		return nil, errors.New("slip: MTU and Frames are not negative")
	}
	stream, err := open(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("slip: %w", err)
	}
	limit, frames := cmp.Or(c.MTU, 1500)+header, cmp.Or(c.Frames, 64)
	l := newLine(stream, limit, frames)
	return &Device{Device: pump.NewDevice("slip:"+c.Path, l, limit, frames, door), line: l}, nil
}

// Noise is what was read of the line and is no frame.
func (d *Device) Noise() Noise { return d.line.noise() }

// Wait returns when the goroutines have ended, which they do after Close. It must not be called on the loop.
func (d *Device) Wait() {
	d.Device.Wait()
	d.line.writing.Wait()
}

func open(ctx context.Context, c Config) (io.ReadWriteCloser, error) {
	if c.Listen {
		return accept(ctx, c.Path)
	}
	info, err := os.Stat(c.Path)
	switch {
	case err != nil:
		return nil, err
	case info.Mode()&os.ModeSocket != 0:
		var d net.Dialer
		return d.DialContext(ctx, "unix", c.Path)
	case info.Mode()&os.ModeCharDevice != 0:
		return openSerial(c.Path)
	}
	return nil, fmt.Errorf("%s is neither a Unix socket nor a serial device", c.Path)
}

// accept takes one connection: a line has two ends.
func accept(ctx context.Context, path string) (io.ReadWriteCloser, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	conn, err := l.Accept()
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, fmt.Errorf("nobody has connected: %w", ctx.Err())
	case err != nil:
		return nil, err
	}
	return conn, nil
}
