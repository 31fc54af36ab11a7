package lowpan

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/wire/lowpan"
)

// A Context is a prefix, or a whole address, that both sides of the link know by a number (RFC 6282, 3.1.2).
type Context struct {
	ID       uint8 // 0 to 15
	Prefix   netip.Prefix
	Compress bool          // it may be used to compress, not only to expand (RFC 6775, 4.2)
	Lifetime time.Duration // from now on; negative: it does not end
	// Hold is for how long after that it still expands, but does not compress: twice the default router lifetime (RFC 6775,
	// 5.4.3).
	Hold time.Duration
}

// contexts are those that are known, and when each ends.
type contexts struct {
	a    *Adapter
	wire lowpan.Contexts
	c    [lowpan.NumContexts]entry
	n    int
}

type entry struct {
	of      *contexts
	known   bool
	holding bool // its lifetime is over
	c       Context
	until   time.Duration // instant at which the lifetime is over
	timer   clock.Timer
}

func (s *contexts) init(a *Adapter) {
	s.a = a
	for i := range s.c {
		e := &s.c[i]
		e.of = s
		e.timer.Init(a.env.Loop, e.ended)
	}
}

// SetContext makes a context known, in place of the one that has its number, if there is one. A lifetime of 0 makes it
// unknown at once. It is false, and nothing has changed, when that many contexts are not kept, or it is no context.
func (a *Adapter) SetContext(c Context) bool {
	s := &a.contexts
	if c.ID >= lowpan.NumContexts || !c.Prefix.IsValid() || !c.Prefix.Addr().Is6() {
		return false
	}
	e := &s.c[c.ID]
	if c.Lifetime == 0 {
		e.forget()
		return true
	}
	if !e.known {
		if s.n >= a.c.MaxContexts {
			return false
		}
		e.known = true
		s.n++
	}
	c.Prefix = c.Prefix.Masked()
	e.c, e.holding = c, false
	e.timer.Stop()
	if c.Lifetime > 0 {
		e.until = a.env.Loop.Now() + c.Lifetime
		e.timer.Set(e.until)
	}
	e.publish()
	return true
}

// RemoveContext makes a context unknown.
func (a *Adapter) RemoveContext(id uint8) {
	if id < lowpan.NumContexts {
		a.contexts.c[id].forget()
	}
}

// Contexts adds those that are known to list, by their numbers. Lifetime is what is left of it, 0 for one that only expands
// because it is over.
func (a *Adapter) Contexts(list []Context) []Context {
	for i := range a.contexts.c {
		e := &a.contexts.c[i]
		if !e.known {
			continue
		}
		c := e.c
		switch {
		case e.holding:
			c.Lifetime, c.Compress = 0, false
		case c.Lifetime > 0:
			c.Lifetime = e.until - a.env.Loop.Now()
		}
		list = append(list, c)
	}
	return list
}

// publish tells the codec. A context that must not compress, or whose lifetime is over, only expands (RFC 6775, 5.4.2).
func (e *entry) publish() {
	compress := e.c.Compress && !e.holding && e.of.a.c.Contexts.On()
	e.of.wire.Set(e.c.ID, e.c.Prefix.Addr().As16(), uint8(e.c.Prefix.Bits()), compress)
}

// ended is due when the lifetime is over, and when the context has been held long enough after that.
func (e *entry) ended() {
	if e.holding || e.c.Hold <= 0 {
		e.forget()
		return
	}
	e.holding = true
	e.timer.After(e.c.Hold)
	e.publish()
}

func (e *entry) forget() {
	if e.known {
		e.timer.Stop()
		e.known = false
		e.of.n--
		e.of.wire.Clear(e.c.ID)
	}
}

func (s *contexts) clear() {
	for i := range s.c {
		s.c[i].forget()
	}
}
