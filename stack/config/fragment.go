package config

import (
	"fmt"
	"os"
	"strings"
)

// A Fragment is a part of a configuration, in the notation of Kconfig's prj.conf:
//
//	# a comment
//	CONFIG_NET_TC_RX_COUNT=4
//	CONFIG_NET_UDP=y
//	# CONFIG_NET_TCP is not set
//
// The line that looks like a comment is what Kconfig's own tools write for CONFIG_NET_TCP=n.
type Fragment struct {
	Name string // of the file, for messages
	Text string
}

// File reads a fragment.
func File(name string) (Fragment, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return Fragment{}, err
	}
	return Fragment{Name: name, Text: string(b)}, nil
}

// Lines is a fragment of lines that stand in no file; name says in messages where they are from.
func Lines(name string, lines ...string) Fragment {
	return Fragment{Name: name, Text: strings.Join(lines, "\n")}
}

// A Problem is one thing that is wrong with a configuration, in one sentence.
type Problem struct {
	File    string // empty when it is about no fragment
	Line    int    // from 1
	Text    string
	Warning bool // it can be lived with
}

func (p Problem) Error() string {
	if p.File == "" {
		return "config: " + p.Text
	}
	text := p.Text
	if p.Warning {
		text = "warning: " + text
	}
	return fmt.Sprintf("%s:%d: %s", p.File, p.Line, text)
}

// An Assignment is one line of a fragment that sets something.
type Assignment struct {
	Line   int
	Symbol string // without CONFIG_
	Value  string // as written, quotes and all
}

func (a Assignment) String() string {
	if a.Value == "n" {
		return "# " + prefix + a.Symbol + " is not set"
	}
	return prefix + a.Symbol + "=" + a.Value
}

// Parse reads a fragment. It looks at the form of lines only: whether there is such a symbol, and whether it takes such
// a value, Load knows. Lines end with LF or CRLF; white space at their end does not count, anywhere else it does.
func Parse(f Fragment) (list []Assignment, problems []Problem) {
	number := 0
	for line := range strings.Lines(strings.TrimPrefix(f.Text, "\ufeff")) {
		number++
		line = strings.TrimRight(line, " \t\r\n")
		name, val, ok := assignment(line)
		switch {
		case ok:
			list = append(list, Assignment{number, name, val})
		case line == "" || strings.HasPrefix(strings.TrimLeft(line, " \t"), "#"):
		default:
			problems = append(problems, Problem{File: f.Name, Line: number, Text: fmt.Sprintf("%q is no setting%s", line, lesson(line))})
		}
	}
	return list, problems
}

// assignment takes a line apart.
func assignment(line string) (name, val string, ok bool) {
	if rest, found := strings.CutPrefix(line, "# "+prefix); found {
		name, ok = strings.CutSuffix(rest, " is not set")
		return name, "n", ok && isName(name)
	}
	rest, found := strings.CutPrefix(line, prefix)
	name, val, set := strings.Cut(rest, "=")
	return name, val, found && set && isName(name) && val != "" && val == strings.TrimLeft(val, " \t")
}

func isName(s string) bool {
	for i := range len(s) {
		if !isNameByte(s[i]) {
			return false
		}
	}
	return s != ""
}

// lesson says what to write instead of a line.
func lesson(line string) string {
	name, _, set := strings.Cut(line, "=")
	switch trimmed := strings.TrimSpace(line); {
	case trimmed != line:
		return "; it must begin in the first column"
	case set && (strings.TrimSpace(name) != name || strings.ContainsAny(line, " \t")):
		return "; there must be no space around ="
	case set && isName(name) && !strings.HasPrefix(name, prefix):
		return "; names begin with CONFIG_: " + prefix + line
	case set && isName(name):
		return "; the value is missing"
	}
	return "; write CONFIG_NAME=value, # CONFIG_NAME is not set, or a comment that begins with #"
}

// Print writes assignments as a fragment that parses to them.
func Print(list []Assignment) string {
	var b strings.Builder
	for _, a := range list {
		b.WriteString(a.String())
		b.WriteByte('\n')
	}
	return b.String()
}
