package tcp

import (
	"bytes"

	"github.com/conform-stack/conform/stack/wire/tcp"
)

// early is text and FIN of a SYN, which are processed when the connection is established (3.10.7.2, 3.10.7.3): until then
// they are not acknowledged.
type early struct {
	data []byte
	fin  bool
}

func (c *conn) keepEarly(s *segment) {
	if fin := s.flags.Any(tcp.FIN); fin || len(s.data) > 0 {
		c.early = &early{bytes.Clone(s.data), fin}
	}
}

// takeEarly processes what has waited; the segment being processed is the one that established the connection.
func (c *conn) takeEarly() {
	e := c.early
	if e == nil {
		return
	}
	c.early = nil
	s := segment{d: c.tcp.in.d, flags: tcp.ACK, data: e.data}
	if e.fin {
		s.flags |= tcp.FIN
	}
	c.synWindow()
	c.text(&s, c.rcv.irs.Add(1))
	c.ackNow()
}
