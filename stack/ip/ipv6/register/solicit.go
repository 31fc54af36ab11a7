package register

import (
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/ip/ipv6/nd"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	wire6 "github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
)

// solicitation asks all for routers, until one answers (RFC 6775, 5.3).
type solicitation struct {
	l     *Link
	timer clock.Timer
	asked int
	gap   time.Duration
}

func (s *solicitation) init(l *Link) {
	s.l = l
	s.timer.Init(l.r.loop, s.ask)
}

func (s *solicitation) stop() { s.timer.Stop() }

// SolicitRouters implements nd.Registry.
func (l *Link) SolicitRouters() {
	l.asking.begin(l.nd.RandomDelay(max(0, l.r.config.IPv6.RSDelay)))
}

// begin asks after a delay, unless it is being asked.
func (s *solicitation) begin(delay time.Duration) {
	l := s.l
	if _, set := s.timer.When(); set || l.isBorder() || !l.r.config.IPv6.RouterSolicit.On() {
		return
	}
	s.asked, s.gap = 0, solicitInterval
	s.timer.After(delay)
}

// ask sends a solicitation to all routers, and sets the timer for the next one: some at even distances, then ever more
// rarely, up to a minute.
func (s *solicitation) ask() {
	if !s.l.sendSolicitation(wire6.AllRouters) {
		return // asked again when there is a link-local address
	}
	s.asked++
	if s.asked > maxSolicits {
		s.gap = min(2*s.gap, maxSolicitInterval)
	}
	s.timer.After(s.gap)
}

// sendSolicitation sends a router solicitation: never from ::, and always with the link address (5.3). It is false without
// a link-local address.
func (l *Link) sendSolicitation(to Addr) bool {
	src, ok := l.r.ipv6.LinkLocal(l.Iface)
	if !ok {
		return false
	}
	m := icmpv6.Append(l.r.buf[:0], icmpv6.Header{Type: icmpv6.RouterSolicit})
	m = icmpv6.AppendLinkAddr(m, icmpv6.SourceLinkAddr, l.nd.LinkOf(src))
	if l.extended() { // RFC 8505, 6.1
		m = icmpv6.AppendCapabilities(m, icmpv6.Capabilities{Bits: l.capabilities() &^ icmpv6.CanExtendDuplicate})
	}
	l.r.buf = m[:0]
	l.nd.Send(src, to, link.Addr{}, m)
	return true
}

// refreshRouter asks a router for what is about to end: itself first, and then all (5.4.3).
func (l *Link) refreshRouter(g *registrar) {
	if g.asked >= maxSolicits {
		g.refresh = forever
		l.asking.begin(0)
		return
	}
	g.asked++
	l.sendSolicitation(g.addr)
	g.refresh = l.now() + solicitInterval
}

// RouterAdvertised implements nd.Registry: contexts, border routers and capabilities, and when to ask anew (5.4).
func (l *Link) RouterAdvertised(h *nd.Heard, ra icmpv6.RouterAdvertisement) bool {
	if l.isBorder() { // it is the authority
		return false
	}
	if !l.learn(h, ra) {
		return false
	}
	if l.isRouter() && ra.Preference == icmpv6.Low { // it has no way to the border router (6), or that is by this one
		if l.registrarOf(h.Src, false) != nil {
			l.nd.ForgetRouter(h.Src)
		}
		return false
	}
	g := l.registrarOf(h.Src, ra.Lifetime != 0 && l.mayFollow(h.Src, h.Source))
	if ra.Lifetime == 0 && g != nil {
		g.leaving = true
		return true
	}
	if g == nil {
		return !l.isRouter()
	}
	l.asking.stop()
	g.asked = 0
	g.caps = 0
	g.lifetime = time.Duration(ra.Lifetime) * time.Second
	shortest := g.lifetime
	eachOption(h.Options, func(t icmpv6.OptionType, b []byte) {
		switch t {
		case icmpv6.CapabilityOption:
			if c, _, err := icmpv6.ParseCapabilities(b); err == nil {
				g.caps = c.Bits
			}
		case icmpv6.PrefixOption:
			if p, _, err := icmpv6.ParsePrefix(b); err == nil && p.Valid != 0 && p.Valid != icmpv6.Infinity {
				shortest = min(shortest, time.Duration(p.Valid)*time.Second)
			}
		case icmpv6.ContextOption:
			if c, _, err := icmpv6.ParseContext(b); err == nil {
				if c.Lifetime != 0 {
					shortest = min(shortest, time.Duration(c.Lifetime)*time.Minute)
				}
				l.contextTold(c, g.lifetime)
			}
		}
	})
	g.refresh = l.now() + shortest*3/4
	l.work.Post()
	return true
}
