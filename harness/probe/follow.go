package probe

import (
	"fmt"
	"slices"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
)

// watch follows the connection on the link: what the tester sent, however it was made, and what came.
func (c *Conn) watch(f *packet.Frame, fromTarget bool) {
	if f.On != c.link || !f.Has(tcp.Proto) {
		return
	}
	src, _ := tcp.SrcPort.Of(f)
	dst, _ := tcp.DstPort.Of(f)
	n := c.family.networkOf()
	from, _ := n.src.Of(f)
	to, _ := n.dst.Of(f)
	switch {
	case fromTarget && to == c.IP() && dst == uint(c.Local) && (src == uint(c.Remote) || c.Remote == 0):
		c.came(f, segmentOf(f))
	case !fromTarget && from == c.IP() && src == uint(c.Local) && dst == uint(c.Remote):
		c.went(f, segmentOf(f))
	}
}

// segment is what the following needs of a frame.
type segment struct {
	flags     uint
	seq, ack  uint32
	end       uint32 // seq + SEG.LEN
	data      []byte
	hasStamp  bool
	tsval     uint32
	windowRaw uint32
	again     bool // all of its data had come before
}

func segmentOf(f *packet.Frame) segment {
	number := func(field packet.Field[uint]) uint32 { v, _ := field.Of(f); return uint32(v) }
	s := segment{seq: number(tcp.Seq), ack: number(tcp.Ack), data: f.Body(tcp.Proto), windowRaw: number(tcp.Window)}
	s.flags, _ = tcp.Flags.Of(f)
	s.end = s.seq + uint32(tcp.Length(f))
	v, ok := tcp.TSval.Of(f)
	s.tsval, s.hasStamp = uint32(v), ok
	return s
}

// before compares sequence numbers.
func before(a, b uint32) bool { return int32(a-b) < 0 }

func (c *Conn) went(f *packet.Frame, s segment) {
	if s.flags&(tcp.SYN|tcp.ACK) == tcp.SYN {
		c.asked = s.seq
	}
	if s.flags&tcp.SYN != 0 && c.SndNxt == c.ISS {
		c.ISS, c.SndUna, c.SndNxt = s.seq, s.seq, s.seq
	}
	f.Gloss = c.gloss(s, c.ISS, c.IRS, c.Heard)
	if s.flags&tcp.RST != 0 {
		return
	}
	if s.flags&tcp.ACK != 0 {
		c.lastAck = s.ack
	}
	if !before(c.SndNxt, s.seq) && before(c.SndNxt, s.end) {
		c.SndNxt = s.end
	}
	if s.flags&tcp.FIN != 0 && s.end == c.SndNxt {
		c.finSent, c.myFIN = true, s.end
	}
	if before(c.SndNxt, s.seq) {
		c.ahead = append(c.ahead, s)
	}
}

// adopt counts what the tester had sent out of order once the target acknowledges it.
func (c *Conn) adopt(ack uint32) {
	for _, s := range c.ahead {
		if before(c.SndNxt, ack) && !before(ack, s.seq) && !before(s.end, ack) {
			c.SndNxt = ack
			if s.flags&tcp.FIN != 0 && s.end == ack {
				c.finSent, c.myFIN = true, ack
			}
		}
	}
}

func (c *Conn) came(f *packet.Frame, s segment) {
	if c.Remote == 0 && s.flags&tcp.SYN != 0 {
		src, _ := tcp.SrcPort.Of(f)
		c.Remote = uint16(src)
	}
	if r := c.receiver; r != nil && r.loses(c, f, s) {
		f.Gloss = lostGloss
		return
	}
	if s.flags&tcp.SYN != 0 && (!c.Heard || s.seq != c.IRS && c.RcvNxt == c.IRS+1) {
		c.hear(f, s)
	}
	if s.flags&(tcp.SYN|tcp.ACK) == tcp.SYN|tcp.ACK && s.seq != c.IRS && c.asked != c.ISS && s.ack == c.asked+1 { // another connection takes this one's place
		c.Accepting, c.Dialing, c.finSent, c.ahead = nil, nil, false, nil
		c.ISS, c.SndUna, c.SndNxt = c.asked, c.asked, s.ack
		c.hear(f, s)
	}
	f.Gloss = c.gloss(s, c.IRS, c.ISS, true)
	if s.flags&tcp.RST != 0 {
		c.Reset = true
		return
	}
	if !c.Heard {
		return
	}
	if s.flags&tcp.SYN == 0 {
		c.unsettled = c.unsettled && s.flags&tcp.ACK != 0 && len(s.data) == 0 && s.flags&tcp.FIN == 0
	}
	if s.flags&tcp.ACK != 0 {
		c.adopt(s.ack)
	}
	if s.flags&tcp.ACK != 0 && before(c.SndUna, s.ack) && !before(c.SndNxt, s.ack) {
		c.SndUna = s.ack
	}
	c.PeerWindow = s.windowRaw
	if s.flags&tcp.SYN == 0 && c.scaled() {
		c.PeerWindow <<= c.PeerOffer.Shift
	}
	if s.hasStamp && int32(s.tsval-c.tsRecent) >= 0 && !before(c.lastAck, s.seq) {
		c.tsRecent = s.tsval
	}
	s.again = len(s.data) > 0 && c.has(s.seq, s.seq+uint32(len(s.data)))
	c.newest = s
	c.take(s)
}

