package igmp_test

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/igmp"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	"github.com/conform-stack/conform/stack/wire/wiretest"
)

var group = ipv4.Addr{239, 1, 2, 3}

func TestVersion1And2(t *testing.T) {
	for _, tt := range []struct {
		h            igmp.Header
		octets, text string
	}{
		{igmp.Header{Type: igmp.Query, Checksum: 0xeeff}, "1100eeff00000000", "IGMP query 0.0.0.0 max resp 0"},
		{igmp.Header{Type: igmp.Query, MaxResp: 100, Checksum: 0xee9b}, "1164ee9b00000000", "IGMP query 0.0.0.0 max resp 100"},
		{igmp.Header{Type: igmp.V1Report, Checksum: 0xfcfa, Group: group}, "1200fcfa" + "ef010203", "IGMP v1 report 239.1.2.3"},
		{igmp.Header{Type: igmp.V2Report, Checksum: 0xf8fa, Group: group}, "1600f8fa" + "ef010203", "IGMP v2 report 239.1.2.3"},
		{igmp.Header{Type: igmp.V2Leave, Checksum: 0xf7fa, Group: group}, "1700f7fa" + "ef010203", "IGMP leave 239.1.2.3"},
	} {
		b := unhex(t, tt.octets)
		h, rest, err := igmp.Parse(b)
		if h != tt.h || len(rest) != 0 || err != nil {
			t.Errorf("Parse(%s) = %+v, %x, %v\nwant %+v", tt.octets, h, rest, err, tt.h)
		}
		if err := igmp.Verify(b); err != nil {
			t.Errorf("Verify(%s) = %v", tt.octets, err)
		}
		h.Checksum = 0xffff
		made := make([]byte, h.Len())
		igmp.Put(made, h)
		if igmp.Seal(made); string(made) != string(b) {
			t.Errorf("put and sealed %x, want %s", made, tt.octets)
		}
		if got := h.String(); got != tt.text {
			t.Errorf("String = %s, want %s", got, tt.text)
		}
		if b[7]++; igmp.Verify(b) != wire.ErrChecksum {
			t.Errorf("Verify(%x) = %v", b, igmp.Verify(b))
		}
	}
}

// RFC 3376, 7.1.
func TestQueryVersion(t *testing.T) {
	for _, tt := range []struct {
		octets  int
		maxResp igmp.Code
		want    int
	}{{7, 0, 0}, {8, 0, 1}, {8, 1, 2}, {8, 255, 2}, {9, 0, 0}, {11, 100, 0}, {12, 0, 3}, {12, 100, 3}, {16, 100, 3}} {
		if got := (igmp.Header{Type: igmp.Query, MaxResp: tt.maxResp}).Version(tt.octets); got != tt.want {
			t.Errorf("query of %d octets with max resp %d is of version %d, want %d", tt.octets, tt.maxResp, got, tt.want)
		}
	}
}

func TestVersion3Query(t *testing.T) {
	b := unhex(t, "1180"+"0000"+"ef010203"+"0a7d0002"+"c0000201"+"c0000202"+"ffff")
	q, rest, err := igmp.ParseQuery(b)
	want := igmp.QueryV3{MaxResp: 0x80, Group: group, Suppress: true, QRV: 2, QQIC: 125,
		SourceSet: igmp.SourcesFrom(ipv4.Addr{192, 0, 2, 1}, ipv4.Addr{192, 0, 2, 2})}
	if err != nil || !reflect.DeepEqual(q, want) || len(rest) != 2 {
		t.Fatalf("ParseQuery = %+v, %x, %v\nwant %+v, ffff", q, rest, err, want)
	}
	if q.SourceSet.Len() != 2 || !q.SourceSet.Contains(ipv4.Addr{192, 0, 2, 2}) || q.SourceSet.Contains(group) {
		t.Errorf("sources %x", []byte(q.SourceSet))
	}
	if got, want := q.String(), "IGMP v3 query 239.1.2.3 max resp 128 2 sources"; got != want {
		t.Errorf("String = %s, want %s", got, want)
	}
}

// A report recorded from Linux: the group is joined, then left.
func TestVersion3Report(t *testing.T) {
	for _, tt := range []struct {
		octets string
		kind   igmp.RecordType
		text   string
	}{
		{"2200e8f900000001" + "04000000ef010203", igmp.ChangeToExclude, "IGMP v3 report [to-ex 239.1.2.3 0 sources]"},
		{"2200e9f900000001" + "03000000ef010203", igmp.ChangeToInclude, "IGMP v3 report [to-in 239.1.2.3 0 sources]"},
	} {
		b := unhex(t, tt.octets)
		p, rest, err := igmp.ParseReport(b)
		if err != nil || len(rest) != 0 || igmp.Verify(b) != nil || p.Records.Len() != 1 {
			t.Fatalf("ParseReport = %+v, %x, %v", p, rest, err)
		}
		rec, _ := p.Records.Next()
		if want := (igmp.Record{Type: tt.kind, Group: group}); !reflect.DeepEqual(rec, want) {
			t.Errorf("record %+v, want %+v", rec, want)
		}
		made := igmp.AppendReport(nil, igmp.ReportV3{Records: igmp.Records(nil).Append(rec)})
		if igmp.Seal(made); hex.EncodeToString(made) != tt.octets {
			t.Errorf("made and sealed %x, want %s", made, tt.octets)
		}
		if got := p.String(); got != tt.text {
			t.Errorf("String = %s, want %s", got, tt.text)
		}
	}
}

