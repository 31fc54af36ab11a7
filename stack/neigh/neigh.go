// Package neigh keeps what a node knows about its neighbours: the states of RFC 4861, section 7.3, for any prober.
//
// A prober (ARP, NDP, 6LoWPAN-ND) asks and reports; neigh decides. Nothing here knows a packet format.
//
// An entry is resolved when it has a link address. Packets for an unresolved one wait in it, the oldest gives way. Stale,
// Delay and Probe entries are resolved: packets flow while doubt is settled, which surprises people (7.3.2). An entry
// that is not used stays Stale and costs no timer; it goes when the room is needed.
//
// Not here: redirects and router lists (package ip), duplicate address detection (packages acd and ipv6).
package neigh

import (
	"cmp"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/link"
)

// A State is one of RFC 4861, 7.3.2, or Static.
type State uint8

const (
	None        State = iota // no entry
	Incomplete               // asked for; no link address yet
	Reachable                // confirmed a short while ago
	Stale                    // not confirmed lately, nor used since
	Delay                    // stale and used: upper layers have a moment to confirm it
	Probe                    // being asked by unicast
	Static                   // set by hand: never doubted
	Unreachable              // did not answer; used all the same, while all stations are asked (RFC 7048)
)

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "unknown state"
}

var stateNames = [...]string{"none", "incomplete", "reachable", "stale", "delay", "probe", "static", "unreachable"} // never written

// A Prober asks neighbours on behalf of a Cache.
type Prober interface {
	// Solicit asks who has target: all stations, or, when to is an address, that one.
	Solicit(target netip.Addr, to link.Addr)
	// Send owns a packet that waited until its next hop was resolved.
	Send(p *packet.Packet, to link.Addr)
	// Unreachable owns a packet whose next hop did not answer.
	Unreachable(p *packet.Packet)
}

// Config holds the constants of RFC 4861, 10, by their names there, and bounds.
type Config struct {
	Entries          int           // 0 means 256
	Pending          int           // packets that wait in an entry; 0 means 8
	ReachableTime    time.Duration // 0 means 30 s
	DelayFirstProbe  time.Duration // 0 means 5 s
	RetransTimer     time.Duration // 0 means 1 s
	MulticastSolicit int           // 0 means 3
	UnicastSolicit   int           // 0 means 3
	// Watch is told when the link address of a neighbour is known for the first time, and when the neighbour is forgotten. It
	// may be nil.
	Watch func(addr netip.Addr, at link.Addr, known bool)
	// Lost is told that a neighbour, which was reached before, no longer answers. It may be nil.
	Lost    func(addr netip.Addr)
	Patient bool // RFC 7048: a neighbour that no longer answers becomes Unreachable and is not forgotten
}

// Of RFC 7048, 4.
const (
	backoffMultiple = 3
	maxRetransTimer = time.Minute
)

func (c *Config) entries() int                { return cmp.Or(c.Entries, 256) }
func (c *Config) pending() int                { return cmp.Or(c.Pending, 8) }
func (c *Config) reachable() time.Duration    { return cmp.Or(c.ReachableTime, 30*time.Second) }
func (c *Config) delay() time.Duration        { return cmp.Or(c.DelayFirstProbe, 5*time.Second) }
func (c *Config) retransTimer() time.Duration { return cmp.Or(c.RetransTimer, time.Second) }
func (c *Config) solicits(s State) (count int) { // how many are sent before giving up
	if s == Incomplete {
		return cmp.Or(c.MulticastSolicit, 3)
	}
	return cmp.Or(c.UnicastSolicit, 3)
}

// A Cache is what one interface knows of its neighbours of one family.
type Cache struct {
	loop    *clock.Loop
	prober  Prober
	config  Config
	stats   *stats.Node
	entries map[netip.Addr]*entry
	last    *entry // found last, nearly always the next one sought
	idle    *entry // entries not in use
	uses    uint64
	failed  uint64
}

type entry struct {
	cache   *Cache
	addr    netip.Addr
	link    link.Addr
	state   State
	router  bool          // by its own word
	pinned  bool          // registered
	until   time.Duration // Reachable ends
	asked   int           // solicitations sent in this state
	wanted  bool          // used since it was asked for last
	used    uint64        // when, for eviction
	pending packet.Queue
	timer   clock.Timer
	next    *entry // of idle
}

// New makes an empty cache.
func New(l *clock.Loop, p Prober, s *stats.Node, c Config) *Cache {
	return &Cache{loop: l, prober: p, config: c, stats: s, entries: map[netip.Addr]*entry{}}
}

