package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/conform-stack/conform/harness/requirement"
	"github.com/conform-stack/conform/harness/run"
	"github.com/conform-stack/conform/harness/selftest"
)

func selftestCommand() *cobra.Command {
	var t targetFlags
	var o selftest.Options
	var filter, out string
	cmd := &cobra.Command{
		Use:   "selftest [SUITE...]",
		Short: "Prove that every check can fail, and that none asks for too much",
		Long: "Run every check on a mutant of the target that violates the requirement, which it must find, and on every benign mutant,\n" +
			"which it must let pass.\n\nExit codes: 0 all killed and none over-strict, 1 not, 2 a mistake in the use, 130 interrupted.",
		RunE: func(cmd *cobra.Command, suites []string) error {
			tgt, err := t.open()
			if err != nil {
				return err
			}
			defer tgt.Close()
			session, err := run.New(run.Options{
				Target: tgt, Selection: run.Selection{Suites: suites, Filter: filter}, Level: requirement.Advisory, Expectations: []string{"none"},
			})
			if err != nil {
				return err
			}
			o.Target, o.Checks = tgt, session.Checks()
			if len(o.Checks) == 0 {
				return exit{exitUsage, errNothingSelected}
			}
			res, err := selftest.Run(cmd.Context(), o)
			res.Print(cmd.OutOrStdout())
			if out != "" {
				e := writeFile(out, selftest.File, func(w io.Writer) error { return res.WritePage(w, t.name) })
				if err = errors.Join(err, e); e == nil {
					fmt.Fprintf(cmd.OutOrStdout(), "matrix in %s\n", filepath.Join(out, selftest.File))
				}
			}
			switch {
			case err != nil:
				return exit{exitInterrupted, err}
			case len(res.Weak()) > 0 || len(res.Trials) == 0:
				return exit{code: exitUnexpected}
			}
			return nil
		},
	}
	t.add(cmd)
	fl := cmd.Flags()
	fl.StringVar(&filter, "filter", "", "a Ginkgo label filter, as for run")
	fl.StringVar(&out, "out", "", "a folder for "+selftest.File+", the matrix of checks, requirements and mutations")
	fl.Uint64Var(&o.Seed, "seed", 1, "of every random choice")
	fl.DurationVar(&o.Tolerance, "tolerance", 200*time.Millisecond, "widens the bounds of timing on a live target")
	fl.BoolVar(&o.Matrix, "matrix", false, "run each check on the mutants of every other check of its suite, too")
	return cmd
}
