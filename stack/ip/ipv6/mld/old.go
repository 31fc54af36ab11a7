package mld

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	wire6 "github.com/conform-stack/conform/stack/wire/ipv6"
)

// mode is the version that is spoken on the interface (RFC 3810, 8.2.1).
func (m *member) mode() int {
	if m.host.loop.Now() < m.version1 {
		return 1
	}
	return m.host.version
}

// heardOld takes in that a querier of version 1 is about. It counts as present for some time (9.12).
func (m *member) heardOld() {
	if m.host.version > 1 {
		m.version1 = m.host.loop.Now() + time.Duration(m.robustness)*m.interval + queryResponse
		m.settle()
	}
}

// settle acts on a change of version: what was pending is void. It sets the timer for the next change.
func (m *member) settle() {
	if v := m.mode(); v != m.was {
		m.was = v
		m.cancel()
	}
	if m.host.loop.Now() < m.version1 {
		m.compat.Set(m.version1)
	} else {
		m.compat.Stop()
	}
}

// askOld is a query in version 1: each group has a delay of its own (RFC 2710, 4).
func (m *member) askOld(addr netip.Addr, general bool, most time.Duration) {
	for _, g := range m.groups {
		if g.filter.None() || !general && g.addr != addr {
			continue
		}
		now := m.host.loop.Now()
		if due, ok := g.answer.When(); ok && due-now <= most {
			continue // a timer that runs is set anew only if less time is allowed than it has left
		}
		if due, ok := g.repeat.When(); ok { // an unsolicited report that is due is as good
			if due-now <= most {
				continue
			}
			g.repeat.Stop()
			g.modeLeft = 0
		}
		g.answer.After(m.host.within(most))
	}
}

// changeOld is a change as version 1 knows it: joining and leaving (RFC 2710, 4).
func (g *group) changeOld(before ip.Filter) {
	m := g.member
	switch {
	case before.None():
		g.modeLeft = robustness
		g.repeatOld()
	case g.filter.None():
		g.stop()
		if g.reporter {
			m.send(wire6.AllRouters, icmpv6.AppendListener(nil, icmpv6.Listener{Type: icmpv6.ListenerDone, Group: g.addr.As16()}))
		}
		g.forget()
	}
}

// repeatOld sends a report, and has an unsolicited one sent again.
func (g *group) repeatOld() {
	if g.modeLeft--; g.modeLeft > 0 {
		g.repeat.After(g.member.host.within(unsolicitedReport1))
	} else {
		g.repeat.Stop()
	}
	g.reportOld()
}

// reportOld sends a report of version 1, to the group itself.
func (g *group) reportOld() {
	g.reporter = true
	g.member.send(g.addr.As16(), icmpv6.AppendListener(nil, icmpv6.Listener{Type: icmpv6.ListenerReport, Group: g.addr.As16()}))
}
