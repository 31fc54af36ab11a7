package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/report"
	"github.com/conform-stack/conform/harness/target"
)

// mostRepeated is how many checks may have ended unexpectedly for them to be repeated. More is no noise.
const mostRepeated = 100

// Repeat runs the checks of a live target that did not end as expected once more, up to times each, alone and in their
// order, and has the report say so: a check that ends as expected then is flaky, which is shown by name. Timings and bounds
// are those of the first run. What the judge found stays found. left is how many checks were too many to be repeated.
//
// r is the session's report, of one process or of many; on is its target, open.
func (s *Session) Repeat(ctx context.Context, on target.Target, r *report.Report, times int) (left int, err error) {
	unexpected := map[string]bool{}
	for _, id := range r.UnexpectedChecks() {
		unexpected[id] = true
	}
	if times < 1 || s.info.Virtual || r.Interrupted || len(unexpected) == 0 {
		return 0, nil
	}
	if len(unexpected) > mostRepeated {
		return len(unexpected), nil
	}
	byID := map[string]*check.Check{}
	for _, c := range s.selected {
		byID[c.ID] = c
	}
	judged := r.Judged
	s.report.Judged = map[string]int{}
	s.runner.Target = on
	began := time.Now()
	for i := range r.Checks {
		if c := byID[r.Checks[i].ID]; c != nil && unexpected[c.ID] {
			err = errors.Join(err, s.repeat(ctx, r, &r.Checks[i], c, times))
		}
	}
	for id, n := range judged {
		s.report.Judged[id] += n
	}
	r.Judged = s.report.Judged
	if r.Run != nil {
		r.Run.WallMS += time.Since(began).Milliseconds()
	}
	if e := r.Complete(s.catalogue); e != nil {
		return 0, errors.Join(err, e)
	}
	if s.opts.Out != "" {
		if e := report.Save(s.opts.Out, r); e != nil {
			err = errors.Join(err, fmt.Errorf("writing the report into %s: %w", filepath.Clean(s.opts.Out), e))
		}
	}
	return 0, err
}

// repeat runs one check until it ends as expected, times at most.
func (s *Session) repeat(ctx context.Context, r *report.Report, entry *report.Check, c *check.Check, times int) (err error) {
	for range times {
		began := time.Now()
		result := s.runner.Run(ctx, c)
		if ctx.Err() != nil || interrupted(result) {
			r.Interrupted = true
			return err
		}
		next := summarise(result)
		next.WallMS = time.Since(began).Milliseconds()
		for _, k := range result.Cases {
			for _, f := range k.Findings {
				found := report.Finding{Requirement: f.Requirement, Check: c.ID, Text: f.Text}
				s.expected.Finding(&found)
				r.Findings = append(r.Findings, found)
			}
		}
		s.expected.Check(&next)
		earlier := report.Attempt{Outcome: entry.Outcome, Message: entry.Message, WallMS: entry.WallMS}
		earlier.Evidence, err = s.keep(entry.Evidence, len(entry.Earlier)+1)
		if err != nil {
			return fmt.Errorf("keeping the evidence of %s: %w", c.ID, err)
		}
		next.Earlier = append(entry.Earlier, earlier)
		if s.keeps(next.Outcome, result) {
			if next.Evidence, err = writeEvidence(s.opts.Out, result, s.info); err != nil {
				return fmt.Errorf("writing the evidence of %s: %w", c.ID, err)
			}
		}
		*entry = next
		if s.opts.Progress != nil {
			s.opts.Progress(next)
		}
		if !r.Unexpectedly(entry) {
			return nil
		}
	}
	return nil
}

// keep gives the evidence of the n-th attempt a name of its own: that of the check is the last one's.
func (s *Session) keep(evidence string, n int) (name string, err error) {
	if evidence == "" {
		return "", nil
	}
	ext := path.Ext(evidence)
	name = fmt.Sprintf("%s.attempt%d%s", strings.TrimSuffix(evidence, ext), n, ext)
	at := func(name string) string { return filepath.Join(s.opts.Out, filepath.FromSlash(name)) }
	return name, os.Rename(at(evidence), at(name))
}
