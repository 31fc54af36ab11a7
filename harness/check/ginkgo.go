package check

import (
	"context"
	"strings"

	"github.com/onsi/ginkgo/v2"
)

// An Executor runs a check and tells in words why it is not as expected; nil when it is.
type Executor func(ctx context.Context, c *Check) error

// executor is what the specs call. A program runs the tree once, so there is one.
var executor Executor = func(context.Context, *Check) error {
	panic("check: no executor is set; call check.Use before running the specs")
}

// Use sets what runs the checks of the specs.
func Use(e Executor) { executor = e }

// selected tells which checks become specs.
var selected = func(*Check) bool { return true }

// Select makes specs only of the checks that wanted takes.
func Select(wanted func(*Check) bool) { selected = wanted }

// register makes a container of the suite, with one for each topic (the first two words of the ids), because Ginkgo's
// set-up is quadratic in siblings. The tree is built when the specs are run, after all checks have been added.
func register(s *Suite) {
	ginkgo.Describe(s.Title, func() {
		for _, t := range s.topics() {
			ginkgo.Describe(t.name, func() {
				for _, c := range t.checks {
					spec(c)
				}
			})
		}
	})
}

type topic struct {
	name   string
	checks []*Check
}

// topics groups the checks by the first two words of their ids, in order of appearance.
func (s *Suite) topics() (ts []*topic) {
	byName := map[string]*topic{}
	for _, c := range s.checks {
		if !selected(c) {
			continue
		}
		words := strings.SplitN(c.ID, ".", 3)
		name := strings.Join(words[:min(2, len(words))], ".")
		if byName[name] == nil {
			byName[name] = &topic{name: name}
			ts = append(ts, byName[name])
		}
		byName[name].checks = append(byName[name].checks, c)
	}
	return ts
}

func spec(c *Check) {
	ginkgo.It(c.ID+" "+c.Title, ginkgo.Label(c.Labels()...), func(ctx ginkgo.SpecContext) {
		if err := executor(ctx, c); err != nil {
			ginkgo.Fail(err.Error())
		}
	})
}

// Labels are what a filter can ask for: the suite, the id, the requirements, slow, and what is needed.
func (c *Check) Labels() []string {
	labels := append([]string{"suite:" + c.Suite.Name, "check:" + c.ID}, c.Requirements()...)
	if c.Slow {
		labels = append(labels, "slow")
	}
	for _, f := range c.Needs {
		labels = append(labels, "needs:"+string(f))
	}
	return labels
}
