// Package grouprecord is the record of a multicast group in a report of IGMPv3 (RFC 3376, section 4.2.4) and of MLDv2 (RFC
// 3810, section 5.2.4): the same layout, with addresses of 4 and of 16 octets.
package grouprecord

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Record types (RFC 3376, section 4.2.12; RFC 3810, section 5.2.12).
const (
	ModeIsInclude       = 1
	ModeIsExclude       = 2
	ChangeToIncludeMode = 3
	ChangeToExcludeMode = 4
	AllowNewSources     = 5
	BlockOldSources     = 6
)

var recordNames = map[uint8]string{
	ModeIsInclude: "IS_IN", ModeIsExclude: "IS_EX", ChangeToIncludeMode: "TO_IN", ChangeToExcludeMode: "TO_EX",
	AllowNewSources: "ALLOW", BlockOldSources: "BLOCK",
}

// A Record tells what is wanted of a group. Its sources are a set.
type Record struct {
	Type    uint8
	Group   netip.Addr
	Sources []netip.Addr
	Aux     []byte // auxiliary data, a multiple of 4 octets; no version has any
}

// IsIn is MODE_IS_INCLUDE.
func IsIn(group netip.Addr, sources ...netip.Addr) Record {
	return Record{Type: ModeIsInclude, Group: group, Sources: sources}
}

// IsEx is MODE_IS_EXCLUDE.
func IsEx(group netip.Addr, sources ...netip.Addr) Record {
	return Record{Type: ModeIsExclude, Group: group, Sources: sources}
}

// ToIn is CHANGE_TO_INCLUDE_MODE.
func ToIn(group netip.Addr, sources ...netip.Addr) Record {
	return Record{Type: ChangeToIncludeMode, Group: group, Sources: sources}
}

// ToEx is CHANGE_TO_EXCLUDE_MODE.
func ToEx(group netip.Addr, sources ...netip.Addr) Record {
	return Record{Type: ChangeToExcludeMode, Group: group, Sources: sources}
}

// Allow is ALLOW_NEW_SOURCES.
func Allow(group netip.Addr, sources ...netip.Addr) Record {
	return Record{Type: AllowNewSources, Group: group, Sources: sources}
}

// Block is BLOCK_OLD_SOURCES.
func Block(group netip.Addr, sources ...netip.Addr) Record {
	return Record{Type: BlockOldSources, Group: group, Sources: sources}
}

// Equal tells whether two records say the same: sources in any order, none of them twice.
func (r Record) Equal(o Record) bool {
	return r.Type == o.Type && r.Group == o.Group && string(r.Aux) == string(o.Aux) && slices.Equal(sorted(r.Sources), sorted(o.Sources))
}

func sorted(as []netip.Addr) []netip.Addr {
	as = slices.Clone(as)
	slices.SortFunc(as, netip.Addr.Compare)
	return as
}

func (r Record) String() string {
	name := recordNames[r.Type]
	if name == "" {
		name = fmt.Sprintf("type %d", r.Type)
	}
	var parts []string
	for _, s := range sorted(r.Sources) {
		parts = append(parts, s.String())
	}
	return fmt.Sprintf("%s(%s {%s})", name, r.Group, strings.Join(parts, " "))
}

// Encode gives the octets of records.
func Encode(rs ...Record) (b []byte) {
	for _, r := range rs {
		b = append(b, r.Type, byte(len(r.Aux)/4))
		b = binary.BigEndian.AppendUint16(b, uint16(len(r.Sources)))
		b = append(append(b, r.Group.AsSlice()...), Octets(r.Sources)...)
		b = append(b, r.Aux...)
	}
	return b
}

// Octets are addresses, one behind the other.
func Octets(addrs []netip.Addr) (b []byte) {
	for _, a := range addrs {
		b = append(b, a.AsSlice()...)
	}
	return b
}

// Parse reads at most n records with addresses of some octets and gives what follows them. A record that goes beyond the end
// of b is no record.
func Parse(b []byte, n, address int) (rs []Record, rest []byte) {
	for range n {
		if len(b) < 4+address {
			return rs, b
		}
		sources, aux := int(binary.BigEndian.Uint16(b[2:])), 4*int(b[1])
		end := 4 + address + address*sources + aux
		if end > len(b) {
			return rs, b
		}
		at := func(i int) netip.Addr {
			a, _ := netip.AddrFromSlice(b[4+address*i : 4+address*(i+1)])
			return a
		}
		r := Record{Type: b[0], Group: at(0), Aux: slices.Clone(b[end-aux : end])}
		for i := range sources {
			r.Sources = append(r.Sources, at(1+i))
		}
		rs, b = append(rs, r), b[end:]
	}
	return rs, b
}
