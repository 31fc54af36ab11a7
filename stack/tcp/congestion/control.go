// Package congestion decides how many octets a TCP sender may have in flight: Reno (RFC 5681 with the byte counting of
// RFC 3465) and CUBIC (RFC 9438), both with the initial window of RFC 6928 and the window validation of RFC 7661.
//
// A Control is told what happens and answers with a window. It knows nothing of segments, of what is lost and how it is
// repaired; package stack/tcp/recovery knows, and makes all calls:
//
//	Acked      for each acknowledgement of new data while nothing is lost, and in slow start after a timeout
//	Lost       once when fast recovery begins; Recovered once when it ends
//	TimedOut   for each expiry of the retransmission timer
//	Marked     for an echoed congestion mark, at most once a round trip (RFC 3168, 6.1.2)
//	Resume     before the first segment after a pause, when nothing is in flight
//	Undo       when the last of Lost, TimedOut and Marked turns out to have been a mistake
//
// All windows are in octets, all instants are of the connection's clock, which never goes back.
package congestion

import "time"

// An Ack is one acknowledgement of new data.
type Ack struct {
	Now    time.Duration
	Octets int           // acknowledged for the first time by the cumulative acknowledgement
	Flight int           // octets that were in flight when it came
	RTT    time.Duration // smoothed round-trip time, 0 if there is none yet
	Full   bool          // data acknowledged was sent when the window, not the user or the peer, held back more
}

// A Control is one connection's congestion control. It is no longer valid after its connection.
type Control interface {
	// Init makes it that of a new connection.
	Init(c Config)
	// Name is what a user calls it: "reno", "cubic".
	Name() string
	// Window is the congestion window, never below one segment.
	Window() int
	// Threshold is that of slow start; Unlimited while no congestion was seen.
	Threshold() int
	// SetMSS changes the segment size, because the path's MTU has.
	SetMSS(mss int)
	// Acked lets the window grow.
	Acked(a Ack)
	// Lost reduces the window because a segment was lost, flight octets being in flight, those of limited transmit not
	// counted. The window is then what fast recovery aims at.
	Lost(now time.Duration, flight int)
	// Recovered ends fast recovery, in which so many octets were retransmitted. flight is what is in flight now: the
	// window is then at most a segment more, so that there is no burst; Unbounded does without that.
	Recovered(now time.Duration, retransmitted, flight int)
	// TimedOut reduces the window to one segment. again says that the segment had timed out before: the threshold stays
	// (RFC 5681, 3.1).
	TimedOut(now time.Duration, flight int, again bool)
	// Marked reduces the window because a router marked a packet instead of dropping it.
	Marked(now time.Duration, flight int)
	// Resume is asked before data is sent with nothing in flight. idle is the time since data was sent last, rto the
	// retransmission timeout.
	Resume(now, idle, rto time.Duration)
	// Undo takes the last reduction back. It does nothing when there is none to take back.
	Undo(now time.Duration)
}

// Unlimited is the threshold of slow start before congestion was seen: "arbitrarily high" (RFC 5681, 3.1).
const Unlimited = 1 << 30

// Unbounded is for Recovered: whatever is in flight.
const Unbounded = -1

// Config is what a Control begins with. The zero value of a field means what is said there.
type Config struct {
	MSS            int  // octets of data in a full segment, options taken off: SMSS. It must be given
	InitialWindow  int  // segments; 0: 10, and not above 14600 octets unless two segments are more (RFC 6928, 2)
	SynLost        bool // the SYN or its answer was lost: the window begins with one segment (RFC 5681, 3.1)
	Restart        bool // after a pause of one timeout, begin again with the initial window (RFC 5681, 4.1) instead of RFC 7661
	LargeIncrement bool // slow start by up to two segments an acknowledgement (RFC 3465, 2.3: L = 2); else by one
}

// InitialWindow is that of RFC 6928, 2, for a segment size and a number of segments: min(n*MSS, max(2*MSS, n*1460)).
func InitialWindow(mss, segments int) int {
	if segments <= 0 {
		segments = 10
	}
	return min(segments*mss, max(2*mss, segments*1460))
}

// New makes a Control by its name, of which "" is Reno's; nil for a name that is unknown.
func New(name string, c Config) Control {
	switch name {
	case "", "reno":
		r := new(Reno)
		r.Init(c)
		return r
	case "cubic":
		q := new(Cubic)
		q.Init(c)
		return q
	}
	return nil
}
