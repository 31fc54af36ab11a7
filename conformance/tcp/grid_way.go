package tcp

import (
	"strings"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// gridSegments are those of the grid, by their names there.
var gridSegments = map[string]struct {
	title string
	flags uint
	data  bool
}{ // never written
	"SYN":        {"a SYN", tcp.SYN, false},
	"SYN-ACK":    {"a SYN,ACK", tcp.SYN | tcp.ACK, false},
	"ACK":        {"an ACK", tcp.ACK, false},
	"FIN":        {"a FIN without ACK", tcp.FIN, false},
	"FIN-ACK":    {"a FIN", tcp.FIN | tcp.ACK, false},
	"RST":        {"a RST", tcp.RST, false},
	"RST-ACK":    {"a RST with ACK", tcp.RST | tcp.ACK, false},
	"data":       {"text", tcp.PSH | tcp.ACK, true},
	"data-noack": {"text without ACK", tcp.PSH, true},
	"no-flags":   {"a segment without flags", 0, false},
	"SYN-data":   {"a SYN with text", tcp.SYN, true},
	"SYN-FIN":    {"a SYN with FIN", tcp.SYN | tcp.FIN, false},
}

var gridPositions = []string{ // never written
	"none", "any", "outside-left", "left-edge", "middle", "right-edge", "outside-right", "straddle-left", "straddle-right",
	"zero-window-edge", "zero-window-off", "irs", "fin-again",
}

var gridAcks = []string{"none", "any", "acceptable", "acceptable-fin", "old", "too-old", "future"} // never written

// The segment of a row is told from others of the tester by its window field.
const gridWindow = 31354

var gridStimulus = tcp.Segment(tcp.Window.Is(gridWindow).Called("of the cell"))

// What the streams hold before the segment of a row: octets that the target has taken, and its own, of which as many again
// are not acknowledged in ESTABLISHED and CLOSE-WAIT. gridGap is how far behind the left edge the middle of the window is.
const (
	gridTaken  = 20
	gridSent   = 10
	gridText   = 10
	gridGap    = 50
	gridNarrow = 4 // what a window is filled to where text runs beyond its end
)

// numbers are those of RFC 9293, 3.3.1, before the segment of a row.
type numbers struct {
	iss, una, nxt        uint32 // of the target
	rcvNxt, wnd          uint32
	segSeq, segAck, size uint32
}

// enter brings a new connection into the state of the row.
func (r row) enter(host *probe.Tester) (*probe.Conn, numbers) {
	c := host.TCP()
	origin := probe.Passive
	if r.Origin == "active" {
		origin = probe.Active
	}
	synchronised := r.later(probe.StateSynReceived)
	switch {
	case r.closed():
		c.Setup = func(s *probe.Socket) { mustSet(s, c, "SO_RCVBUF", 0) }
	case strings.HasPrefix(r.Position, "zero-window"), r.Position == "straddle-right" && synchronised:
		c.Setup = func(s *probe.Socket) { s.SetOption("SO_RCVBUF", 8192) } // saves time
	case r.Position == "straddle-right":
		c.Setup = func(s *probe.Socket) { mustSet(s, c, "SO_RCVBUF", 1000) } // text has to reach beyond the window
	}
	c.Opened = func() {
		c.Socket.Write(probe.Pattern(gridSent)) // that there are old numbers
		c.Expect(c.DataFrom(), probe.For(), probe.Because("the application has sent"))
		c.Deliver(probe.Pattern(gridTaken))
		if strings.HasPrefix(r.Position, "zero-window") {
			fillTo(c, 0)
		} else if r.Position == "straddle-right" {
			fillTo(c, gridNarrow)
		}
	}
	c.Reach(r.State, origin)
	n := numbers{nxt: c.RcvNxt, rcvNxt: c.SndNxt, wnd: c.PeerWindow}
	if r.closed() && n.wnd > 0 {
		c.Inconclusive("the target offers a window of %d with a receive buffer of 0", n.wnd)
	}
	switch r.State {
	case probe.StateSynSent, probe.StateSynReceived:
		n.una, n.iss = c.IRS, c.IRS
	case probe.StateEstablished, probe.StateCloseWait:
		c.Socket.Write(probe.Pattern(gridSent))
		c.Expect(c.DataFrom(), probe.For(), probe.Because("the application has sent"))
		n.una, n.nxt = c.RcvNxt-gridSent, c.RcvNxt
	case probe.StateFinWait1, probe.StateClosing, probe.StateLastAck:
		n.una = c.RcvNxt - 1
	default:
		n.una = c.RcvNxt
	}
	c.Forget()
	return c, n
}

// fill sends text that nobody reads until no more than left octets of the target's window are left.
func fillTo(c *probe.Conn, left uint32) {
	for tries := 0; c.PeerWindow > left; tries++ {
		if tries > 200 {
			c.Inconclusive("the window of the target does not close: %d octets are left", c.PeerWindow)
		}
		c.Deliver(probe.Pattern(int(c.PeerWindow - left)))
	}
}

// stimuli are the segment of the row and its twin, which is as it should be in what the row has wrong.
func (r row) stimuli(c *probe.Conn, n *numbers) (bad, good packet.Template) {
	kind := gridSegments[r.Segment]
	var data []byte
	if kind.data {
		data = probe.Pattern(gridText)
		if r.Position == "straddle-right" {
			data = probe.Pattern(int(n.wnd) + gridText)
		}
	}
	size := uint32(len(data)) + uint32(kind.flags>>1&1+kind.flags&1)
	n.segSeq, n.segAck, n.size = n.seqAt(r.Position, size), n.ackOf(r), size
	conds := []packet.Cond{tcp.Seq.Is(uint(n.segSeq)), tcp.Window.Is(gridWindow)}
	flags := kind.flags
	if flags&tcp.ACK != 0 {
		conds = append(conds, tcp.Ack.Is(uint(n.segAck)))
	}
	bad = c.Segment(flags, data, conds...)

	if flags&(tcp.ACK|tcp.SYN) == 0 && (flags&tcp.RST == 0 || r.State == probe.StateSynSent) {
		flags |= tcp.ACK
	}
	conds = []packet.Cond{tcp.Seq.Is(uint(n.rcvNxt)), tcp.Window.Is(gridWindow)}
	if flags&tcp.ACK != 0 {
		conds = append(conds, tcp.Ack.Is(uint(n.nxt)))
	}
	return bad, c.Segment(flags, data, conds...)
}

// seqAt is SEG.SEQ of a segment of some length at a position.
func (n numbers) seqAt(position string, size uint32) uint32 {
	switch position {
	case "outside-left":
		return n.rcvNxt - size - 1
	case "irs", "fin-again":
		return n.rcvNxt - 1
	case "middle":
		return n.rcvNxt + gridGap
	case "right-edge":
		return n.rcvNxt + n.wnd - 1
	case "edge":
		return n.rcvNxt + n.wnd
	case "outside-right":
		return n.rcvNxt + n.wnd + gridGap
	case "straddle-left":
		return n.rcvNxt - size/2
	case "zero-window-off":
		return n.rcvNxt + 1
	}
	return n.rcvNxt // any, left-edge, straddle-right, zero-window-edge
}

// ackOf is SEG.ACK of the row's segment.
func (n numbers) ackOf(r row) uint32 {
	switch r.Ack {
	case "acceptable":
		if r.State == probe.StateFinWait1 || r.State == probe.StateClosing || r.State == probe.StateLastAck {
			return n.una // all but the FIN
		}
	case "old":
		if r.State == probe.StateSynSent || r.State == probe.StateSynReceived {
			return n.una // ISS
		}
		return n.una - 1
	case "too-old":
		return n.una - 65535 - 100 // the largest window that the tester has said is 65535
	case "future":
		return n.nxt + 100
	}
	return n.nxt
}

// formula is a number of an answer.
func (n numbers) formula(f string) (value uint32, known bool) {
	switch f {
	case "0":
		return 0, true
	case "ISS":
		return n.iss, n.iss != 0 // of a connection that begins with the answer it is not known
	case "SND.UNA":
		return n.una, true
	case "SND.NXT":
		return n.nxt, true
	case "RCV.NXT":
		return n.rcvNxt, true
	case "RCV.NXT+RCV.WND":
		return n.rcvNxt + n.wnd, true
	case "SEG.ACK":
		return n.segAck, true
	case "SEG.SEQ+1":
		return n.segSeq + 1, true
	case "SEG.SEQ+SEG.LEN":
		return n.segSeq + n.size, true
	}
	panic("the grid has no formula " + f)
}

// flagsOf reads flags as the grid writes them.
func flagsOf(names string) (flags uint) {
	for _, name := range strings.Split(names, ",") {
		flags |= map[string]uint{"FIN": tcp.FIN, "SYN": tcp.SYN, "RST": tcp.RST, "ACK": tcp.ACK}[name]
	}
	return flags
}

// moment is how long an answer that comes at once may take.
func gridMoment(c *probe.Conn) time.Duration {
	if c.Virtual() {
		return 100 * time.Millisecond
	}
	return 15 * time.Millisecond
}
