package tcp

import (
	"time"

	"github.com/conform-stack/conform/stack/tcp/recovery"
	"github.com/conform-stack/conform/stack/tcp/seq"
	"github.com/conform-stack/conform/stack/wire/tcp"
)

// takeAck is the fifth step of 3.10.7.4 for an acknowledgement of what was sent.
func (c *conn) takeAck(s *segment) {
	n := &c.snd
	if s.ack.Less(n.una) { // old
		return
	}
	was := n.wnd
	c.takeWindow(s)
	if s.has(tcp.HasUserTimeout) {
		c.takeTimeout(s)
	}
	if c.cc == nil {
		return
	}
	a := recovery.Ack{Now: c.now(), Ack: s.ack, ECE: c.ecn.on && s.flags.Any(tcp.ECE)}
	if s.ack == n.una {
		a.Duplicate = len(s.data) == 0 && n.wnd == was && !s.flags.Any(tcp.FIN) // RFC 5681, 2
	}
	c.inform(s, &a)
}

// inform tells loss recovery of an acknowledgement, and gives up what has arrived.
func (c *conn) inform(s *segment, a *recovery.Ack) {
	n := &c.snd
	if c.opt.timestamps && s.has(tcp.HasTimestamps) && s.opt.TSEcr != 0 { // RFC 7323, 4
		if d := int32(c.stamp() - s.opt.TSEcr); d >= 0 {
			a.HasEcho = true
			a.Echo = (a.Now/time.Millisecond - time.Duration(d)) * time.Millisecond
		}
	}
	if c.opt.sack && s.has(tcp.HasSACK) {
		for i, b := range s.opt.SACK[:s.opt.Blocks] {
			c.tcp.blocks[i] = seq.Range{Start: seq.Value(b.Start), End: seq.Value(b.End)}
		}
		a.SACK = c.tcp.blocks[:s.opt.Blocks]
	}
	if n.nxt.Less(a.Ack) { // the octet of a window probe was taken
		c.probeTaken(a.Ack)
	}
	r := c.rec.Acked(*a)
	if r.Entered {
		c.stats().TCP.FastRetransmits++
	}
	if r.Reduced && c.ecn.on {
		c.ecn.cwr = true
	}
	if r.Acked > 0 {
		c.acked(a.Ack)
		c.noteAcked(r.Longest)
	}
	if r.Probe != recovery.Undecided {
		c.probed(r.Probe)
	}
}

// takeWindow updates SND.WND, if the segment is not older than the one that it was taken from.
func (c *conn) takeWindow(s *segment) {
	n := &c.snd
	if !(n.wl1.Less(s.seq) || n.wl1 == s.seq && n.wl2.LessEq(s.ack)) {
		return
	}
	was := n.wnd
	n.wnd, n.wl1, n.wl2 = s.window(n.scale), s.seq, s.ack
	n.maxWnd = max(n.maxWnd, n.wnd)
	if was == 0 || n.wnd == 0 || n.una.Add(n.wnd).Less(n.nxt) {
		n.progress = c.now() // the window is closed or shrunk, but the peer lives (3.8.6.1, MUST-37; 3.8.6, SHLD-17)
		if n.wnd > 0 && c.timerSet(persistTimer) {
			c.stopTimer(persistTimer)
		}
	}
}

// acked gives up what has arrived: everything before a sequence number.
func (c *conn) acked(ack seq.Value) {
	n := &c.snd
	n.una = ack
	// What is not renewed must not fall behind by half the sequence space, or it would lie ahead.
	far := ack.Sub(1 << 30)
	n.up, n.probed = seq.Max(n.up, far), seq.Max(n.probed, far)
	if n.start.Less(ack) {
		octets := min(int(n.start.To(ack)), n.length)
		n.length -= octets
		n.start = n.start.Add(seq.Size(octets))
		if n.length == 0 {
			n.buf.clear()
		} else {
			n.buf.discard(octets)
		}
	}
	n.retries, n.progress = 0, c.now()
	c.works()
	if n.una == n.nxt {
		c.stopTimer(userTimer)
	}
	if n.blocked {
		c.notifyWritable()
	}
}
