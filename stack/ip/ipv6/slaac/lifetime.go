package slaac

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
	for _, a := range l.addresses {
		if a.kind == temporary && !a.renewed && now >= a.preferred-l.regenAdvance() {
			a.renewed = true
			for _, of := range l.addresses { // the prefix may last longer than the temporary address of it
				if of.kind == autonomous && of.prefix == a.prefix {
					l.makeTemporary(a.prefix, of.preferred, of.valid)
					break
				}
			}
		}
	}
	l.arm()
}

// arm sets the timer for the first of all ends.
func (l *conf) arm() {
	now, first := l.c.loop.Now(), forever
	for _, a := range l.addresses {
		first = min(first, a.valid)
		if !a.deprecated {
			first = min(first, a.preferred)
		}
		if a.kind == temporary && !a.renewed {
			first = min(first, max(now, a.preferred-l.regenAdvance()))
		}
	}
	if first == forever {
		l.lifetime.Stop()
		return
	}
	l.lifetime.Set(first)
}
