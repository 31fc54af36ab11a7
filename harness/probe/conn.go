package probe

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
)

// Conn is the tester's end of a TCP connection, segment by segment: nothing is sent that the check did not ask for,
// unless Acknowledge makes it a receiver.
//
// The numbers follow the link. Whatever the tester sends moves SndNxt, whatever comes from the target in order moves
// RcvNxt, and a segment made here has SEQ = SndNxt and ACK = RcvNxt unless it is told otherwise; every field can be told.
//
// Positions in the streams are counted from the first octet of data, which is 0; the SYN stands at -1. Mine and Theirs
// turn them into sequence numbers, and the log has them behind each segment.
//
// A Conn is a Tester: Expect, Never, Silent and the rest are there. What comes from the target in this connection is
// From(flags, conditions...).
type Conn struct {
	*Tester
	Local, Remote uint16 // ports of the tester and of the target
	Offer         Offer  // what the tester's SYN says
	Window        uint16 // the window field of the tester's segments
	UrgentPointer uint16

	ISS, SndNxt uint32
	SndUna      uint32 // the highest number that the target has acknowledged
	Heard       bool   // the target's SYN has come; what follows is known only then
	IRS, RcvNxt uint32
	PeerOffer   Offer  // what the target's SYN said
	PeerWindow  uint32 // the target's window, in octets
	Reset       bool   // the target has sent RST
	Closed      bool   // the target's FIN has come, and all that was before it

	// Setup sets options of the target's socket before it listens or connects; nil for none.
	Setup func(*Socket)
	// Opened is what happens in ESTABLISHED on the way to a later state; nil for nothing.
	Opened func()
	// The target's sockets, where the agent made them: see Reach.
	Listener, Socket *Socket
	Accepting        *Accepting
	Dialing          *Call

	stream    []byte // what has come in order
	islands   []island
	finAt     uint32 // number of the target's FIN, with finKnown
	finKnown  bool
	myFIN     uint32 // number behind the tester's FIN, with finSent
	finSent   bool
	asked     uint32    // the number of the tester's last SYN
	ahead     []segment // of the tester, out of order
	tsRecent  uint32    // the target's timestamp to echo
	lastAck   uint32
	receiver  *receiving
	newest    segment // from the target
	unsettled bool    // the target may still be in SYN-RECEIVED
}

// Offer is what the options of a SYN say.
type Offer struct {
	MSS        uint // 0: no option
	Scale      bool // window scaling, by Shift
	Shift      uint8
	SACK       bool
	Timestamps bool
}

// octets from offset at of the target's stream, which came before those in front of them.
type island struct {
	at   int
	data []byte
}

// testerPorts is the first of the tester's ports, listenPorts that of the ports on which the target listens for a Conn.
const (
	testerPorts = 20000
	listenPorts = 4100
)

// listenPort is one for the target to listen on that no Conn had before. On a target of which there is one, each world has ports of
// its own, as it has testers: connections of an earlier one may be in TIME-WAIT at theirs.
func (t *Tester) listenPort() uint16 {
	world := 0
	if mac := t.Net().Testers[0].MAC; len(mac) >= 2 {
		world = int(binary.BigEndian.Uint16(mac[len(mac)-2:])) - 1
	}
	return uint16(listenPorts + (max(0, world)*64+int(t.Serial()))%20000)
}

// TCP is a new connection from a port of its own, to no port yet: Reach chooses one, Dial has it from the target's SYN.
func (t *Tester) TCP() *Conn {
	n := t.Serial()
	c := &Conn{
		Tester: t, Local: uint16(testerPorts + n), Window: 65535,
		Offer: Offer{MSS: uint(t.Net().MTU - t.family.networkOf().header - 20)},
	}
	c.SetISS(0x20000000 + uint32(n)*0x01010101)
	t.watchers = append(t.watchers, c.watch)
	return c
}

// TCPTo is a new connection to a port of the target.
func (t *Tester) TCPTo(port uint16) *Conn {
	c := t.TCP()
	c.Remote = port
	return c
}

