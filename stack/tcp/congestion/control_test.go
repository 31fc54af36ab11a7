package congestion_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/tcp/congestion"
)

const (
	mss = 1000
	rtt = 100 * time.Millisecond
)

func control(t testing.TB, name string, c congestion.Config) congestion.Control {
	t.Helper()
	if c.MSS == 0 {
		c.MSS = mss
	}
	ctl := congestion.New(name, c)
	if ctl == nil || name != "" && ctl.Name() != name {
		t.Fatalf("New(%q) = %v", name, ctl)
	}
	return ctl
}

func want(t *testing.T, c congestion.Control, why string, cwnd, ssthresh int) {
	t.Helper()
	if c.Window() != cwnd || c.Threshold() != ssthresh {
		t.Errorf("%s: window %d, threshold %d; want %d, %d", why, c.Window(), c.Threshold(), cwnd, ssthresh)
	}
}

func ack(now time.Duration, octets int) congestion.Ack {
	return congestion.Ack{Now: now, Octets: octets, RTT: rtt, Full: true}
}

// both runs a test with each control.
func both(t *testing.T, f func(t *testing.T, name string)) {
	for _, name := range []string{"reno", "cubic"} {
		t.Run(name, func(t *testing.T) { f(t, name) })
	}
	if congestion.New("vegas", congestion.Config{MSS: mss}) != nil {
		t.Error("there is no vegas")
	}
}

// RFC 6928, 2.
func TestInitialWindow(t *testing.T) {
	for _, tt := range []struct{ mss, segments, want int }{
		{1460, 0, 14600}, {1460, 10, 14600}, {536, 10, 5360}, {1459, 10, 14590}, {1461, 10, 14600},
		{8960, 10, 17920}, {7299, 10, 14600}, {7301, 10, 14602}, {1460, 4, 5840}, {1460, 1, 1460}, {1460, 2, 2920},
	} {
		if got := congestion.InitialWindow(tt.mss, tt.segments); got != tt.want {
			t.Errorf("InitialWindow(%d, %d) = %d, want %d", tt.mss, tt.segments, got, tt.want)
		}
	}
	both(t, func(t *testing.T, name string) {
		want(t, control(t, name, congestion.Config{MSS: 1460}), "at first", 14600, congestion.Unlimited)
		want(t, control(t, name, congestion.Config{MSS: 1460, SynLost: true}), "after a lost SYN (RFC 5681, 3.1)", 1460, congestion.Unlimited)
	})
}

// RFC 3465, 2.2 and 2.3.
func TestSlowStartCountsOctets(t *testing.T) {
	both(t, func(t *testing.T, name string) {
		c := control(t, name, congestion.Config{InitialWindow: 2, LargeIncrement: true})
		c.Acked(ack(0, mss))
		want(t, c, "one segment", 3*mss, congestion.Unlimited)
		c.Acked(ack(0, 2*mss))
		want(t, c, "a delayed acknowledgement", 5*mss, congestion.Unlimited)
		c.Acked(ack(0, 5*mss))
		want(t, c, "a stretched one counts for L = 2 segments", 7*mss, congestion.Unlimited)
		for range 10 {
			c.Acked(ack(0, mss/10))
		}
		want(t, c, "a segment in ten acknowledgements gains no more than in one (3.3)", 8*mss, congestion.Unlimited)
		c.Acked(congestion.Ack{Octets: 2 * mss, RTT: rtt})
		want(t, c, "data that did not fill the window", 8*mss, congestion.Unlimited)

		c = control(t, name, congestion.Config{InitialWindow: 2})
		c.Acked(ack(0, 2*mss))
		want(t, c, "L = 1", 3*mss, congestion.Unlimited)
	})
}

func TestRenoCongestionAvoidance(t *testing.T) {
	c := control(t, "reno", congestion.Config{})
	c.Lost(0, 20*mss)
	want(t, c, "half of what was in flight", 10*mss, 10*mss)
	c.Recovered(0, mss, congestion.Unbounded)
	want(t, c, "after recovery", 10*mss, 10*mss)
	for i := range 9 {
		c.Acked(ack(0, mss))
		want(t, c, fmt.Sprintf("%d of 10 acknowledged", i+1), 10*mss, 10*mss)
	}
	c.Acked(ack(0, mss))
	want(t, c, "a window acknowledged: one segment more (RFC 3465, 2.1)", 11*mss, 10*mss)
	for range 110 {
		c.Acked(ack(0, mss/10))
	}
	want(t, c, "whatever the number of acknowledgements", 12*mss, 10*mss)
	c.Acked(ack(0, 30*mss))
	want(t, c, "and never two at a time", 13*mss, 10*mss)
}

