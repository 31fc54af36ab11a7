package rfc5227

import (
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// A moment is when, while the target probes, somebody speaks up.
type moment struct {
	name   string
	probes int           // that the target has sent
	after  time.Duration // since the last of them
}

func (m moment) String() string { return m.name }

// The period lasts from the beginning until ANNOUNCE_WAIT after the last probe.
var moments = []moment{
	{"at-once", 0, 0},
	{"first-probe", 1, 0},
	{"second-probe", 2, probeMin / 2},
	{"last-moment", probeNum, announceWait - 100*time.Millisecond},
}

// arrive waits for the moment.
func (c candidate) arrive(m moment) {
	c.probes(m.probes, probe.For())
	c.Wait(m.after)
}

// usable tells whether the target says that it has the address and uses it.
func (c candidate) usable() bool {
	return slices.ContainsFunc(c.Addresses(), func(a agent.Address) bool {
		return a.Addr == c.addr && a.State != "conflict" && a.State != "tentative"
	})
}

// deaf is a target that does not hear who else has the first free address.
func deaf(to func(target.Net) packet.Template) mutate.Mutation {
	return aboutFirst(to, mutate.Ignores)
}

func init() {
	requests := func(n target.Net) packet.Template {
		return arp.Packet(arp.Op.Is(arp.OpRequest), arp.SenderIP.Is(free(n, 0)))
	}
	replies := func(n target.Net) packet.Template { return arp.Reply(arp.SenderIP.Is(free(n, 0))) }

	check.Grid(suite, "acd.contest.request", "a request from the address, while it is probed for, makes the target give it up",
		check.Proves("RFC5227:2.1.1-8", deaf(requests)).
			And("RFC5227:2.1.1-10", deaf(requests)).
			Needs(target.Conflict, target.Management).Slow(),
		moments, func(p *probe.P, m moment) {
			c := give(p, 0)
			c.arrive(m)
			c.Send(claimingRequests[1].tmpl(c.addr, c.Tester))
			c.gaveUp(probe.For("RFC5227:2.1.1-8"))
			p.That("RFC5227:2.1.1-10", "the target says that it cannot have the address", c.usable(), isFalse)
		})

	check.Grid(suite, "acd.contest.reply", "a reply from the address, while it is probed for, makes the target give it up",
		check.Proves("RFC5227:2.1.1-9", deaf(replies)).Needs(target.Conflict, target.Management).Slow(),
		moments, func(p *probe.P, m moment) {
			c := give(p, 0)
			c.arrive(m)
			c.Send(claimingReplies[0].tmpl(c.addr, c.Tester))
			c.gaveUp()
		})

	check.Grid(suite, "acd.contest.probe", "somebody else's probe for the address makes the target give it up",
		check.Proves("RFC5227:2.1.1-11", mutate.Ignores(anyProbe)).Needs(target.Conflict, target.Management).Slow(),
		moments, func(p *probe.P, m moment) {
			c := give(p, 0)
			c.arrive(m)
			c.Send(arp.Probe(c.addr))
			c.gaveUp()
		})

	// A peer of RFC 826 knows nothing of probes: it answers every request for its address.
	suite.It("acd.contest.plain-host", "a host that knows nothing of conflict detection is noticed by its replies",
		check.Proves("RFC5227:2.2-1", deaf(replies)).Needs(target.Conflict, target.Management).Slow(),
		func(p *probe.P) {
			c := give(p, 0)
			f := c.probes(1, probe.For())[0]
			spa, _ := arp.SenderIP.Of(f)
			sha, _ := arp.SenderMAC.Of(f)
			c.Claiming(c.addr).Send(arp.Reply(arp.TargetIP.Is(spa), arp.TargetMAC.Is(sha)))
			c.gaveUp()
		})

	suite.It("acd.contest.own-echo", "the target's own probe coming back is no conflict",
		check.Proves("RFC5227:2.1.1-12", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Misreads(anyProbe.With(arp.SenderMAC.Is(n.Target.MAC)), arp.SenderMAC.Is(n.Testers[0].MAC), srcOf(n.Testers[0]))
		})).Needs(target.Conflict, target.Management).Slow(),
		func(p *probe.P) {
			c := give(p, 0)
			for range probeNum {
				c.SendBytes(c.probes(1)[0].Bytes) // as some repeaters and access points do
			}
			c.announced()
		})

	suite.It("acd.contest.other-link", "who has the address on another link is no conflict",
		check.Proves("RFC5227:2.1.1-13", aboutFirst(firstAnnounced, mutate.Missing)).
			Needs(target.Conflict, target.Management, target.SecondLink).Slow(),
		func(p *probe.P) {
			c := give(p, 0)
			c.probes(1, probe.For())
			other := c.Link(1)
			other.Send(arp.Announcement(c.addr))
			other.Send(arp.Probe(c.addr))
			c.announced()
		})
}
