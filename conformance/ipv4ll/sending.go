package ipv4ll

import (
	"net/netip"

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

const agentFeature = target.Agent

// onLink are addresses of 169.254/16, all of which is on the link: near ones, far ones, those that are never chosen.
var onLink = []string{"169.254.1.0", "169.254.128.1", "169.254.254.255", "169.254.0.200"}

// told are the datagrams of tell.
var told = udp.Datagram(udp.DstPort.Is(9))

// tell has the target send a datagram and expects its request for the link address of the destination.
func (h *host) tell(s *probe.Socket, to netip.Addr, opts ...probe.Option) *packet.Frame {
	if err := s.SendTo([]byte("told"), netip.AddrPortFrom(to, 9)); err != nil {
		h.Step("the target refused to send to %s: %v", to, err)
	}
	return h.Expect(arp.Request(to), append([]probe.Option{probe.For()}, opts...)...)
}

// straight asserts that a datagram for an address goes straight there, after a request for it, and gives the datagram.
func (h *host) straight(p *probe.P, to netip.Addr, asked, sent []string) {
	s := p.UDP(0)
	h.answerAs(to, h.tell(s, to, probe.For(asked...)))
	f := h.Expect(told.With(ipv4.Dst.Is(to)), probe.For())
	for _, r := range sent {
		p.Must(r, f, ethernet.Dst.Is(h.MAC()))
	}
}

func init() {
	var to []netip.Addr
	for _, a := range onLink {
		to = append(to, netip.MustParseAddr(a))
	}
	noRequest := mutate.Missing(arp.Packet(arp.Op.Is(arp.OpRequest), arp.TargetIP.In(to...)))
	elsewhereTo := mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(told, ethernet.Dst.Is(n.Testers[1].MAC)) })

	check.Grid(suite, "ll.send.direct", "a datagram for a link-local destination goes straight to it",
		needs(check.Proves("RFC3927:2.6.2-1", noRequest).
			And("RFC3927:2.8-1", noRequest).
			And("RFC3927:2.8-2", noRequest).
			And("RFC3927:2.6.2-2", elsewhereTo), agentFeature).Slow(),
		onLink, func(p *probe.P, to string) {
			won(p).straight(p, netip.MustParseAddr(to), []string{"RFC3927:2.6.2-1", "RFC3927:2.8-1", "RFC3927:2.8-2"}, []string{"RFC3927:2.6.2-2"})
		})

	suite.It("ll.send.routable-destination", "with a link-local source only, a datagram for a routable destination goes straight to it",
		needs(check.Proves("RFC3927:2.6.2-7", mutate.Missing(arp.Request(neighbour))).
			And("RFC3927:2.6.2-8", elsewhereTo), agentFeature).Slow(),
		func(p *probe.P) {
			won(p).straight(p, neighbour, []string{"RFC3927:2.6.2-7"}, []string{"RFC3927:2.6.2-8"})
		})

	// Every host, also one that has only a routable address. The default gateway is what a careless one sends to.
	suite.It("ll.send.routable-source", "a host with a routable address reaches link-local destinations directly",
		check.Proves("RFC3927:2.6.2-3", mutate.Missing(arp.Request(elsewhere))).
			And("RFC3927:2.6.2-5", elsewhereTo).
			And("RFC3927:2.7-2", elsewhereTo).Needs(target.Agent, target.Gateway),
		func(p *probe.P) {
			h := &host{Tester: p.IPv4()}
			h.straight(p, elsewhere, []string{"RFC3927:2.6.2-3"}, []string{"RFC3927:2.6.2-5", "RFC3927:2.7-2"})
		})

	suite.It("ll.send.broadcast", "169.254.255.255 is a broadcast address, which nobody is asked for",
		needs(check.Proves("RFC3927:2.6.2-4", mutate.Field(told, ethernet.Dst.Is([]byte{2, 0, 0, 0, 0, 1}))), agentFeature).Slow(),
		func(p *probe.P) {
			h := won(p)
			s := p.UDP(0)
			if err := s.SetOption("SO_BROADCAST", 1); err != nil {
				p.Inconclusive("the target does not let its application broadcast: %v", err)
			}
			if err := s.SendTo([]byte("all"), netip.AddrPortFrom(broadcast, 9)); err != nil {
				p.Inconclusive("the target refused to send to %s: %v", broadcast, err)
			}
			p.Must("RFC3927:2.6.2-4", h.Expect(told.With(ipv4.Dst.Is(broadcast)), probe.For()), ethernet.Dst.Is(ethernet.Broadcast))
			h.Never(arp.Request(broadcast), reacts)
		})

	suite.It("ll.send.not-mine", "requests for link-local addresses that the host does not have are not answered",
		check.Proves("RFC3927:2.7-4", mutate.Gullible()),
		func(p *probe.P) {
			lan := p.Ethernet()
			lan.Silent(arp.Request(elsewhere), arp.Request(lan.TargetIP()), arp.Reply())
		})

	fromLinkLocal := mutate.Field(told, ipv4.Src.Is(elsewhere))
	suite.It("ll.routable.source", "once there is a routable address it is the source of new communications",
		needs(check.Proves("RFC3927:1.9-4", fromLinkLocal).
			And("RFC3927:2.6.1-1", fromLinkLocal).
			And("RFC3927:2.6.2-6", fromLinkLocal), agentFeature).Slow(),
		func(p *probe.P) {
			h := won(p)
			p.AddAddress(routable)
			p.Wait(settled)
			h.answerAs(neighbour, h.tell(p.UDP(0), neighbour))
			f := h.Expect(told.With(ipv4.Dst.Is(neighbour)), probe.For())
			for _, r := range []string{"RFC3927:1.9-4", "RFC3927:2.6.1-1", "RFC3927:2.6.2-6"} {
				p.Must(r, f, ipv4.Src.Is(routable.Addr()))
			}
		})

	// RFC 3927 lets both be in use during the change, and does not say for how long.
	suite.It("ll.routable.alone", "an interface with a routable address has no link-local one in the long run",
		needs(check.Proves("RFC3927:1.9-1", mutate.Gullible())).Slow(),
		func(p *probe.P) {
			h := won(p)
			p.AddAddress(routable)
			p.Wait(long(p, rateLimitInterval, settled))
			tester := h.Claiming(neighbour)
			tester.Silent(arp.Request(h.addr), arp.Request(routable.Addr()), arp.Reply())
		})
}
