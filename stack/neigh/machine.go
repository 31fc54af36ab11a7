package neigh

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/link"
)

// settle gives the state, after the ReachableTime has been looked at: no timer runs for it.
func (c *Cache) settle(e *entry) State {
	if e.state == Reachable && c.loop.Now() >= e.until {
		e.state = Stale
	}
	return e.state
}

// become enters a state and does what RFC 4861, 7.3.3 asks on entry.
func (c *Cache) become(e *entry, s State) {
	e.state, e.asked = s, 0
	e.timer.Stop()
	switch s {
	case Reachable:
		e.until = c.loop.Now() + c.config.reachable()
	case Delay:
		e.timer.After(c.config.delay())
	case Incomplete, Probe, Unreachable:
		c.solicit(e)
	}
}

// solicit asks once more, and sets the timer for the answer.
func (c *Cache) solicit(e *entry) {
	e.asked++
	e.timer.After(c.patience(e))
	to := e.link
	if e.state == Unreachable && !e.pinned { // it may have another link address by now (RFC 7048, 3)
		to, e.wanted = link.Addr{}, false
	}
	c.prober.Solicit(e.addr, to) // Incomplete has no link address, so that all are asked
}

// patience is how long an answer is waited for: in Unreachable longer each time.
func (c *Cache) patience(e *entry) time.Duration {
	d := c.config.retransTimer()
	if e.state != Unreachable {
		return d
	}
	for range e.asked {
		if d *= backoffMultiple; d >= maxRetransTimer {
			return maxRetransTimer
		}
	}
	return d
}

// timeout is due in Delay, Incomplete, Probe and Unreachable; other states set no timer.
func (e *entry) timeout() {
	c := e.cache
	switch {
	case e.state == Delay: // nobody confirmed it
		c.become(e, Probe)
	case e.state == Unreachable:
		if e.wanted {
			c.solicit(e)
		}
	case e.asked < c.config.solicits(e.state):
		c.solicit(e)
	case e.state == Probe && (c.config.Patient || e.pinned): // RFC 6775, 6: one that is registered stays as well
		c.failed++
		c.become(e, Unreachable)
		c.lost(e.addr)
	default: // 7.2.2, 7.3.3: nobody answered
		c.failed++
		addr, was := e.addr, e.state == Probe
		c.fail(e)
		if was {
			c.lost(addr)
		}
	}
}

func (c *Cache) lost(addr netip.Addr) {
	if f := c.config.Lost; f != nil {
		f(addr)
	}
}

// fail gives pending packets back and forgets the entry. It is forgotten first: what the prober does with the packets
// may ask for the same neighbour again.
func (c *Cache) fail(e *entry) {
	pending := e.pending.TakeAll()
	c.drop(e)
	for p := pending.Pop(); p != nil; p = pending.Pop() {
		c.prober.Unreachable(p)
	}
}

// learn takes in where a neighbour is.
func (c *Cache) learn(e *entry, at link.Addr) {
	news := e.link.IsZero()
	e.link = at
	if news && c.config.Watch != nil {
		c.config.Watch(e.addr, at, true)
	}
}

// flush sends what has waited, in order.
func (c *Cache) flush(e *entry) {
	for e.pending.Len() > 0 {
		c.prober.Send(e.pending.Pop(), e.link)
	}
}

func (c *Cache) find(addr netip.Addr) *entry {
	if e := c.last; e != nil && e.addr == addr {
		return e
	}
	e := c.entries[addr]
	if e != nil {
		c.last = e
	}
	return e
}

// create makes an entry that has no state yet. When there is no room, another one goes.
func (c *Cache) create(addr netip.Addr) *entry {
	if len(c.entries) >= c.config.entries() {
		c.evict()
	}
	e := c.idle
	if e == nil {
		e = &entry{cache: c}
		e.timer.Init(c.loop, e.timeout)
	} else {
		c.idle = e.next
	}
	c.uses++
	e.addr, e.link, e.state, e.router, e.pinned, e.used, e.next = addr, link.Addr{}, None, false, false, c.uses, nil
	c.entries[addr] = e
	return e
}

// evict drops the entry that is missed least: of the stale ones the one used longest ago, else of all but the static and pinned ones.
func (c *Cache) evict() {
	var victim *entry
	rank := func(e *entry) int {
		if e.pinned { // whoever pins entries sees to it that there is room for others
			return 3
		}
		switch c.settle(e) {
		case Stale, Unreachable:
			return 0
		case Static:
			return 2
		}
		return 1
	}
	for _, e := range c.entries { // the order does not matter: uses are all different
		if victim == nil || rank(e) < rank(victim) || rank(e) == rank(victim) && e.used < victim.used {
			victim = e
		}
	}
	c.drop(victim)
}

// drop forgets an entry; what waits in it is dropped.
func (c *Cache) drop(e *entry) {
	e.timer.Stop()
	c.stats.Drops[stats.NotResolved] += uint64(e.pending.Clear())
	delete(c.entries, e.addr)
	if c.last == e {
		c.last = nil
	}
	e.state, e.next = None, c.idle
	c.idle = e
	if !e.link.IsZero() && c.config.Watch != nil {
		c.config.Watch(e.addr, e.link, false)
	}
}
