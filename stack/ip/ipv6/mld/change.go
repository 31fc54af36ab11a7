package mld

import (
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	wire6 "github.com/conform-stack/conform/stack/wire/ipv6"
)

// GroupChanged implements ipv6.Reporter: what is wanted of a group may be another than before (RFC 3810, 6.1).
func (h *Host) GroupChanged(i *iface.Iface, addr netip.Addr) {
	m := h.on(i)
	now := h.ipv6.GroupFilter(i, addr)
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
	if m.mode() < 2 {
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
	g.repeatChange() // the merged report ends the repeats of an earlier one (6.1)
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
	if m.mode() < 2 {
		g.repeatOld()
		return
	}
	var records []icmpv6.Record
	if g.modeLeft > 0 {
		g.modeLeft--
		typ := icmpv6.ChangeToInclude
		if g.filter.Exclude {
			typ = icmpv6.ChangeToExclude
		}
		records = append(records, g.record(typ, g.filter.Sources))
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
			records = append(records, g.record(icmpv6.AllowNew, allow))
		}
		if len(block) > 0 {
			records = append(records, g.record(icmpv6.BlockOld, block))
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

// reportAgain reports all groups as if they were new, from the link-local address, which there was not before (RFC 3590, 4).
func (m *member) reportAgain() {
	if m.left--; m.left > 0 {
		most := unsolicitedReport
		if m.mode() < 2 {
			most = unsolicitedReport1
		}
		m.again.After(m.host.within(most))
	}
	var records []icmpv6.Record
	for _, g := range m.groups {
		switch {
		case g.filter.None():
		case m.mode() < 2:
			g.reportOld()
		case g.filter.Exclude:
			records = append(records, g.record(icmpv6.ChangeToExclude, g.filter.Sources))
		default:
			records = append(records, g.record(icmpv6.AllowNew, g.filter.Sources))
		}
	}
	m.report(records)
}

func (g *group) record(t icmpv6.RecordType, sources []netip.Addr) icmpv6.Record {
	r := icmpv6.Record{Type: t, Group: g.addr.As16()}
	sorted := slices.Clone(sources)
	slices.SortFunc(sorted, netip.Addr.Compare)
	for _, s := range sorted {
		r.Sources = r.Sources.Append(s.As16())
	}
	return r
}

// recordLen is the length of a record without sources.
const recordLen = 20

// report sends records in as few reports as hold them (RFC 3810, 5.2.15). A record that is too large for one is cut: what
// excludes is sent with as many sources as fit, others go on in the next report.
func (m *member) report(records []icmpv6.Record) {
	const headers = wire6.HeaderLen + 8 + icmpv6.HeaderLen // of IP, with router alert, and of the report
	room := m.host.ipv6.MTU(m.iface) - headers
	var packed []byte
	count := 0
	flush := func() {
		if count > 0 {
			m.send(wire6.MLDv2Routers, append(icmpv6.Append(nil, icmpv6.Report2(count)), packed...))
			packed, count = packed[:0], 0
		}
	}
	for _, r := range records {
		for {
			fits := r
			if most := (room - recordLen) / 16; r.Sources.Len() > most {
				fits.Sources = r.Sources[:16*most]
			}
			if len(packed)+recordLen+len(fits.Sources) > room {
				flush()
			}
			packed = icmpv6.AppendRecord(packed, fits)
			count++
			r.Sources = r.Sources[len(fits.Sources):]
			if len(r.Sources) == 0 || r.Type == icmpv6.ModeIsExclude || r.Type == icmpv6.ChangeToExclude {
				break
			}
		}
	}
	flush()
}
