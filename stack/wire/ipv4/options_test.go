package ipv4_test

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// Offsets count from the start of the header, as a Parameter Problem's pointer does (RFC 792).
func TestOptionIter(t *testing.T) {
	for _, tt := range []struct{ name, octets, want string }{
		{"none", "", ""},
		{"router alert", "94040000", "RA@20"},
		{"behind no operation", "0101940400000000", "RA@22"},
		{"nothing is read after EOL", "0094040000000000", ""},
		{"two in a row", "0703040194040000", "RR@20 RA@24"},
		{"an unknown one of two octets", "5e020000", "option 94@20"},
		{"length 0", "01070004", "malformed@22"},
		{"length 1", "07010400", "malformed@21"},
		{"length up to the end", "9404000001030300", "RA@20 option 3@25"},
		{"length one beyond the end", "9404000001030400", "RA@20 malformed@26"},
		{"length past the end", "070704000000", "malformed@21"},
		{"no room for the length", "01010107", "malformed@23"},
		{"a good one before a bad one", "9404000007ff0400", "RA@20 malformed@25"},
	} {
		o := ipv4.Options(unhex(t, tt.octets))
		var got []string
		it := o.Iter()
		for it.Next() {
			got = append(got, fmt.Sprintf("%v@%d", it.Option().Type, it.Option().Offset))
		}
		if at, err := it.Err(); err != nil {
			got = append(got, fmt.Sprintf("malformed@%d", at))
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: %x holds %q, want %q", tt.name, []byte(o), s, tt.want)
		}
		if it.Next() {
			t.Errorf("%s: an option after the last", tt.name)
		}
	}
}

func TestFind(t *testing.T) {
	o := ipv4.Options(nil).AppendNOP().AppendRecordRoute(1).AppendRouterAlert()
	if got, ok := o.Find(ipv4.RouterAlert); !ok || got.Offset != 28 || hex.EncodeToString(got.Octets) != "94040000" {
		t.Errorf("Find(router alert) = %+v, %v", got, ok)
	}
	if got, ok := o.Find(ipv4.LSRR); ok {
		t.Errorf("Find(LSRR) = %+v", got)
	}
}

// RFC 791, 3.1: the copied flag is the top bit of the type: of these, source routes and router alert go into every fragment.
func TestAppendCopied(t *testing.T) {
	o := ipv4.Options(nil).AppendNOP().AppendRecordRoute(1).AppendSourceRoute(ipv4.LSRR, ipv4.Addr{1, 2, 3, 4}).
		AppendTimestamp(ipv4.TimestampOnly, 1).AppendRouterAlert()
	if got, want := hex.EncodeToString(o.AppendCopied(nil)), "830704"+"01020304"+"94040000"+"00"; got != want {
		t.Errorf("copied options %s\nwant            %s", got, want)
	}
}

func TestRouteIsRecordedUntilFull(t *testing.T) {
	h := ipv4.Header{Options: ipv4.Options(nil).AppendRecordRoute(2).Pad()}
	o, ok := h.Options.Find(ipv4.RecordRoute)
	r, _, err := o.Route()
	if !ok || err != nil || r.Full() || r.Len() != 0 || r.Slots() != 2 {
		t.Fatalf("empty route: %x, %v", []byte(r), err)
	}
	r.Record(ipv4.Addr{192, 0, 2, 1})
	r.Record(ipv4.Addr{192, 0, 2, 2})
	if !r.Full() || r.Len() != 2 || r.At(1) != (ipv4.Addr{192, 0, 2, 2}) {
		t.Errorf("full route: %x, full %v, %d recorded", []byte(r), r.Full(), r.Len())
	}
	if got, want := hex.EncodeToString(h.Options), "070b0c"+"c0000201"+"c0000202"+"00"; got != want {
		t.Errorf("header holds %s\nwant         %s", got, want)
	}
}

