package config

import (
	"flag"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// Every field of a Config has a symbol: what a program can set, a fragment can.
func TestEveryFieldHasASymbol(t *testing.T) {
	var c Config
	has := map[uintptr]string{}
	for _, s := range table {
		at := reflect.ValueOf(s.at(&c)).Pointer()
		if other := has[at]; other != "" && (s.Choice == "" || Find(other).Choice != s.Choice) {
			t.Errorf("%s and %s have one field", other, s.Name)
		}
		has[at] = s.Name
	}
	known := 0
	fields(reflect.ValueOf(&c).Elem(), "", func(name string, at uintptr) {
		if has[at] == "" {
			t.Errorf("Config.%s has no symbol: give it one in symbols_*.go", name)
			return
		}
		known++
		delete(has, at)
	})
	if len(has) != 0 {
		t.Errorf("these are of no field: %v", has)
	}
	if known < 120 {
		t.Errorf("only %d fields", known)
	}
}

// A symbol says enough, and nothing that contradicts the rest.
func TestTheTable(t *testing.T) {
	name := regexp.MustCompile(`^(NETWORKING|(NET|CONFORM)_[A-Z0-9_]+)$`)
	declared := map[string]bool{}
	for i, s := range table {
		problem := func(why string) { t.Errorf("%s %s", s.Name, why) }
		if !name.MatchString(s.Name) {
			problem("is a strange name")
		}
		if declared[s.Name] {
			problem("is there twice")
		}
		if needs[i] != nil {
			for _, n := range needs[i].names() {
				if !declared[n] {
					problem("needs " + n + ", which is not declared before it")
				}
			}
		}
		declared[s.Name] = true
		if s.Prompt == "" || s.Source == "" || strings.HasSuffix(s.Prompt, ".") || s.Help != "" && !strings.HasSuffix(s.Help, ".") {
			problem("lacks words, or full stops")
		}
		for _, text := range []string{s.Default, s.Of(RFC), s.Of(Zephyr)} {
			if v, ok := s.parse(text); !ok || s.Type == Int && !s.fits(v.n) {
				problem("has a default that it does not take: " + text)
			}
		}
		if s.Type == Int && s.Max <= s.Min {
			problem("has no range")
		}
		var c Config
		_, duration := s.at(&c).(interface{ Seconds() float64 })
		if duration && (s.Type != Int || s.one == 0 || s.Unit == "") {
			problem("is a duration of no unit")
		}
		if zero := s.Type == Int && s.fits(0) && !s.plain; zero && s.Zero == "" && (s.auto != nil || s.one != 0) {
			problem("does not say what 0 means")
		}
		if (s.Choice == "") != (s.is == nil) || s.Choice != "" && s.Type != Bool {
			problem("is half a member of a choice")
		}
		if s.Choice != "" {
			if list := members(s.Choice); len(list) < 2 || list[len(list)-1]-list[0] != len(list)-1 {
				problem("is of a choice whose members are not together")
			}
		}
		if Find(s.Full()) != s || Find(s.Name) != s {
			problem("is not found")
		}
	}
}

// What a field takes from its symbol, the symbol reads back.
func TestFieldsKeepValues(t *testing.T) {
	for _, s := range table {
		var all []value
		switch s.Type {
		case Bool:
			all = []value{{n: 0}, {n: 1}}
		case Int:
			all = []value{{n: s.Min}, {n: s.Max}, {n: (s.Min + s.Max) / 2}}
		case Hex:
			all = []value{{n: 0}, {n: 1}, {n: -1}}
		case String:
			all = []value{{text: "a"}, {text: `"\`}}
		}
		for _, v := range all {
			var c Config
			s.write(&c, v)
			h := s.read(&c)
			if h.v != v || h.rest != 0 || h.wrong != "" || !h.set && !(s.plain && v.n == 0) && !(s.Choice != "" && v.n == 0) {
				t.Errorf("%s: wrote %v, read %+v", s.Name, v, h)
			}
			if back, ok := s.parse(s.format(v)); !ok || back != v {
				t.Errorf("%s: %s is read as %v", s.Name, s.format(v), back)
			}
		}
	}
}

//go:generate go test -run TestDocumentation . -write

var write = flag.Bool("write", false, "write docs/configuration.md")

// docs/configuration.md is what the table says.
func TestDocumentation(t *testing.T) {
	const file = "../../docs/configuration.md"
	want := Markdown()
	if *write {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("%s is not what the table says (%v): run go generate ./stack/config", file, err)
	}
}

func TestExpressions(t *testing.T) {
	v := func(name string) value {
		return map[string]value{"Y": {n: 1}, "N": {}, "FOUR": {n: 4}}[name]
	}
	for in, want := range map[string]bool{
		"Y": true, "N": false, "!N": true, "!Y": false, "FOUR": true,
		"Y && N": false, "Y || N": true, "N || Y && Y": true, "(Y || N) && N": false, "!(Y && N)": true, "!N && Y": true,
		"FOUR = 4": true, "FOUR != 4": false, "FOUR > 3": true, "FOUR > 4": false, "FOUR >= 4": true, "FOUR < 5": true,
		"FOUR < 4": false, "FOUR <= 4": true, "Y = y": true, "N = n && FOUR>=2": true, "!FOUR > 3 || N": false,
	} {
		e, err := parseExpr(in)
		if err != nil {
			t.Errorf("%s: %v", in, err)
			continue
		}
		if e.holds(v) != want {
			t.Errorf("%s is %v", in, !want)
		}
		if again, err := parseExpr(e.String()); err != nil || again.String() != e.String() || again.holds(v) != want {
			t.Errorf("%s is written %s, which is another: %v", in, e, err)
		}
	}
	for in, want := range map[string]string{
		"":          "the expression: a name is missing",
		"Y &&":      "the expression: a name is missing",
		"(Y":        "the expression: a parenthesis is not closed",
		"Y N":       `the expression: there is "N" behind its end`,
		"Y > high":  `the expression: "high" is nothing to compare with`,
		"Y & N":     `the expression: "& N" is no part of one`,
		"&& Y":      "the expression: a name is missing",
		"Y || (N))": `the expression: there is ")" behind its end`,
	} {
		if _, err := parseExpr(in); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", in, err, want)
		}
	}
}

// Text in quotes, as Kconfig has it.
func TestQuotes(t *testing.T) {
	s := Symbol{Type: String}
	for text, want := range map[string]string{`"zephyr"`: "zephyr", `""`: "", `"a \"b\" \\"`: `a "b" \`} {
		if v, ok := s.parse(text); !ok || v.text != want || s.format(v) != text {
			t.Errorf("%s is read as %q, %v, and written %s", text, v.text, ok, s.format(v))
		}
	}
	for _, text := range []string{"zephyr", `"`, `"a`, `a"`, `"a"b"`, `"a\"`, "y"} {
		if v, ok := s.parse(text); ok {
			t.Errorf("%s is read as %q", text, v.text)
		}
	}
	if s.takes() != `text in quotes, such as "text"` {
		t.Error(s.takes())
	}
}

func TestLongNames(t *testing.T) {
	for _, s := range table {
		if 2*len(s.Name) > longest {
			t.Errorf("%s is long", s.Name)
		}
	}
	if got := Nearest("NET_TCP" + strings.Repeat("X", 1<<20)); got == "" {
		t.Error("nothing is near a long name")
	}
}

func TestEdits(t *testing.T) {
	for _, row := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"NET_TCP", "NET_TCP", 0}, {"NET_TPC", "NET_TCP", 2}, {"NET_TC", "NET_TCP", 1}, {"kitten", "sitting", 3}} {
		if got := edits(row.a, row.b); got != row.want {
			t.Errorf("edits(%q, %q) = %d, want %d", row.a, row.b, got, row.want)
		}
	}
}
