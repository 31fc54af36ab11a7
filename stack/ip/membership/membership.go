// Package membership is what IGMPv3 (RFC 3376) and MLDv2 (RFC 3810) have in common: when a host reports which groups, and
// which of their sources, it wants on each interface. The second RFC says the first again for IPv6, and so does this package
// once for both; what the messages look like and where they go is the Protocol's.
//
// What is wanted is kept by the layer of IP, which tells of every change. A change is reported at once and again (change), a
// query is answered after a random delay (query). While an older querier is about, messages are those of its version
// (older).
package membership

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
)

// Defaults (RFC 3376, 8; RFC 3810, 9; of older versions: RFC 2236, 8; RFC 2710, 7).
const (
	robustness           = 2
	queryInterval        = 125 * time.Second
	QueryResponse        = 10 * time.Second
	unsolicitedReport    = time.Second
	unsolicitedReportOld = 10 * time.Second
	version1Present      = 400 * time.Second // RFC 2236, 8.11
)

// A Protocol is IGMP or MLD: its messages, and what it learns from the layer of IP.
type Protocol interface {
	// Filter is what is wanted of a group on an interface.
	Filter(i *iface.Iface, group netip.Addr) ip.Filter
	// Addressed tells whether the interface has an address that a report can come from.
	Addressed(i *iface.Iface) bool
	// Room is how many octets of records one report on the interface holds.
	Room(i *iface.Iface) int
	// Report sends one report of the latest version.
	Report(i *iface.Iface, records []Record)
	// ReportOld sends a report of an older version, to the group itself.
	ReportOld(i *iface.Iface, version int, group netip.Addr)
	// Leave says that a group is not wanted any more: in the last version without sources, which has a message for that.
	Leave(i *iface.Iface, group netip.Addr)
}

// Config is how a Protocol differs from the other.
type Config struct {
	Latest     int // the version that has sources: 3 of IGMP, 2 of MLD
	Version    int // the highest that is spoken
	MaxSources int // of a group that are remembered between question and answer (RFC 3376, 9.1; RFC 3810, 10.1)
	Random     *rand.Rand
}

// Host is the node as a member of groups.
type Host struct {
	loop  *clock.Loop
	p     Protocol
	c     Config
	links []*member
}

// New makes the Host of a Protocol.
func New(l *clock.Loop, p Protocol, c Config) *Host { return &Host{loop: l, p: p, c: c} }

// Close stops all timers.
func (h *Host) Close() {
	for _, m := range h.links {
		m.close()
	}
}

// Detach forgets an interface.
func (h *Host) Detach(i *iface.Iface) {
	h.links = slices.DeleteFunc(h.links, func(m *member) bool {
		if m.iface != i {
			return false
		}
		m.close()
		m.gone = true
		return true
	})
}

// member is the host as a member of groups on one interface.
type member struct {
	host       *Host
	iface      *iface.Iface
	groups     []*group // in order of addresses
	general    clock.Timer
	again      clock.Timer // to the report after an address has been found
	left       int         // reports of that kind
	up         bool
	gone       bool
	addressed  bool             // there is an address to report from
	older      [3]time.Duration // by version, until when a querier of that version counts as present
	compat     clock.Timer      // when that is over
	was        int              // the version before
	robustness int
	interval   time.Duration // between queries, as the querier tells
}

// group is one that is wanted on the interface, or was until a moment ago.
type group struct {
	member *member
	addr   netip.Addr
	filter ip.Filter // what is wanted now

	answer  clock.Timer  // to a query
	sources []netip.Addr // that were asked for; none: all of the group (RFC 3376, 5.2; RFC 3810, 6.2)

	repeat   clock.Timer // of what changed
	modeLeft int         // state-change reports that still tell the filter mode
	changed  []change    // sources that changed
	reporter bool        // in an older version, this host reported the group last
}

// on is the host on an interface.
func (h *Host) on(i *iface.Iface) *member {
	for _, m := range h.links {
		if m.iface == i {
			return m
		}
	}
	m := &member{host: h, iface: i, up: i.Up(), addressed: h.p.Addressed(i), was: h.c.Version, robustness: robustness, interval: queryInterval}
	m.general.Init(h.loop, m.answerGeneral)
	m.compat.Init(h.loop, m.settle)
	m.again.Init(h.loop, m.reportAgain)
	h.links = append(h.links, m)
	i.Watch(m.watch)
	return m
}

// watch reports everything anew when the interface comes up again, for it may be another link, and when it has an address at
// last (RFC 3590, 4).
func (m *member) watch() {
	h := m.host
	if m.gone {
		return
	}
	if up := m.iface.Up(); up != m.up {
		m.up = up
		m.cancel()
		if up {
			for _, g := range slices.Clone(m.groups) {
				g.filter = ip.Filter{}
				h.GroupChanged(m.iface, g.addr)
			}
		}
	}
	addressed := h.p.Addressed(m.iface)
	if addressed && !m.addressed && m.up {
		m.left = m.robustness
		m.again.Post() // behind whatever changes together with the address
	}
	m.addressed = addressed
}

// find gives the group of an address; when there is none and it is to be made, a new one.
func (m *member) find(addr netip.Addr, create bool) *group {
	at, ok := slices.BinarySearchFunc(m.groups, addr, func(g *group, a netip.Addr) int { return g.addr.Compare(a) })
	if ok {
		return m.groups[at]
	}
	if !create {
		return nil
	}
	g := &group{member: m, addr: addr}
	g.answer.Init(m.host.loop, g.answerSpecific)
	g.repeat.Init(m.host.loop, g.repeatChange)
	m.groups = slices.Insert(m.groups, at, g)
	return g
}

// forget drops a group that is not wanted any more, once nothing is left to be told of it.
func (g *group) forget() {
	if _, due := g.repeat.When(); due || !g.filter.None() {
		return
	}
	g.answer.Stop()
	m := g.member
	m.groups = slices.DeleteFunc(m.groups, func(x *group) bool { return x == g })
}

// cancel stops answers and repeats (RFC 3376, 7.2.1; RFC 3810, 8.2.1).
func (m *member) cancel() {
	m.general.Stop()
	m.again.Stop()
	for _, g := range slices.Clone(m.groups) {
		g.stop()
		g.forget()
	}
}

func (m *member) close() {
	m.cancel()
	m.compat.Stop()
}

func (g *group) stop() {
	g.answer.Stop()
	g.repeat.Stop()
	g.sources, g.changed, g.modeLeft = nil, nil, 0
}

// within draws a delay in (0, most].
func (h *Host) within(most time.Duration) time.Duration {
	if most <= 1 {
		return 1
	}
	return 1 + time.Duration(h.c.Random.Int64N(int64(most)))
}
