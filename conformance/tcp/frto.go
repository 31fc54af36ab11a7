package tcp

import (
	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// behindExpiry is the n-th acknowledgment behind a timeout: what F-RTO decides by.
func behindExpiry(n int) mutate.Mutation {
	return mutate.Resends("acknowledgment "+count(n)+" behind a timeout", func(h mutate.Hearing) (int, bool) {
		return h.Ack + 1000, h.Expiries >= 1 && h.Since == n
	})
}

func goadsBehindExpiry(n, segments int) mutate.Mutation {
	return mutate.Goads("acknowledgment "+count(n)+" behind a timeout", segments, sinceExpiry(n))
}

// againBehindExpiry are retransmissions behind the one that the timer made.
func againBehindExpiry(s mutate.Sending) bool { return s.Again && s.Expiries >= 1 && s.Since >= 1 }

func init() {
	claims := func(m mutate.Mutation, requirements ...string) (c check.Claims) {
		for _, r := range requirements {
			c = c.And(r, m)
		}
		return c.Needs(target.FRTO)
	}
	conventional := mutate.Withheld("retransmissions behind the first", againBehindExpiry)

	grid("tcp.frto.spurious", "a timeout that was needless sends two new segments and nothing again but the first",
		claims(behindExpiry(1), "RFC5682:2.1-11", "RFC5682:2.1-1", "RFC5682:4-1", "RFC5682:3.1-2").
			And("RFC5682:3.1-9", goadsBehindExpiry(1, 5)).And("RFC5682:2.1-7", goadsBehindExpiry(1, 6)).And("RFC5682:3.1-1", goadsBehindExpiry(1, 7)).
			And("RFC5682:2.1-5", mutate.Misplaces("the first retransmission", 1000, expired)).
			And("RFC5682:3.1-5", mutate.Misplaces("the first retransmission", 2000, expired)).
			And("RFC5682:2.1-16", behindExpiry(2)).And("RFC5682:3.1-14", behindExpiry(2)).
			And("RFC5682:2-1", mutate.Resends("the tenth acknowledgment", func(h mutate.Hearing) (int, bool) { return h.Ack, h.Nth == 9 })),
		[]kind{plain, sacks},
		func(host *probe.Tester, k kind) {
			s := opened(host, k, roundTrip)
			s.write(400)
			s.grow(16)
			host.That("RFC5682:2-1", "what was sent again before the timeout", s.relative(again(s.after(0))), gomega.BeEmpty())
			for at := 0; at < s.top; at += s.mss {
				if len(s.Carrying(at)) > 1 {
					host.Fail("RFC5682:2-1", probe.Value, "nothing is sent again before the timeout, %d was", at)
				}
			}
			ps := s.timedOut(1)
			for _, requirement := range []string{"RFC5682:2.1-5", "RFC5682:3.1-5"} {
				host.That(requirement, "what the timeout sends again", s.relative(again(ps)), gomega.Equal([]int{0}))
			}
			s.takeSegments(1) // all segments are late, none is lost
			ps = s.after(step)
			for _, requirement := range []string{"RFC5682:2.1-11", "RFC5682:2.1-1", "RFC5682:4-1", "RFC5682:3.1-2"} {
				host.That(requirement, "what is sent again upon the first acknowledgment", s.relative(again(ps)), gomega.BeEmpty())
			}
			for _, requirement := range []string{"RFC5682:3.1-9", "RFC5682:2.1-7", "RFC5682:3.1-1"} {
				host.That(requirement, "new segments upon the first acknowledgment", len(fresh(ps)), gomega.And(gomega.BeNumerically(">=", 1), gomega.BeNumerically("<=", 2)))
			}
			s.takeSegments(2)
			ps = s.after(step)
			for _, requirement := range []string{"RFC5682:2.1-16", "RFC5682:3.1-14"} {
				host.That(requirement, "what is sent again upon the second acknowledgment", s.relative(again(ps)), gomega.BeEmpty())
			}
		})

	it("tcp.frto.fast-retransmit", "after a needless timeout three duplicates bring a retransmission",
		claims(mutate.Withheld("retransmissions upon duplicates", func(s mutate.Sending) bool { return s.Again && s.Dups >= 3 }), "RFC5682:2.2-1"),
		func(host *probe.Tester) {
			s, _ := inFlight(host, plain, 16)
			s.timedOut(1)
			for range 3 {
				s.takeSegments(2)
				s.after(step)
			}
			for range 3 {
				s.repeat()
				s.after(step)
			}
			host.That("RFC5682:2.2-1", "how often the segment was sent", len(s.Carrying(s.una)), gomega.BeNumerically(">", 1))
		})

	for _, k := range []struct {
		id, title string
		answer    func(s *stream)
		claims    check.Claims
	}{
		{"duplicate", "a duplicate behind a timeout leads to the conventional recovery", func(s *stream) { s.repeat(); s.after(step); s.takeSegments(1) },
			claims(conventional, "RFC5682:2.1-8")},
		{"part", "an acknowledgment of a part of the retransmission leads to the conventional recovery", func(s *stream) { s.take(s.una + 500) },
			claims(conventional, "RFC5682:2.1-10")},
		{"second-duplicate", "a duplicate as the second acknowledgment leads to the conventional recovery, with a window of three segments",
			func(s *stream) { s.takeSegments(1); s.after(step); s.repeat() }, claims(conventional, "RFC5682:2.1-15")},
	} {
		it("tcp.frto."+k.id, k.title, k.claims, func(host *probe.Tester) {
			s, _ := inFlight(host, plain, 16)
			s.timedOut(1)
			k.answer(s)
			ps := again(s.after(step))
			requirement := k.claims.Requirements()[0]
			host.That(requirement, "segments sent again", len(ps), gomega.And(gomega.BeNumerically(">=", 1), gomega.BeNumerically("<=", 3)))
		})
	}

	it("tcp.frto.everything", "an acknowledgment of everything ends it, and slow start goes on",
		claims(goadsBehindExpiry(1, 8), "RFC5682:2.1-9").And("RFC5682:3.1-8", goadsBehindExpiry(1, 9)),
		func(host *probe.Tester) {
			s, _ := inFlight(host, plain, 16)
			s.timedOut(1)
			s.take(s.top)
			ps := s.after(step)
			host.That("RFC5682:2.1-9", "what is sent again", s.relative(again(ps)), gomega.BeEmpty())
			for _, requirement := range []string{"RFC5682:2.1-9", "RFC5682:3.1-8"} {
				host.That(requirement, "new segments sent", len(ps), gomega.BeNumerically("<=", 3))
			}
		})

	it("tcp.frto.no-data", "without new data the conventional recovery goes on",
		claims(conventional, "RFC5682:2.1-14", "RFC5682:3.1-10"),
		func(host *probe.Tester) {
			s := opened(host, plain, roundTrip)
			s.write(8)
			s.round()
			s.timedOut(1)
			s.takeSegments(1)
			got := s.relative(again(s.after(step)))
			for _, requirement := range []string{"RFC5682:2.1-14", "RFC5682:3.1-10"} {
				host.That(requirement, "segments sent again", len(got), gomega.And(gomega.BeNumerically(">=", 1), gomega.BeNumerically("<=", 3)))
			}
		})

	it("tcp.frto.one-segment", "with one new segment that one is sent",
		claims(mutate.Withheld("new data behind a timeout", func(s mutate.Sending) bool { return !s.Again && s.Expiries >= 1 }), "RFC5682:2.1-12"),
		func(host *probe.Tester) {
			s := opened(host, plain, roundTrip)
			s.write(11)
			s.round()
			if s.flight() != 10 {
				host.Inconclusive("%d segments are in flight, the script wants ten", s.flight())
			}
			s.timedOut(1)
			s.takeSegments(2)
			host.That("RFC5682:2.1-12", "new segments upon the first acknowledgment", len(fresh(s.after(step))), gomega.Equal(1))
		})

	it("tcp.frto.again", "a further timeout begins the algorithm anew",
		claims(mutate.Overshoots("the second expiry's retransmission", 30, func(s mutate.Sending) bool { return s.Expiries == 2 && s.Again && s.From == s.Acked }), "RFC5682:2.1-2", "RFC5682:3.1-4", "RFC5682:2.1-6", "RFC5682:3.1-6"),
		func(host *probe.Tester) {
			s, _ := inFlight(host, plain, 16)
			s.timedOut(1)
			ps := s.timedOut(1)
			for _, requirement := range []string{"RFC5682:2.1-2", "RFC5682:3.1-4", "RFC5682:2.1-6", "RFC5682:3.1-6"} {
				host.That(requirement, "what the second timeout sends", s.relative(ps), gomega.Equal([]int{0}))
			}
		})

	it("tcp.frto.other-segments", "segments that are neither new acknowledgments nor duplicates are overlooked",
		claims(mutate.Goads("a segment with data", 4, func(h mutate.Hearing) bool { return h.Expiries >= 1 && h.Since == 1 }), "RFC5682:2.1-4", "RFC5682:3.1-11").
			And("RFC5682:3.1-7", mutate.Goads("a segment with data", 5, func(h mutate.Hearing) bool { return h.Expiries >= 1 && h.Since == 1 })),
		func(host *probe.Tester) {
			s, _ := inFlight(host, sacks, 16)
			s.timedOut(1)
			s.Data([]byte("x"), s.Acks(s.una))
			ps := s.after(step)
			for _, requirement := range []string{"RFC5682:2.1-4", "RFC5682:3.1-11", "RFC5682:3.1-7"} {
				host.That(requirement, "what is sent upon a segment with data", s.relative(ps), gomega.BeEmpty())
			}
		})

	it("tcp.frto.sack-beyond", "a report of what was sent after the timeout leads to the conventional recovery",
		claims(conventional, "RFC5682:3.1-12").And("RFC5682:3.1-13", mutate.Goads("a report behind a timeout", 20, sinceExpiry(2))),
		func(host *probe.Tester) {
			s, flight := inFlight(host, sacks, 16)
			s.timedOut(1)
			s.takeSegments(1)
			s.after(step)
			s.report(block{flight - 1, flight + 1}) // only what was sent after the timeout has arrived
			ps := s.after(step)
			host.That("RFC5682:3.1-12", "segments sent again", len(again(ps)), gomega.BeNumerically(">=", 1))
			host.That("RFC5682:3.1-13", "segments sent", len(ps), gomega.BeNumerically("<=", 4))
		})

	it("tcp.frto.holes", "after a needless timeout holes are sent again by what SACK tells",
		claims(mutate.Withheld("retransmissions behind the first", againBehindExpiry), "RFC5682:3.1-15"),
		func(host *probe.Tester) {
			s, _ := inFlight(host, sacks, 16)
			s.timedOut(1)
			s.takeSegments(2)
			s.after(step)
			for n := 2; n < 9; n++ {
				s.report(block{1, n})
				s.after(step)
			}
			s.after(roundTrip)
			host.That("RFC5682:3.1-15", "how often the segment in the hole was sent", len(s.Carrying(s.una)), gomega.BeNumerically(">", 1))
		})

	it("tcp.frto.in-recovery", "a timeout in fast recovery brings the window down to one segment, and stays",
		claims(mutate.Overshoots("the retransmission of the timer", 30, func(s mutate.Sending) bool { return s.Expiries >= 1 && s.Again && s.From == s.Acked }), "RFC5682:6-1", "RFC5682:2.1-3", "RFC5682:3.1-3", "RFC6582:3.2-16"),
		func(host *probe.Tester) {
			s, flight := inFlight(host, plain, 16)
			s.lossOf(flight, 5)
			ps := s.timedOut(1)
			for _, requirement := range []string{"RFC5682:6-1", "RFC5682:2.1-3", "RFC5682:3.1-3", "RFC6582:3.2-16"} {
				host.That(requirement, "segments sent when the timer expires", len(ps), gomega.Equal(1))
			}
		})

	it("tcp.newreno.after-timeout", "after a timeout duplicates that tell nothing new bring no fast retransmit",
		check.Proves("RFC6582:3.2-2", mutate.Resends("the third duplicate behind a timeout", firstUpon(func(h mutate.Hearing) bool { return h.Expiries >= 1 && h.Dups == 3 }))).
			And("RFC6582:3.2-4", mutate.Resends("the fourth duplicate behind a timeout", firstUpon(func(h mutate.Hearing) bool { return h.Expiries >= 1 && h.Dups == 4 }))).
			And("RFC6582:4-1", mutate.Resends("the third duplicate behind a timeout", firstUpon(func(h mutate.Hearing) bool { return h.Expiries >= 1 && h.Dups == 3 }))).
			And("RFC6582:6-5", mutate.Resends("the second duplicate behind a timeout", firstUpon(func(h mutate.Hearing) bool { return h.Expiries >= 1 && h.Dups == 2 }))),
		func(host *probe.Tester) {
			s, _ := inFlight(host, plain, 16)
			s.timedOut(1)
			had := len(s.Carrying(s.una))
			for range 4 {
				s.repeat()
				s.after(step / 2)
			}
			for _, requirement := range []string{"RFC6582:3.2-2", "RFC6582:3.2-4", "RFC6582:4-1", "RFC6582:6-5"} {
				host.That(requirement, "how often duplicates brought the first segment again", len(s.Carrying(s.una))-had, gomega.Equal(0))
			}
		})
}
