package replay

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/probe"
)

func (p *player) fail(f Failure) {
	p.failures = append(p.failures, f)
	p.log.Failures = append(p.log.Failures, probe.Failure{Requirement: f.Requirement, Kind: f.Kind, Brief: f.brief(), Text: f.Text})
}

// brief is the failure in a line.
func (f *Failure) brief() string {
	var parts []string
	if f.Packet > 0 {
		parts = append(parts, fmt.Sprintf("packet %d of the capture", f.Packet))
	}
	if f.Field != "" {
		parts = append(parts, f.Field)
	}
	parts = append(parts, fmt.Sprintf("want %s, got %s", f.Want, f.Got))
	return strings.Join(parts, ": ")
}

// explain lays a failure out: which packet of the capture, what was sent, wanted, got.
func (p *player) explain(w *wanted, want string, got *packet.Frame, more ...string) string {
	var b strings.Builder
	line := func(what, at, text string) { fmt.Fprintf(&b, "%-7s %9s  %s\n", what, at, text) }
	capture := filepath.Base(p.scenario.Capture)
	if w != nil {
		line("capture", "", fmt.Sprintf("%s of %s: %s", w.numbers(), capture, w.packets[0].frame))
	} else {
		line("capture", "", capture)
	}
	if sent := p.lastSent(got); sent != nil {
		line("sent", ms(sent.At), sent.Frame.String())
	}
	line("want", "", want)
	if got != nil {
		line("got", ms(got.At), got.String())
	}
	for _, m := range more {
		line("", "", m)
	}
	return strings.TrimRight(b.String(), "\n")
}

// lastSent is what the target may have answered with got: the newest frame of a peer until then; nil for none.
func (p *player) lastSent(got *packet.Frame) *probe.Record {
	for i := len(p.log.Records) - 1; i >= 0; i-- {
		r := &p.log.Records[i]
		if r.Frame != nil && !r.FromTarget && (got == nil || r.At <= got.At) {
			return r
		}
	}
	return nil
}

func ms(d time.Duration) string { return fmt.Sprintf("%.6g ms", float64(d)/float64(time.Millisecond)) }

// numbers are those of w's packets, in words.
func (w *wanted) numbers() string {
	if len(w.packets) == 1 {
		return fmt.Sprintf("packet %d", w.packets[0].number)
	}
	return fmt.Sprintf("packets %d to %d", w.packets[0].number, w.packets[len(w.packets)-1].number)
}
