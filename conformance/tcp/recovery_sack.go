package tcp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// bySegments has a target tell losses by what was reported above them (RFC 6675), and not by time (RFC 8985): that is what
// the checks here are about.
const bySegments = "CONFIG_CONFORM_TCP_RACK=n"

func init() {
	it("tcp.sack.last-resort", "with no data left a hole that is not yet deemed lost is sent again, too",
		check.Proves("RFC6675:4-13", mutate.Withheld("the second hole again", func(s mutate.Sending) bool { return s.Again && s.From == 7_000 })).
			Configured(bySegments),
		func(host *probe.Tester) {
			s := opened(host, sacks, roundTrip)
			s.write(10)
			s.round()
			var all []arrival
			for n := 1; n < 7; n++ { // 0 and 7 are lost, and two segments above the latter are not enough
				s.report(block{1, n + 1})
				all = append(all, s.after(step/2)...)
			}
			for n := 9; n <= 10; n++ {
				s.report(block{8, n}, block{1, 7})
				all = append(all, s.after(step/2)...)
			}
			all = append(all, s.after(step)...)
			host.That("RFC6675:4-13", "what is sent again, counted from the first that is missing", s.relative(again(all)), gomega.ContainElements(0, 7))
		})

	it("tcp.sack.scoreboard-kept", "what was reported above the end of a recovery counts for the next loss",
		check.Proves("RFC6675:5-16", mutate.Deferred("the next hole again", 300*time.Millisecond, func(s mutate.Sending) bool { return s.Again && s.Losses >= 1 && s.From > 12_000 })).
			Configured(bySegments),
		func(host *probe.Tester) {
			s, flight := inFlight(host, sacks, 16)
			for n := 1; n < flight; n++ {
				s.report(block{1, n + 1})
				s.after(step / 8)
			}
			s.after(step)
			end := s.una + flight*s.mss
			beyond := (s.top - end) / s.mss
			if beyond < 5 {
				host.Inconclusive("the target sends %d segments of new data in recovery, five are needed", beyond)
			}
			for n := 1; n < 4; n++ { // the first of them is lost, and the next three arrive
				s.report(block{flight + 1, flight + 1 + n}, block{1, flight})
				s.after(step / 8)
			}
			s.take(end)
			had := len(s.Carrying(end))
			s.report(block{4, 5}) // of all the blocks the newest only
			s.after(step)
			host.That("RFC6675:5-16", "the segment below four that were reported is sent again, three of them before recovery ended",
				len(s.Carrying(end)) > max(had, 1) || had > 1, gomega.BeTrue())
		})

	it("tcp.cwv.recovery", "losses in a window that is not used are repaired by what SACK reports, and nothing else is sent again",
		check.Proves("RFC7661:4.2-10", mutate.Resends("the fourth duplicate", func(h mutate.Hearing) (int, bool) { return h.Ack + 1000, h.Dups == 4 && h.Ack >= 70_000 })).
			Configured(bySegments).Needs(target.Validates),
		func(host *probe.Tester) {
			s := used(host, sacks)
			s.Wait(3 * time.Second)
			s.write(10)
			if len(fresh(s.round())) < 10 {
				host.Inconclusive("the target did not send ten segments at once")
			}
			var all []arrival
			for n := 1; n < 10; n++ { // 0 and 3 are lost
				switch {
				case n == 3:
					continue
				case n < 3:
					s.report(block{1, n + 1})
				default:
					s.report(block{4, n + 1}, block{1, 3})
				}
				all = append(all, s.after(step/4)...)
			}
			all = append(all, s.after(step)...)
			host.That("RFC7661:4.2-10", "what is sent again, counted from the first that is missing", s.relative(again(all)), gomega.Equal([]int{0, 3}))
		})

	it("tcp.cwv.sample", "what was acknowledged in a round trip is the measure of the window behind a loss",
		check.Proves("RFC7661:4.2-1", mutate.Withheld("more than three segments behind the loss", func(s mutate.Sending) bool { return lateNew(s) && s.From-s.Acked >= 3_000 })).
			Needs(target.Validates),
		func(host *probe.Tester) {
			s := used(host, plain)
			s.Wait(3 * time.Second)          // what was acknowledged before counts no more
			for _, n := range []int{15, 1} { // the sample ends with an acknowledgment a round trip later
				s.write(n)
				s.round()
				s.each()
				s.settle()
			}
			s.write(6)
			if len(fresh(s.round())) < 6 {
				host.Inconclusive("the target did not send six segments at once")
			}
			for range 5 {
				s.repeat()
				s.after(step / 2)
			}
			s.take(s.top)
			s.settle()
			s.write(100)
			s.after(step)
			host.That("RFC7661:4.2-1", "segments in flight behind a loss with six of them, of a window of 40 to 80 of which fifteen were used in a round trip", s.flight(),
				gomega.And(gomega.BeNumerically(">=", 6), gomega.BeNumerically("<=", 8)))
		})

	it("tcp.rack.timeout", "a timeout takes nothing for lost that was sent within a round trip",
		check.Proves("RFC8985:6.3-2", mutate.Resends("the acknowledgment behind the timeout", firstUpon(func(h mutate.Hearing) bool { return h.Ack == 20_000 }))).
			Needs(target.RACK),
		func(host *probe.Tester) {
			s := opened(host, sacks, roundTrip)
			flight := func(n int) {
				s.write(n)
				s.Until(time.Second, func() bool { s.news(); return s.flight() == n })
			}
			sample := func(n int) {
				flight(n)
				s.Wait(roundTrip)
				s.each()
				s.settle()
			}
			sample(10)
			// timeout is how long the timer takes behind the probe of one segment.
			flight(1)
			s.Until(5*time.Second, func() bool { return len(s.Carrying(s.una)) >= 3 })
			all := s.Carrying(s.una)
			if len(all) < 3 {
				host.Inconclusive("a segment is sent %d times, not as itself, as a probe, and upon a timeout", len(all))
			}
			timeout := all[2].At - all[1].At
			s.take(s.top)
			s.settle()
			s.write(8) // the window grows again where it is full
			for i := 0; i < 8 && s.una < 19*s.mss; i++ {
				s.round()
				s.each()
				s.settle()
			}

			const early = 40 * time.Millisecond
			flight(1)
			s.Until(time.Second, func() bool { return len(s.Carrying(s.una)) >= 2 })
			s.Wait(timeout - early)
			wrote := s.Now()
			s.write(2)
			s.Wait(early / 4)
			if s.news(); s.flight() != 3 {
				host.Inconclusive("two segments more are not sent at once")
			}
			s.Until(time.Second, func() bool { return len(s.Carrying(s.una)) >= 3 })
			all = s.Carrying(s.una)
			if len(all) != 3 || all[2].At < wrote || all[2].At > wrote+2*early {
				host.Inconclusive("the timer does not expire soon after two segments more")
			}
			s.news()
			s.takeSegments(1)
			host.That("RFC8985:6.3-2", "what is sent again of what was sent shortly before the timeout", s.froms(again(s.after(step))), gomega.BeEmpty())
		})

	it("tcp.rack.forgets", "sixteen recoveries without a duplicate bring the reordering window back",
		check.Proves("RFC8985:6.2-12", mutate.Deferred("retransmissions of the last loss", 60*time.Millisecond, func(s mutate.Sending) bool { return s.Again && s.From >= 44_000 })).
			Needs(target.RACK).Slow(),
		func(host *probe.Tester) {
			s := opened(host, sacks, roundTrip)
			// lost is a flight of two segments whose first is lost: the second is reported. It gives how long
			// the retransmission took.
			lost := func() time.Duration {
				s.write(2)
				s.Until(time.Second, func() bool { s.news(); return s.flight() == 2 })
				s.Wait(roundTrip)
				s.report(block{1, 2})
				d, ok := s.resentWithin(s.una, time.Second)
				if !ok {
					host.Inconclusive("what is missing is not sent again")
				}
				s.Wait(roundTrip)
				return d
			}
			s.write(10)
			s.round()
			s.each()
			s.settle()
			lost()
			both := s.blocks(block{0, 1}) // it was not lost: both have come
			s.take(s.top, both)
			s.repeat(both)
			s.round()
			wide := lost()
			s.take(s.top)
			s.settle()
			for range 15 {
				lost()
				s.take(s.top)
				s.settle()
			}
			last := lost()
			host.Observed("RFC8985:6.2-12", "until a segment is sent again: %v behind a duplicate, %v behind sixteen recoveries without one", wide, last)
			most := max(roundTrip*7/16, wide-roundTrip/8) // the second where the duplicate had an effect
			host.That("RFC8985:6.2-12", "until a segment is sent again, a quarter of the round trip being the window", last, gomega.BeNumerically("<", most))
		})
}
