package config

import (
	"cmp"
	_ "embed"
	"errors"
	"reflect"
	"slices"
)

// The profiles are fragments over the table's defaults.
var ( // never written
	//go:embed rfc.conf
	rfcText string
	//go:embed zephyr.conf
	zephyrText string

	profiles = map[Profile]Fragment{RFC: {"rfc.conf", rfcText}, Zephyr: {"zephyr.conf", zephyrText}}
	bases    = map[Profile][]value{RFC: baseOf(RFC), Zephyr: baseOf(Zephyr)}
)

// Text is the fragment that a profile is; empty when there is no such profile.
func (p Profile) Text() string { return profiles[p].Text }

// baseOf is the table's defaults with a profile's fragment over them. Dependencies are looked at later, when it is known
// what the user changes.
func baseOf(p Profile) []value {
	d := &draft{values: make([]value, len(table)), from: make([]origin, len(table))}
	for i, s := range table {
		v, ok := s.parse(s.Default)
		if !ok {
			panic("config: the table's default of " + s.Name + " is " + s.Default)
		}
		d.values[i] = v
	}
	d.takeFragment(0, profiles[p])
	if len(d.problems) > 0 {
		panic(d.problems[0].Error())
	}
	return d.values
}

// Check puts fragments over a configuration, later ones over earlier ones, and tells everything that is wrong, warnings
// included. A field of c that is not set is the profile's; a fragment may name the profile, too. The Config has what c
// and the fragments set, and the rest as open as it was: Resolve closes it, and finds no more problems.
func Check(c Config, fragments ...Fragment) (Config, []Problem) {
	for _, f := range fragments {
		list, _ := Parse(f)
		for _, a := range list {
			if s := Find(a.Symbol); s != nil && s.Choice == profileChoice && a.Value == "y" {
				c.Profile = s.is.(Profile)
			}
		}
	}
	d, err := draftOf(&c)
	if err != nil {
		return c, []Problem{*err}
	}
	for n, f := range fragments {
		d.takeFragment(n, f)
	}
	d.settle()
	place := map[string]int{}
	for n, f := range fragments {
		place[f.Name] = n + 1
	}
	slices.SortStableFunc(d.problems, func(a, b Problem) int {
		return cmp.Or(place[a.File]-place[b.File], a.Line-b.Line)
	})
	if slices.ContainsFunc(d.problems, func(p Problem) bool { return !p.Warning }) {
		return c, d.problems
	}
	d.config(c) // for numbers that follow from others
	for i, s := range table {
		if d.from[i].kind == fromFragment {
			s.write(&c, d.values[i])
		}
	}
	return c, d.problems
}

// Load is Check for those who want a Config or an error, which joins all problems. Warnings are left out.
func Load(c Config, fragments ...Fragment) (Config, error) {
	c, problems := Check(c, fragments...)
	return c, joined(problems)
}

func joined(problems []Problem) error {
	var errs []error
	for _, p := range problems {
		if !p.Warning {
			errs = append(errs, p)
		}
	}
	return errors.Join(errs...)
}

// draftOf is a draft of the configuration's profile and of its fields.
func draftOf(c *Config) (*draft, *Problem) {
	p := c.Profile
	if p == "" {
		p = RFC
	}
	if _, ok := profiles[p]; !ok {
		s := table[members(profileChoice)[0]]
		return nil, &Problem{Text: s.Field() + " is " + s.stranger(c)}
	}
	d := newDraft(p)
	d.takeFields(c)
	return d, nil
}

// Resolve gives the configuration with the profile's values in place of zeros. The error tells of every field that is
// out of its range, and of every switch that lacks what it needs.
func (c Config) Resolve() (Config, error) {
	d, problem := draftOf(&c)
	if problem != nil {
		return c, problem
	}
	d.settle()
	if err := joined(d.problems); err != nil {
		return c, err
	}
	return d.config(c), nil
}

func deref(p any) any { return reflect.ValueOf(p).Elem().Interface() }
