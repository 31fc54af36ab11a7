package vlan

import (
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/packet/vlan"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// withTag puts a tag into a frame.
func withTag(frame []byte) []byte {
	return append(append(append([]byte(nil), frame[:12]...), 0x81, 0, 0, 0), frame[12:]...)
}

func init() {
	suite.It("vlan.tx.tag", "what a VLAN sends has its tag, and is not marked to be discarded first",
		check.Proves("IEEE8021Q:TAG-1", mutate.Field(onVLAN, ethernet.Type.Is(vlan.ServiceType))).
			And("IEEE8021Q:TAG-2", mutate.Field(onVLAN, vlan.VID.Is(unknown))).
			And("IEEE8021Q:TAG-3", mutate.Field(onVLAN, vlan.DEI.Is(1))).
			Needs(target.VLAN),
		func(p *probe.P) {
			lan := p.IPv4()
			request, reply := echo(lan)
			joined(lan, own).Send(request)
			f := lan.Expect(reply, probe.For())
			p.Must("IEEE8021Q:TAG-1", f, ethernet.Type.Is(vlan.EtherType), vlan.Type.Is(0x0800))
			p.Must("IEEE8021Q:TAG-2", f, vlan.VID.Is(own))
			p.Must("IEEE8021Q:TAG-3", f, vlan.DEI.Is(0))
		})

	// The priority 0 is left out: a socket that asks for it asks for nothing.
	check.Grid(suite, "vlan.tx.priority", "the tag has the priority of the packet",
		check.Proves("IEEE8021Q:TX-1", mutate.Field(onVLAN.With(vlan.PCP.Is(5)), vlan.PCP.Is(0))).
			Needs(target.VLAN, target.Agent),
		[]uint{1, 2, 3, 4, 5, 6, 7},
		func(p *probe.P, priority uint) {
			on := joined(p.IPv4(), own)
			s := p.UDP(0)
			if err := s.SetOption("SO_PRIORITY", int(priority)); err != nil {
				p.Inconclusive("the target refused SO_PRIORITY %d: %v", priority, err)
			}
			if err := s.SendTo([]byte("x"), netip.AddrPortFrom(on.IP(), 9)); err != nil {
				p.Inconclusive("the target refused to send on the VLAN: %v", err)
			}
			p.Must("IEEE8021Q:TX-1", on.Expect(udp.Datagram(udp.DstPort.Is(9)), probe.For()), vlan.PCP.Is(priority))
		})

	check.Grid(suite, "vlan.rx.priority-tag", "a frame with a priority only is taken as one without a tag, and its answer has none",
		check.Proves("IEEE8021Q:RX-3", mutate.Ignores(vlan.Tag(vlan.PCP.Is(6)))).
			And("IEEE8021Q:TX-2", mutate.Octets(icmpv4.EchoReply(), "with a tag", withTag)),
		[]uint{0, 1, 2, 3, 4, 5, 6, 7},
		func(p *probe.P, priority uint) {
			lan := p.IPv4()
			request, reply := echo(lan)
			f := lan.Ask(vlan.Tag(vlan.VID.Is(0), vlan.PCP.Is(priority)).Then(ipv4.Header(), request), reply, probe.For("IEEE8021Q:RX-3"))
			p.That("IEEE8021Q:TX-2", "the answer has a tag", f.Has(vlan.Proto), gomega.BeFalse())
		})

	check.Grid(suite, "vlan.rx.unknown", "a frame of a VLAN that the target is not in is discarded",
		check.Proves("IEEE8021Q:RX-2", mutate.Gullible()),
		[]uint{1, unknown, 100, 4094},
		func(p *probe.P, vid uint) {
			lan := p.IPv4()
			request, reply := echo(lan)
			lan.Silent(vlan.Tagged(vid).Then(ipv4.Header(), request), request, reply)
		})

	suite.It("vlan.rx.eligible", "a frame that may be discarded first is received",
		check.Proves("IEEE8021Q:RX-8", mutate.Ignores(vlan.Tag(vlan.DEI.Is(1)))).Needs(target.VLAN),
		func(p *probe.P) {
			on := joined(p.IPv4(), own)
			request, reply := echo(on)
			on.Ask(vlan.Tag(vlan.VID.Is(own), vlan.DEI.Is(1)).Then(ipv4.Header(), request), reply)
		})

	suite.It("vlan.rx.two-tags", "a frame with two tags is not of the VLAN of the second",
		check.Proves("IEEE8021Q:RX-6", mutate.Gullible()).Needs(target.VLAN),
		func(p *probe.P) {
			lan := p.IPv4()
			on := joined(lan, own)
			joined(lan, other)
			request, reply := echo(on)
			on.Silent(vlan.Tagged(other).Then(vlan.Tagged(own), ipv4.Header(), request), request, reply)
		})

	suite.It("vlan.rx.service-tag", "a provider's tag names no VLAN of the target",
		check.Proves("IEEE8021Q:RX-7", mutate.Gullible()).Needs(target.VLAN),
		func(p *probe.P) {
			on := joined(p.IPv4(), own)
			request, reply := echo(on)
			on.Silent(ethernet.Frame(ethernet.Type.Is(vlan.ServiceType)).Then(vlan.Tagged(own), ipv4.Header(), request), request, reply)
		})

	suite.It("vlan.mtu", "a tagged frame carries as much data as another: 1500 octets behind the tag",
		check.Proves("IEEE8021Q:TX-4", mutate.Octets(onVLAN.Then(icmpv4.EchoReply()), "in frames of 1514 octets", func(b []byte) []byte {
			return b[:min(len(b), 1514)]
		})).Needs(target.VLAN),
		func(p *probe.P) {
			on := joined(p.IPv4(), own)
			id, data := on.Serial(), make([]byte, 1500-20-8)
			f := on.Ask(icmpv4.Echo(id, 1, data), icmpv4.EchoReply(icmpv4.ID.Is(id)))
			p.That("IEEE8021Q:TX-4", "octets of the frame", len(f.Bytes), gomega.Equal(14+4+1500))
		})
}
