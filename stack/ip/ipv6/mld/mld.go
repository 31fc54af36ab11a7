// Package mld is the listener's side of MLD (RFC 3810, with RFC 2710 towards older queriers): it reports which groups, and
// which of their sources, are wanted on each interface.
//
// What is wanted is kept by package ipv6, which tells of every change. A change is reported at once and again (change), a
// query is answered after a random delay (query). While an older querier is about, messages are those of version 1 (old).
// Before an interface has a link-local address reports come from ::, and are made again when it has one (RFC 3590).
package mld

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/ip/ipv6"
	"github.com/conform-stack/conform/stack/random"
	wire6 "github.com/conform-stack/conform/stack/wire/ipv6"
)

// Defaults of RFC 3810, 9, and of RFC 2710, 7.
const (
	robustness         = 2
	queryInterval      = 125 * time.Second
	queryResponse      = 10 * time.Second
	unsolicitedReport  = time.Second      // version 2 (9.11)
	unsolicitedReport1 = 10 * time.Second // version 1 (7.10)
	maxSources         = 256              // of a group that are remembered between question and answer (RFC 3810, 10.1)
)

// Host is MLD on a node.
type Host struct {
	loop    *clock.Loop
	ipv6    *ipv6.Layer
	random  *rand.Rand // of delays
	version int        // the highest that is spoken
	links   []*member
}

// New makes MLD for a node and tells IPv6 of it. The configuration is resolved.
func New(l *clock.Loop, c config.Config, y *ipv6.Layer) *Host {
	h := &Host{loop: l, ipv6: y, random: random.New(c.Seed, "mld"), version: c.IPv6.MLDVersion}
	y.Listening = h
	y.SetReporter(h)
	return h
}

// Close stops all timers.
func (h *Host) Close() {
	for _, m := range h.links {
		m.cancel()
		m.compat.Stop()
		m.again.Stop()
	}
}

// Detach forgets an interface.
func (h *Host) Detach(i *iface.Iface) {
	h.links = slices.DeleteFunc(h.links, func(m *member) bool {
		if m.iface != i {
			return false
		}
		m.cancel()
		m.compat.Stop()
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
	again      clock.Timer // to the report after a link-local address has been found
	left       int         // reports of that kind
	up         bool
	gone       bool
	addressed  bool          // there is a link-local address
	version1   time.Duration // until when an older querier counts as present
	compat     clock.Timer   // when that is over
	was        int           // the version before
	robustness int
	interval   time.Duration // between queries, as the querier tells
}

// group is one that is wanted on the interface, or was until a moment ago.
type group struct {
	member *member
	addr   netip.Addr
	filter ip.Filter // what is wanted now

	answer  clock.Timer  // to a query
	sources []netip.Addr // that were asked for; none: all of the group (RFC 3810, 6.2)

	repeat   clock.Timer // of what changed
	modeLeft int         // state-change reports that still tell the filter mode
	changed  []change    // sources that changed
	reporter bool        // in version 1, this host reported the group last
}

// change is a source whose change is still to be told, some times.
type change struct {
	source netip.Addr
	left   int
}

// on is the host on an interface.
func (h *Host) on(i *iface.Iface) *member {
	for _, m := range h.links {
		if m.iface == i {
			return m
		}
	}
	m := &member{host: h, iface: i, up: i.Up(), was: h.version, robustness: robustness, interval: queryInterval}
	_, m.addressed = h.ipv6.LinkLocal(i)
	m.general.Init(h.loop, m.answerGeneral)
	m.compat.Init(h.loop, m.settle)
	m.again.Init(h.loop, m.reportAgain)
	h.links = append(h.links, m)
	i.Watch(m.watch)
	return m
}

// watch reports everything anew when the interface comes up again, for it may be another link, and when it has a link-local
// address at last (RFC 3590, 4).
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
	_, addressed := h.ipv6.LinkLocal(m.iface)
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

// cancel stops answers and repeats (RFC 3810, 8.2.1).
func (m *member) cancel() {
	m.general.Stop()
	m.again.Stop()
	for _, g := range slices.Clone(m.groups) {
		g.stop()
		g.forget()
	}
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
	return 1 + time.Duration(h.random.Int64N(int64(most)))
}

// send sends a message: hop limit 1, router alert, from the link-local address or :: (RFC 3810, 5; RFC 3590, 4).
func (m *member) send(to wire6.Addr, b []byte) {
	src, _ := m.host.ipv6.LinkLocal(m.iface)
	if m.host.ipv6.SendMessage(ipv6.Raw{Out: m.iface, Src: src, Dst: to, HopLimit: 1, Alert: true}, b) {
		m.iface.Stats.MLD.Sent++
	}
}
