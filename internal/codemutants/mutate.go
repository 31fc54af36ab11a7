package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A mutant is one change, made of edits that leave the lines of the file where they are. The edits of several mutants nest.
type mutant struct {
	file      string
	line      int
	operation string
	text      string // what is changed
	typed     bool   // its operands have to be of one type: the first to go when a line does not compile
	edits     func(n int) []edit
}

func (m mutant) String() string {
	return fmt.Sprintf("%s %s %s", m.place(), m.operation, m.text)
}

// place is file:line.
func (m mutant) place() string { return fmt.Sprintf("%s:%d", m.file, m.line) }

// find gives the mutants of a package.
func find(folder, only string, counters bool) (all []mutant, err error) {
	names, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		base := filepath.Base(name)
		begins := func(p string) bool { return strings.HasPrefix(base, p) }
		if strings.HasSuffix(name, "_test.go") || !slices.ContainsFunc(strings.Split(only, ","), begins) {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		found, err := mutants(name, b, counters)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// mutants are the changes of one file, the outer ones first.
func mutants(name string, source []byte, counters bool) ([]mutant, error) {
	f := finder{name: name, source: source, set: token.NewFileSet(), counters: counters}
	file, err := parser.ParseFile(f.set, name, source, 0)
	if err != nil {
		return nil, err
	}
	for _, d := range file.Decls {
		if function, ok := d.(*ast.FuncDecl); ok && function.Body != nil && function.Name.Name != "String" {
			ast.Inspect(function.Body, func(n ast.Node) bool {
				f.visit(n)
				return true
			})
		}
	}
	return f.all, nil
}

// A finder collects the mutants of a file.
type finder struct {
	name     string
	source   []byte
	set      *token.FileSet
	counters bool // what only counts is left out, too
	all      []mutant
}

func (f *finder) at(p token.Pos) int     { return f.set.Position(p).Offset }
func (f *finder) text(n ast.Node) string { return string(f.source[f.at(n.Pos()):f.at(n.End())]) }

func (f *finder) add(operation string, n ast.Node, edits func(n int) []edit) {
	f.all = append(f.all, mutant{f.name, f.set.Position(n.Pos()).Line, operation, brief([]byte(f.text(n))), false, edits})
}

// typed is add for what becomes a call that has operands of one type.
func (f *finder) typed(operation string, n ast.Node, edits func(n int) []edit) {
	f.add(operation, n, edits)
	f.all[len(f.all)-1].typed = true
}

func (f *finder) around(n ast.Node, open, close string) []edit {
	return []edit{{f.at(n.Pos()), f.at(n.Pos()), open, false}, {f.at(n.End()), f.at(n.End()), close, true}}
}

func (f *finder) visit(n ast.Node) {
	switch n := n.(type) {
	case *ast.BlockStmt:
		for _, s := range n.List {
			f.removable(s)
		}
	case *ast.CaseClause:
		for _, s := range n.Body {
			f.removable(s)
		}
	case *ast.IfStmt:
		f.condition(n.Cond)
	case *ast.SwitchStmt:
		for _, s := range n.Body.List {
			for _, e := range s.(*ast.CaseClause).List {
				if n.Tag == nil {
					f.condition(e)
				} else {
					f.value(e)
				}
			}
		}
	case *ast.ReturnStmt:
		for _, e := range n.Results {
			f.truth(e)
		}
	case *ast.AssignStmt:
		for _, e := range n.Rhs {
			f.truth(e)
		}
	case *ast.CallExpr:
		f.leastOrMost(n)
	case *ast.BinaryExpr:
		f.binary(n)
	}
}

// removable leaves a statement out.
func (f *finder) removable(s ast.Stmt) {
	switch s := s.(type) {
	case *ast.ExprStmt, *ast.IncDecStmt:
	case *ast.AssignStmt:
		if s.Tok == token.DEFINE {
			return
		}
	case *ast.ReturnStmt:
		if len(s.Results) > 0 {
			return
		}
	case *ast.BranchStmt:
		if s.Tok != token.BREAK && s.Tok != token.CONTINUE {
			return
		}
	default:
		return
	}
	if counts(s) && !f.counters {
		return
	}
	f.add("without", s, func(n int) []edit { return f.around(s, fmt.Sprintf("if !codeMutantIs(%d) { ", n), " }") })
}

// condition makes a condition one that never holds, and turns round one that is no comparison.
func (f *finder) condition(e ast.Expr) {
	f.add("never", e, func(n int) []edit { return f.around(e, "((", fmt.Sprintf(") && !codeMutantIs(%d))", n)) })
	if _, ok := e.(*ast.BinaryExpr); !ok {
		f.not(e)
	}
}

// value makes a value of a case one that is not met.
func (f *finder) value(e ast.Expr) {
	f.typed("never", e, func(n int) []edit { return f.around(e, fmt.Sprintf("codeMutantNone(%d, ", n), ")") })
}

func (f *finder) not(e ast.Expr) {
	f.add("not", e, func(n int) []edit { return f.around(e, "((", fmt.Sprintf(") != codeMutantIs(%d))", n)) })
}

// truth turns a constant round.
func (f *finder) truth(e ast.Expr) {
	if id, ok := e.(*ast.Ident); ok && (id.Name == "true" || id.Name == "false") {
		f.not(e)
	}
}

// operands of && that hold always, of || that never do.
func (f *finder) operands(b *ast.BinaryExpr) {
	for _, e := range []ast.Expr{b.X, b.Y} {
		if x, ok := e.(*ast.BinaryExpr); ok && x.Op == b.Op {
			continue // its own operands are
		}
		if b.Op == token.LOR {
			f.add("never", e, func(n int) []edit { return f.around(e, "((", fmt.Sprintf(") && !codeMutantIs(%d))", n)) })
		} else {
			f.add("always", e, func(n int) []edit { return f.around(e, "((", fmt.Sprintf(") || codeMutantIs(%d))", n)) })
		}
	}
}

// leastOrMost is min for max, and the other way round.
func (f *finder) leastOrMost(c *ast.CallExpr) {
	id, ok := c.Fun.(*ast.Ident)
	if !ok || len(c.Args) != 2 || id.Name != "min" && id.Name != "max" {
		return
	}
	f.typed("other end of", c, func(n int) []edit {
		return []edit{{f.at(c.Pos()), f.at(c.Lparen) + 1, fmt.Sprintf("codeMutantOneOf(%d, %t, ", n, id.Name == "max"), false}}
	})
}

func (f *finder) binary(b *ast.BinaryExpr) {
	if f.set.Position(b.Pos()).Line != f.set.Position(b.End()).Line {
		if b.Op == token.LAND || b.Op == token.LOR {
			f.operands(b)
		}
		return // its lines are to stay
	}
	operator := edit{f.at(b.OpPos), f.at(b.OpPos) + len(b.Op.String()), ", ", false}
	call := func(operation, function string, second bool) {
		f.typed(operation, b, func(n int) []edit {
			return append(f.around(b, fmt.Sprintf("%s(%d, %t, ", function, n, second), ")"), operator)
		})
	}
	switch b.Op {
	case token.LSS, token.LEQ, token.GTR, token.GEQ:
		f.add("boundary of", b, func(n int) []edit {
			return f.around(b, "((", fmt.Sprintf(") != (codeMutantIs(%d) && (%s) == (%s)))", n, f.text(b.X), f.text(b.Y)))
		})
		f.not(b)
	case token.EQL, token.NEQ:
		f.not(b)
	case token.LAND, token.LOR:
		f.not(b)
		f.operands(b)
	case token.ADD, token.SUB:
		call("other sign in", "codeMutantSum", b.Op == token.SUB)
	case token.MUL, token.QUO:
		call("other product in", "codeMutantProduct", b.Op == token.QUO)
	case token.AND, token.OR:
		call("other bits in", "codeMutantBits", b.Op == token.OR)
	case token.SHL, token.SHR:
		call("other shift in", "codeMutantShift", b.Op == token.SHR)
	}
}

// counts tells whether a statement only counts: the call of a method named drop, or Drop and more; an addition to a field of
// the statistics, which are those whose names and whose group's begin with a capital, or are reached by stats.
func counts(s ast.Stmt) bool {
	var to ast.Expr
	switch s := s.(type) {
	case *ast.ExprStmt:
		call, ok := s.X.(*ast.CallExpr)
		if !ok {
			return false
		}
		method, ok := call.Fun.(*ast.SelectorExpr)
		return ok && len(call.Args) > 0 && (method.Sel.Name == "drop" || strings.HasPrefix(method.Sel.Name, "Drop"))
	case *ast.IncDecStmt:
		to = s.X
	case *ast.AssignStmt:
		if s.Tok != token.ADD_ASSIGN {
			return false
		}
		to = s.Lhs[0]
	default:
		return false
	}
	field, ok := to.(*ast.SelectorExpr)
	if !ok || !field.Sel.IsExported() {
		return false
	}
	counted := false
	ast.Inspect(field.X, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			counted = counted || id.Name == "stats" || id.Name == "Stats"
		}
		return true
	})
	group, ok := field.X.(*ast.SelectorExpr)
	return counted || ok && group.Sel.IsExported()
}
