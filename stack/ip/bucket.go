package ip

import "time"

// A Bucket limits a rate, such as that of ICMP errors (RFC 1812, 4.3.2.8; RFC 4443, 2.4): a burst at once, then so many a
// second.
type Bucket struct {
	rate, burst int
	tokens      int
	at          time.Duration // when tokens were counted last
}

// NewBucket makes a full one. A negative rate does not limit.
func NewBucket(rate, burst int) Bucket { return Bucket{rate: rate, burst: burst, tokens: burst} }

// Take tells whether one more may be.
func (b *Bucket) Take(now time.Duration) bool {
	if b.rate < 0 {
		return true
	}
	if b.rate > 0 {
		interval := time.Second / time.Duration(b.rate)
		n := (now - b.at) / interval
		b.at += n * interval
		b.tokens = int(min(time.Duration(b.burst), time.Duration(b.tokens)+n))
	}
	if b.tokens == 0 {
		return false
	}
	b.tokens--
	return true
}
