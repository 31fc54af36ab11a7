package tcp

import "time"

// bucket limits a rate: rate at once, then rate a second. A negative rate does not limit.
type bucket struct {
	rate, tokens int
	at           time.Duration // when tokens were counted last
}

func (b *bucket) take(now time.Duration) bool {
	if b.rate < 0 {
		return true
	}
	if b.rate > 0 {
		interval := time.Second / time.Duration(b.rate)
		n := (now - b.at) / interval
		b.at += n * interval
		b.tokens = int(min(time.Duration(b.rate), time.Duration(b.tokens)+n))
	}
	if b.tokens == 0 {
		return false
	}
	b.tokens--
	return true
}
