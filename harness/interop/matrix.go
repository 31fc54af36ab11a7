package interop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/conform-stack/conform/harness/judge"
	"github.com/conform-stack/conform/harness/report"
	"github.com/conform-stack/conform/harness/run"
	"github.com/conform-stack/conform/harness/target"
)

// Schema names the format of interop.json. Fields may be added to it, none is taken away.
const Schema = "conform.interop/v1"

// A Matrix is all pairs, each with all scenarios.
type Matrix struct {
	Schema  string          `json:"schema"`
	Targets []report.Target `json:"targets"`
	Seed    uint64          `json:"seed"`
	Cells   []Cell          `json:"cells"`
	// Interrupted says that not all cells were played.
	Interrupted bool `json:"interrupted,omitempty"`
}

// A Cell is one scenario, played by one pair.
type Cell struct {
	A        string         `json:"a"`
	B        string         `json:"b"`
	Scenario string         `json:"scenario"`
	Title    string         `json:"title"`
	Outcome  report.Outcome `json:"outcome"` // pass, fail, not-applicable, error
	Message  string         `json:"message,omitempty"`
	// Blame are the sides that broke a rule, as a and b, apart from what is expected of them.
	Blame     []string  `json:"blame,omitempty"`
	Findings  []Finding `json:"findings,omitempty"`
	VirtualMS int64     `json:"virtual_ms,omitempty"` // 0 where time is not virtual
	WallMS    int64     `json:"wall_ms"`
	Evidence  string    `json:"evidence,omitempty"`
}

// A Finding is a rule that a side broke.
type Finding struct {
	Side        string `json:"side"` // a or b
	Requirement string `json:"requirement"`
	Text        string `json:"text"`
	Expected    string `json:"expected,omitempty"` // why it is no surprise
	Count       int    `json:"count"`
}

// Options are what a matrix is played with.
type Options struct {
	Seed     uint64
	Only     []string     // names of scenarios, with or without the family; nil for all
	Evidence run.Evidence // of which cells a capture is kept
	Jobs     int          // cells that are played side by side; 0 is one
	Out      string       // the folder of the report; empty writes nothing
	// Expected tells why a finding against a target is no surprise, "" when it is one. Nil expects nothing.
	Expected func(of target.Info, requirement string) string
	Progress func(Cell)
}

// A Pair is two targets in their roles.
type Pair struct{ A, B target.Target }

// Pairs are all pairs of different targets, in both roles; of one target, the pair with itself.
func Pairs(ts []target.Target) (ps []Pair) {
	if len(ts) == 1 {
		return []Pair{{ts[0], ts[0]}}
	}
	for _, a := range ts {
		for _, b := range ts {
			if a != b {
				ps = append(ps, Pair{a, b})
			}
		}
	}
	return ps
}

// Choose are the scenarios of these names; all for none. A name without a family stands for both.
func Choose(names []string) (chosen []*Scenario, err error) {
	all := Scenarios()
	if len(names) == 0 {
		return all, nil
	}
	for _, name := range names {
		n := len(chosen)
		for _, sc := range all {
			if sc.ID() == name || sc.Name == name {
				chosen = append(chosen, sc)
			}
		}
		if len(chosen) == n {
			return nil, fmt.Errorf("no scenario is called %q: there are %s", name, strings.Join(distinct(all), ", "))
		}
	}
	return chosen, nil
}

func distinct(all []*Scenario) (names []string) {
	for _, sc := range all {
		if !slices.Contains(names, sc.Name) {
			names = append(names, sc.Name)
		}
	}
	return names
}

// Play plays all scenarios with all pairs. Its error is one of the use; what does not work stands in the cells.
func Play(ctx context.Context, pairs []Pair, o Options) (*Matrix, error) {
	scenarios, err := Choose(o.Only)
	if err != nil {
		return nil, err
	}
	m := &Matrix{Schema: Schema, Seed: o.Seed, Cells: []Cell{}}
	seen := map[target.Target]bool{}
	for _, p := range pairs {
		for _, t := range []target.Target{p.A, p.B} {
			if !seen[t] {
				seen[t] = true
				m.Targets = append(m.Targets, describe(t.Info()))
			}
		}
		if !p.B.Info().Has(target.Placed) {
			return nil, fmt.Errorf("%s cannot be given its addresses: it can be side a alone, and its peer has to be one that can", p.B.Info().Name)
		}
	}
	type play struct {
		pair     Pair
		scenario *Scenario
	}
	var plays []play
	for _, p := range pairs {
		for _, sc := range scenarios {
			plays = append(plays, play{p, sc})
		}
	}
	// Each cell has worlds of its own, so that several are played side by side. They stand in the order of the plays.
	cells, errs := make([]*Cell, len(plays)), make([]error, len(plays))
	var mu sync.Mutex // of o.Progress
	var playing sync.WaitGroup
	places := make(chan struct{}, max(1, o.Jobs))
	for i, pl := range plays {
		places <- struct{}{}
		playing.Go(func() {
			defer func() { <-places }()
			if ctx.Err() != nil {
				return
			}
			c, err := o.cell(ctx, pl.pair, pl.scenario)
			if ctx.Err() != nil {
				return
			}
			cells[i], errs[i] = &c, err
			if o.Progress != nil {
				mu.Lock()
				defer mu.Unlock()
				o.Progress(c)
			}
		})
	}
	playing.Wait()
	for _, c := range cells {
		if c != nil {
			m.Cells = append(m.Cells, *c)
		} else {
			m.Interrupted = true
		}
	}
	return m, errors.Join(errs...)
}

