package slaac

import (
	"net/netip"
	"slices"
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
		switch {
		case a.prefix != net:
		case a.kind == autonomous: // (e)
			known = true
			a.preferred, a.valid = after(now, p.Preferred), a.validAfter(now, p.Valid)
		case a.kind == temporary: // RFC 8981, 3.4, 1 and 2: never longer than since it was made
			a.preferred = min(after(now, p.Preferred), plus(a.made, c.c.TempPreferred-a.desync))
			a.valid = min(a.validAfter(now, p.Valid), plus(a.made, c.c.TempValid))
		}
	}
	if !known && !l.formOf(net, p) {
		return
	}
	l.age()
}

// formOf forms an address of a prefix that is new, (d), if it can; and one more of the short address, if there is one (RFC
// 4944, 6).
func (l *conf) formOf(net netip.Prefix, p icmpv6.Prefix) bool {
	if p.Valid == 0 || p.Bits != 64 || l.gaveUp(autonomous, net) {
		return false
	}
	formed := false
	if id, tries, ok := l.identifier(net, 0); ok {
		formed = l.formAs(net, p, id, tries)
	}
	if id, ok := l.shortIdentifier(); ok && l.formAs(net, p, id, 0) {
		formed = true
	}
	return formed
}

// formAs forms the address of an identifier, unless there is no room for it, or it was set by hand. Where addresses are
// registered and a router says that they are managed, DHCPv6 must assign those that are not of the EUI-64 (RFC 6775, 5.4.1).
func (l *conf) formAs(net netip.Prefix, p icmpv6.Prefix, id identifier, tries int) bool {
	now := l.c.loop.Now()
	a := &address{addr: join(net, id), bits: 64, kind: autonomous, prefix: net, tries: tries, preferred: after(now, p.Preferred), valid: after(now, p.Valid)}
	if l.find(a.addr) != nil || len(l.addresses) >= l.c.c.Addresses || l.registrar != nil && l.nd.Managed && !l.lasting(a.addr) {
		return false
	}
	a.deprecated = p.Preferred == 0
	l.add(a, true)
	return true
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

// A failure is a prefix of which no more addresses of a kind are tried on this link, since others had so many of them.
type failure struct {
	kind kind
	net  netip.Prefix
}

func (l *conf) gaveUp(k kind, net netip.Prefix) bool {
	return slices.Contains(l.failures, failure{k, net})
}

// giveUp gives a prefix up. So many are remembered as there may be addresses.
func (l *conf) giveUp(k kind, net netip.Prefix) {
	if len(l.failures) >= l.c.c.Addresses {
		l.failures = slices.Delete(l.failures, 0, 1)
	}
	l.failures = append(l.failures, failure{k, net})
}
