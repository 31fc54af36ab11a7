package tcp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
)

// An outage is an ICMP error about a segment.
type outage struct {
	name       string
	kind, code uint
}

func (o outage) String() string { return o.name }

// about is the error, quoting octets of a packet.
func (o outage) about(quote []byte) packet.Template {
	return icmpv4.Message(icmpv4.Type.Is(o.kind), icmpv4.Code.Is(o.code)).Then(packet.Payload(quote))
}

var (
	netGone  = outage{"net-unreachable", icmpv4.TypeUnreachable, icmpv4.CodeNet}
	hostGone = outage{"host-unreachable", icmpv4.TypeUnreachable, icmpv4.CodeHost}
	portGone = outage{"port-unreachable", icmpv4.TypeUnreachable, icmpv4.CodePort}

	softOnes = []outage{ // never written
		netGone, hostGone,
		{"source-route-failed", icmpv4.TypeUnreachable, icmpv4.CodeSourceRoute},
		{"ttl-exceeded", icmpv4.TypeTimeExceeded, 0},
		{"reassembly-exceeded", icmpv4.TypeTimeExceeded, 1},
		{"parameter-problem", icmpv4.TypeParameterProblem, 0},
	}
	hardOnes = []outage{ // never written
		{"protocol-unreachable", icmpv4.TypeUnreachable, icmpv4.CodeProtocol}, portGone,
	}
)

// renumbered is a quote with another sequence number.
func renumbered(quote []byte, seq uint32) []byte {
	q := append([]byte(nil), quote...)
	at := int(q[0]&0xf)*4 + 4
	q[at], q[at+1], q[at+2], q[at+3] = byte(seq>>24), byte(seq>>16), byte(seq>>8), byte(seq)
	return q
}

// sinks lets an error sink in.
func sinks(host *probe.Tester) { host.Wait(30 * time.Millisecond) }

