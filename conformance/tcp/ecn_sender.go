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
	"github.com/conform-stack/conform/harness/target"
)

// A rounds is a connection with ECN whose data the tester acknowledges once a round trip: what comes between two
// acknowledgments is the congestion window.
type rounds struct {
	*probe.Conn
	mss int
	top int // of the last round
}

// roundsOpen opens one on which the application has much to send.
func roundsOpen(host *probe.Tester) *rounds {
	c := ecnOpen(host, probe.Passive, func(c *probe.Conn) { c.Offer.MSS = 1000 })
	c.Socket.Write(probe.Pattern(400000))
	return &rounds{Conn: c, mss: 1000}
}

// round lets a round trip pass, and gives the segments that came: those with new data.
func (r *rounds) round() (fresh []*packet.Frame) {
	r.Wait(60 * time.Millisecond)
	for _, f := range filled(r.Sent(tcp.Lacks(tcp.SYN | tcp.RST))) {
		if at := int(place(r.Conn, f)); at > r.top {
			fresh = append(fresh, f)
			r.top = at
		}
	}
	return fresh
}

// take acknowledges all that came, with or without ECE.
func (r *rounds) take(flags uint) { r.Send(tcp.ACK|flags, nil) }

// How the sender reacts to ECE (RFC 3168, section 6.1.2).
func init() {
	data := tcp.Segment(tcp.Has(tcp.ACK), tcp.Lacks(tcp.SYN|tcp.FIN))
	reduced := func(s mutate.Sending) bool {
		flags, _ := tcp.Flags.Of(s.Frame)
		return flags&tcp.CWR != 0
	}
	marks := func(h mutate.Hearing) bool {
		flags, _ := tcp.Flags.Of(h.Frame)
		return flags&tcp.ECE != 0 && flags&tcp.SYN == 0
	}
	deaf := mutate.Misreads(tcp.Segment(tcp.ECEBit.Is(1), tcp.SYNBit.Is(0)), tcp.ECEBit.Is(0))
	it("tcp.ecn.reduces", "ECE halves the congestion window, without a retransmission, and CWR says so in the next new data, once",
		check.Proves("RFC3168:6.1.2-3", deaf).
			And("RFC3168:5-3", mutate.Overshoots("what has CWR", 12, reduced)).
			And("RFC3168:6.1.2-4", mutate.Overshoots("what has CWR", 20, reduced)).
			And("RFC3168:6.1.2-10", mutate.Field(data, tcp.CWRBit.Is(0))).
			And("RFC3168:6.1.2-12", mutate.Field(data, tcp.CWRBit.Is(1))).
			Needs(target.ECN),
		func(host *probe.Tester) {
			r := roundsOpen(host)
			first := r.round()
			r.take(0)
			before := len(r.round())
			host.Step("the congestion window: %d segments at first, then %d", len(first), before)
			end := r.top
			r.take(tcp.ECE)
			after := r.round()
			for _, req := range []string{"RFC3168:6.1.2-3", "RFC3168:5-3"} {
				host.That(req, fmt.Sprintf("segments in the window after ECE, of %d", before), len(after), gomega.BeNumerically("<=", before/2+1))
			}
			host.That("RFC3168:6.1.2-4", "segments in the window after ECE", len(after), gomega.BeNumerically("<=", before))
			host.That("RFC3168:6.1.2-3", "how often the first segment was sent", len(r.Carrying(0)), gomega.Equal(1))
			if len(after) == 0 {
				host.Fail("RFC3168:6.1.2-10", probe.Missing, "new data behind %d", end)
				host.Fail("RFC3168:6.1.2-12", probe.Missing, "new data behind %d", end)
				return
			}
			host.Must("RFC3168:6.1.2-10", after[0], tcp.CWRBit.Is(1))
			for _, f := range append(first, after[1:]...) {
				host.Must("RFC3168:6.1.2-12", f, tcp.CWRBit.Is(0))
			}
		})

	it("tcp.ecn.unmarked", "without ECE nothing is reduced, and CWR is not said",
		check.Proves("RFC3168:6.1.2-12", mutate.Field(data, tcp.CWRBit.Is(1))).Needs(target.ECN),
		func(host *probe.Tester) {
			r := roundsOpen(host)
			for range 4 {
				r.round()
				r.take(0)
			}
			r.round()
			said := r.Sent(tcp.CWRBit.Is(1), tcp.Lacks(tcp.SYN))
			host.That("RFC3168:6.1.2-12", "segments with CWR", len(said), gomega.BeZero())
		})

	it("tcp.ecn.once", "the window is reduced once in a round trip, however many acknowledgments have ECE",
		check.Proves("RFC3168:5-4", mutate.Withheld("all but a few segments after ECE", func(s mutate.Sending) bool { return s.From > 23000 })).
			And("RFC3168:6.1.2-5", mutate.Withheld("all but some segments after ECE", func(s mutate.Sending) bool { return s.From > 24000 })).
			And("RFC3168:6.1.2-6", mutate.Withheld("all but one segment after ECE", func(s mutate.Sending) bool { return s.From > 22000 })).
			Needs(target.ECN),
		func(host *probe.Tester) {
			r := roundsOpen(host)
			r.round()
			r.take(0)
			before := len(r.round())
			una := int(int32(r.RcvNxt-r.IRS-1)) - before*r.mss
			for n := 1; n <= before; n++ { // each segment is acknowledged by itself
				r.Send(tcp.ACK|tcp.ECE, nil, r.Acks(una+n*r.mss))
			}
			after := len(r.round())
			for _, req := range []string{"RFC3168:5-4", "RFC3168:6.1.2-5", "RFC3168:6.1.2-6"} {
				host.That(req, fmt.Sprintf("segments in the window after %d acknowledgments with ECE", before), after, gomega.BeNumerically(">=", before/2-2))
			}
		})

	it("tcp.ecn.one-segment", "ECE while the congestion window is one segment: the next new segment waits for the retransmission timer",
		check.Proves("RFC3168:6.1.2-8", mutate.Goads("ECE", 2, marks)).
			And("RFC3168:6.1.2-9", mutate.Goads("ECE", 1, marks)).
			Needs(target.ECN),
		func(host *probe.Tester) {
			r := roundsOpen(host)
			r.round()
			r.Until(8*time.Second, func() bool { return len(r.Carrying(0)) >= 3 }) // twice a timeout: the window is one segment, and slow start has not begun
			r.Wait(5 * time.Millisecond)
			r.round()
			top := r.top
			at := r.Now()
			r.Send(tcp.ACK|tcp.ECE, nil, r.Acks(0)) // nothing new is acknowledged, the window stays as it is
			r.Wait(150 * time.Millisecond)
			news := int(reach(r.Conn)) - top
			host.Step("%d octets of new data in %v", news, r.Now()-at)
			host.That("RFC3168:6.1.2-9", "octets of new data that come before the timer", news, gomega.BeNumerically("<=", 0))
			host.That("RFC3168:6.1.2-8", "octets of new data that come before the timer", news, gomega.BeNumerically("<=", 0))
		})

	it("tcp.ecn.lost-again", "the loss of what is sent again is congestion once more: the timeout doubles",
		check.Proves("RFC3168:6.1.2-7", mutate.Doubled("what is sent again", 300*time.Millisecond, func(s mutate.Sending) bool { return s.Times == 2 && s.From == 0 })).
			Needs(target.ECN),
		func(host *probe.Tester) {
			c := ecnOpen(host, probe.Passive)
			c.Socket.Write(probe.Pattern(100))
			c.Until(8*time.Second, func() bool { return len(c.Carrying(0)) >= 4 })
			gaps := probe.Gaps(c.Carrying(0))
			for i := 2; i < len(gaps); i++ {
				host.That("RFC3168:6.1.2-7", fmt.Sprintf("the timeout of %v after one of %v", gaps[i], gaps[i-1]), gaps[i].Seconds(), gomega.BeNumerically(">=", 1.5*gaps[i-1].Seconds()))
			}
			host.That("RFC3168:6.1.2-7", "how often it was sent", len(gaps)+1, gomega.BeNumerically(">=", 4))
		})
}
