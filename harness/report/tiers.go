package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/conform-stack/conform/harness/target"
)

// A Tier is what a target can have beside its stack, and the checks that ask for it. A target of frames alone is the first;
// an unmodified echo service, or an agent, makes it one of more checks.
type Tier struct {
	Name   string
	Checks int // that are of this tier
	Run    int // of them, those that were applicable
	// Lacking are the features that the others need and the target does not declare, with the number of checks that need
	// each, the most wanted first. A check may need several.
	Lacking []Lack
	Link    int // checks of suites for another kind of link
}

// A Lack is a feature that a target does not declare.
type Lack struct {
	Feature string
	Checks  int
}

// byAgent are the features that are used through an agent.
var byAgent = []target.Feature{ // never written
	target.Agent, target.Management, target.Management6, target.Interfaces, target.VLAN, target.Statistics, target.Events,
	target.Resolver, target.Ordering,
}

// Tiers counts the checks of a report by what a target has to have for them.
func (r *Report) Tiers() []Tier {
	tiers := []Tier{{Name: "frames"}, {Name: "frames and services"}, {Name: "frames and agent"}}
	lacks := make([]map[string]int, len(tiers))
	for _, c := range r.Checks {
		n := tierOf(c)
		t := &tiers[n]
		t.Checks++
		if c.Outcome != NotApplicable {
			t.Run++
			continue
		}
		found := false
		for _, f := range c.Needs {
			if slices.Contains(r.Target.Features, f) {
				continue
			}
			if lacks[n] == nil {
				lacks[n] = map[string]int{}
			}
			lacks[n][f]++
			found = true
		}
		if !found {
			t.Link++
		}
	}
	for n, by := range lacks {
		for _, f := range sortedKeys(by) {
			tiers[n].Lacking = append(tiers[n].Lacking, Lack{f, by[f]})
		}
		slices.SortStableFunc(tiers[n].Lacking, func(a, b Lack) int { return b.Checks - a.Checks })
	}
	return slices.DeleteFunc(tiers, func(t Tier) bool { return t.Checks == 0 })
}

func tierOf(c Check) int {
	echo := false
	for _, f := range c.Needs {
		if slices.Contains(byAgent, target.Feature(f)) {
			return 2
		}
		echo = echo || f == string(target.UDPEcho)
	}
	if echo {
		return 1
	}
	return 0
}

// maxLacks is how many of the features that are lacking a line names.
const maxLacks = 6

// String is the tier in one line, without its name.
func (t Tier) String() string {
	line := fmt.Sprintf("%d of %s run", t.Run, plural(t.Checks, "check"))
	var words []string
	for i, l := range t.Lacking {
		if i == maxLacks {
			words = append(words, fmt.Sprintf("and %d more", len(t.Lacking)-i))
			break
		}
		words = append(words, fmt.Sprintf("%s %d", l.Feature, l.Checks))
	}
	if len(words) > 0 {
		line += "; others need " + strings.Join(words, ", ")
	}
	if t.Link > 0 {
		line += fmt.Sprintf("; %d for another kind of link", t.Link)
	}
	return line
}

// partial tells whether there are checks that the target cannot be asked.
func (r *Report) partial() bool { return r.Summary[NotApplicable] > 0 }
