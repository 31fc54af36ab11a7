package ipv6

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/mld"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
	"github.com/onsi/gomega"
)

// What the target sends: fragments that it makes (RFC 8200, section 4.5), checksums (8.1), the size of segments (8.3).

// gather waits for all fragments of the next packet of the target.
func gather(lan *probe.Tester, opts ...probe.Option) (fs []*packet.Frame) {
	for {
		fs = append(fs, lan.Expect(ipv6.Fragment(), opts...))
		if _, err := ipv6.Join(fs); err != ipv6.ErrIncomplete {
			return fs
		}
	}
}

func init() {
	frag := ipv6.Fragment()
	more := ipv6.Fragment(ipv6.FragMore.Is(1))
	all := []string{
		"RFC8200:4.5-3", "RFC8200:4.5-5", "RFC8200:4.5-8", "RFC8200:4.5-16", "RFC8200:4.5-17", "RFC8200:4.5-19", "RFC8200:4.5-21", "RFC8200:4.5-22",
		"RFC8200:4.5-23", "RFC8200:4.5-24", "RFC8200:4.5-25", "RFC8200:4.5-26", "RFC8200:4.5-27", "RFC8200:4.5-28", "RFC5722:4-1", "RFC7112:5-1",
	}
	check.Grid(suite, "ipv6.send.fragments", "a datagram above the MTU is sent in fragments that make it whole",
		check.Proves("RFC8200:4.5-3", mutate.Field(frag, ipv6.FragReserved.Is(1))).
			And("RFC8200:4.5-5", mutate.Field(frag, ipv6.FragRes.Is(1))).
			And("RFC8200:4.5-8", mutate.Field(last, ipv6.FragMore.Is(1))).
			And("RFC8200:4.5-16", mutate.Octets(more, "with padding up to more than the MTU", func(b []byte) []byte {
				b = append(b, make([]byte, 400)...)
				n := len(b) - 54
				b[18], b[19] = byte(n>>8), byte(n)
				return b
			})).
			And("RFC8200:4.5-17", mutate.Octets(more, "without their last octet", func(b []byte) []byte {
				b = b[:len(b)-1]
				b[19]--
				return b
			})).
			And("RFC8200:4.5-19", mutate.Octets(frag, "with the length of the whole", func(b []byte) []byte { b[18] = 0x20; return b })).
			And("RFC8200:4.5-20", mutate.Octets(frag, "with another next header", func(b []byte) []byte { b[20] = ipv6.NextUDP; return b })).
			And("RFC8200:4.5-21", mutate.Field(first, ipv6.FragNext.Is(ipv6.NextTCP))).
			And("RFC8200:4.5-22", mutate.Field(first, ipv6.FragOffset.Is(1))).
			And("RFC8200:4.5-23", mutate.Field(first, ipv6.FragMore.Is(0))).
			And("RFC8200:4.5-24", mutate.Field(last, ipv6.FragID.Is(0xdead))).
			And("RFC8200:4.5-25", mutate.Octets(first, "with four octets", func(b []byte) []byte {
				b[18], b[19] = 0, 12
				return b[:66]
			})).
			And("RFC8200:4.5-26", mutate.Shifts(later, ipv6.FragOffset, 1)).
			And("RFC8200:4.5-27", mutate.Field(ipv6.Fragment(ipv6.FragOffset.Not(0)), ipv6.FragMore.Is(1))).
			And("RFC8200:4.5-28", mutate.Shifts(later, ipv6.FragOffset, -1)).
			And("RFC5722:4-1", mutate.Shifts(last, ipv6.FragOffset, -2)).
			And("RFC7112:5-1", mutate.Field(first, ipv6.FragNext.Is(ipv6.NextDestination))).Needs(target.Agent),
		[]int{1453, 1500, 2900, 4000, 8000},
		func(p *probe.P, n int) {
			lan := p.IPv6()
			s := lan.UDP(0)
			sendTo(lan, s, n)
			var fs []*packet.Frame
			fs = append(fs, lan.Expect(ipv6.Header(ipv6.Src.Is(lan.TargetIP()), ipv6.NextHeader.In(ipv6.NextFragment, ipv6.NextUDP)), probe.For()))
			p.Must("RFC8200:4.5-20", fs[0], ipv6.NextHeader.Is(ipv6.NextFragment))
			lan.Ping(probe.For())
			fs = lan.Seen(frag)
			faults := inspectFragments(lan, fs, n)
			for _, r := range all {
				p.That(r, "what is wrong with the fragments", faults[r], gomega.BeEmpty())
			}
		})

	suite.It("ipv6.send.identification", "each packet in fragments has an identification that others lately had not",
		check.Proves("RFC8200:4.5-11", mutate.Field(frag, ipv6.FragID.Is(7))).Needs(target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			s := lan.UDP(0)
			seen := map[uint]bool{}
			for range 32 {
				sendTo(lan, s, 2000)
				f := gather(lan, probe.For())[0]
				id, _ := ipv6.FragID.Of(f)
				p.That("RFC8200:4.5-11", "an identification that was used before", seen[id], gomega.BeFalse())
				seen[id] = true
			}
		})

	suite.It("ipv6.send.fits", "what fits into the MTU is not sent in fragments",
		check.Proves("RFC8200:4.5-23", mutate.Octets(udp.Datagram(udp.DstPort.Is(discard)), "as atomic fragments", insertFragment)).
			And("RFC8200:4.5-10", mutate.Octets(udp.Datagram(udp.DstPort.Is(discard)), "as atomic fragments", insertFragment)).
			And("RFC8200:5-8", mutate.Octets(udp.Datagram(udp.DstPort.Is(discard)), "with a Fragment header", insertFragment)).Needs(target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			s := lan.UDP(0)
			for _, n := range []int{0, 1, 1232, lan.Net().MTU - 48} {
				sendTo(lan, s, n)
				f := lan.Expect(ipv6.Header(ipv6.Src.Is(lan.TargetIP()), ipv6.NextHeader.In(ipv6.NextUDP, ipv6.NextFragment)), probe.For())
				for _, r := range []string{"RFC8200:4.5-23", "RFC8200:4.5-10", "RFC8200:5-8"} {
					p.Must(r, f, ipv6.NextHeader.Is(ipv6.NextUDP))
				}
			}
		})

	checksums()

	report := mld.Report2()
	suite.It("ipv6.send.hop-by-hop", "a Hop-by-Hop Options header of the target's stands first, with its options aligned and padded as RFC 8200 asks",
		check.Proves("RFC8200:4-6", mutate.Octets(report, "with a Routing header before it", insertRouting)).
			And("RFC8200:4.2-18", mutate.Field(ipv6.HopByHop(), ipv6.HopOptions.Is([]byte{0, 5, 2, 0, 0, 0}))).
			And("RFC8200:4.2-22", mutate.Field(ipv6.HopByHop(), ipv6.HopOptions.Is([]byte{5, 2, 0, 0, 0, 0}))).
			And("RFC8200:4-16", mutate.Field(ipv6.HopByHop(), ipv6.HopOptions.Is([]byte{0, 5, 2, 0, 0, 0}))).Needs(target.Multicast6, target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			if err := lan.UDP(0).Join(addr("ff05::1234")); err != nil {
				p.Inconclusive("the target does not join a group: %v", err)
			}
			f := lan.Expect(ipv6.Header(ipv6.Dst.Is(ipv6.AllMLDRouters)), probe.For())
			p.Must("RFC8200:4-6", f, ipv6.NextHeader.Is(ipv6.NextHopByHop))
			options, _ := ipv6.HopOptions.Of(f)
			all, _ := ipv6.SplitOptions(options)
			at, pads := 2, 0
			for _, o := range all {
				if o[0] == ipv6.RouterAlertType { // 2n+0 (RFC 2711, 2.1)
					p.That("RFC8200:4.2-18", "the offset of Router Alert", at%2, gomega.Equal(0))
					p.That("RFC8200:4-16", "the offset of the value of Router Alert", at%2, gomega.Equal(0))
				}
				if o[0] == ipv6.Pad1Type {
					pads++
				}
				at += len(o)
			}
			p.That("RFC8200:4.2-22", "Pad1 options", pads, gomega.BeNumerically("<=", 1))
		})

	suite.It("ipv6.send.mss", "the MSS that is offered leaves room for 60 octets of headers",
		check.Proves("RFC8200:8.3-1", mutate.Field(tcp.Segment(tcp.SYNBit.Is(1)), tcp.MSS.Is(1460))).
			And("RFC8200:8.3-2", mutate.Field(tcp.Segment(tcp.SYNBit.Is(1)), tcp.MSS.Is(1441))).Needs(target.Agent),
		func(p *probe.P) {
			c := p.IPv6().TCP()
			c.Dial()
			syn := c.Sent(tcp.SYNBit.Is(1))[0]
			room := uint(p.Net().MTU - 60)
			p.Must("RFC8200:8.3-1", syn, tcp.MSS.Where("at most the MTU less 60", func(v uint) bool { return v <= room }))
			p.Must("RFC8200:8.3-2", syn, tcp.MSS.Is(room))
		})

	suite.It("ipv6.send.reply", "a reply to a packet with extension headers has none of them",
		check.Proves("RFC8200:8.4-2", mutate.Octets(anyReply, "with a Routing header", insertRouting)).
			And("RFC8200:4.1-4", mutate.Octets(anyReply, "with two Routing headers", func(b []byte) []byte { return insertRouting(insertRouting(b)) })).
			And("RFC8200:4.6-3", mutate.Missing(anyReply)),
		func(p *probe.P) {
			lan := p.IPv6()
			reply := lan.Ask(echo(p, ipv6.HopByHop(), ipv6.Destination(), ipv6.Routing(ipv6.RouteType.Is(253), ipv6.SegmentsLeft.Is(0)), ipv6.Destination()), anyReply, probe.For("RFC8200:4.6-3"))
			p.Must("RFC8200:8.4-2", reply, ipv6.NextHeader.Is(ipv6.NextICMPv6))
			p.Must("RFC8200:4.1-4", reply, ipv6.NextHeader.Is(ipv6.NextICMPv6))
		})
}

