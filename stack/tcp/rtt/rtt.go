// Package rtt computes the retransmission timeout of a TCP sender from round-trip times (RFC 6298; RFC 7323, 4.2).
//
// An Estimator is told three things: Sample, a round-trip time of a segment that was sent once (or told apart by its
// timestamp: Karn's algorithm, RFC 6298, 3, is the caller's part); Backoff, that the timer has expired; and SynLost,
// when data begins after a handshake in which it had. It answers RTO.
//
// A timeout that was backed off stays so until the next Sample (5.7): an acknowledgement of a retransmission alone does
// not shorten it, because nobody knows of which transmission it speaks.
//
// Durations are whole nanoseconds; divisions cut, so that a step errs by less than one.
package rtt

import "time"

// Config says what bounds the timeout. Zero means the value of RFC 6298.
type Config struct {
	Initial     time.Duration // before the first sample (2.1): 1 s
	Min         time.Duration // (2.4): 1 s
	Max         time.Duration // (2.5), of back-off as well: 60 s
	Granularity time.Duration // G, of the clock that samples are taken with: 1 ns
}

// AfterSynLost is what the timeout becomes when data begins after a handshake whose timer had expired (5.7).
const AfterSynLost = 3 * time.Second

// An Estimator holds SRTT and RTTVAR of one connection. Init makes it ready.
type Estimator struct {
	c            Config
	srtt, rttvar time.Duration
	rto          time.Duration // not backed off, within bounds
	backoffs     uint8
	sampled      bool
	min          minimum
}

// Init makes the estimator that of a connection about which nothing is known.
func (e *Estimator) Init(c Config) {
	if c.Initial == 0 {
		c.Initial = time.Second
	}
	if c.Min == 0 {
		c.Min = time.Second
	}
	if c.Max == 0 {
		c.Max = 60 * time.Second
	}
	if c.Granularity == 0 {
		c.Granularity = 1
	}
	*e = Estimator{c: c, rto: min(c.Initial, c.Max)}
}

// Sample takes a round-trip time r, measured at now. expected is how many samples one window brings, ExpectedSamples
// tells: with more than one, each counts less, so that the history is as long as with one (RFC 7323, 4.2).
func (e *Estimator) Sample(now, r time.Duration, expected int) {
	r = max(r, 0)
	if !e.sampled { // 2.2
		e.sampled, e.srtt, e.rttvar = true, r, r/2
	} else { // 2.3, with alpha = 1/8 and beta = 1/4; RTTVAR first, from the old SRTT
		n := time.Duration(max(expected, 1))
		e.rttvar += ((e.srtt - r).Abs() - e.rttvar) / (4 * n)
		e.srtt += (r - e.srtt) / (8 * n)
	}
	e.rto = e.bound(e.srtt + max(e.c.Granularity, 4*e.rttvar))
	e.backoffs = 0
	e.min.add(now, r)
}

// ExpectedSamples is how many acknowledgements a window of flight octets brings: one for every second segment.
func ExpectedSamples(flight, mss int) int {
	if mss <= 0 {
		return 1
	}
	return max(1, (flight+2*mss-1)/(2*mss))
}

// Backoff doubles the timeout because the timer has expired (5.5).
func (e *Estimator) Backoff() {
	if e.backoffs < 32 {
		e.backoffs++
	}
}

// ResetBackoff undoes all doubling, because the timeouts turned out to be needless (RFC 5682, 3), or the peer is heard
// from again although no sample could be taken.
func (e *Estimator) ResetBackoff() { e.backoffs = 0 }

// SynLost is called when data begins, if the timer had expired while a SYN was not yet acknowledged (5.7).
func (e *Estimator) SynLost() {
	e.backoffs = 0
	e.rto = max(e.rto, min(AfterSynLost, e.c.Max))
}

// RTO is the timeout for what is sent now.
func (e *Estimator) RTO() time.Duration {
	rto := e.rto
	for range e.backoffs {
		if rto *= 2; rto >= e.c.Max { // 2.5: the bound holds for the doubled value, too
			return max(e.c.Max, e.rto)
		}
	}
	return rto
}

// Backoffs is how often the timeout was doubled since the last sample.
func (e *Estimator) Backoffs() int { return int(e.backoffs) }

// Smoothed is SRTT; ok is false before the first sample.
func (e *Estimator) Smoothed() (srtt time.Duration, ok bool) { return e.srtt, e.sampled }

// Variation is RTTVAR.
func (e *Estimator) Variation() time.Duration { return e.rttvar }

// Min is the least sample of the last minute or so (RFC 8985, 6.2, step 1), 0 before the first.
func (e *Estimator) Min(now time.Duration) time.Duration { return e.min.get(now) }

func (e *Estimator) bound(d time.Duration) time.Duration {
	return min(max(d, e.c.Min), max(e.c.Max, e.c.Min))
}
