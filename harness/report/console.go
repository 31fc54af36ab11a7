package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/conform-stack/conform/harness/requirement"
)

// ConsoleOptions say what WriteConsole shows beside the summary and what is not as expected.
type ConsoleOptions struct {
	Colour   bool // escape sequences of a terminal
	Settings bool // what was set on the target
	Checks   bool // a line for each check, whatever its outcome
	Reasons  bool // why checks are expected to fail, or do not apply
	Observed bool // the permitted behaviour that was seen
}

// Show writes all that a report holds, for people.
func Show(w io.Writer, r *Report) error {
	return WriteConsole(w, r, ConsoleOptions{Settings: true, Checks: true, Reasons: true, Observed: true})
}

// WriteConsole writes a complete report for people: the target, the summary by suite and by level, what failed and why, and
// at the end whether all is as expected.
func WriteConsole(w io.Writer, r *Report, o ConsoleOptions) error {
	c := console{r: r, o: o, levels: r.levels()}
	c.target()
	if o.Checks {
		c.checks()
	}
	c.bySuite()
	c.byLevel()
	c.tiers()
	c.failures()
	c.flaky()
	c.findings()
	if o.Reasons {
		c.reasons()
	}
	if o.Observed {
		c.observed()
	}
	c.end()
	_, err := io.WriteString(w, c.b.String())
	return err
}

type console struct {
	b      strings.Builder
	r      *Report
	o      ConsoleOptions
	levels map[string]requirement.Level
}

func (c *console) printf(format string, args ...any) { fmt.Fprintf(&c.b, format, args...) }

// title begins a section.
func (c *console) title(s string) { c.printf("\n%s\n", c.colour("1", s)) }