// insertFragment makes an atomic fragment.
func insertFragment(b []byte) []byte {
	b = insertRouting(b)
	b[20] = ipv6.NextFragment
	copy(b[55:62], []byte{0, 0, 0, 1, 2, 3, 4})
	return b
}

// inspectFragments tells, by requirement, what is wrong with the fragments of a datagram of n octets.
func inspectFragments(lan *probe.Tester, fs []*packet.Frame, n int) map[string][]string {
	faults := map[string][]string{}
	wrong := func(what string, requirements ...string) {
		for _, r := range requirements {
			faults[r] = append(faults[r], what)
		}
	}
	get := func(f *packet.Frame, field packet.Field[uint]) uint { v, _ := field.Of(f); return v }
	covered, end := map[uint]bool{}, false
	for i, f := range fs {
		size := uint(len(f.Body(ipv6.FragmentProto)))
		offset, more := get(f, ipv6.FragOffset), get(f, ipv6.FragMore) == 1
		if get(f, ipv6.FragReserved) != 0 {
			wrong("the reserved octet is not zero", "RFC8200:4.5-3")
		}
		if get(f, ipv6.FragRes) != 0 {
			wrong("the reserved bits are not zero", "RFC8200:4.5-5")
		}
		if more && size%8 != 0 {
			wrong("not a multiple of 8 octets", "RFC8200:4.5-17")
		}
		if 48+size > uint(lan.Net().MTU) {
			wrong("larger than the MTU", "RFC8200:4.5-16")
		}
		if get(f, ipv6.PayloadLength) != 8+size {
			wrong("a payload length that is not that of the fragment", "RFC8200:4.5-19")
		}
		if get(f, ipv6.FragNext) != ipv6.NextUDP {
			wrong("the next header is not that of UDP", "RFC8200:4.5-21", "RFC7112:5-1")
		}
		if get(f, ipv6.FragID) != get(fs[0], ipv6.FragID) {
			wrong("another identification", "RFC8200:4.5-24")
		}
		if i == 0 && offset != 0 {
			wrong("the first has an offset", "RFC8200:4.5-22")
		}
		if i == 0 && !more {
			wrong("the first is all", "RFC8200:4.5-23")
		}
		if i == 0 && size < 8 {
			wrong("the first does not hold the header of UDP", "RFC8200:4.5-25", "RFC7112:5-1")
		}
		for u := offset; u < offset+(size+7)/8; u++ {
			if covered[u] {
				wrong("octets come twice", "RFC8200:4.5-28", "RFC5722:4-1")
				break
			}
			covered[u] = true
		}
		end = end || !more
		if more != (i < len(fs)-1) {
			wrong("M does not tell whether more follow", "RFC8200:4.5-8", "RFC8200:4.5-27")
		}
	}
	if !end {
		wrong("there is no last one", "RFC8200:4.5-8", "RFC8200:4.5-27")
	}
	for u := range uint((n + 8 + 7) / 8) {
		if !covered[u] {
			wrong("octets are missing", "RFC8200:4.5-26")
			break
		}
	}
	return faults
}

