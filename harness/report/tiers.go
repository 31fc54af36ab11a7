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
	Name   string `json:"name"`
	Checks int    `json:"checks"` // that are of this tier
	Run    int    `json:"run"`    // of them, those that were applicable
	// Lacking are the features that the others need and the target does not declare, with the number of checks that need
	// each, the most wanted first. A check may need several.
	Lacking []Lack `json:"lacking,omitempty"`
	Link    int    `json:"link,omitempty"` // checks of suites for another kind of link
}

// A Lack is a feature that a target does not declare.
type Lack struct {
	Feature string `json:"feature"`
	Checks  int    `json:"checks"`
	Alone   int    `json:"alone"` // of them, those that need nothing else that is lacking
}

// byAgent are the features that are used through an agent.
var byAgent = []target.Feature{ // never written
	target.Agent, target.Management, target.Management6, target.Interfaces, target.VLAN, target.Statistics, target.Events,
	target.Resolver, target.Ordering,
}

// Tiers counts the checks of a report by what a target has to have for them.
func (r *Report) Tiers() []Tier {
	tiers := []Tier{{Name: "frames"}, {Name: "frames and services"}, {Name: "frames and agent"}}
	lacks := make([]map[string]Lack, len(tiers))
	for _, c := range r.Checks {
		n := tierOf(c)
		t := &tiers[n]
		t.Checks++
		if c.Outcome != NotApplicable {
			t.Run++
			continue
		}
		wanted := r.Lacking(c)
		if len(wanted) == 0 {
			t.Link++
			continue
		}
		if lacks[n] == nil {
			lacks[n] = map[string]Lack{}
		}
		for _, f := range wanted {
			l := lacks[n][f]
			l.Feature = f
			l.Checks++
			if len(wanted) == 1 {
				l.Alone++
			}
			lacks[n][f] = l
		}
	}
	for n, by := range lacks {
		for _, f := range sortedKeys(by) {
			tiers[n].Lacking = append(tiers[n].Lacking, by[f])
		}
		slices.SortStableFunc(tiers[n].Lacking, func(a, b Lack) int { return b.Checks - a.Checks })
	}
	return slices.DeleteFunc(tiers, func(t Tier) bool { return t.Checks == 0 })
}

// Lacking are the features that a check needs and the target does not declare.
func (r *Report) Lacking(c Check) (all []string) {
	for _, f := range c.Needs {
		if !slices.Contains(r.Target.Features, f) && !slices.Contains(all, f) {
			all = append(all, f)
		}
	}
	return all
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
