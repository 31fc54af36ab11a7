package tcp

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
)

// The least MTU is 1280 by IPv6: these are above it.
const (
	lessMTU  = 1300
	againMTU = 1400
)

// pathTooBig says that a frame is too long for a path.
func pathTooBig(host *probe.Tester, mtu uint, about *packet.Frame) packet.Template {
	if host.Family() == probe.IPv6 {
		return icmpv6.PacketTooBig(icmpv6.MTU.Is(mtu)).Then(icmpv6.About(about))
	}
	return tooLong(mtu, host.Quote(about))
}

// fullOf is the longest segment of what the target sends next on a connection.
func fullOf(c *probe.Conn) (n int) {
	before, had := len(c.Sent()), len(c.Received())
	c.ACK()
	c.Socket.Write(probe.Pattern(3000))
	c.Until(3*time.Second, func() bool { return len(c.Received()) >= had+3000 })
	for _, f := range c.Sent()[before:] {
		n = max(n, sizeOf(f))
	}
	return n
}

// What is known of a path (RFC 4821, 5.2), and datagrams (8 and 9).
func init() {
	toSecond := tcp.Segment(tcp.Lacks(tcp.SYN|tcp.RST), tcp.DstPort.Is(20003)).Then(someData)
	toThird := tcp.Segment(tcp.Lacks(tcp.SYN|tcp.RST), tcp.DstPort.Is(20005)).Then(someData)
	filler := func(n int) packet.Cond { return packet.Data.Is(make([]byte, n)) }

	it("tcp.plpmtud.path", "what is known of the path to a host counts for its connections, the smaller value, and for no other host",
		check.Proves("RFC4821:4-12", mutate.Field(toSecond, filler(1430))).
			And("RFC4821:5.2-1", mutate.Field(toSecond, filler(1420))).
			And("RFC4821:5.2-3", mutate.Field(toSecond, filler(1410))).
			And("RFC4821:5.2-4", mutate.FieldFrom(4, toSecond, filler(1360))).
			And("RFC4821:5.2-5", mutate.Field(toThird, filler(1000))),
		func(host *probe.Tester) {
			opened := func(t *probe.Tester) *probe.Conn {
				c := t.TCP()
				c.Open(probe.Passive)
				return c
			}
			c, d, other := opened(host), opened(host), opened(host.As(1))
			c.Socket.Write(probe.Pattern(3000))
			f := c.Expect(c.DataFrom(), probe.For())
			c.Until(3*time.Second, func() bool { return len(c.Received()) >= 3000 }) // what is on its way when the message comes
			host.Send(pathTooBig(host, lessMTU, f))
			c.Wait(100 * time.Millisecond)
			room := lessMTU - overhead(host)
			got := fullOf(d)
			for _, req := range []string{"RFC4821:4-12", "RFC4821:5.2-1", "RFC4821:5.2-3"} {
				host.That(req, "octets of the longest segment of another connection to the host", got, gomega.And(gomega.BeNumerically(">", 0), gomega.BeNumerically("<=", room)))
			}
			host.Send(pathTooBig(host, againMTU, f))
			c.Wait(20 * time.Millisecond)
			host.That("RFC4821:5.2-4", "octets of the longest segment after a message of a larger MTU", fullOf(d), gomega.BeNumerically("<=", room))
			host.That("RFC4821:5.2-5", "octets of the longest segment to another host", fullOf(other), gomega.Equal(host.Net().MTU-overhead(host)))
		})

	sent := udp.Datagram(udp.DstPort.Is(9))
	discover := func(host *probe.Tester) string {
		if host.Family() == probe.IPv6 {
			return "IPV6_MTU_DISCOVER"
		}
		return "IP_MTU_DISCOVER"
	}
	const (
		want, probing = 1, 3
		size          = 1420
	)
	// told is a socket with a value of that option, to a host to which the path is narrow.
	told := func(host *probe.Tester, how int) *probe.Socket {
		s := host.UDP(0)
		if err := s.SetOption(discover(host), 2); err != nil {
			host.Inconclusive("the target does not discover path MTUs for UDP: %v", err)
		}
		to := netip.AddrPortFrom(host.IP(), 9)
		if err := s.SendTo(probe.Pattern(size), to); err != nil {
			host.Inconclusive("the target refuses to send a datagram: %v", err)
		}
		host.Send(pathTooBig(host, lessMTU, host.Expect(sent, probe.For())))
		sinks(host)
		if err := s.SetOption(discover(host), how); err != nil {
			host.Inconclusive("the target refuses %s=%d: %v", discover(host), how, err)
		}
		return s
	}

	it("tcp.plpmtud.application", "an application of UDP can send probes: datagrams longer than the path MTU, which are not fragmented",
		check.Proves("RFC4821:4-13", mutate.FieldFrom(1, sent, packet.Data.Is(make([]byte, 1200)))).
			And("RFC4821:9-1", mutate.Drops(sent, 1)).
			And("RFC4821:9-2", mutate.FieldFrom(1, sent, packet.Data.Is(make([]byte, 1260)))),
		func(host *probe.Tester) {
			s := told(host, probing)
			host.Forget()
			if err := s.SendTo(probe.Pattern(size), netip.AddrPortFrom(host.IP(), 9)); err != nil {
				for _, req := range []string{"RFC4821:4-13", "RFC4821:9-1", "RFC4821:9-2"} {
					host.Fail(req, probe.Value, "a datagram of %d octets is sent over a path of %d; the target says %v", size, lessMTU, err)
				}
				return
			}
			f := host.Expect(sent, probe.For("RFC4821:4-13", "RFC4821:9-1", "RFC4821:9-2"))
			for _, req := range []string{"RFC4821:4-13", "RFC4821:9-1", "RFC4821:9-2"} {
				host.That(req, "octets of the datagram", len(f.Body(udp.Proto)), gomega.Equal(size))
			}
		})

	it4("tcp.plpmtud.application-df", "probes of an application are not to be fragmented in the network",
		check.Proves("RFC4821:9-3", mutate.FieldFrom(1, sent, ipv4.DF.Is(0))),
		func(host *probe.Tester) {
			s := told(host, probing)
			host.Forget()
			if err := s.SendTo(probe.Pattern(size), netip.AddrPortFrom(host.IP(), 9)); err != nil {
				host.Inconclusive("the target refuses to send a datagram: %v", err)
			}
			host.Must("RFC4821:9-3", host.Expect(sent, probe.For("RFC4821:9-3")), ipv4.DF.Is(1))
		})

	fragments := ipv4.Header(ipv4.Protocol.Is(17))
	tooBig4 := icmpv4.Unreachable(icmpv4.CodeFragNeeded)
	it4("tcp.plpmtud.fragments", "a datagram longer than the path MTU is fragmented by the host that sends it",
		check.Proves("RFC4821:8-3", mutate.Ignores(tooBig4)).
			And("RFC4821:4-2", mutate.Misreads(tooBig4, icmpv4.MTU.Is(lessMTU+50))),
		func(host *probe.Tester) {
			s := told(host, want)
			before := len(host.Seen(fragments))
			if err := s.SendTo(probe.Pattern(size), netip.AddrPortFrom(host.IP(), 9)); err != nil {
				host.Inconclusive("the target refuses to send a datagram: %v", err)
			}
			host.Wait(50 * time.Millisecond)
			parts := host.Seen(fragments)[before:]
			longest := uint(0)
			for _, f := range parts {
				n, _ := ipv4.TotalLength.Of(f)
				longest = max(longest, n)
			}
			whole, err := ipv4.Join(parts)
			for _, req := range []string{"RFC4821:8-3", "RFC4821:4-2"} {
				host.That(req, "octets of the longest fragment", longest, gomega.BeNumerically("<=", lessMTU))
				host.That(req, "what the fragments make together", err, gomega.Succeed())
				host.That(req, "octets of UDP in them", len(whole), gomega.Equal(8+size))
			}
		})
}
