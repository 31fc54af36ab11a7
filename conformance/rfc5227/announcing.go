package rfc5227

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

var isTrue = gomega.BeTrue()

// aboutFirst is a mutation of frames about the first free address.
func aboutFirst(on func(a target.Net) packet.Template, m func(packet.Template) mutate.Mutation) mutate.Mutation {
	return mutate.Here(func(n target.Net) mutate.Mutation { return m(on(n)) })
}

func firstAnnounced(n target.Net) packet.Template { return arp.Announcement(free(n, 0)) }

func init() {
	wrong := func(c packet.Cond) mutate.Mutation {
		return aboutFirst(firstAnnounced, func(t packet.Template) mutate.Mutation { return mutate.Field(t, c) })
	}
	toSomebody := mutate.Here(func(n target.Net) mutate.Mutation {
		return mutate.Field(firstAnnounced(n), arp.TargetIP.Is(n.Testers[0].IP4))
	})

	suite.It("acd.announce.fields", "an announcement is a broadcast request with the address as sender and target",
		check.Proves("RFC5227:1.1-7", wrong(arp.SenderMAC.Is(ethernet.Broadcast))).
			And("RFC5227:2.3-3", toSomebody).
			And("RFC5227:3-1", wrong(arp.Op.Is(arp.OpReply))).
			Needs(target.Conflict, target.Management).Slow(),
		func(p *probe.P) {
			c := give(p, 0)
			for range announceNum {
				f := c.Expect(arp.Packet(arp.SenderIP.Is(c.addr)), probe.For(), probe.Within(settled))
				p.Must("RFC5227:3-1", f, arp.Op.Is(arp.OpRequest))
				p.Must("RFC5227:2.3-3", f, arp.TargetIP.Is(c.addr))
				p.Must("RFC5227:1.1-7", f, ethernet.Dst.Is(ethernet.Broadcast), arp.SenderMAC.Is(c.TargetMAC()))
			}
		})

	// The text names the moment from which the address is known to be free, and no latest one for the announcement.
	suite.It("acd.announce.wait", "the first announcement comes ANNOUNCE_WAIT after the last probe, not sooner",
		check.Proves("RFC5227:2.1.1-16", mutate.Repeat(anyProbe, probeMin*9/10)).Needs(target.Conflict, target.Management).Slow(),
		func(p *probe.P) {
			c := give(p, 0)
			f := c.announced(probe.For())
			probes := c.Seen(arp.Probe(c.addr))
			if len(probes) == 0 {
				p.Inconclusive("the target did not probe")
			}
			p.Between("RFC5227:2.1.1-16", "from the last probe to the first announcement", f.At-probes[len(probes)-1].At, announceWait, settled)
		})

	suite.It("acd.announce.number", "two announcements are sent, ANNOUNCE_INTERVAL apart",
		check.Proves("RFC5227:2.3-1", aboutFirst(firstAnnounced, func(t packet.Template) mutate.Mutation { return mutate.Drops(t, 1) })).
			And("RFC5227:2.3-2", aboutFirst(firstAnnounced, func(t packet.Template) mutate.Mutation {
				return mutate.Repeat(t, announceInterval/2)
			})).
			Needs(target.Conflict, target.Management).Slow(),
		func(p *probe.P) {
			c := give(p, 0)
			first := c.announced(probe.For("RFC5227:2.3-1"))
			second := c.announced(probe.For("RFC5227:2.3-1"))
			p.Between("RFC5227:2.3-2", "from one announcement to the next", second.At-first.At, announceInterval, announceInterval+travel)
			c.Never(arp.Announcement(c.addr), long(p, 10*time.Minute, 5*time.Second), probe.For("RFC5227:2.3-1"))
		})

	suite.It("acd.announce.answers", "from the first announcement on, requests and probes for the address are answered",
		check.Proves("RFC5227:2.5-1", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Missing(arp.Reply(arp.SenderIP.Is(free(n, 0))))
		})).Needs(target.Conflict, target.Management).Slow(),
		func(p *probe.P) {
			c := give(p, 0)
			reply := arp.Reply(arp.SenderIP.Is(c.addr), arp.SenderMAC.Is(c.TargetMAC()))
			for range announceNum {
				c.announced(probe.For())
				c.Ask(arp.Request(c.addr), reply)
				c.Ask(arp.Probe(c.addr), reply)
			}
			p.Wait(settled)
			c.Ask(arp.Request(c.addr), reply)
		})
}
