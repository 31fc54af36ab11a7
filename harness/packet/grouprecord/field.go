package grouprecord

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/conform-stack/conform/harness/packet"
)

// A Field is where a kind of report has its records.
type Field struct {
	packet.Field[[]byte]
	Address int // octets of an address
}

// Tells asks for a report with a record like r, perhaps among others.
func (f Field) Tells(r Record) packet.Cond {
	return f.Where("with "+r.String(), func(b []byte) bool { return slices.ContainsFunc(f.Parse(b), r.Equal) })
}

// TellsOnly asks for a report with exactly these records, in any order.
func (f Field) TellsOnly(rs ...Record) packet.Cond {
	return f.Where("only "+List(rs), func(b []byte) bool { return Same(f.Parse(b), rs) })
}

// About asks for a report with a record for a group.
func (f Field) About(group netip.Addr) packet.Cond {
	return f.Where("about "+group.String(), func(b []byte) bool {
		return slices.ContainsFunc(f.Parse(b), func(r Record) bool { return r.Group == group })
	})
}

// RecordsOf are the records of a report that are there whole; nil for any other frame.
func (f Field) RecordsOf(in *packet.Frame) []Record {
	b, _ := f.Of(in)
	return f.Parse(b)
}

// Parse reads all records that are there whole.
func (f Field) Parse(b []byte) []Record {
	rs, _ := Parse(b, len(b), f.Address)
	return rs
}

// Same tells whether two lists hold the same records, in any order.
func Same(got, want []Record) bool {
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

// List is the text of records.
func List(rs []Record) string {
	var parts []string
	for _, r := range rs {
		parts = append(parts, r.String())
	}
	return strings.Join(parts, ", ")
}
