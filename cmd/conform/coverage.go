package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/conform-stack/conform/harness/judge"
	"github.com/conform-stack/conform/harness/report"
	"github.com/conform-stack/conform/harness/requirement"
	"github.com/conform-stack/conform/harness/run"
)

func coverageCommand() *cobra.Command {
	var specs, groups, roles []string
	var o requirement.PrintOptions
	var from string
	cmd := &cobra.Command{
		Use:   "coverage [GROUP...]",
		Short: "Hold the catalogue of requirements against the checks",
		Long: "Print, for each specification and level, how many requirements are testable, have a check, or have a written reason for\n" +
			"having none. The column judge counts those that the judge holds against every frame of every check, which is no check.\n\nExit codes: 0, or 1 when a check names no requirement or an unknown one.",
		RunE: func(cmd *cobra.Command, named []string) error {
			catalogue, err := requirement.Load()
			if err != nil {
				return err
			}
			c := requirement.Cover(catalogue, run.Refs()).Watched(watched())
			if c, err = c.Filter(specs, append(groups, named...)); err != nil {
				return err
			}
			if c, err = c.Binding(roles...); err != nil {
				return err
			}
			if from != "" {
				r, err := report.Read(from)
				if err != nil {
					return err
				}
				o.Outcomes = r.Outcomes()
			}
			if err := c.Print(cmd.OutOrStdout(), o); err != nil {
				return err
			}
			if err := c.Err(); err != nil {
				return exit{exitUnexpected, fmt.Errorf("the checks do not fit the catalogue: %w", err)}
			}
			return nil
		},
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&specs, "spec", nil, `only these specifications, such as "RFC 826"`)
	fl.StringSliceVar(&groups, "group", nil, "only these groups of the catalogue, such as ipv4; the same as naming them")
	fl.BoolVar(&o.Gaps, "gaps", false, "list the testable requirements that have neither a check nor a reason")
	fl.StringSliceVar(&roles, "role", nil, "only what binds this role, such as host, or both sides")
	fl.BoolVar(&o.Levels, "levels", false, "count each level by itself, and show how much of it has a check")
	fl.BoolVar(&o.Reasons, "reasons", false, "list the testable requirements that have a reason instead of a check")
	fl.StringVar(&from, "report", "", "a report's folder: show what became of each requirement")
	return cmd
}

// watched are the requirements that the judge has rules for.
func watched() (ids []string) {
	for _, r := range judge.Rules() {
		ids = append(ids, r.Requirement)
	}
	return ids
}
