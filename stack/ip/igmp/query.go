package igmp

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/igmp"
	wire4 "github.com/conform-stack/conform/stack/wire/ipv4"
)

// Input implements ip.Upper.
func (h *Host) Input(p *packet.Packet, d *ip.Datagram) ip.Verdict {
	defer p.Free()
	d.In.Stats.IGMP.Received++
	b := p.Bytes()
	if len(b) < igmp.HeaderLen || igmp.Verify(b) != nil {
		d.In.Stats.Drop(stats.IGMPInvalid)
		return ip.Accepted
	}
	m := h.on(d.In)
	head, _, err := igmp.Parse(b)
	switch {
	case err != nil: // a version 3 report: for routers
		d.In.Stats.Drop(stats.IGMPIgnored)
	case head.Type == igmp.Query:
		if !m.query(b, head, d) {
			d.In.Stats.Drop(stats.IGMPInvalid)
		}
	case head.Type == igmp.V1Report || head.Type == igmp.V2Report:
		m.reported(head.Group.Netip())
	default:
		d.In.Stats.Drop(stats.IGMPIgnored) // RFC 3376, 4: silently
	}
	return ip.Accepted
}

// reported is a report by another host. In versions 1 and 2 it takes the place of our own (RFC 2236, 6).
func (m *member) reported(addr netip.Addr) {
	g := m.find(addr, false)
	if g == nil || m.mode() > 2 {
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
func (m *member) query(b []byte, head igmp.Header, d *ip.Datagram) bool {
	version := head.Version(len(b))
	if m.host.version < 3 && version != 1 { // octets behind the first eight are nothing to version 2 (RFC 2236, 2.5)
		version = 2
		if head.MaxResp == 0 {
			version = 1
		}
	}
	general := version == 1 || head.Group.IsUnspecified() // version 1 has no other (RFC 1112, appendix I)
	switch {
	case version == 0, // RFC 3376, 7.1
		!general && !head.Group.IsMulticast(),
		general && d.Cast == packet.Multicast && d.Dst != allHosts, // 9.1
		m.host.version == 3 && version > 1 && !hasRouterAlert(d):   // 5.2, 9.1
		return false
	}
	var q igmp.QueryV3
	most := time.Duration(head.MaxResp) * time.Second / 10
	switch version {
	case 1:
		most = queryResponse // 7.2.1
	case 3:
		var err error
		if q, _, err = igmp.ParseQuery(b); err != nil {
			return false
		}
		most = q.MaxResp.MaxRespTime()
		m.robustness, m.interval = robustness, queryInterval
		if q.QRV != 0 {
			m.robustness = int(q.QRV)
		}
		if q.QQIC != 0 {
			m.interval = q.QQIC.Interval()
		}
	}
	m.heard(version, general)
	switch {
	case m.mode() < 3:
		m.askOld(head.Group.Netip(), general, most)
	case general:
		m.askGeneral(most)
	default:
		m.ask(head.Group.Netip(), q.SourceSet, most)
	}
	return true
}

func hasRouterAlert(d *ip.Datagram) bool {
	_, ok := wire4.Options(d.Options).Find(wire4.RouterAlert)
	return ok
}

// askGeneral is a general query in version 3 (RFC 3376, 5.2, rules 1 and 2).
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

// ask is a query for a group, or for some sources of it, in version 3 (RFC 3376, 5.2, rules 1 and 3 to 5).
func (m *member) ask(addr netip.Addr, sources igmp.Sources, most time.Duration) {
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

// maxSources bounds the sources of a group that are remembered between question and answer (RFC 3376, 9.1).
const maxSources = 366

// answerGeneral tells the state of all groups.
func (m *member) answerGeneral() {
	var records []igmp.Record
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
func (g *group) current() igmp.Record {
	if g.filter.Exclude {
		return g.record(igmp.ModeIsExclude, g.filter.Sources)
	}
	return g.record(igmp.ModeIsInclude, g.filter.Sources)
}

// answerSpecific tells the state of the group, or those of the sources asked for that are wanted.
func (g *group) answerSpecific() {
	m := g.member
	if m.mode() < 3 {
		g.reportOld()
		return
	}
	asked := g.sources
	g.sources = nil
	if len(asked) == 0 {
		m.report([]igmp.Record{g.current()})
		return
	}
	wanted := slices.DeleteFunc(asked, func(s netip.Addr) bool { return !g.filter.Wants(s) })
	if len(wanted) > 0 {
		m.report([]igmp.Record{g.record(igmp.ModeIsInclude, wanted)})
	}
}

// askOld is a query in versions 1 and 2: each group has a delay of its own (RFC 2236, 3).
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
