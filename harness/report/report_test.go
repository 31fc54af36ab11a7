package report

import (
	"reflect"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/conform-stack/conform/harness/requirement"
)

// catalogue has requirements R1 to R3 (MUST), S1 (SHOULD) and M1 (MAY) of RFC 1.
func catalogue(t *testing.T) *requirement.Catalogue {
	t.Helper()
	c, err := requirement.LoadFS(fstest.MapFS{"ipv4/rfc1.yaml": {Data: []byte(`
- {id: "RFC1:R1", section: "1", level: MUST, text: "first rule", testable: wire}
- {id: "RFC1:R2", section: "1", level: RULE, text: "second rule", testable: wire}
- {id: "RFC1:R3", section: "1", level: "MUST NOT", text: "third rule", testable: wire}
- {id: "RFC1:S1", section: "1", level: SHOULD, text: "good advice", testable: wire}
- {id: "RFC1:M1", section: "1", level: MAY, text: "a freedom", testable: wire}`)}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// every is a run with a check of each outcome, findings and an observation, not yet complete.
func every() *Report {
	r := &Report{
		Target: Target{Kind: "linux", Name: "linux:rfc", Version: "6.12", Links: []string{"ethernet"},
			Features: []string{"agent"}, Settings: []Setting{{"net.ipv4.icmp_ratelimit", "0", "every error is to be seen"}}},
		Seed: 7,
		Checks: []Check{
			{ID: "b.pass", Suite: "b", Title: "passes", Requirements: []string{"RFC1:R1", "RFC1:M1"}, Outcome: Pass, Cases: 1, VirtualMS: 20, WallMS: 21,
				Observations: []Observation{{"RFC1:M1", "uses the freedom"}}},
			{ID: "a.fail", Suite: "a", Title: "fails", Requirements: []string{"RFC1:R1", "RFC1:R2"}, Outcome: Fail, Cases: 3, WallMS: 5,
				Verdicts: map[string]Outcome{"RFC1:R1": Pass, "RFC1:R2": Fail}, FailedCases: []string{"len=0", "len=1"}, Message: "2 of 3 cases fail",
				Failures: []Failure{
					{"RFC1:R2", "len=0", "field", "sender.ip\n  want 192.0.2.1\n  got  \x1b[31m", ""},
					{"RFC1:R2", "len=1", "missing", "no answer", ""}},
				Evidence: "evidence/a.fail.pcapng"},
			{ID: "a.expected", Suite: "a", Title: "is expected to fail", Requirements: []string{"RFC1:R3"}, Outcome: ExpectedFail, Cases: 1, Reason: "a known fault (RFC 1 section 1)"},
			{ID: "a.unexpected", Suite: "a", Title: "passes unexpectedly", Requirements: []string{"RFC1:R3"}, Outcome: UnexpectedPass, Cases: 1, Message: "expected to fail"},
			{ID: "a.unsure", Suite: "a", Title: "cannot tell", Requirements: []string{"RFC1:S1"}, Outcome: Inconclusive, Cases: 1, Message: "the target is gone"},
			{ID: "a.na", Suite: "a", Title: "does not apply", Requirements: []string{"RFC1:S1"}, Outcome: NotApplicable, Reason: "the target has no agent"},
			{ID: "c.error", Suite: "c", Title: "goes wrong", Requirements: []string{"RFC1:S1"}, Outcome: Error, Cases: 1, Message: "a < b & \"c\" ]]> \x00"},
		},
		Findings: []Finding{
			{Requirement: "RFC1:S1", Check: "b.pass", Text: "padding is not zero"},
			{Requirement: "RFC1:R1", Check: "a.na", Text: "checksum is wrong", Count: 2, Expected: "offload"},
			{Requirement: "RFC1:S1", Check: "b.pass", Text: "padding is not zero"},
		},
		Judged: map[string]int{"RFC1:S1": 10, "RFC1:R1": 9},
		Run:    &Run{Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), WallMS: 1500, Command: []string{"conform", "run"}, Jobs: 1},
	}
	r.selectOwn()
	return r
}

// selectOwn says that the run selected the checks that it holds.
func (r *Report) selectOwn() {
	var ids []string
	for _, c := range r.Checks {
		ids = append(ids, c.ID)
	}
	r.Selected = Select(ids)
}

// complete is r, complete.
func complete(t *testing.T, r *Report) *Report {
	t.Helper()
	if err := r.Complete(catalogue(t)); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCompleteDerives(t *testing.T) {
	r := complete(t, every())
	if want := (Summary{Pass: 1, Fail: 1, ExpectedFail: 1, UnexpectedPass: 1, Inconclusive: 1, NotApplicable: 1, Error: 1}); !reflect.DeepEqual(r.Summary, want) {
		t.Errorf("the summary is %v, want %v", r.Summary, want)
	}
	want := []Requirement{
		{"RFC1:M1", "MAY", "a freedom", Pass, []string{"b.pass"}, 0},
		{"RFC1:R1", "MUST", "first rule", ExpectedFail, []string{"a.fail", "b.pass"}, 2}, // both checks pass it; the judge saw it broken, as expected
		{"RFC1:R2", "RULE", "second rule", Fail, []string{"a.fail"}, 0},
		{"RFC1:R3", "MUST NOT", "third rule", UnexpectedPass, []string{"a.expected", "a.unexpected"}, 0},
		{"RFC1:S1", "SHOULD", "good advice", Fail, []string{"a.na", "a.unsure", "c.error"}, 2}, // by the judge alone
	}
	if !reflect.DeepEqual(r.Requirements, want) {
		t.Errorf("the requirements are\n%+v\nwant\n%+v", r.Requirements, want)
	}
	if r.Level != requirement.Advisory {
		t.Errorf("the level is %v without being set, want should", r.Level)
	}
	if got := r.Outcomes(); got["RFC1:R2"] != "fail" || len(got) != len(want) {
		t.Errorf("Outcomes: %v", got)
	}
}

func TestCompleteRefuses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*Report)
		want  string
	}{
		{"nothing selected", func(r *Report) { r.Checks = nil; r.selectOwn() }, "no check was selected: the suites and the filter leave none"},
		{"check twice", func(r *Report) { r.Checks = append(r.Checks, r.Checks[0]); r.selectOwn() }, "check b.pass is in the report twice"},
		{"check missing", func(r *Report) { r.Checks = r.Checks[1:] }, "the run selected 7 checks and the report holds 6"},
		{"unknown requirement of a check", func(r *Report) { r.Checks[0].Requirements = []string{"RFC1:R9"} }, `check b.pass names requirement "RFC1:R9", which the catalogue does not have`},
		{"unknown requirement of the judge", func(r *Report) { r.Findings[0].Requirement = "RFC1:R9" }, `the judge names requirement "RFC1:R9", which the catalogue does not have`},
		{"unknown rule of the judge", func(r *Report) { r.Judged["RFC1:R9"] = 1 }, `the judge names requirement "RFC1:R9", which the catalogue does not have`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := every()
			tt.spoil(r)
			if err := r.Complete(catalogue(t)); err == nil || err.Error() != tt.want {
				t.Errorf("Complete: %v\nwant     %s", err, tt.want)
			}
		})
	}
	for name, cut := range map[string]func(*Report){"interrupted": func(r *Report) { r.Interrupted = true }, "a shard": func(r *Report) { r.Shard = "1/2" }} {
		r := every()
		r.Checks = r.Checks[1:]
		if cut(r); r.Complete(catalogue(t)) != nil {
			t.Errorf("a report that is %s may lack checks", name)
		}
	}
}

