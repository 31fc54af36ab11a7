package rfc4944

import (
	"bytes"
	"net"
	"net/netip"
	"slices"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Delivery in a mesh below IPv6: sections 5.2, 9, 11 and 12. Every node takes what a mesh brings it; what a target has to do
// to be part of one, forwarding, it does in a world with the feature MeshUnder.

// ends is a form of the addresses in a mesh header.
type ends struct{ shortOriginator, shortFinal bool }

func (e ends) String() string {
	name := map[bool]string{false: "EUI-64", true: "short"}
	return name[e.shortOriginator] + " to " + name[e.shortFinal]
}

func (e ends) header(lan *probe.Tester) packet.Template {
	from, to := lan.MAC(), lan.Net().Target.MAC
	if e.shortOriginator {
		from = lan.Host().ShortAddr
	}
	if e.shortFinal {
		to = lan.Net().Target.ShortAddr
	}
	return lowpan.Mesh(lowpan.Originator.Is(from), lowpan.Final.Is(to))
}

// onwards is what the target sends on for the tester.
func onwards(lan *probe.Tester, to net.HardwareAddr, conds ...packet.Cond) packet.Template {
	return lowpan.Mesh(append([]packet.Cond{lowpan.Originator.Is(lan.MAC()), lowpan.Final.Is(to)}, conds...)...)
}

// everybody is an echo to all nodes from the tester, as a broadcast of the mesh with a number.
func everybody(lan *probe.Tester, number uint, echo packet.Template) packet.Template {
	return lowpan.Mesh(lowpan.Final.Is(ieee802154.Broadcast)).With(ieee802154.Dst.Is(ieee802154.Broadcast)).Then(lowpan.BC0(lowpan.BC0Sequence.Is(number)),
		echo.With(ipv6.Src.Is(lan.Host().LinkLocal), ipv6.Dst.Is(ipv6.AllNodes)))
}

// toAll has the target send a datagram to all nodes, and gives its first frame.
func toAll(lan *probe.Tester, s *probe.Socket, n int, on packet.Template, reqs ...string) *packet.Frame {
	if err := s.SendTo(bytes.Repeat([]byte{1}, n), netip.AddrPortFrom(lan.Zoned(ipv6.AllNodes), 9)); err != nil {
		lan.Inconclusive("the target sends nothing to a group: %v", err)
	}
	return lan.Expect(on, probe.For(reqs...))
}

// mapped is the link address of a group (section 9).
func mapped(g netip.Addr) net.HardwareAddr {
	a := g.As16()
	return net.HardwareAddr{0x80 | a[14]&0x1f, a[15]}
}

// order is the ranks of the 6LoWPAN headers in a frame: mesh 1, broadcast 2, fragment 3.
func order(f *packet.Frame) (ranks []int) {
	f.Layers(func(p *packet.Proto, _ int, _, _ []byte) {
		if r := map[*packet.Proto]int{lowpan.MeshProto: 1, lowpan.BC0Proto: 2, lowpan.Frag1Proto: 3, lowpan.FragNProto: 3}[p]; r > 0 {
			ranks = append(ranks, r)
		}
	})
	return ranks
}

// fragmentFirst is a first fragment with its header before those of the mesh.
func fragmentFirst(f *packet.Frame) [][]byte {
	var mac, mesh, fragment []byte
	f.Layers(func(p *packet.Proto, _ int, header, _ []byte) {
		switch p {
		case ieee802154.Proto:
			mac = header
		case lowpan.MeshProto, lowpan.BC0Proto:
			mesh = append(mesh, header...)
		case lowpan.Frag1Proto:
			fragment = header
		}
	})
	return [][]byte{resealed(slices.Concat(mac, fragment, mesh, lowpan.EncodedOf(f), []byte{0, 0}))}
}

func init() {
	answers("dispatch.mesh", "dispatch 10xxxxxx: a mesh header follows", "RFC4944:5.1-7", mutate.Ignores(lowpan.Mesh()),
		func(lan *probe.Tester, echo packet.Template) packet.Template { return ends{}.header(lan).Then(echo) })
	answers("dispatch.bc0", "dispatch 01010000: a broadcast header follows", "RFC4944:5.1-5", mutate.Ignores(lowpan.BC0()),
		func(lan *probe.Tester, echo packet.Template) packet.Template { return everybody(lan, 1, echo) })

	check.Grid(suite, "mesh.ends", "originator and final destination are EUI-64 or short addresses, as V and F say",
		check.Proves("RFC4944:5.2-1", mutate.Misreads(lowpan.Mesh(lowpan.MeshV.Is(1)), lowpan.MeshV.Is(0))).
			And("RFC4944:5.2-2", mutate.Misreads(lowpan.Mesh(lowpan.MeshF.Is(1)), lowpan.MeshF.Is(0))).
			And("RFC4944:5.2-6", mutate.Ignores(lowpan.Mesh(lowpan.MeshV.Is(0), lowpan.MeshF.Is(1)))).
			And("RFC4944:11-4", mutate.Ignores(lowpan.Mesh(lowpan.MeshV.Is(0), lowpan.MeshF.Is(0)))).
			Needs(target.ShortAddress),
		[]ends{{false, false}, {false, true}, {true, false}, {true, true}},
		func(p *probe.P, e ends) {
			lan := p.IPv6()
			request, reply := ping(lan, 8)
			reqs := []string{"RFC4944:5.2-1", "RFC4944:5.2-2", "RFC4944:5.2-6", "RFC4944:11-4"}
			lan.Ask(e.header(lan).Then(lowpan.Uncompressed(), request), reply, probe.For(reqs...))
		})
	check.Grid(suite, "mesh.deep", "Hops Left 15: an octet of Deep Hops Left follows",
		check.Proves("RFC4944:5.2-5", mutate.MisreadsAs(lowpan.Mesh(lowpan.HopsLeft.Is(15)), "with an address right behind Hops Left", func(f *packet.Frame) [][]byte {
			return f.Rewrites(lowpan.HopsLeft.Is(14))
		})), []uint{1, 15, 128, 255},
		func(p *probe.P, hops uint) {
			lan := p.IPv6()
			request, reply := ping(lan, 8)
			lan.Ask(lowpan.Mesh(lowpan.DeepHops.Is(hops)).Then(request), reply)
		})
	suite.It("mesh.fragments", "fragments behind a mesh header and a broadcast header make a packet",
		check.Proves("RFC4944:5-1", mutate.Ignores(lowpan.Mesh().Then(lowpan.AnyFirst()))),
		func(p *probe.P) {
			lan := p.IPv6()
			request, reply := ping(lan, 100)
			for _, part := range lowpan.SplitEvery(request.Packet(lan.Env()), 7, 72) {
				lan.Send(ends{}.header(lan).Then(part))
			}
			lan.Expect(reply)
			request, reply = ping(lan, 100)
			request = request.With(ipv6.Src.Is(lan.Host().LinkLocal), ipv6.Dst.Is(ipv6.AllNodes))
			front := lowpan.Mesh(lowpan.Final.Is(ieee802154.Broadcast)).With(ieee802154.Dst.Is(ieee802154.Broadcast))
			for i, part := range lowpan.SplitEvery(request.Packet(lan.Env()), 8, 72) {
				lan.Send(front.Then(lowpan.BC0(lowpan.BC0Sequence.Is(uint(10+i))), part))
			}
			lan.Expect(reply)
		})
	check.Grid(suite, "mesh.broadcast.number", "a broadcast header has a number of 8 bits",
		check.Proves("RFC4944:11.1-1", mutate.MisreadsAs(lowpan.BC0(lowpan.BC0Sequence.Is(255)), "without its number", func(f *packet.Frame) [][]byte {
			at := len(f.Bytes) - 2 - len(lowpan.EncodedOf(f))
			return [][]byte{resealed(slices.Delete(slices.Clone(f.Bytes), at-1, at))}
		})), []uint{0, 0x41, 127, 128, 255},
		func(p *probe.P, number uint) {
			lan := p.IPv6()
			request, reply := ping(lan, 8)
			lan.Ask(everybody(lan, number, request), reply)
		})
	suite.It("mesh.broadcast.again", "a broadcast that comes again is perhaps not taken, the next one is",
		check.Proves("RFC4944:11.1-3", mutate.DeafAfter(1, lowpan.BC0(), lowpan.BC0())),
		func(p *probe.P) {
			lan := p.IPv6()
			request, reply := ping(lan, 8)
			lan.Ask(everybody(lan, 77, request), reply, probe.For())
			lan.Forget()
			lan.Send(everybody(lan, 77, request))
			lan.Wait(settles)
			p.Observed("RFC4944:11.1-3", "a broadcast that comes again draws %d answers more", len(lan.Seen(reply))-1)
			request, reply = ping(lan, 8)
			lan.Ask(everybody(lan, 78, request), reply)
		})

	suite.It("mesh.forward", "a frame for another station goes on, with one hop less",
		check.Proves("RFC4944:5.2-3", mutate.Field(lowpan.Mesh(), lowpan.HopsLeft.Is(5))).
			And("RFC4944:11-3", mutate.Field(lowpan.Mesh(), ieee802154.Src.Is([]byte{2, 0, 0, 0, 0, 0, 0, 1}))).
			Needs(target.MeshUnder),
		func(p *probe.P) {
			const hops, ways = "RFC4944:5.2-3", "RFC4944:11-3"
			lan := p.IPv6()
			other := lan.Net().Testers[1].MAC
			request, _ := ping(lan, 8)
			sent := onwards(lan, other, lowpan.HopsLeft.Is(5)).Then(request)
			f := lan.Ask(sent, onwards(lan, other), probe.For(hops, ways))
			p.Must(hops, f, lowpan.HopsLeft.Is(4))
			p.Must(ways, f, ieee802154.Dst.Is(other), ieee802154.Src.In(lan.Net().Target.MAC, lan.Net().Target.ShortAddr))
			p.That(ways, "what the frame carries", f.Packet(), gomega.Equal(lan.Framed(sent).Packet()))
			sent = onwards(lan, other, lowpan.DeepHops.Is(100)).Then(request)
			f = lan.Ask(sent, onwards(lan, other), probe.For(hops))
			p.Must(hops, f, lowpan.DeepHops.Is(99))
		})
	check.Grid(suite, "mesh.forward.last", "a frame that has no hop left does not go on",
		check.Proves("RFC4944:5.2-4", mutate.Gullible()).Needs(target.MeshUnder), []string{"1", "0", "deep 1"},
		func(p *probe.P, left string) {
			lan := p.IPv6()
			other := lan.Net().Testers[1].MAC
			request, _ := ping(lan, 8)
			bad := map[string]packet.Cond{"1": lowpan.HopsLeft.Is(1), "0": lowpan.HopsLeft.Is(0), "deep 1": lowpan.DeepHops.Is(1)}[left]
			lan.Silent(onwards(lan, other, bad).Then(request), onwards(lan, other, lowpan.HopsLeft.Is(2)).Then(request), onwards(lan, other))
		})

	group := lowpan.Mesh().Then(groupFrame)
	suite.It("mesh.group.sent", "a packet to a group goes to everybody in the mesh, or to the group's 16-bit address, with a number",
		check.Proves("RFC4944:9-2", mutate.Field(group, lowpan.Final.Is([]byte{0x9f, 1}))).
			And("RFC4944:12-4", mutate.Field(group, lowpan.Final.Is([]byte{0xa0, 1}))).
			And("RFC4944:11.1-2", mutate.Field(lowpan.BC0(), lowpan.BC0Sequence.Is(9))).
			Needs(target.MeshUnder, target.Agent),
		func(p *probe.P) {
			const mapping, format, numbers = "RFC4944:9-2", "RFC4944:12-4", "RFC4944:11.1-2"
			lan := p.IPv6()
			s := lan.UDP(0)
			var last uint
			for i := range 3 {
				f := toAll(lan, s, 4, groupFrame, mapping, format, numbers)
				to, meshed := lowpan.Final.Of(f)
				if !meshed {
					to, _ = ieee802154.Dst.Of(f)
				}
				p.That(mapping, "the address", to, gomega.Or(gomega.Equal(ieee802154.Broadcast), gomega.Equal(mapped(ipv6.AllNodes))))
				p.That(format, "the first bits of the address", to[0]>>5, gomega.Or(gomega.BeEquivalentTo(7), gomega.BeEquivalentTo(4)))
				n, numbered := lowpan.BC0Sequence.Of(f)
				if i > 0 && numbered {
					p.That(numbers, "the sequence number", n, gomega.Equal((last+1)&0xff))
				}
				last = n
			}
		})
	suite.It("mesh.group.order", "mesh, broadcast and fragment headers stand in this order",
		check.Proves("RFC4944:5-1", mutate.SendsAs(lowpan.Mesh().Then(lowpan.AnyFirst()), "with the fragment header before that of the mesh", fragmentFirst)).
			Needs(target.MeshUnder, target.Agent),
		func(p *probe.P) {
			lan := p.IPv6()
			toAll(lan, lan.UDP(0), 200, lowpan.AnyFirst(), "RFC4944:5-1")
			lan.Wait(settles)
			for _, f := range lan.Seen(ieee802154.Data()) {
				ranks := order(f)
				p.That("RFC4944:5-1", "mesh 1, broadcast 2, fragment 3", slices.IsSorted(ranks), gomega.BeTrue())
			}
		})

	suite.It("mesh.forwarder", "what goes by the default forwarder has a mesh header from the target to its destination",
		check.Proves("RFC4944:11-1", mutate.Field(lowpan.Mesh().Then(icmpv6.EchoReply()), lowpan.Originator.Is([]byte{2, 0, 0, 0, 0, 0, 0, 3}))).
			And("RFC4944:11-2", mutate.Field(lowpan.Mesh().Then(icmpv6.EchoReply()), ieee802154.Dst.Is([]byte{2, 0, 0, 0, 0, 0, 0, 1}))).
			Needs(target.MeshForwarder),
		func(p *probe.P) {
			const header, frame = "RFC4944:11-1", "RFC4944:11-2"
			lan := p.IPv6()
			request, reply := ping(lan, 8)
			f := lan.Ask(request, reply, probe.For(header, frame))
			p.Must(header, f, lowpan.Originator.Is(lan.TargetMAC()), lowpan.Final.Is(lan.MAC()))
			p.Must(frame, f, ieee802154.Src.Is(lan.TargetMAC()), ieee802154.Dst.Is(lan.Net().Testers[1].MAC))
		})
}
