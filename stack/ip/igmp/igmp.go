// Package igmp is the host's side of IGMP (RFC 3376, with RFC 2236 and RFC 1112 towards older queriers): it reports which
// groups, and which of their sources, are wanted on each interface.
//
// What is wanted is kept by package ipv4, which tells of every change. A change is reported at once and again
// (change), a query is answered after a random delay (answer). While an older querier is about, messages are those of its
// version (compat).
package igmp

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/ip/ipv4"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/random"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/igmp"
	wire4 "github.com/conform-stack/conform/stack/wire/ipv4"
)

// Defaults of RFC 3376, 8, and of RFC 2236, 8.
const (
	robustness         = 2
	queryInterval      = 125 * time.Second
	queryResponse      = 10 * time.Second
	unsolicitedReport  = time.Second      // version 3 (8.11)
	unsolicitedReport2 = 10 * time.Second // version 2 (8.10)
	version1Present    = 400 * time.Second
)

var ( // never written
	allHosts   = netip.AddrFrom4([4]byte{224, 0, 0, 1})
	allRouters = netip.AddrFrom4([4]byte{224, 0, 0, 2})
	reporters  = netip.AddrFrom4([4]byte{224, 0, 0, 22})
)

// Host is IGMP on a node.
type Host struct {
	loop    *clock.Loop
	ipv4    *ipv4.Layer
	pool    *packet.Pool
	random  *rand.Rand // of delays
	version int        // the highest that is spoken
	links   []*member
}

// New makes IGMP for a node. The configuration is resolved.
func New(l *clock.Loop, c config.Config, x *ip.Demux, y *ipv4.Layer, pool *packet.Pool) *Host {
	h := &Host{loop: l, ipv4: y, pool: pool, random: random.New(c.Seed, "igmp"), version: c.IGMPVersion}
	x.Handle(ip.V4, wire.IGMP, h)
	y.SetReporter(h)
	return h
}

// Close stops all timers.
func (h *Host) Close() {
	for _, m := range h.links {
		m.cancel()
		m.compat.Stop()
	}
}

// Detach forgets an interface that is down.
func (h *Host) Detach(i *iface.Iface) {
	h.links = slices.DeleteFunc(h.links, func(m *member) bool {
		if m.iface != i {
			return false
		}
		m.cancel()
		m.compat.Stop()
		return true
	})
}

// member is the host as a member of groups on one interface.
type member struct {
	host       *Host
	iface      *iface.Iface
	groups     []*group // in order of addresses
	general    clock.Timer
	up         bool
	version1   time.Duration // until when an older querier counts as present
	version2   time.Duration
	compat     clock.Timer // when one of both is over
	was        int         // the version before
	robustness int
	interval   time.Duration // between queries, as the querier tells
}

// group is one that is wanted on the interface, or was until a moment ago.
type group struct {
	member *member
	addr   netip.Addr
	filter ip.Filter // what is wanted now

	answer  clock.Timer  // to a query
	sources []netip.Addr // that were asked for; none: all of the group (RFC 3376, 5.2)

	repeat   clock.Timer // of what changed
	modeLeft int         // state-change reports that still tell the filter mode
	changed  []change    // sources that changed
	reporter bool        // in version 2, this host reported the group last
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
	m.general.Init(h.loop, m.answerGeneral)
	m.compat.Init(h.loop, m.settle)
	h.links = append(h.links, m)
	i.Watch(m.watch)
	return m
}

// watch reports everything anew when the interface comes up again: it may be another link.
func (m *member) watch() {
	up := m.iface.Up()
	if up == m.up {
		return
	}
	m.up = up
	m.cancel()
	if up {
		for _, g := range slices.Clone(m.groups) {
			g.filter = ip.Filter{}
			m.host.GroupChanged(m.iface, g.addr)
		}
	}
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

// cancel stops answers and repeats (RFC 3376, 7.2.1).
func (m *member) cancel() {
	m.general.Stop()
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

// Error implements ip.Upper: nobody has to learn that a report did not arrive.
func (*Host) Error(*ip.Error) {}

// send sends a message: TTL 1, precedence Internetwork Control, router alert (RFC 3376, 4).
func (m *member) send(to netip.Addr, b []byte) {
	h := m.host
	igmp.Seal(b)
	p := h.pool.Copy(ip.Headroom, b)
	if p == nil {
		m.iface.Stats.Drop(stats.NoBuffer)
		return
	}
	s := ip.Send{
		Dst: to, Protocol: wire.IGMP, TTL: 1, TOS: 0xc0, Options: wire4.Options(nil).AppendRouterAlert(),
		Fragment: ip.FragmentNever, Out: m.iface, AnySource: true,
	}
	by, err := h.ipv4.Path(&s)
	if err != nil { // the interface is down
		p.Free()
		return
	}
	m.iface.Stats.IGMP.Sent++
	_ = h.ipv4.Output(p, &s, by) // counted there
}
