package tcp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// grain is how coarse a target's timers may be (RFC 6298, section 4: anything; 100 ms or finer works better), and as much
// later an expiry may be. Earlier it may not be, but for what rounding does.
const (
	grain     = 110 * time.Millisecond
	roundings = 6 * time.Millisecond
)

// sampleRTT is the round trip of the scripts about the timeout: 4*RTTVAR is then above 1 s and 3*R is the RTO, also where
// the least RTO of 1 s is taken as the least of the variance's part.
const sampleRTT = 600 * time.Millisecond

// timely asserts how long the target waited.
func timely(host *probe.Tester, requirement, what string, got, want time.Duration) {
	host.Between(requirement, what, got, want-roundings, want+grain)
}

// gaps waits in vain for n transmissions of the octet at a position, and gives the times between them.
func (s *stream) gaps(at, n int, most time.Duration) []time.Duration {
	s.Until(most, func() bool { return len(s.Carrying(at)) >= n })
	s.news()
	return probe.Gaps(s.Carrying(at))
}

// one lets the application send one segment and waits for it.
func (s *stream) one() *arrival {
	s.write(1)
	for range 50 {
		if ps := fresh(s.after(step)); len(ps) > 0 {
			return &ps[len(ps)-1]
		}
	}
	s.host.Inconclusive("the target did not send what its application wrote")
	return nil
}

// measured lets the application send one segment and acknowledges it r after it was sent; it tells
// what that has become.
func (s *stream) measured(r time.Duration) time.Duration {
	p := s.one()
	s.Wait(p.At + r - s.Now())
	r = max(r, s.Now()-p.At)
	s.take(s.top)
	s.settle()
	return r
}

// repeatedAfter is how long after its first transmission the segment at a position was sent again; the check ends when it
// was not.
func (s *stream) repeatedAfter(requirement string, at int, most time.Duration) (d time.Duration, ok bool) {
	gaps := s.gaps(at, 2, most)
	if s.host.That(requirement, "the segment is sent again", len(gaps), gomega.BeNumerically(">", 0)) {
		return gaps[0], true
	}
	return 0, false
}

// estimate is the timeout after the handshake's round trip and a second one, which is longer.
func (s *stream) estimate(second time.Duration) time.Duration {
	return 7*s.first/8 + second/8 + 4*(3*s.first/8+(second-s.first)/4)
}

