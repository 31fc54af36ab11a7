package report

import (
	"fmt"
	"io"
	"strings"
)

// maxListed is how many checks that are not as expected the Markdown lists; a job's page is bounded.
const maxListed = 50

// WriteMarkdown writes a summary of a complete report, for the page of a CI job: the conclusion, the outcomes by suite, and
// what is not as expected.
func WriteMarkdown(w io.Writer, r *Report) error {
	var b strings.Builder
	fmt.Fprintf(&b, "## Conformance of %s\n\n", Markdown(r.Target.Name))
	fmt.Fprintf(&b, "**%s**: %s, %s, %s.\n\n", Markdown(r.Conclusion()), plural(len(r.Checks), "check"),
		plural(len(r.Requirements), "requirement"), Markdown(strings.TrimSpace(r.Target.Kind+" "+r.Target.Version)))
	suites := map[string]Summary{}
	for _, c := range r.Checks {
		if suites[c.Suite] == nil {
			suites[c.Suite] = Summary{}
		}
		suites[c.Suite][c.Outcome]++
	}
	columns := []Outcome{Pass, Fail, ExpectedFail, UnexpectedPass, Inconclusive, NotApplicable, Error}
	b.WriteString("| suite |")
	for _, o := range columns {
		fmt.Fprintf(&b, " %s |", o)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" ---: |", len(columns)) + "\n")
	for _, name := range sortedKeys(suites) {
		fmt.Fprintf(&b, "| %s |", Markdown(name))
		for _, o := range columns {
			if n := suites[name][o]; n > 0 {
				fmt.Fprintf(&b, " %d |", n)
			} else {
				b.WriteString(" |")
			}
		}
		b.WriteString("\n")
	}
	if r.partial() {
		b.WriteString("\n| unlocked by | |\n| --- | --- |\n")
		for _, t := range r.Tiers() {
			fmt.Fprintf(&b, "| %s | %s |\n", t.Name, Markdown(t.String()))
		}
	}
	levels, listed, more := r.levels(), 0, 0
	for i := range r.Checks {
		c := &r.Checks[i]
		switch {
		case c.Outcome == Pass || c.Outcome == ExpectedFail || c.Outcome == NotApplicable || r.tolerated(c, levels):
			continue
		case listed == maxListed:
			more++
			continue
		case listed == 0:
			b.WriteString("\n### Not as expected\n\n")
		}
		listed++
		fmt.Fprintf(&b, "* **%s** `%s` (%s): %s\n", c.Outcome, oneLine(c.ID), Markdown(strings.Join(c.Requirements, ", ")), Markdown(firstLine(c)))
	}
	if more > 0 {
		fmt.Fprintf(&b, "* and %s more\n", plural(more, "check"))
	}
	if flaky := r.flaky(); len(flaky) > 0 {
		b.WriteString("\n### Flaky: as expected only when repeated\n\n")
		for i, c := range flaky {
			if i == maxListed {
				fmt.Fprintf(&b, "* and %s more\n", plural(len(flaky)-i, "check"))
				break
			}
			first, _, _ := strings.Cut(c.Earlier[0].Message, "\n")
			fmt.Fprintf(&b, "* `%s`: first **%s**: %s\n", oneLine(c.ID), c.Earlier[0].Outcome, Markdown(first))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// Markdown makes a text that may hold anything harmless between Markdown's marks and HTML's.
func Markdown(s string) string {
	var b strings.Builder
	for _, r := range oneLine(s) {
		if strings.ContainsRune("\\`*_{}[]<>()#|!&~@", r) {
			fmt.Fprintf(&b, "&#%d;", r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
