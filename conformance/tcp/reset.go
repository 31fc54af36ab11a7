package tcp

import (
	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// resetForgets is a target whose calls never tell of a reset.
var resetForgets = mutate.Tells("tells nobody of a reset", func(_ agent.Request, r *agent.Reply) {
	if r.Errno == "ECONNRESET" || r.Errno == "ECONNREFUSED" {
		r.Errno = ""
	}
})

func init() {
	grid("tcp.reset.never", "in a synchronised state an old segment draws no reset",
		check.Proves("RFC9293:3.5.2-6", gridRefuses),
		[]gridForgery{
			{"text", tcp.ACK, 10, -20, 0}, {"text-again", tcp.ACK, 20, -20, 0}, {"ack", tcp.ACK, 0, -20, 0}, {"old-ack", tcp.ACK, 0, 0, -5},
			{"syn", tcp.SYN, 0, -21, 0}, {"fin", tcp.FIN | tcp.ACK, 0, -10, 0}, {"ack-future", tcp.ACK, 0, 0, 10000}, {"text-beyond", tcp.ACK, 10, 200000, 0},
		}, func(host *probe.Tester, k gridForgery) {
			c := host.TCP()
			c.Opened = func() { c.Deliver(probe.Pattern(gridTaken)) }
			c.Open(probe.Passive)
			t := forged(c, k.flags, probe.Pattern(k.size), k.off, k.ackOff)
			c.Stray(t, t)
			c.Wait(gridMoment(c))
			host.That("RFC9293:3.5.2-6", "resets", len(c.Sent(tcp.Has(tcp.RST))), gomega.BeZero())
			host.That("RFC9293:3.5.2-6", "the state then", c.State(), gomega.Equal(probe.StateEstablished))
		})

	states := []probe.State{probe.StateEstablished, probe.StateFinWait1, probe.StateFinWait2, probe.StateCloseWait}
	grid("tcp.reset.validated", "a RST that is not valid changes nothing, and the application goes on",
		check.Proves("RFC9293:3.5.3-3", mutate.Gullible()),
		states, func(host *probe.Tester, s probe.State) {
			c := host.TCP()
			c.Reach(s, probe.Passive)
			c.Overlooks(forged(c, tcp.RST, nil, -100, 0), forged(c, tcp.RST, nil, 0, 0))
			host.That("RFC9293:3.5.3-3", "the state then", c.State(), gomega.Equal(s))
		})

	grid("tcp.reset.told", "the application is told of a reset, and nothing is left",
		check.Proves("RFC9293:3.10.7.4-14", resetForgets), states,
		func(host *probe.Tester, s probe.State) {
			const rule = "RFC9293:3.10.7.4-14"
			c := host.TCP()
			c.Reach(s, probe.Passive)
			var call *probe.Call
			if s != probe.StateCloseWait { // there it has met the end of the stream
				call = c.Socket.Read(10)
			}
			c.RST()
			if call != nil {
				r, done := call.Delivered()
				host.That(rule, "the call in progress returns", done, gomega.BeTrue())
				host.That(rule, "what it returns", r.Errno, gomega.Equal("ECONNRESET"))
			}
			state := c.State()
			host.That(rule, "the connection is gone", state == probe.StateListen || state == probe.StateClosed, gomega.BeTrue())
		})

	grid("tcp.reset.refused", "a connect that is refused tells so",
		check.Proves("RFC9293:3.10.7.3-3", resetForgets).And("RFC9293:3.10.7.4-13", mutate.Ignores(tcp.Segment(tcp.RSTBit.Is(1)))),
		[]probe.State{probe.StateSynSent, probe.StateSynReceived}, func(host *probe.Tester, s probe.State) {
			c := host.TCP()
			c.Reach(s, probe.Active)
			if s == probe.StateSynSent {
				c.Send(tcp.RST|tcp.ACK, nil)
			} else {
				c.RST()
			}
			r, _ := c.Dialing.Delivered()
			refused := gomega.BeElementOf("ECONNREFUSED", "ECONNRESET") // 3.10.7.3 has the latter, sockets the former
			host.That("RFC9293:3.10.7.3-3", "what connect returns", r.Errno, refused)
			host.That("RFC9293:3.10.7.4-13", "what connect returns", r.Errno, refused)
		})
}
