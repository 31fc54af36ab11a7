package main

import (
	"bytes"
	"cmp"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
)

// variable of the environment says which mutant is in force.
const variable = "CONFORM_CODE_MUTANT"

// changed is in front of the names of files that mutants were put into; the compiler may speak of those.
const changed = "changed-"

// helper is the file that a package of mutants gets beside its own. Its names are nobody else's.
const helper = `package %s

import (
	"cmp"
	"os"
	"strconv"
)

var codeMutant, _ = strconv.Atoi(os.Getenv("` + variable + `"))

func codeMutantIs(n int) bool { return codeMutant == n }

type codeMutantInteger interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr
}

func codeMutantSum[T codeMutantInteger | ~float64](n int, minus bool, a, b T) T {
	if codeMutantIs(n) != minus {
		return a - b
	}
	return a + b
}

func codeMutantProduct[T codeMutantInteger | ~float64](n int, over bool, a, b T) T {
	if codeMutantIs(n) != over {
		return a / b
	}
	return a * b
}

func codeMutantBits[T codeMutantInteger](n int, or bool, a, b T) T {
	if codeMutantIs(n) != or {
		return a | b
	}
	return a & b
}

func codeMutantNone[T codeMutantInteger](n int, a T) T {
	if codeMutantIs(n) {
		return ^a
	}
	return a
}

func codeMutantShift[T, S codeMutantInteger](n int, right bool, a T, b S) T {
	if codeMutantIs(n) != right {
		return a >> b
	}
	return a << b
}

func codeMutantOneOf[T cmp.Ordered](n int, most bool, a, b T) T {
	if codeMutantIs(n) != most {
		return max(a, b)
	}
	return min(a, b)
}
`

// An edit replaces octets from, to; what opens at an offset comes behind what closes there.
type edit struct {
	from, to int
	text     string
	closes   bool
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
		table[path] = filepath.Join(tmp, changed+filepath.Base(path))
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
