package probe

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/conform-stack/conform/harness/packet"
)

// Log is what one run of a body did and found.
type Log struct {
	Records  []Record
	Failures []Failure
	// Asserted counts, for each requirement, the assertions that were made, held or not.
	Asserted map[string]int
	// Observed are the permitted behaviours that were seen, by requirement (a MAY is observed, not judged).
	Observed map[string]string
	// Inconclusive is the reason for which nothing can be said; empty otherwise.
	Inconclusive string
	// Err is a fault of the harness, the link or the check itself; nil otherwise.
	Err     error
	Elapsed time.Duration

	proves []string
}

func newLog(proves []string) Log {
	return Log{Asserted: map[string]int{}, Observed: map[string]string{}, proves: proves}
}

// A Record is a line of the log: a frame or a step in words.
type Record struct {
	At         time.Duration
	Frame      *packet.Frame // nil for a step
	FromTarget bool
	Reflex     bool     // sent by the tester by itself, as any host would
	Step       string   // the words of a step
	Notes      []string // what was found on the frame
}

func (r Record) String() string {
	switch {
	case r.Frame == nil:
		return r.Step
	case r.FromTarget:
		return "got " + r.Frame.String()
	}
	return "sent " + r.Frame.String()
}

// Kind says in what way a target failed.
type Kind string

const (
	Missing  Kind = "missing"  // a frame or an event that had to come did not
	Field    Kind = "field"    // a field has another value
	Spurious Kind = "spurious" // something came that must not
	Timing   Kind = "timing"   // it came too early or too late
	Value    Kind = "value"    // anything else that was compared
)

// A Failure is an assertion that did not hold.
type Failure struct {
	Requirement string // empty: preparation failed
	Kind        Kind
	Brief       string // one line
	Text        string // several lines: what was sent, wanted, got
}

func (l *Log) step(at time.Duration, text string) {
	l.Records = append(l.Records, Record{At: at, Step: text})
}

func (l *Log) sent(f *packet.Frame) {
	l.Records = append(l.Records, Record{At: f.At, Frame: f})
}

func (l *Log) got(f *packet.Frame) {
	l.Records = append(l.Records, Record{At: f.At, Frame: f, FromTarget: true})
}

// Note writes text on the record of frame f.
func (l *Log) Note(f *packet.Frame, text string) {
	for i := len(l.Records) - 1; i >= 0; i-- {
		if l.Records[i].Frame == f {
			l.Records[i].Notes = append(l.Records[i].Notes, text)
			return
		}
	}
}

// broken logs a fault that is not the target's. The first one counts.
func (l *Log) broken(err error) {
	if l.Err == nil {
		l.Err = err
	}
}

// last is the end of the log in words.
func (l *Log) last(n int) string {
	var lines []string
	for _, r := range l.Records[max(0, len(l.Records)-n):] {
		lines = append(lines, r.String())
	}
	return strings.Join(lines, "; ")
}

// lastSent is the newest frame that the check itself sent.
func (l *Log) lastSent() *Record {
	for i := len(l.Records) - 1; i >= 0; i-- {
		if r := &l.Records[i]; r.Frame != nil && !r.FromTarget && !r.Reflex {
			return r
		}
	}
	return nil
}

// assert counts an assertion for requirements that the check claims, and refuses any other.
func (l *Log) assert(reqs ...string) {
	for _, req := range reqs {
		if !slices.Contains(l.proves, req) {
			panic(fmt.Errorf("the check asserts %s, which it does not claim to prove", req))
		}
		l.Asserted[req]++
	}
}

// explain lays out a failure: what was sent, wanted and got.
type explain struct {
	sent  *Record
	want  string
	got   *packet.Frame
	diffs []packet.Diff
	more  []string
}

func (e explain) String() string {
	var b strings.Builder
	if e.sent != nil {
		line(&b, "sent", ms(e.sent.At), e.sent.Frame.String())
	}
	line(&b, "want", "", e.want)
	if e.got != nil {
		line(&b, "got", ms(e.got.At), e.got.String())
	}
	for _, d := range e.diffs {
		line(&b, "", "", d.String())
	}
	for _, m := range e.more {
		line(&b, "", "", m)
	}
	return strings.TrimRight(b.String(), "\n")
}

// brief is the same on one line.
func (e explain) brief() string {
	switch {
	case len(e.diffs) > 0:
		var parts []string
		for _, d := range e.diffs {
			parts = append(parts, d.String())
		}
		return strings.Join(parts, "; ")
	case e.got != nil:
		return fmt.Sprintf("want %s, got %s", e.want, e.got)
	case len(e.more) > 0:
		return fmt.Sprintf("want %s: %s", e.want, e.more[0])
	}
	return "want " + e.want
}

func line(b *strings.Builder, what, at, text string) {
	fmt.Fprintf(b, "%-5s %9s  %s\n", what, at, text)
}

func ms(d time.Duration) string {
	return fmt.Sprintf("%.3g ms", float64(d)/float64(time.Millisecond))
}
