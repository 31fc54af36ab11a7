package ipv4_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"reflect"
	"testing"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	"github.com/conform-stack/conform/stack/wire/wiretest"
)

var vectors = []struct {
	name, octets string // a whole header
	data         int    // octets of data that belong to it
	h            ipv4.Header
	text         string
}{
	{"echo request of Linux", "45000054ee754000400138310a0000010a000002", 64,
		ipv4.Header{TotalLen: 84, ID: 0xee75, Flags: ipv4.DF, TTL: 64, Protocol: wire.ICMPv4, Checksum: 0x3831,
			Src: ipv4.Addr{10, 0, 0, 1}, Dst: ipv4.Addr{10, 0, 0, 2}},
		"IP 10.0.0.1 > 10.0.0.2 ICMP ttl 64 id 61045 len 84 DF"},
	{"middle fragment of Linux", "450005dcefbe20b9400150a70a0000010a000002", 1480,
		ipv4.Header{TotalLen: 1500, ID: 0xefbe, Flags: ipv4.MF, FragOffset: 1480, TTL: 64, Protocol: wire.ICMPv4, Checksum: 0x50a7,
			Src: ipv4.Addr{10, 0, 0, 1}, Dst: ipv4.Addr{10, 0, 0, 2}},
		"IP 10.0.0.1 > 10.0.0.2 ICMP ttl 64 id 61374 len 1500 frag 1480+"},
	{"router alert of Linux", "46c00028000040000102f9f80a000001e000001694040000", 16,
		ipv4.Header{TOS: 0xc0, TotalLen: 40, Flags: ipv4.DF, TTL: 1, Protocol: wire.IGMP, Checksum: 0xf9f8,
			Src: ipv4.Addr{10, 0, 0, 1}, Dst: ipv4.Addr{224, 0, 0, 22}, Options: ipv4.Options{0x94, 4, 0, 0}},
		"IP 10.0.0.1 > 224.0.0.22 IGMP ttl 1 id 0 len 40 tos 0xc0 DF options [RA]"},
}

func TestVectors(t *testing.T) {
	for _, tt := range vectors {
		t.Run(tt.name, func(t *testing.T) {
			header := unhex(t, tt.octets)
			padded := append(append([]byte{}, header...), make([]byte, tt.data+6)...)
			h, payload, err := ipv4.Parse(padded)
			if err != nil || !reflect.DeepEqual(h, tt.h) {
				t.Fatalf("Parse = %+v, %v\nwant    %+v", h, err, tt.h)
			}
			if len(payload) != tt.data || cap(payload) != tt.data {
				t.Errorf("payload of %d octets, capacity %d, want %d: padding is no data", len(payload), cap(payload), tt.data)
			}
			if err := ipv4.Verify(padded, h); err != nil {
				t.Errorf("Verify = %v", err)
			}
			if got := ipv4.Append(nil, h); string(got) != string(header) {
				t.Errorf("Append = %x\nwant     %x", got, header)
			}
			h.TotalLen, h.Checksum = 0, 0xffff
			sealed := append(ipv4.Append(nil, h), make([]byte, tt.data)...)
			if ipv4.Seal(sealed); string(sealed[:len(header)]) != string(header) {
				t.Errorf("sealed %x\nwant   %x", sealed[:len(header)], header)
			}
			if got := tt.h.String(); got != tt.text {
				t.Errorf("String = %s\nwant     %s", got, tt.text)
			}
		})
	}
}

// Each row is one fault away from a header of TestVectors.
func TestRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		octets string
		want   error
	}{
		"version 5":         {"55000054ee754000400138310a0000010a000002", ipv4.ErrVersion},
		"version 6":         {"65000054ee754000400138310a0000010a000002", ipv4.ErrVersion},
		"4 words":           {"44000054ee754000400138310a0000010a000002", ipv4.ErrHeaderLen},
		"0 words":           {"40000054ee754000400138310a0000010a000002", ipv4.ErrHeaderLen},
		"6 words, 5 there":  {"46000054ee754000400138310a0000010a000002", wire.ErrShort},
		"an octet less":     {"45000054ee754000400138310a0000010a0000", wire.ErrShort},
		"an octet of 6 off": {"46c00028000040000102f9f80a000001e0000016940400", wire.ErrShort},
	} {
		h, payload, err := ipv4.Parse(unhex(t, tt.octets))
		if err != tt.want || !reflect.DeepEqual(h, ipv4.Header{}) || payload != nil {
			t.Errorf("%s: %+v, %x, %v; want only %v", name, h, payload, err, tt.want)
		}
	}
	if !errors.Is(ipv4.ErrVersion, wire.ErrInvalid) || !errors.Is(ipv4.ErrHeaderLen, wire.ErrInvalid) {
		t.Error("the reasons are not a wire.ErrInvalid")
	}
}

