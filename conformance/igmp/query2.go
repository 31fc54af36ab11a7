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
	"github.com/conform-stack/conform/harness/probe"
)

// idle2 makes the target a member of groups with a querier of version 2. The report of joining is suppressed by another host's,
// so that nothing is due: the timer would run for 10 s.
func idle2(p *probe.P, groups ...netip.Addr) *probe.Tester {
	lan := p.IPv4()
	heardBefore(lan, 2)
	member(p, groups...)
	p.Wait(prompt)
	for _, g := range groups {
		lan.As(1).Send(igmp.Heard(2, g))
	}
	p.Wait(wire)
	lan.Forget()
	return lan
}

func query2(maxRespTime uint) func(int) packet.Template {
	return func(n int) packet.Template { return igmp.GroupQuery(group(n), maxRespTime) }
}

func report(n int) packet.Template { return aboutGroup(2, group(n)) }

func groups(n int) (gs []netip.Addr) {
	for i := range n {
		gs = append(gs, group(i))
	}
	return gs
}

func init() {
	general := igmp.Message(igmp.Type.Is(igmp.TypeQuery), igmp.Group.Is(netip.IPv4Unspecified()))
	ofGroup := igmp.Message(igmp.Type.Is(igmp.TypeQuery), igmp.Group.Is(g))
	suite.It("igmp.v2-query.general", "a general query is answered with a report of each group but 224.0.0.1",
		check.Proves("RFC2236:3-2", mutate.Missing(report(2))).
			And("RFC2236:6-9", mutate.Missing(report(2))).
			And("RFC2236:2.1-1", mutate.Misreads(general, igmp.Group.Is(group(0)))).
			And("RFC2236:6-21", mutate.Field(report(2), igmp.Group.Is(igmp.AllSystems))).
			And("RFC2236:6-6", mutate.Ignores(general)).
			Needs(needs...),
		func(p *probe.P) {
			lan := idle2(p, groups(3)...)
			t := p.Now()
			lan.Send(igmp.GeneralQuery(1))
			p.Wait(tenth + 5*wire)
			for n := range 3 {
				for _, req := range []string{"3-2", "6-9", "2.1-1", "6-6"} {
					p.That("RFC2236:"+req, "reports of "+group(n).String(), len(since(lan, t, report(n))), gomega.Equal(1))
				}
			}
			p.That("RFC2236:6-21", "reports of 224.0.0.1", lan.Seen(aboutGroup(2, igmp.AllSystems)), gomega.BeEmpty())
		})

	suite.It("igmp.v2-query.group", "a query for a group is answered with a report of that group only, if it is joined",
		check.Proves("RFC2236:3-4", mutate.Misreads(ofGroup, igmp.Group.Is(netip.IPv4Unspecified()))).
			And("RFC2236:6-3", mutate.Gullible()).
			And("RFC2236:2.4-1", mutate.Misreads(ofGroup, igmp.Group.Is(netip.IPv4Unspecified()))).
			And("RFC2236:2.1-1", mutate.Misreads(ofGroup, igmp.Group.Is(netip.IPv4Unspecified()))).
			Needs(needs...),
		func(p *probe.P) {
			lan := idle2(p, g, group(2))
			t := p.Now()
			lan.Send(igmp.GroupQuery(g, 1))
			p.Wait(tenth + 5*wire)
			for _, req := range []string{"3-4", "2.1-1", "2.4-1"} {
				p.That("RFC2236:"+req, "reports of the group", len(since(lan, t, report2)), gomega.Equal(1))
				p.That("RFC2236:"+req, "reports of another group", since(lan, t, report(2)), gomega.BeEmpty())
			}
			lan.Silent(igmp.GroupQuery(group(3), 1), igmp.GroupQuery(g, 1), message, probe.Delayed(tenth), probe.For("RFC2236:6-3"))
		})

	// Of twenty random delays all are in one half of the range with a probability of 2^-19.
	suite.It("igmp.v2-query.delay", "a report is put off by a random part of the Max Response Time",
		check.Proves("RFC2236:3-3", mutate.Punctual(igmp.Report(2), v2Query, time.Second)).
			And("RFC2236:6-19", mutate.Punctual(igmp.Report(2), v2Query, time.Second)).
			And("RFC2236:2.2-1", mutate.Misreads(igmp.Message(igmp.MaxRespTime.Is(10)), igmp.MaxRespTime.Is(100))).
			Needs(needs...),
		func(p *probe.P) {
			lan := idle2(p, groups(20)...)
			ds := delays(lan, 15*tenth, query2(10), report)
			p.That("RFC2236:2.2-1", "reports upon queries with a Max Response Time of 10", len(ds), gomega.Equal(20))
			p.Between("RFC2236:2.2-1", "the longest delay of twenty", longest(ds), 0, time.Second+wire)
			both := kit.Spread(ds, time.Second)
			p.That("RFC2236:3-3", "some delays are shorter and some longer than half of the Max Response Time", both, gomega.BeTrue())
			p.That("RFC2236:6-19", "some delays are shorter and some longer than half of the Max Response Time", both, gomega.BeTrue())
		})

	// With an exponent 144 would be 25.6 s; all of twenty random delays would be within 14.4 s with a probability of
	// (14.4/25.6)^20, 10^-5.
	suite.It("igmp.v2-query.delay-linear", "the Max Response Time of version 2 has no exponent",
		check.Proves("RFC3376:7.2.1-12", mutate.Misreads(igmp.Message(igmp.MaxRespTime.Is(144)), igmp.MaxRespTime.Is(255))).Needs(needs...).Slow(),
		func(p *probe.P) {
			lan := idle2(p, groups(20)...)
			ds := delays(lan, 144*tenth+overdue, query2(144), report)
			p.That("RFC3376:7.2.1-12", "reports of twenty groups", len(ds), gomega.Equal(20))
			p.Between("RFC3376:7.2.1-12", "the longest delay of twenty", longest(ds), 0, 144*tenth+wire)
		})

	suite.It("igmp.v2-query.sooner", "a query with a shorter time than is left sets the timer anew",
		check.Proves("RFC2236:3-5", mutate.Lags(report2, 1, 2*time.Second)).And("RFC2236:6-10", mutate.Lags(report2, 1, 2*time.Second)).Needs(needs...),
		func(p *probe.P) {
			lan := idle2(p, g)
			t := p.Now()
			lan.Send(igmp.GroupQuery(g, 255))
			lan.Send(igmp.GroupQuery(g, 1))
			f := lan.Expect(report2, probe.For())
			p.Between("RFC2236:3-5", "from the queries to the report", f.At-t, 0, tenth+wire)
			p.Between("RFC2236:6-10", "from the queries to the report", f.At-t, 0, tenth+wire)
		})

	// A target that always took the later time would be within 0.2 s once in a hundred times.
	suite.It("igmp.v2-query.later", "a query with a longer time than is left leaves the timer as it is",
		check.Proves("RFC2236:3-5", mutate.Lags(report2, 1, 2*time.Second)).And("RFC2236:6-10", mutate.Lags(report2, 1, 2*time.Second)).Needs(needs...),
		func(p *probe.P) {
			lan := idle2(p, g)
			t := p.Now()
			lan.Send(igmp.GroupQuery(g, 2))
			lan.Send(igmp.GroupQuery(g, 255))
			f := lan.Expect(report2, probe.For())
			p.Between("RFC2236:3-5", "from the queries to the report", f.At-t, 0, 2*tenth+wire)
			p.Between("RFC2236:6-10", "from the queries to the report", f.At-t, 0, 2*tenth+wire)
		})

	check.Grid(suite, "igmp.v2-query.checksum", "a message with a wrong checksum is ignored",
		check.Proves("RFC2236:2.3-3", mutate.Gullible()).And("RFC2236:6-2", mutate.Gullible()).Needs(needs...),
		[]uint{0x0001, 0x8000, 0xffff},
		func(p *probe.P, flip uint) {
			lan := idle2(p, g)
			good := igmp.GroupQuery(g, 1)
			right, _ := igmp.Checksum.Of(kit.Framed(lan, good))
			lan.Silent(good.With(igmp.Checksum.Is(right^flip)), good, message, probe.Delayed(tenth), probe.For("RFC2236:2.3-3", "RFC2236:6-2"))
		})

	check.Grid(suite, "igmp.v2-query.type", "a message of an unknown type is ignored",
		check.Proves("RFC2236:2.1-5", mutate.Gullible()).And("RFC2236:6-6", mutate.Gullible()).And("RFC1112:I-17", mutate.Gullible()).Needs(needs...),
		[]uint{0x00, 0x10, 0x13, 0x18, 0x42, 0xff},
		func(p *probe.P, v uint) {
			good := igmp.GroupQuery(g, 1)
			idle2(p, g).Silent(good.With(igmp.Type.Is(v)), good, message, probe.Delayed(tenth),
				probe.For("RFC2236:2.1-5", "RFC2236:6-6", "RFC1112:I-17"))
		})

	suite.It("igmp.v2-query.short", "a message of less than 8 octets is ignored",
		check.Proves("RFC2236:6-2", mutate.Gullible()).And("RFC1112:I-20", mutate.Gullible()).Needs(needs...),
		func(p *probe.P) {
			idle2(p, g).Silent(octetsOf(7), igmp.GeneralQuery(1), message, probe.Delayed(tenth), probe.For("RFC2236:6-2", "RFC1112:I-20"))
		})
}
