package report

import (
	"bytes"
	"encoding/xml"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestJSONIsStable(t *testing.T) {
	small := &Report{Target: Target{Kind: "reference", Name: "reference", Version: "1", Links: []string{"ethernet"}, Virtual: true}, Seed: 1,
		Checks: []Check{{ID: "arp.rx", Suite: "rfc826", Requirements: []string{"RFC1:R1"}, Outcome: Pass, Cases: 1, VirtualMS: 2000, WallMS: 1, Evidence: "evidence/arp.rx.pcapng"}}}
	small.selectOwn()
	var b bytes.Buffer
	if err := WriteJSON(&b, complete(t, small)); err != nil {
		t.Fatal(err)
	}
	const want = `{
  "schema": "conform.report/v1",
  "target": {
    "kind": "reference",
    "name": "reference",
    "version": "1",
    "links": [
      "ethernet"
    ],
    "virtual": true
  },
  "seed": 1,
  "level": "should",
  "selected": {
    "count": 1,
    "hash": "f080eda48bba1f4b"
  },
  "summary": {
    "pass": 1,
    "fail": 0,
    "expected-fail": 0,
    "unexpected-pass": 0,
    "inconclusive": 0,
    "not-applicable": 0,
    "error": 0
  },
  "checks": [
    {
      "id": "arp.rx",
      "suite": "rfc826",
      "requirements": [
        "RFC1:R1"
      ],
      "outcome": "pass",
      "cases": 1,
      "virtual_ms": 2000,
      "wall_ms": 1,
      "message": "",
      "evidence": "evidence/arp.rx.pcapng"
    }
  ],
  "requirements": [
    {
      "id": "RFC1:R1",
      "level": "MUST",
      "text": "first rule",
      "outcome": "pass",
      "checks": [
        "arp.rx"
      ]
    }
  ]
}
`
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}

	// Whatever the order in which checks ended and findings came, the bytes are the same.
	forward, backward := complete(t, every()), every()
	for i, j := 0, len(backward.Checks)-1; i < j; i, j = i+1, j-1 {
		backward.Checks[i], backward.Checks[j] = backward.Checks[j], backward.Checks[i]
	}
	backward.Findings[0], backward.Findings[1] = backward.Findings[1], backward.Findings[0]
	complete(t, backward)
	if x, y := toJSON(t, forward), toJSON(t, backward); x != y {
		t.Errorf("in another order the report is\n%s\nand not\n%s", y, x)
	}
}

