package run

import (
	"context"
	"time"

	"github.com/conform-stack/conform/harness/replay"
	"github.com/conform-stack/conform/harness/report"
	"github.com/conform-stack/conform/harness/requirement"
)

// Replay plays scenarios against the target and makes a report, in which each role of each scenario is a check. The
// selection of the options is not used. Expectations hold as for any run; those of checks of the suites concern nothing here.
func Replay(ctx context.Context, o Options, scenarios []*replay.Scenario) (*report.Report, error) {
	catalogue, err := requirement.Load()
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, s := range scenarios {
		for _, role := range s.Roles {
			ids = append(ids, s.ID(role))
		}
	}
	o.Partial = true
	session := begin(o, catalogue, ids)
	if session.expected, err = session.expectations(); err != nil {
		return nil, err
	}
	for _, s := range scenarios {
		for _, role := range s.Roles {
			began := time.Now()
			results, err := s.Run(ctx, o.Target, replay.Options{Seed: o.Seed, Roles: []string{role}, Tolerance: o.Tolerance, Judge: session.judge})
			if err != nil {
				return nil, err
			}
			for _, r := range results {
				_ = session.record(r.Check(), began) // what is not as captured is in the report
			}
			if ctx.Err() != nil {
				session.Interrupt()
				return session.Finish()
			}
		}
	}
	return session.Finish()
}

// replays are the checks that the fixtures make, for entries of expectations.
func replays() []requirement.CheckRef {
	scenarios, err := replay.Builtin()
	if err != nil {
		return nil // which the replay itself will tell
	}
	var refs []requirement.CheckRef
	for _, s := range scenarios {
		for _, role := range s.Roles {
			refs = append(refs, requirement.CheckRef{ID: s.ID(role), Requirements: s.Requirements(role)})
		}
	}
	return refs
}
