package run

import (
	"errors"
	"slices"
	"strings"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/report"
	"github.com/conform-stack/conform/harness/target"
)

// describe is the target as the report shows it.
func describe(i target.Info) report.Target {
	t := report.Target{Kind: i.Kind, Name: i.Name, Version: i.Version, Virtual: i.Virtual}
	for _, l := range i.Links {
		t.Links = append(t.Links, l.String())
	}
	for _, f := range i.Features {
		t.Features = append(t.Features, string(f))
	}
	slices.Sort(t.Features)
	for _, s := range i.Settings {
		t.Settings = append(t.Settings, report.Setting{Name: s.Name, Value: s.Value, Why: s.Why})
	}
	return t
}

// summarise makes a report's entry out of what a check showed.
func summarise(r check.Result) report.Check {
	c := report.Check{
		ID: r.Check.ID, Suite: r.Check.Suite.Name, Title: r.Check.Title, Requirements: r.Check.Requirements(),
		Cases: len(r.Check.Cases), Outcome: report.Pass,
	}
	for _, f := range r.Check.Needs {
		c.Needs = append(c.Needs, string(f))
	}
	if r.NotApplicable != "" {
		c.Outcome, c.Reason, c.Message = report.NotApplicable, r.NotApplicable, r.NotApplicable
		return c
	}
	var messages []string
	verdicts := map[string][]report.Outcome{}
	for _, k := range r.Cases {
		if k.Log != nil {
			c.VirtualMS += k.Log.Elapsed.Milliseconds()
		}
		if o := outcome(k); o != report.Pass && k.Name != "" {
			c.FailedCases = append(c.FailedCases, k.Name)
		}
		c.Outcome = worse(c.Outcome, outcome(k))
		messages = append(messages, words(k)...)
		if k.Log == nil {
			continue
		}
		for _, f := range k.Log.Failures {
			c.Failures = append(c.Failures, report.Failure{Requirement: f.Requirement, Case: k.Name, Kind: string(f.Kind), Text: f.Text})
		}
		for _, id := range c.Requirements {
			verdicts[id] = append(verdicts[id], verdict(k, id))
			if text, ok := k.Log.Observed[id]; ok {
				o := report.Observation{Requirement: id, Text: text}
				if !slices.Contains(c.Observations, o) {
					c.Observations = append(c.Observations, o)
				}
			}
		}
	}
	for id, os := range verdicts {
		if v := slices.MaxFunc(os, func(a, b report.Outcome) int { return severity(a) - severity(b) }); v != c.Outcome {
			if c.Verdicts == nil {
				c.Verdicts = map[string]report.Outcome{}
			}
			c.Verdicts[id] = v
		}
	}
	c.Message = strings.Join(messages, "\n")
	return c
}

// outcome of one case.
func outcome(k check.CaseResult) report.Outcome {
	switch {
	case k.Failed(): // whatever happened after: a target may die of what it does wrong
		return report.Fail
	case k.Unprepared() && k.Err == nil:
		return report.Inconclusive
	case errors.Is(k.Err, target.ErrGone), errors.Is(k.Err, target.ErrKnown):
		return report.Inconclusive
	case errors.Is(k.Err, target.ErrDead):
		return report.Fail
	case k.Err != nil:
		return report.Error
	case k.Log.Inconclusive != "":
		return report.Inconclusive
	}
	return report.Pass
}

// verdict of one case on one requirement: a failure of another requirement is none of this one, unless the body ended
// before this one was asserted.
func verdict(k check.CaseResult, id string) report.Outcome {
	o := outcome(k)
	if o != report.Fail || errors.Is(k.Err, target.ErrDead) {
		return o
	}
	for _, f := range k.Log.Failures {
		if f.Requirement == id {
			return report.Fail
		}
	}
	if k.Log.Asserted[id] > 0 {
		return report.Pass
	}
	return report.Inconclusive
}

// severity orders the outcomes of cases: one case that fails makes the check fail.
func severity(o report.Outcome) int {
	return slices.Index([]report.Outcome{report.Pass, report.Inconclusive, report.Error, report.Fail}, o)
}

func worse(a, b report.Outcome) report.Outcome {
	if severity(b) > severity(a) {
		return b
	}
	return a
}

// words says why a case did not pass.
func words(k check.CaseResult) (lines []string) {
	at := ""
	if k.Name != "" {
		at = "[" + k.Name + "] "
	}
	if k.Err != nil {
		lines = append(lines, at+k.Err.Error())
	}
	if k.Log == nil {
		return lines
	}
	if k.Log.Inconclusive != "" {
		lines = append(lines, at+k.Log.Inconclusive)
	}
	for _, f := range k.Log.Failures {
		who := f.Requirement
		if who == "" {
			who = "preparation"
		}
		lines = append(lines, at+who+": "+f.Brief)
	}
	return lines
}
