package membership

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/iface"
)

// A Query is one that the Protocol found acceptable.
type Query struct {
	Group      netip.Addr
	General    bool          // of all groups; Group says nothing
	Sources    []netip.Addr  // that are asked for; none: the group as a whole
	MaxResp    time.Duration // the longest delay of an answer
	Latest     bool          // it is of the latest version, which has the next two
	Robustness int           // of the querier; 0: it does not say
	Interval   time.Duration // between its queries; 0: it does not say
}

// Query has a query answered after a random delay, if there is anything to tell.
func (h *Host) Query(i *iface.Iface, q Query) {
	m := h.on(i)
	if q.Latest {
		m.robustness, m.interval = robustness, queryInterval
		if q.Robustness != 0 {
			m.robustness = q.Robustness
		}
		if q.Interval != 0 {
			m.interval = q.Interval
		}
	}
	m.settle()
	switch {
	case m.old():
		m.askOld(q)
	case q.General:
		m.askGeneral(q.MaxResp)
	default:
		m.ask(q)
	}
}

// askGeneral is a general query in the latest version (RFC 3376, 5.2, and RFC 3810, 6.2, rules 1 and 2).
func (m *member) askGeneral(most time.Duration) {
	if len(m.groups) == 0 {
		return
	}
	at := m.host.loop.Now() + m.host.within(most)
	if due, ok := m.general.When(); ok && due <= at {
		return
	}
	m.general.Set(at)
}

// ask is a query for a group, or for some sources of it, in the latest version (rules 1 and 3 to 5).
func (m *member) ask(q Query) {
	g := m.find(q.Group, false)
	if g == nil || g.filter.None() {
		return
	}
	at := m.host.loop.Now() + m.host.within(q.MaxResp)
	if due, ok := m.general.When(); ok && due <= at {
		return
	}
	due, pending := g.answer.When()
	if pending {
		at = min(at, due)
	}
	if len(q.Sources) == 0 || pending && len(g.sources) == 0 {
		g.sources = nil
	} else {
		for _, s := range q.Sources[:min(len(q.Sources), m.host.c.MaxSources)] {
			if !slices.Contains(g.sources, s) && len(g.sources) < m.host.c.MaxSources {
				g.sources = append(g.sources, s)
			}
		}
	}
	g.answer.Set(at)
}

// answerGeneral tells the state of all groups.
func (m *member) answerGeneral() {
	var records []Record
	for _, g := range m.groups {
		if !g.filter.None() {
			g.sources = nil
			g.answer.Stop()
			records = append(records, g.current())
		}
	}
	m.report(records)
}

// answerSpecific tells the state of the group, or those of the sources asked for that are wanted (RFC 3376, 5.2; RFC 3810,
// 6.3).
func (g *group) answerSpecific() {
	m := g.member
	if m.old() {
		g.reportOld()
		return
	}
	asked := g.sources
	g.sources = nil
	if len(asked) == 0 {
		m.report([]Record{g.current()})
		return
	}
	wanted := slices.DeleteFunc(asked, func(s netip.Addr) bool { return !g.filter.Wants(s) })
	if len(wanted) > 0 {
		m.report([]Record{g.record(ModeIsInclude, wanted)})
	}
}
