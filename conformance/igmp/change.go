package igmp

import (
	"net/netip"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/igmp"
	"github.com/conform-stack/conform/harness/probe"
)

// A filter is what a socket wants of a group (RFC 3376, section 2).
type filter struct {
	exclude bool
	sources []netip.Addr
}

func include(sources ...netip.Addr) filter { return filter{false, sources} }
func exclude(sources ...netip.Addr) filter { return filter{true, sources} }

// wants makes a new socket want a group as the filter says.
func wants(p *probe.P, group netip.Addr, f filter) *probe.Socket {
	s := p.Open("inet", "dgram", 0)
	option := "IP_ADD_SOURCE_MEMBERSHIP"
	if f.exclude {
		option = "IP_BLOCK_SOURCE"
		ready(s.Join(group), "joining %s", group)
	}
	for _, source := range f.sources {
		ready(s.SetSource(option, group, source), "%s %s of %s", option, source, group)
	}
	return s
}

// A transition is a line of the table of RFC 3376, section 5.1.
type transition struct {
	name     string
	from, to filter
	want     []igmp.Record
}

func (t transition) String() string { return t.name }

var transitions = []transition{
	{"none-to-in", include(), include(a), []igmp.Record{igmp.Allow(g, a)}},
	{"in-to-in", include(a, b), include(b, c), []igmp.Record{igmp.Allow(g, c), igmp.Block(g, a)}},
	{"in-to-more", include(a), include(a, b), []igmp.Record{igmp.Allow(g, b)}},
	{"in-to-less", include(a, b), include(b), []igmp.Record{igmp.Block(g, a)}},
	{"in-to-ex", include(a, b), exclude(b, c), []igmp.Record{igmp.ToEx(g, b, c)}},
	{"in-to-none", include(a), include(), []igmp.Record{igmp.Block(g, a)}},
	{"ex-to-ex", exclude(a, b), exclude(b, c), []igmp.Record{igmp.Allow(g, a), igmp.Block(g, c)}},
	{"ex-to-more", exclude(a), exclude(a, b), []igmp.Record{igmp.Block(g, b)}},
	{"ex-to-less", exclude(a, b), exclude(b), []igmp.Record{igmp.Allow(g, a)}},
	{"ex-to-in", exclude(a, b), include(b, c), []igmp.Record{igmp.ToIn(g, b, c)}},
}

// instead is a target that reports other records where it ought to report these.
func instead(of, other []igmp.Record) mutate.Mutation {
	return mutate.Field(igmp.Report3(igmp.TellsOnly(of...)), igmp.Records.Is(igmp.Encode(other...)))
}

func one(r igmp.Record) []igmp.Record { return []igmp.Record{r} }

func init() {
	both := []igmp.Record{igmp.Allow(g, c), igmp.Block(g, a)}
	check.Grid(suite, "igmp.v3-change.record", "a change of filter is reported by the record for its old and new state",
		check.Proves("RFC3376:5.1-2", instead(one(igmp.Allow(g, a)), one(igmp.ToIn(g, a)))).
			And("RFC3376:5.1-3", instead(both, one(igmp.Allow(g, c)))).
			And("RFC3376:5.1-4", instead([]igmp.Record{igmp.Allow(g, a), igmp.Block(g, c)}, one(igmp.ToEx(g, b, c)))).
			And("RFC3376:5.1-5", instead(one(igmp.ToEx(g, b, c)), one(igmp.ToEx(g)))).
			And("RFC3376:5.1-6", instead(one(igmp.ToIn(g, b, c)), one(igmp.Block(g, a)))).
			And("RFC3376:5.1-7", instead(one(igmp.Allow(g, b)), []igmp.Record{igmp.Allow(g, b), igmp.Block(g)})).
			And("RFC3376:5.1-14", instead(one(igmp.ToEx(g, b, c)), one(igmp.ToEx(g, c)))).
			And("RFC3376:2-1", instead(one(igmp.Allow(g, a)), one(igmp.ToEx(g)))).
			And("RFC3376:2-5", instead(one(igmp.ToIn(g, b, c)), one(igmp.ToIn(g, a, b, c)))).
			And("RFC3376:3.1-1", mutate.Missing(igmp.Report3(igmp.TellsOnly(igmp.Block(g, a))))).
			And("RFC3376:3.1-2", instead(one(igmp.Allow(g, a)), one(igmp.ToEx(g)))).
			And("RFC3376:4.2.12-3", instead(one(igmp.Block(g, a)), one(igmp.IsIn(g, a)))).
			And("RFC3376:4.2.12-4", instead(one(igmp.Allow(g, a)), one(igmp.Block(g, a)))).
			And("RFC3376:4.2.12-5", instead(one(igmp.Block(g, b)), one(igmp.Allow(g, b)))).
			And("RFC3376:4.2.12-6", instead(both, one(igmp.Block(g, a)))).
			Needs(needs...).Slow(),
		transitions,
		func(p *probe.P, t transition) {
			lan := p.IPv4()
			if len(t.from.sources) == 0 {
				wants(p, g, t.to)
			} else {
				s := wants(p, g, t.from)
				quiet(lan)
				ready(s.SetFilter(g, t.to.exclude, t.to.sources...), "the filter of %s", g)
			}
			f := lan.Expect(igmp.Report3(igmp.About(g)), probe.For("RFC3376:3.1-1"))
			for _, req := range []string{"5.1-2", "5.1-3", "5.1-4", "5.1-5", "5.1-6", "5.1-7", "5.1-14", "2-1", "2-5", "3.1-1", "3.1-2", "4.2.12-3", "4.2.12-4", "4.2.12-5", "4.2.12-6"} {
				p.Must("RFC3376:"+req, f, igmp.TellsOnly(t.want...))
			}
		})
}
