package ethernet

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
	// RFC 1042 says 6, common practice on Ethernet hardware is 1; receivers take both, and so does the check.
	check.Grid(suite, "ethernet.snap.arp", "an ARP request in a frame of RFC 1042 is answered, with either hardware type",
		check.Proves("RFC1042:AM-1", mutate.Ignores(snapped)).
			And("RFC1042:AD-1", mutate.Field(arp.Packet(), arp.HType.Is(2))).
			And("RFC1042:AD-2", mutate.Field(arp.Packet(), arp.PType.Is(0x0008))).
			And("RFC1042:AD-3", mutate.Field(arp.Packet(), arp.HLen.Is(2))).
			And("RFC1042:AD-4", mutate.Field(arp.Packet(), arp.PLen.Is(6))).
			And("RFC1042:AD-5", mutate.Field(arp.Packet(), arp.Op.Is(arp.OpRequest))).Needs(target.SNAP),
		[]uint{6, 1},
		func(p *probe.P, hardware uint) {
			lan := p.Ethernet()
			request := llc.Over(arp.Request(lan.TargetIP(), arp.HType.Is(hardware))).With(ethernet.Dst.Is(ethernet.Broadcast))
			f := lan.Ask(request, arp.Packet(arp.TargetIP.Is(lan.IP())), probe.For("RFC1042:AM-1"))
			p.Must("RFC1042:AD-1", f, arp.HType.In(6, 1))
			p.Must("RFC1042:AD-2", f, arp.PType.Is(0x0800))
			p.Must("RFC1042:AD-3", f, arp.HLen.Is(6))
			p.Must("RFC1042:AD-4", f, arp.PLen.Is(4))
			p.Must("RFC1042:AD-5", f, arp.Op.Is(arp.OpReply))
		})

	suite.It("ethernet.snap.arp-type", "a frame of RFC 1042 is taken for ARP only if its EtherType is 2054",
		check.Proves("RFC1042:FF-1", mutate.Gullible()).Needs(target.SNAP),
		func(p *probe.P) {
			lan := p.Ethernet()
			good := llc.Over(arp.Request(lan.TargetIP(), arp.HType.Is(6))).With(ethernet.Dst.Is(ethernet.Broadcast))
			lan.Silent(good.With(llc.Type.Is(0x0608)), good, arp.Reply())
		})
}
