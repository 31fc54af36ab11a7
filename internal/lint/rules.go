package main

import (
	"cmp"
	"fmt"
	"go/token"
	"slices"
)

// A rule finds in one package what breaks a law.
type rule struct {
	name  string
	check func(*pkg, report)
}

// report takes a fault, as a sentence.
type report func(pos token.Pos, format string, args ...any)

// rules are all of them. A rule's comment says which law it enforces and why the law is there.
var rules = []rule{
	{"imports", imports},
	{"layers", layers},
	{"clock", wallClock},
	{"ginkgo", bareGinkgo},
	{"init", noInit},
	{"state", noState},
	{"marks", noMarks},
	{"docs", documented},
}

// A fault is one place where a rule is broken.
type fault struct {
	pos  token.Position
	rule string
	text string
}

func (f fault) String() string {
	return fmt.Sprintf("%s:%d: %s: %s", f.pos.Filename, f.pos.Line, f.rule, f.text)
}

// lint holds every package against every rule. The faults are in order of file and line.
func lint(pkgs []*pkg) (faults []fault) {
	for _, p := range pkgs {
		for _, r := range rules {
			r.check(p, func(pos token.Pos, format string, args ...any) {
				faults = append(faults, fault{p.fset.Position(pos), r.name, fmt.Sprintf(format, args...)})
			})
		}
	}
	slices.SortStableFunc(faults, func(a, b fault) int {
		return cmp.Or(cmp.Compare(a.pos.Filename, b.pos.Filename), cmp.Compare(a.pos.Line, b.pos.Line))
	})
	return faults
}