func describe(i target.Info) report.Target {
	return report.Target{Kind: i.Kind, Name: i.Name, Version: i.Version, Virtual: i.Virtual}
}

// cell plays one scenario with one pair.
func (o *Options) cell(ctx context.Context, p Pair, sc *Scenario) (c Cell, err error) {
	began := time.Now()
	c = Cell{A: p.A.Info().Name, B: p.B.Info().Name, Scenario: sc.ID(), Title: sc.Title}
	defer func() { c.WallMS = time.Since(began).Milliseconds() }()
	for i, t := range []target.Target{p.A, p.B} {
		for _, f := range sc.needs(i) {
			if !t.Info().Has(f) {
				c.Outcome, c.Message = report.NotApplicable, fmt.Sprintf("%s does not declare %q", t.Info().Name, f)
				return c, nil
			}
		}
	}
	sides, err := open(ctx, p.A, p.B, sc, o.Seed)
	if err != nil {
		c.Outcome, c.Message = report.Error, err.Error()
		return c, nil
	}
	s := newStage(ctx, sides[0], sides[1], sc, o.Seed)
	c.Outcome, c.Message = outcome(s.play(sc.Body))
	if s.wire.virtual {
		c.VirtualMS = s.wire.now.Milliseconds()
	}
	for _, side := range sides {
		if err := side.world.Close(); err != nil && c.Outcome == report.Pass {
			c.Outcome, c.Message = report.Error, side.wrap(err).Error()
		}
		c.Findings = append(c.Findings, o.findings(side)...)
	}
	for _, f := range c.Findings {
		if f.Expected == "" && !slices.Contains(c.Blame, f.Side) {
			c.Blame = append(c.Blame, f.Side)
		}
	}
	if len(c.Blame) > 0 && c.Outcome == report.Pass {
		c.Outcome, c.Message = report.Fail, "it worked, and yet a rule was broken"
	}
	if o.keeps(c) {
		c.Evidence, err = s.write(o.Out, c)
	}
	return c, err
}

func outcome(err error) (report.Outcome, string) {
	var missing errLacking
	var fault errBroken
	switch {
	case err == nil:
		return report.Pass, ""
	case errors.As(err, &missing):
		return report.NotApplicable, missing.Error()
	case errors.As(err, &fault):
		return report.Error, fault.Error()
	}
	return report.Fail, err.Error()
}

// findings are those of a side, each requirement once.
func (o *Options) findings(s *Side) (fs []Finding) {
	byRequirement := map[string][]judge.Finding{}
	var order []string
	for _, f := range s.found {
		if byRequirement[f.Requirement] == nil {
			order = append(order, f.Requirement)
		}
		byRequirement[f.Requirement] = append(byRequirement[f.Requirement], f)
	}
	for _, r := range order {
		f := Finding{Side: s.Role, Requirement: r, Text: byRequirement[r][0].String(), Count: len(byRequirement[r])}
		if o.Expected != nil {
			f.Expected = o.Expected(s.Info, r)
		}
		fs = append(fs, f)
	}
	return fs
}

func (o *Options) keeps(c Cell) bool {
	switch {
	case o.Out == "" || c.Outcome == report.NotApplicable:
		return false
	case o.Evidence == run.EvidenceAll:
		return true
	}
	return o.Evidence == run.EvidenceFail && c.Outcome != report.Pass
}

// AsExpected tells whether all that could be played worked, and no rule was broken.
func (m *Matrix) AsExpected() bool {
	for _, c := range m.Cells {
		if c.Outcome != report.Pass && c.Outcome != report.NotApplicable {
			return false
		}
	}
	return !m.Interrupted
}

// Count counts the cells of an outcome.
func (m *Matrix) Count(o report.Outcome) (n int) {
	for _, c := range m.Cells {
		if c.Outcome == o {
			n++
		}
	}
	return n
}
