package tcp

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
)

// tooLong is Datagram Too Big (RFC 1191, 3).
func tooLong(mtu uint, quote []byte) packet.Template {
	return icmpv4.Unreachable(icmpv4.CodeFragNeeded).With(icmpv4.MTU.Is(mtu)).Then(packet.Payload(quote))
}

// sailing is a connection on which the target has two full segments in flight.
func sailing(host *probe.Tester) (c *probe.Conn, first, second *packet.Frame) {
	c = host.TCP()
	c.Open(probe.Passive)
	c.Socket.Write(probe.Pattern(2 * 1460))
	if !c.Until(2*time.Second, func() bool { return len(c.Received()) == 2*1460 }) {
		host.Inconclusive("the target does not send two segments")
	}
	sent := filled(c.Sent())
	if sizeOf(sent[0]) != 1460 {
		host.Inconclusive("the target's segments have %d octets", sizeOf(sent[0]))
	}
	return c, sent[0], sent[1]
}

// longest is the longest datagram of the target's in what it sends next: it is given something to send.
func longest(c *probe.Conn) (n int) {
	before := len(c.Sent())
	c.ACK()
	c.Socket.Write(probe.Pattern(4000))
	c.Wait(50 * time.Millisecond)
	for _, f := range c.Sent()[before:] {
		total, _ := ipv4.TotalLength.Of(f)
		n = max(n, int(total))
	}
	return n
}

// A forgery is a Packet Too Big that is not to be believed, about a connection with two segments in flight.
type forgery struct {
	name string
	ack  int // octets that are acknowledged before
	seq  func(c *probe.Conn) uint32
}

func (f forgery) String() string { return f.name }

