package config

import (
	"fmt"
	"slices"
	"strings"
)

// An origin is where a value is from.
type origin struct {
	kind     originKind
	fragment int // index
	file     string
	line     int
}

type originKind uint8

const (
	fromProfile originKind = iota // or from the table
	fromField                     // of a Config
	fromFragment
)

// A draft is a configuration in the making: a value for each symbol of the table.
type draft struct {
	values   []value
	from     []origin
	problems []Problem
}

// newDraft begins with a profile.
func newDraft(p Profile) *draft {
	return &draft{values: slices.Clone(bases[p]), from: make([]origin, len(table))}
}

func (d *draft) problem(o origin, format string, args ...any) {
	d.problems = append(d.problems, Problem{File: o.file, Line: o.line, Text: fmt.Sprintf(format, args...)})
}

// set gives a symbol a value. A member of a choice that becomes y makes the others n.
func (d *draft) set(i int, v value, o origin) {
	if s := table[i]; s.Choice != "" && v.n != 0 {
		for _, k := range members(s.Choice) {
			d.values[k], d.from[k] = value{}, origin{}
		}
	}
	d.values[i], d.from[i] = v, o
}

// takeFields takes over what a Config says.
func (d *draft) takeFields(c *Config) {
	o := origin{kind: fromField}
	for i, s := range table {
		h := s.read(c)
		switch {
		case !h.set:
		case h.wrong != "":
			if members(s.Choice)[0] == i { // once for them all
				d.problem(o, "%s is %s", s.Field(), h.wrong)
			}
		case s.Choice != "" && h.v.n == 0: // another member is y
		default:
			d.set(i, h.v, o)
			if s.Type == Int && (!s.fits(h.v.n) || h.v.n == s.Max && h.rest > 0) {
				d.problem(o, "%s is %v; %s takes %s", s.Field(), deref(s.at(c)), s.Full(), s.Range())
			}
		}
	}
}

// takeFragment takes over what a fragment says, and says what cannot be taken.
func (d *draft) takeFragment(n int, f Fragment) {
	list, problems := Parse(f)
	d.problems = append(d.problems, problems...)
	lines := map[int]int{} // in which a symbol was set
	for _, a := range list {
		o := origin{fromFragment, n, f.Name, a.Line}
		i, ok := byName[a.Symbol]
		if !ok {
			d.problem(o, "there is no %s%s; the nearest is %s%s", prefix, a.Symbol, prefix, Nearest(a.Symbol))
			continue
		}
		s := table[i]
		if before := lines[i]; before != 0 {
			d.problem(o, "%s is set in line %d as well; this line counts", s.Full(), before)
			d.problems[len(d.problems)-1].Warning = true
		}
		lines[i] = a.Line
		v, ok := s.parse(a.Value)
		switch {
		case !ok && a.Value == "m":
			d.problem(o, "%s is m, but there are no modules; it takes %s", s.Full(), s.takes())
		case !ok:
			d.problem(o, "%s is %s; it takes %s", s.Full(), a.Value, s.takes())
		case s.Type == Int && !s.fits(v.n):
			d.problem(o, "%s is %d; it takes %s", s.Full(), v.n, s.Range())
		default:
			if other := d.rival(i, o); v.n != 0 && other >= 0 {
				d.problem(o, "%s and %s (line %d) are y, but of %s only one can be", s.Full(), table[other].Full(), d.from[other].line, s.Choice)
				continue
			}
			d.set(i, v, o)
		}
	}
}

// rival is another member of a symbol's choice that the same fragment made y; -1 when there is none.
func (d *draft) rival(i int, o origin) int {
	for _, k := range members(table[i].Choice) {
		if k != i && d.values[k].n != 0 && d.from[k].kind == fromFragment && d.from[k].fragment == o.fragment {
			return k
		}
	}
	return -1
}

// settle checks the whole: dependencies and choices. What a profile has on and what lacks a thing that it needs is off,
// as with Kconfig; what somebody asked for and cannot have is a problem. A number that a Config carries for something
// that is off is not looked at, since a Config carries them all.
func (d *draft) settle() {
	for i, s := range table {
		d.settleNeed(i, s)
		if s.Choice != "" && members(s.Choice)[0] == i {
			d.settleChoice(s.Choice)
		}
	}
	for _, r := range less {
		i, k := byName[r.name], byName[r.than]
		if needs[i].holds(d.value) && d.values[i].n >= d.values[k].n {
			d.problem(d.from[i], "%s is %d; it has to be less than %s, which is %d", table[i].Full(), d.values[i].n, table[k].Full(), d.values[k].n)
		}
	}
}

// less are numbers that have to be less than others in the same unit.
var less = []struct{ name, than string }{ // never written
	{"NET_IPV6_PE_TEMP_PREFERRED_LIFETIME", "NET_IPV6_PE_TEMP_VALID_LIFETIME"}, // RFC 8981, 3.8
}

func (d *draft) value(name string) value { return d.values[byName[name]] }

func (d *draft) settleNeed(i int, s *Symbol) {
	if needs[i] == nil || needs[i].holds(d.value) || s.Type == Bool && d.values[i].n == 0 {
		return
	}
	var lacks, have []string
	for _, part := range unmet(needs[i], d.value) {
		lacks = append(lacks, part.String())
		for _, name := range part.names() {
			k := byName[name]
			if text := table[k].Full() + " is " + table[k].format(d.values[k]); !slices.Contains(have, text) {
				have = append(have, text)
			}
		}
	}
	but := strings.Join(lacks, " && ") + "; " + strings.Join(have, ", ")
	switch o := d.from[i]; {
	case o.kind == fromFragment:
		d.problem(o, "%s is %s, but it needs %s", s.Full(), s.format(d.values[i]), but)
	case o.kind == fromField && s.Choice != "" && !d.open(s.Choice): // nor is a choice
	case o.kind == fromField && s.Choice != "":
		d.problem(o, "%s is %v, but %s needs %s", s.Field(), s.is, s.Full(), but)
	case o.kind == fromField && s.Type == Bool:
		d.problem(o, "%s is %s, but %s needs %s", s.Field(), s.onOff(), s.Full(), but)
	case s.Type == Bool && s.Choice == "":
		d.values[i] = value{}
	}
}

// open tells whether any member of a choice has what it needs.
func (d *draft) open(choice string) bool {
	return slices.ContainsFunc(members(choice), func(i int) bool { return needs[i] == nil || needs[i].holds(d.value) })
}

// settleChoice asks for one member that is y.
func (d *draft) settleChoice(choice string) {
	list := members(choice)
	var names []string
	var off origin
	for _, i := range list {
		if d.values[i].n != 0 {
			return
		}
		names = append(names, table[i].Full())
		if d.from[i].kind == fromFragment {
			off = d.from[i]
		}
	}
	d.problem(off, "no member of %s is y; one must be: %s", choice, strings.Join(names, ", "))
}

// config is c with what its fields leave open taken from the draft, fragments included.
func (d *draft) config(c Config) Config {
	for i, s := range table {
		if d.from[i].kind != fromField {
			s.write(&c, d.values[i])
		}
	}
	for i, s := range table {
		if s.auto != nil && d.values[i].n == 0 {
			d.values[i].n = s.auto(s, &c)
			s.write(&c, d.values[i])
		}
	}
	return c
}
