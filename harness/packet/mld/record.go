package mld

import (
	"net/netip"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/grouprecord"
)

// A Record is a multicast address record (RFC 3810, section 5.2.4).
type Record = grouprecord.Record

// Record types (RFC 3810, section 5.2.12).
const (
	ModeIsInclude       = grouprecord.ModeIsInclude
	ModeIsExclude       = grouprecord.ModeIsExclude
	ChangeToIncludeMode = grouprecord.ChangeToIncludeMode
	ChangeToExcludeMode = grouprecord.ChangeToExcludeMode
	AllowNewSources     = grouprecord.AllowNewSources
	BlockOldSources     = grouprecord.BlockOldSources
)

// The records by the names that RFC 3810, section 5.2.12, writes them with, and what is done with them.
var (
	IsIn, IsEx, ToIn, ToEx = grouprecord.IsIn, grouprecord.IsEx, grouprecord.ToIn, grouprecord.ToEx
	Allow, Block           = grouprecord.Allow, grouprecord.Block
	Encode, SameRecords    = grouprecord.Encode, grouprecord.Same
)

// Tells asks for a report with a record like r, perhaps among others.
func Tells(r Record) packet.Cond { return records().Tells(r) }

// TellsOnly asks for a report with exactly these records, in any order.
func TellsOnly(rs ...Record) packet.Cond { return records().TellsOnly(rs...) }

// About asks for a report with a record for a group.
func About(group netip.Addr) packet.Cond { return records().About(group) }

// RecordsOf are the records of a report that are there whole; nil for any other frame.
func RecordsOf(f *packet.Frame) []Record { return records().RecordsOf(f) }

func records() grouprecord.Field { return grouprecord.Field{Field: Records, Address: 16} }
