package replay

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/conform-stack/conform/harness/capture"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/target"
)

// captured is one packet of a capture.
type captured struct {
	number   int
	at       time.Duration // since the first packet; never before the one before
	frame    *packet.Frame
	cut      int  // octets of the packet that the capture does not have
	refilled bool // zero octets stand where the packet was cut
}

func (c *captured) String() string { return fmt.Sprintf("packet %d (%s)", c.number, c.frame) }

// readCapture reads all packets of a capture, which have to be Ethernet frames.
func readCapture(open func(string) (*capture.Reader, error), file string) ([]*captured, error) {
	r, err := open(file)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var list []*captured
	var first time.Time
	for {
		p, err := r.Next()
		switch {
		case errors.Is(err, io.EOF) && len(list) == 0:
			return nil, fmt.Errorf("%s holds no packets: there is nothing to replay", file)
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return nil, err
		case p.LinkType != capture.Ethernet:
			return nil, fmt.Errorf("packet %d of %s has link type %s: only ethernet can be replayed", p.Number, file, p.LinkType)
		}
		c := &captured{number: p.Number, frame: packet.Dissect(target.Ethernet, p.Data), cut: max(0, p.Original-len(p.Data))}
		if len(list) == 0 {
			first = p.Time
		} else {
			c.at = max(p.Time.Sub(first), list[len(list)-1].at)
		}
		c.frame.At = c.at
		list = append(list, c)
	}
}

// refill mends a packet that was cut within its data: zero octets take the place of what is missing, and the checksums
// are made anew. The captures of both sides were cut alike, so an answer that repeats the data is refilled the same way.
func (c *captured) refill() error {
	if c.cut == 0 || c.refilled {
		return nil
	}
	total, ok := ipv4.TotalLength.Of(c.frame)
	have := len(c.frame.Bytes)
	whole := len(c.frame.Header(ethernet.Proto)) + int(total)
	switch a := alignerOf(c.frame); {
	case ok && whole <= have: // what was cut is the padding of the link
	case !ok || a == nil || !a.refills || isFragment(c.frame) || whole > have+c.cut:
		return fmt.Errorf("packet %d is cut to %d of its %d octets, and what is missing cannot be made up: record with a larger snapshot length",
			c.number, have, have+c.cut)
	default:
		filled := packet.Dissect(c.frame.Link, append(c.frame.Bytes[:have:have], make([]byte, whole-have)...))
		at := c.frame.At
		c.frame = packet.Dissect(c.frame.Link, filled.Rewrite())
		c.frame.At = at
		c.refilled = true
	}
	c.cut = 0
	return nil
}
