package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/conform-stack/conform/stack/config"
)

func configCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "List, explain and check what the reference stack can be configured to",
		Long: "The reference stack is configured by fragments of Kconfig's notation, with Zephyr's names. A later fragment wins over an\n" +
			"earlier one; below them all stands a profile. docs/configuration.md describes every symbol.",
	}
	cmd.AddCommand(configListCommand(), configExplainCommand(), configCheckCommand())
	return cmd
}

func configListCommand() *cobra.Command {
	var profile, layer string
	var text bool
	cmd := &cobra.Command{
		Use:   "list [FILE...]",
		Short: "List the symbols with their values in a profile, or with fragments over it",
		RunE: func(cmd *cobra.Command, files []string) error {
			c, err := loadConfig(profile, files)
			if err != nil {
				return err
			}
			if text {
				out, err := config.Text(c)
				if err != nil {
					return err
				}
				_, err = io.WriteString(cmd.OutOrStdout(), out)
				return err
			}
			return listSymbols(cmd.OutOrStdout(), c, layer)
		},
	}
	profileFlag(cmd, &profile)
	cmd.Flags().StringVar(&layer, "layer", "", "only symbols of this one: "+strings.Join(layerNames(), ", "))
	cmd.Flags().BoolVar(&text, "text", false, "as a fragment, with nothing left out that has an effect")
	cmd.MarkFlagsMutuallyExclusive("layer", "text")
	return cmd
}

func configExplainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain SYMBOL...",
		Short: "Tell what there is to know of symbols; CONFIG_ may be left out",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, names []string) error {
			for i, name := range names {
				s := config.Find(strings.ToUpper(name))
				if s == nil {
					return fmt.Errorf("there is no %s; the nearest is CONFIG_%s", name, config.Nearest(strings.TrimPrefix(strings.ToUpper(name), "CONFIG_")))
				}
				if i > 0 {
					fmt.Fprintln(cmd.OutOrStdout())
				}
				fmt.Fprint(cmd.OutOrStdout(), config.Explain(s))
			}
			return nil
		},
	}
}

func configCheckCommand() *cobra.Command {
	var profile string
	cmd := &cobra.Command{
		Use:   "check FILE...",
		Short: "Check fragments, taken together: later ones win",
		Long: "Check fragments, taken together: later ones win. What is wrong is told in one sentence each, all at once, and the exit code\n" +
			"is 2. Warnings alone do not change it.",
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, files []string) error {
			fragments, err := readFragments(files)
			if err != nil {
				return err
			}
			_, problems := config.Check(config.Config{Profile: config.Profile(profile)}, fragments...)
			wrong := 0
			for _, p := range problems {
				fmt.Fprintln(cmd.ErrOrStderr(), p)
				if !p.Warning {
					wrong++
				}
			}
			if wrong > 0 {
				return exit{code: exitUsage}
			}
			settings := 0
			for _, f := range fragments {
				list, _ := config.Parse(f)
				settings += len(list)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d settings, %d warnings: good\n", settings, len(problems))
			return nil
		},
	}
	profileFlag(cmd, &profile)
	return cmd
}

func profileFlag(cmd *cobra.Command, profile *string) {
	cmd.Flags().StringVar(profile, "profile", "rfc", "what stands below the fragments: rfc, zephyr; a fragment may name another")
}

func readFragments(files []string) ([]config.Fragment, error) {
	var list []config.Fragment
	for _, name := range files {
		f, err := config.File(name)
		if err != nil {
			return nil, err
		}
		list = append(list, f)
	}
	return list, nil
}

// loadConfig is a profile with fragments over it.
func loadConfig(profile string, files []string) (config.Config, error) {
	fragments, err := readFragments(files)
	if err != nil {
		return config.Config{}, err
	}
	return config.Load(config.Config{Profile: config.Profile(profile)}, fragments...)
}

func layerNames() []string {
	var names []string
	for _, l := range config.Layers() {
		names = append(names, l.Name)
	}
	return names
}

func listSymbols(out io.Writer, c config.Config, layer string) error {
	if layer != "" && !slices.Contains(layerNames(), layer) {
		return fmt.Errorf("there is no layer %q; there are %s", layer, strings.Join(layerNames(), ", "))
	}
	settings, err := config.Settings(c)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	count := 0
	for _, s := range settings {
		if layer != "" && config.LayerOf(s.Symbol).Name != layer {
			continue
		}
		count++
		takes, off := s.Symbol.Type.String(), ""
		if r := s.Symbol.Range(); r != "" {
			takes = r
		}
		if !s.Active {
			off = " (needs " + s.Symbol.Depends + ")"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s%s\n", s.Symbol.Full(), s.Value, takes, s.Symbol.Prompt, off)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d symbols\n", count)
	return nil
}
