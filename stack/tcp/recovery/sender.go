// Package recovery is the sending half of TCP's reliability: it knows what is in flight, finds out what was lost, and
// says what may be sent now. It sends nothing itself, keeps no data and sets no timer.
//
// One Sender joins what the RFCs have in pieces: the scoreboard and loss recovery with SACK (RFC 6675), or without it
// (NewReno, RFC 6582); RACK and tail loss probes (RFC 8985), which replace both triggers of RFC 6675 where they are on;
// limited transmit (RFC 3042); proportional rate reduction (RFC 6937); the retransmission timer (RFC 6298) with F-RTO
// (RFC 5682); and the way back when a retransmission was needless. It drives the connection's rtt.Estimator and
// congestion.Control: nobody else calls them.
//
// # Who calls what, when
//
//	Init     when the handshake is done (or before the SYN, with data on it); the first octet of data is una
//	Acked    for each acceptable acknowledgement, old ones excepted, with its SACK blocks, whether or not it is a
//	         duplicate; before sending
//	Expired  when the instant has come that Timer told; before sending
//	Next     again and again to send: it answers with new data, a retransmission, or nothing and the reason
//	Sent     after each segment that carries data or FIN has gone out, new or not, whatever made it go out
//	Probing  after Sent, when that was a probe for a larger MTU
//	Timer    after all that, for the one timer to be set: retransmission, loss probe or reordering (RFC 8985, 8)
//
// A connection's loop is therefore:
//
//	for d := s.Next(now, unsent, window); d.Kind != recovery.Nothing; d = s.Next(now, unsent, window) {
//		send a segment of d.Range, or of up to d.Limit octets of new data
//		s.Sent(now, what was sent, whether FIN is the last of it)
//	}
//	set the timer for s.Timer()
//
// To stop before Nothing is allowed: Nagle, no packet, no window. What is not sent was not sent, and Next says the same
// again. Zero-window probes, keep-alives and SYNs are the connection's own: the Sender is not told of them, except that a
// probe with an octet of new data is Sent.
//
// The distinction between octets and segments: everything is counted in octets, as RFC 6675 does, but kept by segment,
// as RFC 8985 asks, since it is segments that are lost. A block that covers part of a segment splits it.
package recovery

import (
	"time"

	"github.com/conform-stack/conform/stack/tcp/congestion"
	"github.com/conform-stack/conform/stack/tcp/rtt"
	"github.com/conform-stack/conform/stack/tcp/seq"
)

// DupThresh is the number of duplicate acknowledgements that mean a loss (RFC 5681, 3.2).
const DupThresh = 3

// MaxSegments is how many segments may be in flight; Next says Crowded beyond it.
const MaxSegments = 1 << 14

// Config is what both sides have agreed on, and what the user has chosen.
type Config struct {
	MSS             int           // octets of data in a full segment
	SACK            bool          // the peer sends SACK blocks (RFC 2018)
	RACK            bool          // RFC 8985; without SACK it is not used
	PRR             bool          // RFC 6937
	FRTO            bool          // RFC 5682
	LimitedTransmit bool          // RFC 3042
	Tick            time.Duration // of the clock of this side's timestamps, with Ack.Echo; 0: 1 ms
	MaxAckDelay     time.Duration // RFC 8985, 7.2: how long the peer may delay an acknowledgement; 0: 200 ms
}

// A State says how the connection fares.
type State uint8

const (
	Open     State = iota // nothing is lost, as far as is known
	Recovery              // fast recovery (RFC 5681, 3.2)
	Loss                  // recovery after a timeout
)

func (s State) String() string { return [...]string{"open", "recovery", "loss"}[min(s, Loss)] }

// A Sender is the sending half of one connection. Init makes it ready.
type Sender struct {
	c     Config
	cc    congestion.Control
	est   *rtt.Estimator
	b     board
	state State

	recover  seq.Value // RecoveryPoint: what must be acknowledged to end Recovery or Loss
	dupAcks  int       // in a row
	reno     int       // octets that duplicate acknowledgements tell to have arrived, without SACK
	partial  int       // acknowledgements that ended no recovery, in this one
	guard    bool      // recover is one that RFC 6582, 3.2, step 1 holds against needless retransmits
	prevAck  seq.Value // the acknowledgement before una (RFC 6582, 4.1)
	limited  int       // octets of limited transmit, in flight
	full     seq.Value // data before this was sent while the congestion window held back more
	highRxt  seq.Value // RFC 6675, 2
	rescue   seq.Value
	rescuing bool // Next has offered a rescue retransmission
	force    bool // the next retransmission needs no window: the first of a recovery
	cwr      seq.Value
	inCWR    bool // the window was reduced for data before cwr
	resent   int  // octets retransmitted in this recovery
	lastSent time.Duration
	everSent bool
	owed     bool // fast recovery has begun by a timer, and no Result has said so
	again    bool // the retransmission timer has expired, and nothing was acknowledged since

	prr  prr
	rack rack
	tlp  tlp
	frto frto
	undo undo
	mtu  mtu

	rto time.Duration // when the retransmission timer is due
	pto time.Duration // when the loss probe is due
	reo time.Duration // when the reordering timer is due
}