// SetISS chooses the tester's initial sequence number, before anything is sent.
func (c *Conn) SetISS(iss uint32) { c.ISS, c.SndNxt, c.SndUna = iss, iss, iss }

// Mine is the sequence number of octet n of the tester's stream, Theirs of the target's.
func (c *Conn) Mine(n int) uint { return uint(c.ISS + 1 + uint32(n)) }

// Theirs is the sequence number of octet n of the target's stream.
func (c *Conn) Theirs(n int) uint { return uint(c.IRS + 1 + uint32(n)) }

// At sets a segment of the tester to begin at octet n of its stream, Acks to acknowledge the target's octets before n.
func (c *Conn) At(n int) packet.Cond { return tcp.Seq.Is(c.Mine(n)).Called(position(c.Mine(n), n)) }

// Acks sets what a segment of the tester acknowledges: the target's octets before n.
func (c *Conn) Acks(n int) packet.Cond {
	return tcp.Ack.Is(c.Theirs(n)).Called(position(c.Theirs(n), n))
}

// SeqIs asks that a segment of the target begins at octet n of its stream, AckIs that it acknowledges the tester's octets
// before n.
func (c *Conn) SeqIs(n int) packet.Cond {
	return tcp.Seq.Is(c.Theirs(n)).Called(position(c.Theirs(n), n))
}

// AckIs asks what a segment of the target acknowledges.
func (c *Conn) AckIs(n int) packet.Cond { return tcp.Ack.Is(c.Mine(n)).Called(position(c.Mine(n), n)) }

func position(number uint, n int) string { return fmt.Sprintf("%d (%+d)", number, n) }

// Segment is one of the tester's, with SEQ and ACK as they are now. The acknowledgment number is left out without ACK.
func (c *Conn) Segment(flags uint, data []byte, conds ...packet.Cond) packet.Template {
	base := []packet.Cond{
		tcp.SrcPort.Is(uint(c.Local)), tcp.DstPort.Is(uint(c.Remote)), tcp.Seq.Is(uint(c.SndNxt)),
		tcp.Flags.Is(flags), tcp.Window.Is(uint(c.Window)),
	}
	if flags&tcp.ACK != 0 {
		base = append(base, tcp.Ack.Is(uint(c.RcvNxt)))
	}
	if flags&tcp.SYN != 0 {
		base = append(base, c.offered(flags)...)
	} else if c.stamped() && flags&tcp.RST == 0 {
		base = append(base, tcp.Options.Is(tcp.List(tcp.NOP, tcp.NOP, tcp.TimestampsOption(c.Clock(), c.tsRecent))))
	}
	t := tcp.Segment(append(base, conds...)...)
	if len(data) > 0 {
		t = t.Then(packet.Payload(data))
	}
	return t
}

// offered are the options of a SYN. In a SYN,ACK only those are offered that the target offered (RFC 7323, 1.3).
func (c *Conn) offered(flags uint) (conds []packet.Cond) {
	answer := flags&tcp.ACK != 0 && c.Heard
	if c.Offer.MSS > 0 {
		conds = append(conds, tcp.MSS.Is(c.Offer.MSS))
	}
	if c.Offer.SACK && (!answer || c.PeerOffer.SACK) {
		conds = append(conds, tcp.SACKPermitted.Is(nil))
	}
	if c.Offer.Timestamps && (!answer || c.PeerOffer.Timestamps) {
		conds = append(conds, tcp.TSval.Is(uint(c.Clock())), tcp.TSecr.Is(uint(c.tsRecent)))
	}
	if c.Offer.Scale && (!answer || c.PeerOffer.Scale) {
		conds = append(conds, tcp.WindowScale.Is(uint(c.Offer.Shift)))
	}
	return conds
}

// Clock is the tester's timestamp clock, in milliseconds.
func (c *Conn) Clock() uint32 { return 1_000_000 + uint32(c.Now()/time.Millisecond) }

