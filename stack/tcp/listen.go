package tcp

import (
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/tcp/seq"
	"github.com/conform-stack/conform/stack/wire/tcp"
)

// A listener is an endpoint in LISTEN, with the connections that came by it and that nobody has accepted: those half open,
// as many as the backlog or minHalf, and those that wait for Accept, backlog + 1 as on other systems.
type listener struct {
	endpoint *Endpoint
	backlog  int
	half     []*conn       // in SYN-RECEIVED, the oldest first
	done     []*conn       // established, the oldest first
	cookies  bool          // some were sent
	cookieAt time.Duration // the last one
}

// minHalf is how many connections may be in SYN-RECEIVED however small the backlog is.
const minHalf = 128

func (l *listener) halfFull() bool { return len(l.half) >= max(l.backlog, minHalf) }
func (l *listener) full() bool     { return len(l.done) > l.backlog }

// Listen makes the endpoint take connections (3.10.1, passive OPEN). backlog is how many may wait for Accept; it is cut
// to what is configured. Again on a listener, it changes the backlog. An endpoint that is not bound gets a port.
func (e *Endpoint) Listen(backlog int) error {
	backlog = min(max(backlog, 0), e.tcp.c.Backlog)
	switch {
	case e.closed:
		return errno.EBADF
	case e.conn != nil:
		return errno.EINVAL
	case e.listener != nil:
		e.listener.backlog = backlog
		return nil
	case e.local.Port() == 0:
		if err := e.Bind(e.local); err != nil {
			return err
		}
	}
	if !e.tcp.ports.mayListen(e) {
		return errno.EADDRINUSE
	}
	e.listener = &listener{endpoint: e, backlog: backlog}
	return nil
}

// Accept gives the connection that waits longest. EAGAIN says that none does.
func (e *Endpoint) Accept() (*Endpoint, error) {
	l := e.listener
	switch {
	case e.closed:
		return nil, errno.EBADF
	case l == nil:
		return nil, errno.EINVAL
	}
	for i, c := range l.done {
		if !c.acceptable() {
			continue
		}
		l.done = slices.Delete(l.done, i, i+1)
		c.listener = nil
		c.snd.buf.unaccepted, c.rcv.buf.unaccepted = false, false
		e.tcp.endpoints++
		u := &Endpoint{tcp: e.tcp, family: ip.FamilyOf(c.peer.Addr()), Options: c.out.options, conn: c, Reuse: e.Reuse, ReusePort: e.ReusePort}
		c.user = u
		return u, nil
	}
	return nil, errno.EAGAIN
}

// acceptable tells whether a connection waits for Accept: with DeferAccept only one whose peer has said something.
func (c *conn) acceptable() bool {
	return !c.set.deferAccept || c.rcv.unread > 0 || c.rcv.finished || c.state == Closed
}

func (l *listener) ready() Ready {
	for _, c := range l.done {
		if c.acceptable() {
			return Acceptable
		}
	}
	return 0
}

// established moves a connection to those that wait for Accept.
func (l *listener) established(c *conn) {
	l.half = slices.DeleteFunc(l.half, func(x *conn) bool { return x == c })
	l.done = append(l.done, c)
	if c.acceptable() {
		l.endpoint.notify()
	}
}

// lost forgets a connection that ended before anybody accepted it.
func (l *listener) lost(c *conn) {
	l.half = slices.DeleteFunc(l.half, func(x *conn) bool { return x == c })
	l.done = slices.DeleteFunc(l.done, func(x *conn) bool { return x == c })
}

// close resets what nobody has accepted.
func (l *listener) close() {
	for len(l.half) > 0 {
		l.half[0].abort(errno.ECONNABORTED)
	}
	for len(l.done) > 0 {
		l.done[0].abort(errno.ECONNABORTED)
	}
	l.endpoint.listener = nil
}

// inListen takes a segment for a port on which somebody listens, of no connection (3.10.7.2).
func (t *TCP) inListen(e *Endpoint, s *segment) {
	l := e.listener
	switch {
	case s.flags.Any(tcp.RST): // first
		s.drop(stats.TCPUnwanted)
	case s.flags.Any(tcp.ACK): // second: none is acceptable, but one that a cookie made
		if t.fromCookie(e, s) {
			return
		}
		s.drop(stats.TCPUnwanted)
		t.resetFor(s)
	case !s.flags.Any(tcp.SYN): // fourth
		s.drop(stats.TCPUnwanted)
	case l.full():
		s.drop(stats.TCPBacklog)
		s.stats().TCP.ConnectionsDropped++
	case l.halfFull() && t.c.SynCookies.On():
		t.sendCookie(e, s)
	default: // third
		if l.halfFull() { // the oldest gives way (RFC 4987, 3.4): in a flood it is hardly one that will ever be done
			s.stats().TCP.ConnectionsDropped++
			s.drop(stats.TCPBacklog)
			l.half[0].destroy(nil)
		}
		t.passiveOpen(e, s)
	}
}

// passiveOpen makes a connection of a SYN.
func (t *TCP) passiveOpen(e *Endpoint, s *segment) {
	c := t.child(e, s)
	if c == nil {
		return
	}
	c.snd.iss = t.isn(c.local, c.peer)
	c.startSending()
	c.startReceiving(s.seq)
	c.state, c.passive = SynReceived, true
	c.takeSynOptions(s)
	c.listener = e.listener
	c.listener.half = append(c.listener.half, c)
	fast := c.takeFastOpen(s)
	if fast {
		c.synWindow()
		c.text(s, s.seq.Add(1))
	} else if len(c.listener.half) <= minHalf/2 { // many who do so are a flood, and have to send it again
		c.keepEarly(s)
	}
	c.sendSyn()
	if fast { // RFC 7413, 4.2.2: the user may have it, and answer, before the third segment
		c.listener.established(c)
	}
}

// child makes a connection known for a segment that came to a listener; nil if there are too many.
func (t *TCP) child(e *Endpoint, s *segment) *conn {
	c := t.newConn(s.to, s.from, e.Options, e.set)
	c.snd.buf.unaccepted, c.rcv.buf.unaccepted = true, true
	c.replySourceRoute(s)
	if err := c.findPath(); err != nil {
		s.drop(stats.TCPUnwanted)
		return nil
	}
	if !t.add(c) {
		s.drop(stats.TCPBacklog)
		s.stats().TCP.ConnectionsDropped++
		return nil
	}
	return c
}

// startSending begins the space of sequence numbers at ISS.
func (c *conn) startSending() {
	n := &c.snd
	n.una, n.nxt, n.start = n.iss, n.iss, n.iss.Add(1)
	n.probed, n.up = n.iss, n.iss
	n.progress = c.now()
}

// startReceiving begins the peer's at IRS.
func (c *conn) startReceiving(irs seq.Value) {
	r := &c.rcv
	r.irs, r.nxt, r.read = irs, irs.Add(1), irs.Add(1)
	r.edge, r.up = r.nxt, r.nxt
	c.opt.lastAck = r.nxt
	r.queue.Init(r.nxt, outOfOrder)
}
