package recovery

import "time"

// frto is F-RTO (RFC 5682): after a timeout, the first acknowledgements tell whether anything was lost at all.
type frto struct {
	step   frtoStep
	budget int // segments of new data that step 2b may still send
	fresh  int // those that it sent, and that no duplicate has told to have arrived
}

type frtoStep uint8

const (
	frtoOff   frtoStep = iota
	frtoWait           // step 2: the first segment was sent again, its acknowledgement is waited for
	frtoProve          // step 3: up to two new segments go out, the next acknowledgement decides
)

// frtoMay is the condition of step 1 (2.1, 3.1): no recovery was going on, or F-RTO itself was.
func (s *Sender) frtoMay() bool {
	return s.state == Open || s.state == Loss && s.frto.step != frtoOff
}

func (f *frto) begin(may bool) {
	f.step, f.budget, f.fresh = frtoOff, 0, 0
	if may {
		f.step = frtoWait
	}
}

func (f *frto) sentNew() {
	if f.budget > 0 {
		f.budget--
		f.fresh++
	}
}

// arrived takes a duplicate, without SACK, as the sign that one of the new segments has arrived: it leaves its room in the
// window to a retransmission (2.1, step 3a). Else nothing more would be sent until the timer expires again.
func (f *frto) arrived() bool {
	if f.fresh == 0 {
		return false
	}
	f.fresh--
	return true
}

// frtoAcked is steps 2 and 3, the variant with SACK (3.1) or without (2.1).
func (s *Sender) frtoAcked(w *work) {
	f := &s.frto
	switch f.step {
	case frtoWait:
		if w.Acked == 0 {
			if w.dup && !s.c.SACK { // 2.1, step 2a; with SACK, 3.1 stays here
				s.recover, s.guard = s.b.nxt, true
				s.conventional()
			}
			return
		}
		s.recover, s.guard = s.b.nxt, true
		partial := s.b.n > 0 && s.b.at(0).flags&retransmitted != 0 // only part of what was sent again is covered
		if s.b.n == 0 {
			s.leave(w.Now)
			w.Left = true
			return
		}
		if partial {
			s.conventional()
			return
		}
		f.step, f.budget = frtoProve, 2 // step 2b
	case frtoProve:
		if w.Acked == 0 && !w.dup && !(s.c.SACK && w.Duplicate) {
			return // no acknowledgement that counts
		}
		spurious := w.Acked > 0
		if s.c.SACK { // 3.1, step 3b: something from before the timeout has arrived, and nothing from after it
			spurious = w.Delivered > 0 && !w.beyond
		}
		if !spurious || !s.undo.valid {
			s.conventional() // step 3a; the window is three segments at most: one, and one for each acknowledgement
			return
		}
		w.Undone = true
		s.takeBack(w.Now)
		s.recover = s.b.una
	}
}

// conventional ends F-RTO: what was marked is retransmitted in slow start.
func (s *Sender) conventional() { s.frto.step, s.frto.budget = frtoOff, 0 }

// takeBack ends a recovery that was needless.
func (s *Sender) takeBack(now time.Duration) {
	s.cc.Undo(now)
	s.b.unlose()
	s.state, s.dupAcks, s.reno, s.force = Open, 0, 0, false
	s.frto.step, s.undo.valid, s.inCWR, s.guard = frtoOff, false, false, false
	s.est.ResetBackoff()
	s.rack.left = true
}
