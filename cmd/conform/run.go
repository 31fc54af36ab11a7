package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	_ "github.com/conform-stack/conform/conformance"
	"github.com/conform-stack/conform/harness/report"
	"github.com/conform-stack/conform/harness/requirement"
	"github.com/conform-stack/conform/harness/run"
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/open"
	"github.com/conform-stack/conform/harness/userns"
)

// targetFlags are what opens a target.
type targetFlags struct {
	name  string
	agent string
	opts  open.Options
}

func (t *targetFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&t.name, "target", "reference", "the stack to check: reference, reference:FILE.conf, linux, linux:rfc, gvisor, a link such as tap:NAME or packet:NAME, or a target file")
	cmd.Flags().StringVar(&t.agent, "agent", "", "on the kernel: a program that is the agent instead of the one built in, such as agents/conform-agent --stdio")
}

// open opens the target. A target that needs privileges restarts the program in a user namespace where it can get them.
func (t *targetFlags) open() (target.Target, error) {
	if open.Privileged(t.name) {
		if err := userns.Ensure(); err != nil {
			return nil, err
		}
	}
	t.opts.Agent = strings.Fields(t.agent)
	return open.Target(t.name, t.opts)
}

type runFlags struct {
	target       targetFlags
	filter       string
	level        string
	jobs         int
	shard        string
	worker       string
	expectations []string
	tolerance    time.Duration
	seed         uint64
	evidence     string
	out          string
	verbose      bool
	repeat       int
}

func runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run [SUITE...]",
		Short: "Run checks against a target",
		Long: "Run the checks of all suites, or of those named, against a target.\n\n" +
			"Exit codes: 0 all as expected, 1 not, 2 a mistake in the use, 130 interrupted.",
		RunE: func(cmd *cobra.Command, suites []string) error {
			return f.run(cmd.Context(), cmd.OutOrStdout(), suites)
		},
	}
	f.target.add(cmd)
	fl := cmd.Flags()
	fl.StringVar(&f.filter, "filter", "", "a Ginkgo label filter over check:ID, requirement ids, slow, needs:FEATURE")
	fl.StringVar(&f.level, "level", "should", "the last level whose failures fail the run: must, should, may")
	fl.IntVar(&f.jobs, "jobs", 1, "processes to run the checks in")
	fl.StringVar(&f.shard, "shard", "", "run the I-th of N parts, as I/N; merge the reports with conform report merge")
	fl.StringVar(&f.worker, "worker", "", "the part of a worker of --jobs")
	_ = fl.MarkHidden("worker")
	fl.StringSliceVar(&f.expectations, "expectations", nil, "files of known deviations, beside those that come with conform; none for no others")
	fl.DurationVar(&f.tolerance, "tolerance", 200*time.Millisecond, "widens the bounds of timing on a live target")
	fl.Uint64Var(&f.seed, "seed", 1, "of every random choice")
	fl.StringVar(&f.evidence, "evidence", "fail", "keep captures of: all, fail, none")
	fl.IntVar(&f.repeat, "repeat-unexpected", 0, "on a live target, how often a check that did not end as expected is repeated after the run, alone; one that is as expected then is reported as flaky, and does not fail the run")
	fl.StringVar(&f.out, "out", "conform-report", "the folder of the report")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "print each check, the settings of the target, and why failures are expected")
	return cmd
}

// options reads the flags. Its errors are mistakes in the use.
func (f *runFlags) options(suites []string) (o run.Options, err error) {
	o = run.Options{Seed: f.seed, Tolerance: f.tolerance, Evidence: run.Evidence(f.evidence), Out: f.out, Expectations: f.expectations, Command: os.Args[1:]}
	o.Selection = run.Selection{Suites: suites, Filter: f.filter}
	if o.Level, err = requirement.ParseClass(f.level); err != nil {
		return o, fmt.Errorf("--level: %w", err)
	}
	for _, part := range []struct {
		text string
		to   *run.Part
		flag string
	}{{f.shard, &o.Selection.Shard, "--shard"}, {f.worker, &o.Selection.Worker, "--worker"}} {
		if part.text == "" {
			continue
		}
		if *part.to, err = run.ParsePart(part.text); err != nil {
			return o, fmt.Errorf("%s: %w", part.flag, err)
		}
	}
	if f.out == "" {
		return o, errors.New("--out is empty; it takes the folder of the report")
	}
	switch o.Evidence {
	case run.EvidenceAll, run.EvidenceFail, run.EvidenceNone:
	default:
		return o, fmt.Errorf("--evidence is %q; it takes all, fail or none", f.evidence)
	}
	if f.repeat < 0 || f.repeat > 10 {
		return o, fmt.Errorf("--repeat-unexpected is %d; it takes 0 to 10", f.repeat)
	}
	if f.jobs < 1 || f.jobs > 256 {
		return o, fmt.Errorf("--jobs is %d; it takes 1 to 256", f.jobs)
	}
	return o, nil
}

func (f *runFlags) run(ctx context.Context, w io.Writer, suites []string) error {
	o, err := f.options(suites)
	if err != nil {
		return err
	}
	tgt, err := f.target.open()
	if err != nil {
		return err
	}
	defer tgt.Close()
	o.Target = tgt
	session, err := run.New(o)
	if err != nil {
		return err
	}
	if f.worker != "" {
		ctx = run.AsWorker(ctx, os.Stdin)
	}
	if f.jobs == 1 {
		r, err := session.Ginkgo(ctx, io.Discard)
		if f.worker != "" {
			return err // the report tells the rest
		}
		if r != nil && err == nil {
			err = f.again(ctx, w, session, tgt, r)
		}
		return conclude(w, r, f.out, f.verbose, err)
	}
	if err := tgt.Close(); err != nil { // the workers open it themselves
		return err
	}
	r, err := session.Workers(ctx, f.jobs, os.Args[1:])
	if r != nil && err == nil && f.repeat > 0 {
		if tgt, err = f.target.open(); err != nil {
			return err
		}
		defer tgt.Close()
		err = f.again(ctx, w, session, tgt, r)
	}
	return conclude(w, r, f.out, f.verbose, err)
}

// again repeats the checks that did not end as expected, if that is wanted.
func (f *runFlags) again(ctx context.Context, w io.Writer, s *run.Session, on target.Target, r *report.Report) error {
	left, err := s.Repeat(ctx, on, r, f.repeat)
	if left > 0 {
		_, e := fmt.Fprintf(w, "nothing is repeated: %d checks did not end as expected, which is no noise\n\n", left)
		err = errors.Join(err, e)
	}
	return err
}

// conclude prints a report and gives the exit code.
func conclude(w io.Writer, r *report.Report, out string, verbose bool, err error) error {
	if r == nil {
		return err
	}
	if e := report.WriteConsole(w, r, report.ConsoleOptions{Settings: verbose, Checks: verbose, Reasons: verbose, Observed: verbose}); err == nil {
		err = e
	}
	if out != "" {
		if e := publish(out, r); err == nil {
			err = e
		}
		fmt.Fprintf(w, "report in %s\n", out)
	}
	if code := r.AsExpected(); code != 0 || err != nil {
		return exit{max(code, exitUnexpected), err}
	}
	return nil
}