// none is a timer that is not set.
const none = time.Duration(-1)

// keptRing is how many segments the memory of an earlier use may have room for.
const keptRing = 64

// Clear forgets a connection that has ended. Its memory stays for another one, unless it is large.
func (s *Sender) Clear() {
	ring := s.b.ring
	if len(ring) > keptRing {
		ring = nil
	}
	*s = Sender{b: board{ring: ring}}
}

// Init makes s the sender of a connection whose first octet of data is una. It keeps the memory of an earlier use.
func (s *Sender) Init(c Config, una seq.Value, cc congestion.Control, est *rtt.Estimator) {
	if c.Tick == 0 {
		c.Tick = time.Millisecond
	}
	if c.MaxAckDelay == 0 {
		c.MaxAckDelay = 200 * time.Millisecond
	}
	c.RACK = c.RACK && c.SACK
	b := s.b
	*s = Sender{c: c, cc: cc, est: est, recover: una, prevAck: una, full: una, highRxt: una, cwr: una, rto: none, pto: none, reo: none}
	s.b.init(b.ring, una)
	s.rack.init(una)
	_, s.tlp.sampled = est.Smoothed()
}

// SetControl changes the congestion control of a connection that lives.
func (s *Sender) SetControl(cc congestion.Control) { s.cc = cc }

// SetMSS changes the segment size, because the path's MTU has; it tells the congestion control, too. Longer segments in
// flight are retransmitted in parts if need be.
func (s *Sender) SetMSS(mss int) {
	s.c.MSS = mss
	s.cc.SetMSS(mss)
}

// Resend has what is in flight and not known to have arrived sent again, segments longer than longer octets only, without
// a word to the congestion control: they were too big for the path (RFC 1191, 6.4), or the peer did not take the data on
// a SYN (RFC 7413, 4.1.3).
func (s *Sender) Resend(longer int) {
	for i := range s.b.n {
		if g := s.b.at(i); g.flags&sacked == 0 && int(s.b.len(i)) > longer {
			s.b.markLost(i)
		}
	}
}

// Una is the first octet that is not acknowledged.
func (s *Sender) Una() seq.Value { return s.b.una }

// Nxt is what follows the last octet that was sent.
func (s *Sender) Nxt() seq.Value { return s.b.nxt }

// Flight is FlightSize: octets sent and not cumulatively acknowledged.
func (s *Sender) Flight() int { return int(s.b.una.To(s.b.nxt)) }

// Pipe is how many octets are believed to be in the network (RFC 6675, 4).
func (s *Sender) Pipe() int {
	p := s.Flight() - s.b.sacked - s.b.lost
	return p - min(s.reno, p) + s.b.extra
}

// State says how the connection fares.
func (s *Sender) State() State { return s.state }

// Orderly tells whether nothing is reported or taken to be missing.
func (s *Sender) Orderly() bool { return s.b.sacked == 0 && s.b.lost == 0 && s.dupAcks == 0 }

// Lost is how many octets are believed lost and are not retransmitted yet.
func (s *Sender) Lost() int { return s.b.lost }

// A Timer is what a connection may wait for.
type Timer uint8

const (
	NoTimer      Timer = iota
	Retransmit         // RFC 6298
	Probe              // RFC 8985, 7.2
	ReorderTimer       // RFC 8985, 6.2
)

func (t Timer) String() string {
	return [...]string{"none", "retransmission", "probe", "reordering"}[min(t, ReorderTimer)]
}

// Timer tells which timer is to be set, and for when: NoTimer for none.
func (s *Sender) Timer() (at time.Duration, t Timer) {
	if s.rto != none {
		at, t = s.rto, Retransmit
	}
	if s.pto != none && (t == NoTimer || s.pto <= at) {
		at, t = s.pto, Probe
	}
	if s.reo != none && (t == NoTimer || s.reo <= at) {
		at, t = s.reo, ReorderTimer
	}
	return at, t
}

// Expired does what the timer that is due at now asks for, and tells which it was: NoTimer if none is. After Retransmit
// the caller counts a timeout (RFC 9293, 3.8.3: R1 and R2).
func (s *Sender) Expired(now time.Duration) Timer {
	at, t := s.Timer()
	if t == NoTimer || at > now {
		return NoTimer
	}
	switch t {
	case ReorderTimer:
		s.reo = none
		if n := s.rackDetect(now); n > 0 && s.state == Open && !s.excused(&work{loss: n}) {
			s.enter(now)
			s.owed = true
		}
		s.prr.ack(s, 0)
	case Probe:
		s.probeDue(now)
	case Retransmit:
		s.timeout(now)
	}
	return t
}
