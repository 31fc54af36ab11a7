package tcp

import (
	"strconv"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/probe"
)

// inFlight opens a connection whose target has n segments or more in flight, and much more to send. The first of them is
// lost, as the scripts have it.
func inFlight(host *probe.Tester, k kind, n int) (s *stream, flight int) {
	s = opened(host, k, roundTrip)
	s.write(400)
	return s, s.grow(n)
}

// afterLoss is an acknowledgment of new data behind three duplicates: partial, or the end of a recovery.
func afterLoss(h mutate.Hearing) bool { return h.Losses >= 1 && h.Dups == 0 }

func init() {
	it("tcp.fast-retransmit.third", "the first two duplicates draw a segment of new data each, the third what is missing",
		check.Proves("RFC3042:2-1", mutate.Withheld("new data upon a duplicate", func(s mutate.Sending) bool { return !s.Again && s.Dups == 1 })).
			And("RFC5681:3.2-6", mutate.Withheld("new data upon the second duplicate", func(s mutate.Sending) bool { return !s.Again && s.Dups == 2 })).
			And("RFC5681:3.2-5", mutate.Resends("the second duplicate", firstUpon(upon(2)))).
			And("RFC3042:2-6", mutate.Resends("the first duplicate", firstUpon(upon(1)))).
			And("RFC3042:2-3", mutate.Goads("the second duplicate", 2, upon(2))).
			And("RFC3042:4-2", mutate.Goads("the first duplicate", 3, upon(1))).
			And("RFC5681:3.2-3", mutate.Withheld("retransmissions", retransmission)).
			And("RFC5681:3.2-4", mutate.Deferred("retransmissions", 500*time.Millisecond, retransmission)).
			And("RFC3042:2-7", mutate.Unheard("the third duplicate", upon(3))).
			And("RFC5681:3.2-11", mutate.Misplaces("retransmissions", 1000, retransmission)),
		func(host *probe.Tester) {
			s, flight := inFlight(host, plain, 16)
			var drawn [3][]arrival
			for i := range drawn {
				s.repeat()
				drawn[i] = s.after(step)
			}
			for i, requirement := range []string{"RFC3042:2-1", "RFC5681:3.2-6"} {
				host.That(requirement, "segments of new data upon the duplicate", len(fresh(drawn[i])), gomega.Equal(1))
			}
			early := s.froms(append(again(drawn[0]), again(drawn[1])...))
			host.That("RFC3042:2-6", "what is sent again upon the first two duplicates", early, gomega.BeEmpty())
			host.That("RFC5681:3.2-5", "what is sent again upon the first two duplicates", early, gomega.BeEmpty())
			host.That("RFC3042:2-3", "segments in flight after two duplicates, with a window of "+count(flight), len(fresh(drawn[0]))+len(fresh(drawn[1]))+flight, gomega.BeNumerically("<=", flight+2))
			host.That("RFC3042:4-2", "segments of new data after two duplicates", len(fresh(drawn[0]))+len(fresh(drawn[1])), gomega.BeNumerically("<=", 2))
			for _, requirement := range []string{"RFC5681:3.2-3", "RFC5681:3.2-4", "RFC5681:3.2-11", "RFC3042:2-7"} {
				host.That(requirement, "what is sent again upon the third duplicate", s.froms(again(drawn[2])), gomega.Equal([]int{s.una / s.mss}))
			}
		})

	it("tcp.fast-retransmit.unchanged", "what the first two duplicates draw leaves the congestion window as it is",
		check.Proves("RFC5681:3.2-7", mutate.Goads("an acknowledgment behind two duplicates", 6, behindTwo)).
			And("RFC3042:2-4", mutate.Goads("an acknowledgment behind two duplicates", 7, behindTwo)),
		func(host *probe.Tester) {
			s, flight := inFlight(host, plain, 10)
			s.repeat()
			s.Wait(step)
			s.repeat()
			s.after(step)
			s.takeSegments(3) // the first and those that the duplicates told of
			s.after(step)
			// The window grew by what was acknowledged at most.
			host.That("RFC5681:3.2-7", "segments in flight", s.flight(), gomega.BeNumerically("<=", flight+3))
			host.That("RFC3042:2-4", "segments in flight", s.flight(), gomega.BeNumerically("<=", flight+3))
		})

	it("tcp.fast-retransmit.window", "what a duplicate draws must find room in the peer's window",
		check.Proves("RFC3042:2-2", mutate.Goads("the first duplicate", 1, upon(1))).
			And("RFC5681:3.1-2", mutate.Goads("the second duplicate", 1, upon(2))),
		func(host *probe.Tester) {
			s := opened(host, plain, roundTrip, func(c *probe.Conn) { c.Offer.Scale, c.Window = false, 6000 })
			s.write(50)
			s.round()
			if s.flight() != 6 {
				host.Inconclusive("the target has %d segments in flight, not the 6 of the window", s.flight())
			}
			s.repeat()
			s.Wait(step)
			s.repeat()
			ps := s.after(step)
			host.That("RFC3042:2-2", "what duplicates draw when the peer's window is full", s.froms(ps), gomega.BeEmpty())
			host.That("RFC5681:3.1-2", "what duplicates draw when the peer's window is full", s.froms(ps), gomega.BeEmpty())
		})

	for _, k := range []struct {
		id, title, requirement string
		dup                    func(s *stream)
		hasty                  mutate.Mutation
	}{
		{"data", "segments with data are no duplicate acknowledgments", "RFC5681:2-5",
			func(s *stream) { s.Data([]byte("x"), s.Acks(s.una)) }, mutate.Resends("the third of them", firstUpon(upon(3)))},
		{"fin", "a segment with FIN is no duplicate acknowledgment", "RFC5681:2-6",
			func(s *stream) {
				if s.SndNxt == s.ISS+1 {
					s.FIN(s.Acks(s.una))
				} else {
					s.repeat()
				}
			}, mutate.Resends("a FIN and two duplicates", firstUpon(upon(3)))},
		{"old", "acknowledgments of what was acknowledged before are no duplicates", "RFC5681:2-7",
			func(s *stream) { s.ACK(s.Acks(s.una - s.mss)) },
			mutate.Resends("an old acknowledgment", func(h mutate.Hearing) (int, bool) {
				return h.Ack + 1000, h.Losses == 0 && h.Top >= 20000 && h.Dups == 0 && h.Stale
			})},
		{"window", "updates that open the window are no duplicates", "RFC5681:2-8",
			func(s *stream) { s.Window += 64; s.repeat() }, mutate.Resends("the third of them", firstUpon(upon(3)))},
		{"window-smaller", "updates that narrow the window are no duplicates", "RFC5681:2-8",
			func(s *stream) { s.Window -= 64; s.repeat() }, mutate.Resends("the third of them", firstUpon(upon(3)))},
	} {
		it("tcp.fast-retransmit.no-"+k.id, k.title, check.Proves(k.requirement, k.hasty), func(host *probe.Tester) {
			s := opened(host, plain, roundTrip, func(c *probe.Conn) { c.Window = 60000 })
			s.write(400)
			s.grow(16)
			for range 3 {
				k.dup(s)
				host.That(k.requirement, "what is sent again", s.froms(again(s.after(step))), gomega.BeEmpty())
			}
		})
	}

	it("tcp.fast-retransmit.no-flight", "where nothing is in flight nothing counts as a duplicate",
		check.Proves("RFC5681:2-4", mutate.Resends("the fifth repetition", firstUpon(upon(5)))),
		func(host *probe.Tester) {
			s := opened(host, plain, roundTrip)
			s.write(5)
			s.round()
			s.take(s.top)
			for range 3 {
				s.repeat()
			}
			s.settle()
			s.write(5)
			if len(s.after(step)) < 4 {
				host.Inconclusive("the target did not send five segments")
			}
			for range 2 {
				s.repeat()
				host.That("RFC5681:2-4", "what is sent again", s.froms(again(s.after(step))), gomega.BeEmpty())
			}
		})

	it("tcp.fast-recovery.one-loss", "one loss halves the window, and what arrives meanwhile lets new data out",
		check.Proves("RFC5681:3.2-9", mutate.Goads("the end of recovery", 8, afterLoss)).
			And("RFC5681:3.1-12", mutate.Goads("the end of recovery", 14, afterLoss)).
			And("RFC5681:3.1-25", mutate.Goads("the end of recovery", 10, afterLoss)).
			And("RFC5681:3.2-10", mutate.Goads("the end of recovery", 2, afterLoss)).
			And("RFC5681:3.2-12", mutate.Goads("the fifth duplicate", 16, upon(5))).
			And("RFC5681:3.2-13", mutate.Withheld("new data upon the third duplicate and further ones", func(s mutate.Sending) bool { return !s.Again && s.Dups >= 3 })).
			And("RFC5681:3.2-15", mutate.Withheld("new data upon the fourth duplicate and further ones", func(s mutate.Sending) bool { return !s.Again && s.Dups >= 4 })).
			And("RFC5681:3.2-16", mutate.Goads("the end of recovery", 3, afterLoss)).
			And("RFC5681:4.3-2", mutate.Goads("the end of recovery", 4, afterLoss)).
			And("RFC5681:4.3-4", mutate.Goads("the end of recovery", 5, afterLoss)).
			And("RFC6582:3.2-5", mutate.Goads("the end of recovery", 6, afterLoss)).
			And("RFC6582:3.2-6", mutate.Resends("the end of recovery", firstUpon(afterLoss))).
			And("RFC6582:3.2-7", mutate.Goads("the end of recovery", 7, afterLoss)).
			And("RFC6582:6-1", mutate.Goads("the end of recovery", 12, afterLoss)).
			And("RFC6582:6-4", mutate.Deferred("a segment behind the end of recovery", 40*time.Millisecond,
				func(s mutate.Sending) bool { return !s.Again && s.Losses >= 1 && s.Dups == 0 })).
			And("RFC6582:1-1", mutate.Withheld("retransmissions", retransmission)),
		func(host *probe.Tester) {
			s, flight := inFlight(host, plain, 16)
			r := s.lossOf(flight, 1)
			if !host.That("RFC6582:1-1", "what is sent again upon three duplicates", s.froms(again(r.upon[2])), gomega.Equal([]int{s.una / s.mss})) {
				return
			}
			during := len(fresh(r.later))
			// By RFC 5681 the window is flight/2+3 and grows by one with each further duplicate; PRR sends on every other one.
			host.That("RFC5681:3.2-12", "segments of new data in recovery, of a window of "+count(flight), during, gomega.BeNumerically("<=", flight/2+2))
			host.That("RFC5681:3.2-13", "segments of new data in recovery", during, gomega.BeNumerically(">=", flight/2-4))
			host.That("RFC5681:3.2-15", "segments of new data in recovery", during, gomega.BeNumerically(">", 1))
			outstanding := s.top
			s.take(r.full)
			ps := s.after(step)
			host.That("RFC6582:3.2-6", "what is sent again upon the acknowledgment of everything", s.froms(again(ps)), gomega.BeEmpty())
			for _, requirement := range []string{"RFC5681:3.2-9", "RFC5681:3.1-12", "RFC5681:3.1-25", "RFC5681:3.2-10", "RFC5681:3.2-16", "RFC5681:4.3-2", "RFC5681:4.3-4", "RFC6582:3.2-5"} {
				host.That(requirement, "segments in flight after recovery, from "+count(flight), s.flight(), gomega.BeNumerically("<=", (flight+1)/2))
			}
			burst := (s.top - outstanding) / s.mss
			for _, requirement := range []string{"RFC6582:3.2-7", "RFC6582:6-1"} {
				host.That(requirement, "segments sent upon the acknowledgment of everything", burst, gomega.BeNumerically("<=", 4))
			}
			host.That("RFC6582:6-4", "what is sent without a further event", s.froms(s.after(2*step)), gomega.BeEmpty())
		})

	it("tcp.fast-recovery.growth", "after recovery the window grows by one segment a round trip",
		check.Proves("RFC5681:3.1-17", mutate.Withheld("new data after the loss", lateNew)).
			And("RFC5681:3.1-18", mutate.Goads("an acknowledgment after recovery", 16, afterRecovery(16))).
			And("RFC5681:3.1-19", mutate.Withheld("new data after a while", func(s mutate.Sending) bool { return lateNew(s) && s.From > 75_000 })).
			And("RFC5681:3.1-20", mutate.Goads("an acknowledgment after recovery", 16, afterRecovery(20))).
			And("RFC5681:3.1-21", mutate.Goads("an acknowledgment after recovery", 16, afterRecovery(24))).
			And("RFC5681:3.1-22", mutate.Goads("an acknowledgment after recovery", 16, afterRecovery(28))).
			And("RFC5681:3.1-13", mutate.Goads("an acknowledgment after recovery", 16, afterRecovery(32))).
			And("RFC5681:3.1-16", mutate.Goads("an acknowledgment after recovery", 16, afterRecovery(36))).
			And("RFC5681:4.3-5", mutate.Goads("an acknowledgment after recovery", 16, afterRecovery(40))).
			And("RFC3465:2.1-1", mutate.Goads("an acknowledgment after recovery", 16, afterRecovery(44))).
			And("RFC3465:2.1-2", mutate.Goads("an acknowledgment after recovery", 16, afterRecovery(48))),
		func(host *probe.Tester) {
			s, flight := inFlight(host, plain, 16)
			s.take(s.lossOf(flight, 1).full)
			s.round()
			sizes := []int{s.flight()}
			for range 5 {
				s.each()
				s.round()
				sizes = append(sizes, s.flight())
			}
			host.Step("segments in flight, round by round: %v", sizes)
			for i := 1; i < len(sizes); i++ {
				for _, requirement := range []string{"RFC5681:3.1-18", "RFC5681:3.1-20", "RFC5681:3.1-21", "RFC5681:3.1-22", "RFC5681:3.1-13", "RFC5681:3.1-16", "RFC5681:4.3-5", "RFC3465:2.1-1", "RFC3465:2.1-2"} {
					host.That(requirement, "growth of the window in a round trip, "+count(sizes[i-1])+" to "+count(sizes[i]), sizes[i]-sizes[i-1], gomega.BeNumerically("<=", 1))
				}
			}
			grown := sizes[len(sizes)-1] - sizes[0]
			for _, requirement := range []string{"RFC5681:3.1-17", "RFC5681:3.1-19"} {
				host.That(requirement, "growth of the window in five round trips", grown, gomega.BeNumerically(">=", 3))
			}
			host.Observed("RFC5681:3.1-18", "%d segments in five round trips", grown)
			host.Observed("RFC5681:3.1-22", "%d segments in five round trips", grown)
		})

	it("tcp.fast-recovery.again", "losses in two successive windows halve the window twice",
		check.Proves("RFC5681:4.3-6", mutate.Goads("the end of recovery", 6, afterLoss)),
		func(host *probe.Tester) {
			s, flight := inFlight(host, plain, 20)
			s.take(s.lossOf(flight, 1).full)
			s.round()
			s.each() // the next window
			s.round()
			half := s.flight()
			s.take(s.lossOf(half, 1).full)
			s.after(step)
			host.That("RFC5681:4.3-6", "segments in flight after two losses, from "+count(flight)+" and "+count(half), s.flight(), gomega.BeNumerically("<=", (half+1)/2))
			host.That("RFC5681:4.3-6", "segments in flight after two losses, from "+count(flight), s.flight(), gomega.BeNumerically("<=", (flight+7)/4))
		})

	it("tcp.newreno.partial", "an acknowledgment of a part draws the next missing segment at once, one for each",
		check.Proves("RFC6582:3.2-8", mutate.Withheld("retransmissions upon a partial acknowledgment", func(s mutate.Sending) bool { return s.Again && s.Dups == 0 })).
			And("RFC6582:3.2-9", mutate.Resends("a partial acknowledgment", func(h mutate.Hearing) (int, bool) { return h.Ack + 3000, afterLoss(h) })).
			And("RFC6582:3.2-10", mutate.Goads("a partial acknowledgment", 10, afterLoss)).
			And("RFC6582:3.2-11", mutate.Goads("a partial acknowledgment", 7, afterLoss)).
			And("RFC6582:3.2-12", mutate.Goads("a partial acknowledgment", 4, afterLoss)).
			And("RFC6582:3.2-13", mutate.Resends("the third duplicate behind a partial acknowledgment",
				firstUpon(func(h mutate.Hearing) bool { return h.Losses == 2 && h.Dups == 3 }))).
			And("RFC5681:4.3-1", mutate.Goads("a partial acknowledgment", 20, afterLoss)).
			And("RFC5681:4.3-3", mutate.Goads("a partial acknowledgment", 30, afterLoss)).
			And("RFC5681:4.3-7", mutate.Deferred("retransmissions upon a partial acknowledgment", time.Second, func(s mutate.Sending) bool { return s.Again && s.Dups == 0 })),
		func(host *probe.Tester) {
			s, flight := inFlight(host, plain, 16)
			r := s.lossOf(flight, 3)
			if got := s.froms(again(r.upon[2])); len(got) == 0 {
				host.Inconclusive("three duplicates drew no retransmission")
			}
			start, total := s.una, len(fresh(r.later))
			for _, hole := range []int{5, 10} {
				s.take(start + hole*s.mss)
				ps := s.after(step)
				total += len(fresh(ps))
				for _, requirement := range []string{"RFC6582:3.2-8", "RFC6582:3.2-9", "RFC5681:4.3-7"} {
					host.That(requirement, "what a partial acknowledgment draws", s.froms(again(ps)), gomega.Equal([]int{s.una / s.mss}))
				}
				for _, requirement := range []string{"RFC6582:3.2-10", "RFC6582:3.2-11", "RFC6582:3.2-12"} {
					host.That(requirement, "segments of new data upon a partial acknowledgment", len(fresh(ps)), gomega.BeNumerically("<=", 3))
				}
				for range 4 {
					s.repeat()
					ps := s.after(step)
					total += len(fresh(ps))
					host.That("RFC6582:3.2-13", "what duplicates behind a partial acknowledgment draw again", s.froms(again(ps)), gomega.BeEmpty())
				}
			}
			// Three round trips: half of the flight in each.
			for _, requirement := range []string{"RFC5681:4.3-1", "RFC5681:4.3-3"} {
				host.That(requirement, "segments of new data in three round trips of recovery, of a window of "+count(flight), total, gomega.BeNumerically("<=", 3*flight/2))
			}
		})

	it("tcp.newreno.timer", "the first partial acknowledgment restarts the retransmission timer",
		check.Proves("RFC6582:3.2-14", mutate.Doubled("a retransmission", 200*time.Millisecond, func(s mutate.Sending) bool { return s.Again && s.Dups == 0 })),
		func(host *probe.Tester) {
			s, flight := inFlight(host, plain, 16)
			s.lossOf(flight, 3)
			s.Wait(150 * time.Millisecond)
			s.take(s.una + 5*s.mss)
			at := s.Now()
			s.after(step)
			s.Until(4*time.Second, func() bool { return len(s.Carrying(s.una)) >= 3 })
			fs := s.Carrying(s.una)
			if host.That("RFC6582:3.2-14", "the segment is sent again when the timer expires", len(fs) >= 3, gomega.BeTrue()) {
				host.Between("RFC6582:3.2-14", "the timeout behind a partial acknowledgment", fs[2].At-at, 290*time.Millisecond, time.Hour)
			}
		})
}

