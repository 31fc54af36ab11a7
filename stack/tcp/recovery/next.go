package recovery

import (
	"time"

	"github.com/conform-stack/conform/stack/tcp/seq"
)

// A Kind says what a Decision is for.
type Kind uint8

const (
	Nothing Kind = iota // may be sent now
	New                 // data of up to Limit octets, beginning at Nxt, or the FIN
	Again               // the octets of Range
)

func (k Kind) String() string { return [...]string{"nothing", "new", "again"}[min(k, Again)] }

// A Reason is why nothing may be sent, or what for something may.
type Reason uint8

const (
	Free         Reason = iota // windows allow it
	NoData                     // there is none
	PeerWindow                 // the peer's window is full
	Congestion                 // the congestion window is full
	Waiting                    // for the acknowledgement that tells whether a timeout was needless (RFC 5682)
	Crowded                    // MaxSegments are in flight
	ProbeDue                   // a tail loss probe: it needs no window of ours
	IsLost                     // RFC 6675, 4, rule (1); RFC 8985; RFC 6582; or after a timeout
	PerhapsLost                // RFC 6675, 4, rule (3)
	Rescue                     // rule (4)
	reasonsCount = iota
)

var reasons = [reasonsCount]string{ // never written
	"free", "no data", "peer window", "congestion window", "waiting", "crowded", "probe", "lost", "perhaps lost", "rescue",
}

func (r Reason) String() string {
	if int(r) < len(reasons) {
		return reasons[r]
	}
	return "unknown reason"
}

// A Decision says what may be sent now.
type Decision struct {
	Kind  Kind
	Why   Reason
	Limit int       // of New: octets, at least one
	Range seq.Range // of Again: never longer than a segment, a FIN not counted
}

// Next tells what to send first. unsent is how many octets wait that were never sent, a FIN counted; window how many of
// them the peer's window takes.
func (s *Sender) Next(now time.Duration, unsent, window int) Decision {
	s.rescuing = false
	if s.b.n == 0 {
		if unsent > 0 && s.everSent {
			s.cc.Resume(now, now-s.lastSent, s.est.RTO())
		}
		return s.newData(unsent, window, s.cc.Window())
	}
	if s.tlp.pending {
		return s.nextProbe(unsent, window)
	}
	if s.frto.step != frtoOff {
		if d, ok := s.nextFRTO(unsent, window); ok {
			return d
		}
	}
	room := s.room()
	if i := s.b.firstLost(); i < s.b.n {
		r := s.lostRange(i)
		if s.force || room >= min(int(r.Len()), s.c.MSS) {
			return Decision{Kind: Again, Why: IsLost, Range: r}
		}
		s.full = s.b.nxt
		return Decision{Why: Congestion}
	}
	d := s.newData(unsent, window, room)
	if d.Kind == Nothing && d.Why != Congestion && s.state == Recovery && s.c.SACK && !s.c.RACK && room >= s.c.MSS {
		return s.lastResort(d)
	}
	return d
}

// room is how many octets may go out now.
func (s *Sender) room() int {
	switch {
	case s.state == Recovery && s.c.PRR:
		return s.prr.count
	case s.state == Open && !s.c.LimitedTransmit: // RFC 5681, 3.2, step 1, without the SHOULD
		return s.cc.Window() - s.Flight() + s.b.lost
	case s.state == Open && !s.c.SACK: // RFC 3042: two segments beyond the window
		return s.cc.Window() - s.Flight() + s.b.lost + min(s.reno, 2*s.c.MSS)
	}
	return s.cc.Window() - s.Pipe()
}

// newData answers with new data, if all allow it. Less than a segment goes out only if it is all there is, or all that
// the peer takes: the congestion window makes no small segments.
func (s *Sender) newData(unsent, window, room int) Decision {
	n := min(unsent, window)
	switch {
	case unsent <= 0:
		return Decision{Why: NoData}
	case n <= 0:
		return Decision{Why: PeerWindow}
	case s.b.n >= MaxSegments:
		return Decision{Why: Crowded}
	case room < min(n, s.c.MSS):
		s.full = s.b.nxt
		return Decision{Why: Congestion}
	}
	if room < n {
		s.full = s.b.nxt
		n = room - room%s.c.MSS
	}
	return Decision{Kind: New, Limit: n}
}

// lostRange is what is sent again at once: a segment, or several small ones that were lost together.
func (s *Sender) lostRange(i int) seq.Range {
	r := seq.Range{Start: s.b.start(i), End: s.b.at(i).end}
	most := seq.Size(s.c.MSS)
	for k := i + 1; k < s.b.n && r.Len() < most; k++ {
		if g := s.b.at(k); g.flags&lost == 0 || r.Start.To(g.end) > most {
			break
		} else {
			r.End = g.end
			i = k
		}
	}
	if s.b.at(i).flags&fin != 0 && r.Len() == most+1 {
		return r
	}
	if r.Len() > most {
		r.End = r.Start.Add(most)
	}
	return r
}

// lastResort is rules (3) and (4) of NextSeg in RFC 6675, 4. d is the answer if they have none.
func (s *Sender) lastResort(d Decision) Decision {
	for i := s.b.find(seq.Max(s.highRxt, s.b.una)); i < s.b.n && s.b.start(i).Less(s.b.top); i++ {
		if s.b.at(i).flags&(sacked|lost) == 0 && s.highRxt.LessEq(s.b.start(i)) {
			return Decision{Kind: Again, Why: PerhapsLost, Range: s.oneSegment(i)}
		}
	}
	if s.rescue.Less(s.b.una) {
		for i := s.b.n - 1; i >= 0; i-- {
			if s.b.at(i).flags&sacked == 0 {
				r := s.oneSegment(i)
				if end := s.b.at(i).end; r.End != end { // it must hold the highest octet
					r = seq.Range{Start: end.Sub(seq.Size(s.c.MSS)), End: end}
				}
				s.rescuing = true
				return Decision{Kind: Again, Why: Rescue, Range: r}
			}
		}
	}
	return d
}

func (s *Sender) oneSegment(i int) seq.Range {
	r := seq.Range{Start: s.b.start(i), End: s.b.at(i).end}
	if most := seq.Size(s.c.MSS); r.Len() > most && !(s.b.at(i).flags&fin != 0 && r.Len() == most+1) {
		r.End = r.Start.Add(most)
	}
	return r
}

// nextFRTO is what F-RTO lets out. ok is false when it has given up.
func (s *Sender) nextFRTO(unsent, window int) (d Decision, ok bool) {
	if s.frto.step == frtoWait { // step 1
		if s.force {
			return Decision{Kind: Again, Why: IsLost, Range: s.oneSegment(0)}, true
		}
		return Decision{Why: Waiting}, true
	}
	if s.frto.budget == 0 {
		return Decision{Why: Waiting}, true
	}
	if n := min(unsent, window, s.c.MSS); n > 0 && s.b.n < MaxSegments { // step 2b
		return Decision{Kind: New, Limit: n}, true
	}
	if s.frto.budget == 2 { // none was sent: step 3 would learn nothing
		s.conventional()
		return Decision{}, false
	}
	return Decision{Why: Waiting}, true
}
