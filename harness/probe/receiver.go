package probe

import (
	"slices"
	"strconv"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
)

// A Receiver is how the tester acknowledges what the target sends. The zero value acknowledges each segment at once, with
// the connection's window, and with SACK and timestamps where both sides have offered them.
type Receiver struct {
	Every int           // acknowledges every n-th segment that comes in order, and at once what does not; zero means 1
	Delay time.Duration // after which the others are acknowledged; zero means 200 ms
	RTT   time.Duration // an acknowledgment gets to the target this much after its cause, as of then
	// Lose tells whether a segment with data is lost on the way, n-th of them from 0, repeated ones included. The log has
	// it, the connection does not see it.
	Lose func(n int, f *packet.Frame) bool
	// Window is the window field of each acknowledgment; nil for that of the connection.
	Window func() uint16
	// Change has the last word on each acknowledgment; nil for none.
	Change func(ack packet.Template) packet.Template
}

// receiving is a Receiver at work.
type receiving struct {
	Receiver
	seen    int // segments with data
	waiting int // segments in order, not acknowledged
	serial  int // of the delayed acknowledgment that counts
}

// Acknowledge makes the tester a receiver: from now on it acknowledges data, FIN and repeated SYN,ACK by itself.
func (c *Conn) Acknowledge(r Receiver) {
	c.IgnoreData()
	c.receiver = &receiving{Receiver: r}
	c.answers = append(c.answers, responder{c.receiverName(), func(f *packet.Frame) { c.acknowledge(f) }})
}

// IgnoreData takes Acknowledge back.
func (c *Conn) IgnoreData() {
	c.receiver = nil
	c.answers = slices.DeleteFunc(c.answers, func(r responder) bool { return r.name == c.receiverName() })
}

func (c *Conn) receiverName() string {
	return "TCP " + c.IP().String() + " " + strconv.Itoa(int(c.Local))
}

// loses decides whether a segment with data gets lost.
func (r *receiving) loses(c *Conn, f *packet.Frame, s segment) bool {
	if len(s.data) == 0 {
		return false
	}
	r.seen++
	return r.Lose != nil && r.Lose(r.seen-1, f)
}

// lostGloss is what the log says of a segment that gets lost.
const lostGloss = "lost, as the check wants it"

// acknowledge answers a segment that takes room in the sequence space.
func (c *Conn) acknowledge(f *packet.Frame) {
	r := c.receiver
	flags, _ := tcp.Flags.Of(f)
	if r == nil || !c.Heard || !c.Any().Matches(f) || f.On != c.link || tcp.Length(f) == 0 || flags&tcp.RST != 0 || f.Gloss == lostGloss {
		return
	}
	if flags&tcp.SYN != 0 && c.unsettled && c.SndUna == c.ISS {
		return // the handshake is the script's
	}
	s := c.newest
	inOrder := s.end == c.RcvNxt && len(c.islands) == 0 && flags&tcp.FIN == 0
	if !inOrder {
		c.acknowledgeNow(s)
		return
	}
	if r.waiting++; r.waiting >= max(1, r.Every) {
		c.acknowledgeNow(s)
		return
	}
	if r.waiting == 1 {
		r.serial++
		mine, delay := r.serial, r.Delay
		if delay == 0 {
			delay = 200 * time.Millisecond
		}
		c.after(delay, func() {
			if c.receiver == r && r.waiting > 0 && r.serial == mine {
				c.acknowledgeNow(s)
			}
		})
	}
}

// acknowledgeNow makes the acknowledgment, and sends it when half the way is over.
func (c *Conn) acknowledgeNow(cause segment) {
	r := c.receiver
	r.waiting = 0
	var conds []packet.Cond
	if r.Window != nil {
		conds = append(conds, tcp.Window.Is(uint(r.Window())))
	}
	if blocks := c.sack(cause); len(blocks) > 0 {
		conds = append(conds, tcp.SACKBlocks(blocks...))
	}
	ack := c.Segment(tcp.ACK, nil, conds...)
	if r.Change != nil {
		ack = r.Change(ack)
	}
	frames := c.Frames(ack)
	if r.RTT == 0 {
		c.reflexes(c.link, frames)
		return
	}
	c.after(r.RTT, func() { c.reflexes(c.link, frames) })
}

// sack are the blocks to report: that of a duplicate first (RFC 2883), then those out of order.
func (c *Conn) sack(cause segment) (blocks []tcp.Block) {
	if !c.sacked() {
		return nil
	}
	room := 4
	if c.stamped() {
		room = 3
	}
	if cause.again {
		blocks = append(blocks, tcp.Block{Left: cause.seq, Right: cause.seq + uint32(len(cause.data))})
	}
	return append(blocks, c.blocks(room-len(blocks))...)
}
