package congestion_test

import (
	"math"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/tcp/congestion"
)

// reference is RFC 9438 in floating point, segments and seconds, for a window that is always full.
type reference struct{ cwnd, wMax, k, epochCwnd, prior, wEst float64 }

func (r *reference) lost() {
	r.prior = r.cwnd
	if r.cwnd < r.wMax {
		r.wMax = r.cwnd * 1.7 / 2
	} else {
		r.wMax = r.cwnd
	}
	r.cwnd *= 0.7
	r.epochCwnd, r.wEst = r.cwnd, r.cwnd
	r.k = math.Cbrt(math.Max(0, r.wMax-r.cwnd) / 0.4)
	if r.wMax < r.cwnd {
		r.wMax = r.cwnd
	}
}

func (r *reference) cubic(t float64) float64 { return 0.4*math.Pow(t-r.k, 3) + r.wMax }

func (r *reference) acked(t, rtt float64) {
	alpha := 3 * 0.3 / 1.7
	if r.wEst >= r.prior {
		alpha = 1
	}
	r.wEst += alpha / r.cwnd
	if r.cubic(t) < r.wEst {
		r.cwnd = math.Max(r.cwnd, r.wEst)
		return
	}
	target := math.Min(math.Max(r.cubic(t+rtt), r.cwnd), 1.5*r.cwnd)
	r.cwnd += (target - r.cwnd) / r.cwnd
}

// Concave, plateau, convex, and the Reno-friendly region at a short round trip: the integers follow the formulas.
func TestCubicFollowsItsFormulas(t *testing.T) {
	for _, rtt := range []time.Duration{100 * time.Millisecond, 10 * time.Millisecond} {
		c := control(t, "cubic", congestion.Config{InitialWindow: 64, MSS: 200})
		ref := reference{cwnd: float64(c.Window()) / 200}
		now, epoch := sec, sec
		for round, losses := 0, []int{0, 150, 260}; round < 400; round++ {
			if len(losses) > 0 && losses[0] == round {
				losses = losses[1:]
				c.Lost(now, c.Window())
				c.Recovered(now, 0, congestion.Unbounded)
				ref.lost()
				epoch = now
			}
			for range c.Window() / 200 {
				c.Acked(congestion.Ack{Now: now, Octets: 200, RTT: rtt, Full: true})
				ref.acked((now - epoch).Seconds(), rtt.Seconds())
			}
			now += rtt
			got := float64(c.Window()) / 200
			if d := math.Abs(got-ref.cwnd) / ref.cwnd; d > 0.03 {
				t.Fatalf("RTT %v, round %d: window %.2f segments, want %.2f", rtt, round, got, ref.cwnd)
			}
		}
	}
}

// RFC 9438, 4.2: K is when the window is back at W_max.
func TestCubicPlateau(t *testing.T) {
	c := control(t, "cubic", congestion.Config{MSS: 200, InitialWindow: 64})
	full := c.Window() // 64 segments
	c.Lost(0, full)
	c.Recovered(0, 0, congestion.Unbounded)
	k := time.Duration(math.Cbrt(64*0.3/0.4) * float64(sec)) // 3.63 s
	for now := time.Duration(0); now < 2*k; now += rtt / 10 {
		c.Acked(congestion.Ack{Now: now, Octets: c.Window() / 10, RTT: rtt, Full: true})
		switch w := c.Window(); {
		case now < k/2 && w >= full, now < k-2*rtt && w > full:
			t.Fatalf("at %v of %v the window is %d, above the plateau %d", now, k, w, full)
		case now > k && w < full*98/100, now > k*3/2 && w <= full:
			t.Fatalf("at %v of %v the window is %d, below the plateau %d", now, k, w, full)
		}
	}
}

func TestCubicFastConvergence(t *testing.T) { // 4.7
	c := control(t, "cubic", congestion.Config{InitialWindow: 14, MSS: 1000})
	c.Lost(0, 14000)
	c.Recovered(0, 0, congestion.Unbounded)
	c.Lost(0, 9800) // below the last W_max: W_max = 9.8 * 0.85
	c.Recovered(0, 0, congestion.Unbounded)
	want(t, c, "beta", 6860, 6860)
	// K = cbrt((8.33 - 6.86)/0.4) = 1.543 s: there W_cubic is at 8.33 segments, where without it would be 9.8
	c.Acked(congestion.Ack{Octets: 1, Full: true})
	c.Acked(congestion.Ack{Now: 1543 * time.Millisecond, Octets: c.Window(), Full: true})
	if w := c.Window(); w < 8310 || w > 8330 {
		t.Errorf("at K the window is %d, want about 8330", w)
	}
}

func TestCubicAfterTimeout(t *testing.T) { // 4.8
	c := control(t, "cubic", congestion.Config{InitialWindow: 40, MSS: 300})
	c.TimedOut(0, 12000, false)
	want(t, c, "timeout", 300, 8400)
	now := sec
	for c.Window() < 8400 {
		c.Acked(ack(now, 300))
	}
	before := c.Window()
	c.Acked(ack(now+rtt, 300))
	c.Acked(ack(now+rtt, 8400))
	if w := c.Window(); w < before || w > before+300 {
		t.Errorf("K is 0: the window begins at the plateau: %d after %d", w, before)
	}
}

// 5.8: a pause is not time in which the window grows.
func TestCubicPause(t *testing.T) {
	run := func(pause func(c congestion.Control, now time.Duration) time.Duration) int {
		c := control(t, "cubic", congestion.Config{InitialWindow: 14})
		c.Lost(0, 14*mss)
		c.Recovered(0, 0, congestion.Unbounded)
		now := time.Duration(0)
		for i := range 40 {
			if i == 10 {
				now = pause(c, now)
			}
			c.Acked(ack(now, c.Window()))
			now += rtt
		}
		return c.Window()
	}
	none := run(func(_ congestion.Control, now time.Duration) time.Duration { return now })
	idle := run(func(c congestion.Control, now time.Duration) time.Duration {
		c.Resume(now+50*sec, 50*sec, sec)
		return now + 50*sec
	})
	limited := run(func(c congestion.Control, now time.Duration) time.Duration { return trickle(c, now, 50*sec) })
	if d := idle - none; d > mss || d < -mss {
		t.Errorf("after an idle pause the window is %d, without %d", idle, none)
	}
	if d := limited - none; d > mss || d < -mss {
		t.Errorf("after a pause of the user the window is %d, without %d", limited, none)
	}
}

func TestCubicUndo(t *testing.T) { // 4.9
	a, b := control(t, "cubic", congestion.Config{InitialWindow: 14}), control(t, "cubic", congestion.Config{InitialWindow: 14})
	for _, c := range []congestion.Control{a, b} {
		c.Lost(0, 14*mss)
		c.Recovered(0, 0, congestion.Unbounded)
		for now := time.Duration(0); now < 2*sec; now += rtt {
			c.Acked(ack(now, c.Window()))
		}
	}
	b.Lost(2*sec, b.Window())
	b.Undo(2 * sec)
	for now := 2 * sec; now < 5*sec; now += rtt {
		a.Acked(ack(now, a.Window()))
		b.Acked(ack(now, b.Window()))
	}
	if d := a.Window() - b.Window(); d > mss || d < -mss {
		t.Errorf("without the mistake %d, after it was undone %d", a.Window(), b.Window())
	}
}
