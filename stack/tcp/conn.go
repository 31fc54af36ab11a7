package tcp

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/tcp/congestion"
	"github.com/conform-stack/conform/stack/tcp/recovery"
	"github.com/conform-stack/conform/stack/tcp/rtt"
	"github.com/conform-stack/conform/stack/tcp/seq"
	"github.com/conform-stack/conform/stack/wire"
)

// A conn is a connection: what RFC 9293, 3.3.1, calls a transmission control block.
type conn struct {
	tcp         *TCP
	user        *Endpoint // nil: nobody has accepted it yet, or the user has let go of it
	owner       *Endpoint // who was its user
	listener    *listener // it came by a listener, and nobody has accepted it yet
	local, peer netip.AddrPort
	state       State
	passive     bool // it began with LISTEN
	set         settings

	snd  sender
	rcv  receiver
	opt  agreed
	tm   timers
	out  route
	ecn  ecnState
	fast fastOpen
	est  rtt.Estimator
	rec  recovery.Sender
	cc   congestion.Control // nil before data may be sent
	old  congestion.Control // of a connection that had this memory before

	early         *early        // what came with a SYN and waits for the connection
	remoteTimeout time.Duration // what the peer said of its user timeout
	tellTimeout   bool          // the peer is to be told of ours
	lingering     bool
	waits         bool          // among a crowd, for room to send
	starves       bool          // its user waits for memory
	orphaned      time.Duration // when its user let go of it

	heard      time.Duration // when the peer was heard last
	keeps      int           // keep-alive probes sent since
	challenges bucket        // and answers to what is not acceptable
	err        error         // what ended it, until the user has taken it
	learned    []byte        // the source route by which the peer is answered, if it came by one
	soft       error         // what the network said of it, and did not end it (3.9.2.2)
	waitNext   *conn         // in TIME-WAIT: the next to end
	waitPrev   *conn
}

// agreed is what the SYNs said.
type agreed struct {
	timestamps, sack bool
	offset           uint32        // of the clock of this side's timestamps
	recent           uint32        // TS.Recent (RFC 7323, 4.3)
	recentAt         time.Duration // when it was noted
	lastAck          seq.Value     // Last.ACK.sent
}

// route is the way to the peer, looked up now and then.
type route struct {
	network   ip.Network
	options   ip.Options
	send      ip.Send
	path      ip.Path
	at        time.Duration // when it was looked up
	known     bool
	confirmed time.Duration // when IP was told last that it works
	pseudo    wire.Sum
}

// pathAge is how long a path is used before it is looked up again.
const pathAge = 10 * time.Millisecond

func (c *conn) now() time.Duration { return c.tcp.loop.Now() }

// newConn makes a connection in CLOSED that nobody knows yet.
func (t *TCP) newConn(local, peer netip.AddrPort, o ip.Options, s settings) *conn {
	c := t.reuse()
	if c == nil {
		c = new(conn)
		c.tm.timer.Init(t.loop, c.expire)
	}
	c.tcp, c.local, c.peer, c.set = t, local, peer, s
	c.snd.buf.mem, c.rcv.buf.mem = &t.mem, &t.mem
	c.out.network = t.demux.Network(ip.FamilyOf(peer.Addr()))
	c.out.options = o
	c.opt.offset = t.stampOffset(local, peer)
	c.rcv.capacity = t.c.RecvBuffer
	if s.recvBuffer != 0 {
		c.rcv.capacity = max(s.recvBuffer, 0)
	}
	c.heard = t.loop.Now()
	c.initTimers()
	return c
}

// stats is where a connection counts: at the interface of its path.
func (c *conn) stats() *stats.Node {
	if c.out.known {
		return c.out.path.Out.Stats
	}
	return c.tcp.stats
}

// findPath looks up the way to the peer if that was not done lately.
func (c *conn) findPath() error {
	r := &c.out
	now := c.now()
	if r.known && now-r.at < pathAge && r.path.Out.Up() {
		return nil
	}
	if r.network == nil {
		return errno.EAFNOSUPPORT
	}
	if c.user != nil {
		r.options = c.user.Options
	}
	r.options.Fill(&r.send, wire.TCP, c.local.Addr(), c.peer.Addr())
	if !c.tcp.c.PathMTU.On() && r.send.Fragment == ip.FragmentWanted {
		r.send.Fragment = ip.FragmentAlways
	}
	path, err := r.network.Path(&r.send)
	if err != nil {
		r.known = false
		return err
	}
	if !r.known || path.Src != r.path.Src {
		r.pseudo = r.network.Pseudo(path.Src, c.peer.Addr(), wire.TCP)
	}
	changed := !r.known || path.MTU != r.path.MTU
	r.path, r.at, r.known = path, now, true
	if changed {
		c.measure()
	}
	return nil
}

// forgetPath has the way looked up again for the next segment.
func (c *conn) forgetPath() { c.out.at = -pathAge }

// ready is what the user may do.
func (c *conn) ready() (r Ready) {
	if c.readable() {
		r |= Readable
	}
	switch {
	case c.state == SynSent, c.state == SynReceived && !c.rcv.fast:
	case c.state.sends():
		if c.sendRoom() > 0 && c.snd.buf.could(c.snd.length) {
			r |= Writable
		}
	default:
		r |= Writable // Send says EPIPE
	}
	if c.rcv.urgent == urgentWaits || c.rcv.urgent == urgentHere && !c.rcv.urgentTaken {
		r |= Urgent
	}
	if c.rcv.finished || c.rcv.shut || c.state == Closed {
		r |= PeerClosed | Readable
	}
	if c.state == Closed || c.rcv.finished && c.snd.fin {
		r |= HangUp
	}
	if c.err != nil {
		r |= Failed
	}
	return r
}

func (c *conn) notify() {
	if c.user != nil {
		c.user.notify()
	}
}

func (c *conn) takeError() error {
	err := c.err
	c.err = nil
	return err
}

// fail ends the connection, which the user learns as an error.
func (c *conn) fail(why error) {
	c.stats().TCP.ConnectionsDropped++
	c.destroy(why)
}

// destroy deletes the connection and tells its user why; nil for an end that is none but the usual one.
func (c *conn) destroy(why error) {
	if c.state == Closed && !c.known() {
		return
	}
	l := c.listener
	if l != nil {
		l.lost(c)
	}
	if c.state == TimeWait {
		c.tcp.waits.remove(c)
	}
	c.state = Closed
	c.tcp.remove(c)
	c.stopTimers()
	c.fastOpenDone()
	c.snd.buf.drop()
	c.snd.length = 0
	if why != nil { // what was received is lost with a reset (3.10.7.4); what ended well is still there to be read
		c.rcv.buf.drop()
		c.rcv.unread = 0
		c.err = why
	}
	c.rcv.forgetOutOfOrder()
	if c.user == nil {
		c.rcv.buf.drop()
		c.tcp.spared(c)
	}
	c.notify()
}

func (c *conn) known() bool { return c.tcp.conns[tuple{c.local, c.peer}] == c }
