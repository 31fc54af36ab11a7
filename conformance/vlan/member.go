package vlan

import (
	"fmt"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/vlan"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// agrees is a target that says yes to a request that it refuses.
func agrees(to agent.Verb) mutate.Mutation {
	return mutate.Tells("agrees to "+string(to), func(r agent.Request, reply *agent.Reply) {
		if r.Do == to {
			reply.Errno = ""
		}
	})
}

func init() {
	// The request that counts comes from an address of its own, so that the mutant can let the others pass.
	stranger := subnets[own].Addr().Next().Next().Next()
	suite.It("vlan.rx.own", "a frame is of the VLAN of its tag",
		check.Proves("IEEE8021Q:RX-1", mutate.Misreads(onVLAN.Then(arp.Packet(arp.SenderIP.Is(stranger))), vlan.VID.Is(other))).Needs(target.VLAN),
		func(p *probe.P) {
			lan := p.IPv4()
			here, there := joined(lan, own), joined(lan, other)
			here.Claiming(stranger).Ask(arp.Request(here.TargetIP()), arp.Packet(arp.Op.Is(arp.OpReply), arp.TargetIP.Is(stranger)))
			there.Ask(arp.Request(there.TargetIP()), arp.Packet(arp.Op.Is(arp.OpReply), arp.SenderIP.Is(there.TargetIP())))
		})

	// A host may take a datagram for any of its addresses on any of its interfaces (RFC 1122, 3.3.4.2), so that the answer
	// tells nothing: the counters of the VLAN's interface do.
	suite.It("vlan.rx.untagged", "a frame without a tag is of no VLAN",
		check.Proves("IEEE8021Q:RX-4", mutate.Drifts("ipv4.recv")).Needs(target.VLAN, target.Statistics),
		func(p *probe.P) {
			lan := p.IPv4()
			on := joined(lan, own)
			index := 0
			for _, i := range p.Ifaces() {
				index = max(index, i.Index) // the VLAN's is the youngest
			}
			received := func() uint64 { return p.Counters(index)["ipv4.recv"] }
			before := received()
			request, reply := echo(lan)
			lan.Ask(request, reply, probe.For())
			p.That("IEEE8021Q:RX-4", "datagrams of the VLAN, after one without a tag", received()-before, gomega.BeZero())
			request, reply = echo(on)
			on.Ask(request, reply, probe.For())
			p.That("IEEE8021Q:RX-4", "datagrams of the VLAN, after one with its tag", received()-before, gomega.Equal(uint64(1)))
		})

	suite.It("vlan.address.own", "each VLAN has addresses of its own, which are those of no other interface",
		check.Proves("ZEPHYR:VL-4", mutate.Gullible()).Needs(target.VLAN).Configured("CONFIG_NET_VLAN_COUNT=4"),
		func(p *probe.P) {
			lan := p.IPv4()
			here, there := joined(lan, own), joined(lan, other)
			reply := arp.Packet(arp.Op.Is(arp.OpReply))
			p.Step("on one VLAN, for an address of another")
			here.Silent(arp.Request(there.TargetIP()), arp.Request(here.TargetIP()), reply)
			p.Step("on one VLAN, for an address of the interface below")
			here.Silent(arp.Request(lan.TargetIP()), arp.Request(here.TargetIP()), reply)
			p.Step("on the interface below, for an address of a VLAN")
			lan.Silent(arp.Request(here.TargetIP()), arp.Request(lan.TargetIP()), reply)
		})

	suite.It("vlan.removed", "a VLAN that was taken away neither takes frames nor sends any",
		check.Proves("IEEE8021Q:TX-3", mutate.Gullible()).Needs(target.VLAN),
		func(p *probe.P) {
			lan := p.IPv4()
			on := joined(lan, own)
			request, reply := echo(on)
			on.Ask(request, reply, probe.For())
			if err := p.RemoveVLAN(own); err != nil {
				p.Inconclusive("the target does not take the VLAN away: %v", err)
			}
			request, reply = echo(lan)
			lan.Silent(vlan.Tagged(own).Then(ipv4.Header(ipv4.Dst.Is(on.TargetIP()), ipv4.Src.Is(on.IP())), request), request, reply)
			p.That("IEEE8021Q:TX-3", "tagged frames since then", len(lan.Seen(vlan.Tagged(own).Then(reply))), gomega.BeZero())
		})

	suite.It("vlan.manage.reserved", "the identifier 4095 is refused",
		check.Proves("IEEE8021Q:TAG-4", agrees(agent.AddVLAN)).Needs(target.VLAN),
		func(p *probe.P) {
			_, err := p.AddVLAN(4095)
			p.That("IEEE8021Q:TAG-4", "what adding VLAN 4095 says", err, gomega.HaveOccurred())
		})

	suite.It("vlan.manage.null", "the identifier 0 is refused",
		check.Proves("IEEE8021Q:TAG-5", agrees(agent.AddVLAN)).Needs(target.VLAN),
		func(p *probe.P) {
			_, err := p.AddVLAN(0)
			p.That("IEEE8021Q:TAG-5", "what adding VLAN 0 says", err, gomega.HaveOccurred())
		})

	suite.It("vlan.manage.again", "a VLAN is enabled and disabled at run time, and not enabled twice",
		check.Proves("ZEPHYR:VL-1", agrees(agent.AddVLAN)).Needs(target.VLAN).Configured("CONFIG_NET_VLAN_COUNT=4"),
		func(p *probe.P) {
			lan := p.IPv4()
			joined(lan, own)
			_, err := p.AddVLAN(own)
			p.That("ZEPHYR:VL-1", "what enabling it again says", fmt.Sprint(err), gomega.Equal("EALREADY"))
			p.That("ZEPHYR:VL-1", "disabling it", p.RemoveVLAN(own), gomega.Succeed())
			on := joined(lan, own)
			request, reply := echo(on)
			on.Ask(request, reply, probe.Because("it was enabled again"))
		})

	suite.It("vlan.manage.count", "there are no more VLANs than configured",
		check.Proves("ZEPHYR:VL-2", agrees(agent.AddVLAN)).Needs(target.VLAN).Configured("CONFIG_NET_VLAN_COUNT=2"),
		func(p *probe.P) {
			lan := p.IPv4()
			joined(lan, own)
			joined(lan, other)
			_, err := p.AddVLAN(unknown)
			p.That("ZEPHYR:VL-2", "what a third of two VLANs says", err, gomega.HaveOccurred())
			p.That("ZEPHYR:VL-2", "taking one away", p.RemoveVLAN(other), gomega.Succeed())
			_, err = p.AddVLAN(unknown)
			p.That("ZEPHYR:VL-2", "another one then", err, gomega.Succeed())
		})

	suite.It("vlan.manage.absent", "a VLAN that is not there cannot be disabled",
		check.Proves("ZEPHYR:VL-5", agrees(agent.DelVLAN)).Needs(target.VLAN, target.Kconfig),
		func(p *probe.P) {
			p.That("ZEPHYR:VL-5", "what disabling it says", p.RemoveVLAN(own), gomega.HaveOccurred())
		})

	suite.It("vlan.off", "without the option tagged frames are of an unknown type, even those with a priority only",
		check.Proves("ZEPHYR:VL-3", mutate.Gullible()).Configured("CONFIG_NET_VLAN=n"),
		func(p *probe.P) {
			lan := p.IPv4()
			request, reply := echo(lan)
			lan.Silent(vlan.Tag(vlan.VID.Is(0), vlan.PCP.Is(5)).Then(ipv4.Header(), request), request, reply)
		})
}
