package capture

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// maxLength bounds what one packet or block may take: no link has longer frames, and a corrupt length is seen here.
const maxLength = 16 << 20

// A stream is the octets of a capture, with the place in it, so that faults can name it.
type stream struct {
	r      *bufio.Reader
	offset int64
	packet int // the number of the last packet read
}

// errEnd says that a stream ended between two records, as it should.
var errEnd = errors.New("end of capture")

// full reads len(b) octets. At the end of the stream it returns errEnd if nothing was left, and ErrTruncated otherwise.
func (s *stream) full(b []byte, what string) error {
	n, err := io.ReadFull(s.r, b)
	s.offset += int64(n)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF):
		return errEnd
	case errors.Is(err, io.ErrUnexpectedEOF):
		return s.truncated(what)
	}
	return &Error{Packet: s.packet + 1, Offset: s.offset, Kind: err, Text: fmt.Sprintf("%s could not be read: %v.", what, err)}
}

// rest is full for what must follow: the end of the stream is always too early.
func (s *stream) rest(b []byte, what string) error {
	err := s.full(b, what)
	if errors.Is(err, errEnd) && len(b) > 0 {
		return s.truncated(what)
	}
	if len(b) == 0 {
		return nil
	}
	return err
}

// take reads n octets into memory of their own. It grows with what is really there, so that a wrong length costs
// nothing.
func (s *stream) take(n int, what string) ([]byte, error) {
	const step = 64 << 10
	b := make([]byte, 0, min(n, step))
	for len(b) < n {
		have := len(b)
		b = append(b, make([]byte, min(n-have, max(step, have)))...)
		if err := s.rest(b[have:], what); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// skip passes over n octets.
func (s *stream) skip(n int64, what string) error {
	m, err := io.CopyN(io.Discard, s.r, n)
	s.offset += m
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF):
		return s.truncated(what)
	}
	return &Error{Packet: s.packet + 1, Offset: s.offset, Kind: err, Text: fmt.Sprintf("%s could not be read: %v.", what, err)}
}

// next names the packet that is being read.
func (s *stream) next() string { return fmt.Sprintf("packet %d", s.packet+1) }

func (s *stream) truncated(what string) error {
	return &Error{Packet: s.packet + 1, Offset: s.offset, Kind: ErrTruncated,
		Text: fmt.Sprintf("the capture is truncated in the middle of %s, after %d octets.", what, s.offset)}
}

func (s *stream) corrupt(format string, args ...any) error {
	return &Error{Packet: s.packet + 1, Offset: s.offset, Kind: ErrCorrupt,
		Text: fmt.Sprintf("the capture is corrupt near octet %d: %s.", s.offset, fmt.Sprintf(format, args...))}
}

func (s *stream) unsupported(format string, args ...any) error {
	return &Error{Offset: s.offset, Kind: ErrUnsupported, Text: fmt.Sprintf(format, args...) + "."}
}
