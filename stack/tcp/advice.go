package tcp

import (
	"time"

	"github.com/conform-stack/conform/stack/ip"
)

// confirmEvery is how often a connection tells that its path works.
const confirmEvery = time.Second

// works tells IP that the way to the peer works: something new was acknowledged (RFC 4861, 7.3.1).
func (c *conn) works() {
	if now := c.now(); now-c.out.confirmed >= confirmEvery {
		c.out.confirmed = now
		if n, ok := c.out.network.(ip.Confirmer); ok {
			n.Confirm(c.peer.Addr())
		}
	}
}

// doubt tells IP that it may not (RFC 9293, 3.8.3, MUST-20), and has the way looked up again.
func (c *conn) doubt() {
	if n, ok := c.out.network.(ip.Doubter); ok {
		n.Doubt(c.peer.Addr())
	}
	c.forgetPath()
}

// Sent implements ip.Recaller: a connection has in flight what an error quotes (RFC 5927, 4.1),
// and one that tells of a smaller MTU does not contradict what was seen.
func (t *TCP) Sent(e *ip.Error) bool {
	c, at, ok := t.quoted(e)
	return ok && at.InRange(c.snd.una, c.snd.sent()) && (e.Fate != ip.TooBig || c.credible(e.MTU, at))
}
