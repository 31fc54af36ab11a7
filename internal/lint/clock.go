package main

import (
	"go/ast"
	"slices"
)

// mayUseWallClock are the folders in which time is real. Everywhere else it comes from the loop or the world, so that
// minutes pass at once and the same seed gives the same bytes.
var mayUseWallClock = []string{
	"stack/clock/live",     // paces a loop
	"stack/socket/netconn", // deadlines
	"stack/driver/tap",
	"stack/driver/slip", // its tests
	"stack/driver/zep",
	"harness/target/live",
	"harness/target/linux",
	"harness/target/board", "harness/target/port", "harness/target/file",
	"harness/agent/sockets", "harness/agent/remote", "agents",
	"harness/userns",
	"internal/bench",       // what a stack costs
	"internal/codemutants", // a run of a mutant has a bound
	"harness/report/page",  // its tests wait for a browser
	"harness/run",          // how long a check took
	"harness/interop",      // real targets against each other
	"cmd",
}

// wall are the calls that read the clock or wait for it, by import path.
var wall = map[string][]string{
	"time":    {"Now", "Sleep", "After", "AfterFunc", "NewTimer", "NewTicker", "Tick", "Since", "Until"},
	"context": {"WithTimeout", "WithTimeoutCause", "WithDeadline", "WithDeadlineCause"},
}

// wallClock keeps the wall clock out of what runs in virtual time.
func wallClock(p *pkg, report report) {
	if p.in(mayUseWallClock...) {
		return
	}
	for _, f := range p.files {
		for path, calls := range wall {
			f.selects(path, func(n *ast.Ident) {
				if slices.Contains(calls, n.Name) {
					report(n.Pos(), "%s.%s is the wall clock: time comes from the loop or from the world", path, n.Name)
				}
			})
		}
	}
}

// selects calls found for each name that f takes from the package of an import path.
func (f *file) selects(path string, found func(*ast.Ident)) {
	names := f.qualifiers(path)
	dot := slices.Contains(names, ".")
	if len(names) == 0 {
		return
	}
	selected := map[*ast.Ident]bool{} // x.Name is not the bare Name of a dot import
	ast.Inspect(f.File, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			selected[n.Sel] = true
			if x, ok := n.X.(*ast.Ident); ok && slices.Contains(names, x.Name) {
				found(n.Sel)
			}
		case *ast.Ident:
			if dot && !selected[n] {
				found(n)
			}
		}
		return true
	})
}
