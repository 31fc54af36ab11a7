// Package clock runs the events of a network of nodes, in virtual time, one after the other.
//
// A Loop is the clock and the only thread of what it drives: protocol code runs in its events and needs no locks. An
// event is a Timer that was set for an instant. Events run in order of their instants; at equal instants, in the order
// in which they were set. Nothing else decides, so that the same inputs give the same run.
//
// The caller drives a Loop: Step runs one event, Run all that are due by an instant. Time stands still while events
// run, and jumps to the next one when nothing is due: two minutes of a protocol's waiting cost nothing. Package
// clock/live drives a Loop by the wall clock instead.
//
// Setting, stopping and running timers allocate nothing once the loop has seen as many timers at a time.
package clock

import (
	"errors"
	"time"
)

// DefaultBound is how many events may run at one instant.
const DefaultBound = 1 << 20

// ErrBound says that events kept running without time passing, up to the loop's bound: two of them wake each other.
var ErrBound = errors.New("clock: bound on events at one instant reached")

// A Loop belongs to one goroutine at a time. The zero Loop is ready, stands at 0 and has the bound DefaultBound.
type Loop struct {
	now     time.Duration // since the loop began
	seq     uint64        // of the event set last
	heap    []slot        // events of later instants, and of this one when time has just moved here
	first   *Timer        // events posted for this instant, in order
	last    *Timer
	atOnce  int // events run at this instant
	bound   int
	running uint64
	instant func() time.Duration
}

// New makes a loop that stands at 0.
func New() *Loop { return &Loop{} }

// Now is the time since the loop began.
func (l *Loop) Now() time.Duration { return l.now }

// Instant is what a stopwatch shows that was started when the loop began: Now, unless SetInstant gave one that goes on while
// an event runs. It is for measuring, not for deciding.
func (l *Loop) Instant() time.Duration {
	if l.instant == nil {
		return l.now
	}
	return l.instant()
}

// SetInstant gives the loop a stopwatch; nil takes it away. Who drives the loop in real time does so.
func (l *Loop) SetInstant(f func() time.Duration) { l.instant = f }

// Ran is the number of events run so far.
func (l *Loop) Ran() uint64 { return l.running }

// SetBound sets how many events may run at one instant before Step and Run fail; 0 means DefaultBound.
func (l *Loop) SetBound(events int) { l.bound = events }

// Next tells when the next event is due; ok is false when none is set.
func (l *Loop) Next() (at time.Duration, ok bool) {
	if l.first != nil {
		return l.now, true
	}
	if len(l.heap) == 0 {
		return 0, false
	}
	return l.heap[0].at, true
}

// Step runs the next event if it is due by until, moving time to its instant. ran is false when there is none, or when
// err is ErrBound; then the event is still there, and the next Step would run it.
func (l *Loop) Step(until time.Duration) (ran bool, err error) {
	t := l.first
	if len(l.heap) > 0 && (t == nil || l.heap[0].at <= l.now && l.heap[0].seq < t.seq) {
		top := l.heap[0]
		if top.at > until {
			return false, nil
		}
		if top.at > l.now {
			l.now, l.atOnce = top.at, 0
		}
		t = top.t
	}
	if t == nil || l.now > until {
		return false, nil
	}
	if l.atOnce++; l.atOnce > l.limit() {
		l.atOnce = 0
		return false, ErrBound
	}
	t.Stop()
	l.running++
	t.run()
	return true, nil
}

// Run runs all events that are due by until and leaves the loop standing there; at ErrBound it stops where it is. Time
// never goes back: an earlier until runs nothing.
func (l *Loop) Run(until time.Duration) error {
	for {
		ran, err := l.Step(until)
		if err != nil {
			return err
		}
		if !ran {
			break
		}
	}
	l.MoveTo(until)
	return nil
}

// MoveTo moves time forward to an instant before which nothing is due, after Step has said so.
func (l *Loop) MoveTo(at time.Duration) {
	if next, ok := l.Next(); ok && next < at {
		panic("clock: an event is due before the instant to move to")
	}
	if at > l.now {
		l.now, l.atOnce = at, 0
	}
}

func (l *Loop) limit() int {
	if l.bound > 0 {
		return l.bound
	}
	return DefaultBound
}
