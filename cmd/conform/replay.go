package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/conform-stack/conform/harness/replay"
	"github.com/conform-stack/conform/harness/requirement"
	"github.com/conform-stack/conform/harness/run"
)

func replayCommand() *cobra.Command {
	var t targetFlags
	o := run.Options{Level: requirement.Advisory}
	var evidence string
	cmd := &cobra.Command{
		Use:   "replay [FILE...]",
		Short: "Replay captures against a target",
		Long: "Play the peer's half of each capture against the target and compare what it answers. FILE is a scenario (.yaml) or a\n" +
			"capture; without one, the fixtures that come with conform are played.\n\n" +
			"Exit codes: 0 as captured, 1 not, 2 a mistake in the use, 130 interrupted.",
		RunE: func(cmd *cobra.Command, files []string) error {
			scenarios, err := loadScenarios(files)
			if err != nil {
				return err
			}
			tgt, err := t.open()
			if err != nil {
				return err
			}
			defer tgt.Close()
			o.Target, o.Evidence = tgt, run.Evidence(evidence)
			r, err := run.Replay(cmd.Context(), o, scenarios)
			return conclude(cmd.OutOrStdout(), r, o.Out, true, err)
		},
	}
	t.add(cmd)
	fl := cmd.Flags()
	fl.DurationVar(&o.Tolerance, "tolerance", 200*time.Millisecond, "added to how long an answer of a live target is waited for")
	fl.Uint64Var(&o.Seed, "seed", 1, "of every random choice")
	fl.StringVar(&evidence, "evidence", "fail", "keep captures of: all, fail, none")
	fl.StringVar(&o.Out, "out", "conform-report", "the folder of the report")
	return cmd
}

func loadScenarios(files []string) ([]*replay.Scenario, error) {
	if len(files) == 0 {
		return replay.Builtin()
	}
	var all []*replay.Scenario
	for _, f := range files {
		s, err := replay.Load(f)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}
