package tcp

import (
	"time"

	"github.com/conform-stack/conform/stack/tcp/congestion"
	"github.com/conform-stack/conform/stack/tcp/rtt"
	"github.com/conform-stack/conform/stack/tcp/seq"
	"github.com/conform-stack/conform/stack/wire/tcp"
)

// takeAck is the fifth step of 3.10.7.4 for an acknowledgement of what was sent.
func (c *conn) takeAck(s *segment) {
	n := &c.snd
	if s.ack.Less(n.una) { // old
		return
	}
	c.takeTimeout(s)
	c.takeWindow(s)
	if n.una.Less(s.ack) {
		c.acked(s.ack)
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
	if c.timerSet(persistTimer) {
		n.progress = c.now() // the peer lives (MUST-37)
		if was == 0 && n.wnd > 0 {
			c.stopTimer(persistTimer)
		}
	}
}

// acked takes in that everything before a sequence number has arrived.
func (c *conn) acked(ack seq.Value) {
	n := &c.snd
	s := &c.tcp.in
	now := c.now()
	flight := n.flight()
	if n.nxt.Less(ack) { // the octet of a probe, or what was sent before a timeout
		n.nxt = ack
	}
	gained := int(n.una.To(ack))
	if c.opt.timestamps && s.has(tcp.HasTimestamps) && s.opt.TSEcr != 0 { // RFC 7323, 4: also of what was sent again
		if d := int32(c.stamp() - s.opt.TSEcr); d >= 0 {
			c.est.Sample(now, msOf(d), rtt.ExpectedSamples(flight, n.mss))
		}
	}
	n.una = ack
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
	n.retries, n.progress = 0, now
	if n.una == n.nxt { // RFC 6298, 5.2
		c.stopTimer(rexmitTimer)
		c.stopTimer(userTimer)
	} else { // 5.3
		c.afterTimer(rexmitTimer, c.est.RTO())
	}
	if c.cc != nil {
		c.ccAcked(gained, flight)
	}
	c.notifyWritable()
}

func msOf(d int32) time.Duration { return time.Duration(d) * time.Millisecond }

func (c *conn) ccAcked(gained, flight int) {
	srtt, _ := c.est.Smoothed()
	c.cc.Acked(congestion.Ack{Now: c.now(), Octets: gained, Flight: flight, RTT: srtt, Full: flight+c.snd.mss > c.cc.Window()})
}
