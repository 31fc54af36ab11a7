package tcp

import (
	"encoding/binary"
	"net/netip"

	"github.com/conform-stack/conform/stack/tcp/seq"
	"github.com/conform-stack/conform/stack/wire/tcp"
)

// fastOpenPeers is how many cookies of servers a client keeps.
const fastOpenPeers = 256

// fastOpenCache is what a client knows of servers (RFC 7413, 4.1.3): the cookie, and the MSS of the SYN,ACK. The oldest
// gives way.
type fastOpenCache struct {
	peers map[netip.Addr]fastOpenPeer
	order []netip.Addr
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
	if len(s.data) == 0 || c.listener.full() {
		return false
	}
	c.rcv.fast = true
	return true
}

// fastOpen is the client's side, and what a server has to say.
type fastOpen struct {
	offer bool // SYN,ACK carries a cookie
	ask   bool // SYN asks for one
	use   bool // SYN carries one, and data
	taken bool // the data on SYN was acknowledged
	data  int  // octets on SYN
}

// fastOpenConnect tells whether the SYN waits for the first data: a cookie for the peer is at hand (4.2.1).
func (c *conn) fastOpenConnect() bool {
	if !c.tcp.c.FastOpen.On() || !c.set.fastOpen {
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
	case c.state == SynReceived && c.fast.offer:
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

// fastOpenAcked takes in how much of a SYN with data was acknowledged; the rest is sent again, as new (4.2.1).
func (c *conn) fastOpenAcked(ack seq.Value) {
	n := &c.snd
	s := &c.tcp.in
	if c.state == SynSent && s.has(tcp.HasFastOpen) && !s.opt.Cookie.Request() {
		c.tcp.cookies.put(c.peer.Addr(), fastOpenPeer{s.opt.Cookie, max(n.peerMSS, c.tcp.c.DefaultMSS4)})
	}
	if c.fast.data > 0 {
		c.fast.taken = n.start.Less(ack)
		n.nxt = ack
		n.probed = ack
	}
}
