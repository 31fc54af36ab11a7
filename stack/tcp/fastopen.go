package tcp

import (
	"cmp"
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/tcp/seq"
	"github.com/conform-stack/conform/stack/wire/tcp"
)

const (
	fastOpenPeers  = 256             // cookies of servers that a client keeps, and servers to which it does without
	fastPendingMax = 256             // connections at a time whose data was taken before the handshake was done (4.2, 5.1)
	fastRefused    = 5 * time.Minute // how long a client does without after a SYN with data got no answer (4.1.3.1)
)

// fastOpenCache is what a client knows of servers (RFC 7413, 4.1.3): the cookie, and the MSS of the SYN,ACK. The oldest
// gives way.
type fastOpenCache struct {
	peers   map[netip.Addr]fastOpenPeer
	order   []netip.Addr
	refused map[netip.AddrPort]time.Duration // until when
}

// refuse notes that Fast Open does not work with a server, or on the way to it (4.1.3.1).
func (f *fastOpenCache) refuse(a netip.AddrPort, until time.Duration) {
	if f.refused == nil || len(f.refused) >= fastOpenPeers {
		f.refused = map[netip.AddrPort]time.Duration{}
	}
	f.refused[a] = until
}

type fastOpenPeer struct {
	cookie tcp.Cookie
	mss    int
}

func (f *fastOpenCache) put(a netip.Addr, p fastOpenPeer) {
	if f.peers == nil {
		f.peers = map[netip.Addr]fastOpenPeer{}
	}
	if _, ok := f.peers[a]; !ok {
		if len(f.order) >= fastOpenPeers {
			delete(f.peers, f.order[0])
			f.order = append(f.order[:0], f.order[1:]...)
		}
		f.order = append(f.order, a)
	}
	f.peers[a] = p
}

// serverCookie is the cookie of a client (4.1.2): a keyed hash of both addresses, without ports.
func (t *TCP) serverCookie(local, peer netip.AddrPort) tcp.Cookie {
	h := keyed(&t.secrets.fastOpen, netip.AddrPortFrom(local.Addr(), 0), netip.AddrPortFrom(peer.Addr(), 0), 0)
	c, _ := tcp.MakeCookie(binary.BigEndian.AppendUint64(nil, h))
	return c
}

// takeFastOpen tells whether a SYN brings a good cookie, so that its data is taken at once (4.2.2). A request for a cookie,
// or a bad one, is answered with one.
func (c *conn) takeFastOpen(s *segment) bool {
	if !c.tcp.c.FastOpen.On() || !c.set.fastOpen || !s.has(tcp.HasFastOpen) {
		return false
	}
	want := c.tcp.serverCookie(s.to, s.from)
	if s.opt.Cookie != want {
		c.fast.offer = true
		return false
	}
	if len(s.data) == 0 || c.listener.full() || c.tcp.fastPending >= fastPendingMax {
		return false
	}
	c.tcp.fastPending++
	c.rcv.fast, c.fast.pending = true, true
	return true
}

// fastOpen is the client's side, and what a server has to say.
type fastOpen struct {
	offer   bool // SYN,ACK carries a cookie
	ask     bool // SYN asks for one
	use     bool // SYN carries one, and data
	pending bool // it counts among those that have not finished the handshake
	taken   bool // the data on SYN was acknowledged
	data    int  // octets on SYN
}

// fastOpenConnect tells whether the SYN waits for the first data: a cookie for the peer is at hand (4.2.1).
func (c *conn) fastOpenConnect() bool {
	if !c.tcp.c.FastOpen.On() || !c.set.fastOpen {
		return false
	}
	if until, ok := c.tcp.cookies.refused[c.peer]; ok && c.now() < until {
		return false
	}
	p, ok := c.tcp.cookies.peers[c.peer.Addr()]
	if !ok {
		c.fast.ask = true
		return false
	}
	c.fast.use = true
	c.snd.deferred = true
	c.snd.peerMSS = p.mss
	return true
}

// fastOpenSend sends the SYN that has waited for data.
func (c *conn) fastOpenSend() {
	c.snd.deferred = false
	c.sendSyn()
}

// fastOpenOption puts the option on a SYN or SYN,ACK. What was lost once is not tried again (4.1.3.1).
func (c *conn) fastOpenOption(o *tcp.Options) {
	first := c.snd.nxt == c.snd.iss
	switch {
	case c.state == SynReceived && c.fast.offer && first:
		o.Has |= tcp.HasFastOpen
		o.Cookie = c.tcp.serverCookie(c.local, c.peer)
	case c.state == SynSent && c.fast.ask && first:
		o.Has |= tcp.HasFastOpen
	case c.state == SynSent && c.fast.use && first:
		o.Has |= tcp.HasFastOpen
		o.Cookie = c.tcp.cookies.peers[c.peer.Addr()].cookie
	}
}

// fastOpenData is how many octets go with the SYN: as many as are there and fit.
func (c *conn) fastOpenData(o *tcp.Options) int {
	if c.state != SynSent || !c.fast.use || c.snd.nxt != c.snd.iss {
		return 0
	}
	room := min(c.snd.peerMSS, c.out.path.MTU-c.ipHeader()-tcp.MinHeader) - o.Len()
	c.fast.data = max(0, min(c.snd.length, room))
	return c.fast.data
}

// fastOpenFailed notes that what the SYN had beyond an ordinary one was not taken.
func (c *conn) fastOpenFailed() {
	if c.fast.use || c.fast.ask {
		c.tcp.cookies.refuse(c.peer, c.now()+fastRefused)
	}
}

// fastOpenDone ends the time in which a connection counts as pending.
func (c *conn) fastOpenDone() {
	if c.fast.pending {
		c.fast.pending = false
		c.tcp.fastPending--
	}
}

// fastOpenAcked takes in how much of a SYN with data was acknowledged; the rest is sent again, as new (4.2.1).
func (c *conn) fastOpenAcked(ack seq.Value) {
	n := &c.snd
	s := &c.tcp.in
	if c.state == SynSent && s.has(tcp.HasFastOpen) && !s.opt.Cookie.Request() {
		c.tcp.cookies.put(c.peer.Addr(), fastOpenPeer{s.opt.Cookie, cmp.Or(n.peerMSS, c.tcp.defaultMSS(ip.FamilyOf(c.peer.Addr())))})
	}
	if c.fast.data > 0 {
		if c.fast.taken = n.start.Less(ack); !c.fast.taken {
			c.fastOpenFailed()
		}
		n.nxt = ack
		n.probed = ack
	}
}
