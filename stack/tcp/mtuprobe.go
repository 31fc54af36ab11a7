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
	probePause = 5                // round trips at least between a probe that was lost and the next (7.6.2)
	probeTries = 3                // of one length, when other losses hide what became of it
)

// probeLength is how many octets of data a probe has that may be sent now, of so many that are left, limit of them being
// free to go; 0 for none. When all is there but the window for it, other data waits: acknowledgments open the window then
// by more than they do one by one (7.4).
func (c *conn) probeLength(left, limit int) (size int, wait bool) {
	n := &c.snd
	m := &n.mtu
	if m.passes == 0 || m.probe > 0 || c.now() < m.at || c.rec.State() != recovery.Open || !c.rec.Orderly() || n.retries > 0 || !c.tcp.c.PathMTU.On() {
		return 0, false
	}
	if m.high == 0 || m.high > c.out.path.MTU {
		m.high = c.out.path.MTU
	}
	if c.payload(m.high) <= n.mss || m.high-m.passes < probeNear {
		m.high, m.whole, m.at = 0, true, c.now()+probeAge
		return 0, false
	}
	mtu := m.high
	if m.again > m.passes {
		mtu = min(mtu, m.again)
	} else if !m.whole {
		mtu = m.passes + (m.high-m.passes+1)/2
	}
	size = c.payload(mtu) - c.blockOctets()
	whole := size + probeAfter*n.mss
	switch {
	case size <= n.mss, left < whole, min(c.cc.Window(), int(n.wnd)) < whole:
		return 0, false
	case limit < size:
		return 0, n.una != n.nxt
	}
	m.probe, m.again = mtu, 0
	return size, false
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
	// 7.6.2: a loss without a reaction must be rarer than those with one, of which about one comes in as many round trips as
	// the window has segments.
	rtt, _ := c.est.Smoothed()
	pause := max(time.Duration(max(c.cc.Window()/c.snd.mss, probePause))*rtt, time.Second)
	whole := m.whole
	m.whole = false
	switch m.unclear++; {
	case v == recovery.Passed:
		m.passes, m.unclear = m.probe, 0
	case v == recovery.Vanished, m.unclear >= probeTries:
		m.high, m.at, m.unclear = m.probe-1, c.now()+pause, 0
	case v == recovery.TimedOut: // 7.6.3
		m.again, m.at, m.whole = m.probe, c.now()+5*pause, whole
	default: // 7.6.4: the same again, as soon as nothing is missing
		m.again, m.whole = m.probe, whole
	}
	m.probe = 0
	c.measure()
}
