package capture

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"time"
)

// A Writer writes a pcapng of one section, little-endian, with times in nanoseconds. It is not safe for concurrent use.
type Writer struct {
	w     io.Writer
	links []LinkType // of the interfaces, by ID
	buf   []byte     // a block under construction
	err   error      // the first error of w; every later call returns it
}

// SectionOptions describe the file as a whole.
type SectionOptions struct {
	Application string   // what wrote it; empty leaves it out
	Comments    []string // in the section header
}

func errTooLong(n int) error {
	return fmt.Errorf("a text of %d octets does not fit into an option of a capture, which holds 65535", n)
}

// NewWriter writes the section header. Interfaces follow, each before its first packet.
func NewWriter(w io.Writer, opts SectionOptions) (*Writer, error) {
	c := &Writer{w: w}
	b := c.begin(blockSection)
	b = binary.LittleEndian.AppendUint32(b, byteOrderMagic)
	b = append(b, 1, 0, 0, 0)                                       // version 1.0
	b = binary.LittleEndian.AppendUint64(b, uint64(math.MaxUint64)) // section length: not given
	b, err := appendComments(b, opts.Comments)
	if err != nil {
		return nil, err
	}
	if opts.Application != "" {
		if b, err = appendText(b, optApplication, opts.Application); err != nil {
			return nil, err
		}
	}
	if len(opts.Comments) > 0 || opts.Application != "" {
		b = appendOption(b, optEnd, nil)
	}
	if err := c.end(b); err != nil {
		return nil, err
	}
	return c, nil
}

// AddInterface describes an interface and returns its number for Write. Name, Description, LinkType, SnapLen and
// Comments of i are written; link types are at most 65535.
func (c *Writer) AddInterface(i Interface) (id int, err error) {
	if i.LinkType > math.MaxUint16 {
		return 0, fmt.Errorf("link type %d does not fit into a pcapng, where it has 16 bits", uint32(i.LinkType))
	}
	b := c.begin(blockInterface)
	b = binary.LittleEndian.AppendUint16(b, uint16(i.LinkType))
	b = append(b, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(i.SnapLen))
	if b, err = appendComments(b, i.Comments); err != nil {
		return 0, err
	}
	if i.Name != "" {
		if b, err = appendText(b, optName, i.Name); err != nil {
			return 0, err
		}
	}
	if i.Description != "" {
		if b, err = appendText(b, optDescription, i.Description); err != nil {
			return 0, err
		}
	}
	b = appendOption(b, optResolution, []byte{byte(nanoseconds)})
	b = appendOption(b, optEnd, nil)
	if err := c.end(b); err != nil {
		return 0, err
	}
	c.links = append(c.links, i.LinkType)
	return len(c.links) - 1, nil
}

// Write writes one packet of interface id: its Time, Data, Original (0 or less than the data: as long as the data),
// Direction and Comments. Times are from 1970 to 2554; a world's time is time.Unix(0, 0).Add(at).
func (c *Writer) Write(id int, p Packet) error {
	switch {
	case id < 0 || id >= len(c.links):
		return fmt.Errorf("interface %d is not described: call AddInterface first", id)
	case len(p.Data) > maxLength:
		return fmt.Errorf("a packet of %d octets does not fit into a capture, which holds %d", len(p.Data), maxLength)
	}
	ticks, ok := ticksOf(p.Time)
	if !ok {
		return fmt.Errorf("the time %v cannot be written: a capture counts nanoseconds from 1970 in 64 bits", p.Time)
	}
	b := c.begin(blockEnhanced)
	b = binary.LittleEndian.AppendUint32(b, uint32(id))
	b = binary.LittleEndian.AppendUint32(b, uint32(ticks>>32))
	b = binary.LittleEndian.AppendUint32(b, uint32(ticks))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(p.Data)))
	b = binary.LittleEndian.AppendUint32(b, uint32(max(p.Original, len(p.Data))))
	b = appendPadded(b, p.Data)
	b, err := appendComments(b, p.Comments)
	if err != nil {
		return err
	}
	if p.Direction != UnknownDirection {
		b = appendOption(b, optFlags, binary.LittleEndian.AppendUint32(nil, uint32(p.Direction)))
	}
	if len(p.Comments) > 0 || p.Direction != UnknownDirection {
		b = appendOption(b, optEnd, nil)
	}
	return c.end(b)
}

func ticksOf(t time.Time) (uint64, bool) {
	const last = math.MaxUint64 / uint64(time.Second)
	sec := t.Unix()
	if sec < 0 || uint64(sec) >= last {
		return 0, false
	}
	return uint64(sec)*uint64(time.Second) + uint64(t.Nanosecond()), true
}

func appendComments(b []byte, comments []string) (_ []byte, err error) {
	for _, text := range comments {
		if b, err = appendText(b, optComment, text); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// begin starts a block, with room for its length.
func (c *Writer) begin(kind uint32) []byte {
	b := binary.LittleEndian.AppendUint32(c.buf[:0], kind)
	return append(b, 0, 0, 0, 0)
}

// end puts the length in front and behind, and writes the block.
func (c *Writer) end(b []byte) error {
	if c.err != nil {
		return c.err
	}
	b = append(b, 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(b)))
	binary.LittleEndian.PutUint32(b[len(b)-4:], uint32(len(b)))
	c.buf = b
	_, c.err = c.w.Write(b)
	return c.err
}