// stamped tells whether both sides have offered timestamps, sacked and scaled the same of those options.
func (c *Conn) stamped() bool { return c.Heard && c.Offer.Timestamps && c.PeerOffer.Timestamps }
func (c *Conn) sacked() bool  { return c.Heard && c.Offer.SACK && c.PeerOffer.SACK }
func (c *Conn) scaled() bool  { return c.Heard && c.Offer.Scale && c.PeerOffer.Scale }

// Send puts a segment on the link. (Tester.Send, for templates of any kind, is c.Tester.Send.)
func (c *Conn) Send(flags uint, data []byte, conds ...packet.Cond) {
	c.Tester.Send(c.Segment(flags, data, conds...))
}

// Put puts a template on the link, made by Segment.
func (c *Conn) Put(t packet.Template) { c.Tester.Send(t) }

// Data sends data in a segment with PSH and ACK.
func (c *Conn) Data(data []byte, conds ...packet.Cond) { c.Send(tcp.PSH|tcp.ACK, data, conds...) }

// ACK acknowledges what has come in order.
func (c *Conn) ACK(conds ...packet.Cond) { c.Send(tcp.ACK, nil, conds...) }

// FIN ends the tester's stream.
func (c *Conn) FIN(conds ...packet.Cond) { c.Send(tcp.FIN|tcp.ACK, nil, conds...) }

// RST resets the connection.
func (c *Conn) RST(conds ...packet.Cond) { c.Send(tcp.RST, nil, conds...) }

// From is a segment from the target in this connection, with exactly these flags of FIN, SYN, RST, ACK and URG.
func (c *Conn) From(flags uint, conds ...packet.Cond) packet.Template {
	return c.Any(append([]packet.Cond{tcp.Control(flags)}, conds...)...)
}

// Any is any segment from the target in this connection.
func (c *Conn) Any(conds ...packet.Cond) packet.Template {
	own := []packet.Cond{tcp.DstPort.Is(uint(c.Local))}
	if c.Remote != 0 {
		own = append(own, tcp.SrcPort.Is(uint(c.Remote)))
	}
	return tcp.Segment(append(own, conds...)...)
}

// DataFrom is a segment with data from the target, whatever its other flags.
func (c *Conn) DataFrom(conds ...packet.Cond) packet.Template {
	return c.Any(conds...).Then(packet.PayloadWith(packet.Data.Where("some", func(b []byte) bool { return len(b) > 0 })))
}

// Received is what has come from the target in order.
func (c *Conn) Received() []byte { return c.stream }

// Sent are the segments of the target in this connection, in order, since the world was made.
func (c *Conn) Sent(conds ...packet.Cond) []*packet.Frame { return c.Seen(c.Any(conds...)) }

// Carrying are the segments of the target that hold octet n of its stream, in order: once, or as often as it was sent. The
// SYN stands at -1, and FIN behind the last octet.
func (c *Conn) Carrying(n int) (fs []*packet.Frame) {
	at := uint32(c.Theirs(n))
	for _, f := range c.Sent(tcp.Lacks(tcp.RST)) {
		if s := segmentOf(f); !before(at, s.seq) && before(at, s.end) {
			fs = append(fs, f)
		}
	}
	return fs
}

// Gaps are the times between frames.
func Gaps(fs []*packet.Frame) (gaps []time.Duration) {
	for i := 1; i < len(fs); i++ {
		gaps = append(gaps, fs[i].At-fs[i-1].At)
	}
	return gaps
}

// Until lets time pass until cond holds, at most for d, and tells whether it does.
func (c *Conn) Until(d time.Duration, cond func() bool) bool {
	for until := c.Now() + d; !cond(); {
		f, more := c.next(until)
		if f != nil {
			c.inbox = append(c.inbox, f)
		}
		if !more {
			return cond()
		}
	}
	return true
}

// Quote is what an ICMP error says of a frame: its IP header and 8 octets (RFC 792).
func (t *Tester) Quote(f *packet.Frame) []byte {
	n := t.family.networkOf().proto
	b := append([]byte(nil), f.Header(n)...)
	return append(b, f.Body(n)[:min(8, len(f.Body(n)))]...)
}
