package tcp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// afloat is a connection whose target has sent four full segments, of which so many are acknowledged; it gives their
// octets of data, and those that are in flight.
func afloat(host *probe.Tester, acked int) (c *probe.Conn, full int, flying []*packet.Frame) {
	c, full = host.TCP(), host.Net().MTU-overhead(host)
	c.Open(probe.Passive)
	c.Socket.Write(probe.Pattern(4 * full))
	if !c.Until(2*time.Second, func() bool { return len(c.Received()) == 4*full }) {
		host.Inconclusive("the target does not send four segments at once")
	}
	for _, f := range filled(c.Sent()) {
		if sizeOf(f) != full {
			host.Inconclusive("the target's segments have %d octets", sizeOf(f))
		}
	}
	if acked > 0 {
		c.ACK(c.Acks(acked * full))
		c.Wait(20 * time.Millisecond)
	}
	return c, full, filled(c.Sent())[acked:]
}

// longestOf is the most data in segments.
func longestOf(fs []*packet.Frame) (n int) {
	for _, f := range fs {
		n = max(n, sizeOf(f))
	}
	return n
}

// What a Packet Too Big is worth: against what was acknowledged lately, nothing until what it quotes times out (RFC 5927,
// 7.2).
func init() {
	data := tcp.Segment(tcp.Lacks(tcp.SYN | tcp.RST)).Then(someData)
	filler := func(n int) packet.Cond { return packet.Data.Is(make([]byte, n)) }
	for _, f := range families {
		v6 := f.family == probe.IPv6
		least := 68
		said := func(mtu uint) packet.Template {
			return icmpv4.Unreachable(icmpv4.CodeFragNeeded).With(icmpv4.MTU.Is(mtu))
		}
		other := func(mtu uint) packet.Cond { return icmpv4.MTU.Is(mtu) }
		if v6 {
			least = 1280
			said = func(mtu uint) packet.Template { return icmpv6.PacketTooBig(icmpv6.MTU.Is(mtu)) }
			other = func(mtu uint) packet.Cond { return icmpv6.MTU.Is(mtu) }
		}
		add := func(id, title string, claims check.Claims, body func(host *probe.Tester)) {
			suite.It(id+f.suffix, title, claims.Needs(target.Agent).Needs(f.needs...), func(p *probe.P) { body(p.Host(f.family)) })
		}
		small := tcp.Segment(tcp.SrcPort.Is(4102), tcp.DstPort.Is(20001), tcp.Flags.Is(tcp.ACK)).Then(packet.Payload(probe.Pattern(1000)))

		add("tcp.icmp.too-big-first", "while nothing was acknowledged the least MTU is believed at once",
			check.Proves("RFC5927:7.2-2", mutate.Ignores(said(uint(least)))).Needs(target.Doubts),
			func(host *probe.Tester) {
				c, _, flying := afloat(host, 0)
				before, at := len(c.Sent()), host.Now()
				host.Send(pathTooBig(host, uint(least), flying[0]))
				c.Until(4*time.Second, func() bool { return len(filled(c.Sent()[before:])) > 0 })
				again := filled(c.Sent()[before:])
				if len(again) == 0 {
					host.Fail("RFC5927:7.2-2", probe.Missing, "the first octets come again")
					return
				}
				host.That("RFC5927:7.2-2", "octets of what comes again", longestOf(again), gomega.BeNumerically("<=", least-overhead(host)))
				host.Between("RFC5927:7.2-2", "until it comes", again[0].At-at, 0, 200*time.Millisecond)
			})

		add("tcp.icmp.too-big-doubted", "a smaller MTU than what was acknowledged is recorded, and believed when what it is about has timed out",
			check.Proves("RFC5927:7.2-7", mutate.FieldFrom(4, data, filler(1240))).
				And("RFC5927:7.2-8", mutate.Misreads(said(1300), other(1450))).
				And("RFC5927:7.3.2-1", mutate.Forge(said(1300), small)).
				And("RFC5927:7.2-9", mutate.Forge(said(1290), small)).Needs(target.Doubts),
			func(host *probe.Tester) {
				c, full, flying := afloat(host, 2)
				before, at := len(c.Sent()), host.Now()
				host.Send(pathTooBig(host, 1300, flying[0]))
				c.Wait(20 * time.Millisecond)
				c.Socket.Write(probe.Pattern(full))
				c.Until(200*time.Millisecond, func() bool { return len(c.Received()) >= 5*full })
				since := filled(c.Sent()[before:])
				if len(since) == 0 {
					host.Fail("RFC5927:7.2-7", probe.Missing, "the next segment is sent")
					return
				}
				host.That("RFC5927:7.2-7", "octets of the next segment", sizeOf(since[0]), gomega.Equal(full))
				var again *packet.Frame
				c.Until(5*time.Second, func() bool {
					for _, f := range filled(c.Sent()[before:]) {
						if place(c, f)-int32(sizeOf(f)) <= int32(2*full) {
							again = f
						}
					}
					return again != nil
				})
				if again == nil {
					host.Fail("RFC5927:7.2-8", probe.Missing, "the segment that the message quotes comes again")
					return
				}
				host.That("RFC5927:7.2-8", "octets of the segment that timed out", sizeOf(again), gomega.BeNumerically("<=", 1300-overhead(host)))
				early := 0
				for _, f := range filled(c.Sent()[before:]) {
					if sizeOf(f) < full && f.At < at+200*time.Millisecond {
						early++
					}
				}
				host.That("RFC5927:7.3.2-1", "smaller segments before a timeout", early, gomega.BeZero())

				sent := len(c.Sent())
				host.Send(pathTooBig(host, 1290, again))
				c.Wait(100 * time.Millisecond)
				host.That("RFC5927:7.2-9", "segments for a message that contradicts what was believed then", len(filled(c.Sent()[sent:])), gomega.BeZero())
			})

		add("tcp.icmp.too-big-cancelled", "what is acknowledged after all takes the message about it back",
			check.Proves("RFC5927:7.2-10", mutate.FieldFrom(5, data, filler(1200))).Needs(target.Doubts),
			func(host *probe.Tester) {
				c, full, flying := afloat(host, 2)
				host.Send(pathTooBig(host, 1300, flying[0]))
				c.Wait(20 * time.Millisecond)
				c.ACK(c.Acks(4 * full))
				c.Wait(20 * time.Millisecond)
				before := len(c.Sent())
				c.Socket.Write(probe.Pattern(full))
				c.Until(5*time.Second, func() bool { return len(filled(c.Sent()[before:])) >= 2 })
				again := filled(c.Sent()[before:])
				if len(again) < 2 {
					host.Fail("RFC5927:7.2-10", probe.Missing, "the next segment is sent, and sent again by timeout")
					return
				}
				host.That("RFC5927:7.2-10", "octets of the segment that is sent again by timeout", sizeOf(again[1]), gomega.Equal(full))
			})

		add("tcp.icmp.too-big-later", "what a message brought about is the measure of the next: one of a larger MTU changes nothing",
			check.Proves("RFC5927:7.2-6", mutate.FieldFrom(9, data, filler(1340))).Needs(target.PLPMTUD),
			func(host *probe.Tester) {
				c, full, flying := afloat(host, 0)
				host.Send(pathTooBig(host, 1300, flying[0]))
				c.Until(4*time.Second, func() bool { return len(filled(c.Sent())) > 4 })
				host.Send(pathTooBig(host, 1400, flying[1]))
				c.Wait(20 * time.Millisecond)
				before := len(c.Sent())
				c.ACK(c.Acks(4 * full))
				c.Socket.Write(probe.Pattern(4 * full))
				c.Until(2*time.Second, func() bool { return len(c.Received()) == 8*full })
				host.That("RFC5927:7.2-6", "octets of the longest segment then", longestOf(filled(c.Sent()[before:])),
					gomega.And(gomega.BeNumerically("<=", 1300-overhead(host)), gomega.BeNumerically(">", 0)))
			})

		add("tcp.icmp.too-big-transfer", "a forged message of the least MTU changes nothing while acknowledgments come",
			check.Proves("RFC5927:7.3.4-1", mutate.FieldFrom(50, data, filler(least-40))).Needs(target.Doubts),
			func(host *probe.Tester) {
				c, full := host.TCP(), host.Net().MTU-overhead(host)
				c.Open(probe.Passive)
				c.Acknowledge(probe.Receiver{RTT: 20 * time.Millisecond})
				c.Socket.Write(probe.Pattern(100 * full))
				c.Until(10*time.Second, func() bool { return len(c.Received()) >= 30*full })
				all := filled(c.Sent())
				host.Send(pathTooBig(host, uint(least), all[len(all)-1]))
				c.Until(20*time.Second, func() bool { return len(c.Received()) >= 100*full })
				short := 0
				all = filled(c.Sent())
				for _, f := range all[:len(all)-1] {
					if sizeOf(f) < full {
						short++
					}
				}
				host.That("RFC5927:7.3.4-1", "segments that are not full, of "+count(len(all)), short, gomega.BeZero())
			})
	}

	suite.It("tcp.icmp.quote[ipv6]", "an ICMPv6 error quotes as much as fits into 1280 octets",
		check.Proves("RFC5927:3-2", mutate.Field(icmpv6.Error(), packet.Data.Is(make([]byte, 1000)))).Needs(target.IPv6),
		func(p *probe.P) {
			host := p.Host(probe.IPv6)
			f := host.Ask(udp.Datagram(udp.DstPort.Is(9)).Then(packet.Payload(probe.Pattern(1400))), icmpv6.Error(), probe.For("RFC5927:3-2"))
			n, _ := ipv6.PayloadLength.Of(f)
			host.That("RFC5927:3-2", "octets of the message, its header included", int(n)+40, gomega.Equal(1280))
		})
}
