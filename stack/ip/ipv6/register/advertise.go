package register

import (
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/ip/ipv6/nd"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	wire6 "github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
)

// maxWaiting is how many hosts wait for an answer at a time; one more asks again.
const maxWaiting = 32

// advertiser is a router on a link: it answers hosts one by one, and tells other routers of news (RFC 6775, 6.3, 6.4, 8.1).
type advertiser struct {
	l       *Link
	begun   bool
	what    nd.Advertisement // on a border router
	timer   clock.Timer      // to the next one for all
	sent    int              // of them, since there was news
	last    time.Duration    // when
	waiting []waiting
	answers clock.Timer
}

// waiting is a host that has asked.
type waiting struct {
	at  time.Duration
	dst Addr
	to  link.Addr
}

func (a *advertiser) init(l *Link) {
	a.l = l
	a.last = -minBetweenAdverts
	a.timer.Init(l.r.loop, a.all)
	a.answers.Init(l.r.loop, a.answer)
}

func (a *advertiser) stop() {
	a.timer.Stop()
	a.answers.Stop()
	a.waiting = nil
}

// Advertise has a border router advertise itself; without a word it tells the prefixes of what.More.
func (l *Link) Advertise(what nd.Advertisement) {
	l.advertise.what = what
	l.advertise.news()
}

// news is that there is something to tell: some advertisements for all follow each other soon (RFC 6775, 8.1.5).
func (a *advertiser) news() {
	l := a.l
	if !l.isRouter() || l.border == nil && len(l.borders) == 0 {
		return
	}
	a.begun, a.sent = true, 0
	at := max(l.now(), a.last+minBetweenAdverts) + l.nd.RandomDelay(maxAdvertDelay)
	if due, set := a.timer.When(); !set || due > at {
		a.timer.Set(at)
	}
}

// ready is told that there is an address more.
func (a *advertiser) ready() {
	if _, set := a.timer.When(); a.begun && a.sent == 0 && !set {
		a.news()
	}
}

// all advertises to all, and sets the timer for the next time.
func (a *advertiser) all() {
	l, c := a.l, a.l.r.config.IPv6
	if !a.send(wire6.AllNodes, link.Addr{}) { // there is no address yet
		return
	}
	a.last = l.now()
	a.sent++
	interval := c.RouterMinInterval + l.nd.RandomDelay(c.RouterMaxInterval-c.RouterMinInterval)
	switch {
	case a.sent < maxAdverts:
		interval = min(interval, minBetweenAdverts+l.nd.RandomDelay(maxAdvertDelay))
	case !l.r.c.Multicast.On():
		return
	}
	a.timer.After(max(interval, minBetweenAdverts))
}

// RouterSolicited implements nd.Registry: the answer is for the one who asked, after a random delay (RFC 6775, 6.3). What it
// says of its link address is good for that answer; nothing is kept of it.
func (l *Link) RouterSolicited(h *nd.Heard) {
	a := &l.advertise
	if !a.begun || h.Src.IsUnspecified() || h.Source.IsZero() {
		l.ignored()
		return
	}
	if slices.ContainsFunc(a.waiting, func(w waiting) bool { return w.dst == h.Src }) || len(a.waiting) >= maxWaiting {
		l.ignored()
		return
	}
	a.waiting = append(a.waiting, waiting{l.now() + l.nd.RandomDelay(maxAdvertDelay), h.Src, h.Source})
	a.arm()
}

func (a *advertiser) arm() {
	next := forever
	for _, w := range a.waiting {
		next = min(next, w.at)
	}
	if next == forever {
		a.answers.Stop()
		return
	}
	a.answers.Set(next)
}

// answer sends the answers that are due.
func (a *advertiser) answer() {
	now := a.l.now()
	for k := 0; k < len(a.waiting); {
		if w := a.waiting[k]; w.at <= now {
			a.waiting = slices.Delete(a.waiting, k, k+1)
			a.send(w.dst, w.to)
		} else {
			k++
		}
	}
	a.arm()
}

