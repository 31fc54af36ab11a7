package congestion

import "time"

// nonValidatedPeriod is how long a window is kept that is not used (RFC 7661, 4.4: five minutes).
const nonValidatedPeriod = 5 * time.Minute

// validation is RFC 7661: how much of its window a connection uses. pipeACK is the most that was acknowledged in one
// round trip, of the samples of the last max(3 RTT, 1 s); in a pause it falls to nothing. While it is below half the
// window, the window is not validated: it is kept for five minutes, grows only when it is full, and a loss brings it down
// to what was really used. Before the first sample, and after each recovery, pipeACK is undefined, and the window counts
// as validated.
type validation struct {
	slots   [slots]slot // the samples, those of an eighth of the period together
	slot    uint8       // of the last sample
	defined bool
	taking  bool          // a sample is being taken
	idle    bool          // the window is not validated
	began   time.Duration // when the sample being taken was begun
	octets  int           // acknowledged in it
	since   time.Duration // when the window stopped being valid, or was reduced for that last
	flight  int           // LossFlightSize; 0: the loss was in the validated phase
	pipe    int           // pipeACK at the loss
}

const slots = 9

type slot struct {
	began, until time.Duration
	octets       int // of the largest sample
}

// pipeACK is 4.2. ok is false while it is undefined.
func (v *validation) pipeACK(now time.Duration) (most int, ok bool) {
	for i := range v.slots {
		if s := &v.slots[i]; s.until > now {
			most = max(most, s.octets)
		}
	}
	return most, v.defined
}

// measure takes one acknowledgement, which is not of a recovery (4.2).
func (v *validation) measure(a Ack) {
	if a.RTT <= 0 {
		return
	}
	if v.taking && a.Now-v.began < a.RTT {
		v.octets += a.Octets
		return
	}
	if v.taking {
		v.sample(v.began+a.RTT, v.octets, max(3*a.RTT, time.Second))
	}
	v.taking, v.began, v.octets = true, a.Now, a.Octets
}

// sample keeps one sample for period. A slot lives as long as its first sample, so that none counts for too long.
func (v *validation) sample(at time.Duration, octets int, period time.Duration) {
	s := &v.slots[v.slot]
	if v.defined && at-s.began < period/(slots-1) {
		s.octets = max(s.octets, octets)
		return
	}
	v.slot = (v.slot + 1) % slots
	v.slots[v.slot] = slot{at, at + period, octets}
	v.defined = true
}

// undefine is the end of a recovery (4.4.1), and a timeout.
func (v *validation) undefine() { *v = validation{} }

// mayGrow tells whether an acknowledgement may enlarge the window: only one of data that filled it (4.4; RFC 9438, 5.8).
// It keeps the phase up to date.
func (v *validation) mayGrow(a Ack, w *window) bool {
	v.measure(a)
	switch pipe, ok := v.pipeACK(a.Now); {
	case !ok || pipe >= w.cwnd/2 || a.Full:
		// 4.3, 4.4: validated. The half is there so that slow start, which doubles the window each round trip, is so
		// all the time; but within a round the last sample is that of the round before, so a full window counts as used.
		v.idle = false
	case !v.idle:
		v.idle, v.since = true, a.Now
	}
	return a.Full
}

// expire reduces a window that was not validated for five minutes, once for each such period (4.4.3, 4.5.2). It is asked
// when data is sent after a pause: in one, no acknowledgements come.
func (v *validation) expire(w *window, now time.Duration) {
	if last := v.slots[v.slot].until; v.defined && !v.idle && last <= now {
		v.idle, v.since = true, last // when pipeACK has fallen to nothing
	}
	if !v.idle {
		return
	}
	for ; now-v.since >= nonValidatedPeriod; v.since += nonValidatedPeriod {
		w.ssthresh = max(w.ssthresh, 3*w.cwnd/4)
		w.cwnd, w.credit = max(w.cwnd/2, min(w.cwnd, w.initial)), 0
		if w.cwnd <= w.initial { // the periods that are left would change nothing
			v.since = now
			break
		}
	}
}

// loss notes what 4.4.1 asks for. used is what the window shall be computed from; ok is false in the validated phase, in
// which the standard method holds.
func (v *validation) loss(now time.Duration, flight int) (used int, ok bool) {
	if v.flight = 0; !v.idle {
		return 0, false
	}
	v.pipe, _ = v.pipeACK(now)
	v.flight = flight
	return max(v.pipe, flight), true
}

// recovered tells the window at the end of recovery (4.4.1); ok as with loss. pipeACK is undefined from here.
func (v *validation) recovered(retransmitted int) (cwnd int, ok bool) {
	used, ok := max(v.pipe, v.flight), v.flight != 0
	v.undefine()
	return (used - retransmitted) / 2, ok
}
