// Package selftest proves that every check can fail and that none asks for too much.
//
// For each requirement that a check claims, the target is made to violate it, by the mutation that the claim names: the
// mutant is killed when an assertion of the check fails for that requirement and in that way. A wrong field must be seen as
// a wrong field; the judge, a set-up that does not get through and an answer that is missing altogether do not count. And
// every check must pass on every benign mutant, which does what the RFCs allow.
package selftest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/target"
)

// Options are what the self-test is made with.
type Options struct {
	Target    target.Target
	Checks    []*check.Check
	Seed      uint64
	Tolerance time.Duration
	// Matrix runs each check on the mutants of every other claim of its suite, too, and records which it kills.
	Matrix bool
}

// A Trial is one check on one mutant.
type Trial struct {
	Check       *check.Check
	Requirement string // that the mutant violates; empty for a benign one
	Mutant      string
	OK          bool   // killed, or passed if benign
	Why         string // if not
	// Killed tells, in the matrix, whether the check failed on a mutant that is not its own.
	Foreign, Killed bool
}

// A Result is all trials.
type Result struct {
	Trials        []Trial
	NotApplicable map[string]string // checks that the target lacks a feature for
	Unproven      map[string]string // checks that do not pass on the unchanged target, so that nothing can be shown
}

// Run makes the trials. It stops when ctx ends.
func Run(ctx context.Context, o Options) (Result, error) {
	res := Result{NotApplicable: map[string]string{}, Unproven: map[string]string{}}
	runner := check.Runner{Target: o.Target, Seed: o.Seed, Tolerance: o.Tolerance}
	on := func(m mutate.Mutation, c *check.Check) check.Result {
		r := runner
		r.Mutation = m
		return r.Run(ctx, c)
	}
	for _, c := range o.Checks {
		plain := on(mutate.Mutation{}, c)
		if plain.NotApplicable != "" {
			res.NotApplicable[c.ID] = plain.NotApplicable
			continue
		}
		if !plain.Passed() {
			res.Unproven[c.ID] = reason(plain)
			continue
		}
		for _, cl := range c.Claims {
			res.Trials = append(res.Trials, violating(c, cl, on(cl.Mutation, c.About(cl.Requirement))))
		}
		for _, m := range mutate.Benign() {
			res.Trials = append(res.Trials, benign(c, m, on(m, c)))
		}
		if o.Matrix {
			res.Trials = append(res.Trials, foreign(c, on)...)
		}
		if ctx.Err() != nil {
			return res, check.ErrInterrupted
		}
	}
	return res, nil
}

func violating(c *check.Check, cl check.Claim, r check.Result) Trial {
	t := Trial{Check: c, Requirement: cl.Requirement, Mutant: cl.Mutation.Name}
	failures := r.Failures(cl.Requirement)
	for _, f := range failures {
		if cl.Mutation.Counts(f.Kind) {
			t.OK = true
			return t
		}
	}
	switch {
	case r.Passed():
		t.Why = "the check passed: it cannot fail for this requirement"
	case len(failures) > 0:
		t.Why = fmt.Sprintf("the check failed for the requirement with %q, which does not show this mutation:\n%s", failures[0].Kind, failures[0].Text)
	default:
		t.Why = "the check failed, but for another reason: " + reason(r)
	}
	return t
}

func benign(c *check.Check, m mutate.Mutation, r check.Result) Trial {
	t := Trial{Check: c, Mutant: m.Name, OK: r.Passed()}
	if !t.OK {
		t.Why = "the check asks for more than its requirements: " + reason(r)
	}
	return t
}

// foreign runs c on the mutants of the other claims of its suite.
func foreign(c *check.Check, on func(mutate.Mutation, *check.Check) check.Result) (ts []Trial) {
	for _, other := range c.Suite.Checks() {
		if other == c {
			continue
		}
		for _, cl := range other.Claims {
			ts = append(ts, Trial{
				Check: c, Requirement: cl.Requirement, Mutant: cl.Mutation.Name, OK: true, Foreign: true,
				Killed: !on(cl.Mutation, c).Passed(),
			})
		}
	}
	return ts
}

// reason is the first thing that went wrong, in words.
func reason(r check.Result) string {
	if err := r.Err(); err != nil {
		return err.Error()
	}
	for _, k := range r.Cases {
		if k.Log == nil {
			continue
		}
		if len(k.Log.Failures) > 0 {
			f := k.Log.Failures[0]
			return fmt.Sprintf("%s [%s] %s\n%s", f.Requirement, k.Name, f.Kind, f.Text)
		}
		if k.Log.Inconclusive != "" {
			return k.Log.Inconclusive
		}
	}
	return "it was interrupted"
}

// Weak are the ids of the checks that cannot fail, that are over-strict, or that could not be proven.
func (r Result) Weak() []string {
	ids := slices.Collect(maps.Keys(r.Unproven))
	for _, t := range r.failed() {
		ids = append(ids, t.Check.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

func (r Result) failed() (ts []Trial) {
	for _, t := range r.Trials {
		if !t.OK {
			ts = append(ts, t)
		}
	}
	return ts
}

// Print writes the result for people.
func (r Result) Print(w io.Writer) {
	for _, t := range r.failed() {
		what := "over-strict"
		if t.Requirement != "" {
			what = "not killed"
		}
		fmt.Fprintf(w, "%s: %s %s\n  on a target that %s\n  %s\n", what, t.Check.ID, t.Requirement, t.Mutant, t.Why)
	}
	for _, id := range slices.Sorted(maps.Keys(r.Unproven)) {
		fmt.Fprintf(w, "not proven: %s does not pass on the unchanged target: %s\n", id, r.Unproven[id])
	}
	r.printTotals(w)
}

func (r Result) printTotals(w io.Writer) {
	killed, pairs, passed, benign, foreign, foreignKilled := 0, 0, 0, 0, 0, 0
	for _, t := range r.Trials {
		switch {
		case t.Foreign:
			foreign++
			if t.Killed {
				foreignKilled++
			}
		case t.Requirement != "":
			pairs++
			if t.OK {
				killed++
			}
		default:
			benign++
			if t.OK {
				passed++
			}
		}
	}
	fmt.Fprintf(w, "violations  %d of %d pairs of check and requirement killed\n", killed, pairs)
	fmt.Fprintf(w, "benign      %d of %d passed\n", passed, benign)
	if len(r.NotApplicable) > 0 {
		fmt.Fprintf(w, "not applicable to this target: %d checks\n", len(r.NotApplicable))
	}
	if foreign > 0 {
		fmt.Fprintf(w, "matrix      %d of %d mutants of other checks killed as well\n", foreignKilled, foreign)
	}
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
