package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean makes a text that may hold octets from a packet or a target harmless on a terminal and in XML: what is not
// printable, and what turns the direction of writing, is written as an escape of Go. Line ends and tabs stay.
func Clean(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n' || r == '\t' || unicode.IsPrint(r):
			b.WriteString(s[i : i+n])
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		i += n
	}
	return b.String()
}

// oneLine is clean without line ends.
func oneLine(s string) string {
	return strings.Join(strings.Fields(Clean(s)), " ")
}

// indent cleans a text and sets each of its lines behind a margin, with one line end at its end.
func indent(margin, s string) string {
	s = strings.TrimRight(Clean(s), "\n")
	if s == "" {
		return ""
	}
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		if line != "" {
			lines[i] = margin + line
		}
	}
	return strings.Join(lines, "\n") + "\n"
}
