package tcp

import (
	"encoding/binary"
	"net/netip"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/tcp/seq"
)

// Error implements ip.Upper: a segment of this host had a fate (3.9.2.2).
//
// Anybody can send such a message. It is believed only if it quotes a sequence number that is in flight (RFC 5927, 4.1),
// and a connection that is established is not ended by one (5.2): hard errors are taken as soft ones then.
func (t *TCP) Error(e *ip.Error) {
	c, at, ok := t.quoted(e)
	if !ok {
		return
	}
	own := e.Type == 0 && e.Code == 0 // this host found out by itself: nothing that could be forged
	if own || at.InRange(c.snd.una, c.snd.sent()) {
		c.networkSays(e)
	}
}

// quoted is the connection of a segment that an error quotes, and its sequence number.
func (t *TCP) quoted(e *ip.Error) (c *conn, at seq.Value, ok bool) {
	if len(e.Quote) < 8 {
		return nil, 0, false
	}
	local := netip.AddrPortFrom(e.Src, binary.BigEndian.Uint16(e.Quote))
	peer := netip.AddrPortFrom(e.Dst, binary.BigEndian.Uint16(e.Quote[2:]))
	if c = t.conns[tuple{local, peer}]; c == nil {
		return nil, 0, false
	}
	return c, seq.Value(binary.BigEndian.Uint32(e.Quote[4:])), true
}

func (c *conn) networkSays(e *ip.Error) {
	switch e.Fate {
	case ip.TooBig:
		c.tooBig(e)
		return
	case ip.ProtocolUnreachable, ip.PortUnreachable, ip.Prohibited: // hard (SHLD-26); administratively prohibited is, too, in practice
		c.fastOpenFailed()
		if c.state == SynSent || c.state == SynReceived && !c.passive {
			c.fail(c.errorOf(e))
			return
		}
		if c.state == SynReceived && e.Fate != ip.Prohibited {
			c.destroy(nil)
			return
		}
	}
	c.soft = c.errorOf(e)                  // MUST-56: soft, the connection goes on
	if c.user != nil && c.user.AllErrors { // SHLD-25
		c.err = c.soft
		c.notify()
	}
	c.forgetPath()
}

func (c *conn) errorOf(e *ip.Error) error {
	switch e.Fate {
	case ip.PortUnreachable, ip.ProtocolUnreachable:
		return errno.ECONNREFUSED
	}
	if n := errno.OfFate(e.Fate); n != 0 {
		return n
	}
	return errno.EHOSTUNREACH
}
