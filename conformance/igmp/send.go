package igmp

import (
	"net"
	"net/netip"

	"github.com/onsi/gomega"

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

// discard is the port that the target's datagrams go to.
const discard = 9

// sends lets a socket of the target send to a group.
func sends(s *probe.Socket, group netip.Addr, data string) {
	ready(s.SendTo([]byte(data), netip.AddrPortFrom(group, discard)), "sending to %s", group)
}

// sent is what the target sends to groups.
var sent = udp.Datagram(udp.DstPort.Is(discard))

// mapped is the Ethernet address of a group (RFC 1112, section 6.4).
func mapped(group netip.Addr) net.HardwareAddr {
	a := group.As4()
	return net.HardwareAddr{0x01, 0x00, 0x5e, a[1] & 0x7f, a[2], a[3]}
}

func init() {
	toGateway := mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(sent, ethernet.Dst.Is(n.Testers[0].MAC)) })
	check.Grid(suite, "multicast.tx.mapping", "a datagram to a group goes straight to the Ethernet address of the group",
		check.Proves("RFC1112:6.4-1", mutate.Field(sent, ethernet.Dst.Is(net.HardwareAddr{0x01, 0x00, 0x5e, 0x81, 0x02, 0x03}))).
			And("RFC1112:6.2-1", toGateway).
			And("RFC1112:6.1-1", mutate.Missing(sent)).
			And("RFC1112:3-3", mutate.Missing(sent)).
			And("RFC1112:4-1", mutate.Missing(sent)).
			And("RFC1122:3.3.7-1", mutate.Missing(sent)).
			Needs(needs...),
		[]string{"224.0.1.129", "224.129.2.3", "232.1.2.3", "239.255.255.255", "239.192.0.1"},
		func(p *probe.P, group string) {
			lan := p.IPv4()
			to := netip.MustParseAddr(group)
			sends(p.UDP(0), to, "to all")
			f := lan.Expect(sent, probe.For("RFC1112:6.1-1", "RFC1112:3-3", "RFC1112:4-1", "RFC1122:3.3.7-1"))
			p.Must("RFC1112:6.4-1", f, ethernet.Dst.Is(mapped(to)), ipv4.Dst.Is(to))
			p.Must("RFC1112:6.2-1", f, ethernet.Dst.Is(mapped(to)))
		})

	suite.It("multicast.tx.no-arp", "nobody is asked for the link address of a group",
		check.Proves("RFC1112:6.2-1", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Forge(arp.Request(n.Target.IP4), arp.Request(g))
		})).Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			lan.Ask(arp.Request(lan.TargetIP()), arp.Reply(), probe.For())
			sends(p.UDP(0), g, "to all")
			lan.Expect(sent, probe.For())
			p.That("RFC1112:6.2-1", "requests", lan.Seen(arp.Packet(arp.Op.Is(arp.OpRequest), arp.SenderMAC.Is(lan.TargetMAC()))), gomega.BeEmpty())
		})

	suite.It("multicast.tx.header", "a datagram to a group has TTL 1 and an address of the host as source",
		check.Proves("RFC1112:6.1-3", mutate.Field(sent, ipv4.TTL.Is(64))).
			And("RFC1112:6.2-3", mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(sent, ipv4.Src.Is(n.Unused4)) })).
			And("RFC1112:6.2-4", mutate.Field(sent, ipv4.Src.Is(g))).
			Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			sends(member(p, g), g, "to all")
			f := lan.Expect(sent, probe.For())
			p.Must("RFC1112:6.1-3", f, ipv4.TTL.Is(1))
			p.Must("RFC1112:6.2-3", f, ipv4.Src.Is(lan.TargetIP()))
			p.Must("RFC1112:6.2-4", f, ipv4.Src.Not(g), ipv4.Src.Where("no group", func(a netip.Addr) bool { return !a.IsMulticast() }))
		})

	check.Grid(suite, "multicast.tx.ttl", "the user chooses the TTL",
		check.Proves("RFC1112:6.1-2", mutate.Field(sent, ipv4.TTL.Is(1))).Needs(needs...),
		[]int{1, 2, 16, 32},
		func(p *probe.P, ttl int) {
			lan := p.IPv4()
			s := p.UDP(0)
			p.That("RFC1112:6.1-2", "setting the TTL", s.SetOption("IP_MULTICAST_TTL", ttl), gomega.Succeed())
			sends(s, g, "to all")
			p.Must("RFC1112:6.1-2", lan.Expect(sent), ipv4.TTL.Is(uint(ttl)))
		})

	suite.It("multicast.tx.interface", "a datagram to a group is sent on one interface, the default one without a choice",
		check.Proves("RFC1112:6.1-5", mutate.Repeat(sent, 0)).And("RFC1112:6.1-6", mutate.Missing(sent)).
			Needs(needs...).Needs(target.SecondLink),
		func(p *probe.P) {
			lan := p.IPv4()
			other := lan.Link(1)
			s := p.UDP(0)
			sends(s, g, "to all")
			p.Wait(5 * wire)
			n := len(lan.Seen(sent)) + len(other.Seen(sent))
			p.That("RFC1112:6.1-5", "datagrams on all links", n, gomega.Equal(1))
			p.That("RFC1112:6.1-6", "datagrams on all links", n, gomega.BeNumerically(">", 0))
		})

	suite.It("multicast.tx.interface-chosen", "the user chooses the interface",
		check.Proves("RFC1112:6.1-4", mutate.Missing(sent)).Needs(needs...).Needs(target.SecondLink),
		func(p *probe.P) {
			other := p.IPv4().Link(1)
			s := p.UDP(0)
			p.That("RFC1112:6.1-4", "choosing the interface", s.SetMulticastInterface(other.TargetIP()), gomega.Succeed())
			sends(s, g, "to all")
			other.Expect(sent)
		})

	suite.It("multicast.tx.source-route", "a group is in no source route that the host sends",
		check.Proves("RFC1112:6.2-5", mutate.Field(sent, ipv4.Options.Is(ipv4.LooseRoute(4, g)))).Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			s := p.UDP(0)
			err := s.SetOptionOctets("IP_OPTIONS", ipv4.LooseRoute(4, g, lan.IP()))
			p.Step("giving the socket a source route by way of a group: %v", err)
			err = s.SendTo([]byte("by way of a group"), netip.AddrPortFrom(lan.IP(), discard))
			p.Step("sending: %v", err)
			p.Wait(prompt)
			routeless := ipv4.Options.Where("without a group in a route", func(o []byte) bool {
				for _, route := range append(ipv4.FindOptions(o, ipv4.LooseRouteType), ipv4.FindOptions(o, ipv4.StrictRouteType)...) {
					for hop := route[3:]; len(hop) >= 4; hop = hop[4:] {
						if netip.AddrFrom4([4]byte(hop)).IsMulticast() {
							return false
						}
					}
				}
				return true
			})
			ready(s.SetOptionOctets("IP_OPTIONS", nil), "taking the options back")
			ready(s.SendTo([]byte("straight"), netip.AddrPortFrom(lan.IP(), discard)), "sending")
			lan.Expect(sent.Then(packet.Payload([]byte("straight"))), probe.For())
			for _, f := range lan.Seen(sent) {
				p.Must("RFC1112:6.2-5", f, routeless, ipv4.Dst.Where("no group", func(a netip.Addr) bool { return !a.IsMulticast() }))
			}
		})
}
