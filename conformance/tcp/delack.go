package tcp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// taking is a connection whose application reads all that comes. A target that acknowledges the first segments of a
// connection at once, and can be asked not to, is asked not to.
func taking(host *probe.Tester) *probe.Conn {
	c := host.TCP()
	c.Open(probe.Passive)
	c.Socket.Drain()
	if err := c.Socket.SetOption("TCP_QUICKACK", 0); err != nil {
		host.Step("the target has no TCP_QUICKACK: %v", err)
	}
	return c
}

func init() {
	it("tcp.delack.time", "a single segment is acknowledged in less than half a second",
		check.Proves("RFC9293:MUST-40", mutate.Late(from(tcp.ACK), 500*time.Millisecond)),
		func(host *probe.Tester) {
			c := taking(host)
			for _, n := range []int{1, 100, 536} {
				c.Forget()
				at := host.Now()
				c.Data(probe.Pattern(n))
				f := c.Expect(c.Any(tcp.Has(tcp.ACK), tcp.Ack.Is(uint(c.SndNxt))), probe.For())
				host.Between("RFC9293:MUST-40", "until the acknowledgment", f.At-at, 0, 500*time.Millisecond-1)
			}
		})

	it("tcp.delack.delayed", "the acknowledgment of a single segment waits for what could go with it",
		check.Proves("RFC9293:SHLD-18", mistaken("TCP_QUICKACK", 1)),
		func(host *probe.Tester) {
			c := taking(host)
			at := host.Now()
			c.Data([]byte("octets"))
			f := c.Expect(c.From(tcp.ACK), probe.For())
			// How long is the target's choice.
			host.That("RFC9293:SHLD-18", "until the acknowledgment of one short segment", f.At-at, gomega.BeNumerically(">=", 10*time.Millisecond))
		})

	it("tcp.delack.second", "every second full segment is acknowledged at once",
		check.Proves("RFC9293:SHLD-19", mutate.Late(from(tcp.ACK), 300*time.Millisecond)),
		func(host *probe.Tester) {
			c := taking(host)
			mss := int(c.PeerOffer.MSS)
			data := probe.Pattern(mss)
			for range 5 {
				c.Forget()
				at := host.Now()
				c.Send(tcp.ACK, data)
				c.Send(tcp.ACK, data)
				f := c.Expect(c.Any(tcp.Has(tcp.ACK), tcp.Ack.Is(uint(c.SndNxt))), probe.For())
				host.Between("RFC9293:SHLD-19", "until two full segments are acknowledged", f.At-at, 0, 35*time.Millisecond)
			}
		})

	it("tcp.delack.combined", "acknowledgments are combined",
		check.Proves("RFC9293:MUST-58", mutate.Repeat(from(tcp.ACK), 0)),
		func(host *probe.Tester) {
			c := taking(host)
			mss := int(c.PeerOffer.MSS)
			for range 10 {
				c.Send(tcp.ACK, probe.Pattern(mss))
			}
			c.Until(2*time.Second, func() bool { return c.SndUna == c.SndNxt })
			c.Wait(50 * time.Millisecond)
			host.That("RFC9293:MUST-58", "acknowledgments of ten full segments in a row", len(c.Sent(tcp.Control(tcp.ACK))), gomega.BeNumerically("<", 10))
		})

	it("tcp.delack.queue", "segments ahead of order are kept, and all are taken before there is an acknowledgment",
		check.Proves("RFC9293:MUST-59", mutate.Shifts(from(tcp.ACK), tcp.Ack, -1000)).
			And("RFC9293:SHLD-31", mutate.Ignores(tcp.Segment(tcp.PSHBit.Is(1)))).
			And("RFC9293:MAY-13", mutate.Field(from(tcp.ACK), tcp.Ack.Is(7))),
		func(host *probe.Tester) {
			c := taking(host)
			data := probe.Pattern(5000)
			for at := 1000; at < 5000; at += 1000 {
				c.Data(data[at:at+1000], c.At(at))
			}
			c.Wait(30 * time.Millisecond)
			early := c.Sent(tcp.Control(tcp.ACK))
			host.Observed("RFC9293:MAY-13", "%d acknowledgments of four segments ahead of order", len(early))
			for _, f := range early {
				host.Must("RFC9293:MAY-13", f, c.AckIs(0))
			}
			c.Forget()
			c.Send(tcp.ACK, data[:1000], c.At(0))
			f := c.Expect(c.From(tcp.ACK), probe.For())
			host.Must("RFC9293:MUST-59", f, c.AckIs(5000))
			all := c.Until(2*time.Second, func() bool { return c.SndUna == uint32(c.Mine(5000)) })
			host.That("RFC9293:SHLD-31", "once the gap is filled all is acknowledged", all, gomega.BeTrue())
		})
}
