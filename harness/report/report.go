// Package report is what a run leaves behind: report.json and what is made from it.
//
// A Report holds the outcome of each check, and derives from them, and from what the judge found, the outcome of each
// requirement. The runner fills Target, Seed, Level, Selected, Checks, Findings, Judged and Run, and calls Complete, which
// sorts, counts and derives the rest. Reports of the shards of one run merge into the report of the whole.
//
// Reports of the same run (target, seed, selection) are equal byte for byte apart from what Strip clears.
package report

import (
	"time"

	"github.com/conform-stack/conform/harness/requirement"
)

// Schema names the format of report.json. Fields may be added to it, none is taken away.
const Schema = "conform.report/v1"

// A Report is one run against one target.
type Report struct {
	Schema       string            `json:"schema"`
	Target       Target            `json:"target"`
	Seed         uint64            `json:"seed"`
	Level        requirement.Class `json:"level"` // the last class whose failures fail the run
	Selected     Selection         `json:"selected"`
	Shard        string            `json:"shard,omitempty"` // I/N: the report holds one part of the selection
	Interrupted  bool              `json:"interrupted,omitempty"`
	Summary      Summary           `json:"summary"`
	FlakyChecks  []string          `json:"flaky,omitempty"` // as expected only when they were repeated; derived
	Checks       []Check           `json:"checks"`
	Requirements []Requirement     `json:"requirements"`
	Findings     []Finding         `json:"findings,omitempty"`
	Judged       map[string]int    `json:"judged,omitempty"` // requirement: how many frames the judge held against it
	Run          *Run              `json:"run,omitempty"`
}

// Target is the stack under test.
type Target struct {
	Kind     string    `json:"kind"` // reference, linux, tap, ...
	Name     string    `json:"name"` // as the user named it: linux:rfc
	Version  string    `json:"version"`
	Links    []string  `json:"links"`
	Virtual  bool      `json:"virtual"` // its clock is virtual
	Features []string  `json:"features,omitempty"`
	Settings []Setting `json:"settings,omitempty"`
}

// A Setting is what was set on the target for the run, such as a sysctl.
type Setting struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	Why   string `json:"why,omitempty"`
}

// A Selection identifies the checks that a run set out to do, before it was cut into shards.
type Selection struct {
	Count int    `json:"count"`
	Hash  string `json:"hash"` // of the sorted ids
}

// Run is how this one execution went. Two executions of the same run differ here, and in the times of checks.
type Run struct {
	Started time.Time `json:"started"`
	WallMS  int64     `json:"wall_ms"`
	Command []string  `json:"command,omitempty"` // the command line
	Jobs    int       `json:"jobs,omitempty"`
}

// A Check is what became of one check.
type Check struct {
	ID           string             `json:"id"`
	Suite        string             `json:"suite"`
	Title        string             `json:"title,omitempty"`
	Requirements []string           `json:"requirements"`    // that it proves
	Needs        []string           `json:"needs,omitempty"` // features of the target, beside a link
	Outcome      Outcome            `json:"outcome"`
	Verdicts     map[string]Outcome `json:"verdicts,omitempty"` // by requirement; one without a verdict has the check's outcome
	Cases        int                `json:"cases"`
	FailedCases  []string           `json:"failed_cases,omitempty"` // by their coordinates
	VirtualMS    int64              `json:"virtual_ms"`             // on the clock of the check's world
	WallMS       int64              `json:"wall_ms"`
	Message      string             `json:"message"`
	Reason       string             `json:"reason,omitempty"` // why it is expected to fail, or not applicable
	Failures     []Failure          `json:"failures,omitempty"`
	Observations []Observation      `json:"observations,omitempty"`
	Evidence     string             `json:"evidence"`          // a file below the report's folder, with slashes
	Earlier      []Attempt          `json:"earlier,omitempty"` // what became of it before it was repeated, the first one first
}

// A Failure is one assertion that did not hold.
type Failure struct {
	Requirement string `json:"requirement,omitempty"` // empty when it is not about one that the check proves
	Case        string `json:"case,omitempty"`
	Kind        string `json:"kind"` // field, missing, spurious, early, late, died, ...
	Text        string `json:"text"`
	Expected    string `json:"expected,omitempty"` // the reason, when an expectation covers it
}

// An Observation is permitted behaviour (a MAY) that was seen.
type Observation struct {
	Requirement string `json:"requirement"`
	Text        string `json:"text"`
}

// A Finding is a rule that the judge saw broken by a frame of the target, whatever the check was about.
type Finding struct {
	Requirement string `json:"requirement"`
	Check       string `json:"check"` // during which it was seen
	Text        string `json:"text"`
	Count       int    `json:"count"`
	Expected    string `json:"expected,omitempty"` // the reason, when an expectation covers it
}

// A Requirement is what the run says of one requirement. It is derived.
type Requirement struct {
	ID       string            `json:"id"`
	Level    requirement.Level `json:"level"`
	Text     string            `json:"text,omitempty"`
	Outcome  Outcome           `json:"outcome"`
	Checks   []string          `json:"checks"`             // that prove it
	Findings int               `json:"findings,omitempty"` // of the judge
}
