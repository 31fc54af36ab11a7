package mld

import (
	"net/netip"
	"slices"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/mld"
	"github.com/conform-stack/conform/harness/probe"
)

// changes are two of one group, the second at once after the report of the first.
type changes struct {
	first  filter // of a group that is not listened to yet
	option string // the second change, by one source
	source netip.Addr
	told   func(group netip.Addr) mld.Record // the report of the first
}

// reports makes the changes and gives all reports about the group. The first change is to be repeated at a random time within
// a second; once in a hundred times that comes before the second change at most, and another group is tried.
func (c changes) reports(p *probe.P) (reports []*packet.Frame, of netip.Addr) {
	lan := p.IPv6()
	quiet(lan)
	const tries = 4
	for n := range tries {
		group := group(n)
		about := mld.Report2(mld.About(group))
		s := wants(p, group, c.first)
		lan.Expect(about, probe.For(), probe.Because("the first change is reported"))
		ready(s.SetSource(c.option, group, c.source), "%s of %s", c.option, group)
		quiet(lan)
		reports := lan.Seen(about)
		if !mld.SameRecords(at(reports, 1), list(c.told(group))) {
			return reports, group
		}
		p.Step("the first change was repeated before the second was made")
	}
	p.Inconclusive("the first of two changes was repeated before the second could be made, for each of %d groups", tries)
	return nil, netip.Addr{}
}

// at are the records of a report of a list, none if there is no such report.
func at(reports []*packet.Frame, i int) []mld.Record {
	if i >= len(reports) {
		return nil
	}
	return mld.RecordsOf(reports[i])
}

func init() {
	first := group(0)
	suite.It("mld.v2-merge.sources", "a further change of sources is merged with the one that is to be repeated",
		proves(
			by(instead(list(mld.Allow(first, a, b)), list(mld.Allow(first, b))), "RFC3810:6.1-11", "RFC3810:6.1-17"),
			by(mutate.Drops(mld.Report2(mld.About(first)), 2), "RFC3810:6.1-12", "RFC3810:6.3-11"),
			by(instead(list(mld.Allow(first, b)), list(mld.Allow(first, a))), "RFC3810:6.1-13"),
			by(instead(list(mld.Allow(first, b)), list(mld.Allow(first, a, b))), "RFC3810:6.3-12"),
		),
		func(p *probe.P) {
			reports, g := changes{
				first: include(a), option: "IP_ADD_SOURCE_MEMBERSHIP", source: b,
				told: func(g netip.Addr) mld.Record { return mld.Allow(g, a) },
			}.reports(p)
			is := mld.SameRecords(at(reports, 1), list(mld.Allow(g, a, b)))
			p.That("RFC3810:6.1-11", "the second report has the sources of both changes, as the first is due once more", is, gomega.BeTrue())
			p.That("RFC3810:6.1-17", "its record allows all sources in retransmission", is, gomega.BeTrue())
			p.That("RFC3810:6.1-12", "reports: of the first change, of both, its repetition", len(reports), gomega.Equal(3))
			p.That("RFC3810:6.3-11", "reports: of the first change, of both, its repetition", len(reports), gomega.Equal(3))
			counts := map[netip.Addr]int{}
			for i := range reports {
				for _, r := range at(reports, i) {
					for _, s := range r.Sources {
						counts[s]++
					}
				}
			}
			p.That("RFC3810:6.1-13", "how often the sources are told of", counts, gomega.Equal(map[netip.Addr]int{a: 2, b: 2}))
			p.That("RFC3810:6.3-12", "the last report has the second source alone", mld.SameRecords(at(reports, 2), list(mld.Allow(g, b))), gomega.BeTrue())
		})

	// Whether the repetition of the mode counts for the source, too, the RFC leaves open: 6.1 says so of every report, 6.3 of
	// records of sources. Either way a record of the source follows.
	blocked := mld.Report2(mld.Tells(mld.ToEx(first, a)))
	suite.It("mld.v2-merge.mode", "a change of sources after a change of mode does not end the reports of the mode",
		proves(
			by(mutate.Field(blocked, mld.Records.Is(mld.Encode(mld.Block(first, a)))), "RFC3810:6.1-14"),
			by(mutate.Field(blocked, mld.Records.Is(mld.Encode(mld.ToEx(first, b)))), "RFC3810:6.1-16"),
			by(mutate.Missing(blocked), "RFC3810:6.3-10"),
			by(mutate.Field(mld.Report2(mld.Tells(mld.Block(first, a))), mld.Records.Is(mld.Encode(mld.ToEx(first, a)))), "RFC3810:6.1-15"),
		),
		func(p *probe.P) {
			reports, g := changes{
				first: exclude(), option: "IP_BLOCK_SOURCE", source: a,
				told: func(g netip.Addr) mld.Record { return mld.ToEx(g) },
			}.reports(p)
			second := at(reports, 1)
			modes := 0
			for i := range reports {
				if slices.ContainsFunc(at(reports, i), func(r mld.Record) bool { return r.Type == mld.ChangeToExcludeMode }) {
					modes++
				}
			}
			p.That("RFC3810:6.1-14", "the second report has a record of the mode",
				slices.ContainsFunc(second, func(r mld.Record) bool { return r.Type == mld.ChangeToExcludeMode }), gomega.BeTrue())
			p.That("RFC3810:6.1-16", "the record of the mode lists the sources of the present state",
				mld.SameRecords(second, list(mld.ToEx(g, a))), gomega.BeTrue())
			p.That("RFC3810:6.3-10", "reports with a record of the mode", modes, gomega.BeNumerically(">=", 2))
			p.That("RFC3810:6.1-15", "the report behind those of the mode has a record of the source",
				mld.SameRecords(at(reports, 2), list(mld.Block(g, a))), gomega.BeTrue())
		})
}
