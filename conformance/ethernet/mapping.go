package ethernet

import (
	"net"
	"net/netip"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

func addrPort(ip netip.Addr, port uint16) netip.AddrPort { return netip.AddrPortFrom(ip, port) }

// told is the datagram of tell.
var told = udp.Datagram(udp.DstPort.Is(9)).Then(packet.Payload([]byte("told")))

// tell has the target send a datagram to the tester.
func tell(p *probe.P, host *probe.Tester) {
	if err := p.UDP(0).SendTo([]byte("told"), addrPort(host.IP(), 9)); err != nil {
		p.Inconclusive("the target refused to send to %s: %v", host.IP(), err)
	}
	host.Expect(told, probe.For())
}

func init() {
	suite.It("ethernet.mapping.arp", "link addresses are found by ARP: the target asks, and it answers",
		check.Proves("RFC894:AM-2", mutate.Missing(arp.Packet(arp.Op.Is(arp.OpRequest)))).
			And("RFC1122:2.3.3-6", mutate.Missing(arp.Packet(arp.Op.Is(arp.OpRequest)))).
			And("RFC894:AM-3", mutate.Missing(arp.Reply())).Strangers(),
		func(p *probe.P) {
			host := p.IPv4()
			request, reply := echo(p, nil)
			host.Send(request)
			host.Expect(arp.Request(host.IP()), probe.For("RFC894:AM-2", "RFC1122:2.3.3-6"))
			host.Expect(reply, probe.For())
			host.Ask(arp.Request(host.TargetIP()), arp.Reply(arp.SenderIP.Is(host.TargetIP())), probe.For("RFC894:AM-3"))
		})

	toTester := mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(told, ethernet.Dst.Is(n.Testers[0].MAC)) })

	check.Grid(suite, "ethernet.mapping.broadcast", "a broadcast of IP is a broadcast of Ethernet",
		check.Proves("RFC894:AM-4", toTester).Needs(target.Agent),
		[]string{"limited", "subnet"},
		func(p *probe.P, which string) {
			host := p.IPv4()
			to := ipv4.Broadcast
			if which == "subnet" {
				to = kit.LastOf(p.Net().Prefix4)
			}
			s := p.UDP(0)
			if err := s.SetOption("SO_BROADCAST", 1); err != nil {
				p.Inconclusive("the target does not let its application broadcast: %v", err)
			}
			send(p, s, to)
			p.Must("RFC894:AM-4", host.Expect(told, probe.For()), ethernet.Dst.Is(ethernet.Broadcast))
		})

	// The upper 9 bits of the group have no place in the Ethernet address.
	check.Grid(suite, "ethernet.mapping.multicast", "a datagram to a group goes to 01-00-5e and the low 23 bits of the group",
		check.Proves("RFC1112:6.4-1", mutate.Field(told, ethernet.Dst.Is(ethernet.Broadcast))).Needs(target.Agent),
		[]string{"224.0.1.1", "224.128.64.32", "239.255.255.250", "232.1.2.3"},
		func(p *probe.P, group string) {
			host := p.IPv4()
			ip := netip.MustParseAddr(group)
			send(p, p.UDP(0), ip)
			a := ip.As4()
			p.Must("RFC1112:6.4-1", host.Expect(told, probe.For()),
				ethernet.Dst.Is(net.HardwareAddr{0x01, 0x00, 0x5e, a[1] & 0x7f, a[2], a[3]}))
		})
}

func send(p *probe.P, s *probe.Socket, to netip.Addr) {
	if err := s.SendTo([]byte("told"), addrPort(to, 9)); err != nil {
		p.Inconclusive("the target refused to send to %s: %v", to, err)
	}
}
