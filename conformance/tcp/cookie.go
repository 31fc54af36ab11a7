package tcp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// floodPorts is the first port of those that flood.
const floodPorts = 40000

// flood sends n SYNs to the connection's port from ports that say nothing more: more than a backlog of 8 has room for, and
// more than a stack allows of its own accord.
func flood(c *probe.Conn, from, n int) {
	for i := range n {
		c.Put(tcp.Segment(tcp.SrcPort.Is(uint(floodPorts+from+i)), tcp.DstPort.Is(uint(c.Remote)), tcp.Seq.Is(uint(1000000*(i+1))),
			tcp.Flags.Is(tcp.SYN), tcp.Window.Is(1000), tcp.MSS.Is(1460)))
		if i%32 == 31 { // in bursts that a queue holds
			c.Wait(2 * time.Millisecond)
		}
	}
	c.Wait(5 * time.Millisecond)
}

const floodSize = 300

// ours are segments to the ports of connections, and not to those that flood.
var ours = tcp.DstPort.Where("of no flood", func(v uint) bool { return v < floodPorts })

// flooded is a connection to come, to a port whose backlog is full.
func flooded(host *probe.Tester) *probe.Conn {
	c := host.TCP()
	c.Listen()
	c.Accepting = c.Listener.Accept()
	flood(c, 0, floodSize)
	return c
}

// accepted tells whether the application gets the connection.
func accepted(c *probe.Conn) bool {
	c.Socket = c.Accepting.Socket(3 * time.Second)
	return c.Socket != nil
}

