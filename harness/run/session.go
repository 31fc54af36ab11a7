// Package run drives the checks against a target and makes the report.
//
// A session holds one selection of checks, executes them one by one and collects what they showed. Ginkgo drives it, spec
// by spec, from the command line and from go test; the self-test and the tests of the harness drive it directly.
package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/conform-stack/conform/expectations"
	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/expect"
	"github.com/conform-stack/conform/harness/report"
	"github.com/conform-stack/conform/harness/requirement"
	"github.com/conform-stack/conform/harness/target"
)

// Evidence says of which checks a capture is kept.
type Evidence string

const (
	EvidenceAll  Evidence = "all"
	EvidenceFail Evidence = "fail" // of those that did not pass
	EvidenceNone Evidence = "none"
)

// Options are what a run is made with.
type Options struct {
	Target       target.Target
	Selection    Selection
	Level        requirement.Class
	Seed         uint64
	Tolerance    time.Duration
	Evidence     Evidence
	Out          string   // the folder of the report; empty writes nothing
	Expectations []string // files, beside those that come with conform for the target; "none" alone leaves those out
	Partial      bool     // the program does not hold all suites: expectations may name checks that it does not have
	Command      []string // the command line, for the report
	Progress     func(c report.Check)
}

// A Session executes the selected checks.
type Session struct {
	opts      Options
	catalogue *requirement.Catalogue
	info      target.Info
	runner    check.Runner
	selected  []*check.Check // of this shard
	expected  *expect.Set
	report    report.Report
	started   time.Time
	fault     error // the first that keeps the report from being whole
}

// New checks the checks, reads the expectations and selects. All its errors are mistakes in the use, or in the suites.
func New(o Options) (*Session, error) {
	catalogue, err := requirement.Load()
	if err != nil {
		return nil, err
	}
	known := func(id string) bool { _, ok := catalogue.Get(id); return ok }
	if faults := check.Validate(known); len(faults) > 0 {
		errs := make([]error, len(faults))
		for i, f := range faults {
			errs[i] = errors.New(f)
		}
		return nil, errors.Join(errs...)
	}
	all, mine, err := o.Selection.pick()
	if err != nil {
		return nil, err
	}
	s := begin(o, catalogue, all)
	s.selected = mine
	if s.expected, err = s.expectations(); err != nil {
		return nil, err
	}
	if o.Out != "" { // what cannot be written is better known before the run
		if err := os.MkdirAll(o.Out, 0o777); err != nil {
			return nil, fmt.Errorf("the folder of the report: %w", err)
		}
	}
	s.runner = check.Runner{Target: o.Target, Seed: o.Seed, Tolerance: o.Tolerance, Judge: s.judge}
	return s, nil
}

func begin(o Options, catalogue *requirement.Catalogue, ids []string) *Session {
	s := &Session{opts: o, catalogue: catalogue, info: o.Target.Info(), expected: new(expect.Set), started: time.Now()}
	s.report = report.Report{
		Target: describe(s.info), Seed: o.Seed, Level: o.Level, Selected: report.Select(ids), Shard: o.Selection.shardName(),
		Judged: map[string]int{},
	}
	return s
}

// Checks are those that this session executes.
func (s *Session) Checks() []*check.Check { return s.selected }

// Refs are all checks of the program, as the coverage and the expectations want them.
func Refs() (refs []requirement.CheckRef) {
	for _, suite := range check.Suites() {
		for _, c := range suite.Checks() {
			refs = append(refs, requirement.CheckRef{ID: c.ID, Requirements: c.Requirements()})
		}
	}
	return refs
}

// expectations are those of the session's target.
func (s *Session) expectations() (*expect.Set, error) {
	known := expect.Known{Checks: Refs(), Catalogue: s.catalogue}
	if s.opts.Partial {
		known.Checks = nil
	}
	return Expectations(s.info, s.opts.Expectations, known)
}

