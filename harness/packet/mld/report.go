package mld

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/conform-stack/conform/harness/packet"
)

// Tells asks for a report with a record like r, perhaps among others.
func Tells(r Record) packet.Cond {
	return Records.Where("with "+r.String(), func(b []byte) bool { return slices.ContainsFunc(records(b), r.Equal) })
}

// TellsOnly asks for a report with exactly these records, in any order.
func TellsOnly(rs ...Record) packet.Cond {
	return Records.Where("only "+list(rs), func(b []byte) bool { return SameRecords(records(b), rs) })
}

// About asks for a report with a record for a group.
func About(group netip.Addr) packet.Cond {
	return Records.Where("about "+group.String(), func(b []byte) bool {
		return slices.ContainsFunc(records(b), func(r Record) bool { return r.Group == group })
	})
}

// RecordsOf are the records of a report that are there whole; nil for any other frame.
func RecordsOf(f *packet.Frame) []Record {
	b, _ := Records.Of(f)
	return records(b)
}

func records(b []byte) []Record {
	rs, _ := parseRecords(b, len(b))
	return rs
}

// SameRecords tells whether two lists hold the same records, in any order.
func SameRecords(got, want []Record) bool {
	if len(got) != len(want) {
		return false
	}
	left := slices.Clone(got)
	for _, w := range want {
		i := slices.IndexFunc(left, w.Equal)
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return true
}

func list(rs []Record) string {
	var parts []string
	for _, r := range rs {
		parts = append(parts, r.String())
	}
	return strings.Join(parts, ", ")
}