func init() {
	syn := tcp.Segment(tcp.Control(tcp.SYN))

	it("tcp.rto.syn", "a SYN that is not answered is sent again after a second or more, and then after twice as long",
		check.Proves("RFC6298:2-1", mutate.Lags(syn, 1, 8*time.Second)).
			And("RFC6298:2-2", mutate.Repeat(syn, 400*time.Millisecond)).
			And("RFC6298:2-3", mutate.Lags(syn, 2, 1500*time.Millisecond)),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Dial()
			c.Until(12*time.Second, func() bool { return len(c.Sent(tcp.Control(tcp.SYN))) >= 3 })
			gaps := probe.Gaps(c.Sent(tcp.Control(tcp.SYN)))
			if !host.That("RFC6298:2-1", "how often the SYN was sent again", len(gaps), gomega.BeNumerically(">=", 2)) {
				return
			}
			host.Between("RFC6298:2-1", "the first timeout", gaps[0], 0, 3*time.Second+grain)
			host.Between("RFC6298:2-2", "the first timeout", gaps[0], time.Second-roundings, time.Hour)
			host.Observed("RFC6298:2-2", "%v", gaps[0])
			host.Between("RFC6298:2-3", "the second timeout, after a first one of "+gaps[0].String(), gaps[1], 2*gaps[0]-2*grain, 2*gaps[0]+2*grain)
		})

	it("tcp.rto.syn-lost", "after a handshake in which the timer expired, data begins with a timeout of 3 s",
		check.Proves("RFC6298:5-10", mutate.Doubled("the first data", 1100*time.Millisecond, nth(0))).
			And("RFC6298:7-1", mutate.Doubled("the first data", 2*time.Second, nth(0))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Offer = probe.Offer{MSS: 1000}
			c.Listen()
			c.Accepting = c.Listener.Accept()
			c.Connect()
			if !c.Until(4*time.Second, func() bool { return len(c.Sent(tcp.Control(tcp.SYN|tcp.ACK))) >= 2 }) {
				host.Inconclusive("SYN,ACK was not sent again")
			}
			c.ACK()
			if c.Socket = c.Accepting.Socket(time.Second); c.Socket == nil {
				host.Inconclusive("the target's accept did not return")
			}
			s := &stream{Conn: c, host: host, mss: 1000, rtt: roundTrip}
			s.one()
			if d, ok := s.repeatedAfter("RFC6298:5-10", 0, 8*time.Second); ok {
				host.Between("RFC6298:5-10", "the first timeout of data", d, 3*time.Second-roundings, time.Hour)
				host.Between("RFC6298:7-1", "the first timeout of data", d, 3*time.Second-roundings, 3*time.Second+grain)
			}
		})

	it("tcp.rto.first-sample", "the first round-trip time R makes the timeout 3*R, which doubles at each expiry",
		check.Proves("RFC6298:2-4", mutate.Doubled("the first data", 1200*time.Millisecond, nth(0))).
			And("RFC6298:2-5", mutate.Deferred("the first retransmission", 400*time.Millisecond, func(s mutate.Sending) bool { return s.Times >= 1 })).
			And("RFC6298:1-1", mutate.Doubled("the first data", 1500*time.Millisecond, nth(0))).
			And("RFC6298:5-1", mutate.Doubled("the first retransmission", 1800*time.Millisecond, nth(1))).
			And("RFC6298:5-7", mutate.Doubled("the first retransmission", 2500*time.Millisecond, nth(1))).
			And("RFC6298:5-9", mutate.Deferred("the second retransmission", time.Second, func(s mutate.Sending) bool { return s.Times >= 2 })).
			And("RFC6298:5-3", mutate.Withheld("retransmissions", retransmission)).
			And("RFC6298:5-2", mutate.Withheld("any but the first retransmission", func(s mutate.Sending) bool { return s.Times >= 2 })).Slow(),
		func(host *probe.Tester) {
			s := opened(host, plain, sampleRTT)
			s.one()
			rto := 3 * s.first
			gaps := s.gaps(0, 3, 12*time.Second)
			if !host.That("RFC6298:5-3", "the segment is sent again", len(gaps) > 0, gomega.BeTrue()) ||
				!host.That("RFC6298:5-2", "the segment is sent again and again", len(gaps) > 1, gomega.BeTrue()) {
				return
			}
			host.Between("RFC6298:1-1", "the first timeout", gaps[0], rto-roundings, time.Hour)
			timely(host, "RFC6298:2-4", "the first timeout", gaps[0], rto)
			timely(host, "RFC6298:2-5", "the first timeout", gaps[0], rto)
			host.Between("RFC6298:5-1", "the second timeout", gaps[1], 2*rto-2*roundings, time.Hour)
			host.Between("RFC6298:5-7", "the second timeout", gaps[1], 2*rto-2*roundings, time.Hour)
			host.Between("RFC6298:5-9", "the second timeout", gaps[1], 2*gaps[0]-2*grain, 2*gaps[0]+2*grain)
		})

	it("tcp.rto.minimum", "a timeout is never below a second",
		check.Proves("RFC6298:2-11", mutate.Doubled("data", 600*time.Millisecond, nth(0))),
		func(host *probe.Tester) {
			s := opened(host, plain, 50*time.Millisecond)
			s.one()
			if d, ok := s.repeatedAfter("RFC6298:2-11", 0, 4*time.Second); ok {
				host.Between("RFC6298:2-11", "the first timeout", d, time.Second-roundings, time.Hour)
			}
		})

	it("tcp.rto.maximum", "the doubling goes on until a minute at least is reached",
		check.Proves("RFC6298:2-12", mutate.Doubled("the sixth transmission", 30*time.Second, nth(5))).
			And("RFC6298:5-8", mutate.Doubled("the eighth transmission", 55*time.Second, nth(7))).Slow(),
		func(host *probe.Tester) {
			s := opened(host, plain, roundTrip)
			s.one()
			gaps := s.gaps(0, 9, 280*time.Second)
			if !host.That("RFC6298:2-12", "how often the segment was sent again", len(gaps), gomega.BeNumerically(">=", 8)) {
				return
			}
			for i := 1; i < len(gaps); i++ {
				requirement := "RFC6298:2-12"
				if gaps[i-1] > 30*time.Second {
					requirement = "RFC6298:5-8"
				}
				rto := gaps[i-1]
				if !host.Virtual() { // the timer may have been late, by its granularity G (RFC 6298, 2): that of Linux is an eighth
					rto = rto * 8 / 9
				}
				host.Between(requirement, "a timeout behind one of "+gaps[i-1].String(), gaps[i], min(2*rto-2*grain, 60*time.Second-roundings), time.Hour)
			}
			host.Observed("RFC6298:5-8", "the longest timeout is %v", gaps[len(gaps)-1])
		})

	it("tcp.rto.later-samples", "later round-trip times move RTTVAR and SRTT by a quarter and an eighth, once a round trip at least",
		check.Proves("RFC6298:2-6", mutate.Doubled("data that is not acknowledged", 1850*time.Millisecond, nth(1))).
			And("RFC6298:2-7", mutate.Doubled("data that is not acknowledged", 1900*time.Millisecond, nth(1))).
			And("RFC6298:2-9", mutate.Deferred("the retransmission", 400*time.Millisecond, retransmission)).
			And("RFC6298:2-10", mutate.Doubled("data that is not acknowledged", 1300*time.Millisecond, nth(1))).
			And("RFC6298:3-5", mutate.Doubled("data that is not acknowledged", 1800*time.Millisecond, nth(1))).Slow(),
		func(host *probe.Tester) {
			s := opened(host, plain, sampleRTT)
			second := s.measured(time.Second)
			s.one()
			// RTTVAR = 3/4*300 + 1/4*400 = 325, SRTT = 7/8*600 + 1/8*1000 = 650.
			want := s.estimate(second)
			if d, ok := s.repeatedAfter("RFC6298:2-10", s.una, 8*time.Second); ok {
				for _, requirement := range []string{"RFC6298:2-6", "RFC6298:2-7", "RFC6298:2-9", "RFC6298:2-10"} {
					timely(host, requirement, "the timeout after round trips of 600 and 1000 ms", d, want)
				}
				host.Between("RFC6298:3-5", "the timeout after a second sample", d, 3*sampleRTT+50*time.Millisecond, time.Hour)
			}
		})

	it("tcp.rto.karn", "a segment that was sent twice is not measured: the timeout stays doubled until one that was not is",
		check.Proves("RFC6298:3-1", mutate.Doubled("data that follows a retransmission", 1800*time.Millisecond, nth(2))).
			And("RFC6298:3-2", mutate.Doubled("data that follows a retransmission", 1940*time.Millisecond, nth(2))).Slow(),
		func(host *probe.Tester) {
			s := opened(host, plain, sampleRTT)
			s.one()
			first, ok := s.repeatedAfter("RFC6298:3-1", 0, 8*time.Second)
			if !ok {
				return
			}
			s.Wait(roundTrip)
			s.take(s.top)
			s.settle()
			s.one()
			if d, ok := s.repeatedAfter("RFC6298:3-2", s.una, 8*time.Second); ok {
				host.Between("RFC6298:3-1", "the timeout after a retransmission was acknowledged", d, 2*first-2*grain, 2*first+2*grain)
				host.Between("RFC6298:3-2", "the timeout after a retransmission was acknowledged", d, 2*first-2*grain, 2*first+2*grain)
			}
		})

	it("tcp.rto.recovers", "a new sample brings the timeout back down after it was doubled",
		check.Proves("RFC6298:5-11", mutate.Deferred("the last retransmission", 2*time.Second, func(s mutate.Sending) bool { return s.Nth == 4 })).Slow(),
		func(host *probe.Tester) {
			s := opened(host, plain, sampleRTT)
			s.one()
			if _, ok := s.repeatedAfter("RFC6298:5-11", 0, 8*time.Second); !ok {
				return
			}
			s.take(s.top)
			s.settle()
			s.measured(sampleRTT)
			s.one()
			if d, ok := s.repeatedAfter("RFC6298:5-11", s.una, 8*time.Second); ok {
				// RTTVAR = 3/4*300, SRTT = 600; what never lets the variance's part below 1 s has 1600.
				host.Between("RFC6298:5-11", "the timeout after a new sample", d, 1500*time.Millisecond-roundings, 3*sampleRTT+grain)
			}
		})

	it("tcp.rto.cleared", "after several expiries a new sample may count as the first, or as one of many",
		check.Proves("RFC6298:5-12", mutate.Deferred("the last retransmission", 3*time.Second, func(s mutate.Sending) bool { return s.Nth == 6 })).
			And("RFC6298:5-13", mutate.Doubled("the last data", 1500*time.Millisecond, nth(5))).Slow(),
		func(host *probe.Tester) {
			s := opened(host, plain, sampleRTT)
			s.one()
			if gaps := s.gaps(0, 4, 20*time.Second); len(gaps) < 3 {
				host.Inconclusive("the segment was sent again %d times in 20 s", len(gaps))
			}
			s.take(s.top)
			s.settle()
			second := s.measured(1200 * time.Millisecond)
			s.one()
			d, ok := s.repeatedAfter("RFC6298:5-13", s.una, 12*time.Second)
			if !ok {
				return
			}
			// Kept: RTTVAR = 3/4*300 + 1/4*600 = 375, SRTT = 7/8*600 + 1/8*1200 = 675. Cleared: 3*1200.
			kept, cleared := s.estimate(second), 3*second
			if d > (kept+cleared)/2 {
				host.Observed("RFC6298:5-12", "SRTT and RTTVAR were cleared: the timeout is %v", d)
				timely(host, "RFC6298:5-12", "the timeout after the first sample", d, cleared)
				timely(host, "RFC6298:5-13", "the timeout after the first sample", d, cleared)
				return
			}
			host.Observed("RFC6298:5-12", "SRTT and RTTVAR were kept: the timeout is %v", d)
			timely(host, "RFC6298:5-12", "the timeout after one more sample", d, kept)
			timely(host, "RFC6298:5-13", "the timeout after one more sample", d, kept)
		})

	it("tcp.rto.stopped", "when everything is acknowledged the timer is off",
		check.Proves("RFC6298:5-4", mutate.Doubled("data", 1500*time.Millisecond, nth(0))),
		func(host *probe.Tester) {
			s := opened(host, plain, roundTrip)
			s.measured(roundTrip)
			host.That("RFC6298:5-4", "what is sent in the next 3 s", s.froms(s.after(3*time.Second)), gomega.BeEmpty())
		})

	it("tcp.rto.restarted", "an acknowledgment of new data restarts the timer for the rest",
		check.Proves("RFC6298:5-5", mutate.Doubled("the second segment", 1900*time.Millisecond, nth(1))).
			And("RFC6928:9-1", mutate.Doubled("the second segment", 2200*time.Millisecond, nth(1))),
		func(host *probe.Tester) {
			s := opened(host, plain, sampleRTT)
			s.write(2)
			if len(s.after(time.Second)) != 2 {
				host.Inconclusive("the target did not send two segments in a second")
			}
			at := s.Now()
			s.takeSegments(1)
			s.Until(6*time.Second, func() bool { return len(s.Carrying(s.mss)) >= 2 })
			fs := s.Carrying(s.mss)
			if host.That("RFC6298:5-5", "the second segment is sent again", len(fs) >= 2, gomega.BeTrue()) {
				// The sample of a second makes the timeout 1950 ms; it counts from the acknowledgment.
				host.Between("RFC6298:5-5", "the timeout behind the acknowledgment", fs[1].At-at, 1950*time.Millisecond-20*time.Millisecond, time.Hour)
				host.Between("RFC6928:9-1", "the timeout behind the acknowledgment", fs[1].At-at, 1800*time.Millisecond, time.Hour)
			}
		})

	it("tcp.rto.earliest", "when the timer expires, only the earliest segment is sent again",
		check.Proves("RFC6298:5-6", mutate.Doubled("the third segment", 1040*time.Millisecond, nth(2))),
		func(host *probe.Tester) {
			s := opened(host, plain, roundTrip)
			s.write(5)
			if len(s.round()) != 5 {
				host.Inconclusive("the target did not send five segments in a round trip")
			}
			s.Until(4*time.Second, func() bool { return len(s.Carrying(0)) >= 2 })
			s.Wait(roundTrip)
			host.That("RFC6298:5-6", "the segments that were sent again, when the timer expired", s.froms(s.news()), gomega.Equal([]int{0}))
		})

	it("tcp.rto.echo", "an echoed timestamp may be measured although the segment was sent twice",
		check.Proves("RFC6298:3-3", mutate.Doubled("data that follows a retransmission", 1200*time.Millisecond, nth(2))).Slow(),
		func(host *probe.Tester) {
			s := opened(host, stamped, sampleRTT)
			s.one()
			if _, ok := s.repeatedAfter("RFC6298:3-3", 0, 8*time.Second); !ok {
				return
			}
			s.Wait(sampleRTT)
			s.take(s.top)
			s.settle()
			s.one()
			if d, ok := s.repeatedAfter("RFC6298:3-3", s.una, 8*time.Second); ok {
				// With the sample, RTTVAR = 3/4*300 and SRTT = 600; without, the doubled timeout is kept.
				host.Between("RFC6298:3-3", "the timeout behind the retransmission", d, 1500*time.Millisecond-roundings, 6*sampleRTT+2*grain)
				host.Observed("RFC6298:3-3", "the timeout is %v: a sample was taken if it is below %v", d, 6*sampleRTT)
			}
		})
}
