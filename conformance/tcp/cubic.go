package tcp

import (
	"math"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// cubic lets the target use CUBIC on the connection.
func cubic(c *probe.Conn) {
	c.Setup = func(s *probe.Socket) {
		if err := s.SetOptionOctets("TCP_CONGESTION", []byte("cubic")); err != nil {
			c.Inconclusive("the target does not choose cubic: %v", err)
		}
	}
}

func init() {
	claims := func(m mutate.Mutation, requirements ...string) (c check.Claims) {
		for _, r := range requirements {
			c = c.And(r, m)
		}
		return c.Needs(target.CUBIC)
	}
	end := func(n int) mutate.Mutation { return mutate.Goads("the end of recovery", n, afterLoss) }
	stuck := mutate.Withheld("new data after a while", func(s mutate.Sending) bool { return lateNew(s) && s.From > 120_000 })
	begin := func(host *probe.Tester) (*stream, int) {
		s := opened(host, plain, roundTrip, cubic)
		s.write(800)
		return s, s.grow(16)
	}

	it("tcp.cubic.reduction", "a loss takes the window down to seven tenths",
		claims(end(14), "RFC8312:4.5-1", "RFC8312:4.5-3", "RFC8312:4.5-4", "RFC8312:4.1-2", "RFC8312:5.10-1").
			And("RFC8312:4.5-2", mutate.Withheld("new data at the end of recovery", func(s mutate.Sending) bool { return !s.Again && s.Dups >= 3 || lateNew(s) })),
		func(host *probe.Tester) {
			s, flight := begin(host)
			s.take(s.lossOf(flight, 1).full)
			s.after(step)
			for _, requirement := range []string{"RFC8312:4.5-1", "RFC8312:4.5-3", "RFC8312:4.5-4", "RFC8312:4.1-2", "RFC8312:5.10-1"} {
				host.That(requirement, "segments in flight after a loss, from "+count(flight), s.flight(), gomega.BeNumerically("<=", flight*7/10+3))
			}
			host.That("RFC8312:4.5-2", "segments in flight after a loss, from "+count(flight), s.flight(), gomega.BeNumerically(">=", flight*5/10))
		})

	it("tcp.cubic.growth", "after a loss the window follows the cubic function, or that of Reno where it is above",
		claims(mutate.Goads("an acknowledgment after recovery", 60, afterRecovery(60)), "RFC8312:4.1-3", "RFC8312:4.1-4", "RFC8312:4.1-6", "RFC8312:4.3-1", "RFC8312:5.1-1").
			And("RFC8312:4.1-5", mutate.Goads("an acknowledgment after recovery", 60, afterRecovery(80))).
			And("RFC8312:4.2-2", mutate.Goads("an acknowledgment after recovery", 60, afterRecovery(100))).
			And("RFC8312:4.2-1", stuck).And("RFC8312:4.4-1", stuck),
		func(host *probe.Tester) {
			s, flight := begin(host)
			s.take(s.lossOf(flight, 1).full)
			began := host.Now()
			s.round()
			first := s.flight()
			var last int
			for range 14 {
				s.each()
				s.round()
				last = s.flight()
				// The largest of W_cubic(t+RTT) and W_est(t), in segments.
				wmax, t, rtt := float64(flight)+2, (host.Now() - began).Seconds(), roundTrip.Seconds()
				k := math.Cbrt(wmax * 0.3 / 0.4)
				w := max(0.4*math.Pow(t+2*rtt-k, 3)+wmax, wmax*0.7+3*0.3/1.7*(t+rtt)/rtt)
				for _, requirement := range []string{"RFC8312:4.1-3", "RFC8312:4.1-4", "RFC8312:4.1-5", "RFC8312:4.1-6", "RFC8312:4.3-1", "RFC8312:4.2-2", "RFC8312:5.1-1"} {
					host.That(requirement, "segments in flight after a loss with "+count(flight), float64(last), gomega.BeNumerically("<=", w+3))
				}
			}
			for _, requirement := range []string{"RFC8312:4.2-1", "RFC8312:4.4-1"} {
				host.That(requirement, "growth of the window in 14 round trips, from "+count(first), last-first, gomega.BeNumerically(">=", 3))
			}
		})

	// Two losses, the second in a smaller window than the first: the plateau is 0.85 of that window then, not the window.
	it("tcp.cubic.converges", "a loss in a window smaller than that of the one before has the window stay lower",
		claims(mutate.Overshoots("new data behind the second loss", 12, func(s mutate.Sending) bool { return lateNew(s) && s.Losses == 2 && s.From-s.Acked > 40_000 }), "RFC8312:4.6-1").Slow(),
		func(host *probe.Tester) {
			const trip = 400 * time.Millisecond
			s := opened(host, plain, trip, cubic)
			s.write(3000)
			first := s.grow(64)
			s.take(s.lossOf(first, 1).full)
			for range 2 {
				s.round()
				s.each()
			}
			s.round()
			second := s.flight()
			if second >= first {
				host.Inconclusive("the window is back at %d segments, from %d", second, first)
			}
			s.take(s.lossOf(second, 1).full)
			began := host.Now()
			plateau := time.Duration(math.Cbrt(float64(second)*0.3/0.4) * float64(time.Second)) // when it would be back, without
			last := 0
			for host.Now()-began < plateau {
				s.round()
				last = s.flight()
				s.each()
			}
			host.That("RFC8312:4.6-1", "segments in flight "+plateau.String()+" behind a loss with "+count(second)+", the one before having been with "+count(first),
				last, gomega.And(gomega.BeNumerically("<=", second*93/100), gomega.BeNumerically(">=", second*6/10)))
		})

	it("tcp.cubic.slow-start", "below the threshold slow start doubles the window at most, and only acknowledgments enlarge it",
		claims(mutate.Goads("an acknowledgment", 60, acknowledged(12)), "RFC8312:4.8-1", "RFC8312:4.8-2").
			And("RFC8312:4.1-1", mutate.Doubled("data", 50*time.Millisecond, nth(12))),
		func(host *probe.Tester) {
			s := opened(host, plain, roundTrip, cubic)
			s.write(400)
			s.round()
			for range 2 {
				before := s.flight()
				s.each()
				s.after(step)
				for _, requirement := range []string{"RFC8312:4.8-1", "RFC8312:4.8-2"} {
					host.That(requirement, "segments in flight, a round trip after "+count(before), s.flight(), gomega.BeNumerically("<=", 2*before))
				}
				host.That("RFC8312:4.1-1", "what is sent without an acknowledgment", s.froms(s.after(s.rtt-step)), gomega.BeEmpty())
			}
		})

	it("tcp.cubic.timeout", "a timeout sends one segment, and slow start goes up to seven tenths",
		claims(mutate.Overshoots("the first retransmission", 30, expired), "RFC8312:4.7-1").
			And("RFC8312:4.7-2", mutate.Withheld("more than three segments at a time behind a timeout", func(s mutate.Sending) bool { return s.Expiries >= 1 && s.From-s.Acked > 3000 })),
		func(host *probe.Tester) {
			s, flight := begin(host)
			ps := s.timedOut(1)
			host.That("RFC8312:4.7-1", "segments sent by the timeout", len(ps), gomega.Equal(1))
			r := s.receive(nil)
			r.arrived(s.una / s.mss)
			s.takeSegments(1)
			most := 0
			for range 7 {
				most = max(most, len(r.turn()))
			}
			host.That("RFC8312:4.7-2", "segments in the largest round of seven, with "+count(flight)+" in flight before", most, gomega.BeNumerically(">=", flight*6/10))
		})

	it("tcp.cubic.limited", "while the application limits the flow the window does not grow",
		claims(mutate.Overshoots("the first segment behind it", 60, func(s mutate.Sending) bool { return s.From == 130_000 }), "RFC8312:5.8-1").
			And("RFC8312:5.8-2", mutate.Overshoots("the first segment behind it", 70, func(s mutate.Sending) bool { return s.From == 130_000 })),
		func(host *probe.Tester) {
			limited(host, []string{"RFC8312:5.8-1", "RFC8312:5.8-2"}, cubic)
		})
}

// limited lets the application send ten times ten segments and then much more: what comes is the window.
func limited(host *probe.Tester, requirements []string, setup ...func(*probe.Conn)) {
	s := opened(host, plain, roundTrip, setup...)
	s.write(30)
	s.grow(20)
	s.each()
	s.settle()
	for range 20 {
		s.write(5)
		s.round()
		s.each()
		s.settle()
	}
	s.write(300)
	s.after(step)
	for _, requirement := range requirements {
		host.That(requirement, "segments in flight after an application sent five a round trip, with a window of 40 at most before", s.flight(), gomega.BeNumerically("<=", 42))
	}
}
