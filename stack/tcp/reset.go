package tcp

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/wire/tcp"
)

// resetFor answers a segment that nobody wants with RST (3.5.2, groups 1 and 2; 3.10.7.1).
func (t *TCP) resetFor(s *segment) {
	h := tcp.Header{Flags: tcp.RST}
	if s.flags.Any(tcp.ACK) {
		h.Seq = uint32(s.ack)
	} else {
		h.Flags |= tcp.ACK
		h.Ack = uint32(s.seq.Add(s.length()))
	}
	if s.has(tcp.HasTimestamps) { // RFC 7323, 5.2
		o := tcp.Options{Has: tcp.HasTimestamps, TSEcr: s.opt.TSVal}
		h.Options = o.Append(nil)
	}
	s.stats().TCP.ResetsSent++
	t.bare(s.to, s.from, h)
}

// sendReset sends the RST of a connection that this side gives up: <SEQ=SND.NXT><CTL=RST>, with ACK as is customary.
func (c *conn) sendReset() {
	h := tcp.Header{Flags: tcp.RST | tcp.ACK, Seq: uint32(c.snd.nxt), Ack: uint32(c.rcv.nxt)}
	if c.findPath() != nil {
		return
	}
	var o tcp.Options
	if c.opt.timestamps {
		o = tcp.Options{Has: tcp.HasTimestamps, TSVal: c.stamp(), TSEcr: c.opt.recent}
	}
	c.ecnMark(false)
	if p := c.build(&h, &o, 0, 0); p != nil {
		c.stats().TCP.ResetsSent++
		c.ship(p)
	}
}

// bare sends a segment without data that belongs to no connection any more.
func (t *TCP) bare(from, to netip.AddrPort, h tcp.Header) {
	n := t.demux.Network(ip.FamilyOf(to.Addr()))
	if n == nil {
		return
	}
	by := ip.Send{Src: from.Addr(), Dst: to.Addr(), Protocol: protocol}
	path, err := n.Path(&by)
	if err != nil {
		if to.Addr().Is4() { // whose drops are counted apart as well
			t.stats.DropIPv4(stats.IPNoRoute)
		} else {
			t.stats.Drop(stats.IPNoRoute)
		}
		return
	}
	h.SrcPort, h.DstPort = from.Port(), to.Port()
	p := t.pool.Get(ip.Headroom, h.Len())
	if p == nil {
		t.stats.Drop(stats.NoBuffer)
		return
	}
	tcp.Put(p.Bytes(), h)
	tcp.Seal(p.Bytes(), n.Pseudo(path.Src, to.Addr(), protocol))
	path.Out.Stats.TCP.Sent++
	_ = n.Output(p, &by, path) // counted there
}

// abort ends the connection from this side (3.10.5).
func (c *conn) abort(why error) {
	switch c.state {
	case SynReceived, Established, FinWait1, FinWait2, CloseWait:
		c.sendReset()
	}
	c.destroy(why)
}
