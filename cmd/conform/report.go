package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/conform-stack/conform/harness/report"
	"github.com/conform-stack/conform/harness/report/page"
)

var errNothingSelected = errors.New("no check was selected: the suites and the filter leave none")

func reportCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "report", Short: "Merge, compare and show reports"}
	var out string
	merge := &cobra.Command{
		Use: "merge --out DIR DIR...", Short: "Merge the reports of the shards of one run", Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, folders []string) error {
			r, err := report.MergeFolders(out, folders)
			if err != nil {
				return err
			}
			if err := report.WriteConsole(cmd.OutOrStdout(), r, report.ConsoleOptions{}); err != nil {
				return err
			}
			if err := publish(out, r); err != nil {
				return err
			}
			if code := r.AsExpected(); code != 0 {
				return exit{code: code}
			}
			return nil
		},
	}
	merge.Flags().StringVar(&out, "out", "", "the folder of the merged report")
	_ = merge.MarkFlagRequired("out")
	var folder string
	compare := &cobra.Command{
		Use: "compare DIR DIR...", Short: "Show where reports differ, side by side", Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, folders []string) error {
			var rs []*report.Report
			for _, f := range folders {
				r, err := report.Read(f)
				if err != nil {
					return err
				}
				rs = append(rs, r)
			}
			if _, err := report.Compare(cmd.OutOrStdout(), rs); err != nil || folder == "" {
				return err
			}
			return writeFile(folder, page.CompareFile, func(w io.Writer) error { return page.Compare(w, rs) })
		},
	}
	compare.Flags().StringVar(&folder, "out", "", "a folder for "+page.CompareFile+", which shows them side by side")
	var by report.Implementation
	statement := &cobra.Command{
		Use: "statement DIR", Short: "Print a conformance statement of a run, to be published", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, folders []string) error {
			r, err := report.Read(folders[0])
			if err != nil {
				return err
			}
			s, err := report.State(r, by)
			if err != nil {
				return err
			}
			return s.WriteYAML(cmd.OutOrStdout())
		},
	}
	for _, f := range []struct {
		to         *string
		name, what string
	}{
		{&by.Organization, "organization", "who makes the implementation"},
		{&by.Project, "project", "the name of the implementation; without it, the target's"},
		{&by.Version, "implementation-version", "its version; without it, the target's"},
		{&by.URL, "url", "where it is to be found"},
		{&by.Contact, "contact", "whom to ask"},
	} {
		statement.Flags().StringVar(f.to, f.name, "", f.what)
	}
	show := &cobra.Command{
		Use: "show DIR", Short: "Show all that a report holds", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, folders []string) error {
			r, err := report.Read(folders[0])
			if err != nil {
				return err
			}
			return report.Show(cmd.OutOrStdout(), r)
		},
	}
	html := &cobra.Command{
		Use: "html DIR", Short: "Write report.html of a report anew, with the packets of its captures", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, folders []string) error {
			r, err := report.Read(folders[0])
			if err != nil {
				return err
			}
			return page.Save(folders[0], r)
		},
	}
	markdown := &cobra.Command{
		Use: "markdown DIR", Short: "Print a summary as Markdown, as for a job's page", Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, folders []string) error {
			r, err := report.Read(folders[0])
			if err != nil {
				return err
			}
			return report.WriteMarkdown(cmd.OutOrStdout(), r)
		},
	}
	cmd.AddCommand(merge, compare, show, html, markdown, statement)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("report has no command %q; it has merge, compare, show, html and markdown", args[0])
		}
		return cmd.Help()
	}
	return cmd
}

// publish writes what is made of a saved report for people: report.html beside it and, in a job that has a page of its own
// (GitHub Actions names it by GITHUB_STEP_SUMMARY), a summary there.
func publish(folder string, r *report.Report) error {
	if err := page.Save(folder, r); err != nil {
		return err
	}
	name := os.Getenv("GITHUB_STEP_SUMMARY")
	if name == "" {
		return nil
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	err = report.WriteMarkdown(f, r)
	if e := f.Close(); err == nil {
		err = e
	}
	return err
}

func writeFile(folder, name string, write func(io.Writer) error) (err error) {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(folder, name))
	if err != nil {
		return err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	return write(f)
}