func (c *console) colour(code, s string) string {
	if !c.o.Colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// outcome is its name, padded, in the colour of a traffic light.
func (c *console) outcome(o Outcome) string {
	code := "31"
	switch o {
	case Pass:
		code = "32"
	case ExpectedFail, NotApplicable:
		code = "33"
	}
	return c.colour(code, fmt.Sprintf("%-15s", o))
}

func (c *console) target() {
	t := c.r.Target
	name := t.Name
	if t.Version != "" {
		name += " " + t.Version
	}
	clock := "real time"
	if t.Virtual {
		clock = "virtual time"
	}
	c.printf("target %s (%s), %s, seed %d", oneLine(name), oneLine(strings.Join(t.Links, ", ")), clock, c.r.Seed)
	if c.r.Shard != "" {
		c.printf(", shard %s", oneLine(c.r.Shard))
	}
	c.printf("\n")
	if !c.o.Settings {
		return
	}
	if len(t.Features) > 0 {
		c.printf("features: %s\n", oneLine(strings.Join(t.Features, ", ")))
	}
	if len(t.Settings) > 0 {
		c.title("settings of the target")
		tab := table{textual: true}
		for _, s := range t.Settings {
			tab.row("  "+oneLine(s.Name), oneLine(s.Value), oneLine(s.Why))
		}
		c.printf("%s", tab.String())
	}
}

func (c *console) checks() {
	c.title("checks")
	for _, k := range c.r.Checks {
		c.printf("  %s  %s  %s\n", c.outcome(k.Outcome), oneLine(k.ID), oneLine(k.Title))
	}
}

// cells gives the counts of the outcomes, a dot for none.
func cells(s Summary) []string {
	var row []string
	for _, o := range Outcomes() {
		if s[o] == 0 {
			row = append(row, ".")
			continue
		}
		row = append(row, strconv.Itoa(s[o]))
	}
	return row
}

func header(first string) []string {
	row := []string{first}
	for _, o := range Outcomes() {
		row = append(row, string(o))
	}
	return row
}

func (c *console) bySuite() {
	suites := make(map[string]Summary)
	for _, k := range c.r.Checks {
		name := oneLine(k.Suite)
		if suites[name] == nil {
			suites[name] = make(Summary)
		}
		suites[name][k.Outcome]++
	}
	var tab table
	tab.row(append(header("checks by suite"), "all")...)
	for _, name := range sortedKeys(suites) {
		all := 0
		for _, n := range suites[name] {
			all += n
		}
		tab.row(append(append([]string{"  " + name}, cells(suites[name])...), strconv.Itoa(all))...)
	}
	tab.row(append(append([]string{"  all"}, cells(c.r.Summary)...), strconv.Itoa(len(c.r.Checks)))...)
	c.printf("\n%s", tab.String())
}

func (c *console) byLevel() {
	classes := make(map[requirement.Class]Summary)
	all := make(Summary)
	for _, q := range c.r.Requirements {
		class := q.Level.Class()
		if classes[class] == nil {
			classes[class] = make(Summary)
		}
		classes[class][q.Outcome]++
		all[q.Outcome]++
	}
	var tab table
	tab.row(append(header("requirements by level"), "all")...)
	names := map[requirement.Class]string{requirement.Binding: "MUST, RULE", requirement.Advisory: "SHOULD", requirement.Permissive: "MAY"}
	for class := requirement.Binding; class <= requirement.Permissive; class++ {
		if classes[class] != nil {
			tab.row(append(append([]string{"  " + names[class]}, cells(classes[class])...), strconv.Itoa(sum(classes[class])))...)
		}
	}
	tab.row(append(append([]string{"  all"}, cells(all)...), strconv.Itoa(sum(all)))...)
	c.printf("\n%s", tab.String())
}

// tiers say what the target's frames, services and agent unlocked, where that is not everything.
func (c *console) tiers() {
	if !c.r.partial() {
		return
	}
	c.title("unlocked by")
	tab := table{textual: true}
	for _, t := range c.r.Tiers() {
		tab.row("  "+t.Name, oneLine(t.String()))
	}
	c.printf("%s", tab.String())
}

func sum(s Summary) (n int) {
	for _, count := range s {
		n += count
	}
	return n
}

// failures are the checks that need to be looked at.
func (c *console) failures() {
	for i := range c.r.Checks {
		k := &c.r.Checks[i]
		switch k.Outcome {
		case Pass, ExpectedFail, NotApplicable:
			continue
		}
		note := ""
		if c.r.tolerated(k, c.levels) {
			note = fmt.Sprintf("  (not counted at level %s)", c.r.Level)
		}
		c.printf("\n%s  %s  %s%s\n", strings.TrimRight(c.outcome(k.Outcome), " "), oneLine(k.ID), oneLine(k.Title), note)
		for _, id := range k.Requirements {
			if v := k.Verdict(id); v == Fail || v == UnexpectedPass {
				c.printf("  %s  %s\n", c.rule(id), v)
			}
		}
		if len(k.FailedCases) > 0 {
			c.printf("  %d of %d cases: %s\n", len(k.FailedCases), k.Cases, oneLine(strings.Join(k.FailedCases, ", ")))
		}
		c.printf("%s", indent("    ", k.details()))
		if n := len(k.Earlier); n > 0 {
			c.printf("  repeated alone, and not as expected then either: %s in all\n", plural(n+1, "attempt"))
		}
		if k.Evidence != "" {
			c.printf("  evidence: %s\n", oneLine(k.Evidence))
		}
	}
}

// flaky are the checks that ended as expected only when they were repeated, with what had become of them first.
func (c *console) flaky() {
	all := c.r.flaky()
	if len(all) == 0 {
		return
	}
	c.title("flaky: as expected only when repeated, alone")
	for _, k := range all {
		c.printf("  %s\n", oneLine(k.ID))
		for i, a := range k.Earlier {
			first, _, _ := strings.Cut(a.Message, "\n")
			c.printf("    attempt %d: %s: %s\n", i+1, a.Outcome, oneLine(first))
		}
	}
}

// rule is a requirement in words.
func (c *console) rule(id string) string {
	for _, q := range c.r.Requirements {
		if q.ID == id {
			return oneLine(fmt.Sprintf("%s  %s: %s", q.ID, q.Level, q.Text))
		}
	}
	return oneLine(id)
}

func (c *console) findings() {
	if len(c.r.Findings) == 0 {
		return
	}
	c.title("found by the judge")
	for i, f := range c.r.Findings {
		if i == 0 || f.Requirement != c.r.Findings[i-1].Requirement {
			c.printf("  %s\n", c.rule(f.Requirement))
		}
		c.printf("%s", indent("    ", f.line()))
	}
}

func (c *console) reasons() {
	var lines []string
	for _, k := range c.r.Checks {
		if k.Reason != "" && (k.Outcome == ExpectedFail || k.Outcome == NotApplicable) {
			lines = append(lines, fmt.Sprintf("  %s  %s  %s\n", c.outcome(k.Outcome), oneLine(k.ID), oneLine(k.Reason)))
		}
	}
	if len(lines) > 0 {
		c.title("reasons")
		c.printf("%s", strings.Join(lines, ""))
	}
}

func (c *console) observed() {
	var lines []string
	for _, k := range c.r.Checks {
		for _, o := range k.Observations {
			lines = append(lines, fmt.Sprintf("  %s  %s  (%s)\n", oneLine(o.Requirement), oneLine(o.Text), oneLine(k.ID)))
		}
	}
	slices.SortStableFunc(lines, requirement.Compare)
	if lines = slices.Compact(lines); len(lines) > 0 {
		c.title("permitted behaviour that was seen")
		c.printf("%s", strings.Join(lines, ""))
	}
}

// end gives times and the conclusion.
func (c *console) end() {
	var virtual int64
	for _, k := range c.r.Checks {
		virtual += k.VirtualMS
	}
	var times []string
	if c.r.Target.Virtual {
		times = append(times, fmt.Sprintf("%s of virtual time", time.Duration(virtual)*time.Millisecond))
	}
	if _, wall := c.r.wall(); wall > 0 {
		times = append(times, wall.String())
	}
	code := "32"
	if c.r.AsExpected() != ExitAsExpected {
		code = "31"
	}
	line := fmt.Sprintf("%s: %s", plural(len(c.r.Checks), "check"), c.r.Conclusion())
	if len(times) > 0 {
		line += fmt.Sprintf(" (%s)", strings.Join(times, " in "))
	}
	c.printf("\n%s\n", c.colour(code, line))
}
