package tcp

import (
	"time"

	"github.com/conform-stack/conform/stack/tcp/recovery"
	"github.com/conform-stack/conform/stack/tcp/seq"
)

// The search for larger segments that pass (RFC 4821, 7.3), by a connection that has found out that those which IP allows do
// not. One segment of new data is longer than the others, with enough behind it that its loss shows without a timeout.
const (
	probeAge   = 10 * time.Minute // 7.3: after that the whole is tried again (RFC 1191, 6.3)
	probeNear  = 16               // octets: below that the search is over
	probeAfter = 3                // full segments that follow a probe (7.4)
	probePause = 5                // round trips between two probes (7.6.2)
)

// probeLength is how many octets of data a probe has that may be sent now, limit octets being free to go; 0 for none.
func (c *conn) probeLength(limit int) int {
	n := &c.snd
	m := &n.mtu
	if m.passes == 0 || m.probe > 0 || c.now() < m.at || c.rec.State() != recovery.Open || c.rec.Lost() > 0 || n.retries > 0 || !c.tcp.c.PathMTU.On() {
		return 0
	}
	if m.high == 0 || m.high > c.out.path.MTU {
		m.high = c.out.path.MTU
	}
	if c.payload(m.high) <= n.mss || m.high-m.passes < probeNear {
		m.high, m.whole, m.at = 0, true, c.now()+probeAge
		return 0
	}
	mtu := m.high
	if !m.whole {
		mtu = m.passes + (m.high-m.passes+1)/2
	}
	size := c.payload(mtu) - c.blockOctets()
	if size <= n.mss || limit < size+probeAfter*n.mss {
		return 0
	}
	m.probe = mtu
	return size
}

// probeSent tells loss recovery that what was sent is a probe.
func (c *conn) probeSent(at seq.Value, size int) {
	c.stats().TCP.ProbesSent++
	c.rec.Probing(seq.Range{Start: at, End: at.Add(seq.Size(size))})
}

// probed takes in what became of the probe.
func (c *conn) probed(v recovery.Verdict) {
	m := &c.snd.mtu
	if m.probe == 0 {
		return
	}
	if v == recovery.Passed {
		m.passes = m.probe
	} else {
		m.high = m.probe - 1
		rtt, _ := c.est.Smoothed()
		m.at = c.now() + max(probePause*rtt, time.Second)
	}
	m.probe, m.whole = 0, false
	c.measure()
}
