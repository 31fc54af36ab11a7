package expect

import (
	"fmt"
	"slices"
	"strings"

	"github.com/conform-stack/conform/harness/report"
)

// Check settles the outcome of a check, and its verdicts, with the entries about it: fail becomes expected-fail, pass
// becomes unexpected-pass. It is applied once.
func (s *Set) Check(c *report.Check) {
	entries := s.checks[c.ID]
	if c.Outcome == report.Inconclusive {
		unasked(c, entries)
		return
	}
	if len(entries) == 0 || c.Outcome != report.Pass && c.Outcome != report.Fail {
		return
	}
	var faults []fault
	if c.Outcome == report.Fail {
		faults = faultsOf(c)
	}
	c.Verdicts = verdictsOf(c)
	c.Reason = excuse(faults, entries)
	for _, id := range c.Requirements {
		if c.Verdicts[id] == report.Fail && allExpected(faults, id) {
			c.Verdicts[id] = report.ExpectedFail
		}
	}
	var missed []Expectation
	for _, e := range entries {
		if e.missed(c, faults) {
			missed = append(missed, e)
		}
	}
	for _, e := range missed {
		e.note(c)
	}
	switch {
	case slices.ContainsFunc(faults, func(f fault) bool { return f.expected == "" }):
		c.Outcome = report.Fail // whatever else is expected of it
	case len(missed) > 0:
		c.Outcome = report.UnexpectedPass
	case len(faults) > 0:
		c.Outcome = report.ExpectedFail
	}
}

// unasked settles a check that is inconclusive, if an entry expects that: it is an expected failure, with the entry's reason.
func unasked(c *report.Check, entries []Expectation) {
	i := slices.IndexFunc(entries, func(e Expectation) bool { return e.Unasked })
	if i < 0 {
		return
	}
	c.Verdicts = verdictsOf(c)
	for _, id := range c.Requirements {
		if c.Verdicts[id] == report.Inconclusive {
			c.Verdicts[id] = report.ExpectedFail
		}
	}
	c.Outcome, c.Reason = report.ExpectedFail, entries[i].why()
}

// verdictsOf spells out the verdict on each requirement, so that it does not follow the check's outcome any more.
func verdictsOf(c *report.Check) map[string]report.Outcome {
	verdicts := make(map[string]report.Outcome)
	for _, id := range c.Requirements {
		verdicts[id] = c.Verdict(id)
	}
	return verdicts
}

// excuse marks the faults that entries cover, and gives the reasons.
func excuse(faults []fault, entries []Expectation) string {
	var reasons []string
	for i := range faults {
		f := &faults[i]
		j := slices.IndexFunc(entries, func(e Expectation) bool { return e.covers(*f) })
		if j < 0 {
			continue
		}
		f.expected = entries[j].why()
		if f.failure != nil {
			f.failure.Expected = f.expected
		}
		if !slices.Contains(reasons, f.expected) {
			reasons = append(reasons, f.expected)
		}
	}
	return strings.Join(reasons, "; ")
}

// missed tells whether what the entry expects to fail has passed. A requirement that was not judged has not.
func (e Expectation) missed(c *report.Check, faults []fault) bool {
	if slices.ContainsFunc(faults, e.covers) {
		return false
	}
	verdict := c.Verdicts[e.Requirement]
	failsElsewhere := e.Case != "" && (verdict == report.Fail || verdict == report.ExpectedFail)
	return e.Requirement == "" || verdict == report.Pass || failsElsewhere
}

// note says in the check's message, and in its verdicts, that an entry was missed.
func (e Expectation) note(c *report.Check) {
	for _, id := range c.Requirements {
		if (e.Requirement == "" || e.Requirement == id) && c.Verdicts[id] == report.Pass {
			c.Verdicts[id] = report.UnexpectedPass
		}
	}
	what := "the check"
	switch {
	case e.Case != "" && e.Requirement != "":
		what = fmt.Sprintf("%s in case %s", e.Requirement, e.Case)
	case e.Case != "":
		what = "case " + e.Case
	case e.Requirement != "":
		what = e.Requirement
	}
	if c.Message != "" {
		c.Message += "\n"
	}
	c.Message += fmt.Sprintf("%s passes, and %s:%d expects it to fail: %s", what, e.File, e.Line, e.why())
}

// A fault is one thing that makes a check fail, as far as the report tells them apart.
type fault struct {
	requirement string // empty when it is about none
	name        string // of its case; empty without one
	expected    string // why it is expected; empty if it is not
	failure     *report.Failure
}

func (e Expectation) covers(f fault) bool {
	return !e.Unasked && (e.Requirement == "" || e.Requirement == f.requirement) && (e.Case == "" || e.Case == f.name)
}

// faultsOf gives the failures of a check, and a fault for each failed case, each failed requirement, and at last the check
// itself, that no failure tells of.
func faultsOf(c *report.Check) []fault {
	var faults []fault
	for i := range c.Failures {
		f := &c.Failures[i]
		faults = append(faults, fault{requirement: f.Requirement, name: f.Case, failure: f})
	}
	for _, name := range c.FailedCases {
		if !slices.ContainsFunc(faults, func(f fault) bool { return f.name == name }) {
			faults = append(faults, fault{name: name})
		}
	}
	for _, id := range c.Requirements {
		told := slices.ContainsFunc(faults, func(f fault) bool { return f.requirement == id })
		if _, own := c.Verdicts[id]; own && c.Verdict(id) == report.Fail && !told {
			faults = append(faults, fault{requirement: id})
		}
	}
	if len(faults) == 0 {
		faults = append(faults, fault{})
	}
	return faults
}

// allExpected tells whether all that speaks against a requirement is expected. Without anything said of it, what speaks
// against the check as a whole does.
func allExpected(faults []fault, id string) bool {
	told := slices.ContainsFunc(faults, func(f fault) bool { return f.requirement == id })
	return !slices.ContainsFunc(faults, func(f fault) bool {
		return f.expected == "" && (f.requirement == id || !told)
	})
}
