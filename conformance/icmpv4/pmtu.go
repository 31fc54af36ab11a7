package icmpv4

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Path MTU discovery shows in the sizes of what UDP sockets send to a host beyond the gateway. A host that is told that a
// datagram is too big may send smaller ones, whole or in fragments, or refuse to send; a host need not discover path MTUs
// at all: then it breaks no rule about it.

// tooBig is Datagram Too Big (RFC 1191, 3): Destination Unreachable, fragmentation needed.
func tooBig(mtu uint, about []byte) packet.Template {
	return icmpv4.Unreachable(icmpv4.CodeFragNeeded).With(icmpv4.MTU.Is(mtu)).Then(packet.Payload(about))
}

// tell sends it and lets it sink in.
func tell(host *probe.Tester, mtu uint, about []byte) {
	host.Send(tooBig(mtu, about))
	kit.Alive(host)
}

var (
	anyTooBig   = icmpv4.Unreachable(icmpv4.CodeFragNeeded)
	anyDatagram = ipv4.Header(ipv4.Protocol.Is(17))
)

// Values of IP_MTU_DISCOVER.
const (
	discoverWant = 1 // DF while a datagram fits the path, fragments when it does not
	discoverDo   = 2 // DF always: what does not fit is refused
)

// discovering is a socket of the target that discovers the MTU of its path; nil if the target does not offer that, which
// settles the requirements.
func discovering(host *probe.Tester, how int, requirements ...string) *probe.Socket {
	s := host.UDP(0)
	if err := s.SetOption("IP_MTU_DISCOVER", how); err != nil {
		host.Step("the target does not discover path MTUs for UDP: %v", err)
		for _, req := range requirements {
			host.Meets(req)
		}
		return nil
	}
	return s
}

// full is the data of a datagram as large as the link allows.
func full(host *probe.Tester) []byte { return kit.Pattern(host.Net().MTU - 28) }

// sized sends data and gives the datagram or the first of its fragments; nil when the target refuses to send it.
func sized(host *probe.Tester, s *probe.Socket, to netip.Addr, data []byte) *packet.Frame {
	host.Forget()
	if err := s.SendTo(data, netip.AddrPortFrom(to, discard)); err != nil {
		host.Step("the target refuses to send %d octets: %v", len(data), err)
		return nil
	}
	return host.Expect(anyDatagram.With(ipv4.Dst.Is(to), ipv4.Offset.Is(0)), probe.For())
}

// fits asserts that the target now keeps to an MTU, or refuses to send what is larger.
func fits(host *probe.Tester, s *probe.Socket, mtu uint, requirements ...string) {
	f := sized(host, s, offLink, full(host))
	for _, req := range requirements {
		if f == nil {
			host.Meets(req)
			continue
		}
		total, _ := ipv4.TotalLength.Of(f)
		host.That(req, "the total length of what is sent", total, gomega.BeNumerically("<=", mtu))
	}
}

// begin sends a full-sized datagram to offLink, about which a router then complains.
func begin(host *probe.Tester, s *probe.Socket) []byte {
	f := sized(host, s, offLink, full(host))
	if f == nil {
		host.Inconclusive("the target refuses to send a datagram as large as its link's MTU")
	}
	return quoteFrame(f)
}

