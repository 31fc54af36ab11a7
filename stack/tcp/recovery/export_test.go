package recovery

import "fmt"

// Check compares the sums of the scoreboard with the segments that they are of.
func (s *Sender) Check() error {
	b := &s.b
	nSACKed, nLost, nExtra, segs, top := 0, 0, 0, 0, b.una
	for i := range b.n {
		g, n := b.at(i), int(b.len(i))
		if n <= 0 || n > 1<<30 {
			return fmt.Errorf("segment %d of %d has %d octets", i, b.n, n)
		}
		if g.flags&sacked == 0 && b.pass(b.start(i)) != b.start(i) {
			return fmt.Errorf("segment %d at %d has not arrived, and stands in a run", i, b.start(i))
		}
		if g.flags&sacked != 0 {
			nSACKed, segs, top = nSACKed+n, segs+1, g.end
			if g.flags&(lost|twice) != 0 {
				return fmt.Errorf("segment %d has arrived and has flags %b", i, g.flags)
			}
		}
		if g.flags&lost != 0 {
			nLost += n
			if b.start(i).Less(b.hint) {
				return fmt.Errorf("segment %d at %d is lost, before the hint %d", i, b.start(i), b.hint)
			}
		}
		if g.flags&twice != 0 {
			nExtra += n
		}
	}
	if nSACKed != b.sacked || nLost != b.lost || nExtra != b.extra || segs != b.segs || top != b.top {
		return fmt.Errorf("sums: sacked %d lost %d extra %d segments %d top %d; the segments say %d %d %d %d %d",
			b.sacked, b.lost, b.extra, b.segs, b.top, nSACKed, nLost, nExtra, segs, top)
	}
	if b.n > 0 && b.at(b.n-1).end != b.nxt || b.n == 0 && b.una != b.nxt {
		return fmt.Errorf("%d segments, una %d, nxt %d", b.n, b.una, b.nxt)
	}
	if b.n > MaxSegments+64 {
		return fmt.Errorf("%d segments", b.n)
	}
	if p := s.Pipe(); p < 0 || p > 2*s.Flight() {
		return fmt.Errorf("pipe %d with %d octets in flight", p, s.Flight())
	}
	if s.b.n > 0 && s.rto == none {
		return fmt.Errorf("octets in flight and no retransmission timer")
	}
	return nil
}
