package slaac

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
)

// twoHours is how far an advertisement that is not authenticated may shorten a lifetime (RFC 4862, 5.5.3 (e)).
const twoHours = 2 * time.Hour

// Prefix implements nd.Addresses: address creation of RFC 4862, 5.5.3, by its letters.
func (c *Configurator) Prefix(i *iface.Iface, p icmpv6.Prefix) {
	l := c.conf(i)
	if l == nil || l.disabled {
		return
	}
	net := netip.PrefixFrom(p.Prefix.Netip(), int(p.Bits)).Masked()
	if p.Prefix.IsLinkLocal() || p.Preferred > p.Valid { // (b), (c)
		return
	}
	now := c.loop.Now()
	known := false
	for _, a := range l.addresses {
		if a.prefix != net || a.kind != autonomous {
			continue
		}
		known = true
		a.preferred, a.valid = after(now, p.Preferred), a.validAfter(now, p.Valid)
	}
	if !known {
		if p.Valid == 0 || p.Bits != 64 || len(l.addresses) >= c.c.Addresses { // (d)
			return
		}
		id, ok := l.identifier(net, 0)
		if !ok {
			return
		}
		a := &address{addr: join(net, id), bits: 64, kind: autonomous, prefix: net, preferred: after(now, p.Preferred), valid: after(now, p.Valid)}
		if l.find(a.addr) != nil { // set by hand
			return
		}
		a.deprecated = p.Preferred == 0
		l.add(a, true)
	}
	if c.c.TempAddresses.On() {
		l.temporary(net, p, !known)
	}
	l.age()
}

// validAfter is the two-hour rule, (e) 1 to 3.
func (a *address) validAfter(now time.Duration, seconds uint32) time.Duration {
	valid := after(now, seconds)
	switch {
	case valid > now+twoHours, valid > a.valid:
		return valid
	case a.valid <= now+twoHours:
		return a.valid
	}
	return now + twoHours
}

// after is an instant some seconds from now; never for the lifetime that does not end.
func after(now time.Duration, seconds uint32) time.Duration {
	if seconds == icmpv6.Infinity {
		return forever
	}
	return now + time.Duration(seconds)*time.Second
}

// plus adds to an instant that may be never.
func plus(at, d time.Duration) time.Duration {
	if at > forever-d {
		return forever
	}
	return at + d
}

// temporary updates the temporary addresses of a prefix (RFC 8981, 3.4), and makes the first one with the first other
// address.
func (l *conf) temporary(net netip.Prefix, p icmpv6.Prefix, first bool) {
	now := l.c.loop.Now()
	for _, a := range l.addresses {
		if a.kind == temporary && a.prefix == net { // 3.4, 1 and 2: never longer than since it was made
			a.preferred = min(after(now, p.Preferred), plus(a.made, l.c.c.TempPreferred-l.desync))
			a.valid = min(a.validAfter(now, p.Valid), plus(a.made, l.c.c.TempValid))
		}
	}
	if first {
		l.makeTemporary(net, after(now, p.Preferred), after(now, p.Valid))
	}
}

// makeTemporary makes a temporary address with the lifetimes of its prefix (3.4, 4 and 5); none that would be renewed at
// once.
func (l *conf) makeTemporary(net netip.Prefix, preferred, valid time.Duration) {
	c := l.c
	now := c.loop.Now()
	if l.desync == 0 { // 3.8: at most 0.4 of the preferred lifetime
		l.desync = 1 + time.Duration(c.ids.Int64N(int64(c.c.TempPreferred)*4/10))
	}
	preferred = min(preferred, now+c.c.TempPreferred-l.desync)
	if preferred-now <= l.regenAdvance() || len(l.addresses) >= c.c.Addresses {
		return
	}
	l.add(&address{
		addr: join(net, l.randomIdentifier()), bits: 64, kind: temporary, prefix: net,
		preferred: preferred, valid: min(valid, now+c.c.TempValid),
	}, true)
}

// regenAdvance is how long before the end of its preferred lifetime a temporary address gets a successor (3.8).
func (l *conf) regenAdvance() time.Duration {
	return 2*time.Second + time.Duration(maxIdentifiers*max(0, l.c.c.DADTransmits))*l.nd.RetransTimer()
}
