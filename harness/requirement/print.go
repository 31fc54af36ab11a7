package requirement

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Tally counts the entries of one specification at one level.
type Tally struct {
	Spec     string
	Level    Level // empty for all levels together
	Entries  int
	Testable int // on the wire or at the interface
	Covered  int // testable, with a check
	Reasons  int // testable, without a check and with a written reason
	Gaps     int // testable, with neither
	Judge    int // testable, and held against every frame by the judge; with a check or without
}

// levels in the order of tables.
func levels() []Level {
	return []Level{"MUST", "MUST NOT", "SHALL", "SHALL NOT", "REQUIRED", Rule, "SHOULD", "SHOULD NOT", "RECOMMENDED", "NOT RECOMMENDED", "MAY", "OPTIONAL"}
}

// Tallies counts each specification level by level, those that occur, in order.
func (c Coverage) Tallies() []Tally {
	var tallies []Tally
	index := make(map[Tally]int) // of a tally with nothing but its key
	for _, e := range c.Entries {
		key := Tally{Spec: e.Spec, Level: e.Level}
		i, ok := index[key]
		if !ok {
			i = len(tallies)
			index[key] = i
			tallies = append(tallies, key)
		}
		tallies[i].add(e)
	}
	slices.SortStableFunc(tallies, func(a, b Tally) int {
		if d := Compare(a.Spec, b.Spec); d != 0 {
			return d
		}
		return slices.Index(levels(), a.Level) - slices.Index(levels(), b.Level)
	})
	return tallies
}

func (t *Tally) add(e Entry) {
	t.Entries++
	if e.Testable == None {
		return
	}
	t.Testable++
	if e.Judge {
		t.Judge++
	}
	switch {
	case e.Covered():
		t.Covered++
	case e.Gap():
		t.Gaps++
	default:
		t.Reasons++
	}
}

// checked is the share of what is testable that has a check, in percent, with one decimal place that is cut and not rounded;
// a dash when nothing is testable.
func (t *Tally) checked() string {
	if t.Testable == 0 {
		return "-"
	}
	permille := 1000 * t.Covered / t.Testable
	return fmt.Sprintf("%d.%d%%", permille/10, permille%10)
}

// PrintOptions say what Print shows beside the totals of each specification.
type PrintOptions struct {
	Levels   bool              // a line for each level too, and how much of what is testable has a check
	Entries  bool              // all requirements, one by one
	Gaps     bool              // the gaps, one by one
	Reasons  bool              // the written reasons, one by one
	Outcomes map[string]string // of a report, by requirement: pass, fail and so on; nil without a report
}

// Print writes coverage as a table, a line a specification, followed by what the options ask for, and the faults.
func (c Coverage) Print(w io.Writer, o PrintOptions) error {
	var b strings.Builder
	header := []string{"entries", "testable", "covered", "reason", "gaps", "judge"}
	if o.Outcomes != nil {
		header = append(header, "passed", "failed", "other")
	}
	fmt.Fprintf(&b, "%-16s  %s", "", strings.Join(header, "  "))
	if o.Levels {
		b.WriteString("  checked")
	}
	b.WriteByte('\n')
	line := func(name string, keep func(Entry) bool) {
		var sum Tally
		results := make(map[string]int)
		for _, e := range c.Entries {
			if keep(e) {
				sum.add(e)
				results[o.Outcomes[e.ID]]++
			}
		}
		numbers := []int{sum.Entries, sum.Testable, sum.Covered, sum.Reasons, sum.Gaps, sum.Judge}
		if o.Outcomes != nil {
			passed, failed := results["pass"], results["fail"]
			numbers = append(numbers, passed, failed, sum.Entries-passed-failed-results[""])
		}
		fmt.Fprintf(&b, "%-16s", name)
		for i, n := range numbers {
			fmt.Fprintf(&b, "  %*d", len(header[i]), n)
		}
		if o.Levels {
			fmt.Fprintf(&b, "  %7s", sum.checked())
		}
		b.WriteByte('\n')
	}
	last := ""
	for _, tally := range c.Tallies() {
		if tally.Spec != last {
			last = tally.Spec
			line(tally.Spec, func(e Entry) bool { return e.Spec == tally.Spec })
		}
		if o.Levels {
			line("  "+string(tally.Level), func(e Entry) bool { return e.Spec == tally.Spec && e.Level == tally.Level })
		}
	}
	line("all", func(Entry) bool { return true })
	for _, level := range levels() {
		same := func(e Entry) bool { return e.Level == level }
		if o.Levels && slices.ContainsFunc(c.Entries, same) {
			line("  "+string(level), same)
		}
	}
	c.lists(&b, o)
	_, err := io.WriteString(w, b.String())
	return err
}

// lists writes the lists below the table.
func (c Coverage) lists(b *strings.Builder, o PrintOptions) {
	list := func(title string, lines []string) {
		if len(lines) > 0 {
			fmt.Fprintf(b, "\n%s (%d):\n  %s\n", title, len(lines), strings.Join(lines, "\n  "))
		}
	}
	var entries, gaps, reasons, faults []string
	for _, e := range c.Entries {
		entries = append(entries, e.line(o.Outcomes[e.ID]))
		switch {
		case e.Gap():
			gaps = append(gaps, fmt.Sprintf("%s  %s, %s: %s%s", e.ID, e.Level, e.Testable, e.Text, e.watched()))
		case e.Testable != None && !e.Covered():
			reasons = append(reasons, fmt.Sprintf("%s  %s: %s%s", e.ID, e.Level, e.Reason, e.watched()))
		}
	}
	for _, f := range c.Faults {
		faults = append(faults, f.Error())
	}
	if o.Entries {
		list("requirements", entries)
	}
	if o.Gaps {
		list("testable, without a check or a reason", gaps)
	}
	if o.Reasons {
		list("testable, without a check for a reason", reasons)
	}
	list("reasons to remove, for there is a check", c.Stale)
	list("faults", faults)
}

// line is the entry with what covers it and, if there is one, its outcome in a report.
func (e Entry) line(outcome string) string {
	covers := strings.Join(e.Checks, ", ")
	switch {
	case e.Covered():
	case e.Reason != "":
		covers = "no check: " + e.Reason
	case e.Gap():
		covers = "gap"
	default:
		covers = "not testable"
	}
	if outcome != "" {
		covers = outcome + ": " + covers
	}
	return fmt.Sprintf("%s  %s  %s%s", e.ID, e.Level, covers, e.watched())
}

// watched says that the judge looks at it, where it does.
func (e Entry) watched() string {
	if e.Judge {
		return " (watched by the judge)"
	}
	return ""
}
