package tcp

import (
	"time"

	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/tcp/recvq"
	"github.com/conform-stack/conform/stack/tcp/seq"
	"github.com/conform-stack/conform/stack/wire/tcp"
)

// outOfOrder is how many ranges a connection keeps that came out of order.
const outOfOrder = 256

// receiver is the half of a connection that receives (RFC 9293, 3.3.1).
type receiver struct {
	irs, nxt seq.Value
	read     seq.Value   // of the first octet in buf: the next that the user reads
	edge     seq.Value   // the right edge of the window that was offered
	queue    recvq.Queue // what has come
	buf      buffer
	unread   int // octets in buf that are in order
	receipts receipts
	capacity int // of buf
	scale    uint8

	finished bool // the FIN has come, after everything in front of it
	shut     bool // the user reads no more
	fast     bool // the data of the SYN is the user's already (RFC 7413)
	inside   bool // a segment is being processed, at whose end an acknowledgement is sent that is due
	ackDue   bool
	full     int // the longest segment seen: what counts as a full one
	sinceAck int // octets that came since an acknowledgement was sent

	up          seq.Value // RCV.UP, behind the urgent octet
	urgent      urgentState
	urgentTaken bool
	urgentOctet byte

	octets       uint64 // of data, in order
	copied       int    // octets that the user has read since
	copyingSince time.Duration
}

func (c *conn) ackNow() { c.rcv.ackDue = true }

// text takes the data of a segment, which stands at a sequence number, and its FIN (3.10.7.4, seventh and eighth step).
func (c *conn) text(s *segment, at seq.Value) {
	r := &c.rcv
	fin := s.flags.Any(tcp.FIN) && c.state != SynReceived
	data := s.data
	if end := at.Add(seq.Size(len(data))); r.edge.Less(end) { // what is beyond the window is not kept
		data = data[:max(0, len(data)-int(r.edge.To(end)))]
		fin = false
		c.ackNow()
	}
	if len(data) > 0 && c.user == nil && c.listener == nil && r.nxt.Less(at.Add(seq.Size(len(data)))) {
		// The user has closed, and nobody will read that (3.6.1, SHLD-3).
		s.drop(stats.TCPUnwanted)
		c.abort(nil)
		return
	}
	whole := seq.Range{Start: at, End: at.Add(seq.Size(len(data)))}
	if fin && r.queue.SetFIN(whole.End) {
		whole.End = whole.End.Add(1)
	} else if fin {
		s.drop(stats.TCPUnwanted)
	}
	if whole.Empty() {
		return
	}
	if len(data) > r.full || !s.flags.Any(tcp.PSH) {
		r.full = len(data)
	}
	gap, fresh := r.queue.Ranges() > 0, false
	s.stats().TCP.ReceivedBytes += uint64(len(data))
	for h, ok := r.queue.Hole(whole); ok; h, ok = r.queue.Hole(seq.Range{Start: h.End, End: whole.End}) {
		from := int(at.To(h.Start))
		if from >= len(data) {
			break
		}
		part := data[from:min(len(data), int(at.To(h.End)))]
		off := int(r.read.To(h.Start))
		if !r.buf.room(off, len(part)) { // no memory: what does not fit comes again
			s.drop(stats.TCPNoRoom)
			c.ackNow()
			return
		}
		if !s.copied {
			r.buf.write(off, part)
		}
		fresh = true
	}
	if whole.End.LessEq(r.nxt) {
		s.drop(stats.TCPDuplicate)
	}
	octets, finished, ok := r.queue.Insert(whole)
	switch {
	case !ok:
		s.drop(stats.TCPNoRoom)
	case fresh:
		c.noteReceipt(s, at.Add(seq.Size(len(data))))
	}
	r.nxt = r.queue.Next()
	r.unread += int(octets)
	r.octets += uint64(octets)
	if octets == 0 && !finished || gap { // out of order, twice, or it fills a gap: at once (RFC 5681, 4.2)
		c.ackNow()
	} else {
		c.delayAck(len(data))
	}
	if octets > 0 {
		c.urgentArrived()
		if l := c.listener; l != nil && c.set.deferAccept && c.state != SynReceived {
			l.endpoint.notify()
		}
		if !finished {
			c.notify()
		}
	}
	if finished {
		c.inFin()
	}
}

// delayAck acknowledges every second full segment at once (3.8.6.3, SHLD-18, MUST-58), another one after a while (MUST-59).
func (c *conn) delayAck(n int) {
	r := &c.rcv
	if r.sinceAck += n; r.sinceAck >= 2*r.full || c.set.quickAck || c.tcp.c.DelayedACK <= 0 {
		c.ackNow()
	} else if !c.timerSet(ackTimer) {
		c.afterTimer(ackTimer, min(c.tcp.c.DelayedACK, 500*time.Millisecond-1))
	}
}

// ackTimeout is the end of a delay.
func (c *conn) ackTimeout() {
	c.ackNow()
	c.respond()
}

// duplicate notes octets that came again, for a DSACK (RFC 2883).
func (c *conn) duplicate(s *segment) {
	if n := seq.Size(len(s.data)); n > 0 {
		c.rcv.queue.Duplicate(seq.Range{Start: s.seq, End: s.seq.Add(n)})
	}
}

// blocks puts SACK blocks on a segment.
func (r *receiver) blocks(o *tcp.Options, most int) {
	var b [tcp.MaxSACK]seq.Range
	n, _ := r.queue.SACK(b[:most])
	if n == 0 {
		return
	}
	o.Has |= tcp.HasSACK
	o.Blocks = uint8(n)
	for i, x := range b[:n] {
		o.SACK[i] = tcp.Block{Start: uint32(x.Start), End: uint32(x.End)}
	}
}

// mayReport tells whether segments carry SACK blocks: not where they would leave no room for data.
func (c *conn) mayReport() bool {
	return c.opt.sack && c.rcv.queue.Reports() && c.snd.mss >= 4*leastData
}

// mostBlocks is how many SACK blocks a segment has room for (RFC 2018, 3).
func (c *conn) mostBlocks() int {
	if c.opt.timestamps {
		return tcp.MaxSACK - 1
	}
	return tcp.MaxSACK
}

// blockOctets is how much of a segment SACK blocks will take.
func (c *conn) blockOctets() int {
	if !c.mayReport() {
		return 0
	}
	return 4 + 8*min(c.mostBlocks(), c.rcv.queue.Ranges()+1)
}

// forgetOutOfOrder gives up what came out of order.
func (r *receiver) forgetOutOfOrder() { r.queue.Init(r.nxt, outOfOrder) }
