package expect

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/conform-stack/conform/harness/requirement"
)

func known(t *testing.T) Known {
	t.Helper()
	c, err := requirement.LoadFS(fstest.MapFS{"ipv4/rfc826.yaml": {Data: []byte(`
- {id: "RFC826:R1", section: "1", level: MUST, text: "first rule", testable: wire}
- {id: "RFC826:R2", section: "1", level: MUST, text: "second rule", testable: wire}`)}})
	if err != nil {
		t.Fatal(err)
	}
	return Known{
		Checks: []requirement.CheckRef{{ID: "arp.rx", Requirements: []string{"RFC826:R1"}}},
		Replays: func() []requirement.CheckRef {
			return []requirement.CheckRef{{ID: "replay.a[target=b]", Requirements: []string{"RFC826:R1"}}}
		},
		Catalogue: c,
	}
}

func TestParseReadsEveryField(t *testing.T) {
	l, err := Parse("linux.yaml", []byte(`# Linux
- {check: arp.rx, requirement: "RFC826:R1", case: "len=0", reason: "it was so", rfc: "RFC 826 Packet Reception", versions: ">=6.1 <7"}
- finding: "RFC826:R2"
  check: arp.rx
  reason: >-
    two
    lines
  rfc: RFC 826, section 1
`), known(t))
	if err != nil {
		t.Fatal(err)
	}
	want := []Expectation{
		{Check: "arp.rx", Requirement: "RFC826:R1", Case: "len=0", Reason: "it was so", RFC: "RFC 826 Packet Reception", File: "linux.yaml", Line: 2},
		{Check: "arp.rx", Finding: "RFC826:R2", Reason: "two lines", RFC: "RFC 826, section 1", File: "linux.yaml", Line: 3},
	}
	if len(l.entries) != 2 || l.entries[0].Versions.String() != ">=6.1 <7" || l.entries[1].Versions.String() != "" {
		t.Fatalf("entries are %+v", l.entries)
	}
	for i, e := range l.entries {
		w := want[i]
		if e.Check != w.Check || e.Requirement != w.Requirement || e.Case != w.Case || e.Finding != w.Finding || e.Reason != w.Reason || e.RFC != w.RFC || e.File != w.File || e.Line != w.Line {
			t.Errorf("entry %d is\n%+v\nwant\n%+v", i, e, w)
		}
	}
}

// Each row spoils one thing of an entry that is good without it.
func TestParseRefuses(t *testing.T) {
	const good = `check: arp.rx, reason: r, rfc: "RFC 826 section 1"`
	if _, err := Parse("f.yaml", []byte("- {"+good+"}"), known(t)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, entry, want string }{
		{"unknown key", good + ", why: x", `f.yaml:2: key "why" is unknown: an entry has check, requirement, case, outcome, finding, reason, rfc and versions`},
		{"neither check nor finding", `reason: r, rfc: "RFC 826 section 1"`, "f.yaml:2: the entry names neither a check nor a finding"},
		{"no reason", `check: arp.rx, rfc: "RFC 826 section 1"`, "f.yaml:2: the entry has no reason"},
		{"empty reason", `check: arp.rx, reason: "", rfc: "RFC 826 section 1"`, "f.yaml:2: reason is empty"},
		{"no rfc", "check: arp.rx, reason: r", "f.yaml:2: the entry has no rfc"},
		{"rfc without section", "check: arp.rx, reason: r, rfc: RFC 826", `f.yaml:2: rfc "RFC 826" does not name a rule: it is a specification and a section, such as RFC 1122 section 3.2.1.3`},
		{"unknown check", `check: arp.tx, reason: r, rfc: "RFC 826 section 1"`, `f.yaml:2: check "arp.tx" does not exist`},
		{"unknown replay", `check: "replay.b[target=c]", reason: r, rfc: "RFC 826 section 1"`, `f.yaml:2: check "replay.b[target=c]" does not exist`},
		{"unknown requirement", good + `, requirement: "RFC826:R9"`, `f.yaml:2: requirement "RFC826:R9" is not in the catalogue`},
		{"requirement of another check", good + `, requirement: "RFC826:R2"`, "f.yaml:2: check arp.rx does not prove RFC826:R2"},
		{"unknown finding", `finding: "RFC826:R9", reason: r, rfc: "RFC 826 section 1"`, `f.yaml:2: requirement "RFC826:R9" is not in the catalogue`},
		{"finding and requirement", good + `, finding: "RFC826:R2", requirement: "RFC826:R1"`, "f.yaml:2: the entry has a finding and a requirement: finding is the requirement that the judge finds broken"},
		{"finding and case", good + `, finding: "RFC826:R2", case: a`, "f.yaml:2: the entry has a finding and a case: findings belong to a check as a whole"},
		{"versions", good + `, versions: "6.1 - 7"`, `f.yaml:2: versions "6.1 - 7": "6.1" is no bound; a range reads such as >=6.1 <7`},
		{"key twice", good + ", check: arp.rx", `f.yaml:2: key "check" occurs twice in one entry`},
		{"list for a text", `check: [a, b], reason: r, rfc: "RFC 826 section 1"`, "f.yaml:2: check is not a text"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Parse("f.yaml", []byte("\n- {"+tt.entry+"}"), known(t)); err == nil || err.Error() != tt.want {
				t.Errorf("Parse: %v\nwant %s", err, tt.want)
			}
		})
	}
}

func TestReplaysAreKnownByThemselves(t *testing.T) {
	if _, err := Parse("f.yaml", []byte(`- {check: "replay.a[target=b]", requirement: "RFC826:R1", reason: r, rfc: "RFC 826 section 1"}`), known(t)); err != nil {
		t.Error(err)
	}
}

func TestNamesAreFreeWhenNothingIsKnown(t *testing.T) {
	if _, err := Parse("f.yaml", []byte(`- {check: no.such, requirement: none, reason: r, rfc: "RFC 1 section 1"}`), Known{}); err != nil {
		t.Error(err)
	}
}

func TestLoadReadsSeveralFiles(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml")
	for _, name := range []string{a, b} {
		if err := os.WriteFile(name, []byte(`- {check: arp.rx, reason: r, rfc: "RFC 826 section 1"}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l, err := Load([]string{a, b}, known(t))
	if err != nil || len(l.entries) != 2 {
		t.Fatalf("Load: %v, %v", l, err)
	}
	want := b + ":1: the same is expected at " + a + ":1 already"
	if _, err := l.For("1"); err == nil || err.Error() != want {
		t.Errorf("For: %v\nwant %s", err, want)
	}
	missing := filepath.Join(dir, "c.yaml")
	if _, err := Load([]string{missing}, known(t)); err == nil || !errors.Is(err, fs.ErrNotExist) || !strings.HasPrefix(err.Error(), "expectations: open "+missing) {
		t.Errorf("Load of no file: %v", err)
	}
}
