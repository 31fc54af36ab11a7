package ieee802154_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"testing"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/link"
	"github.com/conform-stack/conform/stack/wire/wiretest"
)

var (
	a64   = link.MustParseAddr("02:00:00:00:00:00:00:0a")
	b64   = link.MustParseAddr("02:00:00:00:00:00:00:0b")
	short = ieee802154.Short(0x1234)
)

// Frames as they are on the air; the first two were recorded from RIOT.
var vectors = []struct {
	name, octets, payload string // without FCS, in hexadecimal
	h                     ieee802154.Header
	text                  string
}{
	{"data between extended addresses, one PAN", "61dc6223000b000000000000020a00000000000002" + "7a333a", "7a333a",
		ieee802154.Header{Type: ieee802154.Data, Version: ieee802154.V2006, AckRequest: true, Compressed: true, Seq: 0x62,
			Dst: b64, DstPAN: 0x23, Src: a64},
		"data 0000/02:00:00:00:00:00:00:0a > 0023/02:00:00:00:00:00:00:0b seq 98 ack"},
	{"acknowledgement", "020062", "",
		ieee802154.Header{Type: ieee802154.Ack, Seq: 0x62}, "ack none > none seq 98"},
	{"beacon request", "030805ffffffff07", "07",
		ieee802154.Header{Type: ieee802154.Command, Seq: 5, Dst: ieee802154.Short(0xffff), DstPAN: 0xffff},
		"command none > ffff/ff:ff seq 5"},
	{"beacon of a coordinator", "008001cdab3412" + "ffcf0000", "ffcf0000",
		ieee802154.Header{Type: ieee802154.Beacon, Seq: 1, Src: short, SrcPAN: 0xabcd}, "beacon abcd/12:34 > none seq 1"},
	{"secured data, level 5, key by index", "69dc01cdab0b000000000000020a00000000000002" + "0d0100000007" + "ee11223344", "ee11223344",
		ieee802154.Header{Type: ieee802154.Data, Version: ieee802154.V2006, Secured: true, AckRequest: true, Compressed: true, Seq: 1,
			Dst: b64, DstPAN: 0xabcd, Src: a64,
			Security: ieee802154.Security{Level: ieee802154.ENCMIC32, KeyMode: ieee802154.KeyIndex, Counter: 1, Index: 7}},
		"data 0000/02:00:00:00:00:00:00:0a > abcd/02:00:00:00:00:00:00:0b seq 1 ack level 5 counter 1"},
	{"enhanced beacon without sequence number, elements over", "00ebcdabffffcdab01000000000c0cc1" + "003f" + "0088aa" + "00f8" + "bb", "0088aa00f8bb",
		ieee802154.Header{Type: ieee802154.Beacon, Version: ieee802154.V2015, NoSeq: true, HasIEs: true,
			Dst: ieee802154.Short(0xffff), DstPAN: 0xabcd, SrcPAN: 0xabcd, Src: link.MustParseAddr("c1:0c:0c:00:00:00:00:01"),
			IEs: []byte{0x00, 0x3f}},
		"beacon abcd/c1:0c:0c:00:00:00:00:01 > abcd/ff:ff"},
}

