package pmtu6

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
	"github.com/onsi/gomega"
)

// The path MTU shows in the sizes of what a UDP socket sends: a datagram that fits goes whole, and one that does not in
// fragments that do.

// discard is the port at the tester that the target's datagrams go to.
const discard = 9

var (
	tooBig = icmpv6.Message(icmpv6.Type.Is(icmpv6.TypePacketTooBig))
	whole  = udp.Datagram(udp.DstPort.Is(discard)).With(ipv6.NextHeader.Is(ipv6.NextUDP))
)

// full is a datagram as large as the link allows.
func full(lan *probe.Tester) []byte { return kit.Pattern(lan.Net().MTU - 48) }

// sends lets the socket send a full datagram to an address, and gives what comes of it: one packet or its fragments.
func sends(lan *probe.Tester, s *probe.Socket, to netip.Addr) (fs []*packet.Frame) {
	err := s.SendTo(full(lan), netip.AddrPortFrom(to, discard))
	if err != nil { // what is known of the path may be told by an error once
		err = s.SendTo(full(lan), netip.AddrPortFrom(to, discard))
	}
	if err != nil {
		lan.Step("the target refuses to send: %v", err)
		return nil
	}
	for {
		f := lan.Expect(ipv6.Header(ipv6.NextHeader.In(ipv6.NextUDP, ipv6.NextFragment)), probe.For())
		fs = append(fs, f)
		if n, _ := ipv6.NextHeader.Of(f); n == ipv6.NextUDP {
			return fs
		}
		if _, err := ipv6.Join(fs); err != ipv6.ErrIncomplete {
			return fs
		}
	}
}

// largest is the length of the largest packet, 0 for none.
func largest(fs []*packet.Frame) (n int) {
	for _, f := range fs {
		length, _ := ipv6.PayloadLength.Of(f)
		n = max(n, 40+int(length))
	}
	return n
}

// about is Packet Too Big about a frame.
func about(mtu uint, f *packet.Frame) packet.Template {
	return icmpv6.PacketTooBig(icmpv6.MTU.Is(mtu)).Then(icmpv6.About(f))
}

// tell sends it and lets it sink in.
func tell(lan *probe.Tester, t packet.Template) {
	lan.Send(t)
	lan.Ping(probe.For())
}

// learn sends a datagram and answers it with Packet Too Big.
func learn(lan *probe.Tester, s *probe.Socket, mtu uint) *packet.Frame {
	fs := sends(lan, s, lan.IP())
	if len(fs) == 0 {
		lan.Inconclusive("the target does not send a datagram of the link's MTU")
	}
	tell(lan, about(mtu, fs[0]))
	return fs[0]
}

