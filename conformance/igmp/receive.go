package igmp

import (
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/icmpv4"
	"github.com/conform-stack/conform/harness/packet/igmp"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// alike is a group with the Ethernet address of g: they differ in the bits that are not mapped.
var alike = netip.AddrFrom4([4]byte{238, 64, 0, 1})

// datagrams are those that a target gets by way of groups.
func datagrams(conds ...packet.Cond) packet.Template {
	return ipv4.Header(conds...).Then(udp.Datagram(udp.SrcPort.Is(40000)))
}

func init() {
	suite.It("multicast.rx.joined", "a datagram to a group is delivered when the group has been joined, with TTL 1, too",
		check.Proves("RFC1112:7.2-2", mutate.Ignores(datagrams(ipv4.Dst.Is(g)))).
			And("RFC1112:7.1-2", mutate.Ignores(datagrams(ipv4.Dst.Is(g)))).
			And("RFC1112:7.2-5", mutate.Ignores(datagrams(ipv4.Dst.Is(g), ipv4.TTL.Is(1)))).
			And("RFC1112:7.4-1", mutate.Ignores(datagrams(ipv4.Dst.Is(g)))).
			Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			s := p.UDP(0)
			ready(s.Join(g), "joining %s", g)
			r := s.Recv()
			lan.Send(to(g, s.Local.Port(), "for members"))
			hears(p, r, "for members", "RFC1112:7.2-2", "RFC1112:7.1-2", "RFC1112:7.2-5", "RFC1112:7.4-1")
		})

	// The good datagram goes to the host itself, which needs no membership.
	intoGroup := func(group netip.Addr) mutate.Mutation {
		return mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Misreads(datagrams(ipv4.Dst.Is(group)), ipv4.Dst.Is(n.Target.IP4), ethernet.Dst.Is(n.Target.MAC))
		})
	}
	suite.It("multicast.rx.not-joined", "a datagram to a group that has not been joined is discarded silently",
		check.Proves("RFC1112:7.1-1", intoGroup(g)).
			And("RFC1112:7.2-3", mutate.Forge(datagrams(ipv4.Dst.Is(g)), icmpv4.Unreachable(icmpv4.CodePort))).
			Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			s := p.UDP(0)
			r := s.Recv()
			lan.Send(to(g, s.Local.Port(), "for others"))
			lan.Send(to(lan.TargetIP(), s.Local.Port(), "for the host"))
			hears(p, r, "for the host", "RFC1112:7.1-1")
			p.That("RFC1112:7.2-3", "errors", lan.Seen(icmpv4.Message()), gomega.BeEmpty())
		})

	suite.It("multicast.rx.left", "a datagram to a group that has been left is discarded",
		check.Proves("RFC1112:7.2-1", intoGroup(g)).Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			s := p.UDP(0)
			ready(s.Join(g), "joining %s", g)
			ready(s.Leave(g), "leaving %s", g)
			r := s.Recv()
			lan.Send(to(g, s.Local.Port(), "for members"))
			lan.Send(to(lan.TargetIP(), s.Local.Port(), "for the host"))
			hears(p, r, "for the host", "RFC1112:7.2-1")
		})

	suite.It("multicast.rx.same-ethernet-address", "of groups with one Ethernet address only the one that was joined is delivered",
		check.Proves("RFC1112:6.4-2", mutate.Misreads(datagrams(ipv4.Dst.Is(alike)), ipv4.Dst.Is(g))).Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			s := p.UDP(0)
			ready(s.Join(g), "joining %s", g)
			r := s.Recv()
			lan.Send(to(alike, s.Local.Port(), "for others"))
			lan.Send(to(g, s.Local.Port(), "for members"))
			hears(p, r, "for members", "RFC1112:6.4-2")
		})

	suite.It("multicast.rx.many", "all of many groups are received",
		check.Proves("RFC1112:7.4-2", mutate.Ignores(datagrams(ipv4.Dst.Is(group(13))))).Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			s := p.UDP(0)
			for _, g := range groups(20) {
				ready(s.Join(g), "joining %s", g)
			}
			for n := range 20 {
				r := s.Recv()
				lan.Send(to(group(n), s.Local.Port(), group(n).String()))
				hears(p, r, group(n).String(), "RFC1112:7.4-2")
			}
		})

	suite.It("multicast.rx.all-systems", "a datagram to 224.0.0.1 is delivered at all times, without a join",
		check.Proves("RFC1112:4-4", mutate.Ignores(datagrams(ipv4.Dst.Is(igmp.AllSystems)))).
			And("RFC1112:7.2-11", mutate.Ignores(datagrams(ipv4.Dst.Is(igmp.AllSystems)))).
			And("RFC1112:7.2-12", mutate.DeafAfter(1, datagrams(ipv4.Dst.Is(igmp.AllSystems)), datagrams(ipv4.Dst.Is(igmp.AllSystems)))).
			And("RFC3376:5-1", mutate.DeafAfter(1, datagrams(ipv4.Dst.Is(igmp.AllSystems)), datagrams(ipv4.Dst.Is(igmp.AllSystems)))).
			And("RFC1122:3.3.7-3", mutate.Ignores(datagrams(ipv4.Dst.Is(igmp.AllSystems)))).
			Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			s := p.UDP(0)
			for _, from := range []*probe.Tester{lan, lan.As(1)} {
				r := s.Recv()
				from.Send(to(igmp.AllSystems, s.Local.Port(), "for all"))
				hears(p, r, "for all", "RFC1112:4-4", "RFC1112:7.2-11", "RFC1112:7.2-12", "RFC3376:5-1", "RFC1122:3.3.7-3")
				p.Step("joining and leaving the group changes nothing")
				if s.Join(igmp.AllSystems) == nil {
					ready(s.Leave(igmp.AllSystems), "leaving 224.0.0.1")
				}
			}
		})

	suite.It("multicast.rx.no-error", "no ICMP error is sent about a datagram to a group",
		check.Proves("RFC1112:7.2-7", mutate.Gullible()).Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			member(p, g)
			bad := to(g, 40009, "nobody listens")
			lan.Silent(bad, bad.With(ipv4.Dst.Is(lan.TargetIP())), icmpv4.Error())
		})

	suite.It("multicast.rx.group-source", "a datagram with a group as source is discarded silently",
		check.Proves("RFC1112:7.2-6", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Misreads(datagrams(ipv4.Src.Is(group(2))), ipv4.Src.Is(n.Testers[0].IP4))
		})).Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			s := p.UDP(0)
			ready(s.Join(g), "joining %s", g)
			r := s.Recv()
			lan.Send(to(g, s.Local.Port(), "from nobody").With(ipv4.Src.Is(group(2))))
			lan.Send(to(g, s.Local.Port(), "from a host"))
			hears(p, r, "from a host", "RFC1112:7.2-6")
		})

	suite.It("multicast.rx.other-interface", "a datagram on a link on which the group has not been joined is discarded",
		check.Proves("RFC1112:7.2-4", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Misreads(datagrams(ipv4.Dst.Is(g), ipv4.Src.Is(n.Testers[0].IP4)), ipv4.Dst.Is(n.Target.IP4), ethernet.Dst.Is(n.Target.MAC))
		})).Needs(needs...).Needs(target.SecondLink),
		func(p *probe.P) {
			lan := p.IPv4()
			other := lan.Link(1)
			s := p.UDP(0)
			ready(s.JoinOn(other.TargetIP(), g), "joining %s on the second link", g)
			r := s.Recv()
			lan.Send(to(g, s.Local.Port(), "on the first link"))
			lan.Send(to(lan.TargetIP(), s.Local.Port(), "for the host"))
			hears(p, r, "for the host", "RFC1112:7.2-4")
		})

	suite.It("multicast.rx.both-interfaces", "a group may be joined on two links",
		check.Proves("RFC1112:7.1-5", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Ignores(datagrams(ipv4.Dst.Is(g), ipv4.Src.Is(n.Testers[0].IP4)))
		})).And("RFC3376:5-3", mutate.Missing(anyReport3)).Needs(needs...).Needs(target.SecondLink),
		func(p *probe.P) {
			lan := p.IPv4()
			s := p.UDP(0)
			for i, link := range []*probe.Tester{lan, lan.Link(1)} {
				ready(s.JoinOn(link.TargetIP(), g), "joining %s on link %d", g, i)
				link.Expect(igmp.Report3(igmp.About(g)), probe.For("RFC3376:5-3"))
				r := s.Recv()
				link.Send(to(g, s.Local.Port(), "for members"))
				hears(p, r, "for members", "RFC1112:7.1-5")
			}
			p.Observed("RFC1112:7.1-5", "the same group is joined on both links")
		})
}
