package run

import (
	"context"
	"time"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/judge"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/replay"
	"github.com/conform-stack/conform/harness/report"
	"github.com/conform-stack/conform/harness/requirement"
)

// Replay plays scenarios against the target and makes a report, in which each role of each scenario is a check. The
// selection and the expectations of the options are not used: a capture is what is expected.
func Replay(ctx context.Context, o Options, scenarios []*replay.Scenario) (*report.Report, error) {
	catalogue, err := requirement.Load()
	if err != nil {
		return nil, err
	}
	var ids []string
	var results []check.Result
	var began []time.Time
	for _, s := range scenarios {
		start := time.Now()
		rs, err := s.Run(ctx, o.Target, replay.Options{Seed: o.Seed, Tolerance: o.Tolerance, Judge: stranger})
		if err != nil {
			return nil, err
		}
		for _, r := range rs {
			ids = append(ids, r.ID())
			results = append(results, r.Check())
			began = append(began, start)
		}
	}
	session := begin(o, catalogue, ids)
	for i, r := range results {
		_ = session.record(r, began[i]) // what is not as captured is in the report
	}
	if ctx.Err() != nil {
		session.Interrupt()
	}
	return session.Finish()
}

// stranger makes a judge that is told nothing of the target.
func stranger() func(*packet.Frame, bool) []check.Finding {
	j := judge.New(judge.Options{})
	return func(f *packet.Frame, fromTarget bool) []check.Finding { return judged(j, f, fromTarget) }
}
