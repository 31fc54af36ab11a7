package report

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/conform-stack/conform/harness/requirement"
)

// Summary counts checks by outcome; every outcome has a count.
type Summary map[Outcome]int

// MarshalJSON writes the counts in the order of Outcomes.
func (s Summary) MarshalJSON() ([]byte, error) {
	b := []byte("{")
	for i, o := range Outcomes() {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, "%q:%d", string(o), s[o])
	}
	return append(b, '}'), nil
}

// ErrNothingSelected is a run that set out to do nothing: it proves nothing, and is no success.
var ErrNothingSelected = errors.New("no check was selected: the suites and the filter leave none")

// Select identifies a selection by the ids of its checks, in any order.
func Select(ids []string) Selection {
	sorted := slices.Sorted(slices.Values(ids))
	sum := sha256.Sum256([]byte(strings.Join(sorted, "\n")))
	return Selection{Count: len(ids), Hash: hex.EncodeToString(sum[:8])}
}

// A rule is what the catalogue says of a requirement, as far as a report repeats it.
type rule struct {
	level requirement.Level
	text  string
}

// Complete sorts the report, counts its checks and derives the outcomes of its requirements. It refuses a report that
// contradicts itself: checks of equal id, requirements that are not in the catalogue, checks that are missing although
// the run was not interrupted. A run that selected nothing gives ErrNothingSelected. Level is should where it is not set.
func (r *Report) Complete(catalogue *requirement.Catalogue) error {
	return r.complete(func(id string) (rule, bool) {
		q, ok := catalogue.Get(id)
		return rule{q.Level, q.Text}, ok
	})
}

func (r *Report) complete(lookup func(id string) (rule, bool)) error {
	r.Schema = Schema
	if r.Level == 0 {
		r.Level = requirement.Advisory
	}
	if r.Selected.Count == 0 {
		return ErrNothingSelected
	}
	r.sort()
	for i := 1; i < len(r.Checks); i++ {
		if r.Checks[i].ID == r.Checks[i-1].ID {
			return fmt.Errorf("check %s is in the report twice", r.Checks[i].ID)
		}
	}
	if err := r.whole(); err != nil {
		return err
	}
	r.Summary = count(r.Checks)
	if err := r.derive(lookup); err != nil {
		return err
	}
	r.FlakyChecks = nil
	for _, c := range r.flaky() {
		r.FlakyChecks = append(r.FlakyChecks, c.ID)
	}
	return nil
}

// whole tells whether the report holds what it set out to do.
func (r *Report) whole() error {
	if r.Interrupted || r.Shard != "" {
		return nil
	}
	if n := len(r.Checks); n != r.Selected.Count {
		return fmt.Errorf("the run selected %s and the report holds %d", plural(r.Selected.Count, "check"), n)
	}
	return nil
}

// sort brings checks, findings and what they list into an order that does not depend on that of the run. The order of
// failures and observations within a check is that of events, and stays.
func (r *Report) sort() {
	for i := range r.Checks {
		if r.Checks[i].Requirements == nil {
			r.Checks[i].Requirements = []string{}
		}
	}
	if r.Checks == nil {
		r.Checks = []Check{}
	}
	if r.Target.Links == nil {
		r.Target.Links = []string{}
	}
	sort.Slice(r.Checks, func(i, j int) bool { return r.Checks[i].ID < r.Checks[j].ID })
	r.Findings = joinFindings(r.Findings)
}

// joinFindings sorts findings and adds up the counts of equal ones. A count below 1 is one finding.
func joinFindings(findings []Finding) []Finding {
	counts := make(map[Finding]int)
	for _, f := range findings {
		n := max(f.Count, 1)
		f.Count = 0
		counts[f] += n
	}
	joined := make([]Finding, 0, len(counts))
	for f, n := range counts {
		f.Count = n
		joined = append(joined, f)
	}
	slices.SortFunc(joined, func(a, b Finding) int {
		return strings.Compare(a.key(), b.key())
	})
	if len(joined) == 0 {
		return nil
	}
	return joined
}

func (f Finding) key() string {
	return strings.Join([]string{f.Requirement, f.Check, f.Text, f.Expected}, "\x00")
}

func count(checks []Check) Summary {
	s := make(Summary)
	for _, o := range Outcomes() {
		s[o] = 0
	}
	for _, c := range checks {
		s[c.Outcome]++
	}
	return s
}

// Verdict of the check on one of its requirements.
func (c *Check) Verdict(requirement string) Outcome {
	if o, ok := c.Verdicts[requirement]; ok {
		return o
	}
	return c.Outcome
}

// derive makes the list of requirements out of the checks' verdicts and the judge's findings.
func (r *Report) derive(lookup func(id string) (rule, bool)) error {
	byID := make(map[string]*Requirement)
	entry := func(id, who string) (*Requirement, error) {
		if q := byID[id]; q != nil {
			return q, nil
		}
		known, ok := lookup(id)
		if !ok {
			return nil, fmt.Errorf("%s names requirement %q, which the catalogue does not have", who, id)
		}
		q := &Requirement{ID: id, Level: known.level, Text: known.text, Checks: []string{}}
		byID[id] = q
		return q, nil
	}
	for i := range r.Checks {
		c := &r.Checks[i]
		for _, id := range c.Requirements {
			q, err := entry(id, "check "+c.ID)
			if err != nil {
				return err
			}
			q.Outcome = Combine(q.Outcome, c.Verdict(id))
			if !slices.Contains(q.Checks, c.ID) {
				q.Checks = append(q.Checks, c.ID)
			}
		}
	}
	for _, id := range sortedKeys(r.Judged) {
		if r.Judged[id] == 0 {
			continue
		}
		q, err := entry(id, "the judge")
		if err != nil {
			return err
		}
		q.Outcome = Combine(q.Outcome, Pass) // what it found, if anything, outweighs this below
	}
	for _, f := range r.Findings {
		q, err := entry(f.Requirement, "the judge")
		if err != nil {
			return err
		}
		q.Outcome = Combine(q.Outcome, f.outcome())
		q.Findings += f.Count
	}
	r.Requirements = make([]Requirement, 0, len(byID))
	for _, q := range byID {
		r.Requirements = append(r.Requirements, *q)
	}
	sort.Slice(r.Requirements, func(i, j int) bool {
		return requirement.Compare(r.Requirements[i].ID, r.Requirements[j].ID) < 0
	})
	return nil
}

func (f Finding) outcome() Outcome {
	if f.Expected != "" {
		return ExpectedFail
	}
	return Fail
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
