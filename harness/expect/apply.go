package expect

import (
	"fmt"
	"slices"

	"github.com/conform-stack/conform/harness/report"
)

// A Set is the expectations that hold for one version of a target. The zero Set expects nothing.
type Set struct {
	checks   map[string][]Expectation // by check
	findings map[string][]Expectation // by requirement
}

// For gives the entries that hold for a target of this version. Two that hold for the same check, requirement and case are
// an error, and so is a range of versions for a target whose version cannot be compared.
func (l *List) For(version string) (*Set, error) {
	s := &Set{make(map[string][]Expectation), make(map[string][]Expectation)}
	type scope struct{ check, requirement, name, finding string }
	seen := make(map[scope]Expectation)
	for _, e := range l.entries {
		holds, err := e.Versions.Contains(version)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", e.File, e.Line, err)
		}
		if !holds {
			continue
		}
		key := scope{e.Check, e.Requirement, e.Case, e.Finding}
		if first, twice := seen[key]; twice {
			return nil, fmt.Errorf("%s:%d: the same is expected at %s:%d already", e.File, e.Line, first.File, first.Line)
		}
		seen[key] = e
		if e.Finding != "" {
			s.findings[e.Finding] = append(s.findings[e.Finding], e)
		} else {
			s.checks[e.Check] = append(s.checks[e.Check], e)
		}
	}
	return s, nil
}

// Apply settles all checks and findings of a report that is not complete yet.
func (s *Set) Apply(r *report.Report) {
	for i := range r.Checks {
		s.Check(&r.Checks[i])
	}
	for i := range r.Findings {
		s.Finding(&r.Findings[i])
	}
}

// Finding marks a finding as expected if an entry says so.
func (s *Set) Finding(f *report.Finding) {
	for _, e := range s.findings[f.Requirement] {
		if e.Check == "" || e.Check == f.Check {
			f.Expected = e.why()
			return
		}
	}
}

// Stale lists the findings that are expected of rules which the judge applied in this run and found kept. A run of some
// checks only may not have come to the frames in question, so these are notes, not errors.
func (s *Set) Stale(r *report.Report) []string {
	var notes []string
	for id, entries := range s.findings {
		for _, e := range entries {
			found := slices.ContainsFunc(r.Findings, func(f report.Finding) bool {
				return f.Requirement == id && (e.Check == "" || e.Check == f.Check)
			})
			if !found && r.Judged[id] > 0 {
				notes = append(notes, fmt.Sprintf("%s:%d: the judge did not find %s broken", e.File, e.Line, id))
			}
		}
	}
	slices.Sort(notes)
	return notes
}
