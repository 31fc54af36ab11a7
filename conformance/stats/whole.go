package stats

import (
	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// second is the index of the interface of the second link.
func second(p *probe.P) int {
	all := p.Ifaces()
	if len(all) < 2 {
		p.Inconclusive("the target tells of %d interfaces", len(all))
	}
	return all[1].Index
}

// nonzero are the counters that are not zero.
func nonzero(c probe.Counters) probe.Counters { return c.Since(nil) }

func init() {
	suite.It("stats.interfaces", "what happens on one interface moves none of another's counters, and the node's are their sum",
		check.Proves("ZEPHYR:ST-2", mutate.Mistakes("has the same counters for all", func(r *agent.Request) {
			if r.Do == agent.Stats && r.Iface > 0 {
				r.Iface = 0
			}
		})).
			And("ZEPHYR:ST-3", mutate.Mistakes("sums up nothing", func(r *agent.Request) {
				if r.Do == agent.Stats && r.Iface == agent.Node {
					r.Iface = 0
				}
			})).
			Needs(target.Statistics, target.Interfaces, target.SecondLink),
		func(p *probe.P) {
			lan := p.IPv4()
			other := second(p)
			something(lan)
			p.That("ZEPHYR:ST-2", "counters of the other interface", nonzero(p.Counters(other)), gomega.BeEmpty())
			meet(lan.Link(1))
			near, far, node := p.Counters(0), p.Counters(other), p.Counters(agent.Node)
			p.That("ZEPHYR:ST-2", "ICMP messages received by the other interface", far["icmp.recv"], gomega.Equal(uint64(1)))
			for name := range node {
				p.That("ZEPHYR:ST-3", "the sum of "+name, node[name], gomega.Equal(near[name]+far[name]))
			}
		})

	suite.It("stats.reset.all", "a reset sets all counters to zero, and what comes later is counted from there",
		check.Proves("ZEPHYR:ST-4", mutate.Unheeded("does not reset", mutate.Verb(agent.ResetStats))).
			Needs(target.Statistics),
		func(p *probe.P) {
			lan := p.IPv4()
			something(lan)
			p.ResetCounters(agent.Node)
			p.That("ZEPHYR:ST-4", "counters of the node", nonzero(p.Counters(agent.Node)), gomega.BeEmpty())
			p.That("ZEPHYR:ST-4", "counters of the interface", nonzero(p.Counters(0)), gomega.BeEmpty())
			send(ping(1))(lan)
			p.That("ZEPHYR:ST-4", "ICMP messages received since then", p.Counters(0)["icmp.recv"], gomega.Equal(uint64(1)))
		})

	suite.It("stats.reset.one", "a reset of one interface leaves the others as they are",
		check.Proves("ZEPHYR:ST-5", mutate.Mistakes("resets all", func(r *agent.Request) {
			if r.Do == agent.ResetStats {
				r.Iface = agent.Node
			}
		})).Needs(target.Statistics, target.Interfaces, target.SecondLink),
		func(p *probe.P) {
			lan := p.IPv4()
			meet(lan)
			meet(lan.Link(1))
			other := second(p)
			before := p.Counters(other)
			p.ResetCounters(0)
			p.That("ZEPHYR:ST-5", "counters of the interface", nonzero(p.Counters(0)), gomega.BeEmpty())
			p.That("ZEPHYR:ST-5", "counters of the other", p.Counters(other), gomega.Equal(before))
		})
}
