// Package pcap writes what passes a device into a capture file: classic pcap with times in nanoseconds, which Wireshark
// and tcpdump read.
package pcap

import (
	"encoding/binary"
	"io"
	"time"
)

// A LinkType is what frames begin with (LINKTYPE_ of the pcap registry).
type LinkType uint16

const (
	LinkEthernet   LinkType = 1
	LinkRaw        LinkType = 101 // IPv4 or IPv6, without link header
	LinkIEEE802154 LinkType = 195 // with frame check sequence
)

// The file's header: magic number for nanoseconds, version 2.4.
const (
	magic    = 0xa1b23c4d
	major    = 2
	minor    = 4
	fileHead = 24
)

// DefaultSnapLen is the number of octets kept of a frame.
const DefaultSnapLen = 262144

// Config describes a capture file.
type Config struct {
	Link    LinkType
	SnapLen int       // frames are cut to so many octets; 0 means DefaultSnapLen
	Epoch   time.Time // when the loop stood at 0; the zero Time means 1970-01-01 UTC, so that equal runs give equal files
}

// A Writer writes one capture file. Several devices on one loop may share it. After an error nothing more is written.
type Writer struct {
	out   io.Writer
	snap  int
	epoch int64 // nanoseconds since 1970
	buf   []byte
	err   error
}

// NewWriter writes the file's header.
func NewWriter(out io.Writer, c Config) (*Writer, error) {
	w := &Writer{out: out, snap: c.SnapLen}
	if w.snap <= 0 {
		w.snap = DefaultSnapLen
	}
	if !c.Epoch.IsZero() {
		w.epoch = c.Epoch.UnixNano()
	}
	var b [fileHead]byte
	binary.LittleEndian.PutUint32(b[0:], magic)
	binary.LittleEndian.PutUint16(b[4:], major)
	binary.LittleEndian.PutUint16(b[6:], minor)
	binary.LittleEndian.PutUint32(b[16:], uint32(w.snap))
	binary.LittleEndian.PutUint32(b[20:], uint32(c.Link))
	_, w.err = out.Write(b[:])
	return w, w.err
}

// Write adds a frame that passed when the loop stood at an instant. It is one Write of the file.
func (w *Writer) Write(at time.Duration, frame []byte) error {
	if w.err != nil {
		return w.err
	}
	ns := w.epoch + int64(at)
	kept := frame[:min(len(frame), w.snap)]
	b := binary.LittleEndian.AppendUint32(w.buf[:0], uint32(ns/int64(time.Second)))
	b = binary.LittleEndian.AppendUint32(b, uint32(ns%int64(time.Second)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(kept)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(frame)))
	w.buf = append(b, kept...)
	_, w.err = w.out.Write(w.buf)
	return w.err
}

// Err is why nothing more is written, if so.
func (w *Writer) Err() error { return w.err }
