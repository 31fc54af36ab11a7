package main

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const sample = `package sample

import "fmt"

type size uint16

func f(a, b int, s []byte, n size) (r int, err error) {
	r = a + b*2 - 1
	if a < b && (len(s) >= 3 || a-b == 0) {
		r++
		fmt.Println(a+b < r+1)
	}
	switch {
	case n&0xff > 7|n:
		r = int(n - 1)
	}
	r += a
	return r, err
}
`

// All mutants of a file together are a file that compiles, with every line where it was.
func TestMutantsTogether(t *testing.T) {
	folder, tmp := t.TempDir(), t.TempDir()
	name := filepath.Join(folder, "sample.go")
	if err := os.WriteFile(name, []byte(sample), 0o666); err != nil {
		t.Fatal(err)
	}
	all, err := find(folder, "")
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, m := range all {
		said = append(said, strings.TrimPrefix(m.String(), name+":"))
	}
	text := strings.Join(said, "\n")
	for _, want := range []string{
		"8 without r = a + b*2 - 1", "8 other sign in a + b*2 - 1", "8 other sign in a + b*2", "9 boundary of a < b", "9 not a < b && (len(s) >= 3 || a-b == 0)",
		"10 without r++", "11 without fmt.Println(a+b < r+1)", "14 boundary of n&0xff > 7|n", "14 other bits in n&0xff", "17 without r += a",
	} {
		if !strings.Contains(text+"\n", want+"\n") {
			t.Errorf("there is no mutant %q in\n%s", want, text)
		}
	}
	table, err := overlay(tmp, folder, all)
	if err != nil {
		t.Fatal(err)
	}
	set := token.NewFileSet()
	var files []*ast.File
	for _, changed := range table {
		b, err := os.ReadFile(changed)
		if err != nil {
			t.Fatal(err)
		}
		f, err := parser.ParseFile(set, changed, b, 0)
		if err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		files = append(files, f)
		if strings.HasSuffix(changed, "sample.go") && strings.Count(string(b), "\n") != strings.Count(sample, "\n") {
			t.Errorf("the lines have moved:\n%s", b)
		}
	}
	if len(files) != 2 {
		t.Errorf("%d files", len(files))
	}
	c := types.Config{Importer: importer.ForCompiler(set, "source", nil)}
	if _, err := c.Check("sample", set, files, nil); err != nil {
		t.Error(err)
	}
}