func TestVerify(t *testing.T) {
	for _, tt := range []struct {
		name    string
		total   uint16
		spoil   bool
		payload int
		want    error
	}{
		{"as it is", 24, false, 4, nil},
		{"padded", 22, false, 2, nil},
		{"header only", 20, false, 0, nil},
		{"within the header", 19, false, 4, wire.ErrLength},
		{"zero", 0, false, 4, wire.ErrLength},
		{"beyond the end", 25, false, 4, wire.ErrLength},
		{"a bit changed", 24, true, 4, wire.ErrChecksum},
	} {
		b := append(ipv4.Append(nil, ipv4.Header{TotalLen: tt.total, TTL: 1}), 1, 2, 3, 4)
		ipv4.SealChecksum(b)
		if tt.spoil {
			b[19] ^= 1
		}
		h, payload, err := ipv4.Parse(b)
		if err != nil || len(payload) != tt.payload {
			t.Errorf("%s: payload of %d octets, %v; want %d", tt.name, len(payload), err, tt.payload)
		}
		if got := ipv4.Verify(b, h); got != tt.want {
			t.Errorf("%s: Verify = %v, want %v", tt.name, got, tt.want)
		}
	}
}

// Put clears what was in the room before: options shorter than their words are padded with EOL.
func TestPutPadsOptions(t *testing.T) {
	h := ipv4.Header{Options: ipv4.Options{148, 4, 0, 0, 1}}
	b := make([]byte, h.Len())
	for i := range b {
		b[i] = 0xee
	}
	ipv4.Put(b, h)
	if got := hex.EncodeToString(b[20:]); got != "9404000001000000" || b[0] != 0x47 {
		t.Errorf("options %s in a header of %d words, want 9404000001000000 in 7", got, b[0]&0xf)
	}
	defer func() {
		if recover() == nil {
			t.Error("put options of 41 octets")
		}
	}()
	ipv4.Append(nil, ipv4.Header{Options: make(ipv4.Options, 41)})
}

func TestAddr(t *testing.T) {
	a := ipv4.Addr{192, 0, 2, 1}
	if b, ok := ipv4.AddrFrom(a.Netip()); b != a || !ok {
		t.Errorf("AddrFrom(%v) = %v, %v", a.Netip(), b, ok)
	}
	if b, ok := ipv4.AddrFrom(netip.MustParseAddr("::ffff:192.0.2.1")); b != a || !ok {
		t.Errorf("AddrFrom of the mapped address = %v, %v", b, ok)
	}
	for _, no := range []netip.Addr{{}, netip.MustParseAddr("2001:db8::1")} {
		if b, ok := ipv4.AddrFrom(no); ok {
			t.Errorf("AddrFrom(%v) = %v", no, b)
		}
	}
	if ipv4.AddrFromUint32(a.Uint32()) != a || a.Uint32() != 0xc0000201 {
		t.Errorf("%v as a number = %#x", a, a.Uint32())
	}
	for in, want := range map[ipv4.Addr]string{ // which of the predicates hold, and both sides of each edge
		{}: "unspecified", {0, 0, 0, 1}: "", {126, 255, 255, 255}: "", {127, 0, 0, 0}: "loopback", {127, 255, 255, 255}: "loopback",
		{128, 0, 0, 0}: "", {169, 253, 255, 255}: "", {169, 254, 0, 0}: "link-local", {169, 255, 0, 0}: "",
		{223, 255, 255, 255}: "", {224, 0, 0, 0}: "multicast", {239, 255, 255, 255}: "multicast", {240, 0, 0, 0}: "class-e",
		{255, 255, 255, 254}: "class-e", {255, 255, 255, 255}: "broadcast class-e",
	} {
		got := ""
		for _, p := range []struct {
			name string
			is   bool
		}{
			{"unspecified", in.IsUnspecified()}, {"loopback", in.IsLoopback()}, {"link-local", in.IsLinkLocal()},
			{"multicast", in.IsMulticast()}, {"broadcast", in.IsLimitedBroadcast()}, {"class-e", in.IsClassE()},
		} {
			if p.is && got != "" {
				got += " "
			}
			if p.is {
				got += p.name
			}
		}
		if got != want || in.String() != in.Netip().String() {
			t.Errorf("%v (%v) is %q, want %q", in, in.Netip(), got, want)
		}
	}
}