func init() {
	fits := func(p *probe.P, requirement, what string, fs []*packet.Frame, mtu uint) {
		p.That(requirement, what, largest(fs), gomega.BeNumerically("<=", int(mtu)))
	}
	suite.It("pmtu6.first", "the first path MTU is that of the link",
		check.Proves("RFC8201:3-1", mutate.Octets(whole, "with a Fragment header", fragmented)).
			And("RFC8201:5.2-7", mutate.Missing(whole)).
			And("RFC8200:5-6", mutate.Octets(whole, "with a Fragment header", fragmented)).Needs(target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			s := lan.UDP(0)
			if err := s.SendTo(full(lan), netip.AddrPortFrom(lan.IP(), discard)); err != nil {
				p.Inconclusive("the target does not send: %v", err)
			}
			f := lan.Expect(ipv6.Header(ipv6.NextHeader.In(ipv6.NextUDP, ipv6.NextFragment)), probe.For("RFC8201:5.2-7"))
			for _, r := range []string{"RFC8201:3-1", "RFC8200:5-6"} {
				p.Must(r, f, ipv6.NextHeader.Is(ipv6.NextUDP))
			}
		})

	reduced := []string{"RFC8201:3-2", "RFC8201:3-7", "RFC8201:4-5", "RFC8201:4-6", "RFC8201:4-7", "RFC8201:4-8", "RFC8201:5.1-2", "RFC8201:5.2-1", "RFC8201:5.2-8", "RFC8201:5.4-1", "RFC8201:5.4-2", "RFC8200:5-6", "RFC8200:4.5-16"}
	claims := check.Proves(reduced[0], mutate.Ignores(tooBig))
	for i, r := range reduced[1:] {
		if i%2 == 0 {
			claims = claims.And(r, mutate.Misshifts(tooBig, icmpv6.MTU, 40))
		} else {
			claims = claims.And(r, mutate.Ignores(tooBig))
		}
	}
	check.Grid(suite, "pmtu6.reduced", "Packet Too Big has the next packets on the path fit, on the own link as well",
		claims.Needs(target.Agent),
		[]uint{1280, 1281, 1300, 1400, 1450},
		func(p *probe.P, mtu uint) {
			lan := p.IPv6()
			s := lan.UDP(0)
			learn(lan, s, mtu)
			for range 3 {
				fs := sends(lan, s, lan.IP())
				for _, r := range reduced {
					fits(p, r, "the largest packet", fs, mtu)
				}
			}
		})

	suite.It("pmtu6.reduced.code", "the code of Packet Too Big is not looked at",
		check.Proves("RFC4443:3.2-3", mutate.Ignores(tooBig)).Needs(target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			s := lan.UDP(0)
			f := sends(lan, s, lan.IP())[0]
			tell(lan, about(1300, f).With(icmpv6.Code.Is(7)))
			fits(p, "RFC4443:3.2-3", "the largest packet", sends(lan, s, lan.IP()), 1300)
		})

	suite.It("pmtu6.rounds", "each Packet Too Big with a smaller MTU is followed",
		check.Proves("RFC8201:3-3", mutate.Ignores(icmpv6.PacketTooBig(icmpv6.MTU.Is(1280)))).Needs(target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			s := lan.UDP(0)
			for _, mtu := range []uint{1450, 1400, 1300, 1280} {
				learn(lan, s, mtu)
				fits(p, "RFC8201:3-3", "the largest packet", sends(lan, s, lan.IP()), mtu)
			}
		})

	below := []string{"RFC8201:4-3", "RFC8201:4-4", "RFC8201:6-1", "RFC8021:4-2", "RFC8021:4-3", "RFC8201:5.2-11"}
	claims = check.Proves(below[0], mutate.Misreads(tooBig, icmpv6.MTU.Is(1280)))
	for _, r := range below[1:] {
		claims = claims.And(r, mutate.Misreads(tooBig, icmpv6.MTU.Is(1300)))
	}
	check.Grid(suite, "pmtu6.below", "Packet Too Big with an MTU below 1280 is discarded",
		claims.Needs(target.Agent),
		[]uint{0, 1, 68, 576, 1000, 1279},
		func(p *probe.P, mtu uint) {
			lan := p.IPv6()
			s := lan.UDP(0)
			learn(lan, s, mtu)
			fs := sends(lan, s, lan.IP())
			for _, r := range below {
				p.That(r, "the largest packet", largest(fs), gomega.Equal(lan.Net().MTU))
			}
			// Nor does it bring about atomic fragments.
			_ = s.SendTo(kit.Pattern(100), netip.AddrPortFrom(lan.IP(), discard))
			f := lan.Expect(ipv6.Header(ipv6.NextHeader.In(ipv6.NextUDP, ipv6.NextFragment)), probe.For())
			p.Must("RFC8021:4-3", f, ipv6.NextHeader.Is(ipv6.NextUDP))
		})

	raised := []string{"RFC8201:4-13", "RFC8201:6-2", "RFC8201:5.2-12"}
	check.Grid(suite, "pmtu6.raised", "Packet Too Big never raises the path MTU",
		check.Proves(raised[0], mutate.Ignores(icmpv6.PacketTooBig(icmpv6.MTU.Is(1300)))).
			And(raised[1], mutate.Misreads(icmpv6.PacketTooBig(icmpv6.MTU.Is(1300)), icmpv6.MTU.Is(1350))).
			And(raised[2], mutate.Misshifts(tooBig, icmpv6.MTU, 100)).Needs(target.Agent),
		[]uint{1301, 1400, 1500, 9000, 0xffffffff},
		func(p *probe.P, mtu uint) {
			lan := p.IPv6()
			s := lan.UDP(0)
			f := learn(lan, s, 1300)
			tell(lan, about(mtu, f))
			fs := sends(lan, s, lan.IP())
			for _, r := range raised {
				fits(p, r, "the largest packet", fs, 1300)
			}
		})

	check.Grid(suite, "pmtu6.forged", "Packet Too Big about what was never sent is ignored",
		check.Proves("RFC8201:4-2", mutate.Gullible()).Needs(target.Agent),
		[]string{"another port", "another port of the tester", "another source", "cut"},
		func(p *probe.P, how string) {
			lan := p.IPv6()
			s := lan.UDP(0)
			f := sends(lan, s, lan.IP())[0]
			good := about(1300, f)
			quote := func(conds ...packet.Cond) packet.Template {
				return icmpv6.PacketTooBig(icmpv6.MTU.Is(1300)).Then(icmpv6.About(packet.Dissect(f.Link, f.Rewrite(conds...))))
			}
			if how == "another port of the tester" { // the socket has to be of one peer for that
				if err := s.Connect(netip.AddrPortFrom(lan.IP(), discard)); err != nil {
					p.Inconclusive("the target cannot connect a UDP socket: %v", err)
				}
			}
			bad := map[string]packet.Template{
				"another port":               quote(udp.SrcPort.Is(3)),
				"another port of the tester": quote(udp.DstPort.Is(3)),
				"another source":             quote(ipv6.Src.Is(lan.UnusedIP())),
				"cut":                        icmpv6.PacketTooBig(icmpv6.MTU.Is(1300)).Then(packet.Payload(f.Body(ethernet.Proto)[:24])),
			}[how]
			lan.Stray(bad, good)
			lan.Ping(probe.For())
			p.That("RFC8201:4-2", "the largest packet", largest(sends(lan, s, lan.IP())), gomega.Equal(lan.Net().MTU))
		})

	suite.It("pmtu6.told", "the application is told, or its datagrams go in fragments",
		check.Proves("RFC4443:3.2-7", mutate.Ignores(tooBig)).
			And("RFC8201:5.2-13", mutate.Ignores(tooBig)).Needs(target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			a, b := lan.UDP(0), lan.UDP(0)
			learn(lan, a, 1300)
			fits(p, "RFC4443:3.2-7", "the largest packet of the socket", sends(lan, a, lan.IP()), 1300)
			fits(p, "RFC8201:5.2-13", "the largest packet of another socket", sends(lan, b, lan.IP()), 1300)
		})

	group := ipv6.MustAddr("ff0e::1234")
	suite.It("pmtu6.group", "Packet Too Big about a packet to a group has the next ones fit the smallest MTU of its paths",
		check.Proves("RFC8201:3-5", mutate.Ignores(tooBig)).
			And("RFC8201:5.2-3", mutate.Ignores(icmpv6.PacketTooBig(icmpv6.MTU.Is(1300)))).Needs(target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			s := lan.UDP(0)
			if err := s.SetMulticastInterface(lan.TargetIP()); err != nil {
				p.Step("IPV6_MULTICAST_IF: %v", err)
			}
			fs := sends(lan, s, group)
			if len(fs) == 0 {
				p.Inconclusive("the target does not send to groups")
			}
			tell(lan, about(1400, fs[0]))
			tell(lan.As(1), about(1300, fs[0]))
			tell(lan, about(1350, fs[0]))
			fs = sends(lan, s, group)
			fits(p, "RFC8201:3-5", "the largest packet", fs, 1350)
			fits(p, "RFC8201:5.2-3", "the largest packet", fs, 1300)
		})

	suite.It("pmtu6.ageing", "what is known of a path is kept for 5 minutes at least, and forgotten after about 10",
		check.Proves("RFC8201:4-11", mutate.Ignores(tooBig)).
			And("RFC8201:4-10", mutate.Misshifts(tooBig, icmpv6.MTU, 100)).
			And("RFC8201:3-6", mutate.Ignores(tooBig)).
			And("RFC8201:4-12", mutate.Octets(whole, "with a Fragment header", fragmented)).
			And("RFC8201:5.3-1", mutate.Octets(whole, "with a Fragment header", fragmented)).
			And("RFC8201:5.3-2", mutate.Octets(whole, "with a Fragment header", fragmented)).Needs(target.Agent).Slow(),
		func(p *probe.P) {
			lan := p.IPv6()
			s := lan.UDP(0)
			learn(lan, s, 1300)
			for range 4 {
				p.Wait(74 * time.Second)
				fs := sends(lan, s, lan.IP())
				for _, r := range []string{"RFC8201:4-11", "RFC8201:4-10", "RFC8201:3-6"} {
					fits(p, r, fmt.Sprintf("the largest packet at %v", p.Now()), fs, 1300)
				}
			}
			p.Wait(6 * time.Minute)
			fs := sends(lan, s, lan.IP())
			for _, r := range []string{"RFC8201:4-12", "RFC8201:5.3-1", "RFC8201:5.3-2"} {
				p.Must(r, fs[0], ipv6.NextHeader.Is(ipv6.NextUDP))
			}
		})
}

// fragmented puts a Fragment header of a packet that is whole behind the IPv6 header.
func fragmented(b []byte) []byte {
	b = append(b[:54:54], append([]byte{b[20], 0, 0, 0, 1, 2, 3, 4}, b[54:]...)...)
	n := len(b) - 54
	b[18], b[19], b[20] = byte(n>>8), byte(n), ipv6.NextFragment
	return b
}
