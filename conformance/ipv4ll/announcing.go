package ipv4ll

import (
	"net/netip"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/probe"
)

// mustTarget is the target address of an ARP packet.
func mustTarget(f *packet.Frame) netip.Addr {
	a, _ := arp.TargetIP.Of(f)
	return a
}

func init() {
	suite.It("ll.announce.fields", "an announcement is a broadcast request with the address as sender and target",
		needs(check.Proves("RFC3927:1.2-4", mutate.Field(anyAnnouncement, arp.Op.Is(arp.OpReply))).
			And("RFC3927:2.4-3", mutate.Field(anyAnnouncement, arp.TargetIP.Is(elsewhere)))).Slow(),
		func(p *probe.P) {
			h := begin(p)
			h.choose()
			for range announceNum {
				f := h.Expect(arp.Packet(arp.SenderIP.Is(h.addr)), probe.For(), probe.Within(settled))
				p.Must("RFC3927:2.4-3", f, arp.TargetIP.Is(h.addr))
				p.Must("RFC3927:1.2-4", f, arp.Op.Is(arp.OpRequest), arp.SenderMAC.Is(h.TargetMAC()), ethernet.Dst.Is(ethernet.Broadcast))
			}
		})

	// The text names the moment from which the address is claimed, and no latest one for the announcement.
	suite.It("ll.announce.wait", "the address is claimed ANNOUNCE_WAIT after the last probe, not sooner",
		needs(check.Proves("RFC3927:2.2.1-15", mutate.Repeat(anyProbe, probeMin*9/10))).Slow(),
		func(p *probe.P) {
			h := begin(p)
			h.choose()
			f := h.announced()
			probes := h.Seen(arp.Probe(h.addr))
			p.Between("RFC3927:2.2.1-15", "from the last probe to the first announcement", f.At-probes[len(probes)-1].At, announceWait, settled)
		})

	suite.It("ll.announce.number", "two announcements are sent, ANNOUNCE_INTERVAL apart",
		needs(check.Proves("RFC3927:2.4-1", mutate.Drops(anyAnnouncement, 1)).
			And("RFC3927:2.4-2", mutate.Repeat(anyAnnouncement, announceInterval/2))).Slow(),
		func(p *probe.P) {
			h := begin(p)
			h.choose()
			one := h.announced(probe.For("RFC3927:2.4-1"))
			two := h.announced(probe.For("RFC3927:2.4-1"))
			p.Between("RFC3927:2.4-2", "from one announcement to the next", two.At-one.At, announceInterval, announceInterval+travel)
			h.Never(arp.Announcement(h.addr), 2*announceInterval, probe.For("RFC3927:2.4-1"))
		})

	anyReply := arp.Reply(fromLL)
	suite.It("ll.announce.broadcast-reply", "replies from a link-local address are broadcast",
		needs(check.Proves("RFC3927:2.5-10", mutate.Field(anyReply, ethernet.Dst.Is([]byte{2, 0, 0, 0, 0, 1})))).Slow(),
		func(p *probe.P) {
			h := won(p)
			for _, request := range []packet.Template{arp.Request(h.addr), arp.Probe(h.addr)} {
				p.Must("RFC3927:2.5-10", h.Ask(request, arp.Reply(arp.SenderIP.Is(h.addr)), probe.For()), ethernet.Dst.Is(ethernet.Broadcast))
			}
		})

	// The target polls its neighbour when it has not heard from it for long.
	requestsFrom := arp.Packet(arp.Op.Is(arp.OpRequest), fromLL, arp.TargetIP.Is(elsewhere))
	suite.It("ll.announce.broadcast-request", "requests from a link-local address are broadcast, those for a known neighbour too",
		needs(check.Proves("RFC3927:2.5-9", mutate.Field(requestsFrom, ethernet.Dst.Is([]byte{2, 0, 0, 0, 0, 1}))), agentFeature).Slow(),
		func(p *probe.P) {
			h := won(p)
			s := p.UDP(0)
			h.answerAs(elsewhere, h.tell(s, elsewhere))
			within := p.Params().ARPTimeout + settled
			if within > 2*rateLimitInterval || p.Params().ARPTimeout == 0 {
				within = 2 * rateLimitInterval
			}
			for until := p.Now() + within; p.Now() < until; p.Wait(reacts) {
				_ = s.SendTo([]byte("still there?"), netip.AddrPortFrom(elsewhere, 9))
			}
			for _, f := range h.Seen(requestsFrom) {
				p.Must("RFC3927:2.5-9", f, ethernet.Dst.Is(ethernet.Broadcast))
			}
		})
}
