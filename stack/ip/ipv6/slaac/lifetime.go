package slaac

import "time"

// age does what is due (RFC 4862, 5.5.4; RFC 8981, 3.5): addresses end, are deprecated, or get a successor.
func (l *conf) age() {
	now := l.c.loop.Now()
	for k := len(l.addresses) - 1; k >= 0; k-- {
		a := l.addresses[k]
		if now >= a.valid {
			l.remove(a, Removed)
			continue
		}
		if was := a.deprecated; was != (now >= a.preferred) {
			a.deprecated = !was
			if !a.tentative {
				l.set(a)
			}
			if a.deprecated {
				l.tell(a, Deprecated)
			}
		}
	}
	l.arm(l.renew(now))
}

// arm sets the timer for the first of all ends, or for what comes next if that is earlier.
func (l *conf) arm(first time.Duration) {
	for _, a := range l.addresses {
		first = min(first, a.valid)
		if !a.deprecated {
			first = min(first, a.preferred)
		}
	}
	if first == forever {
		l.lifetime.Stop()
		return
	}
	l.lifetime.Set(first)
}
