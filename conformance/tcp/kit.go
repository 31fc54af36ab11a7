package tcp

import (
	"time"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// it4 adds a check about what only IPv4 has.
func it4(id, title string, claims check.Claims, body func(host *probe.Tester)) {
	suite.It(id, title, claims.Needs(target.Agent), func(p *probe.P) { body(p.Host(probe.IPv4)) })
}

// grid4 is it4 with a case for each value of an axis.
func grid4[T any](id, title string, claims check.Claims, axis []T, body func(host *probe.Tester, v T)) {
	check.Grid(suite, id, title, claims.Needs(target.Agent), axis, func(p *probe.P, v T) { body(p.Host(probe.IPv4), v) })
}

// openWith opens a connection passively by a SYN with other fields than the connection's.
func openWith(c *probe.Conn, conds ...packet.Cond) {
	c.Listen()
	c.Accepting = c.Listener.Accept()
	c.Handshake(conds...)
	if c.Socket = c.Accepting.Socket(3 * time.Second); c.Socket == nil {
		c.Inconclusive("the target does not accept the connection")
	}
}

// reads is what the target's application reads: n octets, or what has come of them in a while.
func reads(c *probe.Conn, n int) string {
	data, _ := c.Socket.ReadFull(n, 2*time.Second)
	return string(data)
}

// sizeOf is the data of a segment.
func sizeOf(f *packet.Frame) int { return len(f.Body(tcp.Proto)) }

// filled are those segments that carry data.
func filled(fs []*packet.Frame) (some []*packet.Frame) {
	for _, f := range fs {
		if sizeOf(f) > 0 {
			some = append(some, f)
		}
	}
	return some
}

// mustSet sets an option of the target's socket that the check cannot do without.
func mustSet(s *probe.Socket, c *probe.Conn, option string, value int) {
	if err := s.SetOption(option, value); err != nil {
		c.Inconclusive("the target refuses %s=%d: %v", option, value, err)
	}
}

// someData is the payload of a segment that has one.
var someData = packet.PayloadWith(packet.Data.Where("some", func(b []byte) bool { return len(b) > 0 })) // never written