// SYN cookies (RFC 4987, section 3.6 and appendix).
func init() {
	synAck := from(tcp.SYN|tcp.ACK, ours)
	it("tcp.cookie.stateless", "when the backlog is full a SYN leaves nothing behind, and its third segment makes the connection",
		check.Proves("RFC4987:3.6-1", ignoring(tcp.ACK)).
			And("RFC4987:3.6-8", mutate.Repeat(synAck, 400*time.Millisecond)).
			And("RFC4987:4-1", mutate.Missing(synAck)).Needs(target.SynCookies),
		func(host *probe.Tester) {
			c := flooded(host)
			c.Send(tcp.SYN, nil)
			c.Expect(c.From(tcp.SYN|tcp.ACK, c.AckIs(0)), probe.For("RFC4987:4-1"))
			host.Meets("RFC4987:4-1")
			c.Wait(3500 * time.Millisecond) // the third segment is lost, and the timer of a SYN,ACK would have expired
			host.That("RFC4987:3.6-8", "how often SYN,ACK was sent", len(c.Sent(tcp.Has(tcp.SYN))), gomega.Equal(1))
			c.ACK()
			if !host.That("RFC4987:3.6-1", "the application is given the connection", accepted(c), gomega.BeTrue()) {
				return
			}
			c.Data(probe.Pattern(10))
			host.That("RFC4987:3.6-1", "what the application reads", reads(c, 10), gomega.Equal(string(probe.Pattern(10))))
		})

	it("tcp.cookie.hybrid", "while there is room a SYN is kept, and its SYN,ACK is sent again",
		check.Proves("RFC4987:3.7-1", mutate.Drops(synAck, 1)).
			And("RFC4987:4-4", mutate.Drops(from(tcp.SYN|tcp.ACK), 1)).Needs(target.SynCookies),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Listen()
			c.Connect()
			again := c.Until(6*time.Second, func() bool { return len(c.Sent(tcp.Has(tcp.SYN))) > 1 })
			host.That("RFC4987:3.7-1", "SYN,ACK is sent again", again, gomega.BeTrue())
			host.That("RFC4987:4-4", "SYN,ACK is sent again", again, gomega.BeTrue())
		})

	it("tcp.cookie.mss", "a connection made from a cookie sends no larger segments than the SYN allowed",
		check.Proves("RFC4987:3.6-3", mutate.Field(tcp.Segment(tcp.PSHBit.Is(1)), packet.Data.Is(probe.Pattern(1200)))).Needs(target.SynCookies),
		func(host *probe.Tester) {
			c := flooded(host)
			c.Offer.MSS = 1000
			c.Handshake()
			if !accepted(c) {
				host.Inconclusive("the target makes no connection of the cookie")
			}
			c.Acknowledge(probe.Receiver{})
			c.Socket.Write(probe.Pattern(3500))
			c.Gather(3500)
			for _, f := range filled(c.Sent(tcp.Lacks(tcp.SYN))) {
				host.That("RFC4987:3.6-3", "octets in a segment", sizeOf(f), gomega.BeNumerically("<=", 1000))
			}
		})

	it("tcp.cookie.options", "what a cookie has no room for is not offered, and not used: window scale, SACK",
		check.Proves("RFC4987:3.6-4", mutate.Field(synAck, tcp.WindowScale.Is(3))).
			And("RFC4987:3.6-5", mutate.Field(from(tcp.ACK, ours), tcp.SACK.Is([]byte{0, 0, 0, 1, 0, 0, 0, 9}))).Needs(target.SynCookies),
		func(host *probe.Tester) {
			c := flooded(host)
			c.Offer.Scale, c.Offer.SACK, c.Offer.Shift = true, true, 3
			f := c.Connect()
			host.Must("RFC4987:3.6-4", f, tcp.WindowScale.None(), tcp.SACKPermitted.None())
			c.ACK()
			if !accepted(c) {
				host.Inconclusive("the target makes no connection of the cookie")
			}
			c.Send(tcp.ACK, probe.Pattern(10), c.At(20))
			g := c.Expect(c.From(tcp.ACK), probe.For("RFC4987:3.6-5"))
			host.Must("RFC4987:3.6-5", g, tcp.SACK.None())
		})

	it("tcp.cookie.timestamps", "with timestamps the options of the SYN may come back with the third segment",
		check.Proves("RFC4987:3.6-6", mutate.Field(from(tcp.ACK, ours), tcp.SACK.None())).Needs(target.SynCookies, target.Timestamps),
		func(host *probe.Tester) {
			c := flooded(host)
			c.Offer.Scale, c.Offer.SACK, c.Offer.Timestamps, c.Offer.Shift = true, true, true, 3
			c.Connect()
			host.Observed("RFC4987:3.6-6", "offered: timestamps %t, SACK %t, scaling %t", c.PeerOffer.Timestamps, c.PeerOffer.SACK, c.PeerOffer.Scale)
			c.ACK()
			if !accepted(c) {
				host.Inconclusive("the target makes no connection of the cookie")
			}
			if c.PeerOffer.SACK {
				c.Send(tcp.ACK, probe.Pattern(10), c.At(20))
				g := c.Expect(c.From(tcp.ACK), probe.For("RFC4987:3.6-6"))
				host.Must("RFC4987:3.6-6", g, tcp.HasOption(tcp.KindSACK))
			}
		})

	it("tcp.cookie.data", "data of a SYN is not taken with a cookie, and is when it comes again",
		check.Proves("RFC4987:3.6-7", hasty(from(tcp.SYN, tcp.SrcPort.Where("of no flood", func(v uint) bool { return v < floodPorts })))).
			And("RFC4987:3.5-1", mutate.Ignores(tcp.Segment(tcp.PSHBit.Is(1)))).Needs(target.SynCookies),
		func(host *probe.Tester) {
			c := flooded(host)
			c.Send(tcp.SYN, probe.Pattern(10))
			f := c.Expect(c.From(tcp.SYN|tcp.ACK), probe.For("RFC4987:3.6-7"))
			host.Must("RFC4987:3.6-7", f, c.AckIs(0))
			c.Send(tcp.ACK, nil, c.At(0))
			c.Data(probe.Pattern(10), c.At(0))
			if !accepted(c) {
				host.Fail("RFC4987:3.5-1", probe.Missing, "a connection")
				return
			}
			host.That("RFC4987:3.5-1", "what the application reads", reads(c, 10), gomega.Equal(string(probe.Pattern(10))))
		})

	it("tcp.cookie.wrong", "a third segment that brings no cookie back makes no connection",
		check.Proves("RFC4987:A-2", mutate.Missing(from(tcp.RST, ours))).Needs(target.SynCookies),
		func(host *probe.Tester) {
			c := flooded(host)
			c.Connect()
			c.ACK(tcp.Ack.Is(uint(c.RcvNxt + 77777)))
			c.Expect(c.From(tcp.RST), probe.For("RFC4987:A-2"))
			_, got := c.Accepting.Done()
			host.That("RFC4987:A-2", "the application is given a connection", got, gomega.BeFalse())
		})

	it("tcp.cookie.old", "a cookie is good for some minutes at most",
		check.Proves("RFC4987:3.6-2", mutate.Missing(from(tcp.RST, ours))).Needs(target.SynCookies).Slow(),
		func(host *probe.Tester) {
			c := flooded(host)
			c.Connect()
			c.Wait(6 * time.Minute)
			c.ACK()
			c.Expect(c.From(tcp.RST), probe.For("RFC4987:3.6-2"))
			_, got := c.Accepting.Done()
			host.That("RFC4987:3.6-2", "the application is given a connection", got, gomega.BeFalse())
		})
}

