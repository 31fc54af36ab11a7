package igmp

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/conform-stack/conform/harness/packet"
)

// Report3Proto is a version 3 membership report (RFC 3376, section 4.2).
var Report3Proto = packet.Define("IGMPv3 report", reportLayer, 8)

var (
	Report3Type     = packet.Uint(Report3Proto, "type", 0, 8, packet.Named(typeNames))
	Reserved1       = packet.Uint(Report3Proto, "reserved", 8, 8)
	Report3Checksum = packet.Uint(Report3Proto, "checksum", 16, 16, packet.Hex())
	Reserved2       = packet.Uint(Report3Proto, "reserved", 32, 16)
	NumRecords      = packet.Uint(Report3Proto, "number of group records", 48, 16)
	// Records are the group records: Encode makes them, RecordsOf reads them.
	Records = packet.Variable(Report3Proto, "group records", tailAt(8), replaceTail(8))
)

// Report3 is any version 3 report.
func Report3(conds ...packet.Cond) packet.Template { return Report3Proto.Layer(conds...) }

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

// RecordsOf are the group records of a report that are there whole; nil for any other frame.
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

func report3Summary(h, _ []byte) string {
	if len(h) < 8 {
		return "IGMPv3 report"
	}
	return fmt.Sprintf("IGMPv3 report: %s", list(records(h[8:])))
}

func init() {
	Report3Proto.Rules = packet.Rules{
		Below:      below,
		IPProtocol: protocol,
		Defaults:   func(packet.Env, *packet.Layer) []packet.Cond { return []packet.Cond{Report3Type.Is(TypeV3Report)} },
		Fix: func(s *packet.Sealing) {
			packet.Put(s, NumRecords, uint(len(records(s.Header[8:]))))
			seal(s, Report3Checksum)
		},
		Summary: report3Summary,
	}
}
