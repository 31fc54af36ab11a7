package mld

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/ip/ipv6"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
)

// Message implements ipv6.Handler.
func (h *Host) Message(msg *ipv6.Message) {
	s := msg.In.Stats
	t := icmpv6.Type(msg.Bytes[0])
	if t == icmpv6.ListenerReport2 || t == icmpv6.ListenerDone { // for routers
		s.Drop(stats.MLDIgnored)
		return
	}
	l, rest, err := icmpv6.ParseListener(msg.Bytes)
	if err != nil || msg.HopLimit != 1 || !msg.Alert { // RFC 3810, 6.2; RFC 2710, 5
		s.Drop(stats.MLDInvalid)
		return
	}
	m := h.on(msg.In)
	if t == icmpv6.ListenerReport {
		if !msg.Src.IsLinkLocal() && !msg.Src.IsUnspecified() || !l.Group.IsMulticast() {
			s.Drop(stats.MLDInvalid)
			return
		}
		m.reported(l.Group.Netip())
		return
	}
	if !msg.Src.IsLinkLocal() || !m.query(msg, l, rest) {
		s.Drop(stats.MLDInvalid)
	}
}

// reported is a report of version 1 by another host. In that version it takes the place of our own (RFC 2710, 4).
func (m *member) reported(addr netip.Addr) {
	g := m.find(addr, false)
	if g == nil || m.mode() > 1 {
		return
	}
	_, answering := g.answer.When()
	if _, repeating := g.repeat.When(); answering || repeating {
		g.stop()
		g.reporter = false
	}
}

// query has a query answered after a random delay, if there is anything to tell. It is false for one that is not
// acceptable.
func (m *member) query(msg *ipv6.Message, l icmpv6.Listener, rest []byte) bool {
	general := l.Group.IsUnspecified()
	if !general && !l.Group.IsMulticast() { // where it was sent to does not matter: 5.1.15
		return false
	}
	most := icmpv6.Milliseconds(uint32(l.MaxDelay))
	if len(rest) == 0 || m.host.version < 2 { // octets behind the first 24 are nothing to version 1 (RFC 2710, 3.7)
		m.heardOld()
		m.askOld(l.Group.Netip(), general, most)
		return true
	}
	q, _, err := icmpv6.ParseQuery2(rest) // fewer than 28 octets: of no version (8.1)
	if err != nil {
		return false
	}
	most = icmpv6.MaxResp(l.MaxDelay)
	m.robustness, m.interval = robustness, queryInterval
	if q.QRV != 0 {
		m.robustness = int(q.QRV)
	}
	if q.QQIC != 0 {
		m.interval = icmpv6.QueryInterval(q.QQIC)
	}
	switch {
	case m.mode() < 2:
		m.askOld(l.Group.Netip(), general, most)
	case general:
		m.askGeneral(most)
	default:
		m.ask(l.Group.Netip(), q.Sources, most)
	}
	return true
}

// askGeneral is a general query in version 2 (RFC 3810, 6.2, rules 1 and 2).
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

// ask is a query for a group, or for some sources of it, in version 2 (6.2, rules 1 and 3 to 5).
func (m *member) ask(addr netip.Addr, sources icmpv6.Sources, most time.Duration) {
	g := m.find(addr, false)
	if g == nil || g.filter.None() {
		return
	}
	at := m.host.loop.Now() + m.host.within(most)
	if due, ok := m.general.When(); ok && due <= at {
		return
	}
	due, pending := g.answer.When()
	if pending {
		at = min(at, due)
	}
	if sources.Len() == 0 || pending && len(g.sources) == 0 {
		g.sources = nil
	} else {
		for i := range min(sources.Len(), maxSources) {
			if s := sources.At(i).Netip(); !slices.Contains(g.sources, s) && len(g.sources) < maxSources {
				g.sources = append(g.sources, s)
			}
		}
	}
	g.answer.Set(at)
}

// answerGeneral tells the state of all groups.
func (m *member) answerGeneral() {
	var records []icmpv6.Record
	for _, g := range m.groups {
		if !g.filter.None() {
			g.sources = nil
			g.answer.Stop()
			records = append(records, g.current())
		}
	}
	m.report(records)
}

// current is the record of the group's present state.
func (g *group) current() icmpv6.Record {
	if g.filter.Exclude {
		return g.record(icmpv6.ModeIsExclude, g.filter.Sources)
	}
	return g.record(icmpv6.ModeIsInclude, g.filter.Sources)
}

// answerSpecific tells the state of the group, or those of the sources asked for that are wanted (6.3).
func (g *group) answerSpecific() {
	m := g.member
	if m.mode() < 2 {
		g.reportOld()
		return
	}
	asked := g.sources
	g.sources = nil
	if len(asked) == 0 {
		m.report([]icmpv6.Record{g.current()})
		return
	}
	wanted := slices.DeleteFunc(asked, func(s netip.Addr) bool { return !g.filter.Wants(s) })
	if len(wanted) > 0 {
		m.report([]icmpv6.Record{g.record(icmpv6.ModeIsInclude, wanted)})
	}
}
