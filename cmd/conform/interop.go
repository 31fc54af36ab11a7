package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/conform-stack/conform/harness/expect"
	"github.com/conform-stack/conform/harness/interop"
	"github.com/conform-stack/conform/harness/report"
	"github.com/conform-stack/conform/harness/requirement"
	"github.com/conform-stack/conform/harness/run"
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/harness/target/open"
)

type interopFlags struct {
	a, b         string
	targets      []string
	scenarios    []string
	evidence     string
	out          string
	seed         uint64
	jobs         int
	expectations []string
	list         bool
}

func interopCommand() *cobra.Command {
	var f interopFlags
	cmd := &cobra.Command{
		Use:   "interop (--a TARGET --b TARGET | --targets TARGET,TARGET...)",
		Short: "Let targets talk to each other, and judge both",
		Long: `Two targets are joined by the harness, which carries their frames, loses, repeats and delays some where a scenario
says so, and judges what both send. Every pair plays every scenario in both roles. A target that cannot be given its
addresses (one behind a link) can be side a; its peer takes the place of one of its testers.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.list {
				return f.printScenarios(cmd.OutOrStdout())
			}
			return f.run(cmd.Context(), cmd.OutOrStdout())
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.a, "a", "", "the target that begins")
	fl.StringVar(&f.b, "b", "", "its peer")
	fl.StringSliceVar(&f.targets, "targets", nil, "all pairs of these, in both roles")
	fl.StringSliceVar(&f.scenarios, "scenario", nil, "these scenarios alone: tcp-bulk, or tcp-bulk[ipv6] for one family")
	fl.StringVar(&f.evidence, "evidence", string(run.EvidenceFail), "the captures to keep: all, fail or none")
	fl.StringVar(&f.out, "out", "conform-interop", "the folder of the report")
	fl.IntVar(&f.jobs, "jobs", 4, "scenarios that are played side by side")
	fl.Uint64Var(&f.seed, "seed", 1, "what every random choice follows from")
	fl.StringSliceVar(&f.expectations, "expectations", nil, "files with what is expected of the targets, beside those that come with conform")
	fl.BoolVar(&f.list, "list", false, "print the scenarios")
	return cmd
}

func (f *interopFlags) printScenarios(w io.Writer) error {
	for _, sc := range interop.Scenarios() {
		if _, err := fmt.Fprintf(w, "%-24s %s\n", sc.ID(), sc.Title); err != nil {
			return err
		}
	}
	return nil
}

// names are the targets that the flags name, and how they are paired.
func (f *interopFlags) names() (names []string, err error) {
	switch {
	case len(f.targets) > 0 && f.a+f.b != "":
		return nil, errors.New("--targets stands for all pairs: leave --a and --b out")
	case len(f.targets) > 0:
		return f.targets, nil
	case f.a == "" || f.b == "":
		return nil, errors.New("name two targets with --a and --b, or all of them with --targets")
	}
	return []string{f.a, f.b}, nil
}

func (f *interopFlags) run(ctx context.Context, w io.Writer) (err error) {
	switch run.Evidence(f.evidence) {
	case run.EvidenceAll, run.EvidenceFail, run.EvidenceNone:
	default:
		return fmt.Errorf("--evidence is %q: it takes all, fail or none", f.evidence)
	}
	names, err := f.names()
	if err != nil {
		return err
	}
	if _, err := interop.Choose(f.scenarios); err != nil {
		return err
	}
	var targets []target.Target
	defer func() {
		for _, t := range targets {
			err = errors.Join(err, t.Close())
		}
	}()
	for i, name := range names {
		if slices.Contains(names[:i], name) && len(f.targets) > 0 {
			return fmt.Errorf("--targets names %s twice", name)
		}
		t, err := open.Target(name, open.Options{Context: ctx})
		if err != nil {
			return err
		}
		targets = append(targets, t)
	}
	pairs := interop.Pairs(targets)
	if len(f.targets) == 0 {
		pairs = []interop.Pair{{A: targets[0], B: targets[1]}}
		if targets[0].Info().Has(target.Placed) {
			pairs = append(pairs, interop.Pair{A: targets[1], B: targets[0]})
		}
	}
	if f.a == f.b && f.a != "" {
		pairs = pairs[:1]
	}
	expected, err := f.expected(targets)
	if err != nil {
		return err
	}
	m, err := interop.Play(ctx, pairs, interop.Options{
		Seed: f.seed, Jobs: f.jobs, Only: f.scenarios, Evidence: run.Evidence(f.evidence), Out: f.out, Expected: expected,
		Progress: func(c interop.Cell) {
			if c.Outcome != report.Pass && c.Outcome != report.NotApplicable {
				_, _ = fmt.Fprintln(w, c.Line())
			}
		},
	})
	if err != nil {
		return err
	}
	if err := m.Save(f.out); err != nil {
		return err
	}
	if err := m.WriteConsole(w); err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "report in %s\n", f.out); err != nil {
		return err
	}
	switch {
	case m.Interrupted:
		return exit{code: 130}
	case !m.AsExpected():
		return exit{code: 1}
	}
	return nil
}

// expected tells why a finding against a target is no surprise.
func (f *interopFlags) expected(targets []target.Target) (func(target.Info, string) string, error) {
	catalogue, err := requirement.Load()
	if err != nil {
		return nil, err
	}
	known := expect.Known{Checks: run.Refs(), Catalogue: catalogue}
	sets := map[string]*expect.Set{}
	for _, t := range targets {
		if sets[t.Info().Name], err = run.Expectations(t.Info(), f.expectations, known); err != nil {
			return nil, err
		}
	}
	return func(of target.Info, requirement string) string {
		found := report.Finding{Requirement: requirement}
		sets[of.Name].Finding(&found)
		return strings.TrimSpace(found.Expected)
	}, nil
}
