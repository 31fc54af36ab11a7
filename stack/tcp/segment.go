package tcp

import (
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/packet"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/tcp/seq"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/tcp"
)

// sendSyn sends SYN, or SYN,ACK, for the first time or again.
func (c *conn) sendSyn() {
	n := &c.snd
	lost := c.findPath()
	h := tcp.Header{Seq: uint32(n.iss), Flags: tcp.SYN}
	if c.state == SynReceived {
		h.Flags |= tcp.ACK
		h.Ack = uint32(c.rcv.nxt)
	}
	h.Flags |= c.ecnSynFlags()
	h.Window = c.synWindow()
	var o tcp.Options
	c.synOptions(&o)
	data := c.fastOpenData(&o)
	first := n.nxt == n.iss
	if first {
		n.nxt = n.iss.Add(1 + seq.Size(data))
		n.progress, n.sentAt = c.now(), c.now()
		c.est.Init(c.rttConfig())
	} else {
		n.synLost = true
	}
	if lost == nil {
		c.ecnMark(false)
		if p := c.build(&h, &o, 0, data); p != nil {
			c.ship(p)
		}
	}
	if !c.timerSet(rexmitTimer) {
		c.afterTimer(rexmitTimer, c.est.RTO())
	}
}

// build makes a segment: header, options and n octets of the send buffer from an offset. nil when there is no packet.
func (c *conn) build(h *tcp.Header, o *tcp.Options, off, n int) *packet.Packet {
	h.SrcPort, h.DstPort = c.local.Port(), c.peer.Port()
	if h.Options = nil; o.Has != 0 {
		h.Options = tcp.RawOptions(o.Append(c.tcp.options[:0]))
	}
	header := h.Len()
	p := c.tcp.pool.Get(ip.Headroom, header+n)
	if p == nil {
		c.stats().Drop(stats.NoBuffer)
		return nil
	}
	b := p.Bytes()
	tcp.Put(b, *h)
	var sum codec.Sum
	if n > 0 {
		sum = c.snd.buf.readSum(off, b[header:header+n])
	}
	tcp.SealHeader(b[:header], c.out.pseudo, sum, n)
	return p
}

// ship sends a segment on the way to the peer.
func (c *conn) ship(p *packet.Packet) {
	c.out.path.Out.Stats.TCP.Sent++
	if err := c.out.network.Output(p, &c.out.send, c.out.path); err == ip.ErrTooBig { // the path became narrower just now
		c.forgetPath()
	}
}

// header fills in what all segments of a synchronized connection have: acknowledgement, window, timestamps, SACK blocks,
// the urgent pointer.
func (c *conn) header(h *tcp.Header, o *tcp.Options, at seq.Value, n int) {
	h.Seq, h.Ack = uint32(at), uint32(c.rcv.nxt)
	h.Flags |= tcp.ACK | c.ecnFlags()
	h.Window = c.offer()
	if c.opt.timestamps {
		o.Has |= tcp.HasTimestamps
		o.TSVal, o.TSEcr = c.stamp(), c.opt.recent
	}
	if c.tellTimeout && n+4 <= c.snd.mss-c.blockOctets() { // RFC 5482, 3: in the next segment with room for it
		c.tellTimeout = false
		o.Has |= tcp.HasUserTimeout
		o.UserTimeout = c.userTimeoutValue()
	}
	if c.mayReport() {
		c.rcv.blocks(o, c.mostBlocks())
	}
	if up, ok := c.urgentField(at); ok {
		h.Flags |= tcp.URG
		h.Urgent = up
	}
}

// acknowledged is called when a segment has told the peer all that there is to tell.
func (c *conn) ackSent() {
	r := &c.rcv
	c.opt.lastAck = r.nxt
	r.ackDue, r.sinceAck = false, 0
	c.stopTimer(ackTimer)
}

// sendAck sends an acknowledgement without data: <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>.
func (c *conn) sendAck() { c.sendBare(c.snd.nxt, 0) }

// sendBare sends a segment without data.
func (c *conn) sendBare(at seq.Value, f tcp.Flags) {
	if c.findPath() != nil {
		return
	}
	h := tcp.Header{Flags: f}
	var o tcp.Options
	c.header(&h, &o, at, 0)
	c.ecnMark(false)
	if p := c.build(&h, &o, 0, 0); p != nil {
		c.ship(p)
		c.ackSent()
	}
}

// A sendKind is why data is sent.
type sendKind uint8

const (
	fresh sendKind = iota // for the first time
	again                 // it was lost
	probe                 // it does not fit the window, and shall draw an answer
)

// sendData sends the octets from a sequence number on, n of data, and FIN when it follows them. It is false when nothing
// could be sent.
func (c *conn) sendData(at seq.Value, n int, fin bool, k sendKind) bool {
	if c.findPath() != nil {
		return false
	}
	var h tcp.Header
	var o tcp.Options
	snd := &c.snd
	off := int(snd.start.To(at))
	if fin {
		h.Flags = tcp.FIN
	}
	if n > 0 && off+n == snd.length { // the last that there is: the user is done for now (MUST-61)
		h.Flags |= tcp.PSH
	}
	c.header(&h, &o, at, n)
	isNew := k == fresh && n > 0
	if c.ecn.cwr && isNew { // RFC 3168, 6.1.2
		h.Flags |= tcp.CWR
		c.ecn.cwr = false
	}
	c.ecnMark(isNew)
	p := c.build(&h, &o, off, n)
	if p == nil {
		return false
	}
	s := c.stats()
	switch {
	case k == again:
		s.TCP.Retransmitted++
		s.TCP.RetransmittedBytes += uint64(n)
		snd.retransmitted++
	case k == probe && n > 0 && at.Less(snd.probed): // an octet that was sent before, though no loss is the reason
		s.TCP.Retransmitted++
		s.TCP.RetransmittedBytes += uint64(n)
	default:
		s.TCP.SentBytes += uint64(n)
		snd.octets += uint64(n)
	}
	c.ship(p)
	c.ackSent()
	return true
}