// has tells whether a range of the target's stream has come.
func (c *Conn) has(from, to uint32) bool {
	if !before(c.RcvNxt, to) {
		return true
	}
	for _, b := range c.blocks(len(c.islands)) {
		if !before(from, b.Left) && !before(b.Right, to) {
			return true
		}
	}
	return false
}

// hear learns from the target's SYN.
func (c *Conn) hear(f *packet.Frame, s segment) {
	c.Heard, c.IRS, c.RcvNxt, c.lastAck = true, s.seq, s.seq+1, s.seq+1
	c.stream, c.islands, c.finKnown, c.Closed, c.Reset = nil, nil, false, false, false
	c.PeerOffer = Offer{}
	c.PeerOffer.MSS, _ = tcp.MSS.Of(f)
	shift, ok := tcp.WindowScale.Of(f)
	c.PeerOffer.Scale, c.PeerOffer.Shift = ok, uint8(min(shift, 14)) // RFC 7323, 2.3
	_, c.PeerOffer.SACK = tcp.SACKPermitted.Of(f)
	c.PeerOffer.Timestamps, c.tsRecent = s.hasStamp, s.tsval
	c.unsettled = true
}

// take puts what came into the stream, where it belongs.
func (c *Conn) take(s segment) {
	at := int(int32(s.seq - (c.IRS + 1)))
	if s.flags&tcp.SYN != 0 {
		at++
	}
	if s.flags&tcp.FIN != 0 {
		c.finKnown, c.finAt = true, s.end-1
	}
	if len(s.data) > 0 && at >= 0 {
		c.islands = append(c.islands, island{at, slices.Clone(s.data)})
	}
	for again := true; again; {
		again = false
		for _, i := range c.islands {
			if have := len(c.stream); i.at <= have && i.at+len(i.data) > have {
				c.stream = append(c.stream, i.data[have-i.at:]...)
				again = true
			}
		}
		c.islands = slices.DeleteFunc(c.islands, func(i island) bool { return i.at+len(i.data) <= len(c.stream) })
	}
	c.RcvNxt = c.IRS + 1 + uint32(len(c.stream))
	if c.finKnown && c.RcvNxt == c.finAt {
		c.Closed = true
		c.RcvNxt++
	}
}

// blocks are what came out of order, newest first (RFC 2018, section 4), at most n of them.
func (c *Conn) blocks(n int) (all []tcp.Block) {
	for _, i := range slices.Backward(c.islands) {
		b := tcp.Block{Left: c.IRS + 1 + uint32(i.at), Right: c.IRS + 1 + uint32(i.at+len(i.data))}
		for grown := true; grown; { // join what touches it
			grown = false
			for _, o := range c.islands {
				l := c.IRS + 1 + uint32(o.at)
				r := l + uint32(len(o.data))
				if !before(b.Right, l) && !before(r, b.Left) && (before(l, b.Left) || before(b.Right, r)) {
					if before(l, b.Left) {
						b.Left = l
					}
					if before(b.Right, r) {
						b.Right = r
					}
					grown = true
				}
			}
		}
		if !slices.Contains(all, b) && len(all) < n {
			all = append(all, b)
		}
	}
	return all
}

// gloss is a segment in positions of the streams.
func (c *Conn) gloss(s segment, from, to uint32, known bool) string {
	text := fmt.Sprintf("seq %+d", int32(s.seq-from-1))
	if n := len(s.data); n > 0 {
		text += fmt.Sprintf("..%+d", int32(s.seq-from-1)+int32(n))
	}
	if s.flags&tcp.ACK != 0 && known {
		text += fmt.Sprintf(" ack %+d", int32(s.ack-to-1))
	}
	return "(" + text + ")"
}
