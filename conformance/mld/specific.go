package mld

import (
	"fmt"
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/mld"
	"github.com/conform-stack/conform/harness/probe"
)

// A question is a query for sources of a group to a host in a state (the table of RFC 3810, section 6.3).
type question struct {
	name  string
	state filter
	asked []netip.Addr
	want  []mld.Record // one record, or none at all
}

func (q question) String() string { return q.name }

var included = []question{
	{"some", include(a, b), []netip.Addr{b, c}, list(mld.IsIn(g, b))},
	{"all", include(a, b), []netip.Addr{a, b}, list(mld.IsIn(g, a, b))},
	{"none", include(a, b), []netip.Addr{c}, nil},
}

var excluded = []question{
	{"some", exclude(a, b), []netip.Addr{b, c}, list(mld.IsIn(g, c))},
	{"all", exclude(a, b), []netip.Addr{a, b}, nil},
	{"none", exclude(), []netip.Addr{a, b}, list(mld.IsIn(g, a, b))},
}

// tells asserts for requirements that the question has its answer.
func (q question) tells(p *probe.P, requirements ...string) {
	lan := p.IPv6()
	wants(p, g, q.state)
	quiet(lan)
	t := p.Now()
	lan.Send(mld.SpecificQuery2(g, haste, q.asked...))
	p.Wait(hasty + 5*wire)
	told := recordsSince(lan, t, g)
	matcher := gomega.BeEmpty()
	if len(q.want) > 0 {
		matcher = gomega.HaveExactElements(gomega.Satisfy(q.want[0].Equal))
	}
	for _, req := range requirements {
		p.That(req, fmt.Sprintf("the answer, which should be %v", q.want), told, matcher)
	}
}

func init() {
	suite.It("mld.v2-specific.group", "a query for a group is answered with the whole state of that group only",
		proves(
			by(instead(list(mld.IsEx(g, a)), list(mld.IsEx(g))), "RFC3810:6.3-5"),
			by(instead(list(mld.IsEx(g, a)), list(mld.IsEx(g, a), mld.IsEx(group(2)))), "RFC3810:5.1.13-1"),
			by(mutate.Misreads(query2(), mld.Sources.Is(b.AsSlice())), "RFC3810:5.1.10-1"),
		),
		func(p *probe.P) {
			lan := p.IPv6()
			wants(p, g, exclude(a))
			member(p, group(2))
			quiet(lan)
			f := lan.Ask(mld.SpecificQuery2(g, haste), aboutG, probe.For())
			for _, req := range []string{"6.3-5", "5.1.13-1", "5.1.10-1"} {
				p.Must("RFC3810:"+req, f, mld.TellsOnly(mld.IsEx(g, a)))
			}
		})

	unasked := mutate.Forge(query2(mld.Sources.Is(c.AsSlice())), tells(mld.IsIn(g)))
	check.Grid(suite, "mld.v2-specific.included", "a query for sources is answered with those that are included of them, if any",
		proves(
			by(instead(list(mld.IsIn(g, b)), list(mld.IsIn(g, a, b))), "RFC3810:6.3-6"),
			by(unasked, "RFC3810:6.3-8", "RFC3810:5.2.12-2"),
			by(mutate.Misreads(query2(mld.QueryGroup.Is(g)), mld.Sources.Is(nil)), "RFC3810:5.1.13-1"),
		),
		included,
		func(p *probe.P, q question) {
			q.tells(p, "RFC3810:6.3-6", "RFC3810:6.3-8", "RFC3810:5.2.12-2", "RFC3810:5.1.13-1")
		})

	check.Grid(suite, "mld.v2-specific.excluded", "a query for sources is answered with those that are not excluded of them, if any",
		proves(by(instead(list(mld.IsIn(g, c)), list(mld.IsEx(g, a, b))), "RFC3810:6.3-7")),
		excluded,
		func(p *probe.P, q question) { q.tells(p, "RFC3810:6.3-7") })

	// Each pair is one long query, whose answer comes within the first tenth of a second one time in a hundred, and a short
	// one. That one answer comes, and which, is the same in either order.
	whole := mld.Report2(mld.Tells(mld.IsIn(g, a, b)))
	check.Grid(suite, "mld.v2-specific.pending-group", "a query for a group beside one for sources has one answer about the whole group, at the earlier time",
		proves(
			by(mutate.Field(whole, mld.Records.Is(mld.Encode(mld.IsIn(g, a)))), "RFC3810:6.2-11"),
		),
		[]string{"sources-first", "group-first"},
		func(p *probe.P, order string) {
			lan := p.IPv6()
			wants(p, g, include(a, b))
			quiet(lan)
			t := p.Now()
			if order == "sources-first" {
				lan.Send(mld.SpecificQuery2(g, 10*second, a))
				lan.Send(mld.SpecificQuery2(g, haste))
			} else {
				lan.Send(mld.SpecificQuery2(g, 10*second))
				lan.Send(mld.SpecificQuery2(g, haste, a))
			}
			f := lan.Expect(aboutG)
			p.Between("RFC3810:6.2-11", "from the queries to the answer", f.At-t, 0, hasty)
			p.Must("RFC3810:6.2-11", f, mld.TellsOnly(mld.IsIn(g, a, b)))
		})

	suite.It("mld.v2-specific.pending-sources", "a query for sources beside one for others has one answer about all of them, at the earlier time",
		proves(by(mutate.Field(whole, mld.Records.Is(mld.Encode(mld.IsIn(g, b)))), "RFC3810:6.2-12")),
		func(p *probe.P) {
			lan := p.IPv6()
			wants(p, g, include(a, b, c))
			quiet(lan)
			t := p.Now()
			lan.Send(mld.SpecificQuery2(g, 10*second, a))
			lan.Send(mld.SpecificQuery2(g, haste, b))
			f := lan.Expect(aboutG)
			p.Between("RFC3810:6.2-12", "from the queries to the answer", f.At-t, 0, hasty)
			p.Must("RFC3810:6.2-12", f, mld.TellsOnly(mld.IsIn(g, a, b)))
		})

	suite.It("mld.v2-specific.forgotten", "an answer ends what was recorded of the sources asked for",
		proves(by(instead(list(mld.IsIn(g, b)), list(mld.IsIn(g, a, b))), "RFC3810:6.3-9")),
		func(p *probe.P) {
			lan := p.IPv6()
			wants(p, g, include(a, b))
			quiet(lan)
			lan.Ask(mld.SpecificQuery2(g, haste, a), aboutG, probe.For())
			f := lan.Ask(mld.SpecificQuery2(g, haste, b), aboutG, probe.For())
			p.Must("RFC3810:6.3-9", f, mld.TellsOnly(mld.IsIn(g, b)))
		})
}