// A flood of SYNs (RFC 4987, sections 2.2, 3 and 4).
func init() {
	synAck := from(tcp.SYN|tcp.ACK, ours)
	it("tcp.flood.new", "when the backlog is full a SYN may be ignored, answered, or refused",
		check.Proves("RFC4987:2.2-1", mutate.Field(synAck, tcp.Ack.Is(7))).
			And("RFC4987:4-3", mutate.Field(synAck, tcp.Ack.Is(8))),
		func(host *probe.Tester) {
			c := flooded(host)
			c.Send(tcp.SYN, nil)
			c.Wait(100 * time.Millisecond)
			what, right := "ignored", true
			for _, f := range c.Sent() {
				flags, _ := tcp.Flags.Of(f)
				ack, _ := tcp.Ack.Of(f)
				if what, right = "answered", ack == c.Mine(0); flags&tcp.RST != 0 {
					what = "refused"
				}
			}
			for _, req := range []string{"RFC4987:2.2-1", "RFC4987:4-3"} {
				host.Observed(req, "the SYN is %s", what)
				if !right {
					host.Fail(req, probe.Field, "an answer to the SYN, if there is one")
				}
			}
		})

	it("tcp.flood.others", "a flood leaves connections of the port alone, and those that the target opens",
		check.Proves("RFC4987:2.2-3", mutate.DeafAfter(floodSize, from(tcp.SYN), tcp.Segment(tcp.PSHBit.Is(1)))),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Open(probe.Passive)
			flood(c, 0, floodSize)
			c.Data(probe.Pattern(10))
			ok := c.Until(time.Second, func() bool { return c.SndUna == c.SndNxt })
			host.That("RFC4987:2.2-3", "data on a connection of the port is acknowledged", ok, gomega.BeTrue())
			out := host.TCP()
			out.Open(probe.Active)
			out.Data(probe.Pattern(10))
			ok = out.Until(time.Second, func() bool { return out.SndUna == out.SndNxt })
			host.That("RFC4987:2.2-3", "data on a connection that the target opened is acknowledged", ok, gomega.BeTrue())
		})

	it("tcp.flood.reset", "RST ends a connection that is half open at once",
		check.Proves("RFC4987:2.2-2", ignoring(tcp.RST)),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Listen()
			c.Connect()
			c.RST()
			c.Wait(3500 * time.Millisecond)
			host.That("RFC4987:2.2-2", "how often SYN,ACK was sent", len(c.Sent(tcp.Has(tcp.SYN))), gomega.Equal(1))
		})

	it("tcp.flood.genuine", "a handshake that is faster than the flood completes",
		check.Proves("RFC4987:3.4-1", mutate.Ignores(from(tcp.ACK))),
		func(host *probe.Tester) {
			c := flooded(host)
			c.Connect()
			flood(c, floodSize, 5)
			c.ACK()
			host.That("RFC4987:3.4-1", "the application is given the connection", accepted(c), gomega.BeTrue())
		})

	it("tcp.flood.reclaimed", "what is half open is given up after a time",
		check.Proves("RFC4987:2.2-4", mutate.Repeat(synAck, 595*time.Second)).Slow(),
		func(host *probe.Tester) {
			c := host.TCP()
			c.Listen()
			c.Connect()
			c.Wait(10 * time.Minute)
			late := 0
			for _, f := range c.Sent(tcp.Has(tcp.SYN)) {
				if host.Now()-f.At < time.Minute {
					late++
				}
			}
			host.That("RFC4987:2.2-4", "SYN,ACKs in the tenth minute", late, gomega.Equal(0))
		})
}

// The flow label of IPv6 (RFC 4987, section 4).
func init() {
	suite.It("tcp.cookie.flow-label", "the SYN,ACK has the flow label of the rest of the flow",
		check.Proves("RFC4987:4-5", mutate.Field(from(tcp.SYN|tcp.ACK, ours), ipv6.FlowLabel.Is(0x12345))).
			Needs(target.Agent, target.IPv6, target.SynCookies),
		func(p *probe.P) {
			c := flooded(p.Host(probe.IPv6))
			first, _ := ipv6.FlowLabel.Of(c.Handshake())
			if !accepted(c) {
				p.Inconclusive("the target makes no connection of the cookie")
			}
			c.Socket.Write(probe.Pattern(10))
			p.Must("RFC4987:4-5", c.Expect(c.DataFrom(), probe.For()), ipv6.FlowLabel.Is(first))
		})
}
