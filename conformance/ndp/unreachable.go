package ndp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// unreachable brings a neighbour to UNREACHABLE (RFC 7048, 3): three solicitations were not answered. It gives when the
// first of those was sent.
func (x nobody) unreachable() time.Duration {
	x.doubted()
	began := x.Expect(x.solicits(unicastDst), probe.For(), probe.Within(firstProbe+2*retrans)).At
	for x.Now() < began+3500*time.Millisecond { // it is used
		x.echo()
		x.Wait(250 * time.Millisecond)
	}
	x.Forget()
	return began
}

func init() {
	suite.It("ndp.unreachable.backoff", "a neighbour that does not answer is used on, and asked for by multicast at intervals that grow up to a minute",
		check.Proves("RFC7048:3-2", mutate.Here(func(n target.Net) mutate.Mutation {
			return mutate.Drops(ipv6.Header(ipv6.Dst.Is(n.Unused6)).Then(anyReply), 12)
		})).
			And("RFC7048:3-3", mutate.Here(func(n target.Net) mutate.Mutation {
				return mutate.Drops(ipv6.Header(ipv6.Dst.Is(n.Unused6)).Then(anyReply), 14)
			})).
			And("RFC7048:3-4", onGroup(drops(1))).
			And("RFC7048:3-15", onGroup(drops(1))).
			And("RFC7048:3-16", onGroup(drops(3))).
			And("RFC7048:3-5", onGroup(repeat(time.Second))).
			And("RFC7048:3-1", onGroup(repeat(time.Second))).
			And("RFC7048:3-17", onGroup(drops(6))).
			And("RFC7048:3-20", onGroup(lags(1, 80*time.Second))).
			And("RFC7048:3-19", onGroup(drops(1))).
			And("RFC7048:4-3", onGroup(drops(1))).Slow(), func(p *probe.P) {
			x := nobodyOn(p.IPv6())
			began := x.unreachable()
			for _, req := range []string{"RFC7048:3-2", "RFC7048:3-3"} {
				f := x.ask()
				if f == nil {
					p.Fail(req, probe.Missing, "packets go on being sent to the link address that is known")
				} else {
					p.Must(req, f, ethernet.Dst.Is(x.MAC()))
				}
			}
			for p.Now() < began+320*time.Second { // it is used all the time
				x.echo()
				p.Wait(2 * time.Second)
			}
			fs := x.asked(began, multicastDst)
			for _, req := range []string{"RFC7048:3-4", "RFC7048:3-15", "RFC7048:3-16", "RFC7048:3-17", "RFC7048:3-1", "RFC7048:3-5", "RFC7048:3-20"} {
				p.That(req, "multicast solicitations in 320 s", len(fs), gomega.BeNumerically(">=", 5))
			}
			p.Meets("RFC7048:3-19")
			p.Meets("RFC7048:4-3")
			if len(fs) < 5 {
				p.Fail("RFC7048:3-19", probe.Missing, "solicitations go on")
				p.Fail("RFC7048:4-3", probe.Missing, "solicitations go on")
				return
			}
			p.Between("RFC7048:3-20", "from the first retransmission to the first multicast solicitation", fs[0].At-began-retrans, 0, time.Minute)
			all := x.asked(began)
			var gaps []time.Duration
			for i := 1; i < len(all); i++ {
				gaps = append(gaps, all[i].At-all[i-1].At)
			}
			p.Observed("RFC7048:3-19", "%d solicitations are unicast, then %d multicast", len(all)-len(fs), len(fs))
			p.Observed("RFC7048:4-3", "intervals: %v", gaps)
			for _, req := range []string{"RFC7048:3-5", "RFC7048:3-1"} {
				for i := 3; i < len(gaps); i++ {
					p.Between(req, "an interval beside the one before", gaps[i], min(gaps[i-1], 30*time.Second)*9/10, time.Hour)
				}
				p.That(req, "the last interval beside the first", gaps[len(gaps)-1] > 4*gaps[0], gomega.BeTrue())
			}
			last := fs[len(fs)-1].At
			for _, req := range []string{"RFC7048:3-16", "RFC7048:3-17"} {
				p.Between(req, "since the last solicitation", p.Now()-last, 0, 95*time.Second)
				for i := range gaps {
					p.Between(req, "an interval", gaps[i], 0, 95*time.Second)
				}
			}
		})

	suite.It("ndp.unreachable.idle", "a neighbour that does not answer and is not used is not asked for, until it is",
		check.Proves("RFC7048:3-18", onGroup(repeat(20*time.Second))).Slow(), func(p *probe.P) {
			x := nobodyOn(p.IPv6())
			x.unreachable()
			p.Wait(100 * time.Second) // what was begun ends
			since := p.Now()
			p.Wait(200 * time.Second)
			p.That("RFC7048:3-18", "solicitations while nothing is sent to the neighbour", len(x.asked(since)), gomega.BeZero())
			x.echo()
			x.Expect(x.solicits(), probe.For("RFC7048:3-18"), probe.Within(61*time.Second), probe.Because("there is traffic again"))
			p.Wait(100 * time.Second)
			p.That("RFC7048:3-18", "solicitations after one packet", len(x.asked(since)), gomega.BeNumerically("<=", 2))
		})

	check.Grid(suite, "ndp.unreachable.advert", "advertisements end it as in other states",
		proves(
			claim{"RFC7048:3-14", na(1, 1, nil, as(asUnsolicited, ndp.Override.Is(0)))},
			claim{"RFC7048:3-13", na(1, 0, isOther, as(ndp.Override.Is(1)))},
			claim{"RFC7048:3-10", na(1, 1, nil, as(asUnsolicited, ndp.Override.Is(0)))},
		).Slow(), []step{
			{in: "UNREACHABLE", what: "NA", s: 1, o: 1, link: same, next: []state{reachable}, reqs: []string{"RFC7048:3-14", "RFC7048:3-10"}},
			{in: "UNREACHABLE", what: "NA", s: 1, o: 1, link: other, next: []state{reachable}, moves: true, reqs: []string{"RFC7048:3-14", "RFC7048:3-10"}},
			{in: "UNREACHABLE", what: "NA", s: 1, o: 1, link: nowhere, next: []state{reachable}, reqs: []string{"RFC7048:3-14"}},
			{in: "UNREACHABLE", what: "NA", s: 1, o: 0, link: same, next: []state{reachable}, reqs: []string{"RFC7048:3-14"}},
			{in: "UNREACHABLE", what: "NA", s: 1, o: 0, link: other, next: []state{"UNREACHABLE", probing, stale, delay, reachable}, reqs: []string{"RFC7048:3-13"}},
		}, func(p *probe.P, s step) {
			x := nobodyOn(p.IPv6())
			x.unreachable()
			x.Send(x.advert(s.s, s.o, x.at(s.link)))
			if s.link == other && s.o == 0 { // the address stays: it is asked for at longer intervals
				x.settled()
				f := x.ask()
				if f == nil {
					p.Fail("RFC7048:3-13", probe.Missing, "packets go on being sent to the neighbour")
					return
				}
				p.Must("RFC7048:3-13", f, ethernet.Dst.Is(x.MAC()))
				return
			}
			x.judged(s)
		})
}
