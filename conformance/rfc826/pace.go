package rfc826

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// spoken is a datagram with text in it.
func spoken(text string) packet.Template {
	return udp.Datagram(udp.DstPort.Is(9)).Then(packet.Payload([]byte(text)))
}

// unasked is every broadcast of ARP.
var unasked = ethernet.Frame(ethernet.Dst.Is(ethernet.Broadcast)).Then(arp.Packet())

func init() {
	suite.It("arp.queue.latest", "the latest datagram that waits for an address is sent when the address is known",
		check.Proves("RFC1122:2.3.2.2-1", mutate.Missing(spoken("latest"))).Needs(target.Agent),
		func(p *probe.P) {
			lan := p.Ethernet()
			s := p.UDP(0)
			for _, text := range []string{"earlier", "latest"} {
				tell(p, s, lan.IP(), text)
			}
			lan.Expect(arp.Request(lan.IP()), probe.For())
			lan.Send(arp.Reply(arp.TargetMAC.Is(lan.TargetMAC())))
			lan.Expect(spoken("latest"))
		})

	// RFC 1122 recommends one request in a second at most; how evenly they are spaced it leaves open.
	suite.It("arp.pace.requests", "one address is not asked for more often than once in a second",
		check.Proves("RFC1122:2.3.2.1-2", mutate.Repeat(anyRequest, 100*time.Millisecond)).Needs(target.Agent),
		func(p *probe.P) {
			lan := p.Ethernet()
			s := p.UDP(0)
			const interval, datagrams = 90 * time.Millisecond, 50
			for range datagrams {
				// While requests go unanswered, a target may refuse to send.
				_ = s.SendTo([]byte("again and again"), netip.AddrPortFrom(lan.UnusedIP(), 9))
				p.Wait(interval)
			}
			asked := len(lan.Seen(arp.Request(lan.UnusedIP())))
			p.That("RFC1122:2.3.2.1-2", fmt.Sprintf("5 requests at most in %v", datagrams*interval), asked,
				gomega.And(gomega.BeNumerically(">=", 1), gomega.BeNumerically("<=", 5)))
		})

	suite.It("arp.pace.unasked", "addresses are not broadcast of the target's own accord",
		check.Proves("RFC826:RI-2", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Forge(arp.Request(n.Target.IP4), arp.Request(n.Target.IP4, arp.TargetMAC.Is(ethernet.Broadcast)))
		})).Slow(),
		func(p *probe.P) {
			lan := p.Ethernet()
			lan.Ask(arp.Request(lan.TargetIP()), arp.Reply(), probe.For())
			lan.Never(unasked.With(ethernet.Src.Is(lan.TargetMAC())), long(p, 10*time.Minute, 20*time.Second))
		})

	// The target may go by a timeout, by unicast polls, or by advice. Whatever it is, it notices that nobody answers at
	// an old address. RFC 1122 speaks of a timeout of the order of a minute, in use or not; without a parameter of the
	// target, 20 minutes, the longest in common use, is the bound.
	suite.It("arp.table.outdated", "an address that nobody answers at any more is asked for again, in use or not",
		check.Proves("RFC1122:2.3.2.1-1", mutate.Missing(unasked)).And("RFC826:RI-1", mutate.Missing(unasked)).
			Needs(target.Agent).Slow(),
		func(p *probe.P) {
			lan := p.Ethernet()
			lan.Ask(arp.Request(lan.TargetIP()), arp.Reply(), probe.For())
			within := 20 * time.Minute
			if t := p.Params().ARPTimeout; t > 0 {
				within = min(within, t+30*time.Second)
			}
			s := p.UDP(0)
			gone := lan.As(1).Claiming(lan.IP()) // the station that had the address has been replaced
			for until := p.Now() + within; p.Now() < until && len(lan.Seen(broadcastFor(lan))) == 0; p.Wait(time.Second) {
				_ = s.SendTo([]byte("still there?"), netip.AddrPortFrom(lan.IP(), 9))
			}
			p.Step("it has asked all for the address")
			lan.Expect(broadcastFor(lan), probe.For("RFC1122:2.3.2.1-1", "RFC826:RI-1"), probe.Within(time.Second))
			gone.Send(arp.Reply(arp.TargetMAC.Is(lan.TargetMAC())))
			p.Wait(tick)
			tell(p, s, lan.IP(), "to the new station")
			toLink(gone, "RFC1122:2.3.2.1-1", lan.Expect(spoken("to the new station"), probe.For()))
		})
}

// broadcastFor is a request to all for the tester's address.
func broadcastFor(t *probe.Tester) packet.Template {
	return unasked.With(arp.Op.Is(arp.OpRequest), arp.TargetIP.Is(t.IP()))
}

// long is virtual time where waiting costs nothing, live time elsewhere.
func long(p *probe.P, virtual, live time.Duration) time.Duration {
	if p.Virtual() {
		return virtual
	}
	return live
}

// tell has the target send a datagram of text.
func tell(p *probe.P, s *probe.Socket, to netip.Addr, text string) {
	if err := s.SendTo([]byte(text), netip.AddrPortFrom(to, 9)); err != nil {
		p.Inconclusive("the target refused to send to %s: %v", to, err)
	}
}
