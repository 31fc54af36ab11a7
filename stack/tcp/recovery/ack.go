package recovery

import (
	"time"

	"github.com/conform-stack/conform/stack/tcp/congestion"
	"github.com/conform-stack/conform/stack/tcp/rtt"
	"github.com/conform-stack/conform/stack/tcp/seq"
)

// An Ack is what one segment says of what was sent. The connection has checked that it is acceptable.
type Ack struct {
	Now       time.Duration
	Ack       seq.Value   // SEG.ACK: from Una to Nxt
	SACK      []seq.Range // blocks in the order of the option; what is in them is checked here
	Duplicate bool        // by RFC 5681, 2: no data, SYN or FIN, the window as before; that it acknowledges nothing new is seen here
	HasEcho   bool
	Echo      time.Duration // when the timestamp that it echoes was made, by the clock of now, a multiple of Tick
	ECE       bool          // RFC 3168: a router has marked a packet
}

// A Result is what an acknowledgement has brought about.
type Result struct {
	Acked     int  // octets cumulatively acknowledged
	Delivered int  // octets of which it is news that they have arrived
	Entered   bool // fast recovery has begun, now or by the reordering timer before
	Left      bool // recovery, of either kind, has ended
	Reduced   bool // the congestion window was reduced, now: the next new data carries CWR (RFC 3168, 6.1.2)
	Undone    bool // a reduction was taken back
	DSACK     bool // the peer has reported a duplicate (RFC 2883)
	Sampled   bool // a round-trip time was measured
	Longest   int  // octets of the longest segment that was cumulatively acknowledged as it was sent first
	Probe     Verdict
}

// maxBlocks is how many SACK blocks count: an option has no room for more.
const maxBlocks = 4

// work is what Acked hands along.
type work struct {
	*Ack
	Result
	flight    int       // before
	una       seq.Value // before
	dsack     seq.Range // empty: none
	blocks    [maxBlocks]seq.Range
	n         int
	newest    time.Duration // when the segment delivered now that was sent last was sent
	delivered bool          // newest counts
	first     time.Duration // when the first segment acknowledged now was sent
	timed     bool          // first counts
	resent    bool          // some of what is acknowledged now was retransmitted (Karn)
	dup       bool          // a duplicate, by the definition that holds with SACK or without
	sacked    int           // octets of which blocks told that they have arrived
	loss      int           // segments found to be lost now
	below     bool          // something below recover has been delivered
	beyond    bool          // something beyond recover has been delivered
}

// Acked takes in an acknowledgement.
func (s *Sender) Acked(a Ack) Result {
	w := work{Ack: &a, flight: s.Flight(), una: s.b.una}
	if s.owed {
		w.Entered, s.owed = true, false
	}
	s.readBlocks(&w)
	s.cumulative(&w)
	s.selective(&w)
	s.count(&w)
	s.sample(&w)
	if s.c.RACK {
		s.rackAcked(&w)
	}
	s.tlpAcked(&w)
	s.undoAcked(&w)
	s.advance(&w)
	s.probeAcked(&w)
	s.arm(&w)
	return w.Result
}

// readBlocks takes over the blocks that make sense, ascending, and finds the one that reports a duplicate: the first, if
// it is below the acknowledgement or part of the second (RFC 2883, 5; for DSACK-unaware code RFC 2018, 4).
func (s *Sender) readBlocks(w *work) {
	if !s.c.SACK {
		return
	}
	for i, r := range w.SACK {
		if i >= maxBlocks {
			break
		}
		if !r.Start.Less(r.End) || s.b.nxt.Less(r.End) {
			continue
		}
		if i == 0 && (r.End.LessEq(w.Ack.Ack) || len(w.SACK) > 1 && w.SACK[1].Start.Less(w.SACK[1].End) && w.SACK[1].Contains(r)) {
			w.dsack, w.DSACK = r, true
			continue
		}
		if r.Start = seq.Max(r.Start, w.Ack.Ack); !r.Start.Less(r.End) {
			continue
		}
		k := w.n
		for ; k > 0 && r.Start.Less(w.blocks[k-1].Start); k-- {
			w.blocks[k] = w.blocks[k-1]
		}
		w.blocks[k] = r
		w.n++
	}
}

