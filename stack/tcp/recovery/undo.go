package recovery

import (
	"time"

	"github.com/conform-stack/conform/stack/tcp/seq"
)

// undo watches whether the retransmissions of a recovery were needless: the first acknowledgement echoes a timestamp from
// before the first of them (as in RFC 3522, Eifel), or the peer has reported a duplicate for each (as in RFC 3708). Then
// the congestion window goes back to what it was. F-RTO has a way of its own.
type undo struct {
	valid  bool
	mark   seq.Value     // una at the beginning
	copies int           // retransmissions that no duplicate was reported for
	first  time.Duration // when the first went out
	resent bool          // first counts
}

func (u *undo) begin(una seq.Value) { *u = undo{valid: true, mark: una} }

func (u *undo) sent(now time.Duration) {
	if !u.resent {
		u.first, u.resent = now, true
	}
	u.copies++
}

// undoAcked judges one acknowledgement.
func (s *Sender) undoAcked(w *work) {
	u := &s.undo
	if !u.valid || !u.resent {
		return
	}
	if w.DSACK && u.mark.LessEq(w.dsack.Start) && u.copies > 0 {
		u.copies--
	}
	eifel := s.state != Open && w.Acked > 0 && w.HasEcho && w.Echo < u.first.Truncate(s.c.Tick)
	if u.copies > 0 && !eifel {
		if w.Acked > 0 && s.state != Open { // it answers a retransmission: later echoes prove nothing
			u.first = -1
		}
		return
	}
	w.Undone = true
	if s.state == Open {
		s.cc.Undo(w.Now)
		u.valid = false
		return
	}
	s.takeBack(w.Now)
	w.Left = true
}
