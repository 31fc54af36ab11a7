package expect

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
)

// A Range is a set of versions: those that meet all of its bounds. The zero Range is all versions.
type Range struct{ bounds []bound }

type bound struct {
	op      string // <, <=, >, >=, =
	version version
}

// A version is dotted numbers, as they are written. 6.1 and 6.1.0 are equal.
type version []string

// dotted are the numbers at the beginning of a version, behind a v if need be. What follows them (-rc3, +deb13) is not
// compared: it has no order that all projects share.
var dotted = regexp.MustCompile(`^v?([0-9]+(?:\.[0-9]+)*)`)

var boundForm = regexp.MustCompile(`^(<=|>=|<|>|=)([0-9]+(?:\.[0-9]+)*)$`)

// ParseRange reads bounds with spaces between them: ">=6.1 <7".
func ParseRange(s string) (Range, error) {
	var r Range
	for _, word := range strings.Fields(s) {
		m := boundForm.FindStringSubmatch(word)
		if m == nil {
			return Range{}, fmt.Errorf("versions %q: %q is no bound; a range reads such as >=6.1 <7", s, word)
		}
		r.bounds = append(r.bounds, bound{m[1], strings.Split(m[2], ".")})
	}
	return r, nil
}

func (r Range) String() string {
	var words []string
	for _, b := range r.bounds {
		words = append(words, b.op+strings.Join(b.version, "."))
	}
	return strings.Join(words, " ")
}

// Contains tells whether a version, as a target gives it, is in the range. A version that does not begin with a number
// cannot be compared, which is an error for any range but the zero one.
func (r Range) Contains(s string) (bool, error) {
	if len(r.bounds) == 0 {
		return true, nil
	}
	m := dotted.FindStringSubmatch(s)
	if m == nil {
		return false, fmt.Errorf("versions %s cannot be compared with version %q of the target", r, s)
	}
	v := version(strings.Split(m[1], "."))
	for _, b := range r.bounds {
		if !b.holds(v.compare(b.version)) {
			return false, nil
		}
	}
	return true, nil
}

// holds tells whether the bound allows a version that compares so with it.
func (b bound) holds(order int) bool {
	switch b.op {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	}
	return order == 0
}

// compare orders versions, number by number; missing ones are 0.
func (v version) compare(w version) int {
	for i := range max(len(v), len(w)) {
		if d := compareNumbers(v.number(i), w.number(i)); d != 0 {
			return d
		}
	}
	return 0
}

// number i, without leading zeros: 0 is empty.
func (v version) number(i int) string {
	if i >= len(v) {
		return ""
	}
	return strings.TrimLeft(v[i], "0")
}

// compareNumbers compares decimal numbers of any length that have no leading zeros.
func compareNumbers(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
}
