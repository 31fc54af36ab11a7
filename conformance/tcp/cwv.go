package tcp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// used opens a connection whose window has grown to 40 segments at least, 80 at most, with nothing in flight: 70 segments
// were sent.
func used(host *probe.Tester, k kind) *stream {
	s := opened(host, k, roundTrip)
	s.write(10 + 20 + 40)
	s.grow(40)
	s.each()
	s.settle()
	if s.top != 70*s.mss {
		host.Inconclusive("the target sent %d octets of 70 segments", s.top)
	}
	return s
}

// firstBehind is the first segment behind those that used sends.
func firstBehind(n int) mutate.Mutation {
	return mutate.Overshoots("the first segment behind the pause", n, func(s mutate.Sending) bool { return s.From == 70_000 && !s.Again })
}

func init() {
	claims := func(m mutate.Mutation, requirements ...string) (c check.Claims) {
		for _, r := range requirements {
			c = c.And(r, m)
		}
		return c.Needs(target.Validates)
	}
	meagre := mutate.Withheld("more than 20 segments behind the pause", func(s mutate.Sending) bool { return s.From >= 90_000 })

	it("tcp.cwv.kept", "after a pause of less than five minutes the earlier window is used at once",
		claims(meagre, "RFC7661:4.4-2", "RFC7661:4.4-1", "RFC7661:4.3-2").And("RFC7661:4.2-6", meagre),
		func(host *probe.Tester) {
			s := used(host, plain)
			s.Wait(4 * time.Second)
			s.write(200)
			s.after(step)
			for _, requirement := range []string{"RFC7661:4.4-2", "RFC7661:4.4-1", "RFC7661:4.3-2", "RFC7661:4.2-6"} {
				host.That(requirement, "segments in flight behind a pause of 4 s, with a window of 40 to 80 before", s.flight(), gomega.BeNumerically(">=", 38))
			}
		})

	it("tcp.cwv.expires", "after each five minutes of a pause the window is halved, and slow start follows",
		claims(firstBehind(70), "RFC7661:4.4-3", "RFC7661:4.4.3-2", "RFC7661:4.5.2-1").
			And("RFC7661:4.4.3-1", mutate.Withheld("more than 60 segments behind the pause", func(s mutate.Sending) bool { return s.From >= 130_000 })).
			And("RFC7661:4.4.3-3", mutate.Withheld("more than 60 segments behind the pause", func(s mutate.Sending) bool { return s.From >= 130_000 })).Slow(),
		func(host *probe.Tester) {
			s := used(host, plain)
			s.Wait(302 * time.Second)
			s.write(300)
			s.after(step)
			half := s.flight()
			for _, requirement := range []string{"RFC7661:4.4-3", "RFC7661:4.4.3-2", "RFC7661:4.5.2-1"} {
				host.That(requirement, "segments in flight behind a pause of five minutes, with a window of 80 at most before", half, gomega.BeNumerically("<=", 41))
			}
			s.each()
			s.after(step)
			for _, requirement := range []string{"RFC7661:4.4.3-1", "RFC7661:4.4.3-3"} {
				host.That(requirement, "segments in flight a round trip after "+count(half), s.flight(), gomega.BeNumerically(">=", half+5))
			}
		})

	it("tcp.cwv.limited", "acknowledgments do not enlarge a window that is not used",
		claims(mutate.Overshoots("the first segment behind it", 60, func(s mutate.Sending) bool { return s.From == 130_000 }), "RFC7661:4.4-5", "RFC7661:4.5.3-1", "RFC7661:4.2-5"),
		func(host *probe.Tester) {
			limited(host, []string{"RFC7661:4.4-5", "RFC7661:4.5.3-1", "RFC7661:4.2-5"})
		})

	it("tcp.cwv.start", "a connection starts validated: its window grows as usual",
		claims(mutate.Withheld("more than ten segments in flight", func(s mutate.Sending) bool { return s.From-s.Acked > 9_000 }), "RFC7661:4.1-1", "RFC7661:4.3-1", "RFC7661:4.2-7", "RFC7661:4.4-4", "RFC7661:4.4-9"),
		func(host *probe.Tester) {
			s := opened(host, plain, roundTrip)
			s.write(200)
			s.round()
			before := s.flight()
			s.each()
			s.round()
			for _, requirement := range []string{"RFC7661:4.1-1", "RFC7661:4.3-1", "RFC7661:4.2-7", "RFC7661:4.4-4", "RFC7661:4.4-9"} {
				host.That(requirement, "segments in flight a round trip after "+count(before), s.flight(), gomega.BeNumerically(">=", before*3/2))
			}
		})

	it("tcp.cwv.loss", "a loss in a window that is not used brings it down to half of what was",
		claims(mutate.Goads("the end of recovery", 60, afterLoss), "RFC7661:4.4-6", "RFC7661:4.4.1-2", "RFC7661:4.4.1-3", "RFC7661:4.4.1-6", "RFC7661:4.2-8").
			And("RFC7661:4.4.1-4", mutate.Withheld("everything behind the loss", lateNew)),
		func(host *probe.Tester) {
			s := used(host, plain)
			s.Wait(3 * time.Second) // what was acknowledged before counts no more
			s.write(10)
			if len(fresh(s.round())) < 10 {
				host.Inconclusive("the target did not send ten segments at once")
			}
			for range 8 {
				s.repeat()
				s.after(step / 2)
			}
			s.take(s.top)
			s.settle()
			s.write(100)
			s.after(step)
			for _, requirement := range []string{"RFC7661:4.4-6", "RFC7661:4.4.1-2", "RFC7661:4.4.1-3", "RFC7661:4.4.1-6", "RFC7661:4.2-8"} {
				host.That(requirement, "segments in flight behind a loss with ten of them, and a window of 40 to 80", s.flight(), gomega.BeNumerically("<=", 6))
			}
			host.That("RFC7661:4.4.1-4", "segments in flight behind a loss", s.flight(), gomega.BeNumerically(">=", 1))
		})

	it("tcp.cwv.timeout", "a timeout ends the phase, and the window is one segment",
		claims(mutate.Overshoots("the retransmission", 30, expired), "RFC7661:4.4-7", "RFC7661:4.4-8"),
		func(host *probe.Tester) {
			s := used(host, plain)
			s.Wait(3 * time.Second)
			s.write(10)
			s.round()
			ps := s.timedOut(1)
			for _, requirement := range []string{"RFC7661:4.4-7", "RFC7661:4.4-8"} {
				host.That(requirement, "segments sent when the timer expires", len(ps), gomega.Equal(1))
			}
		})
}