// The order of rank's comment, as a table: of two outcomes, the one that comes first here.
func TestCombine(t *testing.T) {
	order := []Outcome{Fail, UnexpectedPass, ExpectedFail, Pass, Error, Inconclusive, NotApplicable}
	if len(order) != len(Outcomes()) {
		t.Fatal("an outcome has no place in the order")
	}
	for i, a := range order {
		if got := Combine(a); got != a {
			t.Errorf("Combine(%s) = %s", a, got)
		}
		for j, b := range order {
			if got, want := Combine(a, b), order[min(i, j)]; got != want {
				t.Errorf("Combine(%s, %s) = %s, want %s", a, b, got, want)
			}
		}
	}
	if got := Combine(); got != "" {
		t.Errorf("Combine() = %s, want none", got)
	}
}

func TestAsExpected(t *testing.T) {
	check := func(o Outcome, ids ...string) Check {
		return Check{ID: "a." + string(o), Suite: "a", Requirements: ids, Outcome: o}
	}
	failing := check(Fail, "RFC1:S1")
	for _, tt := range []struct {
		name   string
		report Report
		want   [4]int // at levels must, should, may; and the same interrupted
		why    string // at level may
	}{
		{"pass", Report{Checks: []Check{check(Pass, "RFC1:R1")}}, [4]int{0, 0, 0, 130}, ""},
		{"a MUST fails", Report{Checks: []Check{check(Fail, "RFC1:R1")}}, [4]int{1, 1, 1, 130}, "1 check failed"},
		{"a SHOULD fails", Report{Checks: []Check{failing}}, [4]int{0, 1, 1, 130}, "1 check failed"},
		{"a MAY fails", Report{Checks: []Check{check(Fail, "RFC1:M1")}}, [4]int{0, 0, 1, 130}, "1 check failed"},
		{"a SHOULD and a MUST fail", Report{Checks: []Check{check(Fail, "RFC1:S1", "RFC1:R1")}}, [4]int{1, 1, 1, 130}, "1 check failed"},
		{"a SHOULD fails, its MUST passes", Report{Checks: []Check{{ID: "x", Requirements: []string{"RFC1:S1", "RFC1:R1"}, Outcome: Fail,
			Verdicts: map[string]Outcome{"RFC1:R1": Pass}}}}, [4]int{0, 1, 1, 130}, "1 check failed"},
		{"a SHOULD fails, its MUST passes against the expectations", Report{Checks: []Check{{ID: "x", Requirements: []string{"RFC1:S1", "RFC1:R1"}, Outcome: Fail,
			Verdicts: map[string]Outcome{"RFC1:S1": Fail, "RFC1:R1": UnexpectedPass}}}}, [4]int{1, 1, 1, 130}, "1 check failed"},
		{"the target dies in the check of a SHOULD", Report{Checks: []Check{{ID: "x", Requirements: []string{"RFC1:S1"}, Outcome: Fail,
			Failures: []Failure{{Kind: "died"}}}}}, [4]int{1, 1, 1, 130}, "1 check failed"},
		{"a check fails, none of its requirements does", Report{Checks: []Check{{ID: "x", Requirements: []string{"RFC1:S1"}, Outcome: Fail,
			Verdicts: map[string]Outcome{"RFC1:S1": Pass}}}}, [4]int{1, 1, 1, 130}, "1 check failed"},
		{"expected", Report{Checks: []Check{check(ExpectedFail, "RFC1:R1")}}, [4]int{0, 0, 0, 130}, ""},
		{"unexpected pass of a MAY", Report{Checks: []Check{check(UnexpectedPass, "RFC1:M1")}}, [4]int{1, 1, 1, 130}, "1 check passed against the expectations"},
		{"inconclusive", Report{Checks: []Check{check(Inconclusive, "RFC1:M1")}}, [4]int{1, 1, 1, 130}, "1 check inconclusive"},
		{"error", Report{Checks: []Check{check(Error, "RFC1:M1")}}, [4]int{1, 1, 1, 130}, "1 check ended in error"},
		{"not applicable", Report{Checks: []Check{check(NotApplicable, "RFC1:R1")}}, [4]int{0, 0, 0, 130}, ""},
		{"a finding about a SHOULD", Report{Checks: []Check{check(Pass, "RFC1:R1")}, Findings: []Finding{{Requirement: "RFC1:S1"}}}, [4]int{0, 1, 1, 130}, "the judge found 1 requirement broken"},
		{"an expected finding", Report{Checks: []Check{check(Pass, "RFC1:R1")}, Findings: []Finding{{Requirement: "RFC1:R1", Expected: "offload"}}}, [4]int{0, 0, 0, 130}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := &tt.report
			r.selectOwn()
			for i, level := range []requirement.Class{requirement.Binding, requirement.Advisory, requirement.Permissive} {
				r.Level = level
				if got := complete(t, r).AsExpected(); got != tt.want[i] {
					t.Errorf("at level %v the exit code is %d, want %d", level, got, tt.want[i])
				}
			}
			if got := strings.Join(r.Unexpected(), ", "); got != tt.why {
				t.Errorf("unexpected: %q, want %q", got, tt.why)
			}
			r.Interrupted = true
			if got := r.AsExpected(); got != tt.want[3] {
				t.Errorf("interrupted, the exit code is %d, want %d", got, tt.want[3])
			}
		})
	}
}
