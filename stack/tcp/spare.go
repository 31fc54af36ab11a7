package tcp

import "github.com/conform-stack/conform/stack/tcp/congestion"

// spares are connections that have ended and that nobody uses: their memory is for those to come. A server that makes and
// ends many a second would else leave all its work to the garbage collector.
type spares struct {
	conns [maxSpares]spare // a ring, the oldest at first
	first int
	count int
}

// spare is a connection, and the event in which it ended. What is on the way back from there may still look at it: it is
// not used before the next event.
type spare struct {
	c     *conn
	since uint64
}

const maxSpares = 256

// spared keeps the memory of a connection that is deleted and has no user.
func (t *TCP) spared(c *conn) {
	s := &t.spares
	if c.waits || c.starves || s.count == maxSpares {
		return
	}
	s.conns[(s.first+s.count)%maxSpares] = spare{c, t.loop.Ran()}
	s.count++
}

// reuse is a connection like a new one; nil when there is none to spare.
func (t *TCP) reuse() *conn {
	s := &t.spares
	if s.count == 0 || s.conns[s.first].since == t.loop.Ran() {
		return nil
	}
	c := s.conns[s.first].c
	s.conns[s.first].c = nil
	s.first, s.count = (s.first+1)%maxSpares, s.count-1
	if e := c.owner; e != nil { // closed: it is CLOSED from now on
		e.conn = nil
	}
	c.rec.Clear()
	old := *c
	*c = conn{tm: timers{timer: old.tm.timer}, rec: old.rec, old: old.cc}
	if c.old == nil {
		c.old = old.old
	}
	c.rcv.queue = old.rcv.queue
	return c
}

// control is a new congestion control, in the memory of an old one of its kind if there is one.
func (c *conn) control() congestion.Control {
	cfg := congestion.Config{
		MSS: c.snd.mss, InitialWindow: c.tcp.c.InitialWindow, SynLost: c.snd.synLost, LargeIncrement: true,
	}
	old := c.old
	c.old = nil
	name := congestionNames[c.set.congestion]
	if old != nil && old.Name() == name {
		old.Init(cfg)
		return old
	}
	return congestion.New(name, cfg)
}