// cumulative takes away what SEG.ACK covers.
func (s *Sender) cumulative(w *work) {
	if !s.b.una.Less(w.Ack.Ack) {
		return
	}
	w.Acked = int(s.b.una.To(w.Ack.Ack))
	had := s.b.sacked
	for s.b.n > 0 && s.b.at(0).end.LessEq(w.Ack.Ack) {
		g := s.b.at(0)
		if g.flags&(retransmitted|part) == 0 {
			w.Longest = max(w.Longest, int(s.b.una.To(g.end)))
		}
		w.resent = w.resent || g.flags&retransmitted != 0
		if g.flags&sacked == 0 {
			if !w.timed {
				w.first, w.timed = g.sent, true
			}
			s.deliver(w, g, s.b.una)
		}
		s.b.pop()
	}
	if s.b.n > 0 && s.b.una.Less(w.Ack.Ack) { // part of a segment
		w.resent = w.resent || s.b.at(0).flags&retransmitted != 0
		s.b.trim(w.Ack.Ack)
	}
	w.Delivered = w.Acked - (had - s.b.sacked)
	if w.una>>30 != s.b.una>>30 {
		s.drag()
	}
}

// drag takes along what is not renewed with each acknowledgement: once in a quarter of the sequence space, so that nothing
// falls behind by half of it, where it would seem to lie ahead.
func (s *Sender) drag() {
	for _, v := range [...]*seq.Value{&s.recover, &s.prevAck, &s.full, &s.highRxt, &s.rescue, &s.cwr, &s.rack.fack, &s.rack.end, &s.rack.round, &s.tlp.end, &s.undo.mark} {
		if far := s.b.una.Sub(1 << 29); v.Less(far) {
			*v = far
		}
	}
}

// selective marks what the blocks cover.
func (s *Sender) selective(w *work) {
	had := s.b.sacked
	var runs [maxBlocks]seq.Range
	for k, r := range w.blocks[:w.n] {
		for v := s.b.pass(r.Start); v.Less(r.End); { // a block grows at its ends: what the last one told is passed over
			i := s.b.first(v)
			for ; i < s.b.n && s.b.start(i).Less(r.End) && s.b.pass(s.b.start(i)) == s.b.start(i); i++ {
				if s.b.take(i, r) {
					s.deliver(w, s.b.at(i), s.b.start(i))
				}
			}
			if i == s.b.n {
				break
			}
			v = seq.Max(s.b.pass(s.b.start(i)), s.b.start(i))
		}
		if s.b.n < MaxSegments { // else part of it may not be marked
			runs[k] = r
		}
	}
	if w.n > 0 {
		s.b.runs = runs
	}
	w.sacked = s.b.sacked - had
	w.Delivered += w.sacked
}

// deliver notes that a segment has arrived: RFC 8985, 6.2, steps 2 and 3, and what F-RTO asks.
func (s *Sender) deliver(w *work, g *segment, start seq.Value) {
	if start.Less(s.recover) {
		w.below = true
	}
	if s.recover.Less(g.end) {
		w.beyond = true
	}
	if s.c.RACK {
		s.rackDelivered(w, g)
	}
}