func TestParse(t *testing.T) {
	for _, tt := range vectors {
		t.Run(tt.name, func(t *testing.T) {
			b := unhex(t, tt.octets)
			h, payload, err := ieee802154.Parse(b)
			if err != nil || fmt.Sprintf("%+v", h) != fmt.Sprintf("%+v", tt.h) || !bytes.Equal(payload, unhex(t, tt.payload)) {
				t.Errorf("parse = %+v, %x, %v\nwant    %+v, %s", h, payload, err, tt.h, tt.payload)
			}
			if h.String() != tt.text {
				t.Errorf("reads %q\nwant  %q", h, tt.text)
			}
			room := make([]byte, h.Len(), 64)
			ieee802154.Put(room, h)
			if again := append(room, payload...); !bytes.Equal(again, b) {
				t.Errorf("put = %x\nwant  %x", again, b)
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

// The table of PAN ID Compression (7.2.1.5), whole, and the rule of the older versions: which PANs are there.
func TestPANs(t *testing.T) {
	none := link.Addr{}
	for _, tt := range []struct {
		dst, src     link.Addr
		compressed   bool
		dstPAN, have bool // of version 2
		old          string
	}{
		{none, none, false, false, false, ""},
		{none, none, true, true, false, ""},
		{b64, none, false, true, false, "dst"},
		{b64, none, true, false, false, "refused"},
		{none, a64, false, false, true, "src"},
		{none, a64, true, false, false, "refused"},
		{b64, a64, false, true, false, "dst src"},
		{b64, a64, true, false, false, "dst"},
		{short, short, false, true, true, "dst src"},
		{short, a64, false, true, true, "dst src"},
		{a64, short, false, true, true, "dst src"},
		{short, a64, true, true, false, "dst"},
		{a64, short, true, true, false, "dst"},
		{short, short, true, true, false, "dst"},
	} {
		name := fmt.Sprintf("%d-%d-%v", tt.dst.Len(), tt.src.Len(), tt.compressed)
		h := ieee802154.Header{Type: ieee802154.Data, Version: ieee802154.V2015, Dst: tt.dst, Src: tt.src, Compressed: tt.compressed}
		if d, s := h.PANs(); d != tt.dstPAN || s != tt.have {
			t.Errorf("%s, version 2: PANs %v, %v, want %v, %v", name, d, s, tt.dstPAN, tt.have)
		}
		if d, s := h.PANs(); d {
			h.DstPAN = 0x0102
			if s {
				h.SrcPAN = 0x0304
			}
		} else if s {
			h.SrcPAN = 0x0304
		}
		if got, _, err := ieee802154.Parse(ieee802154.Append(nil, h)); err != nil || fmt.Sprint(got) != fmt.Sprint(h) {
			t.Errorf("%s, version 2: parses to %v, %v; want %v", name, got, err, h)
		}
		for _, v := range []uint8{ieee802154.V2003, ieee802154.V2006} {
			h.Version, h.DstPAN, h.SrcPAN = v, 0, 0
			_, _, err := ieee802154.Parse(append(ieee802154.Append(nil, h), 0, 0))
			if refused := tt.old == "refused"; refused != errors.Is(err, ieee802154.ErrPAN) {
				t.Errorf("%s, version %d: parse says %v; want it refused: %v", name, v, err, refused)
			}
			d, s := h.PANs()
			if got := (map[[2]bool]string{{true, true}: "dst src", {true, false}: "dst", {false, true}: "src"})[[2]bool{d, s}]; tt.old != "refused" && got != tt.old {
				t.Errorf("%s, version %d: PANs %q, want %q", name, v, got, tt.old)
			}
		}
	}
}

// Each row spoils one thing of a frame that is good.
func TestParseRefuses(t *testing.T) {
	good := unhex(t, vectors[0].octets)
	for _, tt := range []struct {
		why  string
		at   int
		or   byte
		want error
	}{
		{"a multipurpose frame", 0, 0x05, ieee802154.ErrType},
		{"the reserved type", 0, 0x04, ieee802154.ErrType},
		{"the reserved version", 1, 0x30, ieee802154.ErrVersion},
	} {
		b := bytes.Clone(good)
		b[tt.at] |= tt.or
		if tt.why == "the reserved type" {
			b[0] = b[0]&^7 | 4
		}
		if _, _, err := ieee802154.Parse(b); !errors.Is(err, tt.want) || !errors.Is(err, wire.ErrInvalid) {
			t.Errorf("%s: %v, want %v", tt.why, err, tt.want)
		}
	}
	for _, mode := range []byte{0xd4, 0x5c} { // destination, source
		b := bytes.Clone(good)
		b[1] = mode
		if _, _, err := ieee802154.Parse(b); !errors.Is(err, ieee802154.ErrMode) {
			t.Errorf("addressing modes of %02x: %v", mode, err)
		}
	}
}

func TestSource(t *testing.T) {
	for _, tt := range []struct {
		h    ieee802154.Header
		want uint16
		ok   bool
	}{
		{ieee802154.Header{Version: 1, Dst: b64, DstPAN: 5, Src: a64, Compressed: true}, 5, true},
		{ieee802154.Header{Version: 1, Dst: b64, DstPAN: 5, Src: a64, SrcPAN: 6}, 6, true},
		{ieee802154.Header{Version: 2, Dst: b64, DstPAN: 5, Src: a64}, 5, true},
		{ieee802154.Header{Version: 2, Dst: b64, Src: a64, Compressed: true}, 0, false},
		{ieee802154.Header{Version: 0, Dst: b64, DstPAN: 5}, 0, false},
	} {
		if pan, ok := tt.h.Source(); pan != tt.want || ok != tt.ok {
			t.Errorf("%+v: comes from PAN %#x, %v", tt.h, pan, ok)
		}
	}
}

func TestSecurityHeader(t *testing.T) {
	micLen := [8]int{0, 4, 8, 16, 0, 4, 8, 16}
	for level := range micLen {
		for mode, n := range []int{5, 6, 10, 14} {
			s := ieee802154.Security{Level: ieee802154.Level(level), KeyMode: ieee802154.KeyMode(mode), Counter: 0x01020304}
			if mode > 0 {
				s.Index = 9
			}
			copy(s.Source[:], "keysourc"[:[]int{0, 0, 4, 8}[mode]])
			h := ieee802154.Header{Type: ieee802154.Data, Version: 1, Secured: true, Security: s}
			got, _, err := ieee802154.Parse(ieee802154.Append(nil, h))
			if err != nil || got.Security != s || s.Len() != n || h.MICLen() != micLen[level] {
				t.Errorf("level %d, mode %d: %+v, %v, length %d, MIC %d", level, mode, got.Security, err, s.Len(), h.MICLen())
			}
		}
	}
	// Version 0 had security without a header for it: what follows is payload.
	if h, payload, err := ieee802154.Parse([]byte{0x09, 0x00, 1, 0xaa}); err != nil || !h.Secured || h.MICLen() != 0 || len(payload) != 1 {
		t.Errorf("version 0: %+v, %x, %v", h, payload, err)
	}
}

func TestElements(t *testing.T) {
	one := ieee802154.AppendHeaderIE(nil, 0x1e, []byte{1, 2})
	end1 := ieee802154.AppendHeaderIE(nil, ieee802154.HeaderTermination1, nil)
	end2 := ieee802154.AppendHeaderIE(nil, ieee802154.HeaderTermination2, nil)
	nested := ieee802154.AppendPayloadIE(nil, 1, []byte{3, 4, 5})
	end := ieee802154.AppendPayloadIE(nil, ieee802154.PayloadTermination, nil)
	cat := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	data := []byte{0xda, 0x7a}
	for _, tt := range []struct {
		why        string
		ies, after []byte
		secured    bool
		payloadIEs bool
		rest       []byte // after payload elements
		err        error
	}{
		{"ended by 2, payload", cat(one, end2), data, false, false, data, nil},
		{"ended by 1, payload elements, payload", cat(one, end1), cat(nested, end, data), false, true, data, nil},
		{"payload elements that end with the frame", end1, nested, false, true, nil, nil},
		{"nothing follows", one, nil, false, false, nil, nil},
		{"nothing but the MIC follows", one, []byte{9, 9, 9, 9}, true, false, []byte{9, 9, 9, 9}, nil},
		{"no element", nil, nil, false, false, nil, wire.ErrShort},
		{"an element cut short", one[:3], nil, false, false, nil, wire.ErrShort},
		{"half a descriptor", cat(one, []byte{0}), nil, false, false, nil, wire.ErrShort},
		{"an element of the payload", nested, nil, false, false, nil, ieee802154.ErrIE},
	} {
		t.Run(tt.why, func(t *testing.T) {
			h := ieee802154.Header{Type: ieee802154.Data, Version: 2, HasIEs: true, Secured: tt.secured,
				Security: ieee802154.Security{Level: ieee802154.MIC32}, IEs: tt.ies}
			got, payload, err := ieee802154.Parse(append(ieee802154.Append(nil, h), tt.after...))
			if !errors.Is(err, tt.err) || err == nil && !bytes.Equal(got.IEs, tt.ies) {
				t.Fatalf("%x, %v; want %x, %v", got.IEs, err, tt.ies, tt.err)
			}
			if err != nil {
				return
			}
			if got.HasPayloadIEs() != tt.payloadIEs {
				t.Errorf("payload elements: %v", !tt.payloadIEs)
			}
			if tt.payloadIEs {
				if payload, err = ieee802154.SkipPayloadIEs(payload); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(payload, tt.rest) {
				t.Errorf("payload %x, want %x", payload, tt.rest)
			}
		})
	}
	for _, b := range [][]byte{{0}, one, nested[:4]} {
		if _, err := ieee802154.SkipPayloadIEs(b); err == nil {
			t.Errorf("payload elements %x: no error", b)
		}
	}
}

func TestBeaconLists(t *testing.T) {
	b := unhex(t, "ffcf"+"00"+"12"+"3412"+"7856"+"0a00000000000002"+"fe")
	i, rest, err := ieee802154.ParseBeacon(b)
	if err != nil || len(rest) != 1 || !i.Waits(short) || !i.Waits(a64) || i.Waits(b64) || i.Waits(link.Addr{}) {
		t.Errorf("%+v, %x, %v", i, rest, err)
	}
	if i.Superframe&ieee802154.SuperframePermit == 0 || i.Superframe.BeaconOrder() != 15 {
		t.Errorf("superframe %04x", i.Superframe)
	}
	i.Short = ieee802154.AppendWaiting(ieee802154.AppendWaiting(nil, short), ieee802154.Short(0x5678))
	if again := append(ieee802154.AppendBeacon(nil, i), rest...); !bytes.Equal(again, b) {
		t.Errorf("append = %x\nwant     %x", again, b)
	}
}

func TestCommandNames(t *testing.T) {
	if got := fmt.Sprint(ieee802154.DataRequest, ieee802154.CommandID(0), ieee802154.CommandID(200)); got != "data request command 0 command 200" {
		t.Error(got)
	}
}

// The check value of CRC-16/KERMIT, and a frame of the capture.
func TestFCS(t *testing.T) {
	if c := ieee802154.FCS([]byte("123456789")); c != 0x2189 {
		t.Errorf("%#x", c)
	}
	mpdu := unhex(t, "020062acf5")
	frame, err := ieee802154.Check(mpdu)
	if err != nil || len(frame) != 3 || cap(frame) != 3 {
		t.Errorf("%x, %v", frame, err)
	}
	mpdu[2] ^= 1
	if _, err := ieee802154.Check(mpdu); !errors.Is(err, wire.ErrChecksum) {
		t.Errorf("one bit changed: %v", err)
	}
	ieee802154.Seal(mpdu)
	if _, err := ieee802154.Check(mpdu); err != nil {
		t.Error(err)
	}
	if _, err := ieee802154.Check([]byte{1}); !errors.Is(err, wire.ErrShort) {
		t.Errorf("one octet: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	for _, v := range vectors {
		b, err := hex.DecodeString(v.octets)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		wiretest.Stable(t, ieee802154.Parse, ieee802154.Append, b)
		if h, payload, err := ieee802154.Parse(b); err == nil {
			if h.Len()+len(payload) != len(b) {
				t.Errorf("%d octets of header and %d of payload of %d: %x", h.Len(), len(payload), len(b), b)
			}
			if h.HasPayloadIEs() {
				_, _ = ieee802154.SkipPayloadIEs(payload)
			}
			wiretest.Stable(t, ieee802154.ParseBeacon, ieee802154.AppendBeacon, payload)
		}
	})
}

var sink ieee802154.Header

func BenchmarkParse(b *testing.B) {
	in, err := hex.DecodeString(vectors[0].octets)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		sink, _, _ = ieee802154.Parse(in)
	}
}

func BenchmarkFCS(b *testing.B) {
	in := make([]byte, 125)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		ieee802154.FCS(in)
	}
}
