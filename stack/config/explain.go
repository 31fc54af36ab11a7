package config

import (
	"fmt"
	"strings"
)

// Explain tells of a symbol what there is to know, in lines.
func Explain(s *Symbol) string {
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "  %-9s %s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintf(&b, "%s: %s\n", s.Full(), s.Prompt)
	if s.Help != "" {
		fmt.Fprintf(&b, "  %s\n", s.Help)
	}
	line("type", "%s", s.Type)
	if r := s.Range(); r != "" {
		line("range", "%s", r)
	}
	if s.Zero != "" {
		line("0 means", "%s", s.Zero)
	}
	if s.Choice != "" {
		var others []string
		for _, i := range members(s.Choice) {
			if table[i] != s {
				others = append(others, table[i].Full())
			}
		}
		line("choice", "%s; or %s", s.Choice, strings.Join(others, ", "))
	}
	line("default", "%s", s.Default)
	for _, p := range []Profile{RFC, Zephyr} {
		line(string(p), "%s", s.Of(p))
	}
	if s.Depends != "" {
		line("needs", "%s", s.Depends)
	}
	line("source", "%s", s.Source)
	line("layer", "%s", LayerOf(s).Name)
	line("field", "Config.%s", s.Field())
	return b.String()
}

// Of is a profile's value of the symbol, as a fragment has it.
func (s *Symbol) Of(p Profile) string { return s.format(bases[p][byName[s.Name]]) }
