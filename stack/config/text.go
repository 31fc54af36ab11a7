package config

import (
	"errors"
	"fmt"
	"strings"
)

// Text writes a configuration as a fragment, with nothing left open: everything that has an effect, layer by layer. Load
// makes the same configuration of it. What lacks a thing that it needs is left out, as it has no effect. The error tells
// of values that no fragment can say: durations that are no multiple of their symbol's unit.
func Text(c Config) (string, error) {
	c, err := c.Resolve()
	if err != nil {
		return "", err
	}
	d, _ := draftOf(&c) // it resolved
	var b strings.Builder
	var errs []error
	i := -1
	for _, l := range layers {
		head := "\n# " + l.Title + "\n"
		if b.Len() == 0 {
			head = head[1:]
		}
		for range l.Symbols {
			i++
			s := table[i]
			if needs[i] != nil && !needs[i].holds(d.value) {
				continue
			}
			if h := s.read(&c); h.rest != 0 {
				errs = append(errs, fmt.Errorf("config: %s is %v; %s counts in %s of %v", s.Field(), deref(s.at(&c)), s.Full(), s.Unit, s.one))
			}
			b.WriteString(head)
			head = ""
			b.WriteString(Assignment{Symbol: s.Name, Value: s.format(d.values[i])}.String())
			b.WriteByte('\n')
		}
	}
	return b.String(), errors.Join(errs...)
}

// A Setting is what a configuration has for a symbol.
type Setting struct {
	Symbol *Symbol
	Value  string // as a fragment has it
	Active bool   // what the symbol needs is there
}

// Settings are those of a configuration, in the order of the table. The error is that of Resolve.
func Settings(c Config) ([]Setting, error) {
	c, err := c.Resolve()
	if err != nil {
		return nil, err
	}
	d, _ := draftOf(&c) // it resolved
	list := make([]Setting, len(table))
	for i, s := range table {
		list[i] = Setting{s, s.format(d.values[i]), needs[i] == nil || needs[i].holds(d.value)}
	}
	return list, nil
}
