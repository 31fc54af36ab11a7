package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// noInit keeps the stack free of registration: what a node is made of is read in one place, package stack, and a
// program pays for what it names.
func noInit(p *pkg, report report) {
	if !p.in("stack") {
		return
	}
	for _, f := range p.files {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				report(fn.Pos(), "the stack registers nothing in init: package stack wires a node by name")
			}
		}
	}
}

// noState keeps the stack free of package-level state: many nodes live in one process, on several loops, and what they
// share would be a race between them and a difference between two runs of one seed. Tables and errors are variables to
// Go; they may stand as long as nothing writes them.
func noState(p *pkg, report report) {
	if !p.in("stack") {
		return
	}
	for _, f := range p.files {
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR && !f.test {
				for _, s := range g.Specs {
					made(s.(*ast.ValueSpec), report)
				}
			}
		}
	}
	written(p, report)
}

// made reports variables that are made to be changed: locks, pools, counters, channels, pointers.
func made(s *ast.ValueSpec, report report) {
	kind := func(e ast.Expr) string {
		if star, ok := e.(*ast.StarExpr); ok {
			e = star.X
		}
		switch e := e.(type) {
		case *ast.ChanType:
			return "a channel"
		case *ast.SelectorExpr:
			if x, ok := e.X.(*ast.Ident); ok && (x.Name == "sync" || x.Name == "atomic" || x.Name == "rand") {
				return "a " + x.Name + "." + e.Sel.Name
			}
		}
		return ""
	}
	for i, name := range s.Names {
		what := ""
		if s.Type != nil {
			what = kind(s.Type)
		}
		if i < len(s.Values) && what == "" {
			switch v := s.Values[i].(type) {
			case *ast.UnaryExpr:
				if v.Op == token.AND {
					what = "a pointer to something that can be changed"
				}
			case *ast.CompositeLit:
				what = kind(v.Type)
			case *ast.CallExpr:
				if fn, ok := v.Fun.(*ast.Ident); ok && fn.Name == "make" && len(v.Args) > 0 {
					what = kind(v.Args[0])
				} else if ok && fn.Name == "new" {
					what = "a pointer to something that can be changed"
				}
			}
		}
		if what != "" && name.Name != "_" {
			report(name.Pos(), "package-level %s is %s: it belongs into the node", name.Name, what)
		}
	}
}

// written reports statements that change a package-level variable.
func written(p *pkg, report report) {
	tp, info := p.uses()
	write := func(e ast.Expr) {
		if v := root(e); v != nil {
			if obj, ok := info.Uses[v].(*types.Var); ok && obj.Parent() == tp.Scope() {
				report(v.Pos(), "package-level %s is written: state belongs into the node", v.Name)
			}
		}
	}
	for _, f := range p.files {
		if f.test {
			continue
		}
		ast.Inspect(f.File, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					for _, e := range n.Lhs {
						write(e)
					}
				}
			case *ast.IncDecStmt:
				write(n.X)
			case *ast.RangeStmt:
				if n.Tok == token.ASSIGN {
					write(n.Key)
					write(n.Value)
				}
			case *ast.UnaryExpr:
				if n.Op == token.AND { // whoever has the address can write
					write(n.X)
				}
			case *ast.CallExpr:
				if fn, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && slices.Contains([]string{"delete", "clear", "copy", "append"}, fn.Name) {
					write(n.Args[0])
				}
			}
			return true
		})
	}
}

// root is the variable that an expression is a part of: v of v.f[i]. nil when there is none.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		default:
			return nil
		}
	}
}
