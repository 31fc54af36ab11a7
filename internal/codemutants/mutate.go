package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// variable of the environment says which mutant is in force.
const variable = "CONFORM_CODE_MUTANT"

// helper is the file that a package of mutants gets beside its own. Its names are nobody else's.
const helper = `package %s

import (
	"os"
	"strconv"
)

var codeMutant, _ = strconv.Atoi(os.Getenv("` + variable + `"))

func codeMutantIs(n int) bool { return codeMutant == n }

type codeMutantNumber interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64
}

func codeMutantSum[T codeMutantNumber](n int, minus bool, a, b T) T {
	if codeMutantIs(n) != minus {
		return a - b
	}
	return a + b
}

func codeMutantBits[T codeMutantNumber](n int, or bool, a, b T) T {
	if codeMutantIs(n) != or {
		return a | b
	}
	return a & b
}
`

// A mutant is one change, made of edits that leave the lines of the file where they are. The edits of several mutants nest.
type mutant struct {
	file      string
	line      int
	operation string
	text      string // what is changed
	edits     func(n int) []edit
}

func (m mutant) String() string {
	return fmt.Sprintf("%s:%d %s %s", m.file, m.line, m.operation, m.text)
}

// An edit replaces octets from, to; what opens at an offset comes behind what closes there.
type edit struct {
	from, to int
	text     string
	closes   bool
}

// find gives the mutants of a package.
func find(folder, only string) (all []mutant, err error) {
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
		found, err := mutants(name, b)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// overlay writes the files of a package with its mutants, and gives the table for the compiler.
func overlay(tmp, folder string, all []mutant) (map[string]string, error) {
	table, name := map[string]string{}, ""
	edits := map[string][]edit{}
	for i, m := range all {
		edits[m.file] = append(edits[m.file], m.edits(i+1)...)
	}
	put := func(path string, b []byte) error {
		path, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		table[path] = filepath.Join(tmp, "changed-"+filepath.Base(path))
		return os.WriteFile(table[path], b, 0o666)
	}
	for file, es := range edits {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, b, parser.PackageClauseOnly)
		if err != nil {
			return nil, err
		}
		name = f.Name.Name
		if err := put(file, apply(b, es)); err != nil {
			return nil, err
		}
	}
	return table, put(filepath.Join(folder, "codemutants_overlay.go"), fmt.Appendf(nil, helper, name))
}

// apply makes edits, which are in the order of the syntax: the outer ones first.
func apply(source []byte, edits []edit) []byte {
	order := make([]int, len(edits))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, j int) int {
		a, b := edits[i], edits[j]
		switch {
		case a.from != b.from:
			return cmp.Compare(a.from, b.from)
		case a.closes != b.closes && a.closes:
			return -1
		case a.closes != b.closes:
			return 1
		case a.closes: // the inner one first
			return cmp.Compare(j, i)
		}
		return cmp.Compare(i, j)
	})
	var out bytes.Buffer
	at := 0
	for _, i := range order {
		out.Write(source[at:edits[i].from])
		out.WriteString(edits[i].text)
		at = edits[i].to
	}
	out.Write(source[at:])
	return out.Bytes()
}

// mutants are the changes of one file, the outer ones first.
func mutants(name string, source []byte) (all []mutant, err error) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, name, source, 0)
	if err != nil {
		return nil, err
	}
	at := func(p token.Pos) int { return set.Position(p).Offset }
	text := func(n ast.Node) string { return string(source[at(n.Pos()):at(n.End())]) }
	add := func(operation string, n ast.Node, edits func(n int) []edit) {
		all = append(all, mutant{name, set.Position(n.Pos()).Line, operation, brief([]byte(text(n))), edits})
	}
	around := func(n ast.Node, open, close string) []edit {
		return []edit{{at(n.Pos()), at(n.Pos()), open, false}, {at(n.End()), at(n.End()), close, true}}
	}
	removable := func(s ast.Stmt) {
		switch s := s.(type) {
		case *ast.ExprStmt, *ast.IncDecStmt:
		case *ast.AssignStmt:
			if s.Tok == token.DEFINE {
				return
			}
		default:
			return
		}
		add("without", s, func(n int) []edit { return around(s, fmt.Sprintf("if !codeMutantIs(%d) { ", n), " }") })
	}
	binary := func(b *ast.BinaryExpr) {
		if set.Position(b.Pos()).Line != set.Position(b.End()).Line {
			return // its lines are to stay
		}
		operator := edit{at(b.OpPos), at(b.OpPos) + len(b.Op.String()), ", ", false}
		switch b.Op {
		case token.LSS, token.LEQ, token.GTR, token.GEQ:
			add("boundary of", b, func(n int) []edit {
				return around(b, "((", fmt.Sprintf(") != (codeMutantIs(%d) && (%s) == (%s)))", n, text(b.X), text(b.Y)))
			})
			fallthrough
		case token.EQL, token.NEQ, token.LAND, token.LOR:
			add("not", b, func(n int) []edit { return around(b, "((", fmt.Sprintf(") != codeMutantIs(%d))", n)) })
		case token.ADD, token.SUB:
			add("other sign in", b, func(n int) []edit {
				return append(around(b, fmt.Sprintf("codeMutantSum(%d, %t, ", n, b.Op == token.SUB), ")"), operator)
			})
		case token.AND, token.OR:
			add("other bits in", b, func(n int) []edit {
				return append(around(b, fmt.Sprintf("codeMutantBits(%d, %t, ", n, b.Op == token.OR), ")"), operator)
			})
		}
	}
	for _, d := range f.Decls {
		function, ok := d.(*ast.FuncDecl)
		if !ok || function.Body == nil || function.Name.Name == "String" {
			continue
		}
		ast.Inspect(function.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BlockStmt:
				for _, s := range n.List {
					removable(s)
				}
			case *ast.CaseClause:
				for _, s := range n.Body {
					removable(s)
				}
			case *ast.BinaryExpr:
				binary(n)
			}
			return true
		})
	}
	return all, nil
}
