package igmp

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/igmp"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// report1 is a version 1 report about g, whatever else it says.
var report1 = igmp.Report(1, igmp.Group.Is(g))

// v1Delay is the greatest delay of a report in version 1: D of RFC 1112, appendix I.
const v1Delay = 10 * time.Second

// idle1 makes the target a member of groups with a querier of version 1, with nothing due.
func idle1(p *probe.P, groups ...netip.Addr) *probe.Tester {
	lan := p.IPv4()
	heardBefore(lan, 1)
	member(p, groups...)
	p.Wait(prompt)
	for _, g := range groups {
		lan.As(1).Send(igmp.Heard(1, g))
	}
	p.Wait(wire)
	lan.Forget()
	return lan
}

func init() {
	suite.It("igmp.v1-join.report", "joining a group is reported to the group",
		check.Proves("RFC1112:I-1", mutate.Field(toGroup, ipv4.Protocol.Is(103))).
			And("RFC1112:I-2", mutate.Field(report1, igmp.Type.Is(igmp.TypeV3Report))).
			And("RFC1112:I-3", mutate.Field(report1, igmp.Type.Is(igmp.TypeV2Report))).
			And("RFC1112:I-4", mutate.Field(report1, igmp.MaxRespTime.Is(1))).
			And("RFC1112:I-5", mutate.Field(report1, igmp.Checksum.Is(0xbad))).
			And("RFC1112:I-6", mutate.Field(report1, igmp.Group.Is(group(2)))).
			And("RFC1112:I-11", mutate.Field(toGroup, ipv4.TTL.Is(2))).
			And("RFC3376:7.2.1-10", mutate.Field(report1, igmp.Type.Is(igmp.TypeV2Report))).
			Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			heardBefore(lan, 1)
			member(p, g)
			f := lan.Expect(toGroup, probe.For())
			p.Must("RFC1112:I-1", f, ipv4.Protocol.Is(2))
			p.That("RFC1112:I-2", "octets of the message", len(f.Body(ipv4.Proto)), gomega.Equal(8))
			p.Must("RFC1112:I-2", f, igmp.Type.Where("version 1", func(t uint) bool { return t>>4 == 1 }))
			p.Must("RFC1112:I-3", f, igmp.Type.Is(igmp.TypeV1Report))
			p.Must("RFC1112:I-4", f, igmp.MaxRespTime.Is(0))
			p.That("RFC1112:I-5", "the checksum covers the message", sound(f), gomega.BeTrue())
			p.Must("RFC1112:I-6", f, igmp.Group.Is(g))
			p.Must("RFC1112:I-11", f, ipv4.TTL.Is(1))
			p.Must("RFC3376:7.2.1-10", f, igmp.Type.Is(igmp.TypeV1Report))
		})

	suite.It("igmp.v1-join.destination", "a report goes to the group that it reports, when it is joined and when it is asked for",
		check.Proves("RFC1112:I-10", mutate.Field(report1, ipv4.Dst.Is(igmp.AllSystems))).
			And("RFC3376:4.2.14-2", mutate.Field(report1, ipv4.Dst.Is(igmp.AllRouters))).
			And("RFC2236:4-6", mutate.Drops(report1, 1)).
			Needs(needs...).Slow(),
		func(p *probe.P) {
			lan := idle1(p, g)
			joined := lan.Seen(report1)
			if len(joined) == 0 {
				p.Inconclusive("the target reported nothing when it joined")
			}
			f := joined[0]
			p.Must("RFC1112:I-10", f, ipv4.Dst.Is(g))
			p.Must("RFC3376:4.2.14-2", f, ipv4.Dst.Is(g))
			f = lan.Ask(igmp.V1Query(), report1, probe.Within(v1Delay+overdue), probe.For("RFC2236:4-6"))
			p.Must("RFC1112:I-10", f, ipv4.Dst.Is(g))
			p.Must("RFC3376:4.2.14-2", f, ipv4.Dst.Is(g))
		})

	suite.It("igmp.v1-join.repeat", "joining is reported at once, and once or twice more after short delays",
		check.Proves("RFC1112:I-18", mutate.Late(report1, time.Second)).
			And("RFC1112:I-19", mutate.Drops(report1, 1)).
			And("RFC1112:I-24", mutate.Drops(report1, 1)).
			Needs(needs...).Slow(),
		func(p *probe.P) {
			lan := p.IPv4()
			heardBefore(lan, 1)
			before := p.Now()
			member(p, g)
			f := lan.Expect(report1, probe.For())
			p.Between("RFC1112:I-18", "from the join to its report", f.At-before, 0, prompt+wire)
			p.Wait(2*v1Delay + 5*wire)
			n := gomega.And(gomega.BeNumerically(">=", 2), gomega.BeNumerically("<=", 3))
			p.That("RFC1112:I-19", "reports", len(lan.Seen(report1)), n)
			p.That("RFC1112:I-24", "reports", len(lan.Seen(report1)), n)
		})

	suite.It("igmp.v1-leave.silent", "leaving a group ends its reports, and nothing is said of it",
		check.Proves("RFC1112:I-28", mutate.Repeat(report1, 2*time.Second)).
			And("RFC2236:6-15", mutate.Repeat(message, 2*time.Second)).
			And("RFC2236:4-7", mutate.Repeat(message, 2*time.Second)).
			And("RFC3376:7.2.1-10", mutate.Repeat(message, 2*time.Second)).
			Needs(needs...).Slow(),
		func(p *probe.P) {
			lan := p.IPv4()
			heardBefore(lan, 1)
			s := member(p, g)
			lan.Expect(report1, probe.For())
			lan.Send(igmp.V1Query())
			ready(s.Leave(g), "leaving %s", g)
			p.Wait(wire)
			lan.Forget()
			lan.Never(message, v1Delay+5*wire, probe.For("RFC1112:I-28", "RFC2236:6-15", "RFC2236:4-7", "RFC3376:7.2.1-10"))
			p.Observed("RFC2236:4-7", "no leave is sent")
		})

	report1of := func(n int) packet.Template { return aboutGroup(1, group(n)) }
	// Of twenty random delays all are in one half of the range with a probability of 2^-19.
	suite.It("igmp.v1-query.answer", "a query is answered with a report of each group but 224.0.0.1, each after a random time within 10 s",
		check.Proves("RFC1112:I-8", mutate.Missing(report1of(7))).
			And("RFC1112:I-9", mutate.Punctual(igmp.Report(1), v1Query, v1Delay)).
			And("RFC1112:I-14", mutate.Field(report1of(7), igmp.Group.Is(igmp.AllSystems))).
			And("RFC1112:I-25", mutate.Missing(report1of(7))).
			And("RFC1112:I-26", mutate.Missing(report1of(7))).
			And("RFC2236:4-1", mutate.Misreads(v1Query, igmp.MaxRespTime.Is(1))).
			And("RFC3376:7.2.1-11", mutate.Misreads(v1Query, igmp.MaxRespTime.Is(255))).
			Needs(needs...).Slow(),
		func(p *probe.P) {
			lan := idle1(p, groups(20)...)
			t := p.Now()
			lan.Send(igmp.V1Query())
			p.Wait(v1Delay + overdue)
			var ds []time.Duration
			for n := range 20 {
				told := since(lan, t, report1of(n))
				for _, req := range []string{"I-8", "I-25", "I-26"} {
					p.That("RFC1112:"+req, "reports of "+group(n).String(), len(told), gomega.Equal(1))
				}
				if len(told) > 0 {
					ds = append(ds, told[0].At-t)
				}
			}
			both := kit.Spread(ds, v1Delay)
			p.That("RFC1112:I-9", "some delays are shorter and some longer than half of 10 s", both, gomega.BeTrue())
			p.That("RFC2236:4-1", "some delays are shorter and some longer than half of 10 s", both, gomega.BeTrue())
			p.That("RFC3376:7.2.1-11", "reports of twenty groups", len(ds), gomega.Equal(20))
			p.Between("RFC3376:7.2.1-11", "the longest delay of twenty", longest(ds), 0, v1Delay+wire)
			p.That("RFC1112:I-14", "reports of 224.0.0.1", lan.Seen(aboutGroup(1, igmp.AllSystems)), gomega.BeEmpty())
		})

	// A target that set the timers anew would have a group answered within the 10 s with a probability of 0.63, as some query
	// draws a delay shorter than the time to the next; all of twenty groups with one of 10^-4.
	suite.It("igmp.v1-query.again", "queries while a report is due do not put it off",
		check.Proves("RFC1112:I-13", mutate.Missing(report1of(7))).Needs(needs...).Slow(),
		func(p *probe.P) {
			lan := idle1(p, groups(20)...)
			t := p.Now()
			for p.Now() < t+v1Delay-wire {
				lan.Send(igmp.V1Query())
				p.Wait(50 * time.Millisecond)
			}
			p.Wait(t + v1Delay + overdue - p.Now())
			answered := 0
			for n := range 20 {
				if len(since(lan, t, report1of(n))) > 0 {
					answered++
				}
			}
			p.That("RFC1112:I-13", "groups that were reported within 10 s of the first query, or little more", answered, gomega.Equal(20))
		})

	suite.It("igmp.v1-query.fields", "the unused octet and the group address of a query are ignored",
		check.Proves("RFC1112:I-6", mutate.Ignores(igmp.Message(igmp.Type.Is(igmp.TypeQuery), igmp.Group.Is(group(9))))).
			Needs(needs...).Slow(),
		func(p *probe.P) {
			lan := idle1(p, g)
			lan.Ask(igmp.V1Query().With(igmp.Group.Is(group(9))), report1, probe.Within(v1Delay+overdue))
		})

	secondTester := mutate.Here(func(n target.Net) mutate.Mutation { return mutate.Ignores(heard().With(ipv4.Src.Is(n.Testers[2].IP4))) })
	suite.It("igmp.v1-heard.report", "a report of another host takes the place of the own one",
		check.Proves("RFC1112:I-12", secondTester).And("RFC1112:I-27", secondTester).Needs(needs...).Slow(),
		func(p *probe.P) {
			lan := idle1(p, g)
			lan.Send(igmp.V1Query())
			lan.As(2).Send(igmp.Heard(1, g))
			lan.Never(report1, v1Delay+5*wire, probe.For("RFC1112:I-12", "RFC1112:I-27"))
		})

	suite.It("igmp.v1-query.not-joined", "a query has no effect for groups that are not joined",
		check.Proves("RFC1112:I-22", mutate.Forge(v1Query, igmp.To(group(2), igmp.Report(1, igmp.Group.Is(group(2)))))).Needs(needs...).Slow(),
		func(p *probe.P) {
			lan := p.IPv4()
			heardBefore(lan, 1)
			s := member(p, g, group(2))
			ready(s.Leave(group(2)), "leaving %s", group(2))
			p.Wait(prompt)
			lan.Forget()
			t := p.Now()
			lan.Send(igmp.V1Query())
			lan.Expect(report1, probe.Within(v1Delay+overdue), probe.For())
			p.Wait(t + v1Delay + 5*wire - p.Now())
			p.That("RFC1112:I-22", "reports of groups that are not joined", since(lan, t, aboutGroup(1, group(2))), gomega.BeEmpty())
		})
}