// checksums are those of the upper layers: RFC 8200, section 8.1.
func checksums() {
	to := udp.Datagram(udp.DstPort.Is(discard))
	suite.It("ipv6.checksum.sent", "UDP datagrams have the checksum that the pseudo-header asks for, 0xffff for 0",
		check.Proves("RFC8200:8.1-1", mutate.Octets(to, "with a checksum one too high", func(b []byte) []byte { b[61]++; return b })).
			And("RFC8200:8.1-5", mutate.Octets(to, "with a checksum eight too high", func(b []byte) []byte { b[61] += 8; return b })).
			And("RFC8200:8.1-7", mutate.Octets(to, "without checksum", func(b []byte) []byte { b[60], b[61] = 0, 0; return b })).
			And("RFC8200:8.1-8", mutate.Octets(to, "with checksum 0 for 0xffff", func(b []byte) []byte {
				if b[60] == 0xff && b[61] == 0xff {
					b[60], b[61] = 0, 0
				}
				return b
			})).Needs(target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			s := lan.UDP(0)
			send := func(data []byte) *packet.Frame {
				if err := s.SendTo(data, netip.AddrPortFrom(lan.IP(), discard)); err != nil {
					p.Inconclusive("the target does not send: %v", err)
				}
				return lan.Expect(to, probe.For())
			}
			sum := func(f *packet.Frame) uint {
				v, _ := udp.Checksum.Of(f)
				return v
			}
			f := send([]byte{0, 0})
			want, _ := udp.Checksum.Of(packet.Dissect(f.Link, f.Rewrite(udp.DstPort.Is(discard))))
			p.That("RFC8200:8.1-1", "the checksum", sum(f), gomega.Equal(want))
			p.That("RFC8200:8.1-5", "the checksum", sum(f), gomega.Equal(want))
			p.That("RFC8200:8.1-7", "the checksum", sum(f), gomega.Not(gomega.Equal(uint(0))))
			// The data that makes the sum come out as zero is the checksum of the same with zeros.
			f = send([]byte{byte(want >> 8), byte(want)})
			p.That("RFC8200:8.1-8", "the checksum of what adds up to zero", sum(f), gomega.Equal(uint(0xffff)))
		})

	check.Grid(suite, "ipv6.checksum.received", "a checksum is right only over the pseudo-header of RFC 8200, extension headers or not",
		check.Proves("RFC8200:8.1-4", mutate.Missing(udp.Datagram())).
			And("RFC8200:8.1-6", mutate.Missing(udp.Datagram())).
			And("RFC8200:8.1-9", mutate.Gullible()).
			And("RFC8200:8.1-13", mutate.Missing(anyReply)).Needs(target.UDPEcho),
		[]chain{"", "d", "hd", "rd"},
		func(p *probe.P, c chain) {
			lan := p.IPv6()
			port := lan.UDPEcho()
			hs := c.headers()
			good := ipv6.Header().Then(append(hs, udp.Datagram(udp.SrcPort.Is(4001), udp.DstPort.Is(uint(port))), packet.Payload([]byte("sum")))...)
			answer := udp.Datagram(udp.DstPort.Is(4001))
			lan.Ask(good, answer, probe.For("RFC8200:8.1-4", "RFC8200:8.1-6"))
			lan.Silent(good.With(udp.Checksum.Is(0)), good, answer, probe.For("RFC8200:8.1-9"))
			lan.Ask(ipv6.Header().Then(append(hs, icmpv6.Echo(p.Serial(), 1, nil))...), anyReply, probe.For("RFC8200:8.1-13"), probe.Within(5*time.Second))
		})
}
