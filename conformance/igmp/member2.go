package igmp

import (
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/conformance/internal/kit"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/igmp"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
)

// report2 and leave2 are the messages of version 2 about g, whatever else they say.
var (
	report2 = igmp.Report(2, igmp.Group.Is(g))
	leave2  = igmp.Leave(igmp.Group.Is(g))
)

// toGroup is whatever goes to g, toRouters whatever goes to the routers.
var (
	toGroup   = ipv4.Header(ipv4.Dst.Is(g))
	toRouters = ipv4.Header(ipv4.Dst.Is(igmp.AllRouters))
)

func init() {
	suite.It("igmp.v2-join.report", "joining a group is reported to the group",
		check.Proves("RFC2236:2-1", mutate.Field(toGroup, ipv4.Protocol.Is(103))).
			And("RFC2236:2-2", mutate.Field(toGroup, ipv4.TTL.Is(2))).
			And("RFC2236:2-3", mutate.Field(toGroup, ipv4.Options.Is(nil))).
			And("RFC2236:2-4", mutate.Field(report2, igmp.Group.Is(igmp.AllRouters))).
			And("RFC2236:2.2-2", mutate.Field(report2, igmp.MaxRespTime.Is(100))).
			And("RFC2236:2.3-1", mutate.Field(report2, igmp.Checksum.Is(0xbad))).
			And("RFC2236:2.3-2", mutate.Field(report2, igmp.Checksum.Is(0))).
			And("RFC2236:2.4-2", mutate.Field(report2, igmp.Group.Is(group(2)))).
			And("RFC3376:7.2.1-9", mutate.Field(report2, igmp.Type.Is(igmp.TypeV1Report))).
			Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			heardBefore(lan, 2)
			member(p, g)
			f := lan.Expect(toGroup, probe.For())
			p.Must("RFC2236:2-1", f, ipv4.Protocol.Is(2))
			p.Must("RFC2236:2-2", f, ipv4.TTL.Is(1))
			p.Must("RFC2236:2-3", f, hasAlert)
			p.Must("RFC2236:2-4", f, igmp.Group.Is(g), packet.Data.Is(nil))
			p.Must("RFC2236:2.2-2", f, igmp.MaxRespTime.Is(0))
			p.That("RFC2236:2.3-1", "the checksum covers the message", sound(f), gomega.BeTrue())
			p.That("RFC2236:2.3-2", "there is a checksum", sound(f), gomega.BeTrue())
			p.Must("RFC2236:2.4-2", f, igmp.Group.Is(g))
			p.Must("RFC3376:7.2.1-9", f, igmp.Type.Is(igmp.TypeV2Report))
		})

	suite.It("igmp.v2-join.destination", "a report goes to the group that it reports",
		check.Proves("RFC3376:4.2.14-2", mutate.Field(report2, ipv4.Dst.Is(igmp.AllRouters))).
			And("RFC2236:3-6", mutate.Field(report2, ipv4.Dst.Is(igmp.AllSystems))).
			Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			heardBefore(lan, 2)
			member(p, g)
			lan.Expect(report2, probe.For())
			f := lan.Ask(igmp.GroupQuery(g, 1), report2, probe.For())
			p.Must("RFC3376:4.2.14-2", f, ipv4.Dst.Is(g))
			p.Must("RFC2236:3-6", f, ipv4.Dst.Is(g), ipv4.TTL.Is(1))
		})

	suite.It("igmp.v2-join.at-once", "joining a group is reported at once",
		check.Proves("RFC2236:3-8", mutate.Late(report2, time.Second)).
			And("RFC2236:6-8", mutate.Late(report2, time.Second)).
			Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			heardBefore(lan, 2)
			before := p.Now()
			member(p, g)
			f := lan.Expect(report2, probe.For())
			p.Between("RFC2236:3-8", "from the join to its report", f.At-before, 0, prompt+wire)
			p.Between("RFC2236:6-8", "from the join to its report", f.At-before, 0, prompt+wire)
		})

	suite.It("igmp.v2-join.repeat", "the report of joining is repeated once or twice, within 10 s each",
		check.Proves("RFC2236:3-9", mutate.Drops(report2, 1)).
			And("RFC2236:8.1-1", mutate.Drops(report2, 1)).
			And("RFC2236:6-20", mutate.Lags(report2, 1, unsolicited2)).
			And("RFC2236:8.10-1", mutate.Lags(report2, 1, unsolicited2)).
			Needs(needs...).Slow(),
		func(p *probe.P) {
			lan := p.IPv4()
			heardBefore(lan, 2)
			member(p, g)
			p.Wait(2*unsolicited2 + 5*wire)
			told := lan.Seen(report2)
			p.That("RFC2236:3-9", "reports", len(told), gomega.And(gomega.BeNumerically(">=", 2), gomega.BeNumerically("<=", 3)))
			p.That("RFC2236:8.1-1", "reports", len(told), gomega.BeNumerically(">=", 2))
			for i := range told[:max(0, len(told)-1)] {
				gap := told[i+1].At - told[i].At
				p.Between("RFC2236:6-20", "from a report to its repetition", gap, 0, unsolicited2+wire)
				p.Between("RFC2236:8.10-1", "from a report to its repetition", gap, 0, unsolicited2+wire)
			}
			if len(told) < 2 {
				p.Fail("RFC2236:6-20", probe.Timing, "a repetition within %v", unsolicited2)
				p.Fail("RFC2236:8.10-1", probe.Timing, "a repetition within %v", unsolicited2)
			}
		})

	// Twenty random delays: all are in one half with a probability of 2^-19.
	suite.It("igmp.v2-join.repeat-at-random", "the time before the repetition is chosen at random for each group",
		check.Proves("RFC2236:6-20", mutate.Punctual(igmp.Report(2), v2Query, 20*time.Second)).Needs(needs...).Slow(),
		func(p *probe.P) {
			lan := p.IPv4()
			heardBefore(lan, 2)
			twenty(p)
			p.Wait(unsolicited2 + 5*wire)
			var gaps []time.Duration
			for n := range 20 {
				if told := lan.Seen(aboutGroup(2, group(n))); len(told) > 1 {
					gaps = append(gaps, told[1].At-told[0].At)
				}
			}
			p.That("RFC2236:6-20", "some of the times are shorter and some longer than half the interval", kit.Spread(gaps, unsolicited2), gomega.BeTrue())
		})

	suite.It("igmp.v2-leave.last", "the host that was the last to report a group tells the routers of leaving it",
		check.Proves("RFC2236:3-10", mutate.Missing(leave2)).
			And("RFC2236:6-13", mutate.Missing(leave2)).
			And("RFC2236:2.1-3", mutate.Field(toRouters, igmp.Type.Is(igmp.TypeV2Report))).
			And("RFC2236:6-17", mutate.Field(leave2, ipv4.Dst.Is(g))).
			And("RFC2236:9-1", mutate.Field(leave2, ipv4.Dst.Is(g))).
			And("RFC3376:4-8", mutate.Missing(leave2)).
			Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			heardBefore(lan, 2)
			s := member(p, g)
			lan.Expect(report2, probe.For())
			p.Wait(wire)
			t := p.Now()
			ready(s.Leave(g), "leaving %s", g)
			p.Wait(prompt)
			left := since(lan, t, message)
			p.That("RFC2236:3-10", "leaves", len(since(lan, t, leave2)), gomega.Equal(1))
			p.That("RFC2236:6-13", "leaves", len(since(lan, t, leave2)), gomega.Equal(1))
			p.That("RFC3376:4-8", "leaves", len(since(lan, t, leave2)), gomega.Equal(1))
			for _, f := range left {
				p.Must("RFC2236:2.1-3", f, igmp.Type.Is(igmp.TypeLeave))
				p.Must("RFC2236:6-17", f, ipv4.Dst.Is(igmp.AllRouters))
				p.Must("RFC2236:9-1", f, ipv4.Dst.Is(igmp.AllRouters))
			}
			if len(left) == 0 {
				for _, req := range []string{"2.1-3", "6-17", "9-1"} {
					p.Fail("RFC2236:"+req, probe.Missing, "a leave")
				}
			}
		})

	suite.It("igmp.v2-leave.idle", "the last host to answer a query tells the routers of leaving, with nothing pending",
		check.Proves("RFC2236:6-14", mutate.Missing(leave2)).And("RFC2236:6-12", mutate.Missing(leave2)).Needs(needs...).Slow(),
		func(p *probe.P) {
			lan := p.IPv4()
			heardBefore(lan, 2)
			s := member(p, g)
			p.Wait(2*unsolicited2 + 5*wire)
			lan.Ask(igmp.GroupQuery(g, 1), report2, probe.For())
			p.Wait(wire)
			ready(s.Leave(g), "leaving %s", g)
			lan.Expect(leave2, probe.For("RFC2236:6-14", "RFC2236:6-12"))
		})

	suite.It("igmp.v2-leave.stops", "leaving a group ends the reports that are due",
		check.Proves("RFC2236:3-13", mutate.Repeat(report2, 2*time.Second)).And("RFC2236:6-13", mutate.Repeat(report2, 2*time.Second)).
			Needs(needs...).Slow(),
		func(p *probe.P) {
			lan := p.IPv4()
			heardBefore(lan, 2)
			s := member(p, g)
			lan.Expect(report2, probe.For())
			lan.Send(igmp.GroupQuery(g, 50))
			ready(s.Leave(g), "leaving %s", g)
			p.Wait(prompt)
			lan.Forget()
			lan.Never(report2, unsolicited2, probe.For("RFC2236:3-13", "RFC2236:6-13"))
		})

	// A leave for a group that is still joined is wrong whoever reported last.
	early := mutate.Forge(heard(), igmp.To(igmp.AllRouters, leave2))
	suite.It("igmp.v2-leave.not-last", "a host that was not the last to report a group may leave it without a word",
		check.Proves("RFC2236:3-11", early).And("RFC2236:3-12", early).And("RFC2236:6-16", early).Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			heardBefore(lan, 2)
			s := member(p, g)
			lan.Expect(report2, probe.For())
			lan.Send(igmp.GroupQuery(g, 100))
			lan.As(1).Send(igmp.Heard(2, g))
			p.Wait(2 * wire)
			before := len(lan.Seen(leave2))
			ready(s.Leave(g), "leaving %s", g)
			p.Wait(prompt)
			n := len(lan.Seen(leave2)) - before
			for _, req := range []string{"3-11", "3-12", "6-16"} {
				p.That("RFC2236:"+req, "leaves of a group that is joined", before, gomega.Equal(0))
				p.That("RFC2236:"+req, "leaves", n, gomega.BeNumerically("<=", 1))
				p.Observed("RFC2236:"+req, "%d leaves after the report of another host", n)
			}
		})
}