func TestRecordsWithSourcesAndAuxiliaryData(t *testing.T) {
	want := []igmp.Record{
		{Type: igmp.AllowNew, Group: group, SourceSet: igmp.SourcesFrom(ipv4.Addr{192, 0, 2, 1}), Aux: []byte("aux\x00")},
		{Type: igmp.BlockOld, Group: group, SourceSet: igmp.SourcesFrom(ipv4.Addr{192, 0, 2, 2}, ipv4.Addr{192, 0, 2, 3})},
	}
	aux := want[0]
	aux.Aux = []byte("aux") // is padded
	records := igmp.Records(nil).Append(aux).Append(want[1])
	if hex.EncodeToString(records) != "05010001"+"ef010203"+"c0000201"+"61757800"+"06000002"+"ef010203"+"c0000202"+"c0000203" {
		t.Errorf("records %x", []byte(records))
	}
	p, _, err := igmp.ParseReport(igmp.AppendReport(nil, igmp.ReportV3{Records: records}))
	var got []igmp.Record
	for rest := p.Records; len(rest) > 0; {
		var rec igmp.Record
		rec, rest = rest.Next()
		got = append(got, rec)
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("records %+v, %v\nwant %+v", got, err, want)
	}
	if rec, rest := igmp.Records(records[:len(records)-1])[16:].Next(); rec.Group != (ipv4.Addr{}) || rest != nil {
		t.Errorf("a record cut short reads as %+v, %x left", rec, []byte(rest))
	}
}

// Each row is one fault away from a good message.
func TestRefused(t *testing.T) {
	query := func(b []byte) error { _, _, err := igmp.ParseQuery(b); return err }
	report := func(b []byte) error { _, _, err := igmp.ParseReport(b); return err }
	header := func(b []byte) error { _, _, err := igmp.Parse(b); return err }
	for _, tt := range []struct {
		name, octets string
		parse        func([]byte) error
		want         error
	}{
		{"report as a header", "2200e8f900000000", header, igmp.ErrType},
		{"report as a query", "220000000000000000000000", query, igmp.ErrType},
		{"query as a report", "1100000000000000", report, igmp.ErrType},
		{"one source promised", "110000000000000000000001", query, wire.ErrShort},
		{"one record promised", "2200000000000001", report, wire.ErrShort},
		{"65535 records promised", "220000000000ffff" + "04000000ef010203", report, wire.ErrShort},
		{"one source of a record promised", "2200000000000001" + "04000001ef010203", report, wire.ErrShort},
		{"one word of auxiliary data promised", "2200000000000001" + "04010000ef010203", report, wire.ErrShort},
	} {
		if got := tt.parse(unhex(t, tt.octets)); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

// RFC 3376, 4.1.1: (mant | 0x10) << (exp + 3) from 128 on.
func TestCode(t *testing.T) {
	for c, want := range map[igmp.Code]int{0: 0, 127: 127, 0x80: 128, 0x81: 136, 0x8f: 248, 0x90: 256, 0xff: 31744} {
		if got := c.Value(); got != want {
			t.Errorf("code %#02x = %d, want %d", uint8(c), got, want)
		}
	}
	for i := range 256 {
		c := igmp.Code(i)
		if got := igmp.MakeCode(c.Value()); got != c {
			t.Errorf("MakeCode(%d) = %#02x, want %#02x", c.Value(), uint8(got), i)
		}
		if i > 0 && igmp.MakeCode(c.Value()-1) != c-1 {
			t.Errorf("MakeCode(%d) = %#02x, want the next below %#02x", c.Value()-1, uint8(igmp.MakeCode(c.Value()-1)), i)
		}
	}
	if igmp.MakeCode(-1) != 0 || igmp.MakeCode(1<<20) != 0xff {
		t.Error("numbers out of range are not brought to the nearest code")
	}
	if got := igmp.Code(100).MaxRespTime(); got != 10*time.Second {
		t.Errorf("max resp code 100 = %v, want 10s", got)
	}
	if got := igmp.Code(125).Interval(); got != 125*time.Second {
		t.Errorf("QQIC 125 = %v, want 2m5s", got)
	}
}

// Law: a message that is read, by any of the three readers, survives append and parse; the records of a report are as
// many as were counted; and once sealed it verifies.
func FuzzParse(f *testing.F) {
	f.Add(igmp.Append(nil, igmp.Header{Type: igmp.V2Report, Group: group}))
	f.Add(igmp.AppendQuery(nil, igmp.QueryV3{Group: group, QRV: 2, SourceSet: igmp.SourcesFrom(group)}))
	f.Add(igmp.AppendReport(nil, igmp.ReportV3{Records: igmp.Records(nil).
		Append(igmp.Record{Type: igmp.ModeIsExclude, Group: group}).
		Append(igmp.Record{Type: igmp.AllowNew, Group: group, SourceSet: igmp.SourcesFrom(group), Aux: []byte("four")})}))
	f.Fuzz(func(t *testing.T, b []byte) {
		wiretest.Stable(t, igmp.Parse, igmp.Append, b)
		wiretest.Stable(t, igmp.ParseQuery, igmp.AppendQuery, b)
		wiretest.Stable(t, igmp.ParseReport, igmp.AppendReport, b)
		if h, _, err := igmp.Parse(b); err == nil {
			_, _ = h.String(), h.Version(len(b))
		}
		if q, _, err := igmp.ParseQuery(b); err == nil {
			_ = q.String()
		}
		if p, _, err := igmp.ParseReport(b); err == nil {
			_ = p.String()
			if got, want := p.Records.Len(), int(b[6])<<8|int(b[7]); got != want {
				t.Errorf("%d records, %d counted", got, want)
			}
		}
		if len(b) >= igmp.HeaderLen {
			b = bytes.Clone(b) // the fuzzer's input must not be written
			if igmp.Seal(b); igmp.Verify(b) != nil {
				t.Errorf("sealed, yet %v", igmp.Verify(b))
			}
		}
	})
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