// count keeps the number of duplicates, and without SACK what they tell to have arrived (RFC 6937, 2; RFC 6582, 3.2).
func (s *Sender) count(w *work) {
	switch {
	case w.Acked > 0:
		if s.dupAcks = 0; w.sacked > 0 { // RFC 6675, 5
			w.dup, s.dupAcks = true, 1
		} else if s.b.segs == 0 {
			s.limited = 0
		}
		if s.reno > 0 { // one segment of what is acknowledged now filled the hole, the others were counted
			was := s.reno
			s.reno = max(0, s.reno-max(0, w.Acked-s.c.MSS))
			w.Delivered = max(w.Acked-(was-s.reno), 0)
		}
		s.prevAck = w.una
	case s.c.SACK: // RFC 6675, 2: it selectively acknowledges something new
		if w.dup = w.sacked > 0; w.dup {
			s.dupAcks++
		}
	case w.Duplicate && w.flight > 0:
		w.dup = true
		s.dupAcks++
		if s.state == Recovery || s.state == Open && s.dupAcks <= DupThresh || s.state == Loss && s.frto.arrived() {
			if room := s.Flight() - s.c.MSS - s.reno; room > 0 {
				n := min(s.c.MSS, room)
				s.reno += n
				w.Delivered = n
			}
		}
	}
}

// sample measures a round trip (RFC 6298, 3; RFC 7323, 4): by the time that the first segment acknowledged was sent, as
// long as none of them was retransmitted; else by the echo, which tells transmissions apart.
func (s *Sender) sample(w *work) {
	if w.Acked == 0 {
		return
	}
	s.again = false
	var r time.Duration
	switch {
	case w.timed && !w.resent:
		r = w.Now - w.first
	case w.HasEcho:
		r = w.Now - w.Echo
	default:
		return
	}
	s.est.Sample(w.Now, r, rtt.ExpectedSamples(w.flight, s.c.MSS))
	w.Sampled, s.tlp.sampled = true, true
}

// advance moves the state.
func (s *Sender) advance(w *work) {
	if s.inCWR && s.cwr.LessEq(w.Ack.Ack) {
		s.inCWR = false
	}
	ended := s.state == Recovery // an acknowledgement that ends fast recovery does not enlarge the window
	if s.state != Open && s.frto.step != frtoWait && w.Acked > 0 && s.recover.LessEq(w.Ack.Ack) {
		s.leave(w.Now)
		w.Left = true
	}
	if s.guard && s.state == Open && s.recover.Less(w.Ack.Ack) {
		s.guard = false // it must not outlive a turn of the sequence space (RFC 6582, 6)
	}
	s.detect(w)
	switch s.state {
	case Open:
		if w.Acked > 0 && w.loss == 0 && !w.ECE && !ended {
			s.grow(w)
		}
		if s.mustEnter(w) && !s.excused(w) {
			s.enter(w.Now)
			w.Entered, w.Reduced = true, true
		} else if w.ECE && !s.inCWR && w.flight > 0 {
			s.cc.Marked(w.Now, w.flight)
			s.cwr, s.inCWR, w.Reduced = s.b.nxt, true, true
			s.undo.valid = false
		}
	case Loss:
		if w.Acked > 0 {
			s.grow(w)
		}
		s.frtoAcked(w)
	case Recovery:
		if s.rack.lostAgain && !s.c.PRR { // RFC 8985, 9.3
			s.cc.Lost(w.Now, s.Flight())
			w.Reduced = true
		}
	}
	if s.state == Recovery {
		s.prr.ack(s, w.Delivered)
	}
}

// grow tells the congestion control of an acknowledgement of new data.
func (s *Sender) grow(w *work) {
	srtt, _ := s.est.Smoothed()
	s.cc.Acked(congestion.Ack{Now: w.Now, Octets: w.Acked, Flight: w.flight, RTT: srtt, Full: w.una.Less(s.full)})
}

// arm sets the timers after an acknowledgement.
func (s *Sender) arm(w *work) {
	switch {
	case s.b.n == 0: // RFC 6298, 5.2
		s.rto, s.pto, s.reo = none, none, none
	case w.Acked > 0 && s.state == Recovery && !s.c.SACK && s.partial > 1:
		// RFC 6582, 3.2, step 3: only the first partial acknowledgement restarts the timer, so that a window with many
		// holes, of which one is filled each round trip, ends in slow start.
	case w.Acked > 0: // 5.3
		s.rto = w.Now + s.est.RTO()
		s.schedulePTO(w.Now)
	case s.b.segs > 0 || s.state != Open:
		s.pto = none // RFC 8985, 7.2
	}
}
