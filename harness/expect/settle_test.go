package expect

import (
	"reflect"
	"strings"
	"testing"

	"github.com/conform-stack/conform/harness/report"
)

// set is the entries for check a: each text is what it has beside check, reason (its ordinal: e1, e2, ...) and rfc.
func set(t *testing.T, entries ...string) *Set {
	t.Helper()
	var b strings.Builder
	for i, e := range entries {
		if !strings.Contains(e, "finding:") {
			e = "check: a, " + e
		}
		b.WriteString("- {" + strings.TrimSuffix(e, ", ") + `, rfc: "RFC 1 section 1", reason: e` + string(rune('1'+i)) + "}\n")
	}
	l, err := Parse("f.yaml", []byte(b.String()), Known{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := l.For("6.5")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

type verdicts = map[string]report.Outcome

// Check a proves R1 and R2.
func TestCheckIsSettled(t *testing.T) {
	const (
		pass, fail, expected, unexpected = report.Pass, report.Fail, report.ExpectedFail, report.UnexpectedPass
		all, r1, r2, len0, r2len0        = "", "requirement: R1", "requirement: R2", "case: len=0", "requirement: R2, case: len=0"
	)
	failsR2 := report.Check{Outcome: fail, Verdicts: verdicts{"R1": pass, "R2": fail}, Failures: []report.Failure{{Requirement: "R2", Kind: "field"}}}
	failsR2len0 := report.Check{Outcome: fail, Verdicts: verdicts{"R1": pass, "R2": fail}, Cases: 2, FailedCases: []string{"len=0"},
		Failures: []report.Failure{{Requirement: "R2", Case: "len=0"}}}
	failsR2both := report.Check{Outcome: fail, Verdicts: verdicts{"R1": pass, "R2": fail}, Cases: 2, FailedCases: []string{"len=0", "len=1"},
		Failures: []report.Failure{{Requirement: "R2", Case: "len=0"}}} // the second case only by its name
	failsBoth := report.Check{Outcome: fail, Failures: []report.Failure{{Requirement: "R1"}, {Requirement: "R2"}}}
	dies := report.Check{Outcome: fail, Verdicts: verdicts{"R1": report.Inconclusive, "R2": report.Inconclusive}, Failures: []report.Failure{{Kind: "died"}}}
	for _, tt := range []struct {
		name    string
		check   report.Check
		entries []string
		want    report.Outcome
		r1, r2  report.Outcome
		reason  string
	}{
		{"nothing is expected", failsR2, nil, fail, pass, fail, ""},
		{"an entry for the check", failsR2, []string{all}, expected, pass, expected, "e1 (RFC 1 section 1)"},
		{"an entry for the requirement", failsR2, []string{r2}, expected, pass, expected, "e1 (RFC 1 section 1)"},
		{"an entry for the other requirement", failsR2, []string{r1}, fail, unexpected, fail, ""},
		{"one that fails and one that does not", failsR2, []string{r1, r2}, unexpected, unexpected, expected, "e2 (RFC 1 section 1)"},
		{"another version", failsR2, []string{`versions: ">=7"`}, fail, pass, fail, ""},
		{"this version", failsR2, []string{`versions: ">=6.5"`}, expected, pass, expected, "e1 (RFC 1 section 1)"},
		{"an entry for the case", failsR2len0, []string{len0}, expected, pass, expected, "e1 (RFC 1 section 1)"},
		{"an entry for requirement and case", failsR2len0, []string{r2len0}, expected, pass, expected, "e1 (RFC 1 section 1)"},
		{"an entry for another case", failsR2len0, []string{"case: len=1"}, fail, unexpected, fail, ""},
		{"an entry for another case beside", failsR2len0, []string{len0, "case: len=1"}, unexpected, unexpected, expected, "e1 (RFC 1 section 1)"},
		{"requirement and another case beside", failsR2len0, []string{len0, "requirement: R2, case: len=1"}, unexpected, pass, expected, "e1 (RFC 1 section 1)"},
		{"an entry for one case of two", failsR2both, []string{len0}, fail, pass, expected, "e1 (RFC 1 section 1)"},
		{"an entry for each case", failsR2both, []string{len0, "case: len=1"}, expected, pass, expected, "e1 (RFC 1 section 1); e2 (RFC 1 section 1)"},
		{"one requirement of two", failsBoth, []string{r1}, fail, expected, fail, "e1 (RFC 1 section 1)"},
		{"both, one by one", failsBoth, []string{r1, r2}, expected, expected, expected, "e1 (RFC 1 section 1); e2 (RFC 1 section 1)"},
		{"a check that fails without telling why", report.Check{Outcome: fail}, []string{all}, expected, expected, expected, "e1 (RFC 1 section 1)"},
		{"and an entry for a requirement", report.Check{Outcome: fail}, []string{r1}, fail, fail, fail, ""},
		{"verdicts alone", report.Check{Outcome: fail, Verdicts: verdicts{"R1": pass, "R2": fail}}, []string{r2}, expected, pass, expected, "e1 (RFC 1 section 1)"},
		{"the target dies, an entry for a requirement", dies, []string{r2}, fail, report.Inconclusive, report.Inconclusive, ""},
		{"the target dies, an entry for the check", dies, []string{all}, expected, report.Inconclusive, report.Inconclusive, "e1 (RFC 1 section 1)"},
		{"a check passes", report.Check{Outcome: pass}, []string{all}, unexpected, unexpected, unexpected, ""},
		{"a requirement passes", report.Check{Outcome: pass}, []string{r2}, unexpected, pass, unexpected, ""},
		{"a case passes", report.Check{Outcome: pass, Cases: 2}, []string{len0}, unexpected, unexpected, unexpected, ""},
		{"a requirement is not judged", report.Check{Outcome: pass, Verdicts: verdicts{"R2": report.NotApplicable}}, []string{r2}, pass, pass, report.NotApplicable, ""},
		{"error", report.Check{Outcome: report.Error}, []string{all}, report.Error, report.Error, report.Error, ""},
		{"inconclusive", report.Check{Outcome: report.Inconclusive}, []string{all}, report.Inconclusive, report.Inconclusive, report.Inconclusive, ""},
		{"not applicable", report.Check{Outcome: report.NotApplicable, Reason: "no agent"}, []string{all}, report.NotApplicable, report.NotApplicable, report.NotApplicable, "no agent"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := tt.check
			c.ID, c.Requirements = "a", []string{"R1", "R2"}
			c.Failures = append([]report.Failure(nil), c.Failures...)
			set(t, tt.entries...).Check(&c)
			if c.Outcome != tt.want || c.Verdict("R1") != tt.r1 || c.Verdict("R2") != tt.r2 {
				t.Errorf("%s, R1 %s, R2 %s\nwant %s, R1 %s, R2 %s", c.Outcome, c.Verdict("R1"), c.Verdict("R2"), tt.want, tt.r1, tt.r2)
			}
			if c.Reason != tt.reason {
				t.Errorf("the reason is %q, want %q", c.Reason, tt.reason)
			}
			if (c.Outcome == unexpected) != strings.Contains(c.Message, "expects it to fail") && c.Outcome != fail {
				t.Errorf("the message of a %s is %q", c.Outcome, c.Message)
			}
		})
	}
}

func TestMessagesOfUnexpectedPasses(t *testing.T) {
	c := report.Check{ID: "a", Requirements: []string{"R1"}, Outcome: report.Pass, Message: "all is well"}
	set(t, "", "requirement: R1", "case: len=0", "requirement: R1, case: len=0").Check(&c)
	const want = `all is well
the check passes, and f.yaml:1 expects it to fail: e1 (RFC 1 section 1)
R1 passes, and f.yaml:2 expects it to fail: e2 (RFC 1 section 1)
case len=0 passes, and f.yaml:3 expects it to fail: e3 (RFC 1 section 1)
R1 in case len=0 passes, and f.yaml:4 expects it to fail: e4 (RFC 1 section 1)`
	if c.Message != want {
		t.Errorf("the message is\n%s\nwant\n%s", c.Message, want)
	}
}

func TestFailuresTellWhetherTheyAreExpected(t *testing.T) {
	c := report.Check{ID: "a", Requirements: []string{"R1", "R2"}, Outcome: report.Fail, Failures: []report.Failure{{Requirement: "R1"}, {Requirement: "R2"}}}
	set(t, "requirement: R2").Check(&c)
	if c.Failures[0].Expected != "" || c.Failures[1].Expected != "e1 (RFC 1 section 1)" {
		t.Errorf("failures are expected for %q and %q", c.Failures[0].Expected, c.Failures[1].Expected)
	}
}

func TestApplySettlesFindings(t *testing.T) {
	r := report.Report{
		Checks: []report.Check{{ID: "a", Requirements: []string{"R1"}, Outcome: report.Fail}},
		Findings: []report.Finding{
			{Requirement: "R1", Check: "a"}, {Requirement: "R2", Check: "a"}, {Requirement: "R2", Check: "b"}, {Requirement: "R3", Check: "a"},
		},
		Judged: map[string]int{"R4": 1, "R1": 1},
	}
	s := set(t, "", "finding: R1", "check: b, finding: R2", "finding: R4", "finding: R5")
	s.Apply(&r)
	if r.Checks[0].Outcome != report.ExpectedFail {
		t.Errorf("the check is %s", r.Checks[0].Outcome)
	}
	var got []string
	for _, f := range r.Findings {
		got = append(got, f.Expected)
	}
	if want := []string{"e2 (RFC 1 section 1)", "", "e3 (RFC 1 section 1)", ""}; !reflect.DeepEqual(got, want) {
		t.Errorf("findings are expected for %q, want %q", got, want)
	}
	// R4 was looked at and kept, R5 never looked at.
	if got, want := s.Stale(&r), []string{"f.yaml:4: the judge did not find R4 broken"}; !reflect.DeepEqual(got, want) {
		t.Errorf("stale: %q, want %q", got, want)
	}
}

func TestZeroSetExpectsNothing(t *testing.T) {
	r := report.Report{Checks: []report.Check{{ID: "a", Outcome: report.Fail}}, Findings: []report.Finding{{Requirement: "R1"}}}
	var s Set
	if s.Apply(&r); r.Checks[0].Outcome != report.Fail || r.Findings[0].Expected != "" || s.Stale(&r) != nil {
		t.Errorf("the report is %+v", r)
	}
}

// An entry about what cannot be asked settles an inconclusive check, and nothing else.
func TestUnasked(t *testing.T) {
	l, err := Parse("x.yaml", []byte(`- {check: a.b, outcome: inconclusive, reason: "it has none", rfc: "RFC 1 section 2"}`), Known{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ was, want report.Outcome }{
		{report.Inconclusive, report.ExpectedFail}, {report.Pass, report.UnexpectedPass}, {report.Fail, report.Fail}, {report.Error, report.Error},
	} {
		set, err := l.For("")
		if err != nil {
			t.Fatal(err)
		}
		c := report.Check{ID: "a.b", Requirements: []string{"RFC1:2"}, Outcome: tt.was}
		if set.Check(&c); c.Outcome != tt.want {
			t.Errorf("%s becomes %s, want %s", tt.was, c.Outcome, tt.want)
		}
	}
	for text, want := range map[string]string{
		`- {check: a.b, outcome: pass, reason: r, rfc: "RFC 1 section 2"}`:                  `outcome is "pass"`,
		`- {check: a.b, case: c, outcome: inconclusive, reason: r, rfc: "RFC 1 section 2"}`: "of a check as a whole",
	} {
		if _, err := Parse("x.yaml", []byte(text), Known{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
