package recovery

import (
	"time"

	"github.com/conform-stack/conform/stack/tcp/congestion"
	"github.com/conform-stack/conform/stack/tcp/seq"
)

// tlp is the tail loss probe (RFC 8985, 7).
type tlp struct {
	end     seq.Value // TLP.end_seq
	waiting bool      // end is not None: a probe is not acknowledged
	again   bool      // TLP.is_retrans
	sampled bool      // a round trip was measured since the last probe
	pending bool      // a probe is to be sent
}

// reset is TLP_init (7.1).
func (p *tlp) reset() { p.waiting, p.again, p.pending = false, false, false }

// schedulePTO is 7.2.
func (s *Sender) schedulePTO(now time.Duration) {
	s.pto = none
	if !s.c.RACK || s.state != Open || s.b.segs > 0 || s.b.n == 0 || s.tlp.waiting || s.b.lost > 0 {
		return
	}
	pto := time.Second
	if srtt, ok := s.est.Smoothed(); ok {
		if pto = 2 * srtt; s.b.n == 1 {
			pto += s.c.MaxAckDelay
		}
	}
	s.pto = min(now+pto, s.rto)
}

// probeDue is the check of 7.3: no probe is in flight, and a round trip was measured since the last one.
func (s *Sender) probeDue(now time.Duration) {
	s.pto = none
	s.rto = now + s.est.RTO()
	s.tlp.pending = s.b.n > 0 && !s.tlp.waiting && s.tlp.sampled
	if s.tlp.pending {
		s.tlp.sampled = false
	}
}

// nextProbe is what a probe sends: new data if there is some, else the segment sent last in sequence.
func (s *Sender) nextProbe(unsent, window int) Decision {
	if n := min(unsent, window, s.c.MSS); n > 0 && s.b.n < MaxSegments {
		return Decision{Kind: New, Limit: n, Why: ProbeDue}
	}
	last := s.b.n - 1
	start := s.b.start(last)
	if n := s.b.len(last); int(n) > s.c.MSS && s.b.at(last).flags&fin == 0 {
		start = s.b.nxt.Sub(seq.Size(s.c.MSS))
	}
	return Decision{Kind: Again, Range: seq.Range{Start: start, End: s.b.nxt}, Why: ProbeDue}
}

// tlpAcked is TLP_process_ack (7.4.2).
func (s *Sender) tlpAcked(w *work) {
	p := &s.tlp
	if s.b.n == 0 {
		p.pending = false
	}
	if !p.waiting || w.Ack.Ack.Less(p.end) {
		return
	}
	switch {
	case !p.again: // new data was delivered
	case w.DSACK && w.dsack.End == p.end: // case 1
	case p.end.Less(w.Ack.Ack): // the probe has repaired the only loss
		s.cc.Lost(w.Now, w.flight)
		s.cc.Recovered(w.Now, 0, congestion.Unbounded)
		w.Reduced, s.undo.valid = true, false
	case w.Acked == 0 && w.Duplicate && len(w.SACK) == 0: // case 2
	default:
		return
	}
	p.reset()
}
