package membership

import (
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/stack/iface"
)

// change is a source whose change is still to be told, some times.
type change struct {
	source netip.Addr
	left   int
}

// GroupChanged takes in that what is wanted of a group may be another than before (RFC 3376, 5.1; RFC 3810, 6.1).
func (h *Host) GroupChanged(i *iface.Iface, addr netip.Addr) {
	m := h.on(i)
	now := h.p.Filter(i, addr)
	g := m.find(addr, !now.None())
	if g == nil {
		return
	}
	before := g.filter
	if before.Exclude == now.Exclude && slices.Equal(before.Sources, now.Sources) {
		return
	}
	g.filter = now
	if !m.up { // it is reported when the interface comes up
		g.forget()
		return
	}
	if m.old() {
		g.changeOld(before)
		return
	}
	if before.Exclude != now.Exclude {
		g.modeLeft = m.robustness
		g.changed = nil // the report of the mode tells all sources
	} else {
		g.note(before.Sources, now.Sources)
		g.note(now.Sources, before.Sources)
	}
	g.repeatChange() // the merged report ends the repeats of an earlier one (RFC 3376, 5.1; RFC 3810, 6.1)
}

// note has the sources told that are in one list and not in the other.
func (g *group) note(in, notIn []netip.Addr) {
	for _, s := range in {
		if slices.Contains(notIn, s) {
			continue
		}
		g.changed = slices.DeleteFunc(g.changed, func(c change) bool { return c.source == s })
		g.changed = append(g.changed, change{s, g.member.robustness})
	}
}

// repeatChange sends a state-change report, and has it sent again while anything is to be told.
func (g *group) repeatChange() {
	m := g.member
	if m.old() {
		g.repeatOld()
		return
	}
	var records []Record
	if g.modeLeft > 0 {
		g.modeLeft--
		t := ChangeToInclude
		if g.filter.Exclude {
			t = ChangeToExclude
		}
		records = append(records, g.record(t, g.filter.Sources))
	} else {
		var allow, block []netip.Addr
		for _, c := range g.changed {
			if g.filter.Wants(c.source) {
				allow = append(allow, c.source)
			} else {
				block = append(block, c.source)
			}
		}
		if len(allow) > 0 {
			records = append(records, g.record(AllowNew, allow))
		}
		if len(block) > 0 {
			records = append(records, g.record(BlockOld, block))
		}
	}
	for i := range g.changed {
		g.changed[i].left--
	}
	g.changed = slices.DeleteFunc(g.changed, func(c change) bool { return c.left == 0 })
	if g.modeLeft > 0 || len(g.changed) > 0 {
		g.repeat.After(m.host.within(unsolicitedReport))
	} else {
		g.repeat.Stop()
	}
	m.report(records)
	g.forget()
}

// reportAgain reports all groups as if they were new, from the address that there was not before (RFC 3590, 4).
func (m *member) reportAgain() {
	if m.left--; m.left > 0 {
		most := unsolicitedReport
		if m.old() {
			most = unsolicitedReportOld
		}
		m.again.After(m.host.within(most))
	}
	var records []Record
	for _, g := range m.groups {
		switch {
		case g.filter.None():
		case m.old():
			g.reportOld()
		case g.filter.Exclude:
			records = append(records, g.record(ChangeToExclude, g.filter.Sources))
		default:
			records = append(records, g.record(AllowNew, g.filter.Sources))
		}
	}
	m.report(records)
}