func toJSON(t *testing.T, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := WriteJSON(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestStripClearsTimes(t *testing.T) {
	live := complete(t, every())
	before := toJSON(t, live)
	stripped := toJSON(t, Strip(live))
	for _, word := range []string{`"run"`, "2026", `"wall_ms": 5`, `"wall_ms": 21`, `"virtual_ms": 20`} {
		if !strings.Contains(before, word) {
			t.Errorf("the report has no %s to clear", word)
		}
		if strings.Contains(stripped, word) {
			t.Errorf("%s is still there", word)
		}
	}
	if toJSON(t, live) != before {
		t.Error("Strip changes its argument")
	}
	live.Target.Virtual = true
	if s := Strip(live); s.Checks[6].VirtualMS+s.Checks[5].VirtualMS != 20 {
		t.Error("virtual time is cleared, although it is the same in each execution")
	}
}

func TestReadGivesWhatSaveWrote(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "new", "folder")
	r := complete(t, every())
	if err := Save(folder, r); err != nil {
		t.Fatal(err)
	}
	got, err := Read(folder)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, r) {
		t.Errorf("Read gives\n%s\nwant\n%s", toJSON(t, got), toJSON(t, r))
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 || entries[0].Name() != "junit.xml" || entries[1].Name() != "report.json" {
		t.Errorf("the folder holds %v, %v", entries, err)
	}
}

// Each row spoils one thing in a report that is good without it.
func TestReadRefuses(t *testing.T) {
	good := toJSON(t, complete(t, every()))
	for _, tt := range []struct{ name, old, new, want string }{
		{"nothing", "", "", ""},
		{"an unknown field is fine", `"seed": 7`, `"seed": 7, "weather": "fine"`, ""},
		{"schema", "conform.report/v1", "conform.report/v2", `the schema is "conform.report/v2", and this program reads "conform.report/v1"`},
		{"schema missing", `"schema"`, `"scheme"`, `the schema is "", and this program reads "conform.report/v1"`},
		{"field missing", `"checks": [
    {`, `"cheques": [
    {`, "the report has no checks"},
		{"grammar", `"seed": 7`, `"seed": `, "line 22: invalid character ',' looking for beginning of value"},
		{"type", `"seed": 7`, `"seed": "seven"`, "line 22: seed holds a string"},
		{"outcome", `"outcome": "expected-fail"`, `"outcome": "meh"`, `outcome "meh" is unknown`},
		{"outcome missing", `"outcome": "expected-fail"`, `"outgo": "expected-fail"`, "check a.expected has no outcome"},
		{"summary", `"error": 1`, `"error": 2`, "the summary does not agree with the checks"},
		{"check twice", `"id": "a.fail"`, `"id": "a.expected"`, "check a.expected is in the report twice"},
		{"check without id", `"id": "a.fail"`, `"id": ""`, "a check has no id"},
		{"check lost", `"count": 7`, `"count": 8`, "the run selected 8 checks and the report holds 7"},
		{"evidence outside", "evidence/a.fail.pcapng", "../a.fail.pcapng", `check a.fail has its evidence outside the report's folder: "../a.fail.pcapng"`},
		{"level of the run", `"level": "should"`, `"level": "can"`, `level "can" is unknown: it is must, should or may`},
		{"level of a requirement", `"level": "MAY"`, `"level": "CAN"`, `requirement RFC1:M1 has level "CAN", which does not exist`},
		{"requirement not listed", `"id": "RFC1:M1"`, `"id": "RFC1:M2"`, `check b.pass names requirement "RFC1:M1", which the report does not list`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(good, tt.old) {
				t.Fatalf("the good report has no %s", tt.old)
			}
			folder := t.TempDir()
			name := filepath.Join(folder, JSONFile)
			if err := os.WriteFile(name, []byte(strings.Replace(good, tt.old, tt.new, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Read(folder)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("Read: %v", err)
			case tt.want != "" && (err == nil || err.Error() != name+": "+tt.want):
				t.Errorf("Read: %v\nwant %s: %s", err, name, tt.want)
			}
		})
	}
	if _, err := Read("nowhere"); err == nil || err.Error() != "nowhere holds no report: there is no report.json" {
		t.Errorf("Read of no folder: %v", err)
	}
}

func TestJUnit(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJUnit(&b, complete(t, every())); err != nil {
		t.Fatal(err)
	}
	const properties = `    <properties>
      <property name="target" value="linux:rfc"></property>
      <property name="target.version" value="6.12"></property>
      <property name="seed" value="7"></property>
      <property name="level" value="should"></property>
    </properties>
`
	const want = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="conform" tests="9" failures="3" errors="2" skipped="3" time="1.500">
  <testsuite name="a" tests="5" failures="2" errors="1" skipped="2" time="0.005" timestamp="2026-01-02T03:04:05">
` + properties + `    <testcase name="a.expected" classname="a" time="0.000">
      <skipped message="expected-fail: a known fault (RFC 1 section 1)" type="expected-fail"><![CDATA[reason: a known fault (RFC 1 section 1)
]]></skipped>
    </testcase>
    <testcase name="a.fail" classname="a" time="0.005">
      <failure message="2 of 3 cases fail" type="fail"><![CDATA[2 of 3 cases fail
RFC1:R2 field [len=0]:
  sender.ip
    want 192.0.2.1
    got  \x1b[31m
RFC1:R2 missing [len=1]:
  no answer
]]></failure>
      <system-out><![CDATA[[[ATTACHMENT|evidence/a.fail.pcapng]]]]></system-out>
    </testcase>
    <testcase name="a.na" classname="a" time="0.000">
      <skipped message="not-applicable: the target has no agent" type="not-applicable"><![CDATA[reason: the target has no agent
]]></skipped>
    </testcase>
    <testcase name="a.unexpected" classname="a" time="0.000">
      <failure message="expected to fail" type="unexpected-pass"><![CDATA[expected to fail
]]></failure>
    </testcase>
    <testcase name="a.unsure" classname="a" time="0.000">
      <error message="the target is gone" type="inconclusive"><![CDATA[the target is gone
]]></error>
    </testcase>
  </testsuite>
  <testsuite name="b" tests="1" failures="0" errors="0" skipped="0" time="0.021" timestamp="2026-01-02T03:04:05">
` + properties + `    <testcase name="b.pass" classname="b" time="0.021"></testcase>
  </testsuite>
  <testsuite name="c" tests="1" failures="0" errors="1" skipped="0" time="0.000" timestamp="2026-01-02T03:04:05">
` + properties + `    <testcase name="c.error" classname="c" time="0.000">
      <error message="a &lt; b &amp; &#34;c&#34; ]]&gt; \x00" type="error"><![CDATA[a < b & "c" ]]]]><![CDATA[> \x00
]]></error>
    </testcase>
  </testsuite>
  <testsuite name="judge" tests="2" failures="1" errors="0" skipped="1" time="0.000" timestamp="2026-01-02T03:04:05">
` + properties + `    <testcase name="RFC1:R1" classname="judge" time="0.000">
      <skipped message="expected-fail: first rule" type="expected-fail"><![CDATA[checksum is wrong, in a.na, 2 times (expected: offload)
]]></skipped>
    </testcase>
    <testcase name="RFC1:S1" classname="judge" time="0.000">
      <failure message="good advice" type="fail"><![CDATA[padding is not zero, in b.pass, 2 times
]]></failure>
    </testcase>
  </testsuite>
</testsuites>
`
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if err := xml.Unmarshal(b.Bytes(), new(junitSuites)); err != nil {
		t.Errorf("it is no XML: %v", err)
	}
}

// A failure beyond the report's level is skipped, so that the exit code and the display of the CI system agree.
func TestJUnitFollowsTheLevel(t *testing.T) {
	r := &Report{Level: 1, Checks: []Check{{ID: "x", Suite: "s", Requirements: []string{"RFC1:S1"}, Outcome: Fail, Message: "no"}},
		Findings: []Finding{{Requirement: "RFC1:S1", Check: "x", Text: "seen"}}}
	r.selectOwn()
	var b bytes.Buffer
	if err := WriteJUnit(&b, complete(t, r)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`<testsuites name="conform" tests="2" failures="0" errors="0" skipped="2" time="0.000">`,
		`<skipped message="not counted at level must: no" type="fail">`,
		`<skipped message="not counted at level must: good advice" type="fail">`,
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("there is no %s in\n%s", want, b.String())
		}
	}
}

func TestConsole(t *testing.T) {
	var b strings.Builder
	if err := Show(&b, complete(t, every())); err != nil {
		t.Fatal(err)
	}
	const want = `target linux:rfc 6.12 (ethernet), real time, seed 7
features: agent

settings of the target
  net.ipv4.icmp_ratelimit  0  every error is to be seen

checks
  expected-fail    a.expected  is expected to fail
  fail             a.fail  fails
  not-applicable   a.na  does not apply
  unexpected-pass  a.unexpected  passes unexpectedly
  inconclusive     a.unsure  cannot tell
  pass             b.pass  passes
  error            c.error  goes wrong

checks by suite  pass  fail  expected-fail  unexpected-pass  inconclusive  not-applicable  error  all
  a                 .     1              1                1             1               1      .    5
  b                 1     .              .                .             .               .      .    1
  c                 .     .              .                .             .               .      1    1
  all               1     1              1                1             1               1      1    7

requirements by level  pass  fail  expected-fail  unexpected-pass  inconclusive  not-applicable  error  all
  MUST, RULE              .     1              1                1             .               .      .    3
  SHOULD                  .     1              .                .             .               .      .    1
  MAY                     1     .              .                .             .               .      .    1
  all                     1     2              1                1             .               .      .    5

unlocked by
  frames  6 of 7 checks run; 1 for another kind of link

fail  a.fail  fails
  RFC1:R2 RULE: second rule  fail
  2 of 3 cases: len=0, len=1
    2 of 3 cases fail
    RFC1:R2 field [len=0]:
      sender.ip
        want 192.0.2.1
        got  \x1b[31m
    RFC1:R2 missing [len=1]:
      no answer
  evidence: evidence/a.fail.pcapng

unexpected-pass  a.unexpected  passes unexpectedly
  RFC1:R3 MUST NOT: third rule  unexpected-pass
    expected to fail

inconclusive  a.unsure  cannot tell
    the target is gone

error  c.error  goes wrong
    a < b & "c" ]]> \x00

found by the judge
  RFC1:R1 MUST: first rule
    checksum is wrong, in a.na, 2 times (expected: offload)
  RFC1:S1 SHOULD: good advice
    padding is not zero, in b.pass, 2 times

reasons
  expected-fail    a.expected  a known fault (RFC 1 section 1)
  not-applicable   a.na  the target has no agent

permitted behaviour that was seen
  RFC1:M1  uses the freedom  (b.pass)

7 checks: not as expected: 1 check failed, 1 check passed against the expectations, 1 check ended in error, 1 check inconclusive, the judge found 1 requirement broken (1.5s)
`
	if got := b.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestConsoleInColour(t *testing.T) {
	r := &Report{Target: Target{Name: "reference", Links: []string{"ethernet"}, Virtual: true}, Checks: []Check{{ID: "x", Suite: "s", VirtualMS: 2500, Requirements: []string{"RFC1:R1"}, Outcome: Pass}}}
	r.selectOwn()
	var b strings.Builder
	if err := WriteConsole(&b, complete(t, r), ConsoleOptions{Colour: true}); err != nil {
		t.Fatal(err)
	}
	if want := "\x1b[32m1 check: all as expected (2.5s of virtual time)\x1b[0m\n"; !strings.HasSuffix(b.String(), want) {
		t.Errorf("it ends\n%q\nwant\n%q", b.String(), want)
	}
}

func TestCleanEscapes(t *testing.T) {
	for in, want := range map[string]string{
		"plain\ttext\n":       "plain\ttext\n",
		"grün 日本":             "grün 日本",
		"\x1b[2J\a\r\x00\x7f": `\x1b[2J\x07\x0d\x00\x7f`,
		"\xff\xfe":            `\xff\xfe`,
		"\u009b31m":           `\u009b31m`, // the one-octet form of ESC [
		"abc\u202edef":        `abc\u202edef`,
		"\u2028":              `\u2028`,
		"\U000e0041":          `\U000e0041`,
		"\ufffd":              "\ufffd", // printable itself
		"\ufffe":              `\ufffe`, // not allowed in XML
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
	if got, want := oneLine("a\n b\x1b"), `a b\x1b`; got != want {
		t.Errorf("oneLine gives %q, want %q", got, want)
	}
}
