package crosscheck

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A reading is what one decoder says of one frame: for each field its values, outermost first. Numbers are decimal.
type reading map[string][]string

func (r reading) num(field string, v uint64) { r[field] = append(r[field], strconv.FormatUint(v, 10)) }
func (r reading) str(field string, v fmt.Stringer) {
	r[field] = append(r[field], v.String())
}

func (r reading) flag(field string, v bool) {
	if v {
		r.num(field, 1)
	} else {
		r.num(field, 0)
	}
}

// Values of checksum fields, as tshark has them.
const (
	bad        = 0
	good       = 1
	notPresent = 3
)

// only keeps fields for which keep says so.
func (r reading) only(keep func(string) bool) reading {
	out := reading{}
	for k, v := range r {
		if keep(k) {
			out[k] = v
		}
	}
	return out
}

// compare fails the test for each field on which two readings differ, those included that only one of them has.
func compare(t *testing.T, what string, frame []byte, a string, ra reading, b string, rb reading) {
	t.Helper()
	fields := map[string]bool{}
	for k := range ra {
		fields[k] = true
	}
	for k := range rb {
		fields[k] = true
	}
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		if !slices.Equal(ra[k], rb[k]) {
			t.Errorf("%s: %s\n%-8s %s\n%-8s %s\nframe %x", what, k,
				a, strings.Join(ra[k], " "), b, strings.Join(rb[k], " "), frame)
		}
	}
}
