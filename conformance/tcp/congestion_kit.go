package tcp

import (
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// A stream is a connection on which the target's application has much to send. The tester takes it as the script says: it
// acknowledges nothing by itself. So the window of the target's congestion control shows from outside: it is what comes
// before the next acknowledgment.
//
// Positions are those of probe.Conn, in octets; the scripts count in full segments, mss octets each.
type stream struct {
	*probe.Conn
	host  *probe.Tester
	mss   int           // octets of data in a full segment
	rtt   time.Duration // how long the script lets the target wait for acknowledgments
	first time.Duration // the round trip that the handshake took, which a live tester may have made longer
	una   int           // what the script has acknowledged
	top   int           // behind the highest octet that came
	seen  int           // segments of the target that were looked at
}

// A kind is what the tester offers in its SYN: it decides which of the target's algorithms are at work.
type kind struct {
	name string
	mss  uint
	sack bool
	ts   bool
}

var (
	plain   = kind{name: "plain", mss: 1000}                // NewReno (RFC 6582)
	sacks   = kind{name: "sack", mss: 1000, sack: true}     // RFC 6675, RFC 8985
	stamped = kind{name: "timestamps", mss: 1012, ts: true} // 12 octets of options in each segment
)

func (k kind) String() string { return k.name }

// roundTrip is that of most scripts: short enough for a live target, long enough that bursts do not run into each other,
// and that no retransmission timer expires.
const roundTrip = 100 * time.Millisecond

// opened opens a connection by which the target sends. Its SYN,ACK is acknowledged one round trip later.
func opened(host *probe.Tester, k kind, rtt time.Duration, setup ...func(*probe.Conn)) *stream {
	c := host.TCP()
	mss, room := min(k.mss, c.Offer.MSS), uint(0) // what the link takes
	if k.sack {
		room = uint(host.Params().SACKRoom) // full segments are mss octets long all the same
	}
	c.Offer = probe.Offer{MSS: k.mss + room, Scale: true, Shift: 5, SACK: k.sack, Timestamps: k.ts}
	for _, f := range setup {
		f(c)
	}
	s := &stream{Conn: c, host: host, rtt: rtt, mss: int(mss)}
	if k.ts {
		s.mss -= 12
	}
	c.Listen()
	c.Accepting = c.Listener.Accept()
	synack := c.Connect()
	c.Wait(rtt)
	s.first = max(rtt, c.Now()-synack.At)
	c.ACK()
	if c.Socket = c.Accepting.Socket(time.Second); c.Socket == nil {
		host.Inconclusive("the target's accept did not return")
	}
	s.settle()
	return s
}

// settle lets the target work on what was sent last.
func (s *stream) settle() { s.Wait(step) }

// step is how long a script waits for the answer to one acknowledgment.
const step = 20 * time.Millisecond

// write lets the application send n segments.
func (s *stream) write(n int) { s.Socket.Write(probe.Pattern(n * s.mss)) }

// arrival is a segment with data of the target, in positions.
type arrival struct {
	*packet.Frame
	from, to int
	again    bool // it was sent before
}

// news is what has come since the last call.
func (s *stream) news() (all []arrival) {
	frames := s.Sent()
	for _, f := range frames[min(s.seen, len(frames)):] {
		n := len(f.Body(tcp.Proto))
		if n == 0 {
			continue
		}
		seq, _ := tcp.Seq.Of(f)
		from := int(int32(uint32(seq) - s.IRS - 1))
		p := arrival{f, from, from + n, from+n <= s.top}
		s.top = max(s.top, p.to)
		all = append(all, p)
	}
	s.seen = len(frames)
	return all
}

// after lets time pass and gives what came in it.
func (s *stream) after(d time.Duration) []arrival { s.Wait(d); return s.news() }

// round is after for one round trip.
func (s *stream) round() []arrival { return s.after(s.rtt) }

// flight is how many segments are sent and not acknowledged, the last one counted if it is a short one.
func (s *stream) flight() int { return (s.top - s.una + s.mss - 1) / s.mss }

// take acknowledges everything below a position.
func (s *stream) take(to int, conds ...packet.Cond) {
	s.una = to
	s.ACK(append([]packet.Cond{s.Acks(to)}, conds...)...)
}

// takeSegments acknowledges n segments more.
func (s *stream) takeSegments(n int) { s.take(min(s.una+n*s.mss, s.top)) }

// each acknowledges every segment of the flight by itself.
func (s *stream) each() {
	for s.una < s.top {
		s.takeSegments(1)
	}
}

// grow brings the congestion window to at least n segments, in whole round trips of slow start, and leaves a full window
// in flight. It says how many segments that is.
func (s *stream) grow(n int) int {
	s.round()
	for range 12 {
		if s.flight() >= n {
			return s.flight()
		}
		s.each()
		s.round()
	}
	s.host.Inconclusive("the target had %d segments in flight after twelve round trips, not %d", s.flight(), n)
	return 0
}

// repeat acknowledges once more what was acknowledged last: a duplicate.
func (s *stream) repeat(conds ...packet.Cond) {
	s.ACK(append([]packet.Cond{s.Acks(s.una)}, conds...)...)
}

// block is a range of segments, counted from the one at una: block{1, 3} is the second and the third.
type block struct{ from, to int }

// report is a duplicate with a SACK option.
func (s *stream) report(blocks ...block) { s.repeat(s.blocks(blocks...)) }

func (s *stream) blocks(blocks ...block) packet.Cond {
	var all []tcp.Block
	for _, b := range blocks {
		all = append(all, tcp.Block{Left: uint32(s.Theirs(s.una + b.from*s.mss)), Right: uint32(s.Theirs(min(s.una+b.to*s.mss, s.top)))})
	}
	return tcp.SACKBlocks(all...)
}

// fresh and again are the arrivals that were sent for the first time, and those that were not.
func fresh(ps []arrival) []arrival {
	return slices.DeleteFunc(slices.Clone(ps), func(p arrival) bool { return p.again })
}

func again(ps []arrival) []arrival {
	return slices.DeleteFunc(slices.Clone(ps), func(p arrival) bool { return !p.again })
}

// froms are where arrivals begin, in segments.
func (s *stream) froms(ps []arrival) []int {
	at := make([]int, len(ps))
	for i, p := range ps {
		at[i] = p.from / s.mss
	}
	return at
}

// receiver is a tester that takes the rest of a scenario by itself: it loses what the script wants lost, acknowledges each
// other segment at once, one round trip later, with SACK where that is agreed on.
type receiver struct {
	*stream
	have map[int]bool // octets that arrived, by the segment's place
	lose func(p arrival) bool
}

// receive begins with what has arrived below una; lose decides about each segment that comes from now on.
func (s *stream) receive(lose func(p arrival) bool) *receiver {
	if lose == nil {
		lose = func(arrival) bool { return false }
	}
	return &receiver{s, map[int]bool{}, lose}
}

// arrived notes segments as there, counted from position 0.
func (r *receiver) arrived(segments ...int) {
	for _, n := range segments {
		r.have[n] = true
	}
}

// turn lets one round trip pass and acknowledges what came before it: what comes in one turn is what a window let out. It
// gives what came.
func (r *receiver) turn() []arrival {
	ps := r.round()
	r.answer(ps)
	return ps
}

// answer acknowledges arrivals, one by one, in their order.
func (r *receiver) answer(ps []arrival) {
	for _, p := range ps {
		if r.lose(p) {
			continue
		}
		for n := p.from / r.mss; n < (p.to+r.mss-1)/r.mss; n++ {
			r.have[n] = true
		}
		at := r.una / r.mss
		for r.have[at] {
			at++
		}
		to := max(r.una, min(at*r.mss, r.top))
		r.una = to
		if blocks := r.islands(p.from / r.mss); len(blocks) > 0 && r.PeerOffer.SACK && r.Offer.SACK {
			r.ACK(r.Acks(to), r.blocks(blocks...))
		} else {
			r.ACK(r.Acks(to))
		}
	}
}

// islands are the blocks above una, that of the newest segment first.
func (r *receiver) islands(newest int) (all []block) {
	base := r.una / r.mss
	last := (r.top + r.mss - 1) / r.mss
	for n := base; n < last; n++ {
		if !r.have[n] {
			continue
		}
		b := block{n - base, n - base}
		for ; r.have[n] && n < last; n++ {
			b.to++
		}
		if b.from+base <= newest && newest < b.to+base {
			all = slices.Insert(all, 0, b)
		} else {
			all = append(all, b)
		}
	}
	most := 4
	if r.PeerOffer.Timestamps && r.Offer.Timestamps {
		most = 3
	}
	return all[:min(len(all), most)]
}

// What mutations are about, in words and as a predicate.

// nth is the n-th segment with data that the target sends, from 0; from is all of them from there on.
func nth(n int) func(mutate.Sending) bool { return func(s mutate.Sending) bool { return s.Nth == n } }

func retransmission(s mutate.Sending) bool { return s.Again }
func newData(s mutate.Sending) bool        { return !s.Again }

// upon is the n-th duplicate acknowledgment in a row.
func upon(n int) func(mutate.Hearing) bool {
	return func(h mutate.Hearing) bool { return h.Dups == n && h.Ack >= 0 }
}

// firstUpon is for mutate.Resends: what is not acknowledged, upon such an acknowledgment.
func firstUpon(such func(mutate.Hearing) bool) func(mutate.Hearing) (int, bool) {
	return func(h mutate.Hearing) (int, bool) { return h.Ack, such(h) }
}
