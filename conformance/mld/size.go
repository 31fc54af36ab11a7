package mld

import (
	"net/netip"
	"time"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/mld"
	"github.com/conform-stack/conform/harness/probe"
)

// fits asserts that the reports of an answer are no longer than the link takes, and gives their records about groups of the
// suite.
func fits(lan *probe.Tester, requirement string) (rs []mld.Record, reports int) {
	t := lan.Now()
	lan.Send(mld.GeneralQuery2(haste))
	lan.Wait(hasty + 10*wire)
	for _, f := range since(lan, t, anyReport) {
		for _, r := range mld.RecordsOf(f) {
			if suites.Contains(r.Group) {
				rs = append(rs, r)
			}
		}
		reports++
		lan.Must(requirement, f, ipv6.PayloadLength.Where("what the link takes", func(n uint) bool { return n+40 <= uint(lan.Net().MTU) }))
	}
	lan.That(requirement, "fragments", since(lan, t, ipv6.Fragment()), gomega.BeEmpty())
	return rs, reports
}

var suites = netip.PrefixFrom(group(0), 112)

// ofState are reports of a state of g.
func ofState(kind byte) packet.Template {
	return mld.Report2(mld.About(g), mld.Records.Where("of a state", func(b []byte) bool { return len(b) > 0 && b[0] == kind }))
}

func init() {
	const many = 60 // records of 52 octets: more than an Ethernet frame holds, where targets may have room for 64 groups
	suite.It("mld.v2-size.records", "records that do not fit into one report are spread over several",
		proves(by(mutate.Field(mld.Report2(mld.Tells(mld.IsIn(group(57), a, b))), mld.Records.Is(mld.Encode(mld.IsIn(group(56), a, b)))), "RFC3810:5.2.15-1")),
		func(p *probe.P) {
			lan := p.IPv6()
			for n := 0; n < many; n += 20 {
				s := p.Open("inet6", "dgram", 0)
				for i := range 20 {
					for _, src := range []netip.Addr{a, b} {
						room(p, s.SetSource("IP_ADD_SOURCE_MEMBERSHIP", group(n+i), src), "joining %s for %s", group(n+i), src)
					}
				}
			}
			quiet(lan)
			rs, reports := fits(lan, "RFC3810:5.2.15-1")
			told := map[netip.Addr]bool{}
			for _, r := range rs {
				told[r.Group] = true
			}
			p.That("RFC3810:5.2.15-1", "groups that are told of", len(told), gomega.Equal(many))
			p.That("RFC3810:5.2.15-1", "reports", reports, gomega.BeNumerically(">", 1))
		})

	// Several sockets, as the list of a single one may be limited.
	suite.It("mld.v2-size.included", "an INCLUDE record that does not fit into one report is split over several",
		proves(by(mutate.Drops(ofState(mld.ModeIsInclude), 1), "RFC3810:5.2.15-2")).Slow(),
		func(p *probe.P) {
			lan := p.IPv6()
			want := map[netip.Addr]bool{}
			for n := range 20 {
				s := p.Open("inet6", "dgram", 0)
				for i := range 10 {
					src := source(10*n + i)
					want[src] = true
					room(p, s.SetSource("IP_ADD_SOURCE_MEMBERSHIP", g, src), "joining %s for %s", g, src)
				}
			}
			quiet(lan)
			rs, reports := fits(lan, "RFC3810:5.2.15-2")
			told := map[netip.Addr]bool{}
			for _, r := range rs {
				p.That("RFC3810:5.2.15-2", "the type of the records", r.Type, gomega.BeEquivalentTo(mld.ModeIsInclude))
				for _, src := range r.Sources {
					told[src] = true
				}
			}
			p.That("RFC3810:5.2.15-2", "sources that are told of", told, gomega.Equal(want))
			p.That("RFC3810:5.2.15-2", "reports", reports, gomega.BeNumerically(">", 1))
		})

	// The list has to be longer than a report, 89 sources on Ethernet, which a target may refuse.
	suite.It("mld.v2-size.excluded", "an EXCLUDE record that does not fit into one report is sent once, with what fits of it",
		proves(
			by(mutate.Repeat(ofState(mld.ModeIsExclude), time.Millisecond), "RFC3810:5.2.15-3"),
		),
		func(p *probe.P) {
			lan := p.IPv6()
			s := member(p, g)
			var sources []netip.Addr
			for n := range 100 {
				sources = append(sources, source(n))
			}
			if err := s.SetFilter(g, true, sources...); err != nil {
				p.Observed("RFC3810:5.2.15-3", "the target takes no list of 100 sources, which would be more than a report holds: %v", err)
				return
			}
			quiet(lan)
			rs, _ := fits(lan, "RFC3810:5.2.15-3")
			p.That("RFC3810:5.2.15-3", "records about the group", len(rs), gomega.Equal(1))
			p.That("RFC3810:5.2.15-3", "its sources", len(rs[0].Sources), gomega.Equal((p.Net().MTU-40-8-8-20)/16))
		})
}
