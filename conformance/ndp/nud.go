package ndp

import (
	"slices"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// onProbe is a mutation of the unicast solicitations for the unused address.
func onProbe(f func(on packet.Template) mutate.Mutation) mutate.Mutation {
	return mutate.Here(func(n target.Net) mutate.Mutation { return f(ndp.Solicit(n.Unused6).With(ipv6.Dst.Is(n.Unused6))) })
}

// onGroup is one of the multicast ones after the first n of them.
func onGroup(f func(on packet.Template) mutate.Mutation) mutate.Mutation {
	return onNS(f, multicastDst)
}

// lasting uses a neighbour that is REACHABLE since an instant every step for the time most, and gives how long it was so: 5 s
// less than when it was asked first (7.3.3).
func (x nobody) lasting(since, step, most time.Duration) time.Duration {
	for x.Now() < since+most {
		x.echo()
		x.Wait(step)
	}
	x.Wait(firstProbe + step + x.coarse())
	if fs := x.asked(since+1, unicastDst); len(fs) > 0 {
		return fs[0].At - firstProbe - since
	}
	return 2 * most
}

// coarse is how much later two timers of some seconds may end on a live target: some clocks have coarser ticks the farther a
// timer is away.
func (x nobody) coarse() time.Duration {
	if x.Virtual() {
		return 0
	}
	return 600 * time.Millisecond
}

func init() {
	requirements := []string{"RFC4861:7.3.2-5", "RFC4861:7.3.3-8", "RFC4861:7.3.3-9", "RFC4861:10-15", "RFC4861:C-18", "RFC4861:C-19", "RFC4861:7.3.1-3", "RFC4861:5.2-8", "RFC4861:7.3-1"}
	suite.It("ndp.nud.series", "doubts begin with the first packet: 5 s later the neighbour is asked, then each RetransTimer, while packets go on",
		proves(
			claim{"RFC4861:7.3.2-5", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Forge(ipv6.Header(ipv6.Src.Is(n.Unused6)).Then(ndp.Advert(ndp.Solicited.Is(0))), ndp.Solicit(n.Unused6).With(ipv6.Dst.Is(n.Unused6)))
			})},
			claim{"RFC4861:7.3.3-8", onProbe(late(2 * time.Second))},
			claim{"RFC4861:7.3.3-9", onProbe(mutate.Missing)},
			claim{"RFC4861:10-15", onProbe(late(time.Second))},
			claim{"RFC4861:C-18", onProbe(late(5 * time.Second))},
			claim{"RFC4861:C-19", onProbe(mutate.Missing)},
			claim{"RFC4861:7.3.1-3", onProbe(mutate.Missing)},
			claim{"RFC4861:5.2-8", onProbe(mutate.Missing)},
			claim{"RFC4861:7.3-1", onProbe(mutate.Missing)},
			claim{"RFC4861:7.3.2-6", onProbe(lags(1, 700*time.Millisecond))},
			claim{"RFC4861:7.3.3-12", onProbe(drops(1))},
			claim{"RFC4861:C-20", onProbe(drops(2))},
			claim{"RFC4861:10-10", onProbe(drops(2))},
			claim{"RFC4861:7.3.3-15", onProbe(repeat(500 * time.Millisecond))},
			claim{"RFC4861:7.3.3-1", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Hushed(ipv6.Header(ipv6.Src.Is(n.Unused6)).Then(ndp.Advert(ndp.Solicited.Is(0))), ipv6.Header(ipv6.Dst.Is(n.Unused6)).Then(anyReply))
			})},
			claim{"RFC4861:7.3.2-3", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Forge(ipv6.Header(ipv6.Src.Is(n.Unused6)).Then(ndp.Advert(ndp.Solicited.Is(0))), ndp.Solicit(n.Unused6).With(ipv6.Dst.Is(n.Unused6)))
			})},
			claim{"RFC4861:7.3.3-2", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Forge(ipv6.Header(ipv6.Src.Is(n.Unused6)).Then(ndp.Advert(ndp.Solicited.Is(0))), ndp.Solicit(n.Unused6).With(ipv6.Dst.Is(n.Unused6)))
			})},
		).Slow(), func(p *probe.P) {
			x := nobodyOn(p.IPv6())
			x.stale()
			p.Wait(7 * time.Second)
			idle := len(x.Seen(x.solicits(unicastDst)))
			for _, req := range []string{"RFC4861:7.3.2-3", "RFC4861:7.3.3-2", "RFC4861:7.3.2-5"} {
				p.That(req, "solicitations while nothing is sent to the neighbour", idle, gomega.BeZero())
			}
			used := p.Now()
			if x.ask() == nil {
				p.Fail("RFC4861:7.3.3-1", probe.Missing, "the first packet is sent at once")
			}
			p.Wait(6500*time.Millisecond - (p.Now() - used))
			if x.ask() == nil {
				p.Fail("RFC4861:7.3.3-1", probe.Missing, "packets are sent while the neighbour is asked")
			}
			p.Meets("RFC4861:7.3.3-1")
			p.Wait(8200*time.Millisecond - (p.Now() - used))
			fs := x.asked(used, unicastDst)
			if len(fs) == 0 {
				for _, req := range append([]string{"RFC4861:7.3.2-6", "RFC4861:7.3.3-12", "RFC4861:C-20", "RFC4861:10-10", "RFC4861:7.3.3-15"}, requirements...) {
					p.That(req, "the neighbour is asked", 0, gomega.BeNumerically(">", 0))
				}
				return
			}
			for _, req := range requirements {
				p.Between(req, "from the first packet to the first solicitation", fs[0].At-used, firstProbe, firstProbe+50*time.Millisecond)
			}
			for _, req := range []string{"RFC4861:7.3.3-12", "RFC4861:C-20", "RFC4861:10-10"} {
				p.That(req, "unicast solicitations", len(fs), gomega.BeNumerically(">=", 3))
			}
			gaps := series(fs)
			p.Meets("RFC4861:7.3.2-6")
			p.Meets("RFC4861:7.3.3-15")
			for i := 1; i < min(3, len(gaps)); i++ {
				p.Between("RFC4861:7.3.2-6", "from one solicitation to the next", gaps[i]-gaps[i-1], 0, retrans+200*time.Millisecond)
				p.Between("RFC4861:7.3.3-15", "from one solicitation to the next", gaps[i]-gaps[i-1], retrans, time.Hour)
			}
		})

	suite.It("ndp.nud.gone", "a neighbour that does not answer is asked for by multicast then",
		check.Proves("RFC4861:7.3-4", onNS(drops(1), multicastDst)).
			And("RFC4861:7.3.3-13", onNS(drops(1), multicastDst)).
			And("RFC4861:C-21", onNS(drops(1), multicastDst)).
			And("RFC4861:7.3.3-14", onNS(drops(1), multicastDst)).
			And("RFC4861:5.2-9", onNS(drops(1), multicastDst)).Slow(), func(p *probe.P) {
			x := nobodyOn(p.IPv6())
			x.reach(probing)
			p.Wait(3500 * time.Millisecond) // the entry is gone with the third probe unanswered, and what comes now begins anew
			p.Forget()
			x.echo()
			x.Expect(x.solicits(multicastDst), probe.Within(4*time.Second), probe.For("RFC4861:7.3-4", "RFC4861:7.3.3-13", "RFC4861:C-21", "RFC4861:7.3.3-14", "RFC4861:5.2-9"),
				probe.Because("three solicitations were not answered"))
		})

	suite.It("ndp.nud.default-time", "a neighbour that was confirmed counts as reachable for half to one and a half times 30 s",
		check.Proves("RFC4861:6.3.2-3", onProbe(late(40*time.Second))).
			And("RFC4861:10-13", onProbe(late(40*time.Second))).
			And("RFC4861:C-17", onProbe(late(35*time.Second))).
			And("RFC4861:7.3.3-7", onProbe(late(38*time.Second))).Slow(), func(p *probe.P) {
			x := nobodyOn(p.IPv6())
			since := x.resolved(x.MAC())
			d := x.lasting(since, 500*time.Millisecond, 46*time.Second+4*x.coarse())
			for _, req := range []string{"RFC4861:6.3.2-3", "RFC4861:10-13", "RFC4861:C-17", "RFC4861:7.3.3-7"} {
				p.Between(req, "how long it counts as reachable", d, 15*time.Second, 45500*time.Millisecond+4*x.coarse())
			}
		})

	times := []string{"RFC4861:6.3.4-12", "RFC4861:6.3.2-4", "RFC4861:10-16", "RFC4861:4.2-15"}
	drawn := []string{"RFC4861:6.3.4-13", "RFC4861:6.3.2-5", "RFC4861:2.1-6"}
	toLong := mutate.Misreads(ndp.RouterAdvert(), ndp.Reachable.Is(9000))
	punctual := mutate.Here(func(n target.Net) mutate.Mutation {
		return mutate.Punctual(ndp.Solicit(n.Unused6).With(ipv6.Dst.Is(n.Unused6)), told(n), firstProbe+3000*time.Millisecond)
	})
	suite.It("ndp.nud.time", "the reachable time is drawn evenly between half and one and a half of what routers advertise, anew for each value",
		check.Proves("RFC4861:6.3.4-12", toLong).And("RFC4861:6.3.2-4", toLong).And("RFC4861:10-16", onProbe(late(4*time.Second))).And("RFC4861:4.2-15", toLong).
			And("RFC4861:6.3.4-13", punctual).And("RFC4861:6.3.2-5", punctual).And("RFC4861:2.1-6", punctual).Slow(), func(p *probe.P) {
			lan := p.IPv6()
			const step = 50 * time.Millisecond
			var got []time.Duration
			for i := range 40 {
				x := nobodyOn(lan)
				base := 2000 + 20*(uint(i)%2) // another value also for who counts in hundredths of a second
				most := time.Duration(base) * 3 / 2 * time.Millisecond
				lan.Send(ndp.RouterAdvert(ndp.Reachable.Is(base), ndp.Lifetime.Is(0)))
				var since time.Duration
				if i == 0 {
					since = x.resolved(x.MAC())
				} else { // it has been asked
					p.Wait(30 * time.Millisecond)
					x.Send(ndp.Advert())
					since = p.Now()
				}
				p.Wait(30 * time.Millisecond)
				d := x.lasting(since, step, 3100*time.Millisecond)
				for _, req := range times {
					p.Between(req, "how long it counts as reachable", d, most/3, most+2*step+x.coarse())
				}
				got = append(got, max(d-step/2, 0)*2000/time.Duration(base))
				if d > 6*time.Second {
					break
				}
			}
			slices.Sort(got)
			for _, req := range drawn {
				p.Uniform(req, "reachable times", got, time.Second, 3*time.Second)
			}
		})
}
