package rfc4944

import (
	"fmt"
	"net/netip"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// The compression of section 10, which RFC 6282 has taken the place of: a target that still reads it is asked to. How it
// reads a packet shows where it quotes it, as in suite rfc6282.

const closedPort = 9

var stranger = ipv6.MustAddr("fe80::9999")

// refused is a datagram to a port that nobody has, which is quoted in the answer.
func refused(conds ...packet.Cond) packet.Template {
	return udpTo(closedPort).With(conds...)
}

// localHC1 is a datagram between the link-local addresses, all of which is elided, with these bits.
func localHC1(lan *probe.Tester, inner packet.Template, conds ...packet.Cond) packet.Template {
	return lowpan.HC1(append([]packet.Cond{lowpan.HC1Src.Is(3), lowpan.HC1Dst.Is(3)}, conds...)...).Then(local(lan, inner))
}

// quoted asserts that the target read a packet as it is meant.
func quoted(lan *probe.Tester, sent packet.Template, reqs ...string) *packet.Frame {
	answer := lan.Ask(sent, icmpv6.Error(), probe.For(reqs...), probe.Because("the packet is refused, and quoted"))
	for _, r := range reqs {
		lan.Must(r, answer, icmpv6.Quotes(lan.Framed(sent)))
	}
	return answer
}

// hc1 adds a check that a packet is read right.
func hc1(id, title, req string, m mutate.Mutation, sent func(lan *probe.Tester) packet.Template) {
	suite.It(id, title, check.Proves(req, m).Needs(target.HC1), func(p *probe.P) {
		lan := p.IPv6()
		quoted(lan, sent(lan), req)
	})
}

// oldShort is the link-local address that section 6 makes of a short address: with the PAN in it, whose universal bit is 0.
func oldShort(lan *probe.Tester, universal bool) netip.Addr {
	pan, short := lan.Net().PAN, lan.Host().ShortAddr
	a := [16]byte{0xfe, 0x80, 8: byte(pan >> 8), 9: byte(pan), 11: 0xff, 12: 0xfe, 14: short[0], 15: short[1]}
	if !universal {
		a[8] &^= 2
	}
	return netip.AddrFrom16(a)
}

// A hc2 is the bits of HC_UDP.
type hc2 uint

func (h hc2) String() string { return fmt.Sprintf("HC_UDP=%02x", uint(h)) }

func init() {
	any := lowpan.HC1()
	hc1("dispatch.hc1", "dispatch 01000010: an HC1 header follows", "RFC4944:5.1-4", mutate.Ignores(any),
		func(lan *probe.Tester) packet.Template { return localHC1(lan, refused()) })
	check.Grid(suite, "hc1.source", "prefix and identifier of the source are in line or elided, each as its bit says",
		check.Proves("RFC4944:10.1-1", mutate.Misreads(lowpan.HC1(lowpan.HC1Src.Is(1)), ipv6.Src.Is(stranger))).Needs(target.HC1), []uint{0, 1, 2, 3},
		func(p *probe.P, bits uint) {
			lan := p.IPv6()
			sent := local(lan, refused())
			if bits == 0 {
				sent = sent.With(ipv6.Src.Is(lan.IP()))
			}
			quoted(lan, lowpan.HC1(lowpan.HC1Src.Is(bits), lowpan.HC1Dst.Is(3)).Then(sent), "RFC4944:10.1-1")
		})
	check.Grid(suite, "hc1.destination", "prefix and identifier of the destination are in line or elided, each as its bit says",
		check.Proves("RFC4944:10.1-2", mutate.Misreads(lowpan.HC1(lowpan.HC1Dst.Is(2)), ipv6.Dst.Is(ipv6.AllNodes))).Needs(target.HC1), []uint{0, 1, 2, 3},
		func(p *probe.P, bits uint) {
			lan := p.IPv6()
			sent := local(lan, refused())
			if bits == 0 {
				sent = sent.With(ipv6.Dst.Is(lan.TargetIP()))
			}
			quoted(lan, lowpan.HC1(lowpan.HC1Src.Is(3), lowpan.HC1Dst.Is(bits)).Then(sent), "RFC4944:10.1-2")
		})
	check.Grid(suite, "hc1.class", "traffic class and flow label are zero, or both in line",
		check.Proves("RFC4944:10.1-3", mutate.Misreads(lowpan.HC1(lowpan.HC1TF.Is(0)), ipv6.FlowLabel.Is(0))).
			And("RFC4944:10-1", mutate.MisreadsAs(lowpan.HC1(lowpan.HC1TF.Is(0)), "without the 4 bits of padding", unpadded)).
			Needs(target.HC1), []uint{0, 1},
		func(p *probe.P, zero uint) {
			lan := p.IPv6()
			sent := refused()
			if zero == 0 { // 28 bits, and four more before the payload
				sent = sent.With(ipv6.TrafficClass.Is(0xb9), ipv6.FlowLabel.Is(0xabcde))
			}
			quoted(lan, localHC1(lan, sent, lowpan.HC1TF.Is(zero)), "RFC4944:10.1-3", "RFC4944:10-1")
		})
	check.Grid(suite, "hc1.next", "the next header is UDP, ICMP or TCP, or in line",
		check.Proves("RFC4944:10.1-4", mutate.Misreads(lowpan.HC1(lowpan.HC1Next.Is(2)), ipv6.NextHeader.Is(ipv6.NextNone))).Needs(target.HC1),
		[]string{"in line", "UDP", "ICMP", "TCP"},
		func(p *probe.P, next string) {
			const req = "RFC4944:10.1-4"
			lan := p.IPv6()
			switch next {
			case "in line":
				quoted(lan, localHC1(lan, refused(), lowpan.HC1Next.Is(0)), req)
			case "UDP":
				quoted(lan, localHC1(lan, refused(), lowpan.HC1Next.Is(1)), req)
			case "ICMP":
				request, reply := ping(lan, 8)
				lan.Ask(localHC1(lan, request, lowpan.HC1Next.Is(2)), reply)
			case "TCP":
				syn := tcp.Segment(tcp.SrcPort.Is(0x1234), tcp.DstPort.Is(closedPort), tcp.SYNBit.Is(1), tcp.Seq.Is(7))
				lan.Ask(localHC1(lan, syn, lowpan.HC1Next.Is(3)), tcp.Segment(tcp.SrcPort.Is(closedPort), tcp.RSTBit.Is(1), tcp.Ack.Is(8)))
			}
		})
	hc1("hc1.hc2", "bit 7: an HC2 octet follows", "RFC4944:10.1-5", mutate.Ignores(lowpan.HC1(lowpan.HC2.Is(1))),
		func(lan *probe.Tester) packet.Template { return localHC1(lan, refused(), lowpan.HCUDP.Is(0)) })
	hc1("hc1.mesh", "an elided identifier is that of the originator in the mesh header", "RFC4944:10.1-6",
		mutate.Misreads(lowpan.Mesh().Then(any), ipv6.Src.Is(ipv6.MustAddr("fe80::200:0:0:3"))),
		func(lan *probe.Tester) packet.Template {
			return lowpan.Mesh().Then(localHC1(lan, refused())).With(ieee802154.Src.Is(lan.Net().Testers[1].MAC))
		})

	var all []hc2
	for bits := range hc2(8) {
		all = append(all, bits<<5)
	}
	bit := func(n uint) packet.Template {
		return lowpan.HC1(lowpan.HCUDP.Where(fmt.Sprintf("with bit %#x", n), func(v uint) bool { return v&n != 0 }))
	}
	check.Grid(suite, "hc1.udp", "ports of 61616 to 61631 may have 4 bits, the length may be elided, the checksum is in line",
		check.Proves("RFC4944:10.2-1", mutate.Misreads(bit(0x80), udp.SrcPort.Is(0xb3))).
			And("RFC4944:10.2-2", mutate.Misreads(bit(0x40), udp.DstPort.Is(0xb4))).
			And("RFC4944:10.2-3", mutate.Misreads(bit(0x20), udp.Length.Is(0))).
			And("RFC4944:10.2-4", mutate.Misreads(any, udp.Checksum.Is(0))).
			And("RFC4944:10.3.2-1", mutate.MisreadsAs(lowpan.HC1(lowpan.HCUDP.Is(0)), "with the ports before the hop limit", hopsLast)).
			And("RFC4944:10.3.2-2", mutate.Misreads(lowpan.HC1(lowpan.HCUDP.Is(0)), udp.SrcPort.Is(0xf0b4), udp.DstPort.Is(0xf0b3))).
			Needs(target.HC1), all,
		func(p *probe.P, h hc2) {
			lan := p.IPv6()
			sent := localHC1(lan, refused(udp.SrcPort.Is(0xf0b3), udp.DstPort.Is(0xf0b4)), lowpan.HCUDP.Is(uint(h)))
			quoted(lan, sent, "RFC4944:10.2-1", "RFC4944:10.2-2", "RFC4944:10.2-3", "RFC4944:10.2-4", "RFC4944:10.3.2-1", "RFC4944:10.3.2-2")
		})
	suite.It("hc1.udp.checksum", "the checksum in line is judged", check.Proves("RFC4944:10.2-4", mutate.Gullible()).Needs(target.HC1),
		func(p *probe.P) {
			lan := p.IPv6()
			good := refused(udp.SrcPort.Is(0xf0b3), udp.DstPort.Is(0xf0b4))
			lan.Silent(localHC1(lan, good.With(udp.Checksum.Is(0x1234)), lowpan.HCUDP.Is(0xe0)), localHC1(lan, good, lowpan.HCUDP.Is(0xe0)), icmpv6.Error())
		})

	inline := func(lan *probe.Tester) packet.Template {
		return lowpan.HC1(lowpan.HC1Src.Is(0), lowpan.HC1Dst.Is(0), lowpan.HC1TF.Is(0), lowpan.HC1Next.Is(0)).
			Then(refused(ipv6.HopLimit.Is(77), ipv6.TrafficClass.Is(0x5a), ipv6.FlowLabel.Is(0x12345)))
	}
	hc1("hc1.order", "what is in line stands in order: addresses, class, label, next header", "RFC4944:10.3.1-3",
		mutate.Misreads(any, ipv6.TrafficClass.Is(0x12), ipv6.FlowLabel.Is(0x3455a)), inline)
	hc1("hc1.hops", "the hop limit is in line", "RFC4944:10.3.1-1", mutate.Misreads(any, ipv6.HopLimit.Is(64)), inline)
	hc1("hc1.hops.first", "the hop limit stands right behind the encoding", "RFC4944:10.3.1-2", mutate.MisreadsAs(any, "with the hop limit last", hopsLast), inline)

	for _, iid := range []struct {
		id, title, req string
		m              mutate.Mutation
	}{
		{"iid.short", "the identifier of a short address has the PAN in it", "RFC4944:6-2", mutate.Misreads(lowpan.HC1(), ipv6.Src.Is(ipv6.MustAddr("fe80::ff:fe00:1")))},
		{"iid.short.universal", "the universal bit of the identifier of a short address is 0", "RFC4944:6-3", mutate.Misreads(lowpan.HC1(), ipv6.Src.Is(ipv6.MustAddr("fe80::abcd:ff:fe00:1")))},
	} {
		hc1(iid.id, iid.title, iid.req, iid.m, func(lan *probe.Tester) packet.Template {
			from := oldShort(lan, false)
			lan.Owns(from)
			return lowpan.HC1(lowpan.HC1Src.Is(3), lowpan.HC1Dst.Is(3)).Then(local(lan, refused()).With(ipv6.Src.Is(from))).With(ieee802154.Src.Is(lan.Host().ShortAddr))
		})
	}
}

// hopsLast is a packet with the octet of the hop limit behind the next one.
func hopsLast(f *packet.Frame) [][]byte {
	b := append([]byte(nil), f.Bytes...)
	at := len(b) - 2 - len(lowpan.EncodedOf(f)) + 2
	if n, _ := lowpan.HC2.Of(f); n == 1 {
		at++
	}
	b[at], b[at+1] = b[at+1], b[at]
	return [][]byte{resealed(b)}
}

// unpadded is a packet whose payload begins in the middle of an octet.
func unpadded(f *packet.Frame) [][]byte {
	b := append([]byte(nil), f.Bytes...)
	at := len(b) - 2 - len(lowpan.EncodedOf(f)) + len(f.Header(lowpan.HC1Proto))
	for i := at - 1; i < len(b)-3; i++ {
		b[i] = b[i]&0xf0 | b[i+1]>>4
		b[i+1] = b[i+1]<<4 | b[i+1]&15
	}
	return [][]byte{resealed(b)}
}
