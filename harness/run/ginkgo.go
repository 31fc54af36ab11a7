package run

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/formatter"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/report"
	"github.com/conform-stack/conform/harness/target/open"
)

// Ginkgo runs the session as Ginkgo specs, whose own output goes to w, until ctx ends. A process can do this once.
func (s *Session) Ginkgo(ctx context.Context, w io.Writer) (*report.Report, error) {
	if len(s.selected) == 0 {
		return s.Finish()
	}
	out := formatter.ColorableStdOut
	formatter.ColorableStdOut = w
	defer func() { formatter.ColorableStdOut = out }()

	mine := map[*check.Check]bool{}
	for _, c := range s.selected {
		mine[c] = true
	}
	check.Select(func(c *check.Check) bool { return mine[c] })
	stopped := false
	check.Use(func(spec context.Context, c *check.Check) error {
		either, cancel := context.WithCancel(spec)
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		if ctx.Err() != nil {
			cancel() // AfterFunc does so a moment later, in which each check that is left would make a world
		}
		err := s.Execute(either, c)
		stopped = stopped || errors.Is(err, check.ErrInterrupted)
		return err
	})
	suite, reporter := ginkgo.GinkgoConfiguration()
	suite.RandomSeed = int64(s.opts.Seed)
	suite.RandomizeAllSpecs = false
	suite.Timeout = 0
	reporter.Succinct = true
	ginkgo.RunSpecs(verdict0{}, "conform", suite, reporter)
	if stopped || len(s.report.Checks) < len(s.selected) {
		s.Interrupt()
	}
	return s.Finish()
}

// verdict0 is told by Ginkgo that a spec failed. The report says more.
type verdict0 struct{}

func (verdict0) Fail() {}

// Suite runs the checks of a suite's package under go test, against the target that CONFORM_TARGET names, the reference
// without it. A check that is not as expected fails the test.
func Suite(t *testing.T, suite *check.Suite) {
	name := os.Getenv("CONFORM_TARGET")
	if name == "" {
		name = "reference"
	}
	tgt, err := open.Target(name, open.Options{})
	if err != nil {
		t.Skipf("the target %s cannot be opened: %v", name, err)
	}
	defer tgt.Close()
	s, err := New(Options{Target: tgt, Selection: Selection{Suites: []string{suite.Name}}, Seed: 1, Partial: true})
	if err != nil {
		t.Fatal(err)
	}
	check.Use(s.Execute)
	ginkgo.RunSpecs(t, suite.Title)
	r, err := s.Finish()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		if f.Expected == "" {
			t.Errorf("the judge found, during %s: %s", f.Check, f.Text)
		}
	}
}
