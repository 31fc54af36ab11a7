package tcp

import (
	"time"

	"github.com/conform-stack/conform/stack/ip"
)

// tooBig takes in that a segment did not fit the path (RFC 1191, 6.4; RFC 8201, 5.4). IP knows the new MTU already. What
// did not fit is sent again at once, in smaller segments; that is no sign of congestion.
func (c *conn) tooBig(e *ip.Error) {
	if !c.tcp.c.PathMTU.On() {
		return
	}
	before := c.snd.mss
	c.forgetPath()
	if c.findPath() != nil {
		return
	}
	if e.MTU > 0 && e.MTU < c.out.path.MTU { // IP forgets; this connection knows better for its lifetime
		c.snd.probeMTU = max(e.MTU, c.minMTU())
		c.snd.probeAt = c.now()
		c.measure()
	}
	if c.snd.mss < before && c.cc != nil {
		c.rec.Resend(c.snd.mss)
		c.output()
	}
}

// minMTU is what every link carries (RFC 791, 3.2; RFC 8200, 5).
func (c *conn) minMTU() int {
	if c.peer.Addr().Is4() {
		return 68
	}
	return 1280
}

// Sizes that a path carries which swallows larger packets without a word (RFC 4821, 7.2 and 7.7).
const (
	blackHoleAfter = 3 // retransmissions of a full segment
	probeAge       = 10 * time.Minute
)

// blackHole makes segments smaller when full ones are lost again and again (RFC 4821, 7.7; RFC 2923, 2.1).
func (c *conn) blackHole() {
	n := &c.snd
	if !c.tcp.c.PathMTU.On() || n.retries != blackHoleAfter || !c.out.known || int(n.una.To(n.nxt)) < n.mss {
		return
	}
	mtu := c.out.path.MTU
	if n.probeMTU > 0 {
		mtu = min(mtu, n.probeMTU)
	}
	for _, smaller := range [...]int{1280, 576} {
		if smaller < mtu && smaller >= c.minMTU() {
			n.probeMTU, n.probeAt = smaller, c.now()
			c.measure()
			return
		}
	}
}

// forgetProbe tries the whole MTU of the path again after a while (RFC 4821, 7.3; RFC 1191, 6.3).
func (c *conn) forgetProbe() {
	if n := &c.snd; n.probeMTU > 0 && c.now()-n.probeAt >= probeAge {
		n.probeMTU = 0
		c.measure()
	}
}
