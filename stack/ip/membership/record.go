package membership

import (
	"net/netip"
	"slices"
)

// A RecordType says what a group record tells. The numbers are the same in RFC 3376, 4.2.12, and in RFC 3810, 5.2.12.
type RecordType uint8

const (
	ModeIsInclude RecordType = 1 + iota
	ModeIsExclude
	ChangeToInclude
	ChangeToExclude
	AllowNew
	BlockOld
)

// A Record is what a report of the latest version tells of a group (RFC 3376, 4.2.4; RFC 3810, 5.2.4).
type Record struct {
	Type    RecordType
	Group   netip.Addr
	Sources []netip.Addr // in order
}

func (g *group) record(t RecordType, sources []netip.Addr) Record {
	sorted := slices.Clone(sources)
	slices.SortFunc(sorted, netip.Addr.Compare)
	return Record{t, g.addr, sorted}
}

// current is the record of the group's present state.
func (g *group) current() Record {
	if g.filter.Exclude {
		return g.record(ModeIsExclude, g.filter.Sources)
	}
	return g.record(ModeIsInclude, g.filter.Sources)
}

// report sends records in as few reports as hold them (RFC 3376, 4.2.16; RFC 3810, 5.2.15). A record that is too large for
// one is cut: what excludes is sent with as many sources as fit, others go on in the next report.
func (m *member) report(records []Record) {
	p, room := m.host.p, m.host.p.Room(m.iface)
	var packed []Record
	held := 0
	flush := func() {
		if len(packed) > 0 {
			p.Report(m.iface, packed)
			packed, held = nil, 0
		}
	}
	for _, r := range records {
		address := r.Group.BitLen() / 8
		head := 4 + address
		for {
			fits := r
			if most := max(0, (room-head)/address); len(r.Sources) > most {
				fits.Sources = r.Sources[:most]
			}
			need := head + len(fits.Sources)*address
			if held+need > room {
				flush()
			}
			packed, held = append(packed, fits), held+need
			r.Sources = r.Sources[len(fits.Sources):]
			if len(r.Sources) == 0 || len(fits.Sources) == 0 || r.Type == ModeIsExclude || r.Type == ChangeToExclude {
				break
			}
		}
	}
	flush()
}
