package recovery_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/tcp/congestion"
	"github.com/conform-stack/conform/stack/tcp/recovery"
	"github.com/conform-stack/conform/stack/tcp/recvq"
	"github.com/conform-stack/conform/stack/tcp/rtt"
	"github.com/conform-stack/conform/stack/tcp/seq"
)

// A sim is a Sender, a receiver that keeps to RFC 2018 and 2883 and delays acknowledgements, and two wires between them
// that lose, repeat and reorder. What it asserts holds for any of them: everything arrives, the sums are right after
// each step, and nothing is sent that the rules forbid.
type sim struct {
	recovery.Sender
	cc      congestion.Control
	est     rtt.Estimator
	c       recovery.Config
	q       recvq.Queue
	rnd     *rand.Rand
	events  []event
	now     time.Duration
	base    seq.Value
	total   int // octets to be sent
	sent    int // new
	resent  int
	losses  int
	timeout int
	undone  int
	unacked int // segments in order that the receiver has not acknowledged
	ackAt   time.Duration
	net     network
}

type network struct {
	delay, jitter   time.Duration
	loss, dup, late float64 // probabilities
}

type event struct {
	at   time.Duration
	data bool
	r    seq.Range
	made time.Duration
	ack  recovery.Ack
}

func (s *sim) post(e event) {
	n := s.net
	if s.rnd.Float64() < n.loss {
		s.losses++
		return
	}
	e.at = s.now + n.delay
	if n.jitter > 0 && s.rnd.Float64() < n.late {
		e.at += time.Duration(s.rnd.Int64N(int64(n.jitter)))
	}
	for range 2 {
		i, _ := slices.BinarySearchFunc(s.events, e, func(a, b event) int {
			if a.at <= b.at {
				return -1
			}
			return 1
		})
		s.events = slices.Insert(s.events, i, e)
		if s.rnd.Float64() >= n.dup {
			return
		}
		e.at += time.Millisecond
	}
}

func (s *sim) output(t *testing.T) {
	for range 5000 {
		const window = 64 * mss
		unsent := s.total - s.sent
		room := window - s.Flight()
		d := s.Next(s.now, unsent, room)
		var r seq.Range
		switch d.Kind {
		case recovery.Nothing:
			return
		case recovery.New:
			n := min(d.Limit, mss)
			if n <= 0 || n > unsent || n > room {
				t.Fatalf("%d octets of new data, %d wait, the peer takes %d", n, unsent, room)
			}
			r = seq.Range{Start: s.Nxt(), End: s.Nxt().Add(seq.Size(n))}
			s.sent += n
		case recovery.Again:
			r = d.Range
			if r.Len() == 0 || r.Len() > mss || r.Start.Less(s.Una()) || s.Nxt().Less(r.End) {
				t.Fatalf("retransmission of %v, in flight %d to %d", r, s.Una(), s.Nxt())
			}
			s.resent += int(r.Len())
		}
		s.Sent(s.now, r, false)
		s.verify(t)
		s.post(event{data: true, r: r, made: s.now})
	}
	t.Fatal("sends without end")
}

func (s *sim) verify(t *testing.T) {
	if err := s.Check(); err != nil {
		t.Fatalf("at %v: %v", s.now, err)
	}
}

// receive takes a segment and acknowledges it as RFC 5681, 4.2, asks.
func (s *sim) receive(e event) {
	before := s.q.Next()
	held := s.q.Ranges() > 0
	s.q.Insert(e.r)
	if s.q.Next() == before || held || s.q.Reports() {
		s.acknowledge(e.made)
		return
	}
	if s.unacked++; s.unacked >= 2 {
		s.acknowledge(e.made)
	} else {
		s.ackAt = s.now + 40*ms
	}
}

func (s *sim) acknowledge(made time.Duration) {
	s.unacked, s.ackAt = 0, 0
	var room [3]seq.Range
	a := recovery.Ack{Ack: s.q.Next(), Duplicate: true}
	if n, _ := s.q.SACK(room[:]); s.c.SACK {
		a.SACK = slices.Clone(room[:n])
	}
	s.post(event{ack: a, made: made})
}

// run ends when all is acknowledged.
func (s *sim) run(t *testing.T) {
	s.output(t)
	for steps := 0; s.sent < s.total || s.Una() != s.Nxt(); steps++ {
		if steps > 200000 {
			t.Fatalf("no end: %d of %d octets, una %d nxt %d, %v, at %v", s.sent, s.total, s.Una()-s.base, s.Nxt()-s.base, s.State(), s.now)
		}
		at, timer := s.Timer()
		kind := 0 // a timer
		if timer == recovery.NoTimer {
			at, kind = time.Hour*24*365, -1
		}
		if s.ackAt != 0 && s.ackAt <= at {
			at, kind = s.ackAt, 1
		}
		if len(s.events) > 0 && s.events[0].at <= at {
			at, kind = s.events[0].at, 2
		}
		s.now = max(s.now, at)
		switch kind {
		case -1:
			t.Fatalf("nothing will happen any more: %d of %d octets, %v", s.sent, s.total, s.State())
		case 0:
			if s.Expired(s.now) == recovery.Retransmit {
				s.timeout++
			}
		case 1:
			s.acknowledge(s.now - 40*ms)
			continue
		case 2:
			e := s.events[0]
			s.events = s.events[1:]
			if e.data {
				s.receive(e)
				continue
			}
			if e.ack.Ack.Less(s.Una()) || e.ack.Ack == s.Una() && s.Flight() == 0 && len(e.ack.SACK) == 0 {
				continue
			}
			e.ack.Now = s.now
			if s.c.Tick > 0 {
				e.ack.HasEcho, e.ack.Echo = true, e.made.Truncate(s.c.Tick)
			}
			if r := s.Acked(e.ack); r.Undone {
				s.undone++
			}
		}
		s.verify(t)
		s.output(t)
	}
	if s.q.Next() != s.base.Add(seq.Size(s.total)) {
		t.Fatalf("the receiver has %d of %d octets", s.q.Next()-s.base, s.total)
	}
}

