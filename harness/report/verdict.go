package report

import (
	"fmt"
	"strings"

	"github.com/conform-stack/conform/harness/requirement"
)

// Exit codes of a run. A mistake in its use is 2, before there is a report.
const (
	ExitAsExpected  = 0
	ExitUnexpected  = 1
	ExitInterrupted = 130
)

// Counts tells whether the failure of a check or requirement counts at the report's level.
func (r *Report) counts(level requirement.Level) bool { return level.Class() <= r.Level }

// levels by requirement id, from the list of requirements.
func (r *Report) levels() map[string]requirement.Level {
	levels := make(map[string]requirement.Level, len(r.Requirements))
	for _, q := range r.Requirements {
		levels[q.ID] = q.Level
	}
	return levels
}

// tolerated tells whether a failed check fails only requirements whose class is beyond the report's level. A failure
// that belongs to no requirement (the target died) is never tolerated.
func (r *Report) tolerated(c *Check, levels map[string]requirement.Level) bool {
	if c.Outcome != Fail || len(c.Requirements) == 0 {
		return false
	}
	for _, f := range c.Failures {
		if f.Requirement == "" && f.Expected == "" {
			return false
		}
	}
	failed := false
	for _, id := range c.Requirements {
		switch c.Verdict(id) {
		case Fail:
			if r.counts(levels[id]) {
				return false
			}
			failed = true
		case UnexpectedPass:
			return false
		}
	}
	return failed
}

// unexpectedly tells whether a check ended so that the run is not as expected.
func (r *Report) unexpectedly(c *Check, levels map[string]requirement.Level) bool {
	switch c.Outcome {
	case Pass, ExpectedFail, NotApplicable:
		return false
	}
	return !r.tolerated(c, levels)
}

// Unexpected lists, one phrase each, what is not as expected; it is empty for a run that is.
func (r *Report) Unexpected() []string {
	levels := r.levels()
	n := make(map[Outcome]int)
	for i := range r.Checks {
		c := &r.Checks[i]
		if !r.tolerated(c, levels) {
			n[c.Outcome]++
		}
	}
	var phrases []string
	add := func(n int, what string) {
		if n > 0 {
			phrases = append(phrases, plural(n, "check")+" "+what)
		}
	}
	add(n[Fail], "failed")
	add(n[UnexpectedPass], "passed against the expectations")
	add(n[Error], "ended in error")
	add(n[Inconclusive], "inconclusive")
	judged := make(map[string]bool)
	for _, f := range r.Findings {
		if f.outcome() == Fail && r.counts(levels[f.Requirement]) {
			judged[f.Requirement] = true
		}
	}
	if len(judged) > 0 {
		phrases = append(phrases, fmt.Sprintf("the judge found %s broken", plural(len(judged), "requirement")))
	}
	return phrases
}

// AsExpected is the exit code of the run: whether all is as expected at its level (ExitAsExpected, ExitUnexpected), and
// ExitInterrupted for a run that was cut short, whatever it had shown until then.
func (r *Report) AsExpected() int {
	switch {
	case r.Interrupted:
		return ExitInterrupted
	case len(r.Unexpected()) > 0:
		return ExitUnexpected
	}
	return ExitAsExpected
}

// Conclusion is the last line of a report for people.
func (r *Report) Conclusion() string {
	phrases := r.Unexpected()
	switch {
	case r.Interrupted:
		return fmt.Sprintf("interrupted after %d of %s", len(r.Checks), plural(r.Selected.Count, "check"))
	case len(phrases) > 0:
		if n := len(r.FlakyChecks); n > 0 {
			phrases = append(phrases, plural(n, "check")+" as expected only when repeated")
		}
		return "not as expected: " + strings.Join(phrases, ", ")
	}
	if n := len(r.FlakyChecks); n > 0 {
		return fmt.Sprintf("all as expected, but %s only when repeated", plural(n, "check"))
	}
	return "all as expected"
}
