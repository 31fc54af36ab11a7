package selftest

import (
	"cmp"
	_ "embed"
	"encoding/json"
	"html/template"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/conform-stack/conform/harness/internal/csp"
)

// File is the name of the page of the kill matrix.
const File = "selftest.html"

//go:embed page.html
var markup string

//go:embed page.css
var style string

//go:embed page.js
var script string

var document = template.Must(template.New(File).Parse(markup)) // never written

// Cell is one trial, or a group of benign ones, as the page shows it.
type cell struct {
	Check       string `json:"c"`
	Suite       string `json:"s"`
	Requirement string `json:"r,omitempty"` // empty for a benign mutant
	Mutant      string `json:"m"`
	Verdict     string `json:"v"` // killed, survived, passed, over-strict, unproven, not applicable
	Why         string `json:"w,omitempty"`
	Also        string `json:"a,omitempty"` // how many mutants of other checks it kills, of how many
}

// matrix is what the page shows: a row for each pair of check and requirement, one for the benign mutants of each check that
// it passed, and one for each that it did not.
func (r Result) matrix() []cell {
	var cells []cell
	type count struct{ killed, all int }
	foreign := map[string]count{}
	benign := map[string]*cell{}
	passed := map[string]int{}
	for _, t := range r.Trials {
		c := cell{Check: t.Check.ID, Suite: t.Check.Suite.Name, Requirement: t.Requirement, Mutant: t.Mutant, Why: t.Why}
		switch {
		case t.Foreign:
			n := foreign[c.Check]
			n.all++
			if t.Killed {
				n.killed++
			}
			foreign[c.Check] = n
			continue
		case t.Requirement == "" && t.OK:
			passed[c.Check]++
			c.Verdict = "passed"
			benign[c.Check] = &c
			continue
		case t.Requirement == "":
			c.Verdict = "over-strict"
		case t.OK:
			c.Verdict = "killed"
		default:
			c.Verdict = "survived"
		}
		cells = append(cells, c)
	}
	for id, c := range benign {
		c.Mutant = plural(passed[id], "benign mutant")
		cells = append(cells, *c)
	}
	for id, why := range r.Unproven {
		cells = append(cells, cell{Check: id, Verdict: "unproven", Why: why})
	}
	for id, why := range r.NotApplicable {
		cells = append(cells, cell{Check: id, Verdict: "not applicable", Why: why})
	}
	for i := range cells {
		if n, ok := foreign[cells[i].Check]; ok && cells[i].Verdict == "killed" {
			cells[i].Also = plural(n.killed, "mutant") + " of " + plural(n.all, "other")
		}
	}
	order := []string{"survived", "over-strict", "unproven", "killed", "passed", "not applicable"}
	slices.SortStableFunc(cells, func(a, b cell) int {
		return cmp.Or(cmp.Compare(min(slices.Index(order, a.Verdict), 3), min(slices.Index(order, b.Verdict), 3)), strings.Compare(a.Check, b.Check),
			cmp.Compare(slices.Index(order, a.Verdict), slices.Index(order, b.Verdict)), strings.Compare(a.Requirement, b.Requirement))
	})
	return cells
}

// WritePage writes the kill matrix as one HTML file: check by requirement by mutation, with a filter. It needs no network, and
// nothing in it is read as markup.
func (r Result) WritePage(w io.Writer, target string) error {
	var summary strings.Builder
	r.printTotals(&summary)
	encoded, err := json.Marshal(map[string]any{"cells": r.matrix()}) // escapes <, > and &
	if err != nil {
		return err
	}
	return document.Execute(w, struct {
		Target, Policy, Verdict string
		Good                    bool
		Style                   template.CSS
		Script                  template.JS
		Data                    template.JS
		Suites, Totals          []string
	}{
		Target: target, Good: len(r.Weak()) == 0,
		Policy: csp.Policy(style, script),
		Style:  template.CSS(style), Script: template.JS(script), Data: template.JS(encoded),
		Suites: r.suites(), Totals: strings.Split(strings.TrimSpace(summary.String()), "\n"),
	})
}

func (r Result) suites() []string {
	names := map[string]bool{}
	for _, t := range r.Trials {
		names[t.Check.Suite.Name] = true
	}
	return slices.Sorted(maps.Keys(names))
}
