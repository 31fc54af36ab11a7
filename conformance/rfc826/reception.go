package rfc826

import (
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/llc"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

func init() {
	suite.It("arp.rx.reply", "a request for the target's address is answered to whoever asked",
		check.Proves("RFC826:RX-12", mutate.Field(arp.Packet(), arp.TargetMAC.Is(ethernet.Broadcast))).
			And("RFC826:RX-13", mutate.Field(arp.Packet(), arp.SenderMAC.Is(ethernet.Broadcast))).
			And("RFC826:RX-14", mutate.Field(arp.Packet(), arp.Op.Is(arp.OpRequest))).
			And("RFC826:RX-15", mutate.Field(arp.Packet(), ethernet.Dst.Is(ethernet.Broadcast))).
			And("RFC826:RX-18", mutate.Field(arp.Packet(), arp.HType.Is(6))),
		func(p *probe.P) {
			lan := p.Ethernet()
			reply := lan.Ask(arp.Request(lan.TargetIP()), arp.Packet(arp.TargetIP.Is(lan.IP())))
			p.Must("RFC826:RX-14", reply, arp.Op.Is(arp.OpReply))
			p.Must("RFC826:RX-13", reply, arp.SenderMAC.Is(lan.TargetMAC()), arp.SenderIP.Is(lan.TargetIP()))
			p.Must("RFC826:RX-12", reply, arp.TargetMAC.Is(lan.MAC()), arp.TargetIP.Is(lan.IP()))
			p.Must("RFC826:RX-18", reply, arp.HType.Is(1), arp.PType.Is(0x0800), arp.HLen.Is(6), arp.PLen.Is(4))
			p.Must("RFC826:RX-15", reply, ethernet.Dst.Is(lan.MAC()))
		})

	suite.It("arp.rx.other-target", "a request for another address is not answered",
		check.Proves("RFC826:RX-8", mutate.Gullible()),
		func(p *probe.P) {
			lan := p.Ethernet()
			lan.Silent(arp.Request(lan.UnusedIP()), arp.Request(lan.TargetIP()), arp.Reply())
		})

	check.Grid(suite, "arp.rx.opcode", "only an opcode of request is answered",
		check.Proves("RFC826:RX-11", mutate.Gullible()),
		[]uint{0, arp.OpReply, 3, 8, 0xffff},
		func(p *probe.P, op uint) {
			lan := p.Ethernet()
			good := arp.Request(lan.TargetIP())
			lan.Silent(good.With(arp.Op.Is(op)), good, arp.Reply())
		})

	// 6, IEEE 802, is left out: RFC 1042 asks for it on 802 networks, and hosts that speak both take either.
	check.Grid(suite, "arp.rx.hardware-type", "a packet for a hardware that the target does not have is discarded",
		check.Proves("RFC826:RX-1", mutate.Gullible()),
		[]uint{0, 2, 0x0100, 0xffff},
		func(p *probe.P, hrd uint) {
			lan := p.Ethernet()
			good := arp.Request(lan.TargetIP())
			lan.Silent(good.With(arp.HType.Is(hrd)), good, arp.Reply())
		})

	check.Grid(suite, "arp.rx.hardware-type.snap", "a frame of IEEE 802 makes no difference to that, but for its own hardware",
		check.Proves("RFC826:RX-1", mutate.Gullible()).Needs(target.SNAP),
		[]uint{0, 2, 0x0600, 0xffff},
		func(p *probe.P, hrd uint) {
			lan := p.Ethernet()
			good := llc.Over(arp.Request(lan.TargetIP()).With(arp.HType.Is(6)))
			lan.Silent(llc.Over(arp.Request(lan.TargetIP()).With(arp.HType.Is(hrd))), good, arp.Reply())
		})

	check.Grid(suite, "arp.rx.protocol-type", "a packet for a protocol that the target does not speak is discarded",
		check.Proves("RFC826:RX-3", mutate.Gullible()),
		[]uint{0, 0x0008, 0x0806, 0x809b, 0xffff},
		func(p *probe.P, pro uint) {
			lan := p.Ethernet()
			good := arp.Request(lan.TargetIP())
			lan.Silent(good.With(arp.PType.Is(pro)), good, arp.Reply())
		})

	suite.It("arp.rx.link", "the reply leaves by the link that the request came in on",
		check.Proves("RFC826:RX-16", mutate.Elsewhere(arp.Reply())).Needs(target.SecondLink),
		func(p *probe.P) {
			first := p.Ethernet()
			second := first.Link(1)
			second.Ask(arp.Request(second.TargetIP()), arp.Reply(arp.SenderMAC.Is(second.TargetMAC()), arp.TargetMAC.Is(second.MAC())))
			first.Ask(arp.Request(first.TargetIP()), arp.Reply(arp.SenderMAC.Is(first.TargetMAC()), arp.TargetMAC.Is(first.MAC())))
		})
}
