package mld

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/mld"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// aboutGroup is the report of a version that tells of a listener to a group.
func aboutGroup(version int, group netip.Addr) packet.Template {
	if version == 1 {
		return mld.Report(mld.Group.Is(group))
	}
	return mld.Report2(mld.About(group))
}

// speaks joins a group that is not joined yet and tells the version of the report; 0 when none comes soon.
func speaks(lan *probe.Tester, group netip.Addr) int {
	t := lan.Now()
	s := member(lan.P, group)
	defer func() { ready(s.Close(), "closing the socket") }()
	for lan.Now() < t+time.Second { // how soon it comes is asked elsewhere
		lan.Wait(wire)
		for _, version := range []int{1, 2} {
			if len(since(lan, t, aboutGroup(version, group))) > 0 {
				return version
			}
		}
	}
	return 0
}

// heardBefore makes the target hear a querier of version 1 before it has joined anything.
func heardBefore(p *probe.P) *probe.Tester {
	lan := p.IPv6()
	lan.Send(mld.GeneralQuery(haste))
	lan.Wait(2 * hasty)
	return lan
}

// A time says how long version 1 is spoken, in a case of the check of the Older Version Querier Present Timeout.
type timeout struct {
	name string
	// The queries are answered within a second, which may be taken for the Query Response Interval, as its default may be.
	qqic uint // in a query of version 2 before, none if 0
	// again is when a second query of version 1 comes, 0 if none does.
	again time.Duration
	// least and most are both times that the RFC can be read to ask for.
	least, most time.Duration
}

func (t timeout) String() string { return t.name }

