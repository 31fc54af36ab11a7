package tcp

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/tcp/seq"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/tcp"
)

const protocol = codec.TCP

// A segment is one that is being processed.
type segment struct {
	d        *ip.Datagram
	packet   *packet.Packet // nil when the text comes from elsewhere
	to, from netip.AddrPort
	seq, ack seq.Value
	flags    tcp.Flags
	raw      uint16 // the window, as on the wire
	urgent   uint16
	data     []byte // aliases the packet
	copied   bool   // data lies in the receive buffer already, as what comes next
	opt      tcp.Options
}

// length is SEG.LEN: SYN and FIN count.
func (s *segment) length() seq.Size {
	n := seq.Size(len(s.data))
	if s.flags.Any(tcp.SYN) {
		n++
	}
	if s.flags.Any(tcp.FIN) {
		n++
	}
	return n
}

// window is SEG.WND.
func (s *segment) window(scale uint8) seq.Size { return seq.Size(s.raw) << scale }

func (s *segment) stats() *stats.Node   { return s.d.In.Stats }
func (s *segment) drop(why stats.Drop)  { s.d.In.Stats.Drop(why) }
func (s *segment) has(o tcp.Has) bool   { return s.opt.Has&o != 0 }
func (s *segment) trimSyn()             { s.flags &^= tcp.SYN; s.seq = s.seq.Add(1) }
func (s *segment) carriesNothing() bool { return s.length() == 0 }

// Input implements ip.Upper.
func (t *TCP) Input(p *packet.Packet, d *ip.Datagram) ip.Verdict {
	n := d.In.Stats
	n.TCP.Received++
	b := p.Bytes()
	h, data, err := tcp.Parse(b)
	if err != nil {
		n.Drop(stats.TCPInvalid)
		p.Free()
		return ip.Accepted
	}
	s := &t.in
	s.d, s.packet = d, p
	s.to, s.from = netip.AddrPortFrom(d.Dst, h.DstPort), netip.AddrPortFrom(d.Src, h.SrcPort)
	s.seq, s.ack, s.flags = seq.Value(h.Seq), seq.Value(h.Ack), h.Flags
	s.raw, s.urgent, s.data = h.Window, h.Urgent, data
	switch {
	case !t.verify(s, b):
		n.Drop(stats.TCPChecksum) // 3.1, MUST-3: silently
	case d.Cast != packet.Unicast || p.Cast != packet.Unicast:
		n.Drop(stats.TCPUnwanted) // 3.9.2.3, MUST-57: silently
	default:
		s.opt.Parse(h.Options)
		if h.Flags.Any(tcp.RST) {
			n.TCP.ResetsReceived++
		}
		t.dispatch(s)
	}
	s.d, s.packet, s.data, s.copied = nil, nil, nil, false
	p.Free()
	return ip.Accepted
}

// dispatch gives a segment to its connection, to who listens, or to nobody.
func (t *TCP) dispatch(s *segment) {
	if c := t.find(s.to, s.from); c != nil {
		c.arrives(s)
	} else if e := t.listenerFor(s.to, s.from); e != nil {
		t.inListen(e, s)
	} else { // 3.10.7.1: CLOSED
		s.drop(stats.TCPNoPort)
		if !s.flags.Any(tcp.RST) && t.c.ResetUnbound.On() {
			t.resetFor(s)
		}
	}
}

// arrives takes a segment of the connection (3.10.7).
func (c *conn) arrives(s *segment) {
	c.rcv.inside = true
	c.heard, c.keeps = c.now(), 0
	switch c.state {
	case SynSent:
		c.inSynSent(s)
	case TimeWait:
		c.inTimeWait(s)
	default:
		c.inOrder(s)
	}
	c.rcv.inside = false
	if c.state != Closed {
		c.respond()
	}
}

// stampLife is how long a timestamp is believed that is not renewed (RFC 7323, 5.5).
const stampLife = 24 * 24 * time.Hour

// inOrder is 3.10.7.4: eight steps, of which security does not exist here.
func (c *conn) inOrder(s *segment) {
	if c.state == SynReceived && s.flags.Any(tcp.SYN) && s.seq == c.rcv.irs {
		switch {
		case !s.flags.Any(tcp.ACK): // our SYN,ACK was lost: again
			c.sendSyn()
			s.drop(stats.TCPDuplicate)
			return
		case !c.passive && c.snd.iss.Less(s.ack) && s.ack.LessEq(c.snd.sent()): // the other half of a simultaneous open (3.5, figure 7); by the text SYN makes it unacceptable
			s.trimSyn()
		}
	}
	if !c.firstStep(s) {
		return
	}
	if s.flags.Any(tcp.RST) { // second
		c.inReset(s)
		return
	}
	if s.flags.Any(tcp.SYN) { // fourth
		if c.state == SynReceived && c.passive { // back to LISTEN
			s.drop(stats.TCPUnwanted)
			c.destroy(nil)
			return
		}
		s.drop(stats.TCPUnwanted)
		c.challenge() // RFC 5961, 4.2
		return
	}
	if !c.fifthStep(s) {
		return
	}
	if len(s.d.Options) > 0 && c.passive {
		c.replySourceRoute(s)
	}
	c.textAndFin(s)
}

