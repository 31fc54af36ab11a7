package mld

import (
	"net/netip"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet/mld"
	"github.com/conform-stack/conform/harness/probe"
)

// A filter is what a socket wants of a group (RFC 3810, section 3).
type filter struct {
	exclude bool
	sources []netip.Addr
}

func include(sources ...netip.Addr) filter { return filter{false, sources} }
func exclude(sources ...netip.Addr) filter { return filter{true, sources} }

// wants makes a new socket want a group as the filter says.
func wants(p *probe.P, group netip.Addr, f filter) *probe.Socket {
	s := p.Open("inet6", "dgram", 0)
	option := "IP_ADD_SOURCE_MEMBERSHIP"
	if f.exclude {
		option = "IP_BLOCK_SOURCE"
		room(p, s.Join(group), "joining %s", group)
	}
	for _, source := range f.sources {
		room(p, s.SetSource(option, group, source), "%s %s of %s", option, source, group)
	}
	return s
}

// A transition is a line of the table of RFC 3810, section 6.1.
type transition struct {
	name     string
	from, to filter
	want     []mld.Record
}

func (t transition) String() string { return t.name }

var transitions = []transition{
	{"none-to-in", include(), include(a), list(mld.Allow(g, a))},
	{"in-to-in", include(a, b), include(b, c), list(mld.Allow(g, c), mld.Block(g, a))},
	{"in-to-more", include(a), include(a, b), list(mld.Allow(g, b))},
	{"in-to-less", include(a, b), include(b), list(mld.Block(g, a))},
	{"in-to-ex", include(a, b), exclude(b, c), list(mld.ToEx(g, b, c))},
	{"in-to-none", include(a), include(), list(mld.Block(g, a))},
	{"ex-to-ex", exclude(a, b), exclude(b, c), list(mld.Allow(g, a), mld.Block(g, c))},
	{"ex-to-more", exclude(a), exclude(a, b), list(mld.Block(g, b))},
	{"ex-to-less", exclude(a, b), exclude(b), list(mld.Allow(g, a))},
	{"ex-to-in", exclude(a, b), include(b, c), list(mld.ToIn(g, b, c))},
}

var changeReqs = []string{"2.2-1", "3-1", "3-2", "3-3", "3-6", "4.1-1", "4.1-2", "5.2.12-4", "5.2.12-5", "5.2.12-6", "5.2.12-7",
	"5.2.12-8", "5.2.12-9", "6.1-2", "6.1-3", "6.1-4", "6.1-5", "6.1-6", "6.1-9", "6.1-16", "6.1-17"}

func init() {
	inToIn := list(mld.Allow(g, c), mld.Block(g, a))
	exToEx := list(mld.Allow(g, a), mld.Block(g, c))
	check.Grid(suite, "mld.v2-change.record", "a change of filter is reported by the record for its old and new state",
		proves(
			by(mutate.Missing(aboutG), "RFC3810:2.2-1"),
			by(mutate.Missing(mld.Report2(mld.TellsOnly(mld.Allow(g, a)))), "RFC3810:3-1"),
			by(instead(list(mld.Allow(g, a)), list(mld.ToEx(g))), "RFC3810:3-2", "RFC3810:6.1-2"),
			by(instead(list(mld.ToEx(g, b, c)), list(mld.ToEx(g, b))), "RFC3810:3-3", "RFC3810:6.1-16"),
			by(instead(list(mld.ToIn(g, b, c)), list(mld.ToIn(g, a, b, c))), "RFC3810:3-6", "RFC3810:5.2.12-4"),
			by(mutate.Missing(mld.Report2(mld.TellsOnly(mld.Block(g, a)))), "RFC3810:4.1-1"),
			by(instead(exToEx, list(mld.ToEx(g, a, b, c))), "RFC3810:4.1-2"),
			by(instead(list(mld.ToEx(g, b, c)), list(mld.ToEx(g, c))), "RFC3810:5.2.12-5"),
			by(instead(list(mld.ToEx(g, b, c)), list(mld.Block(g, c))), "RFC3810:5.2.12-6"),
			by(instead(list(mld.Allow(g, b)), list(mld.IsIn(g, b))), "RFC3810:5.2.12-7"),
			by(instead(list(mld.Block(g, b)), list(mld.Allow(g, b))), "RFC3810:5.2.12-8"),
			by(instead(inToIn, inToIn[:1]), "RFC3810:5.2.12-9"),
			by(instead(inToIn, inToIn[1:]), "RFC3810:6.1-3"),
			by(instead(exToEx, list(mld.ToEx(g, b, c))), "RFC3810:6.1-4"),
			by(instead(list(mld.ToEx(g, b, c)), list(mld.ToEx(g))), "RFC3810:6.1-5"),
			by(instead(list(mld.ToIn(g, b, c)), list(mld.Block(g, a))), "RFC3810:6.1-6"),
			by(instead(list(mld.Allow(g, b)), list(mld.Allow(g, b), mld.Block(g))), "RFC3810:6.1-9"),
			by(instead(list(mld.Block(g, b)), list(mld.Block(g, a, b))), "RFC3810:6.1-17"),
		).Slow(),
		transitions,
		func(p *probe.P, t transition) {
			lan := p.IPv6()
			quiet(lan)
			if len(t.from.sources) == 0 {
				wants(p, g, t.to)
			} else {
				s := wants(p, g, t.from)
				quiet(lan)
				ready(s.SetFilter(g, t.to.exclude, t.to.sources...), "the filter of %s", g)
			}
			f := lan.Expect(aboutG, probe.For("RFC3810:2.2-1", "RFC3810:3-1", "RFC3810:4.1-1"))
			for _, req := range changeReqs {
				p.Must("RFC3810:"+req, f, mld.TellsOnly(t.want...))
			}
		})
}
