package igmp

import (
	"fmt"
	"net/netip"

	"github.com/onsi/gomega"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/igmp"
	"github.com/conform-stack/conform/harness/probe"
)

// A question is a group-and-source-specific query to a host in a state.
type question struct {
	name  string
	state filter
	asked []netip.Addr
	want  []igmp.Record // one record, or none at all
}

func (q question) String() string { return q.name }

var included = []question{
	{"some", include(a, b), []netip.Addr{b, c}, one(igmp.IsIn(g, b))},
	{"all", include(a, b), []netip.Addr{a, b}, one(igmp.IsIn(g, a, b))},
	{"none", include(a, b), []netip.Addr{c}, nil},
}

var excluded = []question{
	{"some", exclude(a, b), []netip.Addr{b, c}, one(igmp.IsIn(g, c))},
	{"all", exclude(a, b), []netip.Addr{a, b}, nil},
	{"none", exclude(), []netip.Addr{a, b}, one(igmp.IsIn(g, a, b))},
}

// tells asserts for requirements that the question has its answer.
func (q question) tells(p *probe.P, requirements ...string) {
	lan := p.IPv4()
	wants(p, g, q.state)
	quiet(lan)
	t := p.Now()
	lan.Send(igmp.SpecificQuery3(g, 1, q.asked...))
	p.Wait(tenth + 5*wire)
	var told []igmp.Record
	for _, f := range since(lan, t, anyReport3) {
		told = append(told, igmp.RecordsOf(f)...)
	}
	matcher := gomega.BeEmpty()
	if len(q.want) > 0 {
		matcher = gomega.HaveExactElements(gomega.Satisfy(q.want[0].Equal))
	}
	for _, req := range requirements {
		p.That(req, fmt.Sprintf("the answer, which should be %v", q.want), told, matcher)
	}
}

func init() {
	suite.It("igmp.v3-specific.group", "a query for a group is answered with the whole state of that group only",
		check.Proves("RFC3376:5.2-5", mutate.Missing(igmp.Report3(igmp.Tells(igmp.IsEx(g, a))))).
			And("RFC3376:5.2-12", instead(one(igmp.IsEx(g, a)), []igmp.Record{igmp.IsEx(g, a), igmp.IsEx(group(2))})).
			And("RFC3376:4.1.8-1", mutate.Misreads(is(), igmp.Sources.Is(b.AsSlice()))).
			Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			wants(p, g, exclude(a))
			member(p, group(2))
			quiet(lan)
			f := lan.Ask(igmp.SpecificQuery3(g, 1), igmp.Report3(igmp.About(g)), probe.For("RFC3376:5.2-5"))
			p.Must("RFC3376:5.2-12", f, igmp.TellsOnly(igmp.IsEx(g, a)))
			p.Must("RFC3376:4.1.8-1", f, igmp.TellsOnly(igmp.IsEx(g, a)))
		})

	unasked := mutate.Forge(is(igmp.Sources.Is(c.AsSlice())), igmp.To(igmp.AllV3Routers, igmp.Report3(igmp.Records.Is(igmp.Encode(igmp.IsIn(g))))))
	check.Grid(suite, "igmp.v3-specific.included", "a query for sources is answered with those that are included of them, if any",
		check.Proves("RFC3376:5.2-13", instead(one(igmp.IsIn(g, b)), one(igmp.IsIn(g, a, b)))).
			And("RFC3376:5.2-15", unasked).
			And("RFC3376:4.1.8-2", mutate.Misreads(is(igmp.Query3Group.Is(g)), igmp.Sources.Is(nil))).
			Needs(needs...),
		included,
		func(p *probe.P, q question) { q.tells(p, "RFC3376:5.2-13", "RFC3376:5.2-15", "RFC3376:4.1.8-2") })

	check.Grid(suite, "igmp.v3-specific.excluded", "a query for sources is answered with those that are not excluded of them, if any",
		check.Proves("RFC3376:5.2-14", instead(one(igmp.IsIn(g, c)), one(igmp.IsEx(g, a, b)))).Needs(needs...),
		excluded,
		func(p *probe.P, q question) { q.tells(p, "RFC3376:5.2-14") })

	// Each pair is one long query, whose answer comes within the first tenth of a second one time in a hundred, and a short
	// one. That one answer comes, and which, is the same in either order.
	whole := igmp.Report3(igmp.Tells(igmp.IsIn(g, a, b)))
	check.Grid(suite, "igmp.v3-specific.pending-group", "a query for a group on top of one for sources has one answer about the whole group, at the earlier time",
		check.Proves("RFC3376:5.2-6", mutate.Field(whole, igmp.Records.Is(igmp.Encode(igmp.IsIn(g, a))))).Needs(needs...),
		[]string{"sources-first", "group-first"},
		func(p *probe.P, order string) {
			lan := p.IPv4()
			wants(p, g, include(a, b))
			quiet(lan)
			t := p.Now()
			if order == "sources-first" {
				lan.Send(igmp.SpecificQuery3(g, 100, a))
				lan.Send(igmp.SpecificQuery3(g, 1))
			} else {
				lan.Send(igmp.SpecificQuery3(g, 100))
				lan.Send(igmp.SpecificQuery3(g, 1, a))
			}
			f := lan.Expect(igmp.Report3(igmp.About(g)))
			p.Between("RFC3376:5.2-6", "from the queries to the answer", f.At-t, 0, tenth+wire)
			p.Must("RFC3376:5.2-6", f, igmp.TellsOnly(igmp.IsIn(g, a, b)))
		})

	suite.It("igmp.v3-specific.pending-sources", "a query for sources on top of one for others has one answer about all of them, at the earlier time",
		check.Proves("RFC3376:5.2-7", mutate.Field(igmp.Report3(igmp.Tells(igmp.IsIn(g, a, b))), igmp.Records.Is(igmp.Encode(igmp.IsIn(g, b))))).Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			wants(p, g, include(a, b, c))
			quiet(lan)
			t := p.Now()
			lan.Send(igmp.SpecificQuery3(g, 100, a))
			lan.Send(igmp.SpecificQuery3(g, 1, b))
			f := lan.Expect(igmp.Report3(igmp.About(g)))
			p.Between("RFC3376:5.2-7", "from the queries to the answer", f.At-t, 0, tenth+wire)
			p.Must("RFC3376:5.2-7", f, igmp.TellsOnly(igmp.IsIn(g, a, b)))
		})

	suite.It("igmp.v3-specific.forgotten", "an answer ends what was recorded of the sources asked for",
		check.Proves("RFC3376:5.2-16", mutate.Field(igmp.Report3(igmp.Tells(igmp.IsIn(g, b))), igmp.Records.Is(igmp.Encode(igmp.IsIn(g, a, b))))).Needs(needs...),
		func(p *probe.P) {
			lan := p.IPv4()
			wants(p, g, include(a, b))
			quiet(lan)
			about := igmp.Report3(igmp.About(g))
			lan.Ask(igmp.SpecificQuery3(g, 1, a), about, probe.For())
			f := lan.Ask(igmp.SpecificQuery3(g, 1, b), about, probe.For())
			p.Must("RFC3376:5.2-16", f, igmp.TellsOnly(igmp.IsIn(g, b)))
		})

}
