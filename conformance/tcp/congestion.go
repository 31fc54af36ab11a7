package tcp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// acknowledged is the n-th acknowledgment of new data, counted from 1, that of the SYN,ACK included.
func acknowledged(n int) func(mutate.Hearing) bool {
	return func(h mutate.Hearing) bool { return h.Losses == 0 && h.After == n && h.Dups == 0 }
}

// timedOut lets everything in flight be lost and waits until the timer has expired n times; it gives what was sent then.
func (s *stream) timedOut(n int) (ps []arrival) {
	s.news()
	before := len(s.Carrying(s.una))
	s.Until(20*time.Second, func() bool { return len(s.Carrying(s.una)) >= before+n })
	return s.after(step)
}

func init() {
	it("tcp.slow-start.growth", "the window doubles at most in a round trip, and slow start goes on until something is lost",
		check.Proves("RFC5681:3.1-14", mutate.Goads("an acknowledgment", 40, acknowledged(8))).
			And("RFC3465:2.4-1", mutate.Goads("an acknowledgment", 60, acknowledged(18))).
			And("RFC5681:3-1", mutate.Goads("an acknowledgment", 50, acknowledged(12))).
			And("RFC5681:3.1-11", mutate.Withheld("more than 35 segments in flight", func(s mutate.Sending) bool { return s.From-s.Acked > 35_000 })).
			And("RFC3465:2.2-1", mutate.Withheld("more than 30 segments in flight", func(s mutate.Sending) bool { return s.From-s.Acked > 30_000 })),
		func(host *probe.Tester) {
			s := opened(host, plain, roundTrip)
			s.write(400)
			s.round()
			sizes := []int{s.flight()}
			for range 4 {
				if s.flight() > 70 {
					break
				}
				s.each()
				s.round()
				sizes = append(sizes, s.flight())
			}
			host.Step("segments in flight, round by round: %v", sizes)
			for i := 1; i < len(sizes); i++ {
				for _, requirement := range []string{"RFC5681:3.1-14", "RFC3465:2.4-1", "RFC5681:3-1"} {
					host.That(requirement, "segments in flight, a round trip after "+count(sizes[i-1]), sizes[i], gomega.BeNumerically("<=", 2*sizes[i-1]))
				}
			}
			last := sizes[len(sizes)-1]
			for _, requirement := range []string{"RFC5681:3.1-11", "RFC3465:2.2-1"} {
				host.That(requirement, "segments in flight, without a loss", last, gomega.BeNumerically(">=", 40))
			}
		})

	it("tcp.slow-start.stretch", "an acknowledgment of many segments enlarges the window by two of them at most",
		check.Proves("RFC3465:2.3-3", mutate.Goads("an acknowledgment", 14, acknowledged(2))).
			And("RFC3465:2.3-2", mutate.Goads("an acknowledgment", 15, acknowledged(2))).
			And("RFC3465:4-1", mutate.Goads("an acknowledgment", 16, acknowledged(2))),
		func(host *probe.Tester) {
			s := opened(host, plain, roundTrip)
			s.write(100)
			s.round()
			flight := s.flight()
			s.takeSegments(min(8, flight))
			s.after(step)
			grown := s.flight() - flight
			for _, requirement := range []string{"RFC3465:2.3-2", "RFC3465:2.3-3", "RFC3465:4-1"} {
				host.That(requirement, "growth of the window with one acknowledgment of eight segments", grown, gomega.BeNumerically("<=", 2))
			}
			host.Observed("RFC3465:2.3-2", "L is %d segments", grown)
		})

	it("tcp.slow-start.split", "acknowledgments of parts of a segment gain no more than one of all of it",
		check.Proves("RFC5681:3.1-15", mutate.Goads("the tenth of them", 4, acknowledged(11))).
			And("RFC5681:5-1", mutate.Goads("the tenth of them", 5, acknowledged(11))).
			And("RFC3465:2.3-1", mutate.Goads("the ninth of them", 5, acknowledged(10))).
			And("RFC3465:3.1-1", mutate.Goads("the ninth of them", 6, acknowledged(10))).
			And("RFC3465:3.3-1", mutate.Goads("the tenth of them", 6, acknowledged(11))),
		func(host *probe.Tester) {
			s := opened(host, plain, roundTrip)
			s.write(100)
			s.round()
			flight := s.flight()
			for range 10 {
				s.take(s.una + s.mss/10)
				s.Wait(step / 4)
			}
			s.after(step)
			grown := s.flight() - flight
			for _, requirement := range []string{"RFC5681:3.1-15", "RFC5681:5-1", "RFC3465:2.3-1", "RFC3465:3.1-1", "RFC3465:3.3-1"} {
				host.That(requirement, "growth of the window with ten acknowledgments of a tenth of a segment", grown, gomega.BeNumerically("<=", 1))
			}
		})

	it("tcp.timeout.one", "a timeout sends one segment, and slow start begins with it",
		check.Proves("RFC5681:3.1-28", mutate.Overshoots("the first retransmission", 25, expired)).
			And("RFC6928:2-9", mutate.Overshoots("the first retransmission", 30, expired)).
			And("RFC3465:2.3-4", mutate.Goads("the acknowledgment of the retransmission", 3, sinceExpiry(1))).
			And("RFC3465:3.2-1", mutate.Goads("the acknowledgment of the retransmission", 4, sinceExpiry(1))).
			And("RFC5682:4-2", mutate.Goads("the acknowledgment of the retransmission", 5, sinceExpiry(1))).
			And("RFC2018:5.1-4", mutate.Withheld("retransmissions", retransmission)),
		func(host *probe.Tester) {
			s, _ := inFlight(host, plain, 16)
			ps := s.timedOut(1)
			host.That("RFC2018:5.1-4", "whether the timeout sends anything", len(ps) > 0, gomega.BeTrue())
			for _, requirement := range []string{"RFC5681:3.1-28", "RFC6928:2-9"} {
				host.That(requirement, "what the timeout sends", s.froms(ps), gomega.Equal([]int{s.una / s.mss}))
			}
			s.takeSegments(1)
			ps = s.after(step)
			for _, requirement := range []string{"RFC3465:2.3-4", "RFC3465:3.2-1", "RFC5682:4-2"} {
				host.That(requirement, "segments sent upon the acknowledgment of the retransmission", len(ps), gomega.BeNumerically("<=", 2))
			}
		})

	it("tcp.timeout.growth", "after a timeout slow start goes up to half of what was in flight, and from there one segment a round trip",
		check.Proves("RFC5681:3.1-29", mutate.Goads("a later acknowledgment behind a timeout", 30, sinceExpiry(7))).
			And("RFC8985:9.3-1", mutate.Goads("a later acknowledgment behind a timeout", 31, sinceExpiry(12))),
		func(host *probe.Tester) {
			s, flight := inFlight(host, plain, 30)
			r := s.receive(nil)
			sizes := []int{len(s.timedOut(1))}
			first := s.una / s.mss
			r.arrived(first)
			s.takeSegments(1)
			for range 8 {
				sizes = append(sizes, len(r.turn()))
			}
			host.Step("segments sent, round by round: %v", sizes)
			for i := 1; i < len(sizes); i++ {
				most := min(2*sizes[i-1]+1, flight/2+i)
				for _, requirement := range []string{"RFC5681:3.1-29", "RFC8985:9.3-1"} {
					host.That(requirement, "segments in round trip "+count(i)+" behind a timeout with "+count(flight)+" in flight, after "+count(sizes[i-1]), sizes[i], gomega.BeNumerically("<=", most))
				}
			}
		})

	it("tcp.timeout.twice", "a second timeout of the same segment leaves the threshold as it is",
		check.Proves("RFC5681:3.1-27", mutate.Withheld("more than three segments at a time behind a timeout", func(s mutate.Sending) bool { return s.Expiries >= 2 && s.From-s.Acked > 3000 })),
		func(host *probe.Tester) {
			s, flight := inFlight(host, plain, 16)
			if len(s.timedOut(2)) == 0 {
				host.Inconclusive("the timer did not expire twice in 20 s")
			}
			r := s.receive(nil)
			r.arrived(s.una / s.mss)
			s.takeSegments(1)
			most := 0
			for range 7 {
				most = max(most, len(r.turn()))
			}
			host.That("RFC5681:3.1-27", "segments in the largest round of seven, with "+count(flight)+" in flight before", most, gomega.BeNumerically(">=", 6))
		})

	it("tcp.congestion.flight-size", "what was in flight is halved at a loss, not the window",
		check.Proves("RFC5681:3.1-26", mutate.Goads("the end of recovery", 45, afterLoss)),
		func(host *probe.Tester) {
			s := opened(host, plain, roundTrip)
			s.write(10 + 20 + 40)
			s.grow(40)
			s.each()
			s.settle()
			s.write(6)
			if len(fresh(s.round())) != 6 {
				host.Inconclusive("the target did not send six segments at once")
			}
			for range 5 {
				s.repeat()
				s.after(step)
			}
			s.take(s.top)
			s.settle()
			s.write(60)
			s.after(step)
			// RFC 7661, 4.4.1 takes what was acknowledged in a round trip, 40 segments, where that is more.
			host.That("RFC5681:3.1-26", "segments in flight after a loss with six of them and a window of 40 to 80", s.flight(), gomega.BeNumerically("<=", 20))
		})

	it("tcp.congestion.idle", "after a pause the window is not larger than before it",
		check.Proves("RFC5681:4.1-1", mutate.Overshoots("the first segment behind the pause", 100, nth(70))).
			And("RFC5681:4.1-2", mutate.Overshoots("the first segment behind the pause", 81, nth(70))).
			And("RFC6928:2-7", mutate.Overshoots("the first segment behind the pause", 85, nth(70))).
			And("RFC6928:2-8", mutate.Overshoots("the first segment behind the pause", 90, nth(70))),
		func(host *probe.Tester) {
			s := opened(host, plain, roundTrip)
			s.write(10 + 20 + 40)
			s.grow(40)
			s.each()
			s.Wait(3 * time.Second)
			s.write(200)
			s.after(step)
			for _, requirement := range []string{"RFC5681:4.1-1", "RFC5681:4.1-2", "RFC6928:2-7", "RFC6928:2-8"} {
				host.That(requirement, "segments in flight after a pause; RFC 5681 and RFC 6928 have ten, RFC 7661 keeps 80", s.flight(), gomega.BeNumerically("<=", 80))
			}
			host.Observed("RFC6928:2-7", "%d segments after a pause of 3 s, with a window of 80 at most before", s.flight())
		})

	suite.It("tcp.congestion.path-mtu", "when segments turn out to be too big, no more of the smaller ones are in flight",
		check.Proves("RFC5681:3.1-9", mutate.Overshoots("a retransmission", 30, func(s mutate.Sending) bool { return s.Again && s.To-s.From < 1000 })).
			And("RFC5681:3.1-10", mutate.Overshoots("a retransmission", 40, func(s mutate.Sending) bool { return s.Again && s.To-s.From < 1000 })).Needs(target.Agent),
		func(p *probe.P) {
			host := p.IPv4()
			s := opened(host, kind{mss: 1460}, roundTrip)
			s.write(60)
			ps := s.round()
			if len(ps) == 0 {
				host.Inconclusive("the target sends nothing")
			}
			flight := s.flight()
			host.Send(tooBig(s.host, ps[0], 576))
			ps = s.after(roundTrip)
			host.Step("%d segments were in flight, %d are sent again", flight, len(ps))
			if len(ps) == 0 {
				host.Inconclusive("the target does not heed the ICMP error")
			}
			small := 0
			for _, p := range ps {
				if p.to-p.from <= 576-40 {
					small++
				}
			}
			for _, requirement := range []string{"RFC5681:3.1-9", "RFC5681:3.1-10"} {
				host.That(requirement, "segments of the new size sent at once, with "+count(flight)+" in flight before", small, gomega.BeNumerically("<=", flight))
			}
		})
}

// expired is the first retransmission by the timer.
func expired(s mutate.Sending) bool { return s.Expiries == 1 && s.Again && s.From == s.Acked }

// sinceExpiry is the n-th acknowledgment behind an expiry.
func sinceExpiry(n int) func(mutate.Hearing) bool {
	return func(h mutate.Hearing) bool { return h.Expiries >= 1 && h.Since == n }
}

// tooBig is the error that says that a packet does not fit through a link.
func tooBig(host *probe.Tester, p arrival, mtu uint) packet.Template {
	return icmpv4.Unreachable(4).With(icmpv4.MTU.Is(mtu)).Then(packet.Payload(host.Quote(p.Frame)))
}