// Room that is no multiple of four runs out with less than an address left; the option is full then, not out of bounds.
func TestUnevenRoomIsFullAtItsEnd(t *testing.T) {
	opts := ipv4.Options(unhex(t, "0709040000000000000000"+"00"))
	o, _ := opts.Find(ipv4.RecordRoute)
	r, _, err := o.Route()
	if err != nil || r.Full() {
		t.Fatalf("%x: %v", []byte(r), err)
	}
	if r.Record(ipv4.Addr{192, 0, 2, 1}); !r.Full() || r.Len() != 1 {
		t.Errorf("%x after one address: full %v, %d recorded", []byte(r), r.Full(), r.Len())
	}
	opts = ipv4.Options(unhex(t, "440f0501"+"0000000000000000000000"+"00"))
	o, _ = opts.Find(ipv4.TimestampType)
	ts, _, err := o.Timestamp()
	for range 2 {
		if err == nil {
			err = ts.Record(1, ipv4.Addr{192, 0, 2, 1}, nil)
		}
	}
	if err != nil || !ts.Full() || ts.Len() != 1 || ts.Overflow() != 1 {
		t.Errorf("%x after two timestamps: %v, %d recorded, overflow %d", []byte(ts), err, ts.Len(), ts.Overflow())
	}
}

func TestSourceRouteGoesOn(t *testing.T) {
	opts := ipv4.Options(nil).AppendSourceRoute(ipv4.SSRR, ipv4.Addr{192, 0, 2, 1}, ipv4.Addr{192, 0, 2, 9})
	o, _ := opts.Find(ipv4.SSRR)
	r, _, err := o.Route()
	if err != nil || r.Next() != (ipv4.Addr{192, 0, 2, 1}) {
		t.Fatalf("next hop of %x, %v", []byte(r), err)
	}
	r.Record(ipv4.Addr{10, 0, 0, 1})
	if r.Full() || r.Next() != (ipv4.Addr{192, 0, 2, 9}) || r.At(0) != (ipv4.Addr{10, 0, 0, 1}) {
		t.Errorf("after one hop: %x", []byte(r))
	}
}

// Each row is one fault away from a good option; the pointer is to the octet that is wrong.
func TestMalformedRouteAndTimestamp(t *testing.T) {
	for _, tt := range []struct {
		name, octets string
		pointer      int
		want         error
	}{
		{"route with room", "010707040000000000", 0, nil},
		{"route full", "010707080a00000100", 0, nil},
		{"route far beyond its end", "010707ff0a00000100", 0, nil},
		{"route without pointer", "01070200", 22, ipv4.ErrRoute},
		{"route with pointer 3", "010707030000000000", 23, ipv4.ErrRoute},
		{"route with room for 3 octets", "010707050000000000", 23, ipv4.ErrRoute},
		{"route with room for 1 octet", "010707070000000000", 23, ipv4.ErrRoute},
		{"route of 6 octets", "0107060400000000", 23, ipv4.ErrRoute},
		{"timestamp with room", "440805000000000000", 0, nil},
		{"timestamp full", "440809000000000000", 0, nil},
		{"timestamp without flag", "44030500", 21, ipv4.ErrTimestamp},
		{"timestamp with pointer 4", "4408040000000000", 22, ipv4.ErrTimestamp},
		{"timestamp with flag 2", "440c05020000000000000000", 23, ipv4.ErrTimestamp},
		{"timestamp with flag 4", "440c05040000000000000000", 23, ipv4.ErrTimestamp},
		{"timestamp with room for 3 octets", "4408060000000000", 22, ipv4.ErrTimestamp},
		{"address and timestamp with room for 4 octets", "4408050100000000", 22, ipv4.ErrTimestamp},
	} {
		it := ipv4.Options(unhex(t, tt.octets)).Iter()
		if !it.Next() {
			t.Fatalf("%s: no option in %s", tt.name, tt.octets)
		}
		o := it.Option()
		var pointer int
		var err error
		if o.Type == ipv4.TimestampType {
			_, pointer, err = o.Timestamp()
		} else {
			_, pointer, err = o.Route()
		}
		if err != tt.want || pointer != tt.pointer {
			t.Errorf("%s: %v at %d, want %v at %d", tt.name, err, pointer, tt.want, tt.pointer)
		}
	}
}

