package tcp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// The loss of a probe for a larger path MTU, and congestion control (RFC 4821, 4 and 7.6).

// searchTrip is the round trip of these scripts: long enough that what was sent in one shows the window.
const searchTrip = 50 * time.Millisecond

// A trial is a probe of a search: new data in a segment that is too long for the path, once it is known what passes.
type trial struct {
	*packet.Frame
	at    int32         // where its data ends
	again time.Duration // when its data came again
	next  time.Duration // when the next probe came, 0 for none
}

// trials are the probes of a search that were lost.
func (s search) trials() (all []trial) {
	top, known := int32(0), false
	for _, f := range s.sent {
		end := place(s.Conn, f)
		switch {
		case sizeOf(f) <= s.most:
			known = true
			for i := range all {
				if t := &all[i]; t.again == 0 && f.At > t.At && end > t.at-int32(sizeOf(t.Frame)) && end <= t.at {
					t.again = f.At
				}
			}
		case known && end > top:
			if len(all) > 0 {
				all[len(all)-1].next = f.At
			}
			all = append(all, trial{Frame: f, at: end})
		}
		top = max(top, end)
	}
	return all
}

// ratio compares the window after the loss of a probe was mended with that before the probe was sent.
func (s search) ratio(t trial) (r float64, known bool) {
	before, after := s.held(t.At-s.trip, t.At), s.held(t.again+s.trip, t.again+2*s.trip)
	if t.again == 0 || before < 4*s.most || t.next > 0 && t.next < t.again+2*s.trip || s.sent[len(s.sent)-1].At < t.again+3*s.trip {
		return 0, false
	}
	return float64(after) / float64(before), true
}

// behindProbes is a target of which n segments behind each probe get lost, so that it lowers its window.
func behindProbes(n int) mutate.Mutation {
	return mutate.Here(func(target.Net) mutate.Mutation {
		left := 0
		return mutate.Withheld("what follows a probe", func(s mutate.Sending) bool {
			switch {
			case s.Again:
				return false
			case s.To-s.From > narrowData && s.Nth > 20:
				left = n
				return false
			}
			left--
			return left >= 0
		})
	})
}

// afterProbe is a mutation that begins behind the first probe: probed tells whether it went before a segment.
func afterProbe(of func(probed func(mutate.Sending) bool) mutate.Mutation) mutate.Mutation {
	return mutate.Here(func(target.Net) mutate.Mutation {
		begun := false
		return of(func(s mutate.Sending) bool {
			was := begun
			begun = begun || !s.Again && s.To-s.From > narrowData && s.Nth > 20
			return was
		})
	})
}

