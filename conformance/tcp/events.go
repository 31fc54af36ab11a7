package tcp

import (
	"bytes"
	"slices"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

func init() {
	it("tcp.events.syn-text", "text that comes with the SYN reaches the application once the connection is there",
		check.Proves("RFC9293:3.10.7.2-4", queueSpoils),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Listen()
			c.Accepting = c.Listener.Accept()
			text := []byte("in a hurry")
			c.Send(tcp.SYN, text)
			c.SndNxt = c.ISS + 1
			c.Expect(c.From(tcp.SYN|tcp.ACK), probe.For())
			eventsFollow(c, text, "RFC9293:3.10.7.2-4")
		})

	it("tcp.events.syn-sent-text", "text that comes with the SYN of a simultaneous open waits until the connection is there",
		check.Proves("RFC9293:3.10.7.3-7", queueSpoils),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Reach(probe.StateSynSent, probe.Active)
			text := []byte("in a hurry")
			c.Send(tcp.SYN, text)
			c.SndNxt = c.ISS + 1
			c.Expect(c.From(tcp.SYN|tcp.ACK), probe.For())
			eventsFollow(c, text, "RFC9293:3.10.7.3-7")
		})

	it("tcp.events.window-old", "an old segment does not change the send window",
		check.Proves("RFC9293:3.10.7.4-26", mutate.Misshifts(tcp.Segment(tcp.Window.Is(0)), tcp.Ack, 10)),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			c.Socket.Write(probe.Pattern(10))
			c.Expect(c.DataFrom(), probe.For())
			c.ACK()
			c.ACK(tcp.Window.Is(0), c.Acks(0)) // what was sent before the last one: SND.WL2 is beyond it
			c.Forget()
			c.Socket.Write([]byte("there is room"))
			c.Expect(c.DataFrom(c.SeqIs(10)), probe.For("RFC9293:3.10.7.4-26"), probe.Within(150*time.Millisecond), probe.Because("the window is open"))
		})

	it("tcp.events.close-acknowledged", "in FIN-WAIT-2 the application's close returns, and the connection stays",
		check.Proves("RFC9293:3.10.7.4-28", mutate.Instead(from(tcp.ACK), "a reset", func(f *packet.Frame) []packet.Cond {
			return []packet.Cond{tcp.Flags.Is(tcp.RST)}
		})),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Reach(probe.StateFinWait2, probe.Passive)
			err := c.Socket.Close()
			host.That("RFC9293:3.10.7.4-28", "what close returns", err, gomega.BeNil())
			host.That("RFC9293:3.10.7.4-28", "the state then", c.State(), gomega.Equal(probe.StateFinWait2))
		})

	late := tcp.Segment(tcp.URGBit.Is(1), tcp.Window.Is(gridWindow))
	grid("tcp.events.urgent-late", "URG after the peer's FIN is ignored",
		check.Proves("RFC9293:3.10.7.4-34", mutate.Answers(late, "a reset", reset)),
		[]probe.State{probe.StateCloseWait, probe.StateClosing, probe.StateLastAck, probe.StateTimeWait},
		func(host *probe.Tester, s probe.State) {
			const rule = "RFC9293:3.10.7.4-34"
			c := host.TCP()
			c.Reach(s, probe.Passive)
			ack := tcp.Ack.Is(uint(c.RcvNxt))
			if s == probe.StateClosing || s == probe.StateLastAck {
				ack = tcp.Ack.Is(uint(c.RcvNxt - 1)) // not of the FIN
			}
			t := c.Segment(tcp.ACK|tcp.URG, nil, ack, tcp.Urgent.Is(5), tcp.Window.Is(gridWindow))
			c.Stray(t, t)
			c.Wait(gridMoment(c))
			host.That(rule, "resets", len(c.Sent(tcp.Has(tcp.RST))), gomega.BeZero())
			told := slices.Contains(c.Socket.Ready("pri"), "pri")
			host.That(rule, "the application is told of urgent data", told, gomega.BeFalse())
			host.That(rule, "the state then", c.State(), gomega.Equal(s))
		})

	it("tcp.events.edge-stays", "the right edge of the window does not go back while text is taken",
		check.Proves("RFC9293:3.10.7.4-36", mutate.FieldFrom(3, from(tcp.ACK), tcp.Window.Is(100))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			edge := c.ISS + 1 + c.PeerWindow
			for range 8 {
				c.Deliver(probe.Pattern(1000)) // nobody reads
				now := c.SndUna + c.PeerWindow
				host.That("RFC9293:3.10.7.4-36", "by how much the edge moved on", int32(now-edge), gomega.BeNumerically(">=", 0))
				edge = now
			}
		})

	rows := []row{}
	for _, k := range []struct {
		segment, expect string
		rule            string
	}{
		{"ACK", "ack", "RFC9293:3.10.7.4-2"}, {"data", "ack", "RFC9293:3.10.7.4-4"}, {"FIN-ACK", "ack", "RFC9293:3.10.7.4-4"},
		{"RST", "drop", "RFC9293:3.10.7.4-9"}, {"RST-ACK", "drop", "RFC9293:3.10.7.4-9"},
	} {
		r := row{ID: k.segment, State: probe.StateEstablished, Segment: k.segment, Position: "edge", Ack: "any"}
		r.outcome = outcome{Expect: k.expect, Next: r.State, Rules: []string{k.rule}}
		if k.expect == "ack" {
			r.Reply = answer{Flags: "ACK", Seq: "SND.NXT", Ack: "RCV.NXT"}
		}
		rows = append(rows, r)
	}
	grid("tcp.edge.right", "the first octet behind the window is outside",
		check.Proves("RFC9293:3.10.7.4-2", mutate.Misshifts(gridStimulus, tcp.Seq, -1)).
			And("RFC9293:3.10.7.4-4", gridTakes).
			And("RFC9293:3.10.7.4-9", mutate.Misshifts(gridStimulus, tcp.Seq, -1)),
		rows, runRow)
}

// eventsFollow acknowledges the SYN,ACK, sends again what was not kept (a SYN cache may drop it: RFC 4987, 3.3), and looks
// at what the application reads.
func eventsFollow(c *probe.Conn, text []byte, rule string) {
	c.ACK()
	c.Wait(gridMoment(c))
	if c.SndUna == c.ISS+1 {
		c.Send(tcp.PSH|tcp.ACK, text, c.At(0))
	}
	if c.Socket == nil {
		if c.Socket = c.Accepting.Socket(2 * time.Second); c.Socket == nil {
			c.Inconclusive("the target does not accept the connection")
		}
	}
	got, _ := c.Socket.ReadFull(len(text), 2*time.Second)
	c.That(rule, "what the application reads", bytes.Equal(got, text), gomega.BeTrue())
}
