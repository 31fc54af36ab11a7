package congestion

import "time"

// Cubic is RFC 9438. Windows are octets, and time is milliseconds, where the RFC has segments and seconds; C = 0.4 and
// beta = 0.7 are the only constants (4.1, 4.6).
type Cubic struct {
	cubic
	prior *cubic // before the last reduction (4.9); nil before the first
	saved bool
}

type cubic struct {
	window
	wMax      int           // W_max, after fast convergence
	cwndPrior int           // cwnd_prior, before the last reduction
	wEst      int           // W_est, of the Reno-friendly region
	epoch     time.Duration // t_epoch: the beginning of this congestion avoidance, pauses taken off
	started   bool          // there is an epoch
	fresh     bool          // the next congestion avoidance is the first after a timeout: K is 0 (4.8)
	k         int64         // K, ms
	origin    int           // W_max of this epoch, cwnd_epoch if that is more
	last      time.Duration // the last acknowledgement
	estCredit int           // of wEst, as window.credit is of cwnd
}

// Init makes q that of a new connection.
func (q *Cubic) Init(c Config) {
	*q = Cubic{prior: q.prior}
	q.window.init(c)
}

// Name is "cubic".
func (q *Cubic) Name() string { return "cubic" }

// Acked is RFC 9438, 4.2 to 4.5.
func (q *Cubic) Acked(a Ack) {
	full := q.mayGrow(a, &q.window)
	since := a.Now - q.last
	q.last = a.Now
	if !full { // 5.8: t does not count while the window does not grow
		if q.started {
			q.epoch += since
		}
		return
	}
	octets := a.Octets
	if q.slowStart() {
		if octets = q.grow(octets); octets == 0 {
			return
		}
	}
	if !q.started {
		q.begin(a.Now)
	}
	q.avoid(a, octets)
}

// begin starts an epoch (4.2).
func (q *Cubic) begin(now time.Duration) {
	q.started, q.epoch, q.credit, q.estCredit = true, now, 0, 0
	q.wEst, q.k, q.origin = q.cwnd, 0, q.cwnd
	if !q.fresh && q.cwnd < q.wMax {
		// K = cubic_root((W_max - cwnd_epoch) / C) seconds; 1/C is 5/2, and 1e9 turns cubed seconds into milliseconds
		q.k, q.origin = cbrt(uint64(q.wMax-q.cwnd)*2500/uint64(q.mss)*1e6), q.wMax
	}
	q.fresh = false
}

// at is W_cubic(t) = C*(t-K)^3 + W_max, t in ms.
func (q *Cubic) at(t int64) int {
	d := min(max(t-q.k, -maxSpan), maxSpan)
	// C*MSS*d^3/1e9, the powers of ten taken off early: d^3 is below 1e15, times 65535 below 2^63
	return q.origin + int(2*int64(q.mss)*(d*d*d/1e5)/(5*1e4))
}

// maxSpan bounds t-K, in ms: 100 s from the plateau the window differs by 400,000 segments.
const maxSpan = 100_000

// avoid is congestion avoidance.
func (q *Cubic) avoid(a Ack, octets int) {
	t := int64((a.Now - q.epoch) / time.Millisecond)
	// 4.3: W_est grows by alpha segments a window, alpha = 3*(1-beta)/(1+beta) = 9/17 until it has reached cwnd_prior
	q.estCredit += octets
	step := q.mss * 9 / 17
	if q.wEst >= q.cwndPrior {
		step = q.mss
	}
	if n := q.estCredit * step / q.cwnd; n > 0 {
		q.wEst = min(q.wEst+n, Unlimited)
		q.estCredit -= n * q.cwnd / step
	}
	if q.at(t) < q.wEst { // 4.3: the Reno-friendly region
		q.cwnd = max(q.cwnd, q.wEst)
		return
	}
	// 4.4, 4.5: concave and convex alike; 4.2: the target is at most half a window away
	target := min(max(q.at(t+int64(a.RTT/time.Millisecond)), q.cwnd), q.cwnd+q.cwnd/2, Unlimited)
	gain := int64(target-q.cwnd) * int64(octets)
	q.credit += int(gain % int64(q.cwnd))
	n := int(gain/int64(q.cwnd)) + q.credit/q.cwnd
	q.credit %= q.cwnd
	q.cwnd += n
}

// Lost is RFC 9438, 4.6 and 4.7.
func (q *Cubic) Lost(now time.Duration, flight int) {
	q.save()
	used, nonValidated := q.loss(now, flight)
	q.remember()
	q.ssthresh = q.reduced(flight, 7, 10)
	q.cwnd, q.credit, q.timeout = q.ssthresh, 0, false
	if nonValidated { // RFC 7661, 4.4.1, with the factor of 4.6
		q.cwnd = max(used*7/10, q.mss)
	}
}

// remember sets W_max, with fast convergence (4.7), and ends the epoch.
func (q *Cubic) remember() {
	q.cwndPrior = q.cwnd
	if q.cwnd < q.wMax {
		q.wMax = int(int64(q.cwnd) * 17 / 20)
	} else {
		q.wMax = q.cwnd
	}
	q.started, q.fresh = false, false
}

// Recovered ends fast recovery. An epoch begins with the next acknowledgement.
func (q *Cubic) Recovered(now time.Duration, retransmitted, flight int) {
	q.settle(retransmitted, flight)
	q.last = now
}

// TimedOut is RFC 9438, 4.8.
func (q *Cubic) TimedOut(now time.Duration, flight int, again bool) {
	if !again {
		q.save()
		q.remember()
		q.ssthresh = q.reduced(flight, 7, 10)
	}
	q.undefine()
	q.started, q.fresh = false, true
	q.cwnd, q.credit, q.timeout = q.mss, 0, true
}

// Marked is RFC 9438, 4.6: like a loss.
func (q *Cubic) Marked(now time.Duration, flight int) {
	q.Lost(now, flight)
	q.Recovered(now, 0, Unbounded)
}

// Resume is RFC 7661, 4.4.3, or RFC 5681, 4.1. The pause does not count in t.
func (q *Cubic) Resume(now, idle, rto time.Duration) {
	q.resume(now, idle, rto)
	if q.started && now > q.last {
		q.epoch += now - q.last
	}
	q.last = now
}

// Undo is RFC 9438, 4.9: what was before the reduction, with the time in between not counted.
func (q *Cubic) Undo(now time.Duration) {
	if !q.saved {
		return
	}
	cwnd := q.cwnd
	q.saved, q.cubic = false, *q.prior
	q.cwnd = max(cwnd, q.cwnd)
	q.undefine()
	if q.started {
		q.epoch += now - q.last
	}
	q.last = now
}

func (q *Cubic) save() {
	if q.prior == nil {
		q.prior = new(cubic)
	}
	*q.prior, q.saved = q.cubic, true
}

// cbrt is the cubic root of v, rounded down.
func cbrt(v uint64) int64 {
	var r uint64
	for s := 63; s >= 0; s -= 3 {
		r *= 2
		if b := 3*r*(r+1) + 1; v>>s >= b {
			v -= b << s
			r++
		}
	}
	return int64(r)
}
