package pmtu6

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
	"github.com/onsi/gomega"
)

// TCP over a path whose MTU is known: RFC 8201, section 5.4.

// segments are those with data of the target.
var segments = tcp.Segment(tcp.PSHBit.In(0, 1))

// open is a connection with an MSS that fills the link, and whose tester acknowledges nothing by itself.
func open(lan *probe.Tester) *probe.Conn {
	c := lan.TCP()
	c.Offer = probe.Offer{MSS: uint(lan.Net().MTU - 60)}
	c.Open(probe.Passive)
	return c
}

func init() {
	larger := func(p *probe.P, requirement string, f *packet.Frame, mtu uint) {
		p.Must(requirement, f, ipv6.PayloadLength.Where("within the path MTU", func(n uint) bool { return 40+n <= mtu }))
	}
	again := []string{"RFC8201:5.2-15", "RFC8201:5.4-7", "RFC8201:5.4-8", "RFC8201:5.4-9", "RFC8201:5.1-3", "RFC8201:5.5-2", "RFC8201:5.1-4"}
	check.Grid(suite, "pmtu6.tcp.reduced", "a segment that was too big is sent again at once, in pieces that fit, and later ones fit as well",
		check.Proves(again[0], mutate.Late(segments, 700*time.Millisecond)).
			And(again[2], mutate.Ignores(tooBig)).
			And(again[4], mutate.Misshifts(tooBig, icmpv6.MTU, 40)).
			And(again[5], mutate.Misshifts(tooBig, icmpv6.MTU, 60)).
			And(again[6], mutate.Octets(segments, "with a Fragment header", fragmented)).Needs(target.Agent),
		[]uint{1280, 1300, 1400},
		func(p *probe.P, mtu uint) {
			lan := p.IPv6()
			c := open(lan)
			c.Socket.Write(kit.Pattern(1440))
			first := c.Expect(c.DataFrom(), probe.For())
			at := p.Now()
			lan.Send(about(mtu, first))
			repeated := c.Expect(c.DataFrom(), probe.For("RFC8201:5.2-15", "RFC8201:5.4-8"))
			p.Between("RFC8201:5.2-15", "the segment is sent again", repeated.At-at, 0, 500*time.Millisecond)
			larger(p, "RFC8201:5.4-8", repeated, mtu)
			larger(p, "RFC8201:5.1-3", repeated, mtu)
			p.Must("RFC8201:5.1-4", repeated, ipv6.NextHeader.Is(ipv6.NextTCP))
			c.Until(3*time.Second, func() bool { return len(c.Received()) >= 1440 })
			c.ACK()
			c.Socket.Write(kit.Pattern(2800))
			for range 2 {
				f := c.Expect(c.DataFrom(), probe.For())
				larger(p, "RFC8201:5.5-2", f, mtu)
				c.ACK()
			}
		})

	check.Grid(suite, "pmtu6.tcp.shared", "a connection learns of the path MTU from what was said about a UDP datagram",
		check.Proves("RFC8201:5.2-14", mutate.Ignores(tooBig)).
			And("RFC8201:5.2-13", mutate.Misshifts(tooBig, icmpv6.MTU, 40)).Needs(target.Agent),
		[]uint{1280, 1400},
		func(p *probe.P, mtu uint) {
			lan := p.IPv6()
			c := open(lan)
			learn(lan, lan.UDP(0), mtu)
			p.Wait(time.Second) // it need not be the next instant
			c.Socket.Write(kit.Pattern(1440))
			f := c.Expect(c.DataFrom(), probe.For())
			larger(p, "RFC8201:5.2-14", f, mtu)
			larger(p, "RFC8201:5.2-13", f, mtu)
		})

	check.Grid(suite, "pmtu6.tcp.mss", "no segment is larger than the peer's MSS, whatever the path MTU, and the MSS offered is not that of the path",
		check.Proves("RFC8201:5.4-4", mutate.Octets(segments, "with 8 octets more", longer)).
			And("RFC8201:5.4-5", mutate.Octets(segments, "with 8 octets more", longer)).
			And("RFC8201:5.4-6", mutate.Field(tcp.Segment(tcp.SYNBit.Is(1)), tcp.MSS.Is(1240))).Needs(target.Agent),
		[]uint{536, 1000, 1220},
		func(p *probe.P, mss uint) {
			lan := p.IPv6()
			learn(lan, lan.UDP(0), 1300)
			c := lan.TCP()
			c.Offer = probe.Offer{MSS: mss}
			c.Open(probe.Passive)
			p.Must("RFC8201:5.4-6", c.Sent(tcp.SYNBit.Is(1))[0], tcp.MSS.Is(uint(lan.Net().MTU-60)))
			c.Socket.Write(kit.Pattern(3000))
			f := c.Expect(c.DataFrom(), probe.For())
			for _, r := range []string{"RFC8201:5.4-4", "RFC8201:5.4-5"} {
				p.Must(r, f, ipv6.PayloadLength.Where("at most the peer's MSS", func(n uint) bool { return n-20 <= mss }))
			}
		})

	suite.It("pmtu6.refused", "a datagram that must not be fragmented is refused when it does not fit the path",
		check.Proves("RFC8201:5.2-16", mutate.Errno("send", "", "EMSGSIZE")).Needs(target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			s := lan.UDP(0)
			if err := s.SetOption("IPV6_DONTFRAG", 1); err != nil {
				p.Inconclusive("no IPV6_DONTFRAG: %v", err)
			}
			learn(lan, s, 1300)
			_ = s.SendTo(full(lan), netip.AddrPortFrom(lan.IP(), discard)) // an error that waits is told once
			err := s.SendTo(full(lan), netip.AddrPortFrom(lan.IP(), discard))
			p.That("RFC8201:5.2-16", "the send fails", err, gomega.HaveOccurred())
		})
}

// longer puts 8 octets behind the data of a segment that has some.
func longer(b []byte) []byte {
	if len(b) < 400 {
		return b
	}
	b = append(b, make([]byte, 8)...)
	n := len(b) - 54
	b[18], b[19] = byte(n>>8), byte(n)
	return b
}