func init() {
	data := tcp.Segment(tcp.Lacks(tcp.SYN | tcp.RST)).Then(someData)
	fits := func(s mutate.Sending) bool { return s.To-s.From <= narrowData }
	const most = 600000

	it("tcp.plpmtud.isolated", "that a probe alone is lost is no sign of congestion: the window stays, and the next probe waits",
		check.Proves("RFC4821:2-2", behindProbes(1)).
			And("RFC4821:4-6", behindProbes(2)).
			And("RFC4821:7.6.2-1", behindProbes(3)).
			And("RFC4821:6.1-1", afterProbe(func(probed func(mutate.Sending) bool) mutate.Mutation {
				return mutate.Deferred("what was in a probe", 1500*time.Millisecond, func(s mutate.Sending) bool { return probed(s) && s.Again })
			})).
			And("RFC4821:4-9", mutate.FieldFrom(90, data, packet.Data.Is(make([]byte, 1400)))).
			And("RFC4821:7.6.2-6", mutate.FieldFrom(100, data, packet.Data.Is(make([]byte, 1410)))).
			And("RFC4821:4-8", mutate.FieldFrom(110, data, packet.Data.Is(make([]byte, 1420)))).
			Needs(target.PLPMTUD).Slow(),
		func(host *probe.Tester) {
			judged, waited := 0, 0
			for try := 0; try < 4 && (judged < 2 || waited < 1); try++ { // not each search has a probe that can be judged
				s := over(host, narrowData, most, searchTrip, nil)
				for range 10 {
					if all := s.trials(); len(all) > 1 && all[len(all)-1].again > 0 {
						break
					}
					s.write(most / 4)
				}
				for _, t := range s.trials() {
					packets := s.held(t.At-s.trip, t.At) / sizeOf(t.Frame)
					if t.again > 0 {
						host.That("RFC4821:6.1-1", "until what was in a probe comes again", t.again-t.At, gomega.BeNumerically("<", 4*s.trip))
					}
					if t.next > 0 {
						waited++
						gap := t.next - t.At
						host.That("RFC4821:4-9", "round trips between a probe that was lost and the next", int(gap/s.trip), gomega.BeNumerically(">=", packets-2))
						for _, req := range []string{"RFC4821:7.6.2-6", "RFC4821:4-8"} { // a loss comes in half as many round trips as the window has packets
							host.That(req, "round trips between a probe that was lost and the next", int(gap/s.trip), gomega.BeNumerically(">=", packets/2))
						}
					}
					r, known := s.ratio(t)
					if !known {
						continue
					}
					judged++
					for _, req := range []string{"RFC4821:2-2", "RFC4821:4-6", "RFC4821:7.6.2-1"} {
						host.That(req, "the window behind a lost probe, before it being 1", r, gomega.BeNumerically(">=", 0.8))
					}
				}
			}
			if judged == 0 {
				host.Inconclusive("no probe was lost while the target sent without a break")
			}
		})

	it("tcp.plpmtud.inconclusive", "that a probe and something else are lost is a sign of congestion, and none of the path MTU",
		check.Proves("RFC4821:2-3", mutate.Goads("an acknowledgment behind a loss", 25, func(h mutate.Hearing) bool { return h.Losses > 0 && h.After%2 == 1 })).
			And("RFC4821:4-5", mutate.Goads("an acknowledgment behind a loss", 30, func(h mutate.Hearing) bool { return h.Losses > 0 && h.After%3 == 1 })).
			And("RFC4821:4-7", mutate.Goads("an acknowledgment behind a loss", 35, func(h mutate.Hearing) bool { return h.Losses > 0 && h.After%4 == 1 })).
			And("RFC4821:7.6.4-1", mutate.Withheld("another probe", func(s mutate.Sending) bool { return s.Losses > 0 && !fits(s) })).
			And("RFC4821:7.6.4-2", afterProbe(func(probed func(mutate.Sending) bool) mutate.Mutation {
				return mutate.Withheld("any probe but the first", func(s mutate.Sending) bool { return probed(s) && !fits(s) })
			})).
			Needs(target.PLPMTUD).Slow(),
		func(host *probe.Tester) {
			var s search
			var all []trial
			for range 4 { // not each search has a probe that can be judged
				known, lost, left := false, false, 0
				s = over(host, narrowData, most, searchTrip, func(long bool) bool {
					switch {
					case !long && left > 0:
						left--
						return true
					case !long:
						known = true
					case known && !lost:
						lost, left = true, 2
					}
					return false
				})
				all = s.trials()
				if len(all) > 0 && all[0].again > 0 && s.held(all[0].At-s.trip, all[0].At) >= 4*narrowData {
					break
				}
				all = nil
			}
			if len(all) == 0 {
				host.Inconclusive("no probe was sent while the target sent without a break")
			}
			first := all[0]
			r := float64(s.held(first.again+s.trip, first.again+2*s.trip)) / float64(s.held(first.At-s.trip, first.At))
			for _, req := range []string{"RFC4821:2-3", "RFC4821:4-5", "RFC4821:4-7"} {
				host.That(req, "the window behind the loss of a probe and two other segments, before it being 1", r, gomega.BeNumerically("<=", 0.85))
			}
			for _, req := range []string{"RFC4821:7.6.4-1", "RFC4821:7.6.4-2"} {
				if host.That(req, "probes behind one of which it is not known why it was lost", len(all)-1, gomega.BeNumerically(">", 0)) {
					host.That(req, "octets of the next probe", sizeOf(all[1].Frame), gomega.Equal(sizeOf(first.Frame)))
				}
			}
		})
}
