package igmp

import (
	"net/netip"
	"slices"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/igmp"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// aboutGroup is the report of the given version that tells of a member of a group.
func aboutGroup(version int, group netip.Addr) packet.Template {
	if version == 3 {
		return igmp.Report3(igmp.About(group))
	}
	return igmp.Report(version, igmp.Group.Is(group))
}

// speaks joins a group that is not joined yet and tells the version of the report; 0 when none comes soon.
func speaks(lan *probe.Tester, group netip.Addr) int {
	t := lan.Now()
	member(lan.P, group)
	lan.Wait(prompt + wire)
	for _, version := range []int{1, 2, 3} {
		if len(since(lan, t, aboutGroup(version, group))) > 0 {
			return version
		}
	}
	return 0
}

// v1Query and v2Query are the queries of the older versions as a target gets them.
var (
	v1Query = igmp.Message(igmp.Type.Is(igmp.TypeQuery), igmp.MaxRespTime.Is(0))
	v2Query = igmp.Message(igmp.Type.Is(igmp.TypeQuery), igmp.MaxRespTime.Not(0))
)

func init() {
	suite.It("igmp.version.default", "a host that has heard no older querier speaks version 3",
		check.Proves("RFC3376:7.2.1-5", mutate.Missing(anyReport3)).Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			lan.Send(igmp.GeneralQuery3(1))
			p.That("RFC3376:7.2.1-5", "the version of the report", speaks(lan, g), gomega.Equal(3))
		})

	suite.It("igmp.version.v1", "after a query of version 1 the host speaks version 1 at once",
		check.Proves("RFC3376:7.1-1", mutate.Misreads(v1Query, igmp.MaxRespTime.Is(1))).
			And("RFC3376:7.2.1-1", mutate.Ignores(v1Query)).
			And("RFC3376:7.2.1-3", mutate.Ignores(v1Query)).
			And("RFC3376:7.2.1-8", mutate.Ignores(v1Query)).
			And("RFC3376:4-6", mutate.Missing(igmp.Report(1))).
			And("RFC2236:4-5", mutate.Ignores(v1Query)).
			And("RFC2236:6-18", mutate.Ignores(v1Query)).
			And("RFC2236:6-23", mutate.Ignores(v1Query)).
			And("RFC2236:2.1-4", mutate.Missing(igmp.Report(1))).
			Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			lan.Send(igmp.V1Query())
			v := speaks(lan, g)
			for _, req := range []string{
				"RFC3376:7.1-1", "RFC3376:7.2.1-1", "RFC3376:7.2.1-3", "RFC3376:7.2.1-8", "RFC3376:4-6",
				"RFC2236:4-5", "RFC2236:6-18", "RFC2236:6-23", "RFC2236:2.1-4",
			} {
				p.That(req, "the version of the report", v, gomega.Equal(1))
			}
		})

	suite.It("igmp.version.v2", "after a general query of version 2 the host speaks version 2 at once",
		check.Proves("RFC3376:7.1-2", mutate.Misreads(v2Query, igmp.MaxRespTime.Is(0))).
			And("RFC3376:7.2.1-1", mutate.Ignores(v2Query)).
			And("RFC3376:7.2.1-4", mutate.Ignores(v2Query)).
			And("RFC3376:7.2.1-8", mutate.Ignores(v2Query)).
			And("RFC3376:4-7", mutate.Missing(igmp.Report(2))).
			And("RFC2236:2.1-2", mutate.Missing(igmp.Report(2))).
			And("RFC2236:6-22", mutate.Misreads(v2Query, igmp.MaxRespTime.Is(0))).
			Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			lan.Send(igmp.GeneralQuery(1))
			v := speaks(lan, g)
			for _, req := range []string{
				"RFC3376:7.1-2", "RFC3376:7.2.1-1", "RFC3376:7.2.1-4", "RFC3376:7.2.1-8", "RFC3376:4-7", "RFC2236:2.1-2", "RFC2236:6-22",
			} {
				p.That(req, "the version of the report", v, gomega.Equal(2))
			}
		})

	suite.It("igmp.version.v2-group", "a query of version 2 for a group does not change the version",
		check.Proves("RFC3376:7.2.1-4", mutate.Misreads(v2Query, igmp.Group.Is(netip.IPv4Unspecified()),
			ipv4.Dst.Is(igmp.AllSystems), ethernet.Dst.Is(mapped(igmp.AllSystems)))).Needs(needs...),
		func(p *probe.P) {
			lan := asked(p)
			lan.Send(igmp.GroupQuery(g, 1))
			p.That("RFC3376:7.2.1-4", "the version of the report", speaks(lan, group(2)), gomega.Equal(3))
		})

	check.Grid(suite, "igmp.version.v1-stays", "a query of a newer version does not end version 1",
		check.Proves("RFC2236:4-4", mutate.Ignores(v1Query)).
			And("RFC3376:7.2.1-3", mutate.Ignores(v1Query)).
			Needs(needs...),
		[]int{2, 3},
		func(p *probe.P, newer int) {
			lan := p.IPv4()
			lan.Send(igmp.V1Query())
			if newer == 2 {
				lan.Send(igmp.GeneralQuery(1))
			} else {
				lan.Send(igmp.GeneralQuery3(1))
			}
			v := speaks(lan, g)
			p.That("RFC2236:4-4", "the version of the report", v, gomega.Equal(1))
			p.That("RFC3376:7.2.1-3", "the version of the report", v, gomega.Equal(1))
		})

	suite.It("igmp.version.interface", "the version is kept for each interface",
		check.Proves("RFC3376:7.2.1-2", mutate.Ignores(v1Query)).And("RFC2236:4-2", mutate.Ignores(v1Query)).Needs(needs...).Needs(target.SecondLink),
		func(p *probe.P) {
			lan := p.IPv4()
			other := lan.Link(1)
			lan.Send(igmp.V1Query())
			s := p.Open("inet", "dgram", 0)
			ready(s.JoinOn(other.TargetIP(), g), "joining %s on the second link", g)
			other.Expect(aboutGroup(3, g), probe.For("RFC3376:7.2.1-2"), probe.Because("no querier of version 1 was heard there"))
			v := speaks(lan, group(2))
			p.That("RFC3376:7.2.1-2", "the version of the report on the first link", v, gomega.Equal(1))
			p.That("RFC2236:4-2", "the version of the report on the first link", v, gomega.Equal(1))
		})

	// What is cancelled would come at a random time, before the query of version 2 once in some hundred times.
	suite.It("igmp.version.cancels-repetition", "a change of version cancels the repetition that is due",
		check.Proves("RFC3376:7.2.1-13", mutate.Repeat(anyReport3, 500*time.Millisecond)).Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			member(p, g)
			lan.Expect(igmp.Report3(igmp.About(g)), probe.For())
			lan.Send(igmp.GeneralQuery(100))
			p.Wait(wire)
			lan.Forget()
			lan.Never(anyReport3, unsolicited3+wire)
		})

	suite.It("igmp.version.cancels-answer", "a change of version cancels the answer that is due",
		check.Proves("RFC3376:7.2.1-13", mutate.Forge(v2Query, igmp.To(igmp.AllV3Routers, anyReport3))).Needs(needs...),
		func(p *probe.P) {
			lan := asked(p)
			lan.Send(igmp.GeneralQuery3(20))
			lan.Send(igmp.GeneralQuery(100))
			lan.Never(anyReport3, 2*time.Second+wire)
		})

	// The last query of version 3 sets the Query Interval to 2 s, so that with the Robustness Variable of 2 the older
	// versions last for 4 s and a Query Response Interval, which is that of the queries, 1 s, or the default, 10 s. The
	// version is looked at twice a second.
	begin := ipv4.Dst.Is(igmp.AllSystems)
	suite.It("igmp.version.timeout", "an older version ends when no query of it has been heard for the time that follows from the last one",
		check.Proves("RFC3376:8.12-1", mutate.Misreads(is().With(begin), igmp.QQIC.Is(20))).
			And("RFC3376:7.2.1-6", mutate.Ignores(v1Query)).
			And("RFC3376:7.2.1-7", mutate.Misreads(is().With(begin), igmp.QQIC.Is(20))).
			And("RFC2236:4-3", mutate.Misreads(is().With(begin), igmp.QQIC.Is(20))).
			And("RFC2236:6-24", mutate.Misreads(is().With(begin), igmp.QQIC.Is(20))).
			Needs(needs...).Slow(),
		func(p *probe.P) {
			lan := p.IPv4()
			const step, least, most = 500 * time.Millisecond, 5 * time.Second, 14 * time.Second
			lan.Send(igmp.GeneralQuery3(10).With(igmp.QQIC.Is(2)))
			p.Wait(step)
			v1, v2 := p.Now(), time.Duration(0)
			lan.Send(igmp.V1Query())
			ends := map[int]time.Duration{} // when another version than each has been seen first
			var seen []int
			for n := 0; p.Now() < v1+2*time.Second+most+2*step; n++ {
				if v2 == 0 && p.Now() >= v1+2*time.Second {
					v2 = p.Now()
					lan.Send(igmp.GeneralQuery(10))
				}
				at, v := p.Now(), speaks(lan, group(n))
				if len(seen) == 0 || seen[len(seen)-1] != v {
					if len(seen) > 0 {
						ends[seen[len(seen)-1]] = at
					}
					seen = append(seen, v)
				}
				p.Wait(at + step - p.Now())
			}
			p.Step("the versions were %v", seen)
			whole := slices.Equal(seen, []int{1, 2, 3})
			p.That("RFC3376:7.2.1-6", "version 1, then 2 as its time goes on, then 3", whole, gomega.BeTrue())
			p.That("RFC3376:7.2.1-7", "the last version", seen[len(seen)-1], gomega.Equal(3))
			p.That("RFC2236:4-3", "the first version, and that it ends", seen[0] == 1 && len(seen) > 1, gomega.BeTrue())
			p.That("RFC2236:6-24", "the version after version 1", len(seen) > 1 && seen[1] == 2, gomega.BeTrue())
			p.Between("RFC3376:8.12-1", "version 1 after its query", ends[1]-v1, least-2*wire, most+2*step)
			p.Between("RFC3376:8.12-1", "version 2 after its query", ends[2]-v2, least-2*wire, most+2*step)
		})

	// QQIC 0x90 is 256 s: version 2 lasts for 512 s and more, and less than 300 s if it is taken for 144 s.
	suite.It("igmp.version.timeout-exponent", "a QQIC from 128 has an exponent and a mantissa",
		check.Proves("RFC3376:4.1.7-1", mutate.Misreads(is().With(begin), igmp.QQIC.Is(127))).Needs(needs...).Slow(),
		func(p *probe.P) {
			lan := p.IPv4()
			lan.Send(igmp.GeneralQuery3(10).With(igmp.QQIC.Is(0x90)))
			p.Wait(wire)
			lan.Send(igmp.GeneralQuery(10))
			p.Wait(300 * time.Second)
			p.That("RFC3376:4.1.7-1", "the version of the report", speaks(lan, g), gomega.Equal(2))
		})
}
