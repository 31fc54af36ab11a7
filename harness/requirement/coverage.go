package requirement

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A CheckRef is a check, or a rule of the judge, with the requirements that it proves.
type CheckRef struct {
	ID           string
	Requirements []string
}

// Coverage holds the catalogue against the checks.
type Coverage struct {
	Entries []Entry  // in the order of the catalogue
	Faults  []Fault  // of checks, in the order of their ids
	Stale   []string // requirements with a check and also a written reason for having none
}

// An Entry is one requirement with what covers it.
type Entry struct {
	Requirement
	Checks []string // that prove it, sorted
	Reason string   // written, why it has none
	Judge  bool     // a rule of the judge holds it against every frame, whatever a check is about; which is no check
}

// Covered tells whether some check proves the requirement.
func (e Entry) Covered() bool { return len(e.Checks) > 0 }

// Gap tells whether the requirement is testable and has neither a check nor a written reason.
func (e Entry) Gap() bool { return e.Testable != None && !e.Covered() && e.Reason == "" }

// A Fault is a check that names a requirement which does not exist, or none at all.
type Fault struct {
	Check       string
	Requirement string // empty when the check names none
}

func (f Fault) Error() string {
	if f.Requirement == "" {
		return fmt.Sprintf("check %s names no requirement", f.Check)
	}
	return fmt.Sprintf("check %s names requirement %q, which the catalogue does not have", f.Check, f.Requirement)
}

// Cover holds the catalogue against the checks.
func Cover(catalogue *Catalogue, checks []CheckRef) Coverage {
	var c Coverage
	proofs := make(map[string][]string)
	for _, check := range checks {
		if len(check.Requirements) == 0 {
			c.Faults = append(c.Faults, Fault{Check: check.ID})
		}
		for _, id := range check.Requirements {
			if _, ok := catalogue.Get(id); !ok {
				c.Faults = append(c.Faults, Fault{check.ID, id})
				continue
			}
			proofs[id] = append(proofs[id], check.ID)
		}
	}
	slices.SortFunc(c.Faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Check, b.Check), Compare(a.Requirement, b.Requirement))
	})
	for _, r := range catalogue.All() {
		reason, excused := catalogue.Untested(r.ID)
		slices.Sort(proofs[r.ID])
		e := Entry{Requirement: r, Checks: slices.Compact(proofs[r.ID]), Reason: reason}
		if excused && e.Covered() {
			c.Stale = append(c.Stale, r.ID)
		}
		c.Entries = append(c.Entries, e)
	}
	return c
}

// Watched notes the requirements that rules of the judge are about. That covers none of them: the judge sees what a target
// happens to send, and asks for nothing.
func (c Coverage) Watched(ids []string) Coverage {
	c.Entries = slices.Clone(c.Entries)
	for i := range c.Entries {
		c.Entries[i].Judge = slices.Contains(ids, c.Entries[i].ID)
	}
	return c
}

// Filter keeps the entries of the specifications and groups that are named. Naming none of a kind keeps all of it. A name
// that the coverage does not have is an error.
func (c Coverage) Filter(specs, groups []string) (Coverage, error) {
	for _, spec := range specs {
		if !slices.ContainsFunc(c.Entries, func(e Entry) bool { return e.Spec == spec }) {
			return c, fmt.Errorf("specification %q is not in the catalogue: names are such as %q", spec, c.Entries[0].Spec)
		}
	}
	for _, group := range groups {
		if !slices.ContainsFunc(c.Entries, func(e Entry) bool { return e.Group == group }) {
			return c, fmt.Errorf("group %q is not in the catalogue", group)
		}
	}
	kept := c
	kept.Entries = nil
	for _, e := range c.Entries {
		if (len(specs) == 0 || slices.Contains(specs, e.Spec)) && (len(groups) == 0 || slices.Contains(groups, e.Group)) {
			kept.Entries = append(kept.Entries, e)
		}
	}
	return kept, nil
}

// Binding keeps the entries that bind one of these roles, those that bind both sides included. Naming none keeps all.
func (c Coverage) Binding(named ...string) (Coverage, error) {
	for _, role := range named {
		if !isRole(role) {
			return c, fmt.Errorf("role %q is unknown: roles are %s", role, strings.Join(roles(), ", "))
		}
	}
	if len(named) > 0 {
		c.Entries = slices.DeleteFunc(slices.Clone(c.Entries), func(e Entry) bool {
			return e.Role != "both" && !slices.Contains(named, e.Role)
		})
	}
	return c, nil
}

// Gaps are the testable requirements without a check and without a written reason.
func (c Coverage) Gaps() []Entry {
	var gaps []Entry
	for _, e := range c.Entries {
		if e.Gap() {
			gaps = append(gaps, e)
		}
	}
	return gaps
}

// Err gives the first fault of a check, and tells how many there are. It is nil without one; gaps are none.
func (c Coverage) Err() error {
	switch n := len(c.Faults); n {
	case 0:
		return nil
	case 1:
		return c.Faults[0]
	default:
		return fmt.Errorf("%w (one of %d such faults)", c.Faults[0], n)
	}
}
