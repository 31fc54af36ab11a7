package main

import (
	"fmt"
	"go/token"
	"path"
	"strings"
	"testing"
)

// The project keeps its own rules.
func TestTree(t *testing.T) {
	pkgs, err := load("../..")
	if err != nil {
		t.Fatal(err)
	}
	if len(pkgs) < 20 {
		t.Errorf("only %d packages were found", len(pkgs))
	}
	for _, f := range lint(pkgs) {
		t.Error(f)
	}
}

// Each row is a file and what the linter says of it; nothing is its good twin, which differs in what the rule is about.
func TestRules(t *testing.T) {
	fired := map[string]bool{}
	for _, tt := range []struct {
		name string
		file string
		src  string
		want string
	}{
		{"imports: the harness from the stack", "stack/udp/a.go", `import _ "github.com/conform-stack/conform/harness/packet"`,
			"stack/udp/a.go:2: imports: the stack imports nothing of the project outside stack/, and harness/packet is"},
		{"imports: also from its tests", "stack/udp/a_test.go", `import _ "github.com/onsi/gomega"`,
			"stack/udp/a_test.go:2: imports: the stack does not import github.com/onsi/gomega: only the harness does"},
		{"imports: gopacket from the stack", "stack/udp/a.go", `import _ "github.com/google/gopacket/layers"`,
			"stack/udp/a.go:2: imports: the stack does not import github.com/google/gopacket/layers: only the harness does"},
		{"imports: gopacket from the harness", "harness/packet/a.go", `import _ "github.com/google/gopacket/layers"`, ""},
		{"imports: gopacket from the judge", "harness/judge/a.go", `import _ "github.com/google/gopacket/layers"`,
			"harness/judge/a.go:2: imports: the judge reads raw octets: gopacket mends faults and overlooks them"},
		{"imports: the stack from the harness", "harness/probe/a.go", `import _ "github.com/conform-stack/conform/stack/wire/arp"`,
			"harness/probe/a.go:2: imports: only harness/target/reference, internal and cmd import the stack: everything else reads packets for itself"},
		{"imports: the stack from a suite", "conformance/udp/a_test.go", `import _ "github.com/conform-stack/conform/stack"`,
			"conformance/udp/a_test.go:2: imports: only harness/target/reference, internal and cmd import the stack: everything else reads packets for itself"},
		{"imports: the stack from the reference target", "harness/target/reference/a.go", `import _ "github.com/conform-stack/conform/stack"`, ""},
		{"imports: the stack from a target with a like name", "harness/target/reference2/a.go", `import _ "github.com/conform-stack/conform/stack"`,
			"harness/target/reference2/a.go:2: imports: only harness/target/reference, internal and cmd import the stack: everything else reads packets for itself"},
		{"imports: both decoders from crosscheck", "internal/crosscheck/a_test.go",
			"import _ \"github.com/conform-stack/conform/stack/wire/arp\"\nimport _ \"github.com/conform-stack/conform/harness/packet/arp\"", ""},
		{"imports: a suite from the harness", "harness/run/a.go", `import _ "github.com/conform-stack/conform/conformance/udp"`,
			"harness/run/a.go:2: imports: the harness knows no suite and no command: it does not import conformance/udp"},
		{"imports: the catalogue from the harness", "harness/run/a.go", `import _ "github.com/conform-stack/conform/requirements"`, ""},
		{"imports: another suite", "conformance/udp/a.go", `import _ "github.com/conform-stack/conform/conformance/rfc826"`,
			"conformance/udp/a.go:2: imports: a suite imports no other suite: what both need belongs into the harness, or conformance/internal/kit"},
		{"imports: the kit from a suite", "conformance/udp/a.go", `import _ "github.com/conform-stack/conform/conformance/internal/kit"`, ""},
		{"imports: all suites from the list of them", "conformance/a.go", `import _ "github.com/conform-stack/conform/conformance/rfc826"`, ""},
		{"imports: an internal package from a suite", "conformance/udp/a.go", `import _ "github.com/conform-stack/conform/internal/lint"`,
			"conformance/udp/a.go:2: imports: a suite stands on the harness: it does not import internal/lint"},
		{"imports: a command", "internal/bench/a.go", `import _ "github.com/conform-stack/conform/cmd/conform"`,
			"internal/bench/a.go:2: imports: nothing imports a command"},

		{"layers: upwards", "stack/udp/a.go", `import _ "github.com/conform-stack/conform/stack/socket"`,
			"stack/udp/a.go:2: layers: stack/socket does not stand below stack/udp: declare what is needed from there as an interface here"},
		{"layers: downwards", "stack/udp/a.go", `import _ "github.com/conform-stack/conform/stack/ip"`, ""},
		{"layers: sideways", "stack/ip/ipv4/a.go", `import _ "github.com/conform-stack/conform/stack/ip/ipv6"`,
			"stack/ip/ipv4/a.go:2: layers: stack/ip/ipv6 does not stand below stack/ip/ipv4: declare what is needed from there as an interface here"},
		{"layers: within a box", "stack/ip/ipv4/a.go", `import _ "github.com/conform-stack/conform/stack/ip/ipv4/reassembly"`, ""},
		{"layers: a longer name is a higher box", "stack/ip/a.go", `import _ "github.com/conform-stack/conform/stack/ip/ipv4"`,
			"stack/ip/a.go:2: layers: stack/ip/ipv4 does not stand below stack/ip: declare what is needed from there as an interface here"},
		{"layers: package stack sees all", "stack/a.go", `import _ "github.com/conform-stack/conform/stack/socket/netconn"`, ""},
		{"layers: nothing sees package stack", "stack/socket/netconn/a.go", `import _ "github.com/conform-stack/conform/stack"`,
			"stack/socket/netconn/a.go:2: layers: stack does not stand below stack/socket/netconn: declare what is needed from there as an interface here"},
		{"layers: tests may look up", "stack/udp/a_test.go", `import _ "github.com/conform-stack/conform/stack/socket"`, ""},
		{"layers: a box without a place", "stack/common/a.go", "",
			"stack/common/a.go:1: layers: stack/common stands in no box of the stack: give it a place in the linter's table and in docs/architecture.md"},

		{"clock: read", "stack/neigh/a.go", "import \"time\"\nvar _ = time.Now()",
			"stack/neigh/a.go:3: clock: time.Now is the wall clock: time comes from the loop or from the world"},
		{"clock: under another name, unnamed and as a value", "conformance/udp/a.go", "import (\nt \"time\"\n. \"time\"\n)\nvar _, _ = t.Sleep, After",
			"conformance/udp/a.go:6: clock: time.Sleep is the wall clock: time comes from the loop or from the world\n" +
				"conformance/udp/a.go:6: clock: time.After is the wall clock: time comes from the loop or from the world"},
		{"clock: in a test", "harness/probe/a_test.go", "import \"context\"\nvar _ = context.WithTimeout",
			"harness/probe/a_test.go:3: clock: context.WithTimeout is the wall clock: time comes from the loop or from the world"},
		{"clock: where time is real", "harness/target/linux/a.go", "import \"time\"\nvar _ = time.Now()", ""},
		{"clock: durations and others' methods", "stack/neigh/a.go", "import \"time\"\nvar loop interface{ Now() time.Duration }\nvar _ = loop.Now() + time.Second", ""},

		{"ginkgo: in a suite", "conformance/udp/a.go", `import . "github.com/onsi/ginkgo/v2"`,
			"conformance/udp/a.go:2: ginkgo: a suite registers its checks with harness/check, not with Ginkgo"},
		{"ginkgo: to run a suite", "conformance/udp/suite_test.go", "import \"github.com/onsi/ginkgo/v2\"\nfunc Test(t T) { ginkgo.RunSpecs(t, \"udp\") }", ""},
		{"ginkgo: unnamed", "conformance/udp/suite_test.go", `import . "github.com/onsi/ginkgo/v2"`,
			"conformance/udp/suite_test.go:2: ginkgo: import Ginkgo by its name: what is used of it has to show"},
		{"ginkgo: a bare It beside RunSpecs", "conformance/udp/suite_test.go", "import g \"github.com/onsi/ginkgo/v2\"\nvar _ = g.It(\"answers\", g.RunSpecs)",
			"conformance/udp/suite_test.go:3: ginkgo: of Ginkgo, suite_test.go uses RunSpecs only, not It"},
		{"ginkgo: waiting with Gomega", "conformance/udp/a.go", "import \"github.com/onsi/gomega\"\nvar _ = gomega.Eventually",
			"conformance/udp/a.go:3: ginkgo: gomega.Eventually decides by itself: assert with the probe, for a requirement"},
		{"ginkgo: matching with Gomega", "conformance/udp/a.go", "import \"github.com/onsi/gomega\"\nvar _ = gomega.BeEmpty", ""},

		{"init", "stack/tcp/a.go", "func init() {}", "stack/tcp/a.go:2: init: the stack registers nothing in init: package stack wires a node by name"},
		{"init: a method of that name", "stack/tcp/a.go", "type conn struct{}\nfunc (conn) init() {}", ""},

		{"state: assigned", "stack/tcp/a.go", "var last int\nfunc f() { last = 1 }",
			"stack/tcp/a.go:3: state: package-level last is written: state belongs into the node"},
		{"state: a local of that name", "stack/tcp/a.go", "var last int\nfunc f() { last := 0; last = 1; _ = last }", ""},
		{"state: counted up", "stack/tcp/a.go", "var n struct{ sent [2]int }\nfunc f() { n.sent[1]++ }",
			"stack/tcp/a.go:3: state: package-level n is written: state belongs into the node"},
		{"state: its address taken", "stack/tcp/a.go", "var n int\nfunc f() *int { return &n }",
			"stack/tcp/a.go:3: state: package-level n is written: state belongs into the node"},
		{"state: an entry deleted", "stack/tcp/a.go", "var m map[int]int\nfunc f() { delete(m, 1) }",
			"stack/tcp/a.go:3: state: package-level m is written: state belongs into the node"},
		{"state: a range variable", "stack/tcp/a.go", "var i int\nfunc f() { for i = range 3 { _ = i } }",
			"stack/tcp/a.go:3: state: package-level i is written: state belongs into the node"},
		{"state: a table", "stack/tcp/a.go", "var names = [...]string{\"closed\"}\nfunc f(i int) string { return names[i] }", ""},
		{"state: a lock", "stack/tcp/a.go", "import \"sync\"\nvar mu sync.Mutex",
			"stack/tcp/a.go:3: state: package-level mu is a sync.Mutex: it belongs into the node"},
		{"state: a pool", "stack/tcp/a.go", "import \"sync\"\nvar pool = sync.Pool{}",
			"stack/tcp/a.go:3: state: package-level pool is a sync.Pool: it belongs into the node"},
		{"state: a channel", "stack/tcp/a.go", "var done = make(chan int)",
			"stack/tcp/a.go:2: state: package-level done is a channel: it belongs into the node"},
		{"state: a pointer", "stack/tcp/a.go", "type table struct{}\nvar shared = &table{}",
			"stack/tcp/a.go:3: state: package-level shared is a pointer to something that can be changed: it belongs into the node"},
		{"state: a proof that an interface is met", "stack/tcp/a.go", "type conn struct{}\nvar _ any = &conn{}", ""},
		{"state: not of the harness", "harness/run/a.go", "var n int\nfunc f() { n++ }", ""},

		{"marks", "cmd/conform/a.go", "// " + "TO" + "DO: write it", "cmd/conform/a.go:2: marks: a " + "TO" + "DO mark: write an issue or mend it"},
		{"marks: a word that holds one", "cmd/conform/a.go", "// XXXL is a size", ""},

		{"docs: a function", "harness/probe/a.go", "func Ask() {}", "harness/probe/a.go:2: docs: Ask is exported and has no comment"},
		{"docs: a function with a comment", "harness/probe/a.go", "// Ask asks.\nfunc Ask() {}", ""},
		{"docs: a type", "harness/probe/a.go", "type P struct{}", "harness/probe/a.go:2: docs: P is exported and has no comment"},
		{"docs: a variable", "harness/probe/a.go", "var V = 1", "harness/probe/a.go:2: docs: V is exported and has no comment"},
		{"docs: a type that only the harness sees", "harness/internal/rows/a.go", "type P struct{}", ""},
		{"docs: a block of values", "harness/probe/a.go", "const (\nA = 1\nB = 2\n)", ""},
		{"docs: a method", "harness/probe/a.go", "// P is.\ntype P struct{}\n\nfunc (*P) Ask() {}",
			"harness/probe/a.go:5: docs: Ask is exported and has no comment"},
		{"docs: a method of a hidden type", "harness/probe/a.go", "type p struct{}\n\nfunc (*p) Ask() {}", ""},
		{"docs: a method that everyone knows", "harness/probe/a.go", "// P is.\ntype P struct{}\n\nfunc (*P) String() string { return \"\" }", ""},
		{"docs: a method whose promise stands in an interface", "harness/probe/a.go",
			"// P is.\ntype P struct{}\n\nfunc (*P) Ask() {}\n\ntype asker interface {\n// Ask asks.\nAsk()\n}", ""},
		{"docs: under the comment of the line above", "harness/probe/a.go",
			"// P is.\ntype P struct{}\n\n// The addresses.\nfunc (*P) MAC() {}\nfunc (*P) IP() {}", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := parse(t, tt.file, "package x\n"+tt.src)
			if err := p.add(p.dir+"/doc.go", []byte("// Package x is a row.\npackage x")); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range lint([]*pkg{p}) {
				fired[f.rule] = true
				got = append(got, f.String())
			}
			if got := strings.Join(got, "\n"); got != tt.want {
				t.Errorf("got  %s\nwant %s\nfor\n%s", got, tt.want, tt.src)
			}
		})
	}
	for _, r := range rules {
		if !fired[r.name] {
			t.Errorf("no row breaks rule %s", r.name)
		}
	}
}

func TestAPackageNeedsAComment(t *testing.T) {
	for src, want := range map[string]string{
		"package a":                              "harness/a/a.go:1: docs: package a has no comment that says what it is for",
		"// Package a is an example.\npackage a": "",
	} {
		var got string
		for _, f := range lint([]*pkg{parse(t, "harness/a/a.go", src)}) {
			got += f.String()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", src, got, want)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	if _, err := load(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is not the root of the module") {
		t.Errorf("load of an empty folder: %v", err)
	}
}

func parse(t *testing.T, name, src string) *pkg {
	t.Helper()
	p := &pkg{dir: path.Dir(name), fset: token.NewFileSet()}
	if err := p.add(name, []byte(src)); err != nil {
		t.Fatal(fmt.Errorf("the row does not parse: %w", err))
	}
	return p
}
