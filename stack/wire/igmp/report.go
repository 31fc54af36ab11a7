package igmp

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// A ReportV3 is a version 3 Membership Report (RFC 3376, 4.2).
type ReportV3 struct {
	Reserved1 uint8
	Checksum  uint16
	Reserved2 uint16
	Records   Records
}

// Records are the group records of a report as they stand on the wire, all of them whole. Append makes them; ranging is
//
//	for rest := report.Records; len(rest) > 0; {
//		var record igmp.Record
//		record, rest = rest.Next()
//	}
type Records []byte

// A Record is a group record (RFC 3376, 4.2.4). Its slices alias the report.
type Record struct {
	Type      RecordType
	Group     ipv4.Addr
	SourceSet Sources
	Aux       []byte // auxiliary data, a multiple of 4 octets, at most 1020; version 3 sends none
}

// ParseReport reads a report, the records as many as it says. The rest is what follows them, which is part of the
// checksum only (RFC 3376, 4.2.11).
func ParseReport(b []byte) (p ReportV3, rest []byte, err error) {
	r := wire.NewReader(b)
	t := Type(r.U8())
	p = ReportV3{Reserved1: r.U8(), Checksum: r.U16(), Reserved2: r.U16()}
	count := r.U16()
	all := r.Rest()
	switch {
	case r.Short():
		return ReportV3{}, nil, wire.ErrShort
	case t != V3Report:
		return ReportV3{}, nil, ErrType
	}
	r = wire.NewReader(all)
	for range count {
		readRecord(&r)
		if r.Short() {
			return ReportV3{}, nil, wire.ErrShort
		}
	}
	if n := len(all) - r.Len(); n > 0 {
		p.Records = Records(all[:n:n])
	}
	return p, r.Rest(), nil
}

// AppendReport adds a report to b.
func AppendReport(b []byte, p ReportV3) []byte {
	b = append(b, byte(V3Report), p.Reserved1)
	b = binary.BigEndian.AppendUint16(b, p.Checksum)
	b = binary.BigEndian.AppendUint16(b, p.Reserved2)
	b = binary.BigEndian.AppendUint16(b, uint16(p.Records.Len()))
	return append(b, p.Records...)
}

// Len is the number of records.
func (s Records) Len() (n int) {
	for len(s) > 0 {
		_, s = s.Next()
		n++
	}
	return n
}

// Next is the first record and those after it. What is not whole records, which ParseReport never returns, reads as one
// zero record and ends the list.
func (s Records) Next() (Record, Records) {
	r := wire.NewReader(s)
	rec := readRecord(&r)
	if r.Short() {
		return Record{}, nil
	}
	return rec, Records(r.Rest())
}

// Append adds a record. Aux is padded with zero to a multiple of 4 octets.
func (s Records) Append(rec Record) Records {
	words := (len(rec.Aux) + 3) / 4
	s = append(s, byte(rec.Type), byte(words))
	s = binary.BigEndian.AppendUint16(s, uint16(rec.SourceSet.Len()))
	s = append(s, rec.Group[:]...)
	s = append(s, rec.SourceSet[:4*rec.SourceSet.Len()]...)
	s = append(s, rec.Aux...)
	for range 4*words - len(rec.Aux) {
		s = append(s, 0)
	}
	return s
}

func readRecord(r *wire.Reader) (rec Record) {
	rec.Type = RecordType(r.U8())
	aux, n := r.U8(), r.U16()
	rec.Group = r.Four()
	rec.SourceSet = sources(r, n)
	if aux > 0 {
		rec.Aux = r.Bytes(4 * int(aux))
	}
	return rec
}

func (p ReportV3) String() string {
	var b strings.Builder
	b.WriteString("IGMP v3 report")
	for rest := p.Records; len(rest) > 0; {
		var rec Record
		rec, rest = rest.Next()
		fmt.Fprintf(&b, " [%v %v %d sources]", rec.Type, rec.Group, rec.SourceSet.Len())
	}
	return b.String()
}
