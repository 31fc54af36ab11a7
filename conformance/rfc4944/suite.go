// Package rfc4944 checks IPv6 over IEEE 802.15.4 below header compression: RFC 4944, as RFC 6282 changes it.
package rfc4944

import (
	"net/netip"
	"slices"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
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

var suite = check.NewSuite("rfc4944", "RFC 4944: IPv6 over IEEE 802.15.4").On(target.IEEE802154).Needing(target.IPv6)

// ping is an echo that no other is taken for, and its answer.
func ping(lan *probe.Tester, n int) (request, reply packet.Template) {
	id := lan.Serial()
	return icmpv6.Echo(id, 1, kit.Pattern(n)), icmpv6.EchoReply(icmpv6.ID.Is(id))
}

// answers adds a check that an echo in some form is answered.
func answers(id, title, req string, m mutate.Mutation, form func(lan *probe.Tester, echo packet.Template) packet.Template, needs ...target.Feature) {
	suite.It(id, title, check.Proves(req, m).Needs(needs...), func(p *probe.P) {
		lan := p.IPv6()
		request, reply := ping(lan, 8)
		lan.Ask(form(lan, request), reply)
	})
}

// local is a packet between the link-local addresses.
func local(lan *probe.Tester, t packet.Template) packet.Template {
	return t.With(ipv6.Src.Is(lan.Host().LinkLocal), ipv6.Dst.Is(lan.Net().Target.LinkLocal))
}

// udpTo is a datagram to a port.
func udpTo(port uint) packet.Template {
	return udp.Datagram(udp.SrcPort.Is(0x1234), udp.DstPort.Is(port)).Then(packet.Payload([]byte("4944")))
}

// meant tells whether an octet is a dispatch of page 0, or none of 6LoWPAN's.
func meant(d byte) bool {
	switch {
	case d>>6 == 0, d>>6 == 2, d&0xe0 == lowpan.DispatchIPHC, d&0xf8 == lowpan.DispatchFrag, d&0xf8 == lowpan.DispatchNext, d&0xf0 == lowpan.DispatchPage:
		return true
	}
	return d == lowpan.DispatchESC || d == lowpan.DispatchIPv6 || d == lowpan.DispatchHC1 || d == lowpan.DispatchBC0
}

// dispatched is a packet behind another dispatch, undispatched one behind none that has a meaning: it begins with its version.
func dispatched(d byte) func(*packet.Frame) [][]byte {
	return func(f *packet.Frame) [][]byte { return behind(f, append([]byte{d}, f.Packet()...)) }
}

func undispatched(f *packet.Frame) [][]byte {
	ip := f.Packet()
	return behind(f, append([]byte{0x46}, ip[1:]...))
}

// behind is octets in place of what a frame carries.
func behind(f *packet.Frame, octets []byte) [][]byte {
	at := len(f.Bytes) - 2 - len(f.Body(ieee802154.Proto))
	return [][]byte{resealed(slices.Concat(f.Bytes[:at], octets, []byte{0, 0}))}
}

func raw(lan *probe.Tester, octets ...byte) packet.Template {
	return ieee802154.Data().Then(packet.Payload(octets))
}

func init() {
	answers("dispatch.ipv6", "dispatch 01000001: an IPv6 header follows as it is", "RFC4944:5.1-3", mutate.Ignores(lowpan.Uncompressed()),
		func(_ *probe.Tester, echo packet.Template) packet.Template { return lowpan.Uncompressed().Then(echo) })
	answers("dispatch.frag1", "dispatch 11000xxx: the header of a first fragment follows", "RFC4944:5.1-8", mutate.Ignores(lowpan.AnyFirst()),
		func(lan *probe.Tester, echo packet.Template) packet.Template {
			ip := echo.Packet(lan.Env())
			return lowpan.First(uint(len(ip)), 1, append([]byte{lowpan.DispatchIPv6}, ip...)...) // the only one
		})

	check.Grid(suite, "dispatch.reserved", "a frame with a reserved dispatch is not taken",
		check.Proves("RFC4944:5.1-10", mutate.Gullible()), []uint{0x43, 0x4f, 0x51, 0x5f, 0xc8, 0xdf, 0xec, 0xef},
		func(p *probe.P, dispatch uint) {
			lan := p.IPv6()
			good, reply := ping(lan, 8)
			bad := lowpan.Other(dispatch).Then(packet.Payload(good.Packet(lan.Env())))
			lan.Silent(bad, lowpan.Uncompressed().Then(good), reply)
		})
	check.Grid(suite, "dispatch.nalp", "a frame that begins with 00xxxxxx is none of 6LoWPAN, and not taken",
		check.Proves("RFC4944:5.1-1", mutate.Gullible()), []uint{0, 1, 0x20, 0x3f},
		func(p *probe.P, dispatch uint) {
			lan := p.IPv6()
			good, reply := ping(lan, 8)
			lan.Silent(raw(lan, append([]byte{byte(dispatch)}, good.Packet(lan.Env())...)...), lowpan.Uncompressed().Then(good), reply)
		})
	check.Grid(suite, "dispatch.esc", "dispatch 01000000 escapes to extension types; that it was 01111111 once is forgotten",
		check.Proves("RFC4944:5.1-6", mutate.Gullible()), []uint{0x40},
		func(p *probe.P, dispatch uint) {
			lan := p.IPv6()
			good, reply := ping(lan, 8)
			bad := lowpan.ESC(200).Then(packet.Payload(append([]byte{lowpan.DispatchIPv6}, good.Packet(lan.Env())...))) // of an unknown type
			lan.Silent(bad, lowpan.Uncompressed().Then(good), reply)
			// 01111111 is a compressed header: TF 11, NH 1, HLIM 11 (RFC 6282, section 5).
			full := local(lan, udpTo(closedPort)).With(ipv6.HopLimit.Is(255))
			f := lan.Framed(full)
			p.That("RFC4944:5.1-6", "the dispatch", lowpan.EncodedOf(f)[0], gomega.BeEquivalentTo(0x7f))
			lan.Ask(full, icmpv6.Error())
		})
	suite.It("dispatch.sent", "what the target sends begins with a dispatch that has a meaning, or with 00xxxxxx",
		check.Proves("RFC4944:5.1-10", mutate.SendsAs(icmpv6.EchoReply(), "with dispatch 11001000", dispatched(0xc8))).
			And("RFC4944:5.1-2", mutate.SendsAs(icmpv6.EchoReply(), "without a dispatch", undispatched)).
			And("RFC4944:5-2", mutate.SendsAs(icmpv6.EchoReply(), "with a dispatch that is no header", dispatched(0x43))),
		func(p *probe.P) {
			lan := p.IPv6()
			for _, n := range []int{8, 200} {
				request, _ := ping(lan, n)
				lan.Send(request)
			}
			p.Wait(settles)
			for _, f := range lan.Seen(ieee802154.Data()) {
				first := f.Body(ieee802154.Proto)[0]
				for _, r := range []string{"RFC4944:5.1-10", "RFC4944:5.1-2", "RFC4944:5-2"} {
					p.That(r, "the dispatch", meant(first), gomega.BeTrue())
				}
			}
			p.That("RFC4944:5-2", "frames of the target", len(lan.Seen(ieee802154.Data())), gomega.BeNumerically(">=", 3))
		})
	suite.It("dispatch.none", "a packet without a dispatch is not taken",
		check.Proves("RFC4944:5-2", mutate.Gullible()),
		func(p *probe.P) {
			lan := p.IPv6()
			good, reply := ping(lan, 8) // an IPv6 header begins with 0x60, which is a dispatch of RFC 6282: another version is none
			ip := good.With(ipv6.Version.Is(4)).Packet(lan.Env())
			lan.Silent(raw(lan, ip...), lowpan.Uncompressed().Then(good), reply)
		})

	suite.It("frame.sent", "packets go in data frames with both addresses",
		check.Proves("RFC4944:2-1", mutate.Field(icmpv6.EchoReply(), ieee802154.Type.Is(ieee802154.TypeCommand))).
			And("RFC4944:2-3", mutate.Field(icmpv6.EchoReply(), ieee802154.Src.None())).
			And("RFC4944:2-2", mutate.Field(icmpv6.EchoReply(), ieee802154.AckRequest.Is(0))),
		func(p *probe.P) {
			lan := p.IPv6()
			request, _ := ping(lan, 8)
			lan.Send(request)
			f := lan.Expect(ieee802154.Header(ieee802154.Dst.Is(lan.MAC()), ieee802154.Type.Not(ieee802154.TypeAck)), probe.For("RFC4944:2-1"), probe.Because("the echo is answered"))
			p.Must("RFC4944:2-1", f, ieee802154.Type.Is(ieee802154.TypeData))
			p.Must("RFC4944:2-3", f, ieee802154.Src.Is(lan.TargetMAC()))
			p.Must("RFC4944:2-2", f, ieee802154.AckRequest.Is(1))
		})

	suite.It("group.broadcast", "a packet to a group goes to everybody in the PAN",
		check.Proves("RFC4944:3-1", mutate.Field(groupFrame, ieee802154.Dst.Is([]byte{0, 9}))).
			And("RFC4944:3-3", mutate.Field(groupFrame, ieee802154.DstPAN.Is(0x1111))).
			And("RFC4944:3-4", mutate.Field(groupFrame, ieee802154.Dst.Is([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}))).
			And("RFC4944:3-5", mutate.Field(groupFrame, ieee802154.Dst.Is([]byte{0x80, 1}))).
			And("RFC4944:9-1", mutate.Field(groupFrame, ieee802154.Dst.Is([]byte{0x9f, 1}))).Needs(target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			if err := lan.UDP(0).SendTo([]byte("to all"), netip.AddrPortFrom(lan.Zoned(ipv6.AllNodes), 9)); err != nil {
				p.Inconclusive("the target sends nothing to a group: %v", err)
			}
			f := lan.Expect(groupFrame, probe.For("RFC4944:3-1", "RFC4944:3-4", "RFC4944:3-5", "RFC4944:9-1"))
			for _, r := range []string{"RFC4944:3-1", "RFC4944:3-4", "RFC4944:3-5", "RFC4944:9-1"} {
				p.Must(r, f, ieee802154.Dst.Is(ieee802154.Broadcast))
			}
			p.Must("RFC4944:3-3", f, ieee802154.DstPAN.Is(uint(lan.Net().PAN)))
		})
	suite.It("group.other-pan", "a broadcast to another PAN is not heeded",
		check.Proves("RFC4944:3-2", mutate.Gullible()),
		func(p *probe.P) {
			lan := p.IPv6()
			good, reply := ping(lan, 8)
			good = good.With(ipv6.Src.Is(lan.Host().LinkLocal), ipv6.Dst.Is(ipv6.AllNodes))
			lan.Silent(good.With(ieee802154.DstPAN.Is(uint(lan.Net().PAN)+1)), good, reply)
		})

	answers("iid.eui64", "the link-local address has the identifier of the EUI-64", "RFC4944:6-1", mutate.Ignores(lowpan.IPHC(lowpan.DAM.Is(3))),
		func(lan *probe.Tester, echo packet.Template) packet.Template {
			return echo.With(ipv6.Src.Is(lan.Host().LinkLocal), ipv6.Dst.Is(target.LinkLocalOf(lan.Net().Target.MAC)))
		})
	answers("iid.link-local", "the link-local address is fe80::/64 with the identifier", "RFC4944:7-1", mutate.Ignores(ipv6.Header(ipv6.Src.Where("link-local", ipv6.Addr.IsLinkLocalUnicast))),
		func(lan *probe.Tester, echo packet.Template) packet.Template { return local(lan, echo) })
}

var groupFrame = ipv6.Header(ipv6.Dst.Where("a group", ipv6.Addr.IsMulticast))
