package capture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// A Reader reads one capture from its start to its end.
type Reader struct {
	s       *stream
	f       format
	path    string
	closer  io.Closer
	fault   error // what ended the capture; returned for ever
	section []string
}

// A format reads the records of one kind of file. next returns errEnd behind the last one.
type format interface {
	name() string
	next(r *Reader) (Packet, error)
}

// Open opens a capture file. The caller closes it.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, openError(path, err)
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		_ = f.Close()
		return nil, &Error{Path: path, Kind: ErrNotCapture, Text: "this is a folder, not a capture file."}
	}
	r, err := NewReader(f)
	if err != nil {
		_ = f.Close()
		return nil, named(err, path)
	}
	r.path, r.closer = path, f
	return r, nil
}

func openError(path string, err error) error {
	text := fmt.Sprintf("the file could not be opened: %v.", err)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		text = "there is no such file."
	case errors.Is(err, fs.ErrPermission):
		text = "the file may not be read: permission denied."
	}
	return &Error{Path: path, Kind: err, Text: text}
}

// named puts the path into an error of this package.
func named(err error, path string) error {
	var e *Error
	if errors.As(err, &e) && e.Path == "" {
		c := *e
		c.Path = path
		return &c
	}
	return err
}

// NewReader reads a capture from a stream. It reads the file header, and fails when there is none that it knows.
func NewReader(src io.Reader) (*Reader, error) {
	r := &Reader{s: &stream{r: bufio.NewReaderSize(src, 64<<10)}}
	magic, err := r.s.r.Peek(8)
	switch {
	case len(magic) == 0 && errors.Is(err, io.EOF):
		return nil, &Error{Kind: ErrEmpty, Text: "the file is empty: not even a capture header is in it."}
	case err != nil && !errors.Is(err, io.EOF):
		return nil, &Error{Kind: err, Text: fmt.Sprintf("the capture could not be read: %v.", err)}
	case len(magic) < 4:
		return nil, notCapture(magic)
	}
	err = nil // a capture may be shorter than what was peeked at
	switch {
	case string(magic) == "snoop\x00\x00\x00":
		r.f, err = newSnoop(r.s)
	case string(magic) == "btsnoop\x00":
		r.f, err = newBTSnoop(r.s)
	case binary.BigEndian.Uint32(magic) == blockSection:
		r.f = &pcapng{}
	case magic[0] == 0x1f && magic[1] == 0x8b:
		err = r.s.unsupported("this is a gzip-compressed file: unpack it first")
	case string(magic[:4]) == "\x28\xb5\x2f\xfd":
		err = r.s.unsupported("this is a zstd-compressed file: unpack it first")
	default:
		r.f, err = newPcap(r.s, magic)
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

func notCapture(magic []byte) error {
	return &Error{Kind: ErrNotCapture,
		Text: fmt.Sprintf("this is not a capture: it starts with % x, which is none of pcap, pcapng, snoop, btsnoop.", magic[:min(4, len(magic))])}
}

// Next returns the next packet. Behind the last one it returns io.EOF, at a fault an *Error; it goes on returning it.
func (r *Reader) Next() (Packet, error) {
	if r.fault != nil {
		return Packet{}, r.fault
	}
	p, err := r.f.next(r)
	switch {
	case err == nil:
		r.s.packet++
		p.Number = r.s.packet
		return p, nil
	case errors.Is(err, errEnd):
		r.fault = io.EOF
	default:
		r.fault = named(err, r.path)
	}
	return Packet{}, r.fault
}

// Format names the kind of file: pcap, pcapng, snoop or btsnoop.
func (r *Reader) Format() string { return r.f.name() }

// SectionComments are the comments on the file as a whole, of every section read so far (pcapng only).
func (r *Reader) SectionComments() []string { return r.section }

// Close closes the file that Open opened.
func (r *Reader) Close() error {
	if r.closer == nil {
		return nil
	}
	return r.closer.Close()
}