// SetTimes changes ReachableTime and RetransTimer, as routers may ask of an interface (RFC 4861, 6.3.4); 0 leaves one as
// it is. Timers that run already keep their end.
func (c *Cache) SetTimes(reachable, retrans time.Duration) {
	c.config.ReachableTime = cmp.Or(reachable, c.config.ReachableTime)
	c.config.RetransTimer = cmp.Or(retrans, c.config.RetransTimer)
}

// Resolve gives the link address of a neighbour to which p is to be sent; p stays the caller's. When it is not known, ok
// is false and the cache owns p: the prober gets it back, to send it or because nobody answered.
func (c *Cache) Resolve(addr netip.Addr, p *packet.Packet) (to link.Addr, ok bool) {
	e := c.find(addr)
	if e == nil {
		e = c.create(addr)
		c.become(e, Incomplete)
	}
	c.uses++
	e.used = c.uses
	switch c.settle(e) {
	case Incomplete:
		if e.pending.Len() >= c.config.pending() { // RFC 4861, 7.2.2: the new one replaces the oldest
			e.pending.Pop().Free()
			c.stats.Drop(stats.PendingFull)
		}
		if p.Scarce() {
			p.Free()
			c.stats.Drop(stats.PendingFull)
			return link.Addr{}, false
		}
		e.pending.Push(p)
		return link.Addr{}, false
	case Stale: // 7.3.3: used at once; its use starts the doubt
		c.become(e, Delay)
	case Unreachable: // RFC 7048, 3: asked for as long as it is used
		if _, asking := e.timer.When(); !asking {
			c.solicit(e)
		}
		e.wanted = true
	}
	return e.link, true
}

// Confirm takes in from an upper layer that a neighbour is reachable: it answered (RFC 4861, 7.3.1).
func (c *Cache) Confirm(addr netip.Addr) {
	if e := c.find(addr); e != nil && e.state != Incomplete && e.state != Static {
		c.become(e, Reachable)
	}
}

// Doubt takes in from an upper layer that a neighbour may no longer be reachable: what is sent to it is not answered (RFC
// 1122, 3.3.1.4). One that counts as reachable is so no longer, and is asked at once; doubt that there is already takes its
// course.
func (c *Cache) Doubt(addr netip.Addr) {
	if e := c.find(addr); e != nil && (c.settle(e) == Reachable || e.state == Stale) {
		c.become(e, Probe)
	}
}

// Probe asks a neighbour once whether it is there, that nothing is sent to now (RFC 4191, 3.5). One that is known and not
// Unreachable is left alone.
func (c *Cache) Probe(addr netip.Addr) {
	e := c.find(addr)
	switch {
	case e == nil:
		e = c.create(addr)
		c.become(e, Incomplete)
		e.asked = c.config.solicits(Incomplete)
	case e.state == Unreachable:
		c.solicit(e)
	}
}

// Set makes a Static entry.
func (c *Cache) Set(addr netip.Addr, at link.Addr) {
	e := c.find(addr)
	if e == nil {
		e = c.create(addr)
	}
	c.learn(e, at)
	c.become(e, Static)
	c.flush(e)
}

// Pin says where a neighbour is that has registered its address (RFC 6775, 6): it is Stale now. Until it is removed it is
// not forgotten, whether it answers or not, and no message of others moves it. When there is no room, another one goes.
func (c *Cache) Pin(addr netip.Addr, at link.Addr) {
	e := c.find(addr)
	if e == nil {
		e = c.create(addr)
	}
	e.pinned = true
	c.learn(e, at)
	c.become(e, Stale)
	c.flush(e)
}

// Remove forgets a neighbour and tells whether it was known. Packets that wait for it are dropped.
func (c *Cache) Remove(addr netip.Addr) bool {
	e := c.entries[addr]
	if e == nil {
		return false
	}
	c.drop(e)
	return true
}

// State is the state of an address, and its link address if it is resolved.
func (c *Cache) State(addr netip.Addr) (State, link.Addr) {
	e := c.entries[addr]
	if e == nil {
		return None, link.Addr{}
	}
	return c.settle(e), e.link
}

// Len is the number of entries.
func (c *Cache) Len() int { return len(c.entries) }

// Failed is how often nobody answered.
func (c *Cache) Failed() uint64 { return c.failed }

// Clear forgets everything.
func (c *Cache) Clear() {
	for _, e := range c.entries {
		c.drop(e)
	}
}
