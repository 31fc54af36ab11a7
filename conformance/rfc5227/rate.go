package rfc5227

import (
	"time"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// unimpressed is a target that takes no notice of anybody who has an address of the tester's subnet that nobody should
// have: it counts no conflicts.
var unimpressed = mutate.Here(func(n target.Net) mutate.Mutation {
	return mutate.Ignores(arp.Packet(arp.SenderMAC.Is(n.Testers[0].MAC), arp.TargetIP.Is(n.Testers[0].IP4)))
})

// rateLimited brings about conflicts, each over an address of its own, and asserts the pace of the candidates after
// them. RFC 5227 limits the rate after MAX_CONFLICTS, RFC 3927 when they are exceeded: the check allows for one more.
// The random delay of the first probe is part of what is seen.
func rateLimited(p *probe.P, requirement string, contest func(candidate)) {
	var last time.Duration
	const conflicts, paced = maxConflicts + 1, 3
	for i := range conflicts + paced {
		c := give(p, i)
		at := c.Expect(arp.Probe(c.addr), probe.For(), probe.Within(3*rateLimitInterval)).At
		if i > conflicts {
			p.Between(requirement, "from one candidate to the next", at-last, rateLimitInterval-probeWait, 3*rateLimitInterval)
		}
		last = at
		contest(c)
		c.withdraw()
	}
}

func init() {
	suite.It("acd.rate.probing", "after ten conflicts while probing, one new address is tried in a minute",
		check.Proves("RFC5227:2.1.1-14", unimpressed).Needs(target.Conflict, target.Management).Slow(),
		func(p *probe.P) {
			rateLimited(p, "RFC5227:2.1.1-14", func(c candidate) {
				c.Send(claimingRequests[1].tmpl(c.addr, c.Tester))
				p.Wait(100 * time.Millisecond)
			})
		})

	suite.It("acd.rate.in-use", "conflicts over addresses in use count as well",
		check.Proves("RFC5227:2.1.1-15", unimpressed).Needs(target.Conflict, target.Management).Slow(),
		func(p *probe.P) {
			rateLimited(p, "RFC5227:2.1.1-15", func(c candidate) {
				c.won()
				c.Send(claimingRequests[1].tmpl(c.addr, c.Tester))
				p.Wait(100 * time.Millisecond)
			})
		})
}