// Expectations reads the files that come with conform for a target, and those that the user names; "none" alone leaves the
// former out.
func Expectations(of target.Info, files []string, known expect.Known) (*expect.Set, error) {
	known.Replays = replays
	list := new(expect.List)
	if len(files) == 1 && files[0] == "none" {
		files = nil
	} else {
		name := expectations.For(of.Name)
		if b, err := fs.ReadFile(expectations.FS, name); err == nil {
			if list, err = expect.Parse(path.Join("expectations", name), b, known); err != nil {
				return nil, err
			}
		}
	}
	users, err := expect.Load(files, known)
	if err != nil {
		return nil, err
	}
	list.Add(users)
	return list.For(of.Version)
}

// Execute runs one check and adds it to the report. It tells in words why it is not as expected; nil when it is.
func (s *Session) Execute(ctx context.Context, c *check.Check) error {
	if ctx.Err() != nil {
		s.report.Interrupted = true
		return check.ErrInterrupted
	}
	began := time.Now()
	result := s.runner.Run(ctx, c)
	if ctx.Err() != nil && len(result.Cases) < len(c.Cases) || interrupted(result) {
		s.report.Interrupted = true
		return check.ErrInterrupted
	}
	return s.record(result, began)
}

// record adds what a check showed to the report, as Execute does.
func (s *Session) record(result check.Result, began time.Time) error {
	c := result.Check
	entry := summarise(result)
	entry.WallMS = time.Since(began).Milliseconds()
	for _, k := range result.Cases {
		for _, f := range k.Findings {
			s.report.Findings = append(s.report.Findings, report.Finding{Requirement: f.Requirement, Check: c.ID, Text: f.Text})
		}
	}
	s.expected.Check(&entry)
	if s.keeps(entry.Outcome, result) {
		name, err := writeEvidence(s.opts.Out, result, s.info)
		if err != nil {
			s.fault = errors.Join(s.fault, fmt.Errorf("writing the evidence of %s: %w", c.ID, err))
		}
		entry.Evidence = name
	}
	s.report.Checks = append(s.report.Checks, entry)
	if s.opts.Progress != nil {
		s.opts.Progress(entry)
	}
	switch entry.Outcome {
	case report.Pass, report.ExpectedFail, report.NotApplicable:
		return nil
	}
	return fmt.Errorf("%s: %s", entry.Outcome, entry.Message)
}

func interrupted(r check.Result) bool {
	for _, k := range r.Cases {
		if errors.Is(k.Err, check.ErrInterrupted) || errors.Is(k.Err, context.Canceled) {
			return true
		}
	}
	return false
}

// keeps tells whether the evidence of a check is kept.
func (s *Session) keeps(o report.Outcome, r check.Result) bool {
	if s.opts.Out == "" || len(r.Cases) == 0 {
		return false
	}
	switch s.opts.Evidence {
	case EvidenceAll:
		return true
	case EvidenceFail:
		found := false
		for _, k := range r.Cases {
			found = found || len(k.Findings) > 0
		}
		return o != report.Pass || found
	}
	return false
}

// Interrupt notes that the run ends before its time.
func (s *Session) Interrupt() { s.report.Interrupted = true }

// Finish completes the report and, with Out, writes it.
func (s *Session) Finish() (*report.Report, error) {
	for i := range s.report.Findings {
		s.expected.Finding(&s.report.Findings[i])
	}
	s.report.Run = &report.Run{
		Started: s.started.UTC(), WallMS: time.Since(s.started).Milliseconds(), Command: s.opts.Command, Jobs: 1,
	}
	if err := s.report.Complete(s.catalogue); err != nil {
		return nil, err
	}
	if s.opts.Out != "" {
		if err := report.Save(s.opts.Out, &s.report); err != nil {
			return nil, fmt.Errorf("writing the report into %s: %w", filepath.Clean(s.opts.Out), err)
		}
	}
	return &s.report, s.fault
}

// All executes every selected check directly, without Ginkgo.
func (s *Session) All(ctx context.Context) (*report.Report, error) {
	for _, c := range s.selected {
		_ = s.Execute(ctx, c) // what is not as expected is in the report
	}
	return s.Finish()
}