func init() {
	anyTooLong := icmpv4.Unreachable(icmpv4.CodeFragNeeded)

	it4("tcp.icmp.pmtu", "a segment that is too big for the path comes again in smaller ones, and what follows fits",
		check.Proves("RFC1191:6.4-1", mutate.Misreads(anyTooLong, icmpv4.MTU.Is(1200))).
			And("RFC5927:4.1-1", mutate.Ignores(anyTooLong)).
			And("RFC5927:5.2-4", mutate.Forge(anyTooLong, tcp.Segment(tcp.SrcPort.Is(4102), tcp.DstPort.Is(20001), tcp.Flags.Is(tcp.RST)))).
			And("RFC5927:7.2-1", mutate.Ignores(anyTooLong)).
			And("RFC5927:7.2-5", mutate.Ignores(anyTooLong)).
			And("RFC5927:7.3.1-1", mutate.Ignores(anyTooLong)).
			And("RFC1191:6.4-3", mutate.Hushed(anyTooLong, tcp.Segment())).
			And("RFC1191:6.4-4", mutate.Misreads(anyTooLong, icmpv4.MTU.Is(1300))),
		func(host *probe.Tester) {
			c, first, _ := sailing(host)
			c.Forget()
			at := host.Now()
			host.Send(tooLong(1000, host.Quote(first)))
			f := c.Expect(c.DataFrom(c.SeqIs(0)), probe.For("RFC1191:6.4-3"), probe.Within(4*time.Second), probe.Because("octet 0 did not get through"))
			how := "upon the message"
			if f.At-at > 500*time.Millisecond {
				how = "by the timeout"
			}
			host.Observed("RFC1191:6.4-3", "the segment is sent again %s", how)
			for _, req := range []string{"RFC1191:6.4-4", "RFC5927:4.1-1", "RFC5927:7.2-1", "RFC5927:7.2-5", "RFC5927:7.3.1-1"} {
				host.Must(req, f, ipv4.TotalLength.Where("1000 or less", func(v uint) bool { return v <= 1000 }))
			}
			host.That("RFC1191:6.4-1", "octets of the longest datagram that follows", longest(c), gomega.BeNumerically("<=", 1000))
			host.That("RFC5927:5.2-4", "the connection is reset", c.Reset, gomega.BeFalse())
		})

	nxt := func(c *probe.Conn) uint32 { return c.RcvNxt }
	for _, k := range []struct {
		id, title, requirement string
		cases                  []forgery
	}{
		{"tcp.icmp.pmtu-old", "a Packet Too Big about what was acknowledged has no effect", "RFC5927:4.1-2",
			[]forgery{{"below-una", 1460, func(c *probe.Conn) uint32 { return uint32(c.Theirs(0)) }}}},
		{"tcp.icmp.pmtu-unsent", "a Packet Too Big about what was not sent has no effect", "RFC5927:4.1-3",
			[]forgery{{"at-nxt", 0, nxt}, {"beyond-nxt", 0, func(c *probe.Conn) uint32 { return c.RcvNxt + 10000 }}}},
		{"tcp.icmp.pmtu-idle", "a Packet Too Big has no effect on an idle connection", "RFC5927:4.1-4",
			[]forgery{{"old", 2920, func(c *probe.Conn) uint32 { return uint32(c.Theirs(1460)) }}, {"at-nxt", 2920, nxt}}},
	} {
		claims := check.Proves(k.requirement, shortened()).And("RFC5927:7.4-3", shortened())
		if k.requirement == "RFC5927:4.1-4" {
			claims = claims.And("RFC5927:7.3.3-1", shortened())
		}
		grid4(k.id, k.title, claims, k.cases,
			func(host *probe.Tester, f forgery) {
				c, first, _ := sailing(host)
				if f.ack > 0 {
					c.ACK(c.Acks(f.ack))
					sinks(host)
				}
				host.Send(tooLong(1000, renumbered(host.Quote(first), f.seq(c))))
				sinks(host)
				n := longest(c)
				for _, req := range []string{k.requirement, "RFC5927:7.4-3", "RFC5927:7.3.3-1"} {
					if req != "RFC5927:7.3.3-1" || k.requirement == "RFC5927:4.1-4" {
						host.That(req, "octets of the longest datagram that follows", n, gomega.Equal(1500))
					}
				}
			})
	}

	// Honouring the claim would bring segments that the tester sees: as small as the claim, or one more of the old size.
	grid4("tcp.icmp.pmtu-absurd", "a Packet Too Big that claims no smaller path, or one below the least, has no such effect",
		check.Proves("RFC5927:7.4-2", mutate.Misreads(anyTooLong, icmpv4.MTU.Is(1200))).
			And("RFC5927:7.2-4", mutate.Misreads(anyTooLong, icmpv4.MTU.Is(1200))).
			And("RFC5927:7.3.5-1", mutate.Misreads(anyTooLong, icmpv4.MTU.Is(1200))).
			And("RFC1191:6.4-5", mutate.Misreads(anyTooLong, icmpv4.MTU.Is(1200))),
		[]uint{1500, 1501, 9000, 65535},
		func(host *probe.Tester, mtu uint) {
			c, first, _ := sailing(host)
			before := len(c.Sent())
			host.Send(tooLong(mtu, host.Quote(first)))
			sinks(host)
			again := len(filled(c.Sent()[before:]))
			host.That("RFC1191:6.4-5", "segments sent again for a message that changes nothing", again, gomega.BeZero())
			n := longest(c)
			for _, req := range []string{"RFC5927:7.4-2", "RFC5927:7.2-4", "RFC5927:7.3.5-1"} {
				host.That(req, "octets of the longest datagram that follows", n, gomega.Equal(1500))
			}
		})

	grid4("tcp.icmp.pmtu-least", "a Packet Too Big with an MTU below the least of IP does not bring segments below it",
		check.Proves("RFC5927:7.4-1", mutate.FieldFrom(2, tcp.Segment().Then(someData), packet.Data.Is([]byte("ten octets")))),
		[]uint{1, 21, 40, 67, 68},
		func(host *probe.Tester, mtu uint) {
			c, first, _ := sailing(host)
			host.Send(tooLong(mtu, host.Quote(first)))
			sinks(host)
			host.That("RFC5927:7.4-1", "octets of the longest datagram that follows", longest(c), gomega.BeNumerically(">=", 68))
		})

	it4("tcp.icmp.pmtu-twice", "a second message of the same MTU brings nothing again",
		check.Proves("RFC1191:6.4-5", mutate.Forge(anyTooLong,
			tcp.Segment(tcp.SrcPort.Is(4102), tcp.DstPort.Is(20001), tcp.Flags.Is(tcp.ACK)).Then(packet.Payload(probe.Pattern(960))))),
		func(host *probe.Tester) {
			c, first, _ := sailing(host)
			host.Send(tooLong(1000, host.Quote(first)))
			c.Wait(100 * time.Millisecond)
			before := len(c.Sent())
			host.Send(tooLong(1000, host.Quote(first)))
			c.Wait(15 * time.Millisecond)
			host.That("RFC1191:6.4-5", "segments sent again for the second message", len(filled(c.Sent()[before:])), gomega.BeZero())
		})

	it4("tcp.icmp.pmtu-udp", "a connection obeys a decrease of which a datagram of UDP learnt",
		check.Proves("RFC1191:6.2-4", mutate.Ignores(anyTooLong)),
		func(host *probe.Tester) {
			c, _, _ := sailing(host)
			s := host.UDP(0)
			if err := s.SetOption("IP_MTU_DISCOVER", 2); err != nil {
				host.Inconclusive("the target does not discover path MTUs for UDP: %v", err)
			}
			if err := s.SendTo(probe.Pattern(1472), netip.AddrPortFrom(host.IP(), 9)); err != nil {
				host.Inconclusive("the target refuses to send a datagram: %v", err)
			}
			f := host.Expect(udp.Datagram(udp.DstPort.Is(9)), probe.For())
			host.Send(tooLong(1000, host.Quote(f)))
			sinks(host)
			host.That("RFC1191:6.2-4", "octets of the longest segment that follows", longest(c), gomega.BeNumerically("<=", 1000))
		})

	it4("tcp.icmp.pmtu-mss", "the MSS that is sent does not depend on the path MTU",
		check.Proves("RFC1191:6.4-7", mutate.FieldFrom(1, from(tcp.SYN|tcp.ACK), tcp.MSS.Is(960))),
		func(host *probe.Tester) {
			c, first, _ := sailing(host)
			host.Send(tooLong(1000, host.Quote(first)))
			sinks(host)
			d := host.TCPTo(c.Remote)
			host.Must("RFC1191:6.4-7", d.Connect(), tcp.MSS.Is(c.PeerOffer.MSS))
		})
}

// shortened is a target that obeys each Packet Too Big: it sends no full segments any more.
func shortened() mutate.Mutation {
	long := tcp.Segment().Then(packet.PayloadWith(packet.Data.Where("full", func(b []byte) bool { return len(b) == 1460 })))
	return mutate.Hushed(icmpv4.Unreachable(icmpv4.CodeFragNeeded), long)
}
