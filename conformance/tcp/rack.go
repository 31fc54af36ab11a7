package tcp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// resentWithin is how long after now the segment at a position is sent once more.
func (s *stream) resentWithin(at int, most time.Duration) (time.Duration, bool) {
	began, had := s.Now(), len(s.Carrying(at))
	s.Until(most, func() bool { return len(s.Carrying(at)) > had })
	s.news()
	if fs := s.Carrying(at); len(fs) > had {
		return fs[had].At - began, true
	}
	return 0, false
}

func init() {
	const quarter = roundTrip / 4 // the first reordering window
	claims := func(requirements []string, m mutate.Mutation) (c check.Claims) {
		for _, r := range requirements {
			c = c.And(r, m)
		}
		return c.Needs(target.RACK)
	}
	early := mutate.Resends("the first duplicate", firstUpon(upon(1)))
	never := mutate.Withheld("retransmissions", retransmission)
	late := mutate.Deferred("retransmissions", 400*time.Millisecond, retransmission)

	it("tcp.rack.window", "one segment above a hole brings the retransmission when the reordering window has passed",
		claims([]string{"RFC8985:3.3.1-1", "RFC8985:6.2-9", "RFC8985:3.3.2-2"}, early).
			And("RFC8985:6.2-8", never).And("RFC8985:6.2-15", never).And("RFC8985:6.2-13", late).And("RFC8985:3.3.2-4", late).And("RFC8985:3.3.2-5", late),
		func(host *probe.Tester) {
			s, _ := inFlight(host, sacks, 16)
			s.report(block{1, 2})
			d, ok := s.resentWithin(s.una, 2*time.Second)
			for _, requirement := range []string{"RFC8985:6.2-8", "RFC8985:6.2-15"} {
				host.That(requirement, "what is missing is sent again, with no further acknowledgment", ok, gomega.BeTrue())
			}
			for _, requirement := range []string{"RFC8985:3.3.1-1", "RFC8985:6.2-9", "RFC8985:3.3.2-2"} {
				host.That(requirement, "the time until it is sent again", d, gomega.BeNumerically(">", quarter/2))
			}
			for _, requirement := range []string{"RFC8985:6.2-13", "RFC8985:3.3.2-4", "RFC8985:3.3.2-5"} {
				host.That(requirement, "the time until it is sent again; the round-trip time bounds the reordering window", d, gomega.BeNumerically("<", roundTrip+grain))
			}
		})

	it("tcp.rack.duplicates", "a reported duplicate lengthens the reordering window, once in a round trip",
		claims([]string{"RFC8985:3.3.2-3", "RFC8985:4-4", "RFC8985:6.2-10"}, mutate.Resends("a duplicate", firstUpon(func(h mutate.Hearing) bool { return h.Ack > 11_000 && h.Dups == 2 }))).And("RFC8985:6.2-11", late),
		func(host *probe.Tester) {
			s, _ := inFlight(host, sacks, 16)
			s.report(block{1, 2})
			if _, ok := s.resentWithin(s.una, time.Second); !ok {
				host.Inconclusive("what is missing is not sent again")
			}
			s.Wait(roundTrip)
			both := s.blocks(block{0, 1}) // it was not lost: both have come
			s.take(s.top, both)
			s.repeat(both)
			s.round()
			s.report(block{1, 2})
			d, ok := s.resentWithin(s.una, 2*time.Second)
			for _, requirement := range []string{"RFC8985:3.3.2-3", "RFC8985:4-4", "RFC8985:6.2-10"} {
				host.That(requirement, "the time until what is missing is sent again, two quarters of a round trip", d, gomega.BeNumerically(">", quarter+quarter/2))
			}
			host.That("RFC8985:6.2-11", "what is missing is sent again within a round trip and the grain of timers", ok && d < roundTrip+grain, gomega.BeTrue())
		})

	it("tcp.rack.reordered", "where reordering was seen three segments above a hole do not bring a retransmission at once",
		claims([]string{"RFC8985:6.2-7"}, mutate.Resends("the first duplicate behind reordering", firstUpon(func(h mutate.Hearing) bool { return h.Dups == 1 && h.Ack > 11_000 }))),
		func(host *probe.Tester) {
			s, _ := inFlight(host, sacks, 16)
			s.report(block{1, 2})
			s.after(step / 4)
			s.take(s.una + 2*s.mss) // it came after all, and was sent once
			s.after(step / 4)
			s.report(block{1, 4})
			host.That("RFC8985:6.2-7", "what is sent again at once", s.relative(again(s.after(step/2))), gomega.BeEmpty())
		})

	it("tcp.rack.lost-again", "a retransmission that is lost is found by what was sent after it, and sent again without a timeout",
		claims([]string{"RFC8985:6.2-14"}, mutate.Withheld("second retransmissions", func(s mutate.Sending) bool { return s.Times >= 2 })).
			And("RFC8985:9.3-3", mutate.Goads("what shows the second loss", 40, func(h mutate.Hearing) bool { return h.Dups == 20 })),
		func(host *probe.Tester) {
			s, flight := inFlight(host, sacks, 16)
			for n := 1; n < flight; n++ {
				s.report(block{1, n + 1})
				s.after(step / 8)
			}
			ps := s.after(roundTrip)
			if s.top <= s.una+flight*s.mss {
				host.Inconclusive("no new data was sent in recovery: %d arrivals", len(ps))
			}
			had := len(s.Carrying(s.una))
			before := s.top
			s.report(block{1, (s.top - s.una) / s.mss})
			s.after(roundTrip)
			host.That("RFC8985:6.2-14", "the segment is sent again", len(s.Carrying(s.una)) > had, gomega.BeTrue())
			host.That("RFC8985:9.3-3", "segments of new data upon the second loss, with "+count(flight)+" in flight before the first", (s.top-before)/s.mss, gomega.BeNumerically("<=", flight/2))
		})

	it("tcp.rack.split", "acknowledgments of an octet each tell of no loss",
		claims([]string{"RFC8985:10-1"}, mutate.Resends("an acknowledgment of an octet", func(h mutate.Hearing) (int, bool) { return h.Ack + 1, h.Ack%1000 == 3 })),
		func(host *probe.Tester) {
			s, _ := inFlight(host, sacks, 16)
			var all []arrival
			for range 5 {
				s.take(s.una + 1)
				all = append(all, s.after(step/2)...)
			}
			host.That("RFC8985:10-1", "what is sent again", s.froms(again(all)), gomega.BeEmpty())
		})

	tail := func(host *probe.Tester, n int) *stream {
		s := opened(host, sacks, roundTrip)
		s.write(10)
		s.round()
		s.each()
		s.settle()
		s.write(n)
		s.Until(time.Second, func() bool { s.news(); return s.flight() == n })
		return s
	}
	probe2 := func(s mutate.Sending) bool { return s.Again && s.Times == 1 && s.From == 12_000 }

	it("tcp.tlp.probe", "when the end of the data is not acknowledged, its last segment is sent again after two round trips, once",
		claims([]string{"RFC8985:3.2-1", "RFC8985:7.3-7", "RFC8985:7.2-1", "RFC8985:4-5"}, mutate.Withheld("probes", probe2)).
			And("RFC8985:7.2-4", mutate.Doubled("the last segment", 80*time.Millisecond, func(s mutate.Sending) bool { return s.From == 12_000 && s.Times == 0 })).
			And("RFC8985:7.2-8", mutate.Deferred("probes", 400*time.Millisecond, probe2)).
			And("RFC8985:7.2-7", mutate.Deferred("probes", 850*time.Millisecond, probe2)).
			And("RFC8985:7.3-1", mutate.Doubled("probes", 50*time.Millisecond, probe2)).
			And("RFC8985:7.3-2", mutate.Doubled("probes", 40*time.Millisecond, probe2)).
			And("RFC8985:7.3-3", mutate.Doubled("probes", 30*time.Millisecond, probe2)).
			And("RFC8985:7.3-4", mutate.Withheld("the first segment again", func(s mutate.Sending) bool { return s.Again && s.From == 10_000 })).
			And("RFC8985:7.3-9", mutate.Withheld("the first segment again", func(s mutate.Sending) bool { return s.Again && s.From == 10_000 })),
		func(host *probe.Tester) {
			s := tail(host, 3)
			last := s.una + 2*s.mss
			sent := s.Carrying(last)[0].At
			s.Until(3*time.Second, func() bool { return len(s.Carrying(s.una)) >= 2 })
			probes := s.Carrying(last)
			for _, requirement := range []string{"RFC8985:3.2-1", "RFC8985:7.3-7", "RFC8985:7.2-1", "RFC8985:4-5"} {
				host.That(requirement, "the last segment is sent again before the first", len(probes) > 1, gomega.BeTrue())
			}
			for _, requirement := range []string{"RFC8985:7.3-1", "RFC8985:7.3-2", "RFC8985:7.3-3"} {
				host.That(requirement, "probes before the timer expires", len(probes)-1, gomega.BeNumerically("<=", 1))
			}
			for _, requirement := range []string{"RFC8985:7.3-4", "RFC8985:7.3-9"} {
				host.That(requirement, "behind the probe the retransmission timer expires", len(s.Carrying(s.una)) > 1, gomega.BeTrue())
			}
			if len(probes) > 1 {
				d := probes[1].At - sent
				host.That("RFC8985:7.2-4", "the time until the probe", d, gomega.BeNumerically(">=", 2*roundTrip-step))
				host.That("RFC8985:7.2-8", "the time until the probe", d, gomega.BeNumerically("<=", 4*roundTrip+grain))
				host.That("RFC8985:7.2-7", "the time until the probe", d, gomega.BeNumerically("<=", time.Second))
			}
		})

	it("tcp.tlp.restarted", "an acknowledgment of new data restarts the timer of the probe",
		claims([]string{"RFC8985:7.2-2"}, mutate.Doubled("the last segment", 200*time.Millisecond, func(s mutate.Sending) bool { return s.From == 12_000 && s.Times == 0 })),
		func(host *probe.Tester) {
			s := tail(host, 3)
			s.Wait(roundTrip)
			s.takeSegments(1)
			d, ok := s.resentWithin(s.una+s.mss, 2*time.Second)
			host.That("RFC8985:7.2-2", "the time until the probe, counted from the acknowledgment", d, gomega.BeNumerically(">=", 2*roundTrip-step))
			host.That("RFC8985:7.2-2", "the probe is sent", ok, gomega.BeTrue())
		})

	it("tcp.tlp.single", "the probe of a single segment may wait for a delayed acknowledgment",
		claims([]string{"RFC8985:7.2-6", "RFC8985:9.4-1"}, mutate.Doubled("the segment", 80*time.Millisecond, func(s mutate.Sending) bool { return s.From == 10_000 && s.Times == 0 })),
		func(host *probe.Tester) {
			s := tail(host, 1)
			d, _ := s.resentWithin(s.una, 3*time.Second)
			host.That("RFC8985:7.2-6", "the time until the probe", d, gomega.BeNumerically(">=", 2*roundTrip-2*step))
			host.That("RFC8985:9.4-1", "the time until the probe", d, gomega.BeNumerically(">=", 2*roundTrip-2*step))
			host.Observed("RFC8985:7.2-6", "the probe came after %v, with a round trip of %v", d, roundTrip)
		})

	it("tcp.tlp.new-data", "where there is new data the probe is new data, one segment beyond the window",
		claims([]string{"RFC8985:7.3-5"}, mutate.Withheld("probes", func(s mutate.Sending) bool { return !s.Again && s.From >= 30_000 })).
			And("RFC8985:7.3-6", mutate.Overshoots("probes", 3, func(s mutate.Sending) bool { return !s.Again && s.From == 30_000 })).
			And("RFC8985:7.4.2-5", mutate.Withheld("much new data behind the probe", func(s mutate.Sending) bool { return s.From >= 40_000 })).
			And("RFC8985:9.3-4", mutate.Overshoots("probes", 4, func(s mutate.Sending) bool { return !s.Again && s.From == 30_000 })),
		func(host *probe.Tester) {
			s, _ := inFlight(host, sacks, 20)
			ps := fresh(s.after(2*roundTrip + grain))
			host.That("RFC8985:7.3-5", "segments of new data, two round trips without an acknowledgment later", len(ps), gomega.BeNumerically(">=", 1))
			for _, requirement := range []string{"RFC8985:7.3-6", "RFC8985:9.3-4"} {
				host.That(requirement, "segments of new data, two round trips without an acknowledgment later", len(ps), gomega.BeNumerically("<=", 1))
			}
			flight := s.flight()
			s.each()
			s.round()
			host.That("RFC8985:7.4.2-5", "segments in flight when all was acknowledged, from "+count(flight), s.flight(), gomega.BeNumerically(">=", flight-1))
		})

	it("tcp.tlp.recovery", "in recovery no probe is sent",
		claims([]string{"RFC8985:7.2-3"}, mutate.Doubled("the last segment", 260*time.Millisecond, func(s mutate.Sending) bool { return s.From == 15_000 && s.Times == 0 })),
		func(host *probe.Tester) {
			s := tail(host, 6)
			s.Wait(roundTrip)
			s.report(block{1, 5})
			s.after(step)
			host.That("RFC8985:7.2-3", "how often the last segment was sent again in two round trips of recovery", countLast(s, 2*roundTrip-step), gomega.Equal(0))
		})

	it("tcp.tlp.repair", "an acknowledgment of the probe shows what was lost before it",
		claims([]string{"RFC8985:7.4.1-1"}, mutate.Withheld("the first segment again", func(s mutate.Sending) bool { return s.Again && s.From == 10_000 })),
		func(host *probe.Tester) {
			s := tail(host, 3)
			if _, ok := s.resentWithin(s.una+2*s.mss, 800*time.Millisecond); !ok {
				host.Inconclusive("no probe came")
			}
			s.Wait(roundTrip + step) // sooner than the least round trip it would not count as an answer to the probe
			s.report(block{2, 3})
			_, ok := s.resentWithin(s.una, roundTrip+grain)
			host.That("RFC8985:7.4.1-1", "the first segment is sent again", ok || len(s.Carrying(s.una)) > 1, gomega.BeTrue())
		})

	for _, k := range []struct {
		id, title string
		answer    func(s *stream)
		reduced   bool
		claims    check.Claims
	}{
		{"tcp.tlp.dsack", "a report that the probe came twice ends the episode without a smaller window",
			func(s *stream) { s.take(s.top); s.settle(); s.ACK(s.Acks(s.una), s.blocks(block{-1, 0})) }, false,
			claims([]string{"RFC8985:7.4.2-2"}, mutate.Withheld("much new data behind the probe", func(s mutate.Sending) bool { return s.From > 18_000 }))},
		{"tcp.tlp.repeated", "a repeated acknowledgment ends the episode without a smaller window",
			func(s *stream) { s.take(s.top); s.settle(); s.repeat() }, false,
			claims([]string{"RFC8985:7.4.2-3"}, mutate.Withheld("much new data behind the probe", func(s mutate.Sending) bool { return s.From > 18_000 }))},
	} {
		it(k.id, k.title, k.claims, func(host *probe.Tester) {
			s := tail(host, 3)
			if _, ok := s.resentWithin(s.una+2*s.mss, 800*time.Millisecond); !ok {
				host.Inconclusive("no probe came")
			}
			k.answer(s)
			s.settle()
			s.write(60)
			s.after(step)
			host.That(k.claims.Requirements()[0], "segments in flight behind the probe, with a window of ten or more before", s.flight(), gomega.BeNumerically(">=", 9))
		})
	}

	it("tcp.tlp.loss", "where the probe repaired a loss the window is reduced as for any other",
		claims([]string{"RFC8985:7.4.2-1", "RFC8985:7.4.2-4"}, mutate.Goads("the acknowledgment of new data behind the probe", 40, func(h mutate.Hearing) bool { return h.Ack == 14_000 && h.Dups == 0 })),
		func(host *probe.Tester) {
			s := tail(host, 3)
			if _, ok := s.resentWithin(s.una+2*s.mss, 800*time.Millisecond); !ok {
				host.Inconclusive("no probe came")
			}
			s.take(s.una + 3*s.mss) // the last was lost, the probe was not: nothing reports a duplicate
			s.settle()
			s.write(60)
			s.round()
			s.takeSegments(1)
			s.after(step)
			for _, requirement := range []string{"RFC8985:7.4.2-1", "RFC8985:7.4.2-4"} {
				host.That(requirement, "segments in flight behind the first acknowledgment of later data, with a window of twenty before", s.flight(), gomega.BeNumerically("<=", 21))
			}
		})
}

// countLast counts how often the last segment is sent again within d.
func countLast(s *stream, d time.Duration) int {
	had := len(s.Carrying(s.top - 1))
	s.Wait(d)
	return len(s.Carrying(s.top-1)) - had
}
