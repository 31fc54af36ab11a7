package tcp

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/tcp/seq"
	"github.com/conform-stack/conform/stack/wire/tcp"
)

// A SYN cookie (RFC 4987, 3.6) is an initial sequence number that says all that a connection must know of the SYN, so that
// nothing is kept until the third segment comes:
//
//	5 bits   when it was made, in units of cookieUnit
//	3 bits   the peer's MSS, rounded down to one of cookieMSS
//	24 bits  a keyed hash of these, of the connection and of the peer's initial sequence number
//
// The rest is in the low bits of the timestamp, which comes back; without timestamps there is no scaling and no SACK.

// cookieUnit is the clock of cookies, and cookieLife how many of its units one lives.
const (
	cookieUnit = 64 * time.Second
	cookieLife = 2
)

var cookieMSS = [8]int{64, 256, 536, 1024, 1220, 1440, 1460, 8940} // never written

// What the low bits of a timestamp say.
const (
	stampScale  = 0xf // the peer's shift; 15: none
	stampSACK   = 1 << 4
	stampECN    = 1 << 5
	stampBits   = 6
	stampNoneWS = 15
)

func (t *TCP) cookie(local, peer netip.AddrPort, irs seq.Value, unit, mss uint32) seq.Value {
	h := keyed(&t.secrets.cookie, local, peer, uint32(irs)^unit<<27^mss<<24^unit) & 0xffffff
	return seq.Value(unit&31<<27 | mss<<24 | uint32(h))
}

// sendCookie answers a SYN and forgets it.
func (t *TCP) sendCookie(e *Endpoint, s *segment) {
	c := t.newConn(s.to, s.from, e.Options, e.set) // for the length of this call
	c.replySourceRoute(s)
	if c.findPath() != nil {
		return
	}
	c.startReceiving(s.seq)
	c.state, c.passive = SynReceived, true
	c.takeSynOptions(s)
	index := uint32(0)
	for i, m := range cookieMSS {
		if c.snd.peerMSS >= m || i == 2 && c.snd.peerMSS == 0 {
			index = uint32(i)
		}
	}
	c.snd.iss = t.cookie(s.to, s.from, s.seq, uint32(t.loop.Now()/cookieUnit), index)
	e.listener.cookies, e.listener.cookieAt = true, t.loop.Now()
	if !c.opt.timestamps {
		c.snd.scaled, c.rcv.scale, c.opt.sack, c.ecn.on = false, 0, false, false
	}
	var o tcp.Options
	c.synOptions(&o)
	if c.opt.timestamps {
		bits := uint32(stampNoneWS)
		if c.snd.scaled {
			bits = uint32(c.snd.scale)
		}
		if c.opt.sack {
			bits |= stampSACK
		}
		if c.ecn.on {
			bits |= stampECN
		}
		v := o.TSVal&^(1<<stampBits-1) | bits
		if int32(v-o.TSVal) > 0 { // timestamps never go back
			v -= 1 << stampBits
		}
		o.TSVal = v
	}
	h := tcp.Header{Seq: uint32(c.snd.iss), Ack: uint32(c.rcv.nxt), Flags: tcp.SYN | tcp.ACK | c.ecnSynFlags(), Window: c.synWindow()}
	if p := c.build(&h, &o, 0, 0); p != nil {
		c.ship(p)
	}
}

// fromCookie makes a connection of an ACK that brings a cookie back. It is false for any other ACK.
func (t *TCP) fromCookie(e *Endpoint, s *segment) bool {
	l := e.listener
	now := t.loop.Now()
	if !t.c.SynCookies.On() || !l.cookies || now-l.cookieAt > (cookieLife+1)*cookieUnit || s.flags.Any(tcp.SYN) {
		return false
	}
	iss, irs := s.ack.Sub(1), s.seq.Sub(1)
	unit := uint32(now / cookieUnit)
	age := (unit - uint32(iss)>>27) & 31
	mss := uint32(iss) >> 24 & 7
	if age > cookieLife || age > unit || t.cookie(s.to, s.from, irs, unit-age, mss) != iss {
		return false
	}
	if l.full() {
		s.drop(stats.TCPBacklog)
		return true
	}
	c := t.child(e, s)
	if c == nil {
		return true
	}
	n := &c.snd
	n.iss = iss
	c.startSending()
	n.nxt = iss.Add(1)
	c.startReceiving(irs)
	c.state, c.passive = SynReceived, true
	n.peerMSS = cookieMSS[mss]
	if t.c.Timestamps.On() && s.has(tcp.HasTimestamps) {
		bits := s.opt.TSEcr & (1<<stampBits - 1)
		c.opt.timestamps, c.opt.recent, c.opt.recentAt = true, s.opt.TSVal, now
		c.opt.sack = bits&stampSACK != 0
		c.ecn.on = bits&stampECN != 0 && t.c.ECN.On()
		if ws := bits & stampScale; ws != stampNoneWS && t.c.WindowScale.On() {
			n.scaled, n.scale, c.rcv.scale = true, min(uint8(ws), maxScale), scaleFor(c.recvMax())
		}
	}
	c.est.Init(c.rttConfig())
	c.synWindow()
	c.measure()
	c.listener = l
	l.half = append(l.half, c)
	c.arrives(s)
	return true
}
