package recovery

import (
	"time"

	"github.com/conform-stack/conform/stack/tcp/congestion"
	"github.com/conform-stack/conform/stack/tcp/seq"
)

// detect marks what is lost, and counts it in w.loss.
func (s *Sender) detect(w *work) {
	s.rack.lostAgain = false
	switch {
	case s.c.RACK:
		w.loss = s.rackDetect(w.Now)
	case s.c.SACK:
		if s.state != Loss && (w.Acked > 0 || w.Delivered > 0) && s.b.segs > 0 {
			w.loss = s.sackDetect()
		}
	case s.state == Recovery && w.Acked > 0: // RFC 6582, 3.2, step 3, a partial acknowledgement
		if s.b.n > 0 && s.b.markLost(0) {
			w.loss = 1
			s.force = true
			s.partial++
		}
	}
}

// sackDetect is IsLost of RFC 6675, 4: going down from the end, once DupThresh ranges or more than (DupThresh-1)*SMSS
// octets have arrived above, everything below that was not sent again is lost.
func (s *Sender) sackDetect() (n int) {
	octets, ranges, prev := 0, 0, false
	for i := s.b.find(s.b.top.Sub(1)); i >= 0; i-- {
		g := s.b.at(i)
		if g.flags&sacked != 0 {
			octets += int(s.b.len(i))
			if !prev {
				ranges++
			}
			prev = true
			continue
		}
		prev = false
		if ranges < DupThresh && octets <= (DupThresh-1)*s.c.MSS {
			continue
		}
		if s.state == Recovery && s.b.start(i).Less(s.highRxt) { // sent again: nothing is known of that
			break
		}
		if s.b.markLost(i) {
			n++
		}
	}
	return n
}

// mustEnter tells whether fast recovery begins.
func (s *Sender) mustEnter(w *work) bool {
	switch {
	case s.b.n == 0:
		return false
	case s.c.RACK:
		return w.loss > 0 || w.Left && s.b.lost > 0
	case s.c.SACK: // RFC 6675, 5 (1), (2)
		return w.dup && s.dupAcks >= DupThresh || w.loss > 0 || w.Left && s.b.lost > 0
	}
	return w.dup && s.dupAcks == DupThresh && s.mayEnter(w.Ack.Ack)
}

// mayEnter is RFC 6582, 3.2, step 1: duplicates that go back to needless retransmissions of the last recovery do not begin
// another. Those of a retransmission that was lost should; they are known by that the acknowledgement before them did
// not jump (4.1).
func (s *Sender) mayEnter(ack seq.Value) bool {
	if !s.guard || s.recover.Less(ack) {
		return true
	}
	return s.cc.Window() > s.c.MSS && int(s.prevAck.To(ack)) <= 4*s.c.MSS
}

// enter begins fast recovery (RFC 5681, 3.2; RFC 6675, 5 (4); RFC 6582, 3.2, step 2).
func (s *Sender) enter(now time.Duration) {
	s.undo.begin(s.b.una)
	s.state, s.recover, s.guard = Recovery, s.b.nxt, true
	s.highRxt, s.rescue, s.force, s.resent = s.b.una, s.b.una, true, 0
	if !s.inCWR { // RFC 3168, 6.1.2: once a window
		s.cc.Lost(now, max(s.Flight()-s.limited, s.c.MSS))
	} else {
		s.undo.valid = false
	}
	s.cwr, s.inCWR = s.b.nxt, true
	s.limited, s.partial = 0, 0
	if !s.c.RACK {
		s.b.markLost(0)
	}
	s.prr.begin(s.cc.Window(), s.Flight())
	s.tlp.reset()
	s.pto = none
}

// leave ends recovery, of either kind.
func (s *Sender) leave(now time.Duration) {
	if s.state == Recovery {
		flight := congestion.Unbounded
		if !s.c.SACK && !s.c.PRR { // with SACK, little has left the network that pipe did not know of
			flight = s.Flight()
		}
		s.cc.Recovered(now, s.resent, flight)
	}
	s.state, s.dupAcks, s.reno, s.force = Open, 0, 0, false
	s.frto.step = 0
	s.undo.valid = s.undo.valid && s.undo.copies > 0 // a duplicate may still be reported
	s.rack.left = true
}

// timeout is the expiry of the retransmission timer (RFC 6298, 5.4 to 5.6; RFC 5681, 3.1).
func (s *Sender) timeout(now time.Duration) {
	if s.b.n == 0 {
		s.rto = none
		return
	}
	s.probeTimedOut()
	prove := s.c.FRTO && s.frtoMay()
	if !s.c.RACK || s.b.at(0).flags&sacked != 0 {
		// RFC 2018, 8: the peer may have thrown away what it had. What it has, it will say again. RFC 8985 keeps what is
		// known, as long as it makes sense.
		s.b.renege()
	}
	if !s.again {
		s.undo.begin(s.b.una)
		s.resent = 0
	}
	s.cc.TimedOut(now, s.Flight()-s.limited, s.again)
	s.est.Backoff()
	s.again = true
	if s.state == Recovery {
		s.undo.valid = false // RFC 5682, 6: nothing is given back of a recovery that failed
	}
	if !prove { // with F-RTO it is set when the first acknowledgement comes
		s.recover, s.guard = s.b.nxt, true
	} else if s.state == Open {
		s.recover = s.b.una
	}
	s.state = Loss
	s.dupAcks, s.reno, s.limited = 0, 0, 0
	s.highRxt = s.b.una
	s.full = s.b.nxt // from here the window is what holds back
	s.markAfterTimeout(now)
	s.force = true
	s.frto.begin(prove)
	s.tlp.reset()
	s.pto, s.reo = none, none
	s.cwr, s.inCWR = s.b.nxt, true
	s.rto = now + s.est.RTO()
}

// markAfterTimeout marks what is to be sent again: with RACK what was sent long enough ago (RFC 8985, 6.3), else all
// in flight.
func (s *Sender) markAfterTimeout(now time.Duration) {
	age := time.Duration(0)
	if s.c.RACK {
		if age = s.rack.rtt; !s.rack.valid {
			age, _ = s.est.Smoothed()
		}
		age += s.rack.window(s, now)
	}
	for i := range s.b.n {
		if i == 0 || s.b.at(i).sent+age <= now {
			s.b.markLost(i)
		}
	}
}
