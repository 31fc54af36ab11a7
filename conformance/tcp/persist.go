package tcp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// shut is a connection whose window the tester has closed while the target has more to send: 2000 octets have come.
func shut(host *probe.Tester) (c *probe.Conn, at time.Duration) {
	c = outstanding(host, 2000)
	c.Forget()
	c.Window = 0
	c.ACK()
	return c, host.Now()
}

func init() {
	closing := from(tcp.ACK, tcp.Window.Is(0))
	it("tcp.persist.first", "a closed window is probed after one retransmission timeout",
		check.Proves("RFC9293:MUST-36", mutate.Hushed(closing, tcp.Segment())).
			And("RFC9293:SHLD-29", mutate.Lags(tcp.Segment(tcp.SYNBit.Is(0)), 2, 4*time.Second)),
		func(host *probe.Tester) {
			c, at := shut(host)
			f := c.Expect(c.Any(), probe.For("RFC9293:MUST-36"), probe.Within(7*time.Second), probe.Because("a closed window is probed"))
			// Nothing was lost and the round trip is short: the timeout is at its minimum, 1 s by RFC 6298, or less.
			host.Between("RFC9293:SHLD-29", "the window is closed", f.At-at, 150*time.Millisecond, 1250*time.Millisecond)
		})

	it("tcp.persist.backoff", "the time between probes grows exponentially",
		check.Proves("RFC9293:SHLD-30", mutate.Repeat(tcp.Segment(tcp.SYNBit.Is(0)), 300*time.Millisecond)).Slow(),
		func(host *probe.Tester) {
			c, _ := shut(host)
			probes := 8
			if !host.Virtual() {
				probes = 5
			}
			var last, gap time.Duration
			for i := range probes {
				f := c.Expect(c.Any(), probe.For("RFC9293:SHLD-30"), probe.Within(130*time.Second))
				if i > 1 && gap < 50*time.Second { // beyond, the interval has a bound
					host.Between("RFC9293:SHLD-30", "between two probes", f.At-last, gap*3/2, gap*5/2+200*time.Millisecond)
				}
				if i > 0 {
					gap = f.At - last
				}
				last = f.At
				c.ACK(c.Acks(2000))
			}
		})

	it("tcp.persist.for-ever", "a connection whose probes are answered stays open, however long the window is closed",
		check.Proves("RFC9293:MUST-37", mutate.DeafAfter(4, closing, from(tcp.ACK))).Slow(),
		func(host *probe.Tester) {
			c, _ := shut(host)
			probed(host, c, 2000, "RFC9293:MUST-37")
			c.Window = 20000
			c.Acknowledge(probe.Receiver{})
			c.ACK(c.Acks(2000))
			all := c.Until(5*time.Second, func() bool { return len(c.Received()) == 7000 })
			host.That("RFC9293:MUST-37", "the connection is there, and sends on when the window opens", all && !c.Reset, gomega.BeTrue())
		})
}
