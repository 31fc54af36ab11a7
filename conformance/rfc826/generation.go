package rfc826

import (
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// anyRequest is a request whatever its fields are.
var anyRequest = ethernet.Frame().Then(arp.Packet())

func init() {
	suite.It("arp.tx.request", "an unknown address is asked for with a broadcast request",
		check.Proves("RFC826:TX-2", mutate.Missing(anyRequest)).
			And("RFC826:TX-3", mutate.Field(anyRequest, arp.HType.Is(6))).
			And("RFC826:TX-4", mutate.Field(anyRequest, arp.PType.Is(0x0806))).
			And("RFC826:TX-5", mutate.Field(anyRequest, arp.HLen.Is(4))).
			And("RFC826:TX-6", mutate.Field(anyRequest, arp.PLen.Is(6))).
			And("RFC826:TX-7", mutate.Field(anyRequest, arp.Op.Is(arp.OpReply))).
			And("RFC826:TX-8", mutate.Field(anyRequest, arp.SenderMAC.Is(ethernet.Broadcast))).
			And("RFC826:TX-9", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Field(anyRequest, arp.SenderIP.Is(n.Testers[0].IP4))
			})).
			And("RFC826:TX-10", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Field(anyRequest, arp.TargetIP.Is(n.Testers[0].IP4))
			})).
			And("RFC826:TX-12", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Field(anyRequest, ethernet.Dst.Is(n.Testers[0].MAC))
			})).
			Needs(target.Agent),
		func(p *probe.P) {
			lan := p.Ethernet()
			to := netip.AddrPortFrom(lan.UnusedIP(), 9)
			if err := p.UDP(0).SendTo([]byte("who are you"), to); err != nil {
				p.Inconclusive("the target refused to send to %s: %v", to, err)
			}
			f := lan.Expect(anyRequest.With(ethernet.Src.Is(lan.TargetMAC())), probe.For("RFC826:TX-2"))
			p.Must("RFC826:TX-12", f, ethernet.Dst.Is(ethernet.Broadcast))
			p.Must("RFC826:TX-3", f, arp.HType.Is(1))
			p.Must("RFC826:TX-4", f, arp.PType.Is(0x0800))
			p.Must("RFC826:TX-5", f, arp.HLen.Is(6))
			p.Must("RFC826:TX-6", f, arp.PLen.Is(4))
			p.Must("RFC826:TX-7", f, arp.Op.Is(arp.OpRequest))
			p.Must("RFC826:TX-8", f, arp.SenderMAC.Is(lan.TargetMAC()))
			p.Must("RFC826:TX-9", f, arp.SenderIP.Is(lan.TargetIP()))
			p.Must("RFC826:TX-10", f, arp.TargetIP.Is(lan.UnusedIP()))
		})

	suite.It("arp.tx.known", "an address that is in the table is used without asking",
		check.Proves("RFC826:TX-1", mutate.Forge(arp.Reply(), arp.Packet(arp.Op.Is(arp.OpRequest)))).Needs(target.Agent),
		func(p *probe.P) {
			lan := p.Ethernet()
			s := p.UDP(0)
			to := netip.AddrPortFrom(lan.IP(), 9)
			send := func(data string) {
				if err := s.SendTo([]byte(data), to); err != nil {
					p.Inconclusive("the target refused to send to %s: %v", to, err)
				}
			}
			send("first")
			lan.Expect(arp.Request(lan.IP()))
			asked := len(lan.Seen(arp.Request(lan.IP())))
			lan.Send(arp.Reply(arp.TargetMAC.Is(lan.TargetMAC())))
			lan.Expect(udp.Datagram(udp.DstPort.Is(9)))
			send("second")
			toLink(lan, "RFC826:TX-1", lan.Expect(udp.Datagram(udp.DstPort.Is(9))))
			p.That("RFC826:TX-1", "no further request for the tester's address",
				lan.Seen(arp.Request(lan.IP()))[asked:], gomega.BeEmpty())
		})
}