// Law: a header that is read survives append and parse, its payload lies within the datagram, and going through its
// options ends within the header.
func FuzzParse(f *testing.F) {
	for _, v := range vectors {
		f.Add(append(ipv4.Append(nil, v.h), make([]byte, 8)...))
	}
	for _, o := range []ipv4.Options{
		ipv4.Options(nil).AppendNOP().AppendRecordRoute(9),
		ipv4.Options(nil).AppendTimestamp(ipv4.TimestampAddress, 4),
		ipv4.Options(nil).AppendSourceRoute(ipv4.SSRR, ipv4.Addr{1, 2, 3, 4}).AppendTimestampsOf(ipv4.Addr{5, 6, 7, 8}),
	} {
		f.Add(ipv4.Append(nil, ipv4.Header{Options: o}))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		wiretest.Stable(t, ipv4.Parse, ipv4.Append, b)
		b = bytes.Clone(b) // options are written in place, the fuzzer's input must not be
		h, payload, err := ipv4.Parse(b)
		if err != nil {
			return
		}
		if h.Len()+len(payload) > len(b) {
			t.Errorf("header %d and payload %d of %d octets", h.Len(), len(payload), len(b))
		}
		_, _ = h.String(), ipv4.Verify(b, h)
		it := h.Options.Iter()
		for it.Next() {
			o := it.Option()
			if o.Offset < 20 || o.Offset+len(o.Octets) > h.Len() || len(o.Octets) < 2 {
				t.Fatalf("option at %d of %d octets in a header of %d", o.Offset, len(o.Octets), h.Len())
			}
			use(t, o, h.Len())
		}
		if at, err := it.Err(); err != nil && (at < 20 || at >= h.Len()) {
			t.Errorf("pointer %d in a header of %d", at, h.Len())
		}
		_ = h.Options.AppendCopied(nil)
	})
}

// use does with an option what a host or router may do.
func use(t *testing.T, o ipv4.Option, headerLen int) {
	var pointer int
	var err error
	switch o.Type {
	case ipv4.RecordRoute, ipv4.LSRR, ipv4.SSRR:
		var r ipv4.Route
		if r, pointer, err = o.Route(); err == nil {
			for i := range r.Len() {
				_ = r.At(i)
			}
			for !r.Full() {
				_ = r.Next()
				r.Record(ipv4.Addr{1, 2, 3, 4})
			}
		}
	case ipv4.TimestampType:
		var ts ipv4.Timestamp
		if ts, pointer, err = o.Timestamp(); err == nil {
			for i := range ts.Len() {
				_, _ = ts.At(i)
			}
			for range 40 {
				_ = ts.Record(1, ipv4.Addr{1, 2, 3, 4}, func(ipv4.Addr) bool { return true })
			}
		}
	}
	if err != nil && (pointer < o.Offset || pointer >= headerLen) {
		t.Errorf("%v at %d: pointer %d in a header of %d", o.Type, o.Offset, pointer, headerLen)
	}
}

func BenchmarkParse(b *testing.B) {
	for _, v := range vectors {
		data := append(ipv4.Append(nil, v.h), make([]byte, v.data)...)
		b.Run(v.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h, _, err := ipv4.Parse(data)
				if err != nil || ipv4.Verify(data, h) != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