// send sends an advertisement for each border router: what came from one stays together (8.1.5). It is false when there is
// none, or no address to send from.
func (a *advertiser) send(dst Addr, to link.Addr) bool {
	l := a.l
	src, ok := l.r.ipv6.LinkLocal(l.Iface)
	if !ok {
		return false
	}
	if l.border != nil {
		return l.border.advertise(src, dst, to)
	}
	if _, ok := l.global(); !ok { // 6.2: first it has an address itself
		return false
	}
	l.forgetOld()
	for _, b := range l.borders {
		l.passOn(b, src, dst, to)
	}
	return len(l.borders) > 0
}

// head begins an advertisement: with the link address always (6.3).
func (l *Link) head(ra icmpv6.RouterAdvertisement, src Addr) []byte {
	ra.Lifetime = uint16(min(l.r.config.IPv6.RouterLifetime/time.Second, 0xffff))
	if ra.HopLimit == 0 {
		ra.HopLimit = uint8(l.r.config.IPv6.HopLimit)
	}
	b := icmpv6.AppendRouterAdvertisement(l.r.buf[:0], ra)
	return icmpv6.AppendLinkAddr(b, icmpv6.SourceLinkAddr, l.nd.LinkOf(src))
}

// tail ends one.
func (l *Link) tail(b []byte) []byte {
	if l.extended() { // RFC 8505, 6.1
		b = icmpv6.AppendCapabilities(b, icmpv6.Capabilities{Bits: l.capabilities()})
	}
	l.r.buf = b[:0]
	return b
}

// passOn advertises what a border router said, as a router on the way (6.3): its option as it came, and of lifetimes what is
// left (8.1.4).
func (l *Link) passOn(b *record, src, dst Addr, to link.Addr) {
	ra := icmpv6.RouterAdvertisement{Preference: icmpv6.Medium} // 6
	if !l.hasWay() {
		ra.Preference = icmpv6.Low
	}
	m := l.head(ra, src)
	now := l.now()
	for _, p := range b.prefixes {
		if now >= p.until {
			continue
		}
		x := p.what
		x.OnLink, x.Valid, x.Preferred = false, l.left(p.until, time.Second), l.left(p.prefd, time.Second)
		m = icmpv6.AppendPrefix(m, x)
	}
	for _, c := range b.contexts {
		x := c.what
		if x.Lifetime = uint16(l.left(c.until, time.Minute)); x.Lifetime == 0 { // which would say that it is to be removed
			continue
		}
		m = icmpv6.AppendContext(m, x)
	}
	m = icmpv6.AppendBorderRouter(m, b.option)
	l.nd.Send(src, dst, to, l.tail(m))
}

// advertise tells what the border router stands for; another version of it each time that it is another (7).
func (b *border) advertise(src, dst Addr, to link.Addr) bool {
	l := b.l
	own, ok := l.global()
	if !ok || !l.advertise.begun {
		return false
	}
	prefixes, contexts := b.prefixes(), b.offers()
	if !b.told.ever || !slices.Equal(prefixes, b.told.prefixes) || !slices.Equal(contexts, b.told.contexts) {
		b.told.ever = true
		b.told.prefixes = append(b.told.prefixes[:0], prefixes...)
		b.told.contexts = append(b.told.contexts[:0], contexts...)
		b.version++
	}
	ra := l.advertise.what.RouterAdvertisement
	ra.Preference = icmpv6.High // 6
	m := l.head(ra, src)
	for _, p := range prefixes {
		m = icmpv6.AppendPrefix(m, p)
	}
	for _, c := range contexts {
		m = icmpv6.AppendContext(m, c)
	}
	m = icmpv6.AppendBorderRouter(m, icmpv6.BorderRouter{Version: b.version, Addr: own})
	l.nd.Send(src, dst, to, l.tail(m))
	return true
}

// offers are the contexts as they are told. The list is good until the next one.
func (b *border) offers() []icmpv6.Context {
	all := b.list.contexts[:0]
	for _, o := range b.contexts {
		all = append(all, o.context)
	}
	b.list.contexts = all
	return all
}
