package port

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"
)

// slip carries frames over a line of octets, each between two END (RFC 1055). RFC 1055 is of IP packets; whole frames of
// Ethernet are what Zephyr's CONFIG_SLIP_TAP makes of it.
type slip struct {
	r     *bufio.Reader
	line  io.ReadWriteCloser
	begun bool // an END was read: what comes before it is the rest of a frame whose beginning nobody knows

	writing sync.Mutex
	buf     []byte
}

const (
	slipEnd    byte = 0xc0
	slipEsc    byte = 0xdb
	slipEscEnd byte = 0xdc
	slipEscEsc byte = 0xdd
)

// patience is how many octets without an END are read before the other side is said to speak something else.
const patience = 4 * MaxFrame

func newSLIP(line io.ReadWriteCloser) *slip {
	return &slip{r: bufio.NewReader(line), line: line}
}

// Read gives the next frame that is not longer than b and does not end within an escape.
func (s *slip) Read(b []byte) (int, error) {
	n, octets := 0, 0
	drop := !s.begun
	for {
		c, err := s.r.ReadByte()
		if err != nil {
			if err == io.EOF && n > 0 {
				err = io.ErrUnexpectedEOF
			}
			return 0, err
		}
		if octets++; octets > patience {
			return 0, fmt.Errorf("no frame ends in %d octets: the other side does not speak SLIP", patience)
		}
		switch c {
		case slipEnd:
			if n > 0 && !drop {
				return n, nil
			}
			s.begun = true
			n, octets, drop = 0, 0, false
			continue
		case slipEsc:
			if c, err = s.r.ReadByte(); err != nil {
				return 0, io.ErrUnexpectedEOF
			}
			switch c {
			case slipEscEnd:
				c = slipEnd
			case slipEscEsc:
				c = slipEsc
			case slipEnd: // cut off; END begins the next one
				n, octets, drop = 0, 0, false
				s.begun = true
				continue
			} // any other is left as it is
		}
		if n == len(b) {
			drop = true
		}
		if !drop {
			b[n] = c
			n++
		}
	}
}

func (s *slip) Write(b []byte) (int, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.buf = append(s.buf[:0], slipEnd)
	for _, c := range b {
		switch c {
		case slipEnd:
			s.buf = append(s.buf, slipEsc, slipEscEnd)
		case slipEsc:
			s.buf = append(s.buf, slipEsc, slipEscEsc)
		default:
			s.buf = append(s.buf, c)
		}
	}
	s.buf = append(s.buf, slipEnd)
	if _, err := s.line.Write(s.buf); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (s *slip) Close() error { return s.line.Close() }

// openSLIP connects to a Unix socket, waits for the target to do so, or opens a serial device.
func openSLIP(ctx context.Context, where string) (io.ReadWriteCloser, error) {
	path, listens := strings.CutSuffix(where, ",listen")
	line, err := openLine(ctx, path, listens)
	if err != nil {
		return nil, fmt.Errorf("slip:%s: %w", path, err)
	}
	return newSLIP(line), nil
}

func openLine(ctx context.Context, path string, listens bool) (io.ReadWriteCloser, error) {
	if listens {
		return accept(ctx, "unix", path)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case info.Mode()&fs.ModeCharDevice != 0:
		return openSerial(path)
	}
	var d net.Dialer
	return d.DialContext(ctx, "unix", path)
}
