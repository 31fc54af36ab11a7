package igmp

import (
	"net/netip"
	"slices"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/igmp"
	"github.com/conform-stack/conform/harness/probe"
)

// changes are two of one group, the second at once after the report of the first.
type changes struct {
	first  filter // of a group that is not a member's yet
	option string // the second change, by one source
	source netip.Addr
	told   func(group netip.Addr) igmp.Record // the report of the first
}

// reports makes the changes and gives all reports about the group. The first change is to be repeated at a random time within
// a second; once in a hundred times that comes before the second change at most, and another group is tried.
func (c changes) reports(p *probe.P) (reports []*packet.Frame, of netip.Addr) {
	lan := p.IPv4()
	const tries = 4
	for n := range tries {
		group := group(n)
		about := igmp.Report3(igmp.About(group))
		s := wants(p, group, c.first)
		lan.Expect(about, probe.For(), probe.Because("the first change is reported"))
		ready(s.SetSource(c.option, group, c.source), "%s of %s", c.option, group)
		quiet(lan)
		reports := lan.Seen(about)
		if !igmp.SameRecords(at(reports, 1), []igmp.Record{c.told(group)}) {
			return reports, group
		}
		p.Step("the first change was repeated before the second was made")
	}
	p.Inconclusive("the first of two changes was repeated before the second could be made, for each of %d groups", tries)
	return nil, netip.Addr{}
}

// at are the records of a report of a list, none if there is no such report.
func at(reports []*packet.Frame, i int) []igmp.Record {
	if i >= len(reports) {
		return nil
	}
	return igmp.RecordsOf(reports[i])
}

func init() {
	merged := mutate.Field(igmp.Report3(igmp.Tells(igmp.Allow(group(0), a, b))), igmp.Records.Is(igmp.Encode(igmp.Allow(group(0), b))))
	suite.It("igmp.v3-merge.sources", "a further change of sources is merged with the one that is to be repeated",
		check.Proves("RFC3376:5.1-10", merged).
			And("RFC3376:5.1-15", merged).
			And("RFC3376:5.1-11", mutate.Drops(igmp.Report3(igmp.About(group(0))), 2)).
			And("RFC3376:5.1-12", mutate.Field(igmp.Report3(igmp.TellsOnly(igmp.Allow(group(0), b))), igmp.Records.Is(igmp.Encode(igmp.Allow(group(0), a))))).
			Needs(needs...),
		func(p *probe.P) {
			reports, g := changes{
				first: include(a), option: "IP_ADD_SOURCE_MEMBERSHIP", source: b,
				told: func(g netip.Addr) igmp.Record { return igmp.Allow(g, a) },
			}.reports(p)
			is := igmp.SameRecords(at(reports, 1), []igmp.Record{igmp.Allow(g, a, b)})
			p.That("RFC3376:5.1-10", "the second report has the sources of both changes, as the first is due once more", is, gomega.BeTrue())
			p.That("RFC3376:5.1-15", "its record allows all sources with reports due", is, gomega.BeTrue())
			p.That("RFC3376:5.1-11", "reports: of the first change, of both, its repetition", len(reports), gomega.Equal(3))
			allowing := 0
			for i := range reports {
				if slices.ContainsFunc(at(reports, i), func(r igmp.Record) bool {
					return r.Type == igmp.AllowNewSources && slices.Contains(r.Sources, b)
				}) {
					allowing++
				}
			}
			p.That("RFC3376:5.1-12", "reports that allow the second source", allowing, gomega.Equal(2))
		})

	blocked := igmp.Report3(igmp.Tells(igmp.ToEx(group(0), a)))
	suite.It("igmp.v3-merge.mode", "a change of sources after a change of mode does not end the reports of the mode",
		check.Proves("RFC3376:5.1-13", mutate.Field(blocked, igmp.Records.Is(igmp.Encode(igmp.Block(group(0), a))))).
			And("RFC3376:5.1-14", mutate.Field(blocked, igmp.Records.Is(igmp.Encode(igmp.ToEx(group(0), b))))).
			Needs(needs...),
		func(p *probe.P) {
			reports, g := changes{
				first: exclude(), option: "IP_BLOCK_SOURCE", source: a,
				told: func(g netip.Addr) igmp.Record { return igmp.ToEx(g) },
			}.reports(p)
			second := at(reports, 1)
			p.That("RFC3376:5.1-13", "the second report has a record of the mode",
				slices.ContainsFunc(second, func(r igmp.Record) bool { return r.Type == igmp.ChangeToExcludeMode }), gomega.BeTrue())
			p.That("RFC3376:5.1-14", "the record of the mode lists the sources of the present state",
				igmp.SameRecords(second, []igmp.Record{igmp.ToEx(g, a)}), gomega.BeTrue())
		})
}
