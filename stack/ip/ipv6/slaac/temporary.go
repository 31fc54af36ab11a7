package slaac

import (
	"net/netip"
	"time"
)

// Temporary addresses (RFC 8981): one of each prefix is preferred at a time. It gets a successor a little before it is
// deprecated, or when a router lengthens a prefix that had no time for one.

// renew makes the temporary addresses that are due (3.4 and 3.5), and tells when the next one is.
func (l *conf) renew(now time.Duration) (next time.Duration) {
	next = forever
	if !l.c.c.TempAddresses.On() {
		return next
	}
	for k := 0; k < len(l.addresses); k++ { // some are added behind
		of := l.addresses[k]
		if of.kind != autonomous {
			continue
		}
		due, ok := l.renewalOf(of.prefix)
		if !ok || due <= now {
			if l.makeTemporary(of, 0) {
				due, ok = l.renewalOf(of.prefix)
			} else {
				ok = false // when its prefix lasts longer
			}
		}
		if ok {
			next = min(next, due)
		}
	}
	return next
}

// renewalOf is when a successor of a prefix's last temporary address is to be made; ok is false when it has none.
func (l *conf) renewalOf(net netip.Prefix) (at time.Duration, ok bool) {
	for _, a := range l.addresses {
		if a.kind == temporary && a.prefix == net && (!ok || a.preferred > at) {
			at, ok = a.preferred, true
		}
	}
	if ok && at != forever {
		at -= l.regenAdvance()
	}
	return at, ok
}

// makeTemporary makes a temporary address with the lifetimes of another one of its prefix (3.4, 4 to 6), unless it would be
// renewed at once, and tells whether it did. tries is how many before it somebody else had.
func (l *conf) makeTemporary(of *address, tries int) bool {
	c := l.c
	now := c.loop.Now()
	if l.gaveUp(temporary, of.prefix) || len(l.addresses) >= c.c.Addresses {
		return false
	}
	desync := l.desync()
	preferred := min(of.preferred, now+c.c.TempPreferred-desync)
	if preferred-now <= l.regenAdvance() {
		return false
	}
	l.add(&address{
		addr: join(of.prefix, l.randomIdentifier()), bits: 64, kind: temporary, prefix: of.prefix, tries: tries, desync: desync,
		preferred: preferred, valid: min(of.valid, now+c.c.TempValid),
	}, tries == 0)
	return true
}

// makeAnother is makeTemporary behind a duplicate (3.4, 7).
func (l *conf) makeAnother(duplicate *address) {
	if duplicate.tries+1 >= maxIdentifiers {
		l.giveUp(temporary, duplicate.prefix)
		return
	}
	for _, of := range l.addresses {
		if of.kind == autonomous && of.prefix == duplicate.prefix {
			l.makeTemporary(of, duplicate.tries+1)
			return
		}
	}
}

// desync draws by how much the preferred lifetime is less than the longest (3.8): at most 0.4 of it, and by so little that
// the address is not renewed at once.
func (l *conf) desync() time.Duration {
	most := l.c.c.TempPreferred * 4 / 10
	if rest := l.c.c.TempPreferred - l.regenAdvance() - 1; rest < most {
		most = max(0, rest)
	}
	return time.Duration(l.c.ids.Int64N(int64(most) + 1))
}

// regenAdvance is how long before the end of its preferred lifetime a temporary address gets a successor (3.8).
func (l *conf) regenAdvance() time.Duration {
	return 2*time.Second + time.Duration(maxIdentifiers*l.c.transmits())*l.nd.RetransTimer()
}