func TestReductions(t *testing.T) {
	for _, tt := range []struct {
		name     string
		num, den int
	}{{"reno", 1, 2}, {"cubic", 7, 10}} {
		part := func(n int) int { return n * tt.num / tt.den }
		c := control(t, tt.name, congestion.Config{LargeIncrement: true})
		c.TimedOut(0, 10*mss, false)
		want(t, c, tt.name+": timeout (RFC 5681, 3.1; RFC 9438, 4.8)", mss, part(10*mss))
		c.TimedOut(0, mss, true)
		want(t, c, tt.name+": timeout of the same segment", mss, part(10*mss))
		c.Acked(ack(0, 2*mss))
		want(t, c, tt.name+": L is 1 after a timeout (RFC 3465, 2.3)", 2*mss, part(10*mss))
		c.TimedOut(0, mss, false)
		want(t, c, tt.name+": the threshold is two segments at least", mss, 2*mss)
		c.Undo(0)
		want(t, c, tt.name+": undone", 2*mss, part(10*mss))
		c.Undo(0)
		want(t, c, tt.name+": once", 2*mss, part(10*mss))

		c = control(t, tt.name, congestion.Config{})
		c.Marked(0, 10*mss)
		want(t, c, tt.name+": a mark is a loss (RFC 3168, 6.1.2)", part(10*mss), part(10*mss))
		c.Undo(0)
		want(t, c, tt.name+": undone", 10*mss, congestion.Unlimited)
		c.Lost(0, mss)
		want(t, c, tt.name+": loss of a small flight", 2*mss, 2*mss)
	}
}

func TestNoBurstAfterRecovery(t *testing.T) { // RFC 6582, 3.2, step 3
	both(t, func(t *testing.T, name string) {
		for _, tt := range []struct{ flight, cwnd int }{{0, 2 * mss}, {500, 2 * mss}, {3 * mss, 4 * mss}, {50 * mss, 0}, {congestion.Unbounded, 0}} {
			c := control(t, name, congestion.Config{})
			c.Lost(0, 20*mss)
			whole := c.Window()
			c.Recovered(0, mss, tt.flight)
			if tt.cwnd == 0 {
				tt.cwnd = whole
			}
			want(t, c, fmt.Sprintf("%d in flight", tt.flight), tt.cwnd, whole)
		}
	})
}

func TestWindowIsNeverBelowASegment(t *testing.T) {
	both(t, func(t *testing.T, name string) {
		c := control(t, name, congestion.Config{})
		c.TimedOut(0, mss, false)
		c.SetMSS(1400)
		want(t, c, "a larger segment", 1400, 2800)
		c.SetMSS(500)
		want(t, c, "a smaller one: segments stay (RFC 5681, 3.1)", 500, 2800)
	})
}

// RFC 5681, 4.1, for whoever asks for it.
func TestRestart(t *testing.T) {
	both(t, func(t *testing.T, name string) {
		c := control(t, name, congestion.Config{Restart: true, LargeIncrement: true})
		c.Acked(ack(0, 2*mss))
		c.Resume(sec, sec, sec)
		want(t, c, "a pause of one timeout is not longer than one", 12*mss, congestion.Unlimited)
		c.Resume(sec, sec+1, sec)
		want(t, c, "a longer one", 10*mss, congestion.Unlimited)
	})
}

// At the limits of what can be configured no product overflows.
func TestHugeWindows(t *testing.T) {
	both(t, func(t *testing.T, name string) {
		for _, m := range []int{1460, 65495} {
			c := control(t, name, congestion.Config{MSS: m, LargeIncrement: true})
			now := time.Duration(0)
			for range 40 {
				now += rtt
				for c.Acked(congestion.Ack{Now: now, Octets: math.MaxInt32 / 2, RTT: rtt, Full: true}); c.Window() < congestion.Unlimited/2; {
					c.Acked(congestion.Ack{Now: now, Octets: math.MaxInt32 / 2, RTT: rtt, Full: true})
				}
				c.Lost(now, c.Window())
				c.Recovered(now, 0, congestion.Unbounded)
				if w := c.Window(); w < m || w > congestion.Unlimited {
					t.Fatalf("MSS %d: window %d", m, w)
				}
			}
		}
	})
}

func TestNoAllocation(t *testing.T) {
	both(t, func(t *testing.T, name string) {
		c := control(t, name, congestion.Config{})
		now := time.Duration(0)
		if n := testing.AllocsPerRun(100, func() {
			now += rtt
			c.Acked(ack(now, mss))
			c.Lost(now, 5*mss)
			c.Recovered(now, mss, congestion.Unbounded)
			c.TimedOut(now, mss, false)
			c.Undo(now)
			c.Resume(now, rtt, rtt)
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}