func init() {
	suite.It("mld.version.default", "a host that has heard no querier of version 1 speaks version 2",
		proves(by(mutate.Missing(anyReport), "RFC3810:5-4")),
		func(p *probe.P) {
			lan := p.IPv6()
			lan.Send(mld.GeneralQuery2(haste))
			p.That("RFC3810:5-4", "the version of the report", speaks(lan, g), gomega.Equal(2))
		})

	check.Grid(suite, "mld.version.v1", "after a query of version 1 the host speaks version 1 at once",
		proves(
			by(mutate.Ignores(query1), "RFC3810:8.1-1", "RFC3810:8.2.1-1", "RFC3810:8.2.1-3"),
			by(mutate.Field(report1, icmpv6.Type.Is(icmpv6.TypeMLD2Report)), "RFC3810:8.2.1-6"),
			by(mutate.Missing(report1), "RFC3810:5-5"),
		),
		[]string{"general", "for a group"},
		func(p *probe.P, which string) {
			lan := p.IPv6()
			quiet(lan)
			query := mld.GeneralQuery(haste)
			if which != "general" {
				query = mld.GroupQuery(group(2), haste).With(ipv6.Dst.Is(ipv6.AllNodes))
			}
			lan.Send(query)
			p.Wait(wire) // a target may have to put it in a queue
			v := speaks(lan, g)
			for _, req := range []string{"8.1-1", "8.2.1-1", "8.2.1-3", "8.2.1-6", "5-5"} {
				p.That("RFC3810:"+req, "the version of the report", v, gomega.Equal(1))
			}
		})

	suite.It("mld.version.v1-only", "in version 1 nothing of version 2 is sent",
		proves(
			by(mutate.Forge(query2(), tells(mld.IsEx(g))), "RFC3810:8.2.1-6"),
			by(mutate.Field(done1, icmpv6.Type.Is(icmpv6.TypeMLD2Report)), "RFC3810:5-5"),
		),
		func(p *probe.P) {
			lan := heardBefore(p)
			s := member(p, g)
			lan.Expect(report1, probe.For())
			p.Wait(wire)
			t := p.Now()
			lan.Send(mld.GeneralQuery2(haste))
			p.Wait(hasty + 5*wire)
			ready(s.Leave(g), "leaving %s", g)
			p.Wait(prompt)
			p.That("RFC3810:5-5", "messages of the end of listening", len(since(lan, t, done1)), gomega.Equal(1))
			p.That("RFC3810:8.2.1-6", "reports of version 2", since(lan, t, anyReport), gomega.BeEmpty())
		})

	suite.It("mld.version.interface", "the mode is kept for each interface",
		proves(by(mutate.Ignores(query1), "RFC3810:8.2.1-2")).Needs(target.SecondLink),
		func(p *probe.P) {
			lan := p.IPv6()
			other := lan.Link(1)
			lan.Send(mld.GeneralQuery(haste))
			p.Wait(wire)
			s := p.Open("inet6", "dgram", 0)
			ready(s.JoinOn(other.TargetIP(), g), "joining %s on the second link", g)
			other.Expect(aboutGroup(2, g), probe.For("RFC3810:8.2.1-2"), probe.Because("no querier of version 1 was heard there"))
			p.That("RFC3810:8.2.1-2", "the version of the report on the first link", speaks(lan, group(2)), gomega.Equal(1))
		})

	// What is cancelled would come at a random time, before the query once in some hundred times.
	suite.It("mld.version.cancels-repetition", "a change of mode cancels the repetition that is due",
		proves(by(mutate.Repeat(anyReport, 500*time.Millisecond), "RFC3810:8.2.1-8")),
		func(p *probe.P) {
			lan := p.IPv6()
			quiet(lan)
			member(p, g)
			lan.Expect(aboutG, probe.For())
			lan.Send(mld.GeneralQuery(10 * second))
			p.Wait(wire)
			lan.Forget()
			lan.Never(anyReport, unsolicited2+wire)
		})

	suite.It("mld.version.cancels-answer", "a change of mode cancels the answers that are due",
		proves(by(mutate.Forge(query1, tells(mld.IsEx(g))), "RFC3810:8.2.1-8")),
		func(p *probe.P) {
			lan := listening(p)
			lan.Send(mld.GeneralQuery2(2 * second))
			lan.Send(mld.SpecificQuery2(g, 2*second))
			lan.Send(mld.GeneralQuery(10 * second))
			lan.Never(anyReport, 2*time.Second+wire)
		})

	// QQIC 2 and the Robustness Variable of 2 make 4 s, and the Query Response Interval, that of the queries, 1 s, or the
	// default, 10 s. Without a query of version 2 the Query Interval is the default of 125 s, and both are 10 s.
	begin := query2().With(ipv6.Dst.Is(ipv6.AllNodes))
	check.Grid(suite, "mld.version.timeout", "version 1 ends to the moment when no query of it has been heard for the time that follows from the last queries",
		proves(
			by(mutate.Misreads(begin, mld.QQIC.Is(20)), "RFC3810:9.12-1", "RFC3810:5.1.9-1", "RFC3810:8.2.1-5"),
			by(mutate.DeafAfter(1, query1, query1), "RFC3810:8.2.1-4"),
		).Slow(),
		[]timeout{
			{"interval-2", 2, 0, 5 * time.Second, 14 * time.Second},
			{"interval-2-again", 2, 3 * time.Second, 5 * time.Second, 14 * time.Second},
			{"interval-7", 7, 0, 15 * time.Second, 24 * time.Second},
		},
		func(p *probe.P, t timeout) {
			lan := p.IPv6()
			lan.Send(mld.GeneralQuery2(second).With(mld.QQIC.Is(t.qqic)))
			p.Wait(2 * time.Second)
			last := p.Now()
			lan.Send(mld.GeneralQuery(second))
			if t.again > 0 {
				p.Wait(t.again)
				last = p.Now()
				lan.Send(mld.GeneralQuery(second))
			}
			const edge = 100 * time.Millisecond
			asked := 0
			at := func(since time.Duration) int {
				p.Wait(last + since - p.Now())
				asked++
				return speaks(lan, group(asked))
			}
			reqs := []string{"RFC3810:9.12-1", "RFC3810:5.1.9-1", "RFC3810:8.2.1-4", "RFC3810:8.2.1-5"}
			expect := func(when time.Duration, want int) {
				got := at(when)
				for _, req := range reqs {
					p.That(req, fmt.Sprintf("the version %v after the last query of version 1", when), got, gomega.Equal(want))
				}
			}
			slack := edge
			if !p.Virtual() { // a report takes its time
				slack = 3 * edge
			}
			expect(t.least-slack, 1)
			if at(t.least+slack) == 1 {
				expect(t.most-slack, 1)
			}
			expect(t.most+slack, 2)
		})

	suite.It("mld.version.timeout-default", "without a query of version 2 the Query Interval is 125 s",
		proves(
			by(mutate.Field(aboutGroup(1, group(2)), icmpv6.Type.Is(icmpv6.TypeMLD2Report)), "RFC3810:9.2-1"),
		).Slow(),
		func(p *probe.P) {
			lan := p.IPv6()
			quiet(lan)
			lan.Send(mld.GeneralQuery(10 * second))
			last := p.Now()
			p.Wait(260*time.Second - 500*time.Millisecond)
			p.That("RFC3810:9.2-1", "the version 259.5 s after the query of version 1", speaks(lan, group(2)), gomega.Equal(1))
			p.Wait(last + 260*time.Second + 500*time.Millisecond - p.Now())
			p.That("RFC3810:9.2-1", "the version 260.5 s after the query of version 1", speaks(lan, group(3)), gomega.Equal(2))
		})

	// QQIC 0x90 is 256 s: version 1 lasts for 512 s and more, and less than 300 s if it is taken for 144 s.
	suite.It("mld.version.timeout-exponent", "a QQIC from 128 has an exponent and a mantissa",
		proves(by(mutate.Misreads(begin, mld.QQIC.Is(127)), "RFC3810:5.1.9-2")).Slow(),
		func(p *probe.P) {
			lan := p.IPv6()
			lan.Send(mld.GeneralQuery2(second).With(mld.QQIC.Is(0x90)))
			p.Wait(2 * time.Second)
			lan.Send(mld.GeneralQuery(second))
			p.Wait(310 * time.Second)
			p.That("RFC3810:5.1.9-2", "the version of the report", speaks(lan, g), gomega.Equal(1))
		})

	// Of forty random delays up to 36.864 s one at least is longer than that if it is taken for 65.536 s, but for 10^-10.
	suite.It("mld.version.delay-linear", "the Maximum Response Delay of version 1 has no exponent",
		proves(by(mutate.Misreads(query1, mld.MaxDelay.Is(0xffff)), "RFC3810:8.2.1-7")).Slow(),
		func(p *probe.P) {
			lan := idle(p, groups(forty)...)
			linear := 36864 * time.Millisecond
			if !p.Virtual() { // some clocks have coarser ticks the farther a timer is away
				linear += linear / 8
			}
			t := p.Now()
			lan.Send(mld.GeneralQuery(0x9000))
			ds := delays(lan, t, linear+time.Second, forty, old)
			p.That("RFC3810:8.2.1-7", "reports of forty groups", len(ds), gomega.Equal(forty))
			p.Between("RFC3810:8.2.1-7", "the longest delay of forty", longest(ds), 0, linear)
		})
}
