package rfc5227

import (
	"net"
	"net/netip"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// What every host on the link does by ordinary ARP, whether it detects conflicts itself or not.
func init() {
	suite.It("acd.host.request", "a request for the target's address gets a unicast reply as RFC 826 has it",
		check.Proves("RFC5227:2.5-2", mutate.Missing(arp.Reply())).
			And("RFC5227:1.2-1", mutate.Field(anyARP, arp.Op.Is(arp.OpRequest))).
			And("RFC5227:2.6-1", mutate.Field(anyARP, ethernet.Dst.Is(ethernet.Broadcast))),
		func(p *probe.P) {
			lan := p.Ethernet()
			f := lan.Ask(arp.Request(lan.TargetIP()), arp.Packet(arp.SenderIP.Is(lan.TargetIP())), probe.For("RFC5227:2.5-2"))
			p.Must("RFC5227:1.2-1", f, arp.Op.Is(arp.OpReply), arp.SenderMAC.Is(lan.TargetMAC()), arp.TargetIP.Is(lan.IP()), arp.TargetMAC.Is(lan.MAC()))
			p.Must("RFC5227:2.6-1", f, ethernet.Dst.Is(lan.MAC()))
		})

	suite.It("acd.host.probe", "a probe for the target's address gets a reply",
		check.Proves("RFC5227:2.5-3", mutate.Ignores(anyProbe)),
		func(p *probe.P) {
			lan := p.Ethernet()
			lan.Ask(arp.Probe(lan.TargetIP()), arp.Reply(arp.SenderIP.Is(lan.TargetIP()), arp.SenderMAC.Is(lan.TargetMAC())))
		})

	noted := arp.TargetMAC.Where("not zero", func(a net.HardwareAddr) bool { return a.String() != "00:00:00:00:00:00" })
	check.Grid(suite, "acd.host.probe-hardware", "whatever a probe has as target hardware address, it gets a reply",
		check.Proves("RFC5227:1.1-5", mutate.Ignores(anyProbe.With(noted))),
		[]string{"zero", "broadcast", "target", "stranger"},
		func(p *probe.P, which string) {
			lan := p.Ethernet()
			tha := map[string]net.HardwareAddr{
				"zero": make(net.HardwareAddr, 6), "broadcast": ethernet.Broadcast, "target": lan.TargetMAC(), "stranger": {2, 0, 0, 0, 0xee, 0xee},
			}[which]
			lan.Ask(arp.Probe(lan.TargetIP(), arp.TargetMAC.Is(tha)), arp.Reply(arp.SenderIP.Is(lan.TargetIP())))
		})

	broadcastReply := arp.Reply().With(ethernet.Dst.Is(ethernet.Broadcast))
	suite.It("acd.host.broadcast-reply", "a reply that is broadcast is taken like any other",
		check.Proves("RFC5227:1.2.1-1", mutate.Ignores(broadcastReply)).Needs(target.Agent),
		func(p *probe.P) {
			lan := p.Ethernet()
			if err := p.UDP(0).SendTo([]byte("hello"), netip.AddrPortFrom(lan.IP(), 9)); err != nil {
				p.Inconclusive("the target refused to send to %s: %v", lan.IP(), err)
			}
			lan.Expect(arp.Request(lan.IP()), probe.For())
			lan.Send(broadcastReply.With(arp.TargetMAC.Is(lan.TargetMAC())))
			lan.Expect(udp.Datagram(udp.DstPort.Is(9)).With(ethernet.Dst.Is(lan.MAC())))
		})
}