// firstStep checks timestamp (RFC 7323, 5.3) and sequence number. It is false when the segment goes no further.
func (c *conn) firstStep(s *segment) bool {
	reset := s.flags.Any(tcp.RST)
	if c.opt.timestamps && !reset {
		switch {
		case !s.has(tcp.HasTimestamps): // RFC 7323, 3.2: SHOULD silently drop
			s.drop(stats.TCPUnwanted)
			return false
		case int32(s.opt.TSVal-c.opt.recent) >= 0:
		case c.now()-c.opt.recentAt >= stampLife: // 5.5: too old to compare with
			c.opt.recent, c.opt.recentAt = s.opt.TSVal, c.now()
		default: // R1
			s.drop(stats.TCPOld)
			c.answer(s)
			return false
		}
	}
	window := c.rcv.nxt.To(c.rcv.edge)
	if !seq.Acceptable(s.seq, s.length(), c.rcv.nxt, window) {
		switch {
		case reset:
			s.stats().TCP.ResetErrors++
			s.drop(stats.TCPOutWindow)
			return false
		case window == 0 && s.seq == c.rcv.nxt && !s.flags.Any(tcp.SYN):
			// Data beyond a closed window: ACK and URG are still good (3.10.7.4, first), the text is not.
			s.drop(stats.TCPOutWindow)
			c.ecnIn(s) // RFC 3168, 6.1.6
			s.data, s.flags = nil, s.flags&^tcp.FIN
			c.ackNow()
		default:
			if s.seq.Less(c.rcv.nxt) {
				s.drop(stats.TCPDuplicate)
				c.duplicate(s)
			} else {
				s.drop(stats.TCPOutWindow)
			}
			c.answer(s)
			return false
		}
	}
	if c.opt.timestamps && s.has(tcp.HasTimestamps) {
		c.noteStamp(s)
	}
	return true
}

// noteStamp is RFC 7323, 4.3 (2): the timestamp to be echoed is that of the segment that the last ACK answers.
func (c *conn) noteStamp(s *segment) {
	if s.seq.LessEq(c.opt.lastAck) && int32(s.opt.TSVal-c.opt.recent) >= 0 {
		c.opt.recent, c.opt.recentAt = s.opt.TSVal, c.now()
	}
}

// answer acknowledges a segment that is not acceptable. Those without text are answered at a limited rate, or two
// connections out of step would answer each other for ever (RFC 5961, 7).
func (c *conn) answer(s *segment) {
	if s.carriesNothing() && s.seq != c.rcv.nxt.Sub(1) && !c.challenges.take(c.tcp.challenge, c.now()) { // a keep-alive probe is always answered
		return
	}
	c.ackNow()
}

// inReset is the second step: an RST in the window (RFC 5961, 3.2).
func (c *conn) inReset(s *segment) {
	if s.seq != c.rcv.nxt {
		s.stats().TCP.ResetErrors++
		s.drop(stats.TCPUnwanted)
		c.challenge()
		return
	}
	s.stats().TCP.ConnectionsReset++
	switch c.state {
	case SynReceived:
		if c.passive {
			c.destroy(nil) // back to LISTEN
		} else {
			c.destroy(errno.ECONNREFUSED)
		}
	case Closing, LastAck:
		c.destroy(nil)
	default:
		c.destroy(errno.ECONNRESET)
	}
}

// challenge sends a challenge ACK, at a limited rate (RFC 5961, 7).
func (c *conn) challenge() {
	if c.challenges.take(c.tcp.challenge, c.now()) {
		c.stats().TCP.ChallengesSent++
		c.ackNow()
	}
}

// fifthStep takes the acknowledgement. It is false when the segment goes no further.
func (c *conn) fifthStep(s *segment) bool {
	n := &c.snd
	if !s.flags.Any(tcp.ACK) {
		s.drop(stats.TCPUnwanted)
		return false
	}
	if c.state == SynReceived {
		if s.ack.LessEq(n.iss) || n.sent().Less(s.ack) {
			s.stats().TCP.AckErrors++
			s.drop(stats.TCPUnwanted)
			c.tcp.resetFor(s) // 3.5.2, group 2
			return false
		}
		if l := c.listener; l != nil && !c.rcv.fast && l.full() { // it waits: the SYN,ACK is sent again
			s.drop(stats.TCPBacklog)
			return false
		}
		n.wnd, n.wl1, n.wl2 = s.window(n.scale), s.seq, s.ack
		n.maxWnd = max(n.maxWnd, n.wnd)
		c.synAcked(s.ack)
		c.becomeEstablished()
		return c.state != Closed
	}
	switch {
	case n.sent().Less(s.ack): // of what was never sent
		s.stats().TCP.AckErrors++
		s.drop(stats.TCPUnwanted)
		c.answer(s)
		return false
	case s.ack.Less(n.una.Sub(n.maxWnd)): // RFC 5961, 5.2 (MAY-12)
		s.stats().TCP.AckErrors++
		s.drop(stats.TCPUnwanted)
		c.challenge()
		return false
	}
	c.takeAck(s)
	if !n.finAcked() {
		return true
	}
	switch c.state {
	case FinWait1:
		c.state = FinWait2
		c.orphanTimeout()
		c.notify()
	case Closing:
		c.timeWait()
		if s.flags.Any(tcp.FIN) && s.seq == c.rcv.nxt {
			c.ackNow()
		}
		return false
	case LastAck:
		c.destroy(nil)
		return false
	}
	return true
}

// textAndFin are the last three steps: URG, text, FIN.
func (c *conn) textAndFin(s *segment) {
	if !c.state.receives() {
		return
	}
	c.ecnIn(s)
	if s.flags.Any(tcp.URG) { // sixth
		c.inUrgent(s)
		if !c.state.receives() { // the user, told of it, has let go
			return
		}
	}
	if len(s.data) > 0 || s.flags.Any(tcp.FIN) { // seventh and eighth
		c.text(s, s.seq)
	}
}
