package tcp

import (
	"fmt"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// Peers of before RFC 5961, and the numbers in its defences.
func init() {
	it("tcp.attack.old-peer", "a peer of RFC 793 whose RST does not fit ends the connection one round trip later",
		check.Proves("RFC5961:8-1", ignoring(tcp.RST, tcp.Window.Is(65535))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			got := c.Socket.Drain()
			challenge := challenged(c, tcp.RST, 100) // a hundred octets before it were lost
			host.That("RFC5961:8-1", "what the application is told by then", got.Errno, gomega.BeEmpty())
			at, _ := tcp.Ack.Of(challenge)
			c.RST(tcp.Seq.Is(at)) // it has no connection any more (RFC 793, 3.4)
			c.Until(time.Second, func() bool { return got.Errno != "" })
			host.That("RFC5961:8-1", "what the application is told after the second RST", got.Errno, gomega.Equal("ECONNRESET"))
		})

	const largest, later = 20000, 2000
	it("tcp.attack.injected-window", "text may acknowledge what is older by the largest window that the peer ever had",
		check.Proves("RFC5961:5.2-6", mutate.Ignores(tcp.Segment(tcp.PSHBit.Is(1), tcp.Window.Is(later)))).
			And("RFC5961:5.2-7", mutate.Gullible()).
			And("RFC5961:5.2-1", mutate.Answers(gridStimulus, "a reset", reset)),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Window, c.Offer.Scale = largest, false
			c.Open(probe.Passive)
			c.Acknowledge(probe.Receiver{})
			const sent = 70000
			c.Socket.Write(probe.Pattern(sent))
			if !c.Until(10*time.Second, func() bool { return len(c.Received()) >= sent }) {
				host.Inconclusive("the target does not send %d octets", sent)
			}
			c.Window = later
			c.ACK()
			c.Wait(gridMoment(c))

			old := forged(c, tcp.PSH|tcp.ACK, []byte("octets"), 0, -(largest - 5000)).With(tcp.Window.Is(later))
			c.Put(old)
			taken := c.Until(time.Second, func() bool { return c.SndUna == c.SndNxt })
			if !host.That("RFC5961:5.2-6", "text that acknowledges 15000 octets less is taken, the largest window having been 20000", taken, gomega.BeTrue()) {
				c.SndNxt -= 6
			}

			c.Wait(600 * time.Millisecond)
			ancient := forged(c, tcp.PSH|tcp.ACK, []byte("octets"), 0, -200000)
			had, next := len(c.Sent()), c.SndNxt
			c.Stray(ancient, ancient)
			c.Wait(600 * time.Millisecond)
			checked := c.SndUna == next
			host.Observed("RFC5961:5.2-1", "the check is made: %t", checked)
			resets := 0
			for _, f := range c.Sent()[had:] {
				if flags, _ := tcp.Flags.Of(f); flags&tcp.RST != 0 {
					resets++
				}
			}
			host.That("RFC5961:5.2-1", "resets for text that is taken, or refused with an ACK", resets, gomega.BeZero())
			if !checked {
				host.Observed("RFC5961:5.2-7", "the check is not made")
				return
			}
			bad, good := forged(c, tcp.PSH|tcp.ACK, []byte("octets"), 0, -70000), forged(c, tcp.PSH|tcp.ACK, []byte("octets"), 0, 0)
			c.Stray(bad, good)
			c.Wait(600 * time.Millisecond)
			host.That("RFC5961:5.2-7", "octets taken that acknowledge 70000 octets less, without scaling", int(c.SndUna-next), gomega.BeZero())
		})

	grid("tcp.attack.rate-set", "how many challenge ACKs there are, and in which time, is as it was set",
		check.Proves("RFC5961:7-2", mutate.Answers(gridStimulus, "a challenge ACK each time", func(f *packet.Frame) []packet.Cond { return ackOf(f, false) })).
			And("RFC5961:7-3", mutate.DeafAfter(1, gridStimulus, gridStimulus)).
			And("RFC5961:7-4", mutate.DeafAfter(40, gridStimulus, gridStimulus)),
		[]rationing{{10, 5 * time.Second}, {4, time.Second}},
		func(host *probe.Tester, r rationing) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.Wait(2 * r.in)
			ask := func(times int, apart time.Duration) (at []time.Duration) {
				had := len(c.Sent())
				for i := range times {
					t := forged(c, tcp.RST, nil, int32(10+i), 0)
					c.Stray(t, t)
					c.Wait(apart)
				}
				c.Wait(gridMoment(c)) // for the last answer
				for _, f := range c.Sent()[had:] {
					at = append(at, f.At)
				}
				return at
			}
			first := ask(40, 0)
			host.That("RFC5961:7-3", "challenge ACKs for 40 RSTs at once", len(first), gomega.And(gomega.BeNumerically(">=", r.most/2), gomega.BeNumerically("<=", r.most)))
			next := ask(100, r.in/50)
			all, most := append(first, next...), 0
			for i := range all {
				n := 0
				for _, at := range all[i:] {
					if at < all[i]+r.in {
						n++
					}
				}
				most = max(most, n)
			}
			host.That("RFC5961:7-2", "the most challenge ACKs in any interval", most, gomega.BeNumerically("<=", r.most))
			host.That("RFC5961:7-4", "challenge ACKs in two intervals more", len(next), gomega.And(gomega.BeNumerically(">=", r.most/2), gomega.BeNumerically("<=", 2*r.most)))
		})
}

// A rationing is how many challenge ACKs a target may send in an interval.
type rationing struct {
	most int
	in   time.Duration
}

func (r rationing) String() string { return fmt.Sprintf("%d in %v", r.most, r.in) }

// Config implements check.Configured.
func (r rationing) Config() []string {
	return []string{fmt.Sprintf("CONFIG_CONFORM_TCP_CHALLENGE_RATE=%d", r.most), fmt.Sprintf("CONFIG_CONFORM_TCP_CHALLENGE_INTERVAL=%d", r.in.Milliseconds())}
}
