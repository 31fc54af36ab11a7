package tcp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

func init() {
	it("tcp.close.told", "the application can tell an orderly end from an abort",
		check.Proves("RFC9293:MUST-12", failing(agent.Recv, "")),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.FIN()
			r, done := c.Socket.Read(10).Delivered()
			host.That("RFC9293:MUST-12", "after a FIN the application meets the end of the stream", done && r.EOF(), gomega.BeTrue())

			c = host.TCP()
			c.Open(probe.Passive)
			reading := c.Socket.Read(10)
			c.RST()
			host.That("RFC9293:MUST-12", "how a read ends after a reset", errnoOf(reading, 3*time.Second), gomega.Equal("ECONNRESET"))
		})

	it("tcp.close.time-wait", "TIME-WAIT lasts for two maximum segment lifetimes",
		check.Proves("RFC9293:MUST-13", mutate.DeafAfter(1, from(tcp.FIN|tcp.ACK), from(tcp.FIN|tcp.ACK))).Slow(),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Reach(probe.StateTimeWait, probe.Passive)
			// The lifetime is 2 minutes; shorter ones are an engineering choice (3.4.2), half a minute is the least in use.
			wait := 50 * time.Second
			if host.Virtual() {
				wait = 3*time.Minute + 50*time.Second
			}
			c.Wait(wait)
			c.Forget()
			c.FIN(tcp.Seq.Is(uint(c.SndNxt - 1)))
			f := c.Expect(c.Any(), probe.For("RFC9293:MUST-13"), probe.Because("the FIN has come again, and its acknowledgment may have got lost"))
			host.Must("RFC9293:MUST-13", f, tcp.Control(tcp.ACK), tcp.Ack.Is(uint(c.SndNxt)))
		})

	it("tcp.close.unread", "closing with data unread is told to the peer by a reset",
		check.Proves("RFC9293:SHLD-3", mutate.Missing(tcp.Segment(tcp.RSTBit.Is(1)))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.Data([]byte("unread"))
			c.Until(2*time.Second, func() bool { return c.SndUna == c.SndNxt })
			c.Socket.Close()
			c.Expect(c.Any(tcp.Has(tcp.RST)), probe.Because("the data will not be read"))
		})

	grid("tcp.close.late-data", "data that comes after the application has closed is answered by a reset",
		check.Proves("RFC9293:SHLD-3", mutate.Missing(tcp.Segment(tcp.RSTBit.Is(1)))), []probe.State{probe.StateFinWait1, probe.StateFinWait2},
		func(host *probe.Tester, s probe.State) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.Socket.Close()
			c.Expect(c.Any(tcp.Has(tcp.FIN)), probe.For())
			if s == probe.StateFinWait2 {
				c.ACK()
				c.Wait(20 * time.Millisecond)
			}
			c.Data([]byte("too late"), tcp.Ack.Is(uint(c.RcvNxt)-map[probe.State]uint{probe.StateFinWait1: 1}[s]))
			c.Expect(c.Any(tcp.Has(tcp.RST)), probe.Because("nobody will read the data"))
		})

	it("tcp.close.no-more-reading", "after CLOSE the application cannot read",
		check.Proves("RFC9293:MAY-1", failing(agent.Recv, "")),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.Socket.Close()
			errno := errnoOf(c.Socket.Read(10), time.Second)
			host.That("RFC9293:MAY-1", "how a read ends", errno, gomega.Not(gomega.BeEmpty()))
			host.Observed("RFC9293:MAY-1", "half-duplex close: a read ends with %s", errno)
		})

	// What is due is one of: SYN,ACK with a number beyond all that were used, a challenge ACK (RFC 5961), a reset, silence.
	reused := mutate.Here(func(target.Net) mutate.Mutation {
		var first uint
		return mutate.Instead(from(tcp.SYN|tcp.ACK), "the number of the first SYN in each", func(f *packet.Frame) []packet.Cond {
			if first == 0 {
				first, _ = tcp.Seq.Of(f)
			}
			return []packet.Cond{tcp.Seq.Is(first)}
		})
	})
	it("tcp.close.reopened", "a connection that is opened out of TIME-WAIT has numbers beyond those of the old one",
		check.Proves("RFC9293:MAY-2", reused),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Reach(probe.StateTimeWait, probe.Passive)
			old := c.RcvNxt
			c.SetISS(c.SndNxt + 100000)
			c.Send(tcp.SYN, nil)
			c.Until(time.Second, func() bool { return c.Reset || len(c.Sent(tcp.Control(tcp.SYN|tcp.ACK))) > 1 })
			answers := c.Sent(tcp.Control(tcp.SYN | tcp.ACK))
			if len(answers) < 2 {
				host.Observed("RFC9293:MAY-2", "a SYN does not open a connection out of TIME-WAIT")
				return
			}
			host.Observed("RFC9293:MAY-2", "a SYN opens a connection out of TIME-WAIT")
			isn, _ := tcp.Seq.Of(answers[1])
			host.That("RFC9293:MAY-2", "the new initial number, less the next of the old connection", int32(uint32(isn)-old), gomega.BeNumerically(">=", 0))
		})

	it("tcp.close.reopened-timestamps", "timestamps shorten TIME-WAIT: a later one opens a new connection",
		check.Proves("RFC9293:SHLD-4", mutate.DeafAfter(1, from(tcp.SYN), from(tcp.SYN))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Offer.Timestamps = true
			c.Reach(probe.StateTimeWait, probe.Passive)
			if !c.PeerOffer.Timestamps {
				host.Inconclusive("the target has no timestamps")
			}
			c.Wait(1100 * time.Millisecond) // more than a tick of the slowest clock
			c.Forget()
			c.SetISS(c.SndNxt - 100000) // by its number alone it could be an old one
			c.Send(tcp.SYN, nil)
			c.Expect(c.From(tcp.SYN|tcp.ACK, c.AckIs(0)), probe.Because("the timestamp is later than any of the old connection"))
		})

	it("tcp.close.reset-with-data", "a reset that carries data is a reset",
		check.Proves("RFC9293:SHLD-2", ignoring(tcp.RST)),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			reading := c.Socket.Read(10)
			c.Send(tcp.RST, []byte("going down"))
			host.That("RFC9293:SHLD-2", "how a read ends", errnoOf(reading, 2*time.Second), gomega.Equal("ECONNRESET"))
			c.Forget()
			c.Put(c.Knock())
			c.Expect(c.Any(tcp.Has(tcp.RST)), probe.Because("the connection is gone"))
		})

	// Whoever makes the check discards the data and sends an ACK; whoever does not takes it.
	it("tcp.close.injected", "data with an acknowledgment of long ago is taken or discarded, and does no harm",
		check.Proves("RFC9293:MAY-12", mutate.Forge(from(tcp.ACK, tcp.Urgent.Is(99)), tcp.Segment(tcp.SrcPort.Is(4102), tcp.DstPort.Is(20001), tcp.Flags.Is(tcp.RST)))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			next := c.SndNxt
			c.Data([]byte("octets"), tcp.Ack.Is(uint(c.RcvNxt-1<<30)), tcp.Urgent.Is(99))
			c.Wait(600 * time.Millisecond)
			taken := c.SndUna == c.SndNxt
			if c.SndNxt = next; taken {
				c.SndNxt += 6
			}
			host.Observed("RFC9293:MAY-12", "the data is taken: %v", taken)
			c.Data([]byte("octets"))
			all := c.Until(2*time.Second, func() bool { return c.SndUna == c.SndNxt })
			host.That("RFC9293:MAY-12", "the connection goes on", all && !c.Reset, gomega.BeTrue())
		})
}
