package live

import (
	"bytes"
	"fmt"
	"io"
)

const maxFrame = 65536 + 18 // octets of the longest frame that a port may give

// A Pump reads a port's frames in a goroutine of its own.
type Pump struct {
	port io.ReadWriteCloser
	over chan struct{} // closed when the reader is gone
}

// NewPump starts to read port. Each Read of it gives one frame, each Write takes one, Close ends a Read under way. frame
// is called for each frame, which is its to keep; broken once, when reading fails, which closing the port also does.
func NewPump(port io.ReadWriteCloser, frame func([]byte), broken func(error)) *Pump {
	p := &Pump{port: port, over: make(chan struct{})}
	go func() {
		defer close(p.over)
		buf := make([]byte, maxFrame)
		for {
			n, err := port.Read(buf)
			if err != nil {
				broken(fmt.Errorf("the link to the target cannot be read: %w", err))
				return
			}
			frame(bytes.Clone(buf[:n]))
		}
	}()
	return p
}

// Send writes one frame. The caller may use it again.
func (p *Pump) Send(frame []byte) error {
	if _, err := p.port.Write(frame); err != nil {
		return fmt.Errorf("a frame of %d octets cannot be sent: %w", len(frame), err)
	}
	return nil
}

// Close closes the port and returns when the reader is gone.
func (p *Pump) Close() error {
	err := p.port.Close()
	<-p.over
	return err
}
