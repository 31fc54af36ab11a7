package nd

import (
	"time"

	"github.com/conform-stack/conform/stack/wire/icmpv6"
	wire6 "github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
)

// maxInterval is between two router solicitations at most (RFC 7559, 2.1: MRT).
const maxInterval = 3600 * time.Second

// SolicitRouters begins to ask for routers, after a random delay (RFC 4861, 6.3.7). A router does not.
func (l *Link) SolicitRouters() {
	n := l.nd
	if l.registry != nil {
		l.registry.SolicitRouters()
		return
	}
	if !n.c.RouterSolicit.On() || n.c.Forwarding.On() {
		return
	}
	l.asked, l.interval, l.answered = 0, 0, false
	l.solicits.After(n.within(max(0, n.c.RSDelay)))
}

// stopSoliciting is for when a router is known. One solicitation is sent even so, if none has been: the answer to it may say
// more (6.3.7).
func (l *Link) stopSoliciting() {
	l.answered = true
	if l.asked > 0 {
		l.solicits.Stop()
	}
}

// solicit asks, and sets the timer for the next time: with RFC 7559 ever later, for as long as no router answers.
func (l *Link) solicit() {
	n := l.nd
	src, ok := n.ipv6.LinkLocal(l.Iface)
	if !ok {
		src = Addr{}
	}
	m := icmpv6.Append(n.buf[:0], icmpv6.Header{Type: icmpv6.RouterSolicit})
	if own := l.LinkOf(src); ok && !own.IsZero() && !n.ipv6.IsOptimistic(l.Iface, src) { // 4.1: not from ::; RFC 4429, 3.2
		m = icmpv6.AppendLinkAddr(m, icmpv6.SourceLinkAddr, own)
	}
	n.send(l, src, wire6.AllRouters, link.Addr{}, m)
	l.asked++
	if l.answered {
		return
	}
	if !n.c.RSBackoff.On() {
		if l.asked < n.c.RSCount {
			l.solicits.After(n.c.RSInterval)
		}
		return
	}
	jitter := func(d time.Duration) time.Duration { return time.Duration((0.2*n.random.Float64() - 0.1) * float64(d)) }
	switch { // RFC 7559, 2.1, with the formulae of RFC 3315, 14
	case l.asked == 1:
		l.interval = n.c.RSInterval + jitter(n.c.RSInterval)
	default:
		l.interval = 2*l.interval + jitter(l.interval)
	}
	if l.interval > maxInterval {
		l.interval = maxInterval + jitter(maxInterval)
	}
	l.solicits.After(l.interval)
}