func TestTimestamps(t *testing.T) {
	self, other := ipv4.Addr{192, 0, 2, 1}, ipv4.Addr{192, 0, 2, 7}
	for _, tt := range []struct {
		name  string
		in    ipv4.Options
		times int
		want  string
	}{
		{"timestamps only", ipv4.Options(nil).AppendTimestamp(ipv4.TimestampOnly, 2), 1, "440c0900" + "01020304" + "00000000"},
		{"with addresses", ipv4.Options(nil).AppendTimestamp(ipv4.TimestampAddress, 1), 1, "440c0d01" + "c0000201" + "01020304"},
		{"full: the overflow counts", ipv4.Options(nil).AppendTimestamp(ipv4.TimestampOnly, 1), 3, "44080920" + "01020304"},
		{"another host is asked first", ipv4.Options(nil).AppendTimestampsOf(other, self), 1,
			"44140503" + "c0000207" + "00000000" + "c0000201" + "00000000"},
		{"asked, once", ipv4.Options(nil).AppendTimestampsOf(self, other), 2,
			"44140d03" + "c0000201" + "01020304" + "c0000207" + "00000000"},
		{"asked and at the end: no overflow", ipv4.Options(nil).AppendTimestampsOf(self), 3, "440c0d03" + "c0000201" + "01020304"},
	} {
		o, _ := tt.in.Find(ipv4.TimestampType)
		ts, _, err := o.Timestamp()
		for range tt.times {
			if err == nil {
				err = ts.Record(0x01020304, self, nil)
			}
		}
		if got := hex.EncodeToString(tt.in); err != nil || got != tt.want {
			t.Errorf("%s: %s, %v\nwant %s", tt.name, got, err, tt.want)
		}
	}
}

func TestTimestampReadsBack(t *testing.T) {
	opts := ipv4.Options(nil).AppendTimestamp(ipv4.TimestampAddress, 2)
	o, _ := opts.Find(ipv4.TimestampType)
	ts, _, _ := o.Timestamp()
	if err := ts.Record(7, ipv4.Addr{192, 0, 2, 1}, nil); err != nil {
		t.Fatal(err)
	}
	if a, ms := ts.At(0); ts.Len() != 1 || a != (ipv4.Addr{192, 0, 2, 1}) || ms != 7 || ts.Full() {
		t.Errorf("%d timestamps, the first %v %d, full %v", ts.Len(), a, ms, ts.Full())
	}
}

func TestTimestampOverflowEnds(t *testing.T) {
	opts := ipv4.Options(nil).AppendTimestamp(ipv4.TimestampOnly, 0)
	o, _ := opts.Find(ipv4.TimestampType)
	ts, _, err := o.Timestamp()
	for i := 0; i < 15 && err == nil; i++ {
		err = ts.Record(1, ipv4.Addr{}, nil)
	}
	if err != nil || ts.Overflow() != 15 {
		t.Fatalf("overflow %d after 15 hosts, %v", ts.Overflow(), err)
	}
	if err := ts.Record(1, ipv4.Addr{}, nil); err != ipv4.ErrOverflow || ts.Overflow() != 15 || ts.Flag() != ipv4.TimestampOnly {
		t.Errorf("the 16th host: %v, overflow %d", err, ts.Overflow())
	}
}

// An interface that is asked for several addresses knows them all.
func TestTimestampKnowsTheHostsOtherAddresses(t *testing.T) {
	second := ipv4.Addr{198, 51, 100, 1}
	opts := ipv4.Options(nil).AppendTimestampsOf(second)
	o, _ := opts.Find(ipv4.TimestampType)
	ts, _, _ := o.Timestamp()
	if err := ts.Record(9, ipv4.Addr{192, 0, 2, 1}, func(a ipv4.Addr) bool { return a == second }); err != nil {
		t.Fatal(err)
	}
	if a, ms := ts.At(0); ts.Len() != 1 || a != second || ms != 9 {
		t.Errorf("recorded %v %d", a, ms)
	}
}

func TestIterationDoesNotAllocate(t *testing.T) {
	opts := ipv4.Options(nil).AppendNOP().AppendRecordRoute(1).AppendTimestamp(ipv4.TimestampAddress, 2).AppendRouterAlert()
	var seen int
	if n := testing.AllocsPerRun(10, func() {
		for it := opts.Iter(); it.Next(); {
			o := it.Option()
			if o.Type == ipv4.TimestampType {
				ts, _, err := o.Timestamp()
				if err != nil || ts.Record(1, ipv4.Addr{}, nil) == wire.ErrShort {
					panic(err)
				}
			}
			seen++
		}
	}); n != 0 || seen == 0 {
		t.Errorf("%v allocations, %d options", n, seen)
	}
}
