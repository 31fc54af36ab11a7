package rfc6282

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// What a target compresses, and what it leaves alone: sections 2, 4.2, 4.3.1 and 4.3.2. Packets of a form that no socket
// makes it forwards from one link to another.

// settles is by when a packet in several frames has come.
const settles = 300 * time.Millisecond

// resealed mends the FCS.
func resealed(b []byte) []byte {
	sum := ieee802154.Sum(b[:len(b)-2])
	b[len(b)-2], b[len(b)-1] = byte(sum), byte(sum>>8)
	return b
}

// hc1Echo is an echo between the link-local addresses, compressed as RFC 4944 did.
func hc1Echo(lan *probe.Tester, id uint) packet.Template {
	return lowpan.HC1(lowpan.HC1Src.Is(3), lowpan.HC1Dst.Is(3)).Then(between(lan, icmpv6.Echo(id, 1, []byte("hc1"))))
}

// pieces are the fragments of the target on a link.
func pieces(lan *probe.Tester) (all []lowpan.Piece) {
	for _, f := range lan.Seen(ieee802154.Data()) {
		if p, ok := lowpan.PieceOf(f); ok {
			all = append(all, p)
		}
	}
	return all
}

// counted is a target whose fragments count the octets that are left when headers are compressed.
func counted() mutate.Mutation {
	less := 0
	return mutate.SendsAs(ieee802154.Data(), "in fragments that are counted after compression", func(f *packet.Frame) [][]byte {
		p, ok := lowpan.PieceOf(f)
		if !ok {
			return [][]byte{f.Bytes}
		}
		if p.First {
			less = (p.To - len(lowpan.EncodedOf(f))) &^ 7
			return f.Rewrites(lowpan.Frag1Size.Is(p.Size - uint(less)))
		}
		at, _ := lowpan.Offset.Of(f)
		return f.Rewrites(lowpan.FragNSize.Is(p.Size-uint(less)), lowpan.Offset.Is(at-uint(less/8)))
	})
}

// inNHC is a packet or first fragment whose first extension header is in NHC form, as if it had n octets.
func inNHC(n byte) func(f *packet.Frame) [][]byte {
	return func(f *packet.Frame) [][]byte {
		h := slices.Clone(f.Header(lowpan.IPHCProto))
		if len(h) < 2 || h[0]&4 != 0 {
			return [][]byte{f.Bytes}
		}
		next := 2 + int(h[1]>>7) + []int{4, 3, 1, 0}[h[0]>>3&3]
		rest := f.Bytes[len(f.Bytes)-2-len(lowpan.EncodedOf(f))+len(h) : len(f.Bytes)-2]
		front := f.Bytes[:len(f.Bytes)-2-len(lowpan.EncodedOf(f))]
		h[0] |= 4
		h = slices.Delete(h, next, next+1)
		return [][]byte{resealed(slices.Concat(front, h, []byte{0xe6, rest[0], n}, rest[2:], []byte{0, 0}))}
	}
}

// across has the target forward a packet, and gives its first frame on the other link.
func across(p *probe.P, behind packet.Template, reqs ...string) (near, far *probe.Tester, first *packet.Frame) {
	near = p.IPv6()
	far = near.Link(1)
	near.Send(ipv6.Header(ipv6.Dst.Is(far.IP())).Then(behind))
	first = far.Expect(ieee802154.Data(ieee802154.Dst.Is(far.MAC())), probe.For(reqs...), probe.Because("the packet is forwarded"))
	far.Wait(settles)
	return near, far, first
}

// longHeader is a Destination Options header of n octets, with an option that anybody skips, and a datagram.
func longHeader(n int) packet.Template {
	return ipv6.Destination(ipv6.DestOptions.Is(ipv6.Option(0x1e, make([]byte, n-4)...))).Then(udp.Datagram(udp.SrcPort.Is(1), udp.DstPort.Is(2)), packet.Payload([]byte("long")))
}

