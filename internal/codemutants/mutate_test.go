package main

import (
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const sample = `package sample

import "fmt"

type size uint16

type counters struct{ Stats struct{ Received int } }

func (t *counters) drop(int) {}
func (t *counters) on() bool { return false }
func small(n int) bool       { return n < 7 }

func (t *counters) f(a, b int, s []byte, n size) (r int, err error) {
	r = a + b*2 - 1
	if a < b && (len(s) >= 3 || a-b == 0) {
		r++
		fmt.Println(a+b < r+1)
		t.Stats.Received++
		t.drop(7)
	}
	for small(a) {
		if t.on() || a == 1 {
			break
		}
		r = min(a/2, b<<1)
	}
	switch {
	case n&0xff > 7|n:
		r = int(n - 1)
	}
	r += a
	switch r {
	case 3, 4:
		r--
	}
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
	all, err := find(folder, "", false)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, m := range all {
		said = append(said, strings.TrimPrefix(m.String(), name+":"))
	}
	text := strings.Join(said, "\n")
	for _, want := range []string{
		"10 not false", "11 not n < 7", "14 without r = a + b*2 - 1", "14 other sign in a + b*2 - 1", "14 other product in b*2",
		"15 boundary of a < b", "15 never a < b && (len(s) >= 3 || a-b == 0)", "15 always a < b", "15 never len(s) >= 3", "16 without r++",
		"17 without fmt.Println(a+b < r+1)", "22 never t.on()", "23 without break", "25 other end of min(a/2, b<<1)",
		"25 other shift in b<<1", "28 never n&0xff > 7|n", "33 never 3", "33 never 4", "28 other bits in n&0xff", "31 without r += a",
	} {
		if !strings.Contains(text+"\n", want+"\n") {
			t.Errorf("there is no mutant %q in\n%s", want, text)
		}
	}
	for _, m := range all {
		if m.line == 18 || m.line == 19 {
			t.Errorf("what only counts is changed: %v", m)
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
	if build.Default.GOROOT == "" { // the test was built with -trimpath
		b, err := exec.Command("go", "env", "GOROOT").Output()
		if err != nil {
			t.Skip("there is no go command that says where the standard library is:", err)
		}
		build.Default.GOROOT = strings.TrimSpace(string(b))
	}
	c := types.Config{Importer: importer.ForCompiler(set, "source", nil)}
	if _, err := c.Check("sample", set, files, nil); err != nil {
		t.Error(err)
	}
}

// What only counts is left out when it is asked for.
func TestCounters(t *testing.T) {
	for _, tt := range []struct {
		statement string
		counts    bool
	}{
		{"n.TCP.Received++", true},
		{"s.stats().TCP.ResetErrors++", true},
		{"path.Out.Stats.Sent += 2", true},
		{"s.drop(stats.TCPOld)", true},
		{"n.Drop(stats.TCPInvalid)", true},
		{"n.DropIPv4(stats.IPNoRoute)", true},
		{"n.retries++", false},
		{"c.snd.una += 1", false},
		{"n.TCP.Received = 0", false},
		{"c.snd.buf.drop()", false}, // gives memory back
	} {
		name := filepath.Join(t.TempDir(), "one.go")
		all, err := mutants(name, []byte("package one\nfunc f() {\n"+tt.statement+"\n}\n"), false)
		if err != nil {
			t.Fatal(err)
		}
		if tt.counts != (len(all) == 0) {
			t.Errorf("%s: %d mutants", tt.statement, len(all))
		}
	}
}

// A line that does not compile loses first what asks for one type.
func TestWithout(t *testing.T) {
	all := []mutant{{file: "a.go", line: 1, typed: true}, {file: "a.go", line: 1}, {file: "a.go", line: 2}, {file: "b.go", line: 1}}
	lines := map[string]bool{"a.go:1": true}
	for want := 3; want >= 2; want-- {
		var err error
		if all, err = without(all, lines); err != nil || len(all) != want {
			t.Fatalf("%d are left, %v, want %d", len(all), err, want)
		}
	}
	if _, err := without(all, lines); err == nil {
		t.Error("nothing was left out, and that is no error")
	}
}

// A choice is cut into parts that do not overlap.
func TestChoice(t *testing.T) {
	q := question{folder: "stack/udp", seed: 1}
	whole := q.choice(10)
	q.sample = 4
	first := q.choice(10)
	q.skip = 4
	if got := append(first, q.choice(10)...); !slices.Equal(got, whole[:8]) {
		t.Errorf("%v and then %v of %v", first, got[4:], whole)
	}
}

// What survived is found again in what a run has printed.
func TestSurvivors(t *testing.T) {
	m := mutant{file: "stack/tcp/ack.go", line: 7, operation: "never", text: "a < b"}
	got := survivors("killed    stack/tcp/ack.go:1 not a, by x\nsurvived  " + m.String() + "\nstack/tcp: 1 of 2\n")
	if len(got) != 1 || !got[m.String()] {
		t.Errorf("%v", got)
	}
}