func init() {
	anyICMP := icmpv4.Message()
	fatal := mutate.Misreads(anyICMP, icmpv4.Type.Is(icmpv4.TypeUnreachable), icmpv4.Code.Is(icmpv4.CodePort))

	// Hard errors end an attempt to connect. Those of an established connection may be taken as soft ones (RFC 5927, 5.2),
	// against SHLD-26; code 4 is path MTU discovery's.
	grid4("tcp.icmp.hard", "a hard error ends the attempt to connect that it quotes, and no other",
		check.Proves("RFC9293:SHLD-26", mutate.Ignores(anyICMP)).
			And("RFC9293:MUST-54", mutate.Ignores(anyICMP)).
			And("RFC5927:5.2-3", mutate.Ignores(anyICMP)).
			And("RFC5927:3-1", mutate.Ignores(anyICMP)).
			And("RFC5927:2.2-1", failing(agent.Dial, "ECONNREFUSED")).
			And("RFC5927:5.2-5", failing(agent.Dial, "ECONNREFUSED")), hardOnes,
		func(host *probe.Tester, o outage) {
			c, other := host.TCP(), host.TCP()
			syn := c.Dial()
			other.Dial()
			host.Send(o.about(host.Quote(syn)))
			errno := errnoOf(c.Dialing, 2*time.Second)
			for _, req := range []string{"RFC9293:SHLD-26", "RFC9293:MUST-54", "RFC5927:5.2-3", "RFC5927:3-1"} {
				host.That(req, "how connect ends, the error quoting its SYN", errno, gomega.Not(gomega.BeElementOf("", "nothing", "ETIMEDOUT")))
			}
			_, ended := other.Dialing.Done()
			host.That("RFC5927:5.2-5", "the other attempt has ended", ended, gomega.BeFalse())
			other.Answer()
			host.That("RFC5927:5.2-5", "how connecting ends, the error not being about it", errnoOf(other.Dialing, 2*time.Second), gomega.BeEmpty())
			host.That("RFC5927:2.2-1", "how connecting ends, the error not being about it", errnoOf(other.Dialing, 0), gomega.BeEmpty())
		})

	grid4("tcp.icmp.stray", "an error that quotes another sequence number than the SYN's has no effect",
		check.Proves("RFC5927:4.1-5", failing(agent.Dial, "ECONNREFUSED")),
		[]int{-1, 5, 0x10000},
		func(host *probe.Tester, off int) {
			c := host.TCP()
			syn := c.Dial()
			host.Send(portGone.about(renumbered(host.Quote(syn), c.IRS+uint32(off))))
			sinks(host)
			c.Send(tcp.SYN|tcp.ACK, nil)
			host.That("RFC5927:4.1-5", "how connect ends", errnoOf(c.Dialing, 2*time.Second), gomega.BeEmpty())
		})

	grid4("tcp.icmp.soft-connecting", "a soft error does not end an attempt to connect",
		check.Proves("RFC9293:MUST-56", fatal), softOnes,
		func(host *probe.Tester, o outage) {
			c := host.TCP()
			syn := c.Dial()
			host.Send(o.about(host.Quote(syn)))
			sinks(host)
			c.Send(tcp.SYN|tcp.ACK, nil)
			host.That("RFC9293:MUST-56", "how connect ends", errnoOf(c.Dialing, 2*time.Second), gomega.BeEmpty())
		})

	// alive asserts that data still flows both ways.
	alive := func(host *probe.Tester, c *probe.Conn, requirements ...string) {
		c.ACK()
		c.Data([]byte("octets"))
		got := reads(c, 6)
		before := len(c.Received())
		c.Socket.Write([]byte("answer"))
		came := c.Until(3*time.Second, func() bool { return len(c.Received()) == before+6 || c.Reset })
		for _, req := range requirements {
			host.That(req, "the application reads on", got, gomega.Equal("octets"))
			host.That(req, "the application's data comes", came && !c.Reset, gomega.BeTrue())
		}
	}
	inFlight := func(host *probe.Tester) (*probe.Conn, *packet.Frame) {
		c := host.TCP()
		c.Open(probe.Passive)
		c.Socket.Write([]byte("in flight"))
		return c, c.Expect(c.DataFrom(), probe.For())
	}
	gone := mutate.Forge(anyICMP, tcp.Segment(tcp.SrcPort.Is(4102), tcp.DstPort.Is(20001), tcp.Flags.Is(tcp.RST)))
	grid4("tcp.icmp.soft", "a soft error does not end a connection, and bothers no application that did not ask",
		check.Proves("RFC9293:MUST-56", gone).
			And("RFC9293:SHLD-20", mutate.Tells("a read that finds nothing tells of the host", func(r agent.Request, reply *agent.Reply) {
				if reply.Errno == "EAGAIN" {
					reply.Errno = "EHOSTUNREACH"
				}
			})), softOnes,
		func(host *probe.Tester, o outage) {
			c, f := inFlight(host)
			host.Send(o.about(host.Quote(f)))
			sinks(host)
			// An application that does not ask (SO_ERROR, IP_RECVERR) goes on as if nothing had been.
			host.That("RFC9293:SHLD-20", "how a read ends that finds nothing", errnoOf(c.Socket.Read(1, "MSG_DONTWAIT"), time.Second), gomega.BeElementOf("EAGAIN", "EWOULDBLOCK"))
			alive(host, c, "RFC9293:MUST-56")
		})

	grid4("tcp.icmp.hard-established", "a hard error does not end a connection that is established",
		check.Proves("RFC5927:5.2-1", gone).And("RFC5927:5.2-6", gone), hardOnes,
		func(host *probe.Tester, o outage) {
			c, f := inFlight(host)
			host.Send(o.about(host.Quote(f)))
			sinks(host)
			v, err := c.Socket.GetOption("SO_ERROR")
			host.Observed("RFC5927:5.2-6", "SO_ERROR is %d (%v)", v, err)
			alive(host, c, "RFC5927:5.2-1", "RFC5927:5.2-6")
		})

	grid4("tcp.icmp.reported", "an application learns of a soft error, at the latest when the connection is given up",
		check.Proves("RFC9293:MUST-47", failing(agent.Recv, "ETIMEDOUT")).
			And("RFC9293:SHLD-25", mutate.Ignores(anyICMP)).Slow(), []outage{netGone, hostGone},
		func(host *probe.Tester, o outage) {
			c, reading, _ := unanswered(host, 3000)
			host.Send(o.about(host.Quote(filled(c.Sent())[0])))
			errno := errnoOf(reading, 20*time.Second)
			for _, req := range []string{"RFC9293:MUST-47", "RFC9293:SHLD-25"} {
				host.That(req, "how the read ends", errno, gomega.BeElementOf("ENETUNREACH", "EHOSTUNREACH"))
			}
		})

	grid4("tcp.icmp.quench", "Source Quench has no effect",
		check.Proves("RFC9293:MUST-55", gone).
			And("RFC5927:6.2-1", gone).
			And("RFC6633:3-3", mutate.DeafAfter(1, anyICMP, tcp.Segment())),
		[]probe.State{probe.StateSynSent, probe.StateEstablished},
		func(host *probe.Tester, s probe.State) {
			quench := outage{"source-quench", icmpv4.TypeSourceQuench, 0}
			all := []string{"RFC9293:MUST-55", "RFC5927:6.2-1", "RFC6633:3-3"}
			if s == probe.StateSynSent {
				c := host.TCP()
				syn := c.Dial()
				host.Send(quench.about(host.Quote(syn)))
				sinks(host)
				c.Send(tcp.SYN|tcp.ACK, nil)
				for _, req := range all {
					host.That(req, "how connect ends", errnoOf(c.Dialing, 2*time.Second), gomega.BeEmpty())
				}
				return
			}
			// Two connections do the same; one of them is quenched. Nobody sees a difference.
			window := func(quenched bool) int {
				c := host.TCP()
				c.Offer.MSS = 500
				c.Open(probe.Passive)
				c.Socket.Write(probe.Pattern(1000))
				f := c.Expect(c.DataFrom(), probe.For())
				c.Until(time.Second, func() bool { return len(c.Received()) == 1000 })
				if quenched {
					host.Send(quench.about(host.Quote(f)))
					sinks(host)
				}
				c.ACK()
				c.Socket.Write(probe.Pattern(30000))
				c.Wait(100 * time.Millisecond)
				if c.Reset {
					return -1
				}
				return len(c.Received())
			}
			with, without := window(true), window(false)
			for _, req := range all {
				host.That(req, "octets that come without acknowledgment", with, gomega.Equal(without))
			}
		})
}
