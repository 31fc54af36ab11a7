package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/internal/panics"
	"github.com/conform-stack/conform/harness/mutate"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// A Runner runs checks against one target.
type Runner struct {
	Target    target.Target
	Seed      uint64
	Tolerance time.Duration
	Mutation  mutate.Mutation // the zero value runs the target as it is
	// Judge makes the passive judge of one case; nil for none. What it finds on a frame, it returns.
	Judge func(c *Check, w target.World) func(f *packet.Frame, fromTarget bool) []Finding
}

// A Finding is what the judge says about a frame of the target.
type Finding struct {
	Requirement string
	Text        string
}

// A Result is what one run of a check showed.
type Result struct {
	Check         *Check
	NotApplicable string // the feature that the target lacks; empty otherwise
	Cases         []CaseResult
}

// A CaseResult is what one case showed.
type CaseResult struct {
	Name     string
	Log      *probe.Log
	Findings []Finding
	// Err is a fault that is not an answer to the check's question: of the harness, of the target as a whole.
	Err error
}

// Failed tells whether an assertion of a requirement did not hold.
func (r CaseResult) Failed() bool {
	return r.Log != nil && slices.ContainsFunc(r.Log.Failures, func(f probe.Failure) bool { return f.Requirement != "" })
}

// Unprepared tells whether the case could not be brought to the point where it asserts something.
func (r CaseResult) Unprepared() bool { return r.Log != nil && len(r.Log.Failures) > 0 && !r.Failed() }

// Run runs every case of c, each in a world of its own. It stops early only when ctx ends.
func (r *Runner) Run(ctx context.Context, c *Check) Result {
	res := Result{Check: c}
	info := r.Target.Info()
	link, ok := c.Suite.linkOf(info)
	if !ok {
		res.NotApplicable = fmt.Sprintf("the suite is for links of %s, the target has none", list(c.Suite.Links))
		return res
	}
	for _, f := range c.Needs {
		if !info.Has(f) {
			res.NotApplicable = fmt.Sprintf("the target does not declare %q", f)
			return res
		}
	}
	for _, k := range c.Cases {
		res.Cases = append(res.Cases, r.runCase(ctx, c, k, link, info))
		if ctx.Err() != nil {
			break
		}
	}
	return res
}

func (r *Runner) runCase(ctx context.Context, c *Check, k Case, link target.LinkType, info target.Info) (res CaseResult) {
	res.Name = k.Name
	defer func() { // a check's own panic is caught by its probe; this one is of the target's side of the harness
		if r := recover(); r != nil {
			function, at := panics.Culprit()
			res.Err = errors.Join(res.Err, fmt.Errorf("the harness panicked in %s (%s): %v", function, at, r))
		}
	}()
	world, err := r.Target.New(ctx, target.Spec{
		Check: c.ID, Seed: r.seed(c.ID, k.Name), Link: link, Needs: c.Needs,
		Config: slices.Concat(c.Config, k.Config), BitRate: c.BitRate, Security: cmp.Or(k.Security, c.Security), Strangers: c.Strangers,
	})
	if err != nil {
		res.Err = fmt.Errorf("making a world for the check: %w", err)
		return res
	}
	world = r.Mutation.Wrap(bare{world, c})
	cfg := probe.Config{World: world, Info: info, Proves: c.requirements(k), Tolerance: r.Tolerance}
	var p *probe.P
	if r.Judge != nil {
		judge := r.Judge(c, world)
		cfg.Judge = func(f *packet.Frame, fromTarget bool) {
			for _, found := range judge(f, fromTarget) {
				res.Findings = append(res.Findings, found)
				p.Note(f, "JUDGE "+found.Text)
			}
		}
	}
	p = probe.New(ctx, cfg)
	res.Log = p.Run(k.Body)
	res.Err = res.Log.Err
	if err := world.Close(); err != nil && (res.Err == nil || errors.Is(err, target.ErrDead)) { // a death explains what went wrong
		res.Err = errors.Join(res.Err, fmt.Errorf("after the check: %w", err))
	}
	if res.Err == nil && res.Log.Inconclusive == "" && len(res.Log.Failures) == 0 {
		res.Err = unasserted(c.requirements(k), res.Log)
	}
	return res
}

// unasserted finds a claim that a passing body never put to the test: the check could not fail for it.
func unasserted(claimed []string, log *probe.Log) error {
	for _, r := range claimed {
		if log.Asserted[r] == 0 {
			return fmt.Errorf("the check claims to prove %s and asserted nothing for it", r)
		}
	}
	return nil
}

// seed gives each case randomness of its own that depends on nothing but the run's seed and the names.
func (r *Runner) seed(check, name string) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%s/%s", r.Seed, check, name)
	return h.Sum64()
}

// Err is the first fault of a case, with its name.
func (r Result) Err() error {
	for _, c := range r.Cases {
		if c.Err != nil {
			if c.Name == "" {
				return c.Err
			}
			return fmt.Errorf("[%s]: %w", c.Name, c.Err)
		}
	}
	return nil
}

// Failures are the failed assertions for a requirement, of all cases; those of preparation for "".
func (r Result) Failures(requirement string) (fs []probe.Failure) {
	for _, c := range r.Cases {
		if c.Log == nil {
			continue
		}
		for _, f := range c.Log.Failures {
			if f.Requirement == requirement {
				fs = append(fs, f)
			}
		}
	}
	return fs
}

// Passed tells whether every case was run and every assertion held.
func (r Result) Passed() bool {
	if r.NotApplicable != "" || len(r.Cases) < len(r.Check.Cases) || r.Err() != nil {
		return false
	}
	for _, c := range r.Cases {
		if c.Failed() || c.Unprepared() || c.Log.Inconclusive != "" {
			return false
		}
	}
	return true
}

// ErrInterrupted is the cause of a context that ends a run from outside.
var ErrInterrupted = errors.New("the run was interrupted")