func init() {
	suite.It("hc1.read", "a packet in HC1 form is read or not, and one in IPHC form is read after it",
		check.Proves("RFC6282:2-1", mutate.DeafAfter(1, lowpan.HC1(), lowpan.IPHC())).
			And("RFC6282:2-2", mutate.Hushed(lowpan.HC1(), icmpv6.EchoReply())),
		func(p *probe.P) {
			lan := p.IPv6()
			old, id := p.Serial(), p.Serial()
			lan.Send(hc1Echo(lan, old))
			lan.Wait(settles)
			reads := len(lan.Seen(icmpv6.EchoReply(icmpv6.ID.Is(old)))) > 0
			p.Observed("RFC6282:2-1", "the target implements section 10 of RFC 4944: %v", reads)
			p.Observed("RFC6282:2-2", "the target decompresses HC1: %v", reads)
			lan.Ask(icmpv6.Echo(id, 1, nil), icmpv6.EchoReply(icmpv6.ID.Is(id)), probe.For("RFC6282:2-1", "RFC6282:2-2"))
		})
	suite.It("hc1.sent", "nothing is sent in HC1 form, not even to who sends it",
		check.Proves("RFC6282:2-3", mutate.Recoded(icmpv6.EchoReply(), lowpan.HC1(lowpan.HC1Src.Is(0), lowpan.HC1Dst.Is(0)))),
		func(p *probe.P) {
			lan := p.IPv6()
			lan.Send(hc1Echo(lan, p.Serial()))
			for _, n := range []int{1, 100} {
				id := p.Serial()
				lan.Ask(icmpv6.Echo(id, 1, pattern(n)), icmpv6.EchoReply(icmpv6.ID.Is(id)))
			}
			p.That("RFC6282:2-3", "frames in HC1 form", len(lan.Seen(lowpan.HC1())), gomega.Equal(0))
		})
	suite.It("nhc.further", "a packet in a form that RFC 6282 does not have is read or not, and the next one is read",
		check.Proves("RFC6282:2-5", mutate.DeafAfter(1, lowpan.ICMPGHC(), lowpan.IPHC())),
		func(p *probe.P) {
			lan := p.IPv6()
			further, id := p.Serial(), p.Serial()
			lan.Send(lowpan.IPHC(lowpan.NH.Is(1)).Then(lowpan.ICMPGHC(), icmpv6.Echo(further, 1, []byte("further"))))
			lan.Wait(settles)
			p.Observed("RFC6282:2-5", "the target reads GHC (RFC 7400) unasked: %v", len(lan.Seen(icmpv6.EchoReply(icmpv6.ID.Is(further)))) > 0)
			lan.Ask(icmpv6.Echo(id, 1, nil), icmpv6.EchoReply(icmpv6.ID.Is(id)))
		})

	check.Grid(suite, "frag.counts", "size and offset of fragments count the packet as it was before compression",
		check.Proves("RFC6282:2-6", counted()), []int{100, 300, 1232},
		func(p *probe.P, n int) {
			const req = "RFC6282:2-6"
			lan := p.IPv6()
			lan.Ask(between(lan, icmpv6.Echo(p.Serial(), 1, pattern(n))), lowpan.AnyFirst())
			lan.Wait(settles)
			at := 0
			ps := pieces(lan)
			slices.SortFunc(ps, func(a, b lowpan.Piece) int { return a.From - b.From })
			for _, f := range ps {
				p.That(req, "datagram_size", f.Size, gomega.Equal(uint(48+n)))
				p.That(req, "where a fragment begins", f.From, gomega.Equal(at))
				at = f.To
			}
			p.That(req, "where the last one ends", at, gomega.Equal(48+n))
		})
	check.Grid(suite, "frag.headers", "a header that does not fit whole into the first fragment is not compressed",
		check.Proves("RFC6282:2-8", mutate.SendsAs(lowpan.AnyFirst(), "with a header in NHC form that goes on in the next", inNHC(198))).
			And("RFC6282:4.2-16", mutate.SendsAs(lowpan.AnyFirst(lowpan.Frag1Size.Where("above 309", func(v uint) bool { return v > 309 })),
				"with NHC for a header of more than 255 octets", inNHC(255))).
			Needs(target.Forwarding6, target.SecondLink),
		[]int{16, 64, 96, 128, 200, 256, 264, 512},
		func(p *probe.P, n int) {
			const fits, long = "RFC6282:2-8", "RFC6282:4.2-16"
			_, far, first := across(p, longHeader(n), fits, long)
			if n > 257 {
				nhc, _ := lowpan.NH.Of(first) // without an IPHC header there is no NHC either
				p.That(long, "NH of the header in front of it", nhc, gomega.BeZero())
			}
			p.Meets(long)
			if first.Has(lowpan.Frag1Proto) {
				_, whole := lowpan.PieceOf(first)
				p.That(fits, "compressed headers are whole in the first fragment", whole, gomega.BeTrue())
			}
			p.That(fits, "the packet that the target sends", len(far.Seen(udp.Datagram(udp.DstPort.Is(2)))), gomega.Equal(1))
		})
	suite.It("nhc.ext.ipv6.sent", "a packet inside a packet is sent with NH=0 in the octet with EID 7, if with that at all",
		check.Proves("RFC6282:4.2-17", mutate.Field(lowpan.ExtNHC(lowpan.EID.Is(7)), lowpan.ExtNH.Is(1))).Needs(target.Forwarding6, target.SecondLink),
		func(p *probe.P) {
			const req = "RFC6282:4.2-17"
			inner := ipv6.Header(ipv6.Src.Is(ipv6.MustAddr("2001:db8:77::1")), ipv6.Dst.Is(ipv6.MustAddr("2001:db8:77::2"))).
				Then(udp.Datagram(udp.SrcPort.Is(1), udp.DstPort.Is(2)), packet.Payload([]byte("inside")))
			_, _, f := across(p, inner, req)
			if eid, ok := lowpan.EID.Of(f); ok && eid == 7 {
				p.Must(req, f, lowpan.ExtNH.Is(0))
			}
			p.Meets(req)
		})

	check.Grid(suite, "nhc.udp.ports.sent", "only ports 0xf0b0 to 0xf0bf are sent in 4 bits",
		check.Proves("RFC6282:4.3.1-1", mutate.Recoded(udp.Datagram(), lowpan.IPHC(lowpan.NH.Is(1)).Then(lowpan.UDPNHC(lowpan.P.Is(3))))).Needs(target.Agent),
		[]pair{{0xf0b0, 0xf0bf}, {0xf0bf, 0xf0b0}, {0xf0af, 0xf0b0}, {0xf0b0, 0xf0c0}, {0xf0a1, 0xf0d1}, {0xe0b1, 0xf0b1}, {5000, 6000}},
		func(p *probe.P, ports pair) {
			const req = "RFC6282:4.3.1-1"
			lan := p.IPv6()
			if err := lan.UDP(uint16(ports[0])).SendTo([]byte("ports"), netip.AddrPortFrom(lan.IP(), uint16(ports[1]))); err != nil {
				p.Inconclusive("the target refused to send: %v", err)
			}
			f := lan.Expect(udp.Datagram())
			p.Must(req, f, udp.SrcPort.Is(ports[0]), udp.DstPort.Is(ports[1]))
			if form, ok := lowpan.P.Of(f); ok && form == 3 {
				p.That(req, "both ports are of the range", ports[0]>>4 == 0xf0b && ports[1]>>4 == 0xf0b, gomega.BeTrue())
			}
		})
	suite.It("udp.ports.dynamic", "ports 0xf0b0 to 0xf0bf are not given to sockets that ask for any",
		check.Proves("RFC6282:4.3.1-2", mutate.Field(udp.Datagram(udp.DstPort.Is(closedPort)), udp.SrcPort.Is(0xf0b3))).Needs(target.Agent).Slow(),
		func(p *probe.P) {
			const req, sockets = "RFC6282:4.3.1-2", 1500 // of a target that does not avoid them 3 of 4 are found out, if it has 16384 ports to choose from
			lan := p.IPv6()
			for range sockets {
				s := lan.UDP(0)
				lan.Forget()
				if err := s.SendTo(nil, netip.AddrPortFrom(lan.IP(), closedPort)); err != nil {
					p.Inconclusive("the target refused to send: %v", err)
				}
				if f := lan.Expect(udp.Datagram(udp.DstPort.Is(closedPort))); !p.Must(req, f, udp.SrcPort.Where("outside of 0xf0b0 to 0xf0bf", func(v uint) bool { return v>>4 != 0xf0b })) {
					return
				}
				_ = s.Close()
			}
		})

	elided := mutate.Recoded(udp.Datagram(udp.DstPort.Is(0xf0b5)), lowpan.IPHC(lowpan.NH.Is(1)).Then(lowpan.UDPNHC(lowpan.C.Is(1))))
	suite.It("nhc.udp.sent.unprotected", "a checksum is not elided in frames without an integrity check, though the user allows it",
		check.Proves("RFC6282:4.3.2-5", elided).Needs(target.UDPEcho).Configured("CONFIG_CONFORM_6LO_ELIDE_UDP_CHECKSUM=y"),
		func(p *probe.P) {
			const req = "RFC6282:4.3.2-5"
			lan := p.IPv6()
			f := lan.Ask(udp.Datagram(udp.SrcPort.Is(0xf0b5), udp.DstPort.Is(uint(lan.UDPEcho()))).Then(packet.Payload(pattern(9))), udp.Datagram(udp.DstPort.Is(0xf0b5)))
			p.That(req, "the checksum is elided in a frame that is not secured", elides(f), gomega.BeFalse())
		})
	suite.It("nhc.udp.forwarded", "a router does not elide a checksum because it came without, unless something else protects it",
		check.Proves("RFC6282:4.3.2-14", elided).
			And("RFC6282:4.3.2-13", mutate.Missing(udp.Datagram(udp.DstPort.Is(0xf0b5)))).
			Needs(target.Forwarding6, target.SecondLink, target.TrustElided),
		func(p *probe.P) {
			const never, may = "RFC6282:4.3.2-14", "RFC6282:4.3.2-13"
			near := p.IPv6()
			far := near.Link(1)
			sent := ipv6.Header(ipv6.Dst.Is(far.IP())).Then(udp.Datagram(udp.SrcPort.Is(0xf0b1), udp.DstPort.Is(0xf0b5)), packet.Payload([]byte("across")))
			near.Send(lowpan.IPHC(lowpan.NH.Is(1)).Then(lowpan.UDPNHC(lowpan.C.Is(1)), sent))
			far.Wait(settles)
			for _, f := range far.Seen(udp.Datagram(udp.DstPort.Is(0xf0b5))) {
				p.That(never, "the checksum is elided in a frame that is not secured", elides(f), gomega.BeFalse())
			}
			near.Send(sent)
			f := far.Expect(udp.Datagram(udp.DstPort.Is(0xf0b5)), probe.For(may, never))
			p.Observed(may, "the checksum of what came with it is elided: %v", elides(f))
		})
}

// pair is two ports.
type pair [2]uint

func (c pair) String() string { return fmt.Sprintf("%#04x to %#04x", c[0], c[1]) }

// elides tells whether the checksum of a datagram is elided in a frame that is not secured.
func elides(f *packet.Frame) bool {
	c, ok := lowpan.C.Of(f)
	secured, _ := ieee802154.SecurityOn.Of(f)
	return ok && c == 1 && secured == 0
}