func newSim(c recovery.Config, control string, n network, seed uint64, segments int) *sim {
	c.MSS = mss
	s := &sim{c: c, net: n, rnd: rand.New(rand.NewPCG(seed, 7)), total: segments*mss - int(seed%3)*301}
	s.base = -seq.Value(s.rnd.IntN(200 * mss))
	s.cc = congestion.New(control, congestion.Config{MSS: mss, LargeIncrement: true})
	s.est.Init(rtt.Config{})
	s.Init(c, s.base, s.cc, &s.est)
	s.q.Init(s.base, 0)
	return s
}

// variants are all configurations that make a difference.
func variants() map[string]recovery.Config {
	v := map[string]recovery.Config{}
	for i := range 1 << 5 {
		c := recovery.Config{
			SACK: i&1 != 0, RACK: i&3 == 3, PRR: i&4 != 0, FRTO: i&8 != 0, LimitedTransmit: i&16 != 0,
		}
		if i&6 == 2 { // with timestamps
			c.Tick = ms
		}
		v[fmt.Sprintf("sack=%v/rack=%v/prr=%v/frto=%v/lt=%v", c.SACK, c.RACK, c.PRR, c.FRTO, c.LimitedTransmit)] = c
	}
	return v
}

func TestEverythingArrives(t *testing.T) {
	networks := map[string]network{
		"clean":    {delay: 20 * ms},
		"1%":       {delay: 20 * ms, loss: 0.01},
		"20%":      {delay: 20 * ms, loss: 0.2},
		"reorder":  {delay: 20 * ms, jitter: 15 * ms, late: 0.2},
		"repeat":   {delay: 20 * ms, dup: 0.1},
		"all":      {delay: 5 * ms, jitter: 60 * ms, loss: 0.05, dup: 0.05, late: 0.3},
		"hardly":   {delay: 5 * ms, loss: 0.5, jitter: 400 * ms, late: 0.2},
		"far":      {delay: 300 * ms, loss: 0.02},
		"unsteady": {delay: 10 * ms, jitter: 3 * time.Second, late: 0.01},
	}
	seeds, segments := uint64(3), 120
	if testing.Short() {
		seeds = 1
	}
	for name, c := range variants() {
		for net, n := range networks {
			for seed := range seeds {
				for _, control := range []string{"reno", "cubic"} {
					s := newSim(c, control, n, seed, segments)
					t.Run(fmt.Sprintf("%s/%s/%s/%d", name, net, control, seed), func(t *testing.T) {
						s.run(t)
						switch {
						case net == "clean" && s.resent > 0:
							t.Errorf("%d octets again though nothing was lost", s.resent)
						case net == "1%" && s.resent > s.total/5, s.resent > 20*s.total:
							t.Errorf("%d octets again for %d", s.resent, s.total)
						}
					})
				}
			}
		}
	}
}

// Law: no sequence of acknowledgements, timers and clocks, sensible or not, upsets the sums.
func FuzzSender(f *testing.F) {
	f.Add(uint8(31), []byte{0, 0, 1, 4, 9, 2, 0, 3, 0, 2, 1, 9})
	f.Add(uint8(1), []byte{1, 255, 3, 2, 0, 0, 4, 4, 4, 1, 0, 8, 8, 8})
	f.Fuzz(func(t *testing.T, variant uint8, ops []byte) {
		c := recovery.Config{
			SACK: variant&1 != 0, RACK: variant&3 == 3, PRR: variant&4 != 0, FRTO: variant&8 != 0, LimitedTransmit: variant&16 != 0,
		}
		s := newSim(c, []string{"reno", "cubic"}[variant>>7], network{loss: 1}, uint64(variant), 400)
		for i := 0; i+4 < len(ops); i += 5 {
			op, a, b, x, y := ops[i], int(ops[i+1]), int(ops[i+2]), int(ops[i+3]), int(ops[i+4])
			s.now += time.Duration(x) * ms
			s.output(t)
			switch op % 4 {
			case 0:
				if at, timer := s.Timer(); timer != recovery.NoTimer {
					s.now = max(s.now, at)
					s.Expired(s.now)
				}
			case 3:
				s.SetMSS(300 + 100*(a%8))
				s.Resend(300 + 100*(b%8))
				s.SetMSS(mss)
			default:
				flight := s.Flight()
				at := func(n int) seq.Value { return s.Una() + seq.Value(n*(flight+1)/200) }
				ack := recovery.Ack{Now: s.now, Ack: s.Una(), Duplicate: y&1 != 0, ECE: y&2 != 0, HasEcho: y&4 != 0, Echo: s.now - time.Duration(y)*ms}
				if op%4 == 1 {
					ack.Ack = s.Una() + seq.Value(min(flight, a*flight/255))
				}
				ack.SACK = []seq.Range{{Start: at(b), End: at(b + y)}, {Start: at(x), End: at(x + a)}, {Start: at(y), End: at(y + 3)}}
				s.Acked(ack)
			}
			s.verify(t)
			if p := s.Pipe(); p > 1<<24 {
				t.Fatalf("pipe %d", p)
			}
		}
		s.output(t)
	})
}
