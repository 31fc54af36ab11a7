package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/conform-stack/conform/harness/inspect"
)

func inspectCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect FILE...",
		Short: "Judge any capture",
		Long: "Hold every packet of the captures against the rules of the judge, whoever sent it.\n\n" +
			"Exit codes: 0 nothing found, 1 findings, 2 a file that cannot be read or judged.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			code := exitAsExpected
			var faults []error
			for _, f := range files {
				r, err := inspect.File(f, inspect.Options{})
				if r.Packets > 0 {
					if e := r.Print(cmd.OutOrStdout()); e != nil {
						return e
					}
				}
				switch {
				case err != nil:
					faults = append(faults, err)
				case r.Verdict() == inspect.Faulty:
					code = max(code, exitUnexpected)
				}
			}
			if len(faults) > 0 {
				return exit{exitUsage, errors.Join(faults...)}
			}
			if code != exitAsExpected {
				return exit{code: code}
			}
			if len(files) > 1 {
				fmt.Fprintf(cmd.OutOrStdout(), "nothing found in %d files\n", len(files))
			}
			return nil
		},
	}
}
