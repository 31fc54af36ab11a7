package tcp

import (
	"cmp"

	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/wire/tcp"
)

// minMSS is the least that is believed of a peer's MSS: less would be all header.
const minMSS = 64

// leastData is how many octets of data a segment carries at least, however small the path: what is left of 68 octets
// (RFC 791, 3.2) beside headers with timestamps.
const leastData = 16

// defaultMSS is what a peer takes that says nothing (3.7.1, MUST-15).
func (t *TCP) defaultMSS(f ip.Family) int {
	if f == ip.V6 {
		return t.c.DefaultMSS6
	}
	return t.c.DefaultMSS4
}

// ipHeader is the length of a header of IP without options.
func (c *conn) ipHeader() int {
	if c.peer.Addr().Is4() {
		return 20
	}
	return 40
}

// advertised is the MSS that this side takes: what the link carries, without headers of fixed size (3.7.1, MUST-67), and
// not more than the user has asked for.
func (c *conn) advertised() int {
	n := c.tcp.c.MSS
	if c.set.maxSeg > 0 {
		n = min(n, c.set.maxSeg)
	}
	if c.out.known {
		n = min(n, c.out.path.Out.MTU()-c.ipHeader()-tcp.MinHeader)
	}
	return n
}

// measure computes Eff.snd.MSS (3.7.1): the payload of a full segment.
func (c *conn) measure() {
	n := &c.snd
	if !c.out.known {
		return
	}
	mss := c.payload(c.effectiveMTU())
	if mss != n.mss {
		n.mss = mss
		if c.cc != nil {
			c.rec.SetMSS(mss)
		}
	}
}

// payload is how many octets of data a packet of a length carries, in segments that the peer takes.
func (c *conn) payload(mtu int) int {
	send := cmp.Or(c.snd.peerMSS, c.tcp.defaultMSS(ip.FamilyOf(c.peer.Addr())))
	if c.set.maxSeg > 0 {
		send = min(send, c.set.maxSeg)
	}
	return max(min(send+c.ipHeader()+tcp.MinHeader, mtu)-c.overhead(), leastData)
}

// overhead is what a packet holds beside data.
func (c *conn) overhead() int {
	n := c.ipHeader() + tcp.MinHeader + len(c.out.send.Options)
	if c.opt.timestamps {
		n += 12
	}
	return n
}

// synOptions are the options of a SYN, or a SYN,ACK: what this side wants, or has agreed to.
func (c *conn) synOptions(o *tcp.Options) {
	*o = tcp.Options{Has: tcp.HasMSS, MSS: uint16(c.advertised())}
	cfg := &c.tcp.c
	answer := c.state == SynReceived && c.passive // to simultaneous SYNs each side says what it wants
	if cfg.Timestamps.On() && (!answer || c.opt.timestamps) {
		o.Has |= tcp.HasTimestamps
		o.TSVal = c.stamp()
		if c.state == SynReceived {
			o.TSEcr = c.opt.recent
		}
	}
	if cfg.SACK.On() && (!answer || c.opt.sack) {
		o.Has |= tcp.HasSACKPermitted
	}
	if cfg.WindowScale.On() && (!answer || c.snd.scaled) {
		o.Has |= tcp.HasWScale
		o.WScale = scaleFor(c.recvMax())
	}
	if c.set.tellTimeout { // RFC 5482, 3.3
		o.Has |= tcp.HasUserTimeout
		o.UserTimeout = c.userTimeoutValue()
	}
	c.fastOpenOption(o)
}

// recvMax is the largest that the receive buffer may become.
func (c *conn) recvMax() int {
	if c.set.recvBuffer != 0 {
		return max(c.set.recvBuffer, 0)
	}
	return max(c.rcv.capacity, c.tcp.c.RecvBufferMax)
}

// takeSynOptions takes in the options of the peer's SYN. What it does not say, it does not have.
func (c *conn) takeSynOptions(s *segment) {
	o, cfg := &s.opt, &c.tcp.c
	n := &c.snd
	n.peerMSS = 0
	if s.has(tcp.HasMSS) && o.MSS > 0 {
		n.peerMSS = max(int(o.MSS), minMSS)
	}
	if cfg.WindowScale.On() && s.has(tcp.HasWScale) { // RFC 7323, 2.2: only if both sides say so
		n.scaled = true
		n.scale = min(o.WScale, maxScale)
		c.rcv.scale = scaleFor(c.recvMax())
	}
	if cfg.Timestamps.On() && s.has(tcp.HasTimestamps) {
		c.opt.timestamps = true
		c.opt.recent, c.opt.recentAt = o.TSVal, c.now()
	}
	c.opt.sack = cfg.SACK.On() && s.has(tcp.HasSACKPermitted)
	c.takeTimeout(s)
	c.ecnSyn(s)
	n.wnd = s.window(0)
	n.maxWnd = max(n.maxWnd, n.wnd)
	n.wl1, n.wl2 = s.seq, s.ack
	c.measure()
}

// stamp is the clock of this side's timestamps.
func (c *conn) stamp() uint32 { return c.tcp.stampNow() + c.opt.offset }
