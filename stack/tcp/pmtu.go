package tcp

import (
	"time"

	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/tcp/seq"
)

// mtuState is what a connection knows of the MTU of its path beyond what IP knows.
type mtuState struct {
	passes  int           // found to be what passes, smaller than what IP says; 0: nothing was found
	high    int           // of what may pass, the most
	whole   bool          // high was not tried yet
	probe   int           // MTU of the probe in flight; 0: none
	again   int           // MTU of a probe of which it is not known what became, to be tried once more; 0: none
	unclear int           // how many such probes came in a row
	at      time.Duration // when to probe next
	proven  int           // the longest packet that was acknowledged as it was sent first
	pending int           // MTU of a message that was not believed yet; 0: none
	quoted  seq.Value     // what it is about
}

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
		c.narrow(max(e.MTU, c.minMTU()), 0, probeAge)
	}
	c.snd.mtu.proven, c.snd.mtu.pending = 0, 0 // it is another path
	if c.snd.mss < before && c.cc != nil {
		c.rec.Resend(c.snd.mss)
		c.output()
	}
}

// credible tells whether a message that nothing larger than mtu passes is acted upon at once (RFC 5927, 7.2): not if it
// contradicts what was acknowledged lately. Then it waits; if what it quotes times out, it was true.
func (c *conn) credible(mtu int, at seq.Value) bool {
	m := &c.snd.mtu
	for i := 0; mtu == 0 && m.proven > 0 && i < len(smaller); i++ { // a router that does not tell
		if smaller[i] < m.proven {
			mtu = smaller[i]
		}
	}
	if mtu >= m.proven || mtu < c.minMTU() { // the latter is not for this layer to judge
		return true
	}
	if m.pending == 0 || mtu < m.pending {
		m.pending, m.quoted = mtu, at
	}
	return false
}

// smaller are lengths that most paths carry (RFC 4821, 7.2), and the least.
var smaller = [...]int{1280, 576, 68} // never written

// noteAcked takes in that a segment with so many octets was acknowledged: packets of its length pass.
func (c *conn) noteAcked(octets int) {
	m := &c.snd.mtu
	m.proven = max(m.proven, octets+c.overhead())
	if m.pending > 0 && m.quoted.Less(c.snd.una) { // it was made up, or the path has changed back
		m.pending = 0
	}
}

// minMTU is what every link carries (RFC 791, 3.2; RFC 8200, 5).
func (c *conn) minMTU() int {
	if c.peer.Addr().Is4() {
		return 68
	}
	return 1280
}

const (
	blackHoleAfter = 3    // how many retransmissions of a full segment tell that it is too long (RFC 4821, 7.7)
	likelyMTU      = 1280 // what nearly every path carries (7.2)
)

// blackHole makes segments smaller when full ones are lost again and again (RFC 4821, 7.7; RFC 2923, 2.1), or when one was
// lost of which a message said that it was too long.
func (c *conn) blackHole() {
	n := &c.snd
	if !c.tcp.c.PathMTU.On() || !c.out.known || c.cc == nil {
		return
	}
	if p := n.mtu.pending; p > 0 && n.una.LessEq(n.mtu.quoted) {
		n.mtu.proven, n.mtu.pending = p, 0 // RFC 5927, 7.2: a further message is against that
		c.narrow(p, 0, probeAge)
		c.rec.Resend(n.mss)
		return
	}
	mtu := c.effectiveMTU()
	switch {
	case n.retries < blackHoleAfter || int(n.una.To(n.nxt)) < n.mss:
	case n.retries == blackHoleAfter && mtu > likelyMTU:
		c.narrow(likelyMTU, mtu-1, 0)
	case mtu > c.minMTU(): // not even that passes
		c.narrow(max(mtu/2, c.minMTU()), max(n.mtu.high, mtu-1), 0)
	}
}

// narrow makes segments smaller. It is looked for larger ones that pass, up to high, after a while; 0: as large as IP says.
func (c *conn) narrow(mtu, high int, wait time.Duration) {
	c.snd.mtu.passes, c.snd.mtu.high, c.snd.mtu.whole = mtu, high, high == 0
	c.snd.mtu.probe, c.snd.mtu.again, c.snd.mtu.unclear = 0, 0, 0
	c.snd.mtu.at = c.now() + wait
	c.measure()
}

// effectiveMTU is that by which segments are made.
func (c *conn) effectiveMTU() int {
	if p := c.snd.mtu.passes; p > 0 {
		return min(p, c.out.path.MTU)
	}
	return c.out.path.MTU
}
