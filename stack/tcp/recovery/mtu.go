package recovery

import "github.com/conform-stack/conform/stack/tcp/seq"

// A Verdict is what became of a probe for a larger MTU.
type Verdict uint8

const (
	Undecided Verdict = iota
	Passed            // it has arrived, as one segment
	Vanished          // it was lost, and nothing else
	Unclear           // it was lost, and so was something else
	TimedOut          // a timeout hides whether it was lost, or what else was
)

// mtu is a probe for a larger MTU (RFC 4821, 7.5): one segment that is longer than the others. It is likely to be lost
// because of its length, which says nothing of congestion: then it is sent again in parts, and the window stays (7.6.2).
type mtu struct {
	probe seq.Range
	on    bool    // it is in flight
	lost  bool    // it was, and its octets are being sent again
	owed  Verdict // no Result has said so
}

// Probing says that the segment of new data that was Sent last is such a probe.
func (s *Sender) Probing(r seq.Range) { s.mtu = mtu{probe: r, on: true} }

// excused tells whether the probe is all that was lost, in an acknowledgement that would else begin fast recovery; and if
// so, has it sent again. Retransmissions of it that are lost are no longer excused.
func (s *Sender) excused(w *work) bool {
	m := &s.mtu
	if !m.on {
		return false
	}
	i := s.b.find(m.probe.Start)
	if !s.c.SACK {
		if i != 0 || s.b.n == 0 || m.lost {
			return m.lost && i == 0
		}
		s.b.markLost(0)
		m.lost, m.owed = true, Vanished
		return true
	}
	inside := 0
	for ; i < s.b.n && s.b.start(i).Less(m.probe.End); i++ {
		if s.b.at(i).flags&lost != 0 {
			inside += int(s.b.len(i))
		}
	}
	switch {
	case s.b.lost != inside && inside > 0 && !m.lost: // 7.6.4
		m.on, m.owed = false, Unclear
		return false
	case s.b.lost != inside, m.lost && w.loss > 0:
		return false
	case inside == 0 && !m.lost: // duplicates of the first segment that is missing, which this one may be
		if !m.probe.Contains(seq.Range{Start: s.b.una, End: s.b.una.Add(1)}) {
			return false
		}
		s.b.markLost(0)
	}
	if !m.lost {
		m.lost, m.owed = true, Vanished
	}
	return true
}

// probeAcked ends the probe when all of it has been acknowledged, and hands the verdict on.
func (s *Sender) probeAcked(w *work) {
	m := &s.mtu
	if m.on && m.probe.End.LessEq(w.Ack.Ack) {
		if m.on = false; !m.lost {
			m.owed = Passed
		}
	}
	w.Probe, m.owed = m.owed, Undecided
}

// probeTimedOut gives the probe up: a timeout is a sign of congestion in any case (7.6.4).
func (s *Sender) probeTimedOut() {
	if m := &s.mtu; m.on {
		m.on = false
		if !m.lost {
			m.owed = TimedOut
		}
	}
}
