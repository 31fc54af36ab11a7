package tcp

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/tcp/recovery"
	"github.com/conform-stack/conform/stack/tcp/seq"
	"github.com/conform-stack/conform/stack/wire/tcp"
)

// Connect opens a connection (3.10.1, active OPEN). EINPROGRESS says that the SYN is sent: readiness tells when the
// connection is there, or TakeError why it is not. With FastOpen and a cookie for the peer the SYN waits for the first
// Send, and Connect is done at once.
func (e *Endpoint) Connect(peer netip.AddrPort) error {
	t := e.tcp
	switch {
	case e.closed:
		return errno.EBADF
	case e.listener != nil:
		return errno.EOPNOTSUPP
	case e.conn != nil && !e.conn.failedToConnect():
		return e.conn.connectAgain()
	}
	f := ip.FamilyOf(peer.Addr())
	n := t.demux.Network(f)
	switch {
	case !peer.IsValid() || n == nil || f != e.family && !e.Dual:
		return errno.EAFNOSUPPORT
	case peer.Port() == 0:
		return errno.EADDRNOTAVAIL
	case peer.Addr().IsMulticast() || n.IsBroadcast(peer.Addr()): // 3.9.2.3, MUST-57 for the other end
		return errno.ENETUNREACH
	}
	// The path says which source address fits (3.9.2.3: the address of the connection stays for its lifetime).
	var by ip.Send
	local := e.local.Addr()
	e.Options.Fill(&by, protocol, local, peer.Addr())
	path, err := n.Path(&by)
	if err != nil {
		return errno.Of(err)
	}
	if path.Hop.Cast != packet.Unicast {
		return errno.ENETUNREACH
	}
	if e.local.Port() == 0 {
		port, err := t.ephemeralTo(path.Src, peer, e.Ports)
		if err != nil {
			return err
		}
		e.local = netip.AddrPortFrom(local, port)
		t.ports.add(e)
	}
	from := netip.AddrPortFrom(path.Src, e.local.Port())
	if old := t.find(from, peer); old != nil && !old.mayReplace() {
		return errno.EADDRINUSE
	} else if old != nil {
		old.destroy(nil)
	}
	c := t.newConn(from, peer, e.Options, e.set)
	if !t.add(c) {
		return errno.ENOBUFS
	}
	c.user, e.conn = e, c
	c.state = SynSent
	c.snd.iss = t.isn(from, peer)
	c.startSending()
	if err := c.findPath(); err != nil {
		c.destroy(nil)
		e.conn = nil
		return errno.Of(err)
	}
	c.stats().TCP.Opened++
	if c.fastOpenConnect() {
		return nil
	}
	c.sendSyn()
	return errno.EINPROGRESS
}

// failedToConnect tells whether the endpoint may try again: its connection came to nothing, and the user knows.
func (c *conn) failedToConnect() bool {
	return c.state == Closed && c.err == nil && c.cc == nil
}

// connectAgain answers a Connect on an endpoint that has a connection.
func (c *conn) connectAgain() error {
	switch {
	case c.state == SynSent, c.state == SynReceived:
		return errno.EALREADY
	case c.err != nil:
		return c.takeError()
	case c.state == Closed:
		return errno.ECONNABORTED
	}
	return errno.EISCONN
}

// inSynSent is 3.10.7.3.
func (c *conn) inSynSent(s *segment) {
	n := &c.snd
	acceptable := false
	if s.flags.Any(tcp.ACK) { // first
		if s.ack.LessEq(n.iss) || n.nxt.Less(s.ack) {
			s.stats().TCP.AckErrors++
			s.drop(stats.TCPUnwanted)
			if !s.flags.Any(tcp.RST) {
				c.tcp.resetFor(s)
			}
			return
		}
		acceptable = true
	}
	if s.flags.Any(tcp.RST) { // second
		if !acceptable {
			s.stats().TCP.ResetErrors++
			s.drop(stats.TCPUnwanted)
			return
		}
		s.stats().TCP.ConnectionsReset++
		c.destroy(errno.ECONNREFUSED)
		return
	}
	if !s.flags.Any(tcp.SYN) { // fifth
		s.drop(stats.TCPUnwanted)
		return
	}
	// fourth
	c.startReceiving(s.seq)
	c.takeSynOptions(s)
	if !acceptable { // simultaneous open (3.5)
		c.state = SynReceived
		c.measure()
		c.sendSyn() // <SEQ=ISS><ACK=RCV.NXT><CTL=SYN,ACK>
		c.keepEarly(s)
		return
	}
	c.synAcked(s.ack)
	n.wnd = s.window(0) // that of a SYN is never scaled (RFC 7323, 2.2)
	n.wl1, n.wl2 = s.seq, s.ack
	n.maxWnd = max(n.maxWnd, n.wnd)
	c.becomeEstablished()
	c.ackNow()
	s.trimSyn()
	c.textAndFin(s) // what else it carries: the sixth step and those after it (3.10.7.4)
	if c.state != Closed {
		c.output()
	}
}

// synAcked takes in that the peer has our SYN, and of what followed it as much as ack says (RFC 7413, 4.2.1).
func (c *conn) synAcked(ack seq.Value) {
	n := &c.snd
	if n.retries == 0 && c.est.Backoffs() == 0 { // RFC 6298, 3: not of a SYN sent twice
		c.est.Sample(c.now(), c.now()-n.sentAt, 1)
	}
	n.retries = 0
	c.stopTimer(rexmitTimer)
	c.fastOpenAcked(ack)
	if c.cc != nil { // data went out before
		c.inform(&c.tcp.in, &recovery.Ack{Now: c.now(), Ack: seq.Max(ack, c.rec.Una())})
	}
	c.acked(ack)
}

// becomeEstablished ends the handshake.
func (c *conn) becomeEstablished() {
	c.state = Established
	if c.snd.fin { // the user has closed meanwhile (3.10.4)
		c.state = FinWait1
	}
	c.fastOpenDone()
	c.measure()
	if c.cc == nil {
		c.beginSending(c.snd.una)
	}
	c.keepRestart()
	c.takeEarly()
	c.tellTimeout = c.set.tellTimeout
	if c.passive {
		c.stats().TCP.Accepted++
	}
	if l := c.listener; l != nil && !c.rcv.fast {
		l.established(c)
	}
	c.notify()
}
