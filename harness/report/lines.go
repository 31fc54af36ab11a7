package report

import (
	"fmt"
	"strings"
)

// firstLine says in one line what a check that did not pass has to tell.
func firstLine(c *Check) string {
	switch {
	case c.Message != "":
		line, _, _ := strings.Cut(c.Message, "\n")
		return line
	case len(c.Failures) > 0:
		line, _, _ := strings.Cut(c.Failures[0].Text, "\n")
		return line
	case c.Reason != "":
		return c.Reason
	}
	return c.Title
}

// details are all that a check has to tell, a paragraph each: its message, and each failure under its requirement.
func (c *Check) details() string {
	var b strings.Builder
	if c.Message != "" {
		b.WriteString(strings.TrimRight(c.Message, "\n") + "\n")
	}
	for _, f := range c.Failures {
		if f.Text != "" && f.Text == c.Message {
			continue // said already
		}
		b.WriteString(f.head() + "\n")
		b.WriteString(indentRaw(f.Text))
	}
	if c.Reason != "" {
		b.WriteString("reason: " + c.Reason + "\n")
	}
	return b.String()
}

// head names what failed: the requirement, the case, the kind, and whether it was expected.
func (f Failure) head() string {
	var parts []string
	for _, part := range []string{f.Requirement, f.Kind} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	if f.Case != "" {
		parts = append(parts, "["+f.Case+"]")
	}
	head := strings.Join(parts, " ")
	if f.Expected != "" {
		head += " (expected: " + f.Expected + ")"
	}
	return head + ":"
}

// line is a finding in one line.
func (f Finding) line() string {
	line := fmt.Sprintf("%s, in %s", f.Text, f.Check)
	if f.Count > 1 {
		line += fmt.Sprintf(", %d times", f.Count)
	}
	if f.Expected != "" {
		line += " (expected: " + f.Expected + ")"
	}
	return line
}

func indentRaw(s string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.TrimRight(s, "\n") + "\n") {
		if line != "\n" {
			b.WriteString("  ")
		}
		b.WriteString(line)
	}
	return b.String()
}
