package run

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/onsi/ginkgo/v2/types"

	"github.com/conform-stack/conform/harness/check"
)

// A Selection says which checks are run.
type Selection struct {
	Suites []string // empty for all
	Checks []string // ids; empty for all
	Filter string   // a Ginkgo label filter over check:ID, requirement ids, slow, needs:F; empty for all
	Shard  Part     // of a run that the user has cut over machines
	Worker Part     // of the shard, for --jobs
}

// A Part is the I-th of N, from 1. The zero Part is the whole.
type Part struct{ I, N int }

// ParsePart reads I/N.
func ParsePart(s string) (p Part, err error) {
	i, n, ok := strings.Cut(s, "/")
	if ok {
		p.I, err = strconv.Atoi(i)
	}
	if ok && err == nil {
		p.N, err = strconv.Atoi(n)
	}
	if !ok || err != nil || p.N < 1 || p.I < 1 || p.I > p.N {
		return Part{}, fmt.Errorf("%q is not a part: it takes the form I/N, I from 1 to N", s)
	}
	return p, nil
}

func (p Part) String() string {
	if p.N == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", p.I, p.N)
}

// has tells whether the i-th of a list, from 0, is in the part.
func (p Part) has(i int) bool { return p.N == 0 || i%p.N == p.I-1 }

// shardName tells a part from the whole in a report.
func (s Selection) shardName() string {
	switch {
	case s.Worker.N > 1 && s.Shard.N > 1:
		return s.Shard.String() + " " + s.Worker.String()
	case s.Worker.N > 1:
		return s.Worker.String()
	case s.Shard.N > 1:
		return s.Shard.String()
	}
	return ""
}

// pick gives the ids of the whole selection and the checks of this part of it.
func (s Selection) pick() (all []string, mine []*check.Check, err error) {
	accept := func([]string) bool { return true }
	if s.Filter != "" {
		f, err := types.ParseLabelFilter(s.Filter)
		if err != nil {
			return nil, nil, fmt.Errorf("--filter %q: %s", s.Filter, oneLine(err.Error()))
		}
		accept = f
	}
	names := map[string]bool{}
	ids := map[string]bool{}
	var suites []string
	for _, suite := range check.Suites() {
		names[suite.Name] = true
		suites = append(suites, suite.Name)
		for _, c := range suite.Checks() {
			ids[c.ID] = true
		}
	}
	slices.Sort(suites)
	for _, name := range s.Suites {
		if !names[name] {
			return nil, nil, fmt.Errorf("there is no suite %q; there are %s", name, strings.Join(suites, ", "))
		}
	}
	for _, id := range s.Checks {
		if !ids[id] {
			return nil, nil, fmt.Errorf("there is no check %q; conform list shows them", id)
		}
	}
	var chosen []*check.Check
	for _, suite := range check.Suites() {
		if len(s.Suites) > 0 && !slices.Contains(s.Suites, suite.Name) {
			continue
		}
		for _, c := range suite.Checks() {
			if len(s.Checks) > 0 && !slices.Contains(s.Checks, c.ID) || !accept(c.Labels()) {
				continue
			}
			all = append(all, c.ID)
			chosen = append(chosen, c)
		}
	}
	slowFirst := func(a, b *check.Check) int {
		switch {
		case a.Slow == b.Slow:
			return 0
		case a.Slow:
			return -1
		}
		return 1
	}
	slices.SortStableFunc(chosen, slowFirst) // dealt out one by one, so that no part gets all of them
	for i, c := range chosen {
		if s.Shard.has(i) {
			mine = append(mine, c)
		}
	}
	return all, s.Worker.deal(mine), nil
}

// split parts the checks that may run beside others from those that may not.
func split(checks []*check.Check) (together, alone []*check.Check) {
	for _, c := range checks {
		if c.Crowds {
			alone = append(alone, c)
		} else {
			together = append(together, c)
		}
	}
	return together, alone
}

// deal gives the checks of a worker. Those that may not run beside others are the last one's, which begins when the others
// have ended.
func (p Part) deal(checks []*check.Check) (mine []*check.Check) {
	together, alone := split(checks)
	switch {
	case p.N <= 1:
		return checks
	case len(alone) > 0 && p.I == p.N:
		return alone
	case len(alone) > 0:
		p.N--
	}
	for i, c := range together {
		if p.has(i) {
			mine = append(mine, c)
		}
	}
	return mine
}

// workers tells how many processes run the checks, at most so many of them at a time, and whether the last of them waits
// for the others.
func workers(checks []*check.Check, jobs int) (n int, last bool) {
	together, alone := split(checks)
	n = min(jobs, max(1, len(together)))
	if len(alone) == 0 || len(together) == 0 {
		return n, false
	}
	return n + 1, true
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
