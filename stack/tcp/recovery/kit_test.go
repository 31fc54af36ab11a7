package recovery_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/tcp/congestion"
	"github.com/conform-stack/conform/stack/tcp/recovery"
	"github.com/conform-stack/conform/stack/tcp/rtt"
	"github.com/conform-stack/conform/stack/tcp/seq"
)

const (
	mss = 1000
	ms  = time.Millisecond
	sec = time.Second
)

// A kit drives one Sender by hand. Segments have numbers: segment k is the octets from k*mss on. What the sender lets out
// is read as a line: "3 4" is new data, "r1" a retransmission.
type kit struct {
	*recovery.Sender
	t      *testing.T
	base   seq.Value
	cc     congestion.Control
	est    rtt.Estimator
	now    time.Duration
	unsent int // octets that wait
	window int // of the peer, beyond Nxt
	last   recovery.Result
}

// bases are where the first octet stands: the wrap is before, in the middle of, and after what the tests send.
var bases = []seq.Value{0, 1<<32 - 7*mss - 300, 1<<32 - 1, 1 << 31}

// each runs a scenario from every base, with a window of so many segments and a round trip of 100 ms already measured.
func each(t *testing.T, c recovery.Config, window int, f func(k *kit)) {
	t.Helper()
	for _, base := range bases {
		t.Run(fmt.Sprintf("base=%d", base), func(t *testing.T) { f(newKit(t, c, base, window)) })
	}
}

func newKit(t *testing.T, c recovery.Config, base seq.Value, window int) *kit {
	c.MSS = mss
	k := &kit{Sender: new(recovery.Sender), t: t, base: base, window: 1 << 20}
	k.cc = congestion.New("reno", congestion.Config{MSS: mss, InitialWindow: window})
	k.est.Init(rtt.Config{})
	k.est.Sample(0, 100*ms, 1)
	k.Init(c, base, k.cc, &k.est)
	return k
}

func (k *kit) seg(n int) seq.Value { return k.base + seq.Value(n*mss) }

// more makes n segments wait to be sent.
func (k *kit) more(n int) { k.unsent += n * mss }

// out lets everything out that may go.
func (k *kit) out() string {
	k.t.Helper()
	var s []string
	for range 1000 {
		d := k.Next(k.now, k.unsent, k.window)
		if d.Kind == recovery.Nothing {
			return strings.Join(s, " ")
		}
		s = append(s, k.emit(d))
	}
	k.t.Fatalf("no end: %v", s)
	return ""
}

// emit sends one segment as d says.
func (k *kit) emit(d recovery.Decision) string {
	k.t.Helper()
	name, r := "", d.Range
	if d.Kind == recovery.New {
		n := min(d.Limit, mss)
		r = seq.Range{Start: k.Nxt(), End: k.Nxt().Add(seq.Size(n))}
		k.unsent -= n
		k.window -= n
	} else {
		name = "r"
	}
	k.Sent(k.now, r, false)
	k.check()
	if off := k.base.To(r.Start); off%mss != 0 || r.Len() != mss {
		return fmt.Sprintf("%s[%d,%d)", name, off, k.base.To(r.End))
	}
	return fmt.Sprintf("%s%d", name, k.base.To(r.Start)/mss)
}

func (k *kit) check() {
	k.t.Helper()
	if err := k.Check(); err != nil {
		k.t.Fatal(err)
	}
}

// ack is an acknowledgement of all segments before n, with blocks of segments such as "3" or "5-7", a duplicate first if
// there is one.
func (k *kit) ack(n int, blocks ...string) recovery.Result {
	k.t.Helper()
	return k.acked(recovery.Ack{Ack: k.seg(n), SACK: k.blocks(blocks), Duplicate: true})
}

func (k *kit) acked(a recovery.Ack) recovery.Result {
	k.t.Helper()
	a.Now = k.now
	k.window += int(k.Una().To(a.Ack))
	k.last = k.Acked(a)
	k.check()
	return k.last
}

func (k *kit) blocks(names []string) (r []seq.Range) {
	for _, b := range names {
		var from, to int
		if n, _ := fmt.Sscanf(b, "%d-%d", &from, &to); n < 2 {
			to = from
		}
		r = append(r, seq.Range{Start: k.seg(from), End: k.seg(to + 1)})
	}
	return r
}

func (k *kit) wantOut(why, want string) {
	k.t.Helper()
	if got := k.out(); got != want {
		k.t.Errorf("%s: sends %q, want %q", why, got, want)
	}
}

// wantBlocked asserts that nothing may go out, and why.
func (k *kit) wantBlocked(why string, want recovery.Reason) {
	k.t.Helper()
	if d := k.Next(k.now, k.unsent, k.window); d.Kind != recovery.Nothing || d.Why != want {
		k.t.Errorf("%s: %v (%v), want nothing (%v)", why, d.Kind, d.Why, want)
	}
}

func (k *kit) wantState(why string, s recovery.State, cwnd int) {
	k.t.Helper()
	if k.State() != s || k.cc.Window() != cwnd {
		k.t.Errorf("%s: %v with a window of %d, want %v with %d", why, k.State(), k.cc.Window(), s, cwnd)
	}
}

func (k *kit) wantTimer(why string, want recovery.Timer, at time.Duration) {
	k.t.Helper()
	if gotAt, got := k.Timer(); got != want || want != recovery.NoTimer && gotAt != at {
		k.t.Errorf("%s: timer %v at %v, want %v at %v", why, got, gotAt, want, at)
	}
}

// expire moves to the instant of the timer and lets it expire.
func (k *kit) expire(want recovery.Timer) {
	k.t.Helper()
	at, what := k.Timer()
	if what != want {
		k.t.Fatalf("timer %v, want %v", what, want)
	}
	if got := k.Expired(at - 1); got != recovery.NoTimer {
		k.t.Errorf("%v expired a nanosecond early", got)
	}
	k.now = at
	if got := k.Expired(at); got != want {
		k.t.Errorf("%v expired, want %v", got, want)
	}
	k.check()
}
