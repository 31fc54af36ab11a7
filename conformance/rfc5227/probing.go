package rfc5227

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/arp"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

func init() {
	stranger := arp.SenderMAC.Is(ethernet.Broadcast)
	somebody := mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(anyProbe, arp.SenderIP.Is(n.Target.IP4)) })
	another := mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Field(anyProbe, arp.TargetIP.Is(n.Target.IP4)) })

	fewer := mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Drops(arp.Probe(free(n, 0)), probeNum-1) })

	suite.It("acd.probe.fields", "a probe is a broadcast request from 0.0.0.0 for the address",
		check.Proves("RFC5227:1.1-1", mutate.Field(anyProbe, arp.Op.Is(arp.OpReply))).
			And("RFC5227:1.1-2", mutate.Field(anyProbe, stranger)).
			And("RFC5227:2.1.1-1", mutate.Field(anyProbe, stranger)).
			And("RFC5227:1.1-3", somebody).
			And("RFC5227:2.1.1-2", somebody).
			And("RFC5227:1.1-4", mutate.Field(anyProbe, arp.TargetMAC.Is(ethernet.Broadcast))).
			And("RFC5227:2.1.1-3", mutate.Field(anyProbe, arp.TargetMAC.Is(ethernet.Broadcast))).
			And("RFC5227:1.1-6", another).
			And("RFC5227:2.1.1-4", another).
			Needs(target.Conflict, target.Management),
		func(p *probe.P) {
			c := give(p, 0)
			f := c.Expect(ethernet.Frame(ethernet.Src.Is(c.TargetMAC())).Then(anyARP), probe.For(), probe.Within(settled))
			p.Must("RFC5227:1.1-1", f, arp.Op.Is(arp.OpRequest), ethernet.Dst.Is(ethernet.Broadcast))
			for _, r := range []string{"RFC5227:1.1-2", "RFC5227:2.1.1-1"} {
				p.Must(r, f, arp.SenderMAC.Is(c.TargetMAC()))
			}
			for _, r := range []string{"RFC5227:1.1-3", "RFC5227:2.1.1-2"} {
				p.Must(r, f, arp.SenderIP.Is(netip.IPv4Unspecified()))
			}
			for _, r := range []string{"RFC5227:1.1-4", "RFC5227:2.1.1-3"} {
				p.Must(r, f, arp.TargetMAC.Is(make([]byte, 6)))
			}
			for _, r := range []string{"RFC5227:1.1-6", "RFC5227:2.1.1-4"} {
				p.Must(r, f, arp.TargetIP.Is(c.addr))
			}
		})

	suite.It("acd.probe.before-use", "an address is probed for before it is used",
		check.Proves("RFC5227:2.1-1", mutate.Missing(anyProbe)).Needs(target.Conflict, target.Management),
		func(p *probe.P) {
			c := give(p, 0)
			f := c.Expect(anyARP.With(arp.TargetIP.Is(c.addr)), probe.For(), probe.Within(settled))
			p.That("RFC5227:2.1-1", "the first packet for the address is a probe", arp.Probe(c.addr).Matches(f), isTrue)
		})

	suite.It("acd.probe.number", "three probes are sent",
		check.Proves("RFC5227:2.1.1-6", fewer).Needs(target.Conflict, target.Management).Slow(),
		func(p *probe.P) {
			c := give(p, 0)
			c.probes(probeNum)
			c.announced(probe.For())
			c.Never(arp.Probe(c.addr), probeMax)
		})

	// 40 first delays and 80 gaps: see probe.Uniform for what chance allows. Live, a few show the bounds.
	suite.It("acd.probe.pace", "the first probe comes after a random delay, the others at random intervals",
		check.Proves("RFC5227:2.1.1-5", mutate.Late(anyProbe, probeWait+100*time.Millisecond)).
			And("RFC5227:2.1.1-7", mutate.Repeat(anyProbe, probeMin/2)).
			Needs(target.Conflict, target.Management).Slow(),
		func(p *probe.P) {
			var delays, gaps []time.Duration
			runs := 40
			if !p.Virtual() {
				runs = 3
			}
			for range runs {
				c := give(p, 0)
				fs := c.probes(probeNum, probe.For())
				delays = append(delays, fs[0].At-c.given)
				for i := range fs[1:] {
					gaps = append(gaps, fs[i+1].At-fs[i].At)
				}
				c.withdraw()
				p.Wait(probeMax)
			}
			for _, d := range delays {
				p.Between("RFC5227:2.1.1-5", "the delay of the first probe", d, 0, probeWait+travel)
			}
			for _, g := range gaps {
				p.Between("RFC5227:2.1.1-7", "the gap between two probes", g, probeMin, probeMax)
			}
			p.Uniform("RFC5227:2.1.1-5", "the delay of the first probe", delays, 0, probeWait+travel)
			p.Uniform("RFC5227:2.1.1-7", "the gap between two probes", gaps, probeMin, probeMax)
		})

	suite.It("acd.probe.unanswered", "before its first announcement, requests for an address are not answered",
		check.Proves("RFC5227:2.5-5", mutate.Gullible()).Needs(target.Conflict, target.Management),
		func(p *probe.P) {
			c := give(p, 0)
			for range probeNum {
				c.probes(1, probe.For())
				c.Silent(arp.Request(c.addr), arp.Request(c.TargetIP()), arp.Reply())
			}
			c.announced(probe.For())
		})

	suite.It("acd.probe.link-up", "an address is probed for again when the link comes back",
		check.Proves("RFC5227:2.1-2", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Drops(arp.Probe(free(n, 0)), probeNum)
		})).Needs(target.Conflict, target.Management).Slow(),
		func(p *probe.P) {
			c := give(p, 0)
			c.won()
			p.LinkDown()
			p.Wait(time.Second)
			p.Forget()
			p.LinkUp()
			c.probes(probeNum)
		})

	suite.It("acd.probe.not-periodic", "an address in use is not probed for again",
		check.Proves("RFC5227:2.1-3", mutate.Repeat(anyProbe, settled+2*time.Second)).Needs(target.Conflict, target.Management).Slow(),
		func(p *probe.P) {
			c := give(p, 0)
			c.won()
			p.Forget()
			c.Never(arp.Probe(c.addr), long(p, time.Hour, 30*time.Second))
			c.alive()
		})
}

// travel is what a frame may take on the way. The target's call and the frame are not timed at one place.
const travel = 20 * time.Millisecond
