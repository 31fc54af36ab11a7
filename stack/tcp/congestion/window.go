package congestion

import "time"

// window is what all controls have in common: the two variables of RFC 5681, byte counting, and validation.
type window struct {
	mss, cwnd, ssthresh int
	initial             int  // IW, also that of a restart
	limit               int  // L of RFC 3465, in segments
	timeout             bool // slow start after a timeout: L is one segment (RFC 3465, 2.3)
	restart             bool // RFC 5681, 4.1, instead of RFC 7661
	credit              int  // octets acknowledged and not yet turned into growth
	validation
}

func (w *window) init(c Config) {
	*w = window{mss: c.MSS, ssthresh: Unlimited, initial: InitialWindow(c.MSS, c.InitialWindow), limit: 1, restart: c.Restart}
	if c.LargeIncrement {
		w.limit = 2
	}
	w.cwnd = w.initial
	if c.SynLost {
		w.cwnd = c.MSS
	}
}

// Window is the congestion window, in octets.
func (w *window) Window() int { return max(w.cwnd, w.mss) }

// Threshold is ssthresh, in octets.
func (w *window) Threshold() int { return w.ssthresh }

// SetMSS changes the segment size. The window stays the same in octets when it grows, and the same in segments when it
// shrinks, so that what was too big goes out in as many small segments and not in more (RFC 5681, 3.1).
func (w *window) SetMSS(mss int) {
	if mss < w.mss {
		w.cwnd, w.credit = int(int64(w.cwnd)*int64(mss)/int64(w.mss)), 0
	}
	w.mss = mss
	w.initial = min(w.initial, InitialWindow(mss, 0))
	w.cwnd, w.ssthresh = max(w.cwnd, mss), max(w.ssthresh, 2*mss)
}

// slowStart is RFC 5681, 3.1: it may be used when both are equal, and is not here.
func (w *window) slowStart() bool { return w.cwnd < w.ssthresh }

// grow is slow start by byte counting (RFC 3465, 2.2). It tells how many octets are left for congestion avoidance.
func (w *window) grow(octets int) (left int) {
	l := w.limit * w.mss
	if w.timeout {
		l = w.mss
	}
	n := min(octets, l)
	if room := w.ssthresh - w.cwnd; n > room {
		n, left = room, n-room
	}
	w.cwnd = min(w.cwnd+n, Unlimited)
	if !w.slowStart() {
		w.timeout, w.credit = false, 0
	}
	return left
}

// linear is congestion avoidance by byte counting: one segment a window (RFC 5681, 3.1; RFC 3465, 2.1).
func (w *window) linear(octets int) {
	if w.credit += octets; w.credit >= w.cwnd {
		w.credit -= w.cwnd
		w.cwnd = min(w.cwnd+w.mss, Unlimited)
		w.credit = min(w.credit, w.cwnd)
	}
}

// reduced is equation 4 of RFC 5681, with a factor of num/den.
func (w *window) reduced(flight, num, den int) int {
	return max(int(int64(flight)*int64(num)/int64(den)), 2*w.mss)
}

// settle sets the window at the end of fast recovery: to what RFC 7661, 4.4.1, says if that is asked, and never further
// beyond what is in flight than one segment, if the caller wants no burst (RFC 6582, 3.2, step 3, the first way).
func (w *window) settle(retransmitted, flight int) {
	if cwnd, ok := w.recovered(retransmitted); ok {
		w.cwnd = max(cwnd, w.mss)
	}
	if flight >= 0 {
		w.cwnd = min(w.cwnd, max(flight, w.mss)+w.mss)
	}
}

// resume is what Resume does for all controls.
func (w *window) resume(now, idle, rto time.Duration) {
	if !w.restart {
		w.expire(w, now)
	} else if idle > rto { // RFC 5681, 4.1: RW = min(IW, cwnd)
		w.cwnd, w.credit = min(w.initial, w.cwnd), 0
	}
}
