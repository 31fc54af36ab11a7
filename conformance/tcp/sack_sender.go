package tcp

import (
	"bytes"
	"slices"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// What follows holds for a sender with SACK by RFC 6675, and by RFC 8985 as well where the acknowledgments of a window come
// within a moment of each other, one round trip after it.

// relative are places counted from una.
func (s *stream) relative(ps []arrival) (at []int) {
	for _, p := range ps {
		at = append(at, (p.from-s.una)/s.mss)
	}
	return at
}

// sackedAgain is a retransmission of what the tester has said that it has.
func sackedAgain(at int) func(mutate.Hearing) (int, bool) {
	return func(h mutate.Hearing) (int, bool) { return h.Ack + at*1000, h.Dups == 4 }
}

func init() {
	it("tcp.sack.recovery", "what blocks leave out is sent again, in order, once, and what they tell is not",
		check.Proves("RFC2018:5-1", mutate.Resends("the fourth duplicate", sackedAgain(2))).
			And("RFC2018:5-4", mutate.Resends("the fourth duplicate", sackedAgain(3))).
			And("RFC2018:5-5", mutate.Withheld("the second retransmission", func(s mutate.Sending) bool { return s.Again && s.From != s.Acked })).
			And("RFC6675:5-11", mutate.Deferred("retransmissions", 300*time.Millisecond, retransmission)).
			And("RFC6675:4-11", mutate.Misplaces("retransmissions", 2000, func(s mutate.Sending) bool { return s.Again && s.From != s.Acked })).
			And("RFC6675:5-20", mutate.Resends("the fifth duplicate", func(h mutate.Hearing) (int, bool) { return h.Ack + 7000, h.Dups == 5 })).
			And("RFC6675:5-24", mutate.Doubled("retransmissions", 15*time.Millisecond, retransmission)).
			And("RFC6675:5-14", mutate.Withheld("retransmissions behind the first", func(s mutate.Sending) bool { return s.Again && s.From != s.Acked })).
			And("RFC6675:5-13", mutate.Deferred("retransmissions behind the first", 300*time.Millisecond, func(s mutate.Sending) bool { return s.Again && s.From != s.Acked })).
			And("RFC6675:5-19", mutate.Withheld("what recovery sends", func(s mutate.Sending) bool { return s.Again && s.From != s.Acked })).
			And("RFC6675:4-3", mutate.Misplaces("retransmissions", 1000, retransmission)),
		func(host *probe.Tester) {
			s, flight := inFlight(host, sacks, 16)
			// Segments 0 and 5 are lost.
			var all []arrival
			for n := 1; n < flight; n++ {
				switch {
				case n == 5:
					continue
				case n < 5:
					s.report(block{1, n + 1})
				default:
					s.report(block{6, n + 1}, block{1, 5})
				}
				all = append(all, s.after(step/4)...)
			}
			all = append(all, s.after(step)...)
			got := s.relative(again(all))
			for _, requirement := range []string{
				"RFC2018:5-1", "RFC2018:5-4", "RFC2018:5-5", "RFC6675:5-11", "RFC6675:4-11", "RFC6675:5-20", "RFC6675:5-24", "RFC6675:5-14", "RFC6675:5-13", "RFC6675:5-19", "RFC6675:4-3",
			} {
				host.That(requirement, "what is sent again, counted from the first that is missing", got, gomega.Equal([]int{0, 5}))
			}
		})

	it("tcp.sack.threshold", "two segments above a hole bring no retransmission, a third does",
		check.Proves("RFC6675:2-4", mutate.Resends("the second duplicate", firstUpon(upon(2)))).
			And("RFC6675:4-6", mutate.Resends("the first duplicate", firstUpon(upon(1)))).
			And("RFC2018:5.1-2", mutate.Resends("the first duplicate", firstUpon(upon(1)))).
			And("RFC6675:4-4", mutate.Withheld("retransmissions", retransmission)).
			And("RFC6675:4-5", mutate.Deferred("retransmissions", 300*time.Millisecond, retransmission)).
			And("RFC6675:5-4", mutate.Unheard("duplicates", func(h mutate.Hearing) bool { return h.Dups >= 1 && h.Ack > 0 })).
			And("RFC6675:5-3", mutate.Unheard("duplicates", func(h mutate.Hearing) bool { return h.Dups >= 1 && h.Ack > 0 })).
			And("RFC6675:2-1", mutate.Unheard("duplicates", func(h mutate.Hearing) bool { return h.Dups >= 1 && h.Ack > 0 })).
			And("RFC6675:5-6", mutate.Goads("the second duplicate", 3, upon(2))).
			And("RFC6675:5-7", mutate.Goads("the second duplicate", 4, upon(2))),
		func(host *probe.Tester) {
			s, _ := inFlight(host, sacks, 16)
			for n := 1; n <= 2; n++ {
				s.report(block{1, n + 1})
				ps := s.after(step / 4) // before a reordering window of a quarter of the round trip is over
				for _, requirement := range []string{"RFC6675:2-4", "RFC6675:4-6", "RFC2018:5.1-2"} {
					host.That(requirement, "what is sent again upon "+count(n)+" segments above a hole", s.relative(again(ps)), gomega.BeEmpty())
				}
				for _, requirement := range []string{"RFC6675:5-6", "RFC6675:5-7"} {
					host.That(requirement, "segments of new data upon a duplicate", len(fresh(ps)), gomega.BeNumerically("<=", 1))
				}
			}
			s.report(block{1, 4})
			got := s.relative(again(s.after(step)))
			for _, requirement := range []string{"RFC6675:4-4", "RFC6675:4-5", "RFC6675:5-4", "RFC6675:5-3", "RFC6675:2-1"} {
				host.That(requirement, "what is sent again upon three segments above a hole", got, gomega.Equal([]int{0}))
			}
		})

	it("tcp.sack.one-report", "one acknowledgment that reports three segments above a hole is enough",
		check.Proves("RFC6675:5-5", mutate.Withheld("retransmissions", retransmission)).
			And("RFC6675:2-2", mutate.Unheard("the first duplicate", upon(1))).
			And("RFC8985:6.2-6", mutate.Deferred("retransmissions", 300*time.Millisecond, retransmission)).
			And("RFC8985:3.3.2-1", mutate.Deferred("retransmissions", 200*time.Millisecond, retransmission)).
			And("RFC8985:9.2-1", mutate.Doubled("retransmissions", 10*time.Millisecond, retransmission)),
		func(host *probe.Tester) {
			s, _ := inFlight(host, sacks, 16)
			s.report(block{1, 5})
			got := s.relative(again(s.after(step)))
			for _, requirement := range []string{"RFC6675:5-5", "RFC6675:2-2", "RFC8985:6.2-6", "RFC8985:3.3.2-1", "RFC8985:9.2-1"} {
				host.That(requirement, "what is sent again upon one report of four segments", got, gomega.Equal([]int{0}))
			}
		})

	it("tcp.sack.no-news", "acknowledgments without new blocks are no duplicates where SACK is in use, and draw nothing",
		check.Proves("RFC6675:2-3", mutate.Resends("the third duplicate", firstUpon(upon(3)))).
			And("RFC6675:8-1", mutate.Resends("the fourth duplicate", firstUpon(upon(4)))).
			And("RFC5681:3.2-8", mutate.Goads("the first duplicate", 1, upon(1))).
			And("RFC3042:2-5", mutate.Goads("the second duplicate", 1, upon(2))).
			And("RFC3042:4-1", mutate.Goads("the third duplicate", 1, upon(3))).
			And("RFC5681:2-9", mutate.Resends("the fifth duplicate", firstUpon(upon(5)))),
		func(host *probe.Tester) {
			s, _ := inFlight(host, sacks, 16)
			for range 5 {
				s.repeat()
				ps := s.after(step / 2)
				for _, requirement := range []string{"RFC6675:2-3", "RFC6675:8-1", "RFC5681:2-9"} {
					host.That(requirement, "what is sent again", s.relative(again(ps)), gomega.BeEmpty())
				}
				for _, requirement := range []string{"RFC5681:3.2-8", "RFC3042:2-5", "RFC3042:4-1"} {
					host.That(requirement, "segments of new data", len(fresh(ps)), gomega.Equal(0))
				}
			}
		})

	it("tcp.sack.reset-count", "an acknowledgment of new data begins the count of duplicates anew",
		check.Proves("RFC6675:5-2", mutate.Resends("the first duplicate behind two others", firstUpon(func(h mutate.Hearing) bool { return h.Dups == 2 && h.Behind == 0 && h.Ack > 11_000 }))),
		func(host *probe.Tester) {
			s, _ := inFlight(host, sacks, 16)
			for n := 1; n <= 2; n++ {
				s.report(block{1, n + 1})
				s.after(step / 4)
			}
			s.take(s.una + 3*s.mss)
			s.after(step / 4)
			for n := 1; n <= 2; n++ {
				s.report(block{1, n + 1})
				host.That("RFC6675:5-2", "what is sent again upon two segments above a hole", s.relative(again(s.after(step/2))), gomega.BeEmpty())
			}
		})

	it("tcp.sack.window", "in recovery no more is in flight than half of what was, and the window is that when it ends",
		check.Proves("RFC6675:5-10", mutate.Goads("the end of recovery", 14, afterLoss)).
			And("RFC6675:5-23", mutate.Goads("the eighth duplicate", 30, upon(8))).
			And("RFC2018:5.1-1", mutate.Goads("the end of recovery", 12, afterLoss)).
			And("RFC2018:5.1-3", mutate.Goads("the tenth duplicate", 30, upon(10))).
			And("RFC6675:5-15", mutate.Resends("the end of recovery", firstUpon(afterLoss))).
			And("RFC6675:5-9", mutate.Goads("the end of recovery", 13, afterLoss)).
			And("RFC6675:4-8", mutate.Withheld("new data in recovery", func(s mutate.Sending) bool { return !s.Again && s.Losses >= 1 && s.Dups > 3 })).
			And("RFC6675:4-9", mutate.Goads("the ninth duplicate", 30, upon(9))).
			And("RFC6675:4-12", mutate.Withheld("new data in recovery", func(s mutate.Sending) bool { return !s.Again && s.Losses >= 1 && s.Dups > 3 })).
			And("RFC6937:4-1", mutate.Goads("the end of recovery", 11, afterLoss)).
			And("RFC6937:4-3", mutate.Goads("the ninth duplicate", 25, upon(9))).
			And("RFC6937:3.1-1", mutate.Goads("the seventh duplicate", 25, upon(7))).
			And("RFC8985:9.3-2", mutate.Goads("the eighth duplicate", 25, upon(8))),
		func(host *probe.Tester) {
			s, flight := inFlight(host, sacks, 16)
			total, top := 0, flight
			for n := 1; n < top; n++ {
				s.report(block{1, n + 1})
				wait := step / 4
				if n <= 2 {
					wait = step / 2
				}
				ps := s.after(wait)
				if n <= 2 {
					top += len(fresh(ps)) // limited transmit: it arrives, too
				}
				total += len(fresh(ps))
			}
			total += len(fresh(s.after(step)))
			extra := top - flight
			for _, requirement := range []string{"RFC6675:5-23", "RFC2018:5.1-3", "RFC6675:4-9", "RFC6937:4-3", "RFC6937:3.1-1", "RFC8985:9.3-2"} {
				host.That(requirement, "segments of new data in recovery, with "+count(flight)+" in flight before", total-extra, gomega.BeNumerically("<=", flight/2+1))
			}
			for _, requirement := range []string{"RFC6675:4-8", "RFC6675:4-12"} {
				host.That(requirement, "segments of new data in recovery, with "+count(flight)+" in flight before", total-extra, gomega.BeNumerically(">=", flight/2-4))
			}
			s.take(s.una + top*s.mss)
			ps := s.after(step)
			host.That("RFC6675:5-15", "what is sent again behind the end of recovery", s.relative(again(ps)), gomega.BeEmpty())
			for _, requirement := range []string{"RFC6675:5-10", "RFC2018:5.1-1", "RFC6675:5-9", "RFC6937:4-1"} {
				host.That(requirement, "segments in flight behind recovery, from "+count(flight), s.flight(), gomega.BeNumerically("<=", (flight+1)/2))
			}
		})

	it("tcp.sack.nothing-left", "in recovery with no data left, nothing is sent but one rescue",
		check.Proves("RFC6675:4-18", mutate.Resends("the fifth duplicate", func(h mutate.Hearing) (int, bool) { return h.Ack + 4000, h.Dups == 5 })).
			And("RFC6675:4-14", mutate.Resends("the sixth duplicate", func(h mutate.Hearing) (int, bool) { return h.Ack + 3000, h.Dups == 6 })).
			And("RFC6675:4-15", mutate.Resends("the sixth duplicate", func(h mutate.Hearing) (int, bool) { return h.Ack + 2000, h.Dups == 6 })),
		func(host *probe.Tester) {
			s := opened(host, sacks, roundTrip)
			s.write(10)
			s.round()
			var all []arrival
			for n := 1; n < 8; n++ { // 0, 8 and 9 are lost
				s.report(block{1, n + 1})
				all = append(all, s.after(step/2)...)
			}
			got := s.relative(again(all))
			rescues := slices.DeleteFunc(slices.Clone(got), func(n int) bool { return n == 0 })
			for _, requirement := range []string{"RFC6675:4-18", "RFC6675:4-14", "RFC6675:4-15"} {
				host.That(requirement, "what is sent again beside the first, counted from it: nothing, or the last one", rescues, gomega.Or(gomega.BeEmpty(), gomega.Equal([]int{9})))
			}
			host.Observed("RFC6675:4-14", "sent again: %v", got)
		})

	it("tcp.sack.kept", "what was reported is kept until it is acknowledged, and sent again after a timeout if it comes to that",
		check.Proves("RFC2018:8-4", mutate.Withheld("retransmissions of what was reported", func(s mutate.Sending) bool { return s.Again && s.From >= 1000 })).
			And("RFC2018:5-8", mutate.Withheld("retransmissions of what was reported", func(s mutate.Sending) bool { return s.Again && s.From >= 1000 })).
			And("RFC2018:5-7", mutate.Withheld("later retransmissions", func(s mutate.Sending) bool { return s.Again && s.From >= 1000 })).
			And("RFC2018:3-11", mutate.Withheld("later retransmissions", func(s mutate.Sending) bool { return s.Again && s.From >= 1000 })),
		func(host *probe.Tester) {
			// The tester reports all but the first segment, takes that, and has thrown the rest away.
			s := opened(host, sacks, roundTrip)
			s.write(6)
			s.round()
			s.report(block{1, 2})
			s.timedOut(1)
			s.take(s.una + s.mss)
			at := s.una
			s.Until(20*time.Second, func() bool { return len(s.Carrying(at)) >= 2 })
			for _, requirement := range []string{"RFC2018:8-4", "RFC2018:5-8", "RFC2018:5-7", "RFC2018:3-11"} {
				if host.That(requirement, "a segment that was reported and is not acknowledged is sent again", len(s.Carrying(at)) >= 2, gomega.BeTrue()) {
					want := probe.Pattern(6 * s.mss)[at : at+10]
					host.That(requirement, "its octets are the same", bytes.HasPrefix(s.Carrying(at)[1].Body(tcp.Proto), want), gomega.BeTrue())
				}
			}
		})

	it("tcp.sack.timeout", "after a timeout the first segment is sent again, and the rest by what is reported from then on",
		check.Proves("RFC2018:5-6", mutate.Withheld("retransmissions", retransmission)).
			And("RFC2018:5.1-5", mutate.Misplaces("retransmissions", 1000, retransmission)).
			And("RFC6675:5.1-1", mutate.Withheld("retransmissions", retransmission)).
			And("RFC6675:5.1-2", mutate.Misplaces("retransmissions", 2000, retransmission)).
			And("RFC6675:5.1-3", mutate.Resends("a report behind a timeout", func(h mutate.Hearing) (int, bool) { return h.Ack + 4000, h.Expiries >= 1 && h.Since == 2 })).
			And("RFC6675:5.1-9", mutate.Resends("a report behind a timeout", func(h mutate.Hearing) (int, bool) { return h.Ack + 5000, h.Expiries >= 1 && h.Since == 2 })).
			And("RFC6675:5.1-6", mutate.Overshoots("the first retransmission", 30, expired)).
			And("RFC6675:5.1-7", mutate.Resends("reports behind a timeout", func(h mutate.Hearing) (int, bool) { return h.Ack + 6000, h.Expiries >= 1 && h.Since == 3 })).
			And("RFC6675:6-1", mutate.Withheld("retransmissions", retransmission)).
			And("RFC8985:6.3-1", mutate.Withheld("retransmissions", retransmission)),
		func(host *probe.Tester) {
			s, _ := inFlight(host, sacks, 16)
			ps := s.timedOut(1)
			first := s.relative(again(ps))
			for _, requirement := range []string{"RFC2018:5-6", "RFC2018:5.1-5", "RFC6675:5.1-1", "RFC6675:5.1-2", "RFC6675:6-1", "RFC8985:6.3-1"} {
				host.That(requirement, "what is sent again when the timer expires", slices.Contains(first, 0), gomega.BeTrue())
			}
			host.That("RFC6675:5.1-6", "segments sent when the timer expires", len(ps), gomega.BeNumerically("<=", 2))
			var all []arrival
			s.take(s.una+s.mss, s.blocks(block{4, 9}))
			all = append(all, s.after(step)...)
			for n := 9; n < 12; n++ {
				s.report(block{3, n})
				all = append(all, s.after(step)...)
			}
			got := s.relative(again(all))
			got = slices.DeleteFunc(got, func(n int) bool { return n < 3 || n > 7 })
			for _, requirement := range []string{"RFC6675:5.1-3", "RFC6675:5.1-9", "RFC6675:5.1-7"} {
				host.That(requirement, "what was reported behind the timeout and is sent again nevertheless", got, gomega.BeEmpty())
			}
		})

	it("tcp.sack.uneven", "blocks that begin or end inside a segment count for whole segments only",
		check.Proves("RFC2018:5-2", mutate.Withheld("retransmissions", retransmission)).
			And("RFC2018:5-3", mutate.Withheld("all but the first retransmission", func(s mutate.Sending) bool { return s.Again && s.From >= 11_000 })),
		func(host *probe.Tester) {
			s, flight := inFlight(host, sacks, 16)
			// The first segment and the first half of the second are missing.
			at := func(n int) uint32 { return uint32(s.Theirs(s.una + n)) }
			for n := 4; n < flight; n++ {
				s.repeat(tcp.SACKBlocks(tcp.Block{Left: at(s.mss * 3 / 2), Right: at(n*s.mss + 300)}))
				s.after(step / 2)
			}
			s.after(step)
			host.That("RFC2018:5-2", "how often the first segment was sent", len(s.Carrying(s.una)), gomega.BeNumerically(">=", 2))
			s.take(s.una + s.mss)
			s.Until(4*time.Second, func() bool { return len(s.Carrying(s.una)) >= 2 })
			host.That("RFC2018:5-3", "how often the missing half of the second segment was sent", len(s.Carrying(s.una)), gomega.BeNumerically(">=", 2))
		})

	it("tcp.sack.reported-duplicates", "reports of duplicates are no news of new data: they bring no retransmission",
		check.Proves("RFC2883:2-3", mutate.Resends("the third report", firstUpon(upon(3)))).
			And("RFC2883:5-1", mutate.Resends("the fourth report", firstUpon(upon(4)))).
			And("RFC2883:5-2", mutate.Resends("an old report", func(h mutate.Hearing) (int, bool) { return h.Ack + 1000, h.Stale })).
			And("RFC2883:5-3", mutate.Resends("the fifth report", firstUpon(upon(5)))),
		func(host *probe.Tester) {
			s, _ := inFlight(host, sacks, 16)
			var all []arrival
			for range 4 { // below the acknowledgment
				s.report(block{-2, -1})
				all = append(all, s.after(step/4)...)
			}
			for range 2 { // of data below SND.UNA, in an acknowledgment that is old
				s.ACK(s.Acks(s.una-2*s.mss), s.blocks(block{-2, -1}))
				all = append(all, s.after(step/4)...)
			}
			host.That("RFC2883:5-2", "what is sent again upon old reports", s.relative(again(all)), gomega.BeEmpty())
			for range 3 { // above it, within the second block: the second counts, for one segment
				s.report(block{1, 2}, block{1, 2})
				all = append(all, s.after(step/8)...)
			}
			for _, requirement := range []string{"RFC2883:2-3", "RFC2883:5-1", "RFC2883:5-3"} {
				host.That(requirement, "what is sent again upon reports of duplicates", s.relative(again(all)), gomega.BeEmpty())
			}
		})
}
