package replay

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/conform-stack/conform/harness/capture"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
)

// captured is one packet of a capture.
type captured struct {
	number int
	at     time.Duration // since the first packet; never before the one before
	frame  *packet.Frame
	cut    int    // octets of the packet that the capture does not have
	mended string // what was made up; empty for a packet that is as the capture has it
	affair string // of the link alone, so that nothing of it is replayed; empty for what a host said
}

func (c *captured) String() string { return fmt.Sprintf("packet %d (%s)", c.number, c.frame) }

// readCapture reads all packets of a capture, which have to be frames of one link that can be replayed.
func readCapture(open func(string) (*capture.Reader, error), file string) ([]*captured, error) {
	r, err := open(file)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var list []*captured
	var first time.Time
	var reader *packet.Reader
	for {
		p, err := r.Next()
		switch {
		case errors.Is(err, io.EOF) && len(list) == 0:
			return nil, fmt.Errorf("%s holds no packets: there is nothing to replay", file)
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return nil, err
		}
		link, ok := linkTypes[p.LinkType]
		if !ok {
			return nil, fmt.Errorf("packet %d of %s has link type %s: only ethernet and ieee802154 can be replayed", p.Number, file, p.LinkType)
		}
		if reader == nil {
			reader = &packet.Reader{Link: link}
		}
		if reader.Link != link {
			return nil, fmt.Errorf("packet %d of %s is of another link than the first: one link can be replayed", p.Number, file)
		}
		c := &captured{number: p.Number, cut: max(0, p.Original-len(p.Data))}
		c.frame = reader.Dissect(p.Data)
		c.affair = ownAffair(c.frame, list)
		if len(list) == 0 {
			first = p.Time
		} else {
			c.at = max(p.Time.Sub(first), list[len(list)-1].at)
		}
		c.frame.At = c.at
		list = append(list, c)
	}
}

// mend makes up what the capture does not have, as far as that is known.
func (c *captured) mend() error {
	if c.mended != "" {
		return nil
	}
	if err := c.refill(); err != nil {
		return err
	}
	c.finishChecksum()
	return nil
}

// refill mends a packet that was cut within its data: zero octets take the place of what is missing, and the checksums
// are made anew. The captures of both sides were cut alike, so an answer that repeats the data is refilled the same way.
func (c *captured) refill() error {
	if c.cut == 0 {
		return nil
	}
	total, ok := ipv4.TotalLength.Of(c.frame)
	have := len(c.frame.Bytes)
	whole := int(total)
	if ok {
		whole += len(head(c.frame)) - len(c.frame.Header(ipv4.Proto))
	}
	switch a := alignerOf(c.frame); {
	case ok && whole <= have: // what was cut is the padding of the link
	case !ok || a == nil || !a.refills || isFragment(c.frame) || whole > have+c.cut:
		return fmt.Errorf("packet %d is cut to %d of its %d octets, and what is missing cannot be made up: record with a larger snapshot length",
			c.number, have, have+c.cut)
	default:
		filled := packet.Dissect(c.frame.Link, append(c.frame.Bytes[:have:have], make([]byte, whole-have)...))
		c.replace(filled.Rewrite(), "refilled with zero octets: the capture has cut it")
	}
	c.cut = 0
	return nil
}

// finishChecksum completes the checksum of a packet that was captured on its way to a device which does that: it holds
// the sum of the pseudo header alone. Any other wrong checksum was sent, and is sent again.
func (c *captured) finishChecksum() {
	f := c.frame
	sum, ok := udp.Checksum.Of(f)
	if !ok || !f.Has(ipv4.Proto) || isFragment(f) {
		return
	}
	header := f.Header(ipv4.Proto)
	length, _ := udp.Length.Of(f)
	pseudo := ipv4.Proto.PseudoHeader(header, protocolUDP, int(length))
	whole := f.Rewrite()
	if right, _ := udp.Checksum.Of(packet.Dissect(f.Link, whole)); sum == uint(packet.Sum(pseudo)) && sum != right {
		c.replace(whole, "its checksum filled in: the capture was made before the sender's device did that")
	}
}

func (c *captured) replace(b []byte, why string) {
	at := c.frame.At
	c.frame, c.mended = packet.Dissect(c.frame.Link, b), why
	c.frame.At = at
}
