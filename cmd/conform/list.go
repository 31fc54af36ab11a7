package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/conform-stack/conform/harness/check"
)

func listCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list [SUITE...]",
		Short: "List the checks with what they prove and need",
		RunE: func(cmd *cobra.Command, names []string) error {
			wanted := map[string]bool{}
			for _, n := range names {
				wanted[n] = true
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			count := 0
			for _, s := range check.Suites() {
				if len(names) > 0 && !wanted[s.Name] {
					continue
				}
				delete(wanted, s.Name)
				for _, c := range s.Checks() {
					count++
					var needs []string
					for _, f := range c.Needs {
						needs = append(needs, string(f))
					}
					fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%s\n", s.Name, c.ID, len(c.Cases), strings.Join(c.Requirements(), " "), strings.Join(needs, " "), c.Title)
				}
			}
			for n := range wanted {
				return fmt.Errorf("there is no suite %q", n)
			}
			if err := w.Flush(); err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d checks\n", count)
			return nil
		},
	}
}
