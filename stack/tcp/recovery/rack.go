package recovery

import (
	"time"

	"github.com/conform-stack/conform/stack/tcp/seq"
)

// rack is RFC 8985, 5.3, without what the board has.
type rack struct {
	sent      time.Duration // RACK.xmit_ts
	end       seq.Value     // RACK.end_seq
	again     bool          // that segment was a retransmission
	rtt       time.Duration // RACK.rtt
	fack      seq.Value     // RACK.fack
	valid     bool          // something was delivered
	reordered bool          // RACK.reordering_seen
	inRound   bool          // RACK.dsack_round is not None
	left      bool          // a recovery has ended, and reo_wnd does not know yet
	lostAgain bool          // a retransmission was found to be lost, in the last detection
	round     seq.Value     // RACK.dsack_round
	mult      int           // RACK.reo_wnd_mult
	persist   int           // RACK.reo_wnd_persist
}

func (r *rack) init(una seq.Value) { *r = rack{end: una, fack: una, mult: 1, persist: 16} }

// after is RACK_sent_after (6.2): whether what was delivered last went out after a segment. Of segments that went out at
// one instant the one that ends higher is the later one; but of new data and a retransmission that says nothing, and
// neither is lost because the other arrives first.
func (r *rack) after(g *segment) bool {
	if r.sent == g.sent {
		return r.again == (g.flags&retransmitted != 0) && g.end.Less(r.end)
	}
	return r.sent > g.sent
}

// rackDelivered is steps 2 and 3 of 6.2 for one segment that has arrived.
func (s *Sender) rackDelivered(w *work, g *segment) {
	r := &s.rack
	if g.flags&part != 0 { // 5.1: the full range; acknowledging octets one by one gains nothing (10)
		return
	}
	switch { // step 3
	case r.fack.Less(g.end):
		r.fack = g.end
	case g.end.Less(r.fack) && g.flags&retransmitted == 0:
		r.reordered = true
	}
	rtt := w.Now - g.sent // step 2
	if g.flags&retransmitted != 0 {
		if w.HasEcho && w.Echo < g.sent.Truncate(s.c.Tick) {
			return
		}
		if rtt < s.est.Min(w.Now) {
			return
		}
	}
	if !w.delivered || g.sent >= w.newest { // in ascending order of xmit_ts, the last counts
		w.newest, w.delivered, r.rtt = g.sent, true, rtt
	}
	if !r.valid || !r.after(g) {
		r.sent, r.end, r.again, r.valid = g.sent, g.end, g.flags&retransmitted != 0, true
	}
}

// rackAcked is the part of step 4 that depends on the acknowledgement: the reordering window grows for each round trip
// in which the peer reports a duplicate.
func (s *Sender) rackAcked(w *work) {
	r := &s.rack
	if r.inRound && r.round.LessEq(w.Ack.Ack) {
		r.inRound = false
	}
	if !r.inRound && w.DSACK {
		r.round, r.inRound = s.b.nxt, true
		r.mult++
		r.persist = 16
		r.left = false
	}
}

// window is RACK.reo_wnd (step 4).
func (r *rack) window(s *Sender, now time.Duration) time.Duration {
	if !r.reordered && (s.state != Open || s.b.segs >= DupThresh) {
		return 0
	}
	srtt, _ := s.est.Smoothed()
	return min(time.Duration(r.mult)*s.est.Min(now)/4, srtt)
}

// rackDetect is step 5: it marks what is lost, tells how many segments that is news of, and sets the reordering timer.
func (s *Sender) rackDetect(now time.Duration) (n int) {
	r := &s.rack
	if r.left { // step 4, "else if exiting Fast or RTO recovery"
		r.left = false
		if r.persist--; r.persist <= 0 {
			r.mult = 1
		}
	}
	s.reo = none
	if !r.valid || s.b.n == 0 {
		return 0
	}
	wait := time.Duration(0)
	window := r.window(s, now)
	for i := 0; i < s.b.n; i++ {
		g := s.b.at(i)
		if g.flags&sacked != 0 {
			if v := s.b.pass(s.b.start(i)); g.end.Less(v) {
				i = s.b.find(v) - 1
			}
			continue
		}
		if g.flags&lost != 0 {
			continue
		}
		if !r.after(g) {
			if g.flags&retransmitted == 0 {
				break // what follows was sent later still, for the first time or again
			}
			continue
		}
		if left := g.sent + r.rtt + window - now; left > 0 {
			wait = max(wait, left)
			continue
		}
		r.lostAgain = r.lostAgain || g.flags&retransmitted != 0
		if s.b.markLost(i) {
			n++
		}
	}
	if wait > 0 {
		s.reo = now + wait
	}
	return n
}