// afterRecovery is the n-th acknowledgment of new data after a loss.
func afterRecovery(n int) func(mutate.Hearing) bool {
	return func(h mutate.Hearing) bool { return h.Losses >= 1 && h.After == n && h.Dups == 0 }
}

// behindTwo is an acknowledgment of new data behind two duplicates.
func behindTwo(h mutate.Hearing) bool { return h.Ack > 0 && h.Dups == 0 && h.Behind == 2 }

// lateNew is new data after a loss, when recovery is over.
func lateNew(s mutate.Sending) bool { return !s.Again && s.Losses >= 1 && s.Dups == 0 }

// losing is what came in a recovery.
type losing struct {
	upon  [3][]arrival // upon the first three duplicates
	later []arrival    // upon the others
	full  int          // the position that ends it, when everything was repaired
}

// lossOf lets the first of flight segments be lost, and n-1 others: each that arrives is a duplicate. What limited transmit
// sent upon the first two arrives, too; what comes later is still on its way.
func (s *stream) lossOf(flight, n int) (l losing) {
	for i := range l.upon {
		s.repeat()
		l.upon[i] = s.after(step)
	}
	l.full = s.top
	for range flight - n - 3 + len(fresh(l.upon[0])) + len(fresh(l.upon[1])) {
		s.repeat()
		l.later = append(l.later, s.after(step/4)...)
	}
	l.later = append(l.later, s.after(step)...)
	return l
}

func count(n int) string { return strconv.Itoa(n) }
