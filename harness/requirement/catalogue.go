package requirement

import (
	"cmp"
	"slices"
	"strings"
)

// A Catalogue holds requirements in order: by group, then specification, then id, numbers by their value.
type Catalogue struct {
	all      []Requirement
	byID     map[string]int    // index into all
	untested map[string]string // the written reason, by id
}

// All requirements, in order. The slice is the catalogue's: read only.
func (c *Catalogue) All() []Requirement { return c.all }

// Get finds a requirement by its id.
func (c *Catalogue) Get(id string) (Requirement, bool) {
	i, ok := c.byID[id]
	if !ok {
		return Requirement{}, false
	}
	return c.all[i], true
}

// Untested gives the written reason why a testable requirement has no check.
func (c *Catalogue) Untested(id string) (reason string, ok bool) {
	reason, ok = c.untested[id]
	return reason, ok
}

// Specs names the specifications, in order: RFC 768, RFC 791, ...
func (c *Catalogue) Specs() []string {
	var specs []string
	for _, r := range c.all {
		specs = append(specs, r.Spec)
	}
	slices.SortFunc(specs, Compare)
	return slices.Compact(specs)
}

// Groups names the folders of the catalogue, in order.
func (c *Catalogue) Groups() []string {
	var groups []string
	for _, r := range c.all {
		groups = append(groups, r.Group)
	}
	slices.Sort(groups)
	return slices.Compact(groups)
}

// order puts the requirements in order and makes them findable.
func (c *Catalogue) order() {
	slices.SortFunc(c.all, func(a, b Requirement) int {
		return cmp.Or(strings.Compare(a.Group, b.Group), Compare(a.Spec, b.Spec), Compare(a.ID, b.ID))
	})
	c.byID = make(map[string]int, len(c.all))
	for i, r := range c.all {
		c.byID[r.ID] = i
	}
}

// Compare orders ids, and names of specifications, as people do: runs of digits by their value, so that RFC 826 comes
// before RFC 1122 and 3.2.1-2 before 3.2.1-10. Texts of equal value (1 and 01) are in the order of their bytes.
func Compare(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		m, n := leadingDigits(x), leadingDigits(y)
		if m > 0 && n > 0 {
			if d := compareNumbers(x[:m], y[:n]); d != 0 {
				return d
			}
			x, y = x[m:], y[n:]
			continue
		}
		if x[0] != y[0] {
			return cmp.Compare(x[0], y[0])
		}
		x, y = x[1:], y[1:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(a, b))
}

func leadingDigits(s string) int {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n
}

// compareNumbers compares decimal numbers of any length.
func compareNumbers(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}
