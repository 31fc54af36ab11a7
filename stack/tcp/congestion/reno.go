package congestion

import "time"

// Reno is the congestion control of RFC 5681 with byte counting (RFC 3465) and window validation (RFC 7661).
type Reno struct {
	window
	prior *window // before the last reduction; nil before the first
	saved bool
}

// Init makes r that of a new connection.
func (r *Reno) Init(c Config) {
	r.saved = false
	r.window.init(c)
}

// Name is "reno".
func (r *Reno) Name() string { return "reno" }

// Acked is RFC 5681, 3.1.
func (r *Reno) Acked(a Ack) {
	if !r.mayGrow(a, &r.window) {
		return
	}
	octets := a.Octets
	if r.slowStart() {
		if octets = r.grow(octets); octets == 0 {
			return
		}
	}
	r.linear(octets)
}

// Lost is RFC 5681, 3.2, steps 2 and 3, without inflation: what duplicate acknowledgements tell to have left the network
// is not counted in flight instead.
func (r *Reno) Lost(now time.Duration, flight int) {
	r.save()
	used, nonValidated := r.loss(now, flight)
	r.ssthresh = r.reduced(flight, 1, 2)
	r.cwnd, r.credit, r.timeout = r.ssthresh, 0, false
	if nonValidated { // RFC 7661, 4.4.1
		r.cwnd = max(used/2, r.mss)
	}
}

// Recovered is the end of fast recovery: the window is the threshold (RFC 6582, 3.2), or what RFC 7661, 4.4.1, makes it.
func (r *Reno) Recovered(now time.Duration, retransmitted, flight int) {
	r.settle(retransmitted, flight)
}

// TimedOut is RFC 5681, 3.1: the loss window.
func (r *Reno) TimedOut(now time.Duration, flight int, again bool) {
	if !again {
		r.save()
		r.ssthresh = r.reduced(flight, 1, 2)
	}
	r.undefine() // RFC 7661, 4.4: a timeout ends the phase
	r.cwnd, r.credit, r.timeout = r.mss, 0, true
}

// Marked is RFC 3168, 6.1.2: like a loss.
func (r *Reno) Marked(now time.Duration, flight int) {
	r.Lost(now, flight)
	r.Recovered(now, 0, Unbounded)
}

// Resume is RFC 7661, 4.4.3, or RFC 5681, 4.1.
func (r *Reno) Resume(now, idle, rto time.Duration) { r.resume(now, idle, rto) }

// Undo brings back window and threshold from before the reduction, whichever is larger.
func (r *Reno) Undo(time.Duration) {
	if r.saved {
		r.saved = false
		r.cwnd, r.ssthresh = max(r.cwnd, r.prior.cwnd), max(r.ssthresh, r.prior.ssthresh)
		r.timeout, r.credit = r.prior.timeout, 0
	}
}

func (r *Reno) save() {
	if r.prior == nil {
		r.prior = new(window)
	}
	*r.prior, r.saved = r.window, true
}
