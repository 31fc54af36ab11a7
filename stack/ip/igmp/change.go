package igmp

import (
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/wire/igmp"
	wire4 "github.com/conform-stack/conform/stack/wire/ipv4"
)

// GroupChanged implements ipv4.Reporter: what is wanted of a group may be another than before (RFC 3376, 5.1).
func (h *Host) GroupChanged(i *iface.Iface, addr netip.Addr) {
	if i.Loopback {
		return
	}
	m := h.on(i)
	now := h.ipv4.GroupFilter(i, addr)
	g := m.find(addr, !now.None())
	if g == nil {
		return
	}
	before := g.filter
	if before.Exclude == now.Exclude && slices.Equal(before.Sources, now.Sources) {
		return
	}
	g.filter = now
	if m.mode() < 3 {
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
	g.repeatChange() // the merged report ends the repeats of an earlier one (5.1)
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
	if m.mode() < 3 {
		g.repeatOld()
		return
	}
	var records []igmp.Record
	if g.modeLeft > 0 {
		g.modeLeft--
		typ := igmp.ChangeToInclude
		if g.filter.Exclude {
			typ = igmp.ChangeToExclude
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
			records = append(records, g.record(igmp.AllowNew, allow))
		}
		if len(block) > 0 {
			records = append(records, g.record(igmp.BlockOld, block))
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

func (g *group) record(t igmp.RecordType, sources []netip.Addr) igmp.Record {
	r := igmp.Record{Type: t, Group: g.addr.As4()}
	sorted := slices.Clone(sources)
	slices.SortFunc(sorted, netip.Addr.Compare)
	for _, s := range sorted {
		r.SourceSet = append(r.SourceSet, igmp.SourcesFrom(s.As4())...)
	}
	return r
}

// report sends records in as few reports as hold them (RFC 3376, 4.2.16). A record that is too large for one is cut: what
// excludes is sent with as many sources as fit, others go on in the next report.
func (m *member) report(records []igmp.Record) {
	const headers = wire4.MinHeader + 4 + 8 // of IP, with router alert, and of the report
	room := m.iface.MTU() - headers
	var packed igmp.Records
	flush := func() {
		if len(packed) > 0 {
			m.send(reporters, igmp.AppendReport(nil, igmp.ReportV3{Records: packed}))
			packed = nil
		}
	}
	for _, r := range records {
		for {
			fits := r
			if most := (room - 8) / 4; r.SourceSet.Len() > most {
				fits.SourceSet = r.SourceSet[:4*most]
			}
			if len(packed)+8+len(fits.SourceSet) > room {
				flush()
			}
			packed = packed.Append(fits)
			r.SourceSet = r.SourceSet[len(fits.SourceSet):]
			if len(r.SourceSet) == 0 || r.Type == igmp.ModeIsExclude || r.Type == igmp.ChangeToExclude {
				break
			}
		}
	}
	flush()
}

// changeOld is a change as versions 1 and 2 know it: joining and leaving (RFC 2236, 6).
func (g *group) changeOld(before ip.Filter) {
	m := g.member
	switch {
	case before.None():
		g.modeLeft = robustness
		g.repeatOld()
	case g.filter.None():
		g.stop()
		if g.reporter && m.mode() == 2 {
			m.send(allRouters, igmp.Append(nil, igmp.Header{Type: igmp.V2Leave, Group: g.addr.As4()}))
		}
		g.forget()
	}
}

// repeatOld sends a report, and has an unsolicited one sent again.
func (g *group) repeatOld() {
	if g.modeLeft--; g.modeLeft > 0 {
		g.repeat.After(g.member.host.within(unsolicitedReport2))
	} else {
		g.repeat.Stop()
	}
	g.reportOld()
}

// reportOld sends a report of version 1 or 2, to the group itself.
func (g *group) reportOld() {
	typ := igmp.V2Report
	if g.member.mode() == 1 {
		typ = igmp.V1Report
	}
	g.reporter = true
	g.member.send(g.addr, igmp.Append(nil, igmp.Header{Type: typ, Group: g.addr.As4()}))
}
