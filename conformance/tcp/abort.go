package tcp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// The ABORT call (RFC 9293, 3.10.5), which an application of sockets makes by closing with SO_LINGER of 0 seconds.

// aborts has the target's application abort.
func aborts(c *probe.Conn) {
	if err := c.Socket.Abort(); err != nil {
		c.Inconclusive("the target cannot abort: %v", err)
	}
}

func init() {
	resets := tcp.Segment(tcp.RSTBit.Is(1))

	grid("tcp.abort.reset", "an abort is told to the peer by a reset whose number is the next",
		check.Proves("RFC9293:3.10.5-1", mutate.Missing(resets)).And("RFC9293:3.10.5-2", mutate.Shifts(resets, tcp.Seq, -1)),
		[]probe.State{probe.StateSynReceived, probe.StateEstablished, probe.StateFinWait1, probe.StateFinWait2, probe.StateCloseWait},
		func(host *probe.Tester, s probe.State) {
			c := host.TCP()
			c.Reach(s, probe.Active)
			if s == probe.StateEstablished || s == probe.StateCloseWait {
				c.Socket.Write([]byte("not acknowledged"))
				c.Expect(c.DataFrom(), probe.For())
			}
			next := c.RcvNxt
			aborts(c)
			f := c.Expect(c.Any(tcp.Has(tcp.RST)), probe.For("RFC9293:3.10.5-1"), probe.Because("the application aborted"))
			host.Must("RFC9293:3.10.5-2", f, tcp.Seq.Is(uint(next)))
		})

	grid("tcp.abort.flushed", "after an abort nothing is sent again",
		check.Proves("RFC9293:3.10.5-3", mutate.Repeat(tcp.Segment().Then(someData), 1100*time.Millisecond)),
		[]probe.State{probe.StateEstablished, probe.StateFinWait1, probe.StateCloseWait, probe.StateLastAck},
		func(host *probe.Tester, s probe.State) {
			c := host.TCP()
			first := probe.StateEstablished
			if s == probe.StateCloseWait || s == probe.StateLastAck {
				first = probe.StateCloseWait
			}
			c.Reach(first, probe.Active)
			c.Socket.Write([]byte("not acknowledged"))
			c.Expect(c.DataFrom(), probe.For())
			if s == probe.StateFinWait1 || s == probe.StateLastAck {
				if err := c.Socket.Shutdown(probe.ShutWrite); err != nil {
					host.Inconclusive("the target does not end its stream: %v", err)
				}
				c.Expect(c.Any(tcp.Has(tcp.FIN)), probe.For())
			}
			aborts(c)
			c.Never(c.Any(tcp.Lacks(tcp.RST)), gridRepeat(c))
		})

	grid("tcp.abort.deleted", "an abort where no reset is due deletes the connection",
		check.Proves("RFC9293:3.10.5-4", mutate.Unheeded("does not hear of the close", mutate.Verb(agent.Close))),
		[]probe.State{probe.StateSynSent, probe.StateClosing, probe.StateLastAck},
		func(host *probe.Tester, s probe.State) {
			c := host.TCP()
			c.Reach(s, probe.Active)
			aborts(c)
			c.Wait(gridMoment(c))
			host.That("RFC9293:3.10.5-4", "the state after the abort", c.State(), gomega.Equal(probe.StateClosed))
		})
}
