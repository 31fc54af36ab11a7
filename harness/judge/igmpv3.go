package judge

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// igmpv3 is what version 3 adds: records in a report, sources in a query.
type igmpv3 struct {
	*igmp
	records []igmpRecord
	claimed int  // number of records or sources that the message says it has
	short   bool // it ends before them
	extra   int  // octets behind them
}

type igmpRecord struct {
	at      int // offset in the message
	kind    uint8
	aux     uint8
	sources int
	group   netip.Addr
}

func readIGMPv3(m *igmp) *igmpv3 {
	v := &igmpv3{igmp: m}
	c := cursor{b: m.m[8:]}
	if m.is(igmpQuery) {
		c.take(2)
		v.claimed = int(c.u16())
		c.take(4 * v.claimed)
		v.short, v.extra = c.short, len(c.b)
		return v
	}
	v.claimed = int(binary.BigEndian.Uint16(m.m[6:]))
	for range v.claimed {
		r := igmpRecord{at: len(m.m) - len(c.b), kind: c.u8(), aux: c.u8(), sources: int(c.u16()), group: c.ip()}
		c.take(4*r.sources + 4*int(r.aux))
		if c.short {
			v.short = true
			return v
		}
		v.records = append(v.records, r)
	}
	v.extra = len(c.b)
	return v
}

func (v *igmpv3) report() bool { return v.is(igmpV3Report) }

// eachRecord returns the first fault among the records of a report.
func (v *igmpv3) eachRecord(judge func(igmpRecord) *fault) *fault {
	for _, r := range v.records {
		if f := judge(r); f != nil {
			return f
		}
	}
	return nil
}

var igmpv3Rules = []rule[igmpv3]{
	{Rule{"igmpv3.report.reserved", "RFC3376:4.2.1-1", "reserved", "the reserved fields of a report are zero"},
		func(v *igmpv3) *fault {
			for _, at := range []int{1, 4, 5} {
				if v.report() && v.m[at] != 0 {
					return &fault{v.base + at, octet(v.m, at), "0"}
				}
			}
			return nil
		}},
	{Rule{"igmpv3.report.records", "RFC3376:4.2.3-1", "number of group records", "the number of records is that of the records in the report"},
		func(v *igmpv3) *fault {
			return when(v.report() && v.short && v.whole, v.base+6, v.claimed, fmt.Sprintf("the %d that are there whole", len(v.records)))
		}},
	{Rule{"igmpv3.report.extra", "RFC3376:4.2.11-1", "length", "no octets follow the last record"},
		func(v *igmpv3) *fault {
			return when(v.report() && v.extra > 0, v.base+len(v.m)-v.extra, fmt.Sprintf("%d octets more", v.extra), "none")
		}},
	{Rule{"igmpv3.record.type", "RFC3376:4.2.4-1", "record type", "the type of a record is 1 to 6"},
		func(v *igmpv3) *fault {
			return v.eachRecord(func(r igmpRecord) *fault {
				return when(r.kind == 0 || r.kind > 6, v.base+r.at, r.kind, "1 to 6")
			})
		}},
	{Rule{"igmpv3.record.aux", "RFC3376:4.2.10-1", "aux data len", "a record has no auxiliary data"},
		func(v *igmpv3) *fault {
			return v.eachRecord(func(r igmpRecord) *fault { return when(r.aux != 0, v.base+r.at+1, r.aux, "0") })
		}},
	{Rule{"igmpv3.record.empty", "RFC3376:5.1-7", "number of sources", "a record that allows or blocks no source is left out"},
		func(v *igmpv3) *fault {
			return v.eachRecord(func(r igmpRecord) *fault {
				return when((r.kind == 5 || r.kind == 6) && r.sources == 0, v.base+r.at+2, r.sources, "1 or more")
			})
		}},
	{Rule{"igmpv3.record.all-systems", "RFC3376:5-2", "multicast address", "no IGMP message is sent about 224.0.0.1"},
		func(v *igmpv3) *fault {
			return v.eachRecord(func(r igmpRecord) *fault {
				return when(r.group == allSystems, v.base+r.at+4, r.group, "another group")
			})
		}},
	{Rule{"igmpv3.query.sources", "RFC3376:4.1.8-1", "number of sources", "a general query has no sources"},
		func(v *igmpv3) *fault {
			return when(!v.report() && v.group.IsUnspecified() && v.claimed > 0, v.base+10, v.claimed, "0")
		}},
	{Rule{"igmpv3.query.extra", "RFC3376:4.1.10-3", "length", "no octets follow the fields of a query"},
		func(v *igmpv3) *fault {
			return when(!v.report() && v.extra > 0, v.base+len(v.m)-v.extra, fmt.Sprintf("%d octets more", v.extra), "none")
		}},
}
