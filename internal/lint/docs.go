package main

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// known are methods whose name says it all, because the standard library says what they do.
var known = []string{
	"String", "GoString", "Format", "Error", "Unwrap", "Is", "As", "Len", "Less", "Swap", "Push", "Pop",
	"MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText", "MarshalYAML", "UnmarshalYAML",
	"Read", "Write", "Close", "Match", "FailureMessage", "NegatedFailureMessage",
}

// documented asks for a comment on everything that a reader of the package's documentation sees, and one on the
// package. Declarations that stand together without a blank line share the comment of the first; names in a block of
// constants or variables are left to whoever writes them, since the type often says it all.
func documented(p *pkg, report report) {
	if !p.in("harness", "stack", "conformance") {
		return
	}
	var product []*file
	for _, f := range p.files {
		if !f.test {
			product = append(product, f)
		}
	}
	if len(product) == 0 {
		return
	}
	if !slices.ContainsFunc(product, func(f *file) bool { return f.Doc != nil }) {
		report(product[0].Package, "package %s has no comment that says what it is for", product[0].Name.Name)
	}
	if strings.Contains(p.dir, "/internal/") { // read where it is used
		return
	}
	said := append(contracts(product), known...)
	for _, f := range product {
		line := func(pos token.Pos) int { return p.fset.Position(pos).Line }
		lastEnd, lastDoc := 0, false
		for _, d := range f.Decls {
			doc := comment(d) || lastDoc && line(d.Pos()) == lastEnd+1
			if !doc {
				bare(d, said, report)
			}
			lastEnd, lastDoc = line(d.End()), doc
		}
	}
}

func comment(d ast.Decl) bool {
	switch d := d.(type) {
	case *ast.FuncDecl:
		return d.Doc != nil
	case *ast.GenDecl:
		return d.Doc != nil
	}
	return false
}

// contracts are the methods of the package's own interfaces: what they promise is said there.
func contracts(files []*file) (names []string) {
	for _, f := range files {
		ast.Inspect(f.File, func(n ast.Node) bool {
			if t, ok := n.(*ast.InterfaceType); ok {
				for _, m := range t.Methods.List {
					for _, name := range m.Names {
						names = append(names, name.Name)
					}
				}
			}
			return true
		})
	}
	return names
}

// bare reports the exported names of a declaration that has no comment as a whole. Methods whose names are in said need
// none.
func bare(d ast.Decl, said []string, report report) {
	missing := func(n *ast.Ident) {
		if n.IsExported() {
			report(n.Pos(), "%s is exported and has no comment", n.Name)
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil || receiver(d).IsExported() && !slices.Contains(said, d.Name.Name) {
			missing(d.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Doc == nil && s.Comment == nil {
					missing(s.Name)
				}
			case *ast.ValueSpec:
				if s.Doc == nil && s.Comment == nil && !d.Lparen.IsValid() {
					for _, n := range s.Names {
						missing(n)
					}
				}
			}
		}
	}
}

// receiver is the name of the type that a method belongs to.
func receiver(d *ast.FuncDecl) *ast.Ident {
	e := d.Recv.List[0].Type
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		case *ast.Ident:
			return x
		default:
			return ast.NewIdent("_")
		}
	}
}