func init() {
	deaf := mutate.Ignores(anyTooBig)

	check.Grid(suite, "icmp.pmtu.first-hop", "at first a path has the MTU of its first hop, and datagrams have DF set",
		check.Proves("RFC1191:2-1", mutate.Field(anyDatagram, ipv4.MF.Is(1))).
			And("RFC1191:2-2", mutate.Field(anyDatagram, ipv4.DF.Is(0))).
			Needs(target.Agent).Needs(target.Gateway),
		[]int{0, 100, 1472},
		func(p *probe.P, n int) {
			host := p.IPv4()
			s := discovering(host, discoverWant, "RFC1191:2-1", "RFC1191:2-2")
			if s == nil {
				return
			}
			if f := sized(host, s, offLink, kit.Pattern(min(n, p.Net().MTU-28))); f != nil {
				p.Must("RFC1191:2-1", f, ipv4.MF.Is(0))
				p.Must("RFC1191:2-2", f, ipv4.DF.Is(1))
			} else {
				p.Fail("RFC1191:2-1", probe.Missing, "a datagram of %d octets is sent", n+28)
			}
		})

	check.Grid(suite, "icmp.pmtu.lowered", "the next datagram obeys a Datagram Too Big",
		check.Proves("RFC1191:3-1", deaf).And("RFC1191:3-2", deaf).And("RFC1191:3-4", deaf).Needs(target.Agent).Needs(target.Gateway),
		[]uint{1499, 1280, 1006, 576},
		func(p *probe.P, mtu uint) {
			host := p.IPv4()
			s := discovering(host, discoverWant, "RFC1191:3-1", "RFC1191:3-2", "RFC1191:3-4")
			if s == nil {
				return
			}
			tell(host, mtu, begin(host, s))
			fits(host, s, mtu, "RFC1191:3-1", "RFC1191:3-4")
			fits(host, s, mtu, "RFC1191:3-2")
		})

	suite.It("icmp.pmtu.shared", "another socket obeys what was learned of the path",
		check.Proves("RFC1191:6.2-1", deaf).Needs(target.Agent).Needs(target.Gateway),
		func(p *probe.P) {
			host := p.IPv4()
			one, two := discovering(host, discoverWant, "RFC1191:6.2-1"), discovering(host, discoverWant)
			if one == nil || two == nil {
				return
			}
			tell(host, 1000, begin(host, one))
			fits(host, two, 1000, "RFC1191:6.2-1")
		})

	// The path narrows three times, as seen from the target; 10 attempts are many more than it takes.
	check.Grid(suite, "icmp.pmtu.converges", "datagrams get smaller, or lose DF, until they pass",
		check.Proves("RFC1191:3-3", deaf).Needs(target.Agent).Needs(target.Gateway),
		[]uint{1006, 600},
		func(p *probe.P, narrowest uint) {
			host := p.IPv4()
			s := discovering(host, discoverWant, "RFC1191:3-3")
			if s == nil {
				return
			}
			hops := []uint{1400, 1200, narrowest}
			getsThrough(host, s, "RFC1191:3-3", func(total uint) (mtu uint, narrow bool) {
				for _, hop := range hops {
					if total > hop {
						return hop, true
					}
				}
				return 0, false
			})
		})

	suite.It("icmp.pmtu.zero", "a Datagram Too Big that names no MTU does not make the path a black hole",
		check.Proves("RFC1191:3-10", deaf).Needs(target.Agent).Needs(target.Gateway),
		func(p *probe.P) {
			host := p.IPv4()
			s := discovering(host, discoverWant, "RFC1191:3-10")
			if s == nil {
				return
			}
			getsThrough(host, s, "RFC1191:3-10", func(total uint) (mtu uint, narrow bool) { return 0, total > 1006 })
		})

	raised := mutate.Misreads(icmpv4.Unreachable(icmpv4.CodeFragNeeded).With(icmpv4.MTU.Is(1000)), icmpv4.MTU.Is(1400))
	check.Grid(suite, "icmp.pmtu.never-raised", "a Datagram Too Big with a larger MTU has no effect",
		check.Proves("RFC1191:3-12", raised).And("RFC1191:8-2", raised).Needs(target.Agent).Needs(target.Gateway),
		[]uint{1001, 1400, 9000, 65535},
		func(p *probe.P, mtu uint) {
			host := p.IPv4()
			s := discovering(host, discoverWant, "RFC1191:3-12", "RFC1191:8-2")
			if s == nil {
				return
			}
			about := begin(host, s)
			tell(host, 1000, about)
			tell(host, mtu, about)
			fits(host, s, 1000, "RFC1191:3-12", "RFC1191:8-2")
		})

	check.Grid(suite, "icmp.pmtu.tiny", "no Datagram Too Big makes fragments smaller than 68 octets, or stops the flow",
		check.Proves("RFC1191:3-11", mutate.Field(anyDatagram, ipv4.TotalLength.Is(60))).
			And("RFC1191:8-1", mutate.Drops(anyDatagram, 1)).
			Needs(target.Agent).Needs(target.Gateway),
		[]uint{1, 20, 28, 67},
		func(p *probe.P, mtu uint) {
			host := p.IPv4()
			s := discovering(host, discoverWant, "RFC1191:3-11", "RFC1191:8-1")
			if s == nil {
				return
			}
			tell(host, mtu, begin(host, s))
			host.Forget()
			if err := s.SendTo(full(host), netip.AddrPortFrom(offLink, discard)); err != nil {
				p.Fail("RFC1191:8-1", probe.Missing, "the target still sends, but it refuses: %v", err)
				return
			}
			f := host.Expect(anyDatagram.With(ipv4.Offset.Is(0)), probe.For("RFC1191:8-1"))
			p.Must("RFC1191:3-11", f, ipv4.TotalLength.Where("68 or more", func(v uint) bool { return v >= 68 }))
		})

	ofFarther := mutate.Here(func(n target.Net) mutate.Mutation {
		about := udp.Datagram(udp.SrcPort.Is(4001), udp.DstPort.Is(discard)).With(ipv4.Dst.Is(farther))
		return mutate.Misreads(anyTooBig, packet.Data.Is(quoteOf(n, about)))
	})
	suite.It("icmp.pmtu.other-path", "a Datagram Too Big for one destination leaves the path to another as it was",
		check.Proves("RFC1191:6.2-2", ofFarther).Needs(target.Agent).Needs(target.Gateway),
		func(p *probe.P) {
			host := p.IPv4()
			s := p.UDP(4001)
			if err := s.SetOption("IP_MTU_DISCOVER", discoverWant); err != nil {
				p.Meets("RFC1191:6.2-2")
				return
			}
			tell(host, 1000, begin(host, s))
			f := sized(host, s, farther, full(host))
			if f == nil {
				p.Fail("RFC1191:6.2-2", probe.Missing, "a full-sized datagram is sent to the other destination")
				return
			}
			p.That("RFC1191:6.2-2", "the datagram to the other destination is not in fragments", packet.Check(f, ipv4.MF.Is(0)), gomega.BeEmpty())
		})

	suite.It("icmp.pmtu.refused", "a datagram that must not be fragmented and does not fit the path is refused",
		check.Proves("RFC1191:6.2-6", deaf).Needs(target.Agent).Needs(target.Gateway),
		func(p *probe.P) {
			host := p.IPv4()
			s := discovering(host, discoverDo, "RFC1191:6.2-6")
			if s == nil {
				return
			}
			tell(host, 1000, begin(host, s))
			err := s.SendTo(full(host), netip.AddrPortFrom(offLink, discard))
			p.That("RFC1191:6.2-6", "the send ends with an error", err, gomega.HaveOccurred())
		})

	suite.It("icmp.pmtu.told", "the sender of the datagram that was dropped is told",
		check.Proves("RFC1191:6.2-5", deaf).Needs(target.Agent),
		func(p *probe.P) {
			host := p.IPv4()
			isTold(host, connected(host, 0), anyTooBig.With(icmpv4.MTU.Is(1000)), "RFC1191:6.2-5")
		})

	// 5 minutes less a second after the last Datagram Too Big no increase has been tried; the estimate has gone after 10
	// minutes, "about" being read as half a minute more.
	whole := mutate.Field(anyDatagram.With(ipv4.TotalLength.Is(1500)), ipv4.MF.Is(1))
	suite.It("icmp.pmtu.aging", "an increase is tried after about 10 minutes and never within 5",
		check.Proves("RFC1191:3-6", deaf).
			And("RFC1191:3-7", deaf).
			And("RFC1191:6.3-1", whole).
			Needs(target.Agent).Slow().Needs(target.Gateway),
		func(p *probe.P) {
			host := p.IPv4()
			s := discovering(host, discoverWant, "RFC1191:3-6", "RFC1191:3-7", "RFC1191:6.3-1")
			if s == nil {
				return
			}
			tell(host, 1000, begin(host, s))
			began := p.Now()
			fits(host, s, 1000, "RFC1191:3-6")
			p.Wait(began + 5*time.Minute - time.Second - p.Now())
			fits(host, s, 1000, "RFC1191:3-6", "RFC1191:3-7")
			p.Wait(began + 10*time.Minute + 30*time.Second - p.Now())
			f := sized(host, s, offLink, full(host))
			if f == nil {
				p.Fail("RFC1191:6.3-1", probe.Missing, "a datagram of the first hop's MTU is sent")
				return
			}
			p.Must("RFC1191:6.3-1", f, ipv4.MF.Is(0), ipv4.TotalLength.Is(uint(p.Net().MTU)))
		})
}

// getsThrough sends full-sized datagrams through a path that drops what has DF and is too large for it, and says so. One has
// to pass in the end.
func getsThrough(host *probe.Tester, s *probe.Socket, requirement string, path func(total uint) (mtu uint, narrow bool)) {
	const attempts = 10
	for range attempts {
		f := sized(host, s, offLink, full(host))
		if f == nil {
			continue
		}
		total, _ := ipv4.TotalLength.Of(f)
		df, _ := ipv4.DF.Of(f)
		mtu, narrow := path(total)
		if df == 0 || !narrow {
			host.Meets(requirement)
			return
		}
		tell(host, mtu, quoteFrame(f))
	}
	host.Fail(requirement, probe.Value, "one of %d datagrams is small enough for the path, or may be fragmented", attempts)
}
