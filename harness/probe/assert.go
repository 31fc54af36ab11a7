package probe

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/onsi/gomega/types"

	"github.com/conform-stack/conform/harness/packet"
)

// failAll logs a failure of each requirement, or of the preparation when there is none.
func (p *P) failAll(reqs []string, kind Kind, e explain) {
	if len(reqs) == 0 {
		p.fail("", kind, e)
	}
	for _, req := range reqs {
		p.fail(req, kind, e)
	}
}

// fail logs a failure and writes it on the offending frame.
func (p *P) fail(req string, kind Kind, e explain) {
	p.log.Failures = append(p.log.Failures, Failure{Requirement: req, Kind: kind, Brief: e.brief(), Text: e.String()})
	who := cmp.Or(req, "preparation")
	if e.got != nil {
		note := "FAIL " + who + ": want " + e.want
		for _, d := range e.diffs {
			note += "; " + d.String()
		}
		p.log.Note(e.got, note)
	} else {
		p.log.step(p.Now(), "FAIL "+who+": want "+e.want)
	}
}

// Must asserts fields of a frame for a requirement. The check goes on if they differ.
func (p *P) Must(req string, f *packet.Frame, conds ...packet.Cond) bool {
	p.log.assert(req)
	diffs := packet.Check(f, conds...)
	if len(diffs) == 0 {
		p.log.Note(f, "meets "+req)
		return true
	}
	var want []string
	for _, c := range conds {
		want = append(want, c.String())
	}
	p.fail(req, Field, explain{sent: p.log.lastSent(), want: strings.Join(want, ", "), got: f, diffs: diffs})
	return false
}

// That asserts anything else for a requirement, with a Gomega matcher; what says in words what was compared. The check
// goes on if it does not hold. A matcher that cannot judge the value is a fault of the check.
func (p *P) That(req, what string, actual any, m types.GomegaMatcher) bool {
	p.log.assert(req)
	ok, err := m.Match(actual)
	if err != nil {
		panic(fmt.Errorf("comparing %s: %w", what, err))
	}
	if !ok {
		p.fail(req, Value, explain{sent: p.log.lastSent(), want: what, more: strings.Split(m.FailureMessage(actual), "\n")})
	}
	return ok
}

// Between asserts a time that the target kept, bounds included. On a live target the tolerance widens both.
func (p *P) Between(req, what string, got, least, most time.Duration) bool {
	p.log.assert(req)
	slack := p.slack()
	if got >= least-slack && got <= most+slack {
		return true
	}
	p.fail(req, Timing, explain{want: fmt.Sprintf("%s: %v to %v", what, least, most), more: []string{fmt.Sprintf("it was %v", got)}})
	return false
}

// Fail says in words that a requirement is not met.
func (p *P) Fail(req string, kind Kind, format string, args ...any) {
	p.log.assert(req)
	p.fail(req, kind, explain{sent: p.log.lastSent(), want: fmt.Sprintf(format, args...)})
}

// Meets counts an assertion of req that held, where the body decided by itself.
func (p *P) Meets(req string) { p.log.assert(req) }

// Observed notes which permitted behaviour was seen, for a MAY.
func (p *P) Observed(req, format string, args ...any) {
	p.log.assert(req)
	p.log.Observed[req] = fmt.Sprintf(format, args...)
}
