package recovery

import (
	"time"

	"github.com/conform-stack/conform/stack/tcp/seq"
)

// Sent notes that the octets of r went out at now: new data that begins at Nxt, or a retransmission of octets in flight.
// fin says that the last of them is a FIN.
func (s *Sender) Sent(now time.Duration, r seq.Range, isFIN bool) {
	if !r.Start.Less(r.End) {
		return
	}
	idle, isNew := s.b.n == 0, s.b.nxt.Less(r.End)
	probe := s.tlp.pending
	s.tlp.pending = false
	if r.Start.Less(s.b.nxt) {
		s.sentAgain(now, seq.Range{Start: seq.Max(r.Start, s.b.una), End: seq.Min(r.End, s.b.nxt)})
		if probe {
			s.tlp.end, s.tlp.waiting, s.tlp.again = s.b.nxt, true, true
		}
	}
	if isNew {
		var f flags
		if isFIN {
			f = fin
		}
		n := int(s.b.nxt.To(r.End))
		s.b.push(r.End, now, f)
		s.sentNew(now, n, probe)
	}
	s.lastSent, s.everSent = now, true
	if idle || s.rto == none { // RFC 6298, 5.1
		s.rto = now + s.est.RTO()
	}
	if probe { // RFC 8985, 7.3: the retransmission timer follows, counted from here
		s.rto, s.pto = now+s.est.RTO(), none
	} else if isNew {
		s.schedulePTO(now)
	}
}

func (s *Sender) sentNew(now time.Duration, n int, probe bool) {
	s.prr.sent(n)
	switch {
	case probe:
		s.tlp.end, s.tlp.waiting, s.tlp.again = s.b.nxt, true, false
	case s.state == Open && (s.dupAcks > 0 || s.b.segs > 0):
		s.limited += n
	case s.frto.step == frtoProve:
		s.frto.sentNew()
	}
}

// sentAgain notes a retransmission: RFC 8985, 6.1.
func (s *Sender) sentAgain(now time.Duration, r seq.Range) {
	i := s.b.find(r.Start)
	if i < s.b.n && s.b.start(i).Less(r.Start) {
		s.b.split(i, r.Start)
		i++
	}
	for ; i < s.b.n && s.b.start(i).Less(r.End); i++ {
		if r.End.Less(s.b.at(i).end) {
			s.b.split(i, r.End)
		}
		s.b.resent(i, now)
	}
	n := int(r.Len())
	s.prr.sent(n)
	s.resent += n
	s.undo.sent(now)
	switch {
	case s.rescuing: // RFC 6675, 4, rule (4): HighRxt stays
		s.rescue, s.rescuing = s.recover, false
	case s.state == Recovery && s.force: // 5 (4.3)
		s.rescue = r.End
		fallthrough
	default:
		s.highRxt = seq.Max(s.highRxt, r.End)
	}
	s.force = false
	if s.state != Open && s.c.SACK && r.Start == s.b.una { // RFC 6675, 6: the timer counts from the retransmission
		s.rto = now + s.est.RTO()
	}
}
