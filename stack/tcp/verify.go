package tcp

import (
	"github.com/conform-stack/conform/stack/tcp/seq"
	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/tcp"
)

// verify judges the checksum of the segment b (3.1, MUST-3).
//
// Data that is what its connection expects next is copied into the receive buffer on the way, so that it passes through
// the processor once. There it lies behind what counts, and means nothing until the segment is found acceptable: one that
// is not, or has a bad checksum, leaves octets there that the next one overwrites.
func (t *TCP) verify(s *segment, b []byte) bool {
	s.copied = false
	c := t.last
	if c == nil || len(s.data) == 0 || c.local != s.to || c.peer != s.from || !c.expects(s) {
		return tcp.Verify(b, s.d.Pseudo) == nil
	}
	r := &c.rcv
	sum := r.buf.writeSum(r.unread, s.data) + codec.Sum(0).Add(b[:len(b)-len(s.data)])
	s.copied = (s.d.Pseudo + sum).AddUint32(uint32(len(b))).Valid()
	return s.copied
}

// expects tells whether the data of a segment is what comes next, fits, and would overwrite nothing.
func (c *conn) expects(s *segment) bool {
	r := &c.rcv
	return s.seq == r.nxt && c.state.receives() && r.queue.Ranges() == 0 && !s.flags.Any(tcp.SYN) &&
		seq.Size(len(s.data)) <= r.nxt.To(r.edge) && (c.user != nil || c.listener != nil) && r.buf.room(r.unread, len(s.data))
}
