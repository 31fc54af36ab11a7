package register

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/ip/ipv6/nd"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/link"
)

// record is what a border router said, by whichever way it came (RFC 6775, 8.1.4).
type record struct {
	addr     Addr
	option   icmpv6.BorderRouter // as it is passed on
	until    time.Duration
	caps     icmpv6.Capability
	prefixes []lasting[icmpv6.Prefix]
	contexts []lasting[icmpv6.Context]
}

// lasting is something with an end.
type lasting[T any] struct {
	what  T
	until time.Duration // of its validity
	prefd time.Duration // of a prefix: of its preference
}

// borderOf is the border router that is asked about an address: one whose prefix it has, or else the first; nil for none.
func (l *Link) borderOf(a Addr) *record {
	for _, b := range l.borders {
		if b.covers(a) {
			return b
		}
	}
	if len(l.borders) > 0 {
		return l.borders[0]
	}
	return nil
}

func (b *record) covers(a Addr) bool {
	return slices.ContainsFunc(b.prefixes, func(p lasting[icmpv6.Prefix]) bool { return covers(p.what, a) })
}

func covers(p icmpv6.Prefix, a Addr) bool {
	return p.Bits <= 128 && netip.PrefixFrom(p.Prefix.Netip(), int(p.Bits)).Contains(a.Netip())
}

// belongs tells whether an address is of a prefix of the network; any is when none is known.
func (l *Link) belongs(a Addr) bool {
	if l.border != nil {
		all := l.border.prefixes()
		return len(all) == 0 || slices.ContainsFunc(all, func(p icmpv6.Prefix) bool { return covers(p, a) })
	}
	known := false
	for _, b := range l.borders {
		known = known || len(b.prefixes) > 0
		if b.covers(a) {
			return true
		}
	}
	return !known
}

// learn takes in what a border router says, as a router (8.1.3) and as a host. It is false for what is to be ignored: an
// older version, and, on a router, what no border router stands for.
func (l *Link) learn(h *nd.Heard, ra icmpv6.RouterAdvertisement) bool {
	l.forgetOld()
	o, _, err := icmpv6.ParseBorderRouter(findOption(h.Options, icmpv6.BorderRouterOption))
	if err != nil {
		return !l.isRouter()
	}
	k := slices.IndexFunc(l.borders, func(b *record) bool { return b.addr == o.Addr })
	if k >= 0 && o.Version < l.borders[k].option.Version {
		return false
	}
	if k < 0 {
		if len(l.borders) >= l.r.c.BorderRouters {
			return !l.isRouter()
		}
		k = len(l.borders)
		l.borders = append(l.borders, &record{addr: o.Addr})
	}
	b := l.borders[k]
	news := b.until == 0 || o.Version > b.option.Version
	minutes := time.Duration(o.Lifetime)
	if minutes == 0 {
		minutes = defaultABROMinutes
	}
	b.option, b.until = o, l.now()+minutes*time.Minute
	if news {
		b.prefixes, b.contexts = nil, nil
	}
	b.caps = 0
	eachOption(h.Options, func(t icmpv6.OptionType, x []byte) {
		switch t {
		case icmpv6.PrefixOption:
			if p, _, err := icmpv6.ParsePrefix(x); err == nil && p.Bits <= 128 {
				b.prefix(l, p)
			}
		case icmpv6.ContextOption:
			if c, _, err := icmpv6.ParseContext(x); err == nil {
				b.context(l, c)
			}
		case icmpv6.CapabilityOption:
			if c, _, err := icmpv6.ParseCapabilities(x); err == nil {
				b.caps = c.Bits
			}
		}
	})
	if news {
		l.advertise.news()
	}
	return true
}

// prefix and context keep one of each kind, with the instant at which it ends: what is told later is what is left of it.
func (b *record) prefix(l *Link, p icmpv6.Prefix) {
	x := lasting[icmpv6.Prefix]{p, l.after(p.Valid, time.Second), l.after(p.Preferred, time.Second)}
	k := slices.IndexFunc(b.prefixes, func(y lasting[icmpv6.Prefix]) bool { return y.what.Prefix == p.Prefix && y.what.Bits == p.Bits })
	switch {
	case k >= 0:
		b.prefixes[k] = x
	case len(b.prefixes) < l.r.config.IPv6.Prefixes:
		b.prefixes = append(b.prefixes, x)
	}
}

func (b *record) context(l *Link, c icmpv6.Context) {
	c.Res, c.Reserved, c.Long = 0, 0, false // 4.2: sent as zero, as what is behind the prefix
	c.Prefix = Addr(netip.PrefixFrom(c.Prefix.Netip(), int(c.Bits)).Masked().Addr().As16())
	x := lasting[icmpv6.Context]{what: c, until: l.now() + time.Duration(c.Lifetime)*time.Minute}
	k := slices.IndexFunc(b.contexts, func(y lasting[icmpv6.Context]) bool { return y.what.ID == c.ID })
	if k >= 0 {
		b.contexts[k] = x
	} else { // sixteen at most
		b.contexts = append(b.contexts, x)
	}
}

// after is an instant so many units from now; never for the largest number.
func (l *Link) after(n uint32, unit time.Duration) time.Duration {
	if n == icmpv6.Infinity {
		return forever
	}
	return l.now() + time.Duration(n)*unit
}

// left is how many units are left until an instant.
func (l *Link) left(until, unit time.Duration) uint32 {
	if until == forever {
		return icmpv6.Infinity
	}
	return uint32(max(0, until-l.now()) / unit)
}

// forgetOld removes border routers of which nothing was heard for too long, with all they said (6.3).
func (l *Link) forgetOld() {
	l.borders = slices.DeleteFunc(l.borders, func(b *record) bool { return l.now() >= b.until })
}

// mayFollow tells whether a router, which is at a link address, may be taken for one's own default router. A host takes
// any. A router takes one only while it has none, and not one whose addresses are registered with it: that one reaches
// others by this one.
func (l *Link) mayFollow(a Addr, at link.Addr) bool {
	if !l.isRouter() || l.registrarOf(a, false) != nil {
		return true
	}
	if len(l.with) != 0 {
		return false
	}
	for _, n := range l.nodes {
		if n.at == at && !n.addr.IsLinkLocal() {
			return false
		}
	}
	return true
}
