package membership

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
)

// mode is the version that is spoken on the interface (RFC 3376, 7.2.1; RFC 3810, 8.2.1; RFC 2236, 4).
func (m *member) mode() int {
	now := m.host.loop.Now()
	for v := 1; v < m.host.c.Version; v++ {
		if now < m.older[v] {
			return v
		}
	}
	return m.host.c.Version
}

// old tells whether a version without sources is spoken.
func (m *member) old() bool { return m.mode() < m.host.c.Latest }

// HeardOlder takes in that a querier of an older version is about. It counts as present for some time.
func (h *Host) HeardOlder(i *iface.Iface, version int) {
	m := h.on(i)
	if version < h.c.Version {
		m.older[version] = h.loop.Now() + m.olderPresent()
	}
	m.settle()
}

// olderPresent is how long an older querier counts as present after its last query (RFC 3376, 8.12; RFC 3810, 9.12;
// RFC 2236, 8.11).
func (m *member) olderPresent() time.Duration {
	if m.host.c.Version < m.host.c.Latest {
		return version1Present
	}
	return time.Duration(m.robustness)*m.interval + QueryResponse
}

// settle acts on a change of version: what was pending is void. It sets the timer for the next change.
func (m *member) settle() {
	v := m.mode()
	if v != m.was {
		m.was = v
		m.cancel()
	}
	if v < m.host.c.Version {
		m.compat.Set(m.older[v])
	} else {
		m.compat.Stop()
	}
}

// Reported takes in a report of an older version by another host. There it takes the place of our own (RFC 2236, 6; RFC 2710,
// 4).
func (h *Host) Reported(i *iface.Iface, addr netip.Addr) {
	m := h.on(i)
	g := m.find(addr, false)
	if g == nil || !m.old() {
		return
	}
	_, answering := g.answer.When()
	if _, repeating := g.repeat.When(); answering || repeating {
		g.stop()
		g.reporter = false
	}
}

// askOld is a query in an older version: each group has a delay of its own (RFC 2236, 3; RFC 2710, 4).
func (m *member) askOld(q Query) {
	for _, g := range m.groups {
		if g.filter.None() || !q.General && g.addr != q.Group {
			continue
		}
		now := m.host.loop.Now()
		if due, ok := g.answer.When(); ok && due-now <= q.MaxResp {
			continue // a timer that runs is set anew only if less time is allowed than it has left
		}
		if due, ok := g.repeat.When(); ok { // an unsolicited report that is due is as good
			if due-now <= q.MaxResp {
				continue
			}
			g.repeat.Stop()
			g.modeLeft = 0
		}
		g.answer.After(m.host.within(q.MaxResp))
	}
}

// changeOld is a change as older versions know it: joining and leaving (RFC 2236, 6; RFC 2710, 4).
func (g *group) changeOld(before ip.Filter) {
	m := g.member
	switch {
	case before.None():
		g.modeLeft = robustness
		g.repeatOld()
	case g.filter.None():
		g.stop()
		if g.reporter && m.mode() == m.host.c.Latest-1 {
			m.host.p.Leave(m.iface, g.addr)
		}
		g.forget()
	}
}

// repeatOld sends a report, and has an unsolicited one sent again.
func (g *group) repeatOld() {
	if g.modeLeft--; g.modeLeft > 0 {
		g.repeat.After(g.member.host.within(unsolicitedReportOld))
	} else {
		g.repeat.Stop()
	}
	g.reportOld()
}

func (g *group) reportOld() {
	g.reporter = true
	m := g.member
	m.host.p.ReportOld(m.iface, m.mode(), g.addr)
}
