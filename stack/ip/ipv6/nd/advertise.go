package nd

import (
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/neigh"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	wire6 "github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
)

// Of RFC 4861, 10: for routers.
const (
	maxInitialInterval = 16 * time.Second
	maxInitialAdverts  = 3
	minBetweenAdverts  = 3 * time.Second
	maxAnswerDelay     = 500 * time.Millisecond
)

// An Advertisement is what a router tells on a link (RFC 4861, 6.2.1). The lifetime and the interval come from the
// configuration.
type Advertisement struct {
	icmpv6.RouterAdvertisement     // Lifetime is set when it is sent
	MTU                        int // 0: not told
	Prefixes                   []icmpv6.Prefix
	// More gives prefixes that are told as well, as they are when an advertisement is sent. It may be nil.
	More func() []icmpv6.Prefix
}

// advertiser is a router on a link.
type advertiser struct {
	l      *Link
	what   Advertisement
	sent   int           // advertisements to all, up to maxInitialAdverts
	last   time.Duration // when the last one was sent to all
	timer  clock.Timer
	answer clock.Timer // to a solicitation
}

// Advertise makes the node advertise itself as a router on a link.
func (l *Link) Advertise(what Advertisement) {
	a := l.advertise
	if a == nil {
		a = &advertiser{l: l, last: -minBetweenAdverts}
		a.timer.Init(l.nd.loop, a.unsolicited)
		a.answer.Init(l.nd.loop, a.unsolicited)
		l.advertise = a
	}
	a.what, a.sent = what, 0
	a.timer.After(l.nd.within(maxAnswerDelay))
}

// StopAdvertising tells hosts that this is no router any more (RFC 4861, 6.2.5).
func (l *Link) StopAdvertising() {
	if a := l.advertise; a != nil {
		l.stopAdvertiser()
		a.send(0)
	}
}

// stopAdvertiser ends advertising without a word.
func (l *Link) stopAdvertiser() {
	if a := l.advertise; a != nil {
		a.timer.Stop()
		a.answer.Stop()
		l.advertise = nil
	}
}

// unsolicited sends an advertisement to all, and sets the timer for the next one (6.2.4).
func (a *advertiser) unsolicited() {
	n := a.l.nd
	a.answer.Stop()
	if !a.send(n.c.RouterLifetime) { // there is no address to send from yet
		a.timer.After(minBetweenAdverts)
		return
	}
	a.last = n.loop.Now()
	interval := n.c.RouterMinInterval + n.within(n.c.RouterMaxInterval-n.c.RouterMinInterval)
	if a.sent++; a.sent < maxInitialAdverts {
		interval = min(interval, maxInitialInterval)
	}
	a.timer.After(interval)
}

// send sends an advertisement from the link-local address. Without one it sends none, and is false.
func (a *advertiser) send(lifetime time.Duration) bool {
	l, n := a.l, a.l.nd
	src, ok := n.ipv6.LinkLocal(l.Iface)
	if !ok {
		return false
	}
	m := a.what.RouterAdvertisement
	m.Lifetime = uint16(lifetime / time.Second)
	b := icmpv6.AppendRouterAdvertisement(n.buf[:0], m)
	if own := l.LinkOf(src); !own.IsZero() {
		b = icmpv6.AppendLinkAddr(b, icmpv6.SourceLinkAddr, own)
	}
	if a.what.MTU > 0 {
		b = icmpv6.AppendMTU(b, uint32(a.what.MTU))
	}
	prefixes := a.what.Prefixes
	if a.what.More != nil {
		prefixes = append(prefixes[:len(prefixes):len(prefixes)], a.what.More()...)
	}
	for _, p := range prefixes {
		b = icmpv6.AppendPrefix(b, p)
	}
	n.send(l, src, wire6.AllNodes, link.Addr{}, b)
	return true
}

// routerSolicited answers a router solicitation (6.2.6) to all, after a random delay, not sooner than the last
// advertisement allows. A host ignores it.
func (l *Link) routerSolicited(m *message) {
	n, a := l.nd, l.advertise
	if !m.Src.IsUnspecified() && n.c.Forwarding.On() && !m.options.source.IsZero() {
		l.cache.Heard(m.Src.Netip(), neigh.Report{Addr: m.options.source, Create: true, Override: true, Role: neigh.RoleHost})
	}
	if a == nil {
		m.ignored()
		return
	}
	at := max(n.loop.Now(), a.last+minBetweenAdverts) + n.within(maxAnswerDelay)
	if due, ok := a.answer.When(); ok && due <= at {
		return
	}
	if due, ok := a.timer.When(); ok && due <= at {
		return
	}
	a.answer.Set(at)
}
