package tcp

import "time"

// A limit is how many answers a connection may draw in any interval: half of them at once, the others one after another.
// So no two intervals' worth come together, wherever an interval is taken to begin (RFC 5961, 7).
type limit struct {
	burst int           // at once; negative: no limit
	each  time.Duration // between any two beyond that
}

func newLimit(most int, interval time.Duration) limit {
	if most < 0 {
		return limit{burst: -1}
	}
	l := limit{burst: (most + 1) / 2, each: interval}
	if most > l.burst {
		l.each = interval / time.Duration(most-l.burst)
	}
	return l
}

// A bucket is what one connection has drawn of its limit; the zero value is one that has drawn nothing.
//
// Each connection has its own: of one that all share, somebody could learn from the answers to his own connection whether
// a segment with a forged source has drawn one of another, and so guess its ports and numbers (CVE-2016-5696).
type bucket struct {
	drawn int
	at    time.Duration // until when what has come back is counted
}

func (b *bucket) take(l limit, now time.Duration) bool {
	if l.burst < 0 {
		return true
	}
	if l.each > 0 {
		n := (now - b.at) / l.each
		b.at += n * l.each
		if b.drawn -= int(min(time.Duration(b.drawn), n)); b.drawn == 0 {
			b.at = now
		}
	}
	if b.drawn >= l.burst {
		return false
	}
	b.drawn++
	return true
}
