package lowpan_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/lowpan"
	"github.com/conform-stack/conform/stack/wire/udp"
)

// iphc is in front of the rows: link-local addresses that are elided, hop limit 64, and an NHC that follows.
const iphc = "7e 33 "

// Each row is what follows an IPHC, and what stands behind the IPv6 header then; none for what is refused.
func TestNextHeaders(t *testing.T) { // RFC 6282, 4.2 and 4.3.3
	s := grid.Surroundings()
	for _, tt := range []struct {
		name    string
		nhc     string
		next    wire.Protocol
		want    string
		refused error
	}{
		{name: "UDP, P=00", nhc: "f0 1633 1634 abcd 01", next: wire.UDP, want: "1633 1634 0009 abcd 01"},
		{name: "UDP, P=01", nhc: "f1 1633 34 abcd 01", next: wire.UDP, want: "1633 f034 0009 abcd 01"},
		{name: "UDP, P=10", nhc: "f2 33 1634 abcd", next: wire.UDP, want: "f033 1634 0008 abcd"},
		{name: "UDP, P=11", nhc: "f3 5a abcd", next: wire.UDP, want: "f0b5 f0ba 0008 abcd"},
		{name: "UDP, cut in its ports", nhc: "f0 1633 16", refused: wire.ErrShort},
		{name: "UDP, cut in its checksum", nhc: "f3 5a ab", refused: wire.ErrShort},
		{name: "nothing", nhc: "", refused: wire.ErrShort},
		{name: "options, their padding in line", nhc: "e0 11 06 05020000 0100 aabb", next: wire.HopByHop, want: "11 00 05020000 0100 aabb"},
		{name: "options, a PadN left out", nhc: "e0 11 04 05020000 aabb", next: wire.HopByHop, want: "11 00 05020000 0100 aabb"},
		{name: "options, a Pad1 left out", nhc: "e0 11 05 0503000000 aabb", next: wire.HopByHop, want: "11 00 0503000000 00 aabb"},
		{name: "options, all left out", nhc: "e6 3b 00 aabb", next: wire.DestOpts, want: "3b 00 010400000000 aabb"},
		{name: "options, 7 octets left out", nhc: "e6 3b 07 3e050102030405 aa", next: wire.DestOpts, want: "3b 01 3e050102030405 0105 0000000000 aa"},
		{name: "routing", nhc: "e2 3b 06 0300 00000000", next: wire.Routing, want: "3b 00 0300 00000000"},
		{name: "routing is not padded", nhc: "e2 3b 05 0300 000000", refused: lowpan.ErrHeader},
		{name: "fragment", nhc: "e4 3b 00 0009 01020304", next: wire.Fragment, want: "3b 00 0009 01020304"},
		{name: "fragment, its reserved octet", nhc: "e4 3b 42 0009 01020304 aa", next: wire.Fragment, want: "3b 42 0009 01020304 aa"},
		{name: "fragment, cut", nhc: "e4 3b 00 0009 010203", refused: wire.ErrShort},
		{name: "mobility", nhc: "e8 3b 06 0100 abcd 0102", next: 135, want: "3b 00 0100 abcd 0102"},
		{name: "mobility is not padded", nhc: "e8 3b 04 0100 abcd", refused: lowpan.ErrHeader},
		{name: "EID 5", nhc: "ea 3b 06 0100 abcd 0102", refused: lowpan.ErrUnknown},
		{name: "EID 6", nhc: "ec 3b 06 0100 abcd 0102", refused: lowpan.ErrUnknown},
		{name: "a length beyond the end", nhc: "e0 3b 07 050200000100", refused: wire.ErrShort},
		{name: "a chain", nhc: "e1 04 05020000 e7 00 f3 5a abcd 01", next: wire.HopByHop,
			want: "3c 00 05020000 0100  11 00 010400000000  f0b5 f0ba 0009 abcd 01"},
		{name: "a chain without its end", nhc: "e1 04 05020000", refused: wire.ErrShort},
		{name: "unassigned 00", nhc: "00 01 02", refused: lowpan.ErrUnknown},
		{name: "unassigned cf", nhc: "cf 01 02", refused: lowpan.ErrUnknown},
		{name: "unassigned f8", nhc: "f8 01 02", refused: lowpan.ErrUnknown},
		{name: "unassigned fe", nhc: "fe 01 02", refused: lowpan.ErrUnknown},
		{name: "unassigned de", nhc: "de 01 02", refused: lowpan.ErrUnknown},
		{name: "generic, EID 4 is not assigned", nhc: "b8 01 3b 90", refused: lowpan.ErrUnknown},
		{name: "generic options", nhc: "b1 04 05020000 90 f3 5a abcd", next: wire.HopByHop, want: "11 00 05020000 0100  f0b5 f0ba 0008 abcd"},
		{name: "generic options and what is in front of them", nhc: "b6 05 3b 05020000 90 aa", next: wire.DestOpts, want: "3b 00 05020000 0100 aa"},
		{name: "generic options without a stop code", nhc: "b1 04 05020000", refused: wire.ErrShort},
		{name: "generic fragment", nhc: "b5 07 00000901020304 90 f3 5a abcd", next: wire.Fragment, want: "11 00 0009 01020304 f0b5 f0ba 0008 abcd"},
		{name: "generic fragment of another length", nhc: "b5 06 000009010203 90 f3 5a abcd", refused: lowpan.ErrHeader},
		{name: "generic UDP", nhc: "d3 5a abcd 01aa 80", next: wire.UDP, want: "f0b5 f0ba 000b abcd aa0000"},
		{name: "a packet within", nhc: "ee 7a33 3b aa", next: wire.IPv6,
			want: "60000000 0001 3b40 fe80000000000000 0011223344556677 fe80000000000000 000000fffe00beef aa"},
		{name: "a packet within, with its NH bit", nhc: "ef 7a33 3b aa", refused: lowpan.ErrHeader},
		{name: "a packet within that is no IPHC", nhc: "ee 41 60", refused: lowpan.ErrHeader},
		{name: "a packet within that is missing", nhc: "ee", refused: wire.ErrShort},
	} {
		got, _, err := expand(octets(t, iphc+tt.nhc), &s)
		if tt.refused != nil {
			if !errors.Is(err, tt.refused) {
				t.Errorf("%s: %x, %v; want %v", tt.name, got, err, tt.refused)
			}
			continue
		}
		want := octets(t, tt.want)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if h, rest, _ := ipv6.Parse(got); h.NextHeader != tt.next || !bytes.Equal(rest, want) || int(h.PayloadLen) != len(want) {
			t.Errorf("%s: %v\n got %x\nwant %x", tt.name, h, rest, want)
		}
	}
}

// A checksum that was left out is that of the datagram as it is (4.3.2).
func TestElidedChecksum(t *testing.T) {
	s := grid.Surroundings()
	for _, tt := range []struct {
		nhc string
		sum bool // it can be computed
	}{
		{"f7 5a 010203", true},
		{"f4 1633 1634", true},
		{"e1 04 05020000 f7 5a 0102", true},
		{"ee 7e33 f7 5a 010203", true},
		{"e3 06 020000000000 f7 5a 01", true},
		{"e3 06 020100000000 f7 5a 01", false}, // the destination that is summed is not that of the header (RFC 8200, 8.1)
		{"d7 5a 01aa 80", true},
	} {
		got, r, err := expand(octets(t, iphc+tt.nhc), &s)
		if !tt.sum {
			if !errors.Is(err, lowpan.ErrHeader) {
				t.Errorf("%s: %x, %v", tt.nhc, got, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", tt.nhc, err)
			continue
		}
		h, _, _ := ipv6.Parse(got[r.IP:])
		u, _, _ := udp.Parse(got[r.Elided:])
		if err := udp.Verify(got[r.Elided:], u, ipv6.Pseudo(h.Src, h.Dst, wire.UDP)); err != nil || u.Checksum == 0 {
			t.Errorf("%s: %v of %x: %v", tt.nhc, u, got, err)
		}
	}
	// One that is computed as 0 is sent as ffff (RFC 768).
	b := octets(t, "6000000000081140 00000000000000000000000000000000 ff000000000000000000000000000000 0000ffde 0008 0000")
	b[6], b[24] = 17, 0
	lowpan.Restore(b, lowpan.Result{IP: 0, Elided: 40})
	if b[46] != 0xff || b[47] != 0xff {
		t.Errorf("checksum %x", b[46:48])
	}
}

// In a first fragment lengths are those of the datagram, not of what is there.
func TestLengthsOfAFragment(t *testing.T) {
	s := grid.Surroundings()
	room := make([]byte, 1280)
	b := octets(t, iphc+"ee 7e33 e1 04 05020000 f3 5a abcd 010203")
	r, err := lowpan.Decompress(room, b, &s, 1000)
	if err != nil || r.Len != 96 || r.Took != len(b)-3 {
		t.Fatalf("%+v, %v", r, err)
	}
	outer, _, _ := ipv6.Parse(room)
	inner, _, _ := ipv6.Parse(room[40:])
	u, _, _ := udp.Parse(room[88:])
	if outer.PayloadLen != 960 || inner.PayloadLen != 920 || u.Length != 912 {
		t.Errorf("lengths %d, %d and %d", outer.PayloadLen, inner.PayloadLen, u.Length)
	}
	if _, err := lowpan.Decompress(room, b, &s, 95); !errors.Is(err, lowpan.ErrRoom) {
		t.Errorf("headers of 96 octets in a datagram of 95: %v", err)
	}
	for n := range 96 {
		if _, err := lowpan.Decompress(room[:n], b, &s, 1000); err == nil {
			t.Errorf("headers of 96 octets in room for %d", n)
		}
	}
}

// What Compress makes of headers that it may not name, or only in part.
func TestWhatIsLeftAsItIs(t *testing.T) {
	s := grid.Surroundings()
	header := "60000000 0000 %% 40 fe80000000000000 0011223344556677 fe80000000000000 000000fffe00beef"
	for _, tt := range []struct {
		name, next, rest string
		want             string // in full
	}{
		{"UDP", "11", "1633 1634 0009 abcd 01", "7e33 f0 1633 1634 abcd 01"},
		{"UDP that says another length", "11", "1633 1634 000a abcd 01", "7a33 11 1633 1634 000a abcd 01"},
		{"UDP that is cut", "11", "1633 1634 0007 ab", "7a33 11 1633 1634 0007 ab"},
		{"ports of 8 and 4 bits", "11", "f033 f0b4 0008 abcd", "7e33 f1 f033 b4 abcd"},
		{"ports of 4 bits", "11", "f0b3 f0b4 0008 abcd", "7e33 f3 34 abcd"},
		{"a source port of 8 bits", "11", "f033 1634 0008 abcd", "7e33 f2 33 1634 abcd"},
		{"TCP", "06", "0102", "7a33 06 0102"},
		{"a PadN of zeros", "00", "3b00 05020000 0100", "7e33 e0 3b 04 05020000"},
		{"a PadN of others", "00", "3b00 0104 00000001", "7e33 e0 3b 06 0104 00000001"},
		{"a Pad1", "3c", "3b00 0503010203 00", "7e33 e6 3b 05 0503010203"},
		{"two Pad1", "3c", "3b00 05020102 0000", "7e33 e6 3b 06 05020102 0000"},
		{"padding of 8 octets", "3c", "3b01 0504 01020304 0106 000000000000", "7e33 e6 3b 0e 0504 01020304 0106 000000000000"},
		{"padding of 7 octets", "3c", "3b01 0505 0102030405 0105 0000000000", "7e33 e6 3b 07 0505 0102030405"},
		{"options that do not end where they say", "3c", "3b00 0509 01020304", "7e33 e6 3b 06 0509 01020304"},
		{"a header that is cut", "3c", "3b01 0104 00000000", "7a33 3c 3b01 0104 00000000"},
		{"a later fragment", "2c", "1100 0008 00000001 1633 1634 0009 abcd 01", "7e33 e4 11 00 0008 00000001 1633 1634 0009 abcd 01"},
		{"a first fragment", "2c", "3c00 0001 00000001 3b00 0104 00000000", "7e33 e5 00 0001 00000001 e6 3b 00"},
		{"a header of 258 octets", "2b", "3b20 0000" + strings.Repeat("00", 260), "7a33 2b 3b20 0000" + strings.Repeat("00", 260)},
		{"a header of 248 octets", "2b", "3b1e 0000" + strings.Repeat("00", 244), "7e33 e2 3b f6 0000" + strings.Repeat("00", 244)},
	} {
		b := octets(t, strings.Replace(header, "%%", tt.next, 1)+tt.rest)
		ipv6.Seal(b)
		room := make([]byte, len(b)+1)
		n, took := lowpan.Compress(room, b, &s, lowpan.Options{})
		got := append(room[:n:n], b[took:]...)
		if want := octets(t, tt.want); !bytes.Equal(got, want) {
			t.Errorf("%s:\n got %x\nwant %x", tt.name, got, want)
		}
		if back, _, err := expand(got, &s); err != nil || !bytes.Equal(back, b) {
			t.Errorf("%s: %x, %v", tt.name, back, err)
		}
	}
	good := octets(t, strings.Replace(header, "%%", "3b", 1))
	for name, b := range map[string][]byte{
		"nothing": nil, "cut": good[:39], "longer than it says": append(bytes.Clone(good), 0),
		"of version 4": append([]byte{0x45}, good[1:]...),
	} {
		if n, took := lowpan.Compress(make([]byte, 50), b, &s, lowpan.Options{}); n != 0 || took != 0 {
			t.Errorf("%s: %d octets for %d", name, n, took)
		}
	}
}

// A limit has headers left as they are, the last ones first (RFC 6282, 2).
func TestLimit(t *testing.T) {
	s := grid.Surroundings()
	b := octets(t, "60000000 0019 3c 40 fe80000000000000 0011223344556677 fe80000000000000 000000fffe00beef"+
		"2b00 05020102 0100 1100 0000 00000000 1633 1634 0009 abcd 01")
	for _, tt := range []struct{ limit, n, took int }{
		{0, 23, 64}, {23, 23, 64}, {22, 17, 56}, {17, 17, 56}, {16, 9, 48}, {9, 9, 48}, {8, 3, 40}, {3, 3, 40}, {2, 0, 0},
	} {
		room := make([]byte, len(b)+1)
		n, took := lowpan.Compress(room, b, &s, lowpan.Options{Limit: tt.limit})
		if n != tt.n || took != tt.took {
			t.Errorf("limit %d: %d octets for %d, want %d for %d\n%x", tt.limit, n, took, tt.n, tt.took, room[:n])
		}
		if n > 0 {
			if got, _, err := expand(append(room[:n:n], b[took:]...), &s); err != nil || !bytes.Equal(got, b) {
				t.Errorf("limit %d: %x, %v", tt.limit, got, err)
			}
		}
	}
}

// The compression of RFC 4944, 10, whose fields are not aligned.
func TestHC1(t *testing.T) {
	s := grid.Surroundings()
	s.PAN = 0xabcd
	const src, dst = "fe80000000000000 0011223344556677", "fe80000000000000 a9cd00fffe00beef" // RFC 4944, 6
	for _, tt := range []struct{ name, frame, want string }{
		{"all elided, ICMPv6", "42 fc 40 8000", "60000000 0002 3a 40" + src + dst + "8000"},
		{"all elided, TCP", "42 fe 3f 01", "60000000 0001 06 3f" + src + dst + "01"},
		{"next header in line", "42 f8 40 3b 01", "60000000 0001 3b 40" + src + dst + "01"},
		{"UDP without HC2", "42 fa 40 1633 1634 0009 abcd 01", "60000000 0009 11 40" + src + dst + "1633 1634 0009 abcd 01"},
		{"identifiers in line", "42 ac 40 0102030405060708 1112131415161718 01", "60000000 0001 3a 40" +
			"fe80000000000000 0102030405060708 fe80000000000000 1112131415161718 01"},
		{"prefixes in line", "42 5c 40 2001000000000000 2002000000000000 01", "60000000 0001 3a 40" +
			"2001000000000000 0011223344556677 2002000000000000 a9cd00fffe00beef 01"},
		{"addresses in line", "42 0c 40" + src + dst + "01", "60000000 0001 3a 40" + src + dst + "01"},
		{"class and label", "42 f4 40 b8 12345 0 01", "6b812345 0001 3a 40" + src + dst + "01"},
		{"class, label and next header", "42 f0 40 b8 12345 3b 0 01", "6b812345 0001 3b 40" + src + dst + "01"},
		{"HC2, ports in line, length elided", "42 fb 20 40 1633 1634 abcd 01", "60000000 0009 11 40" + src + dst + "1633 1634 0009 abcd 01"},
		{"HC2, all compressed", "42 fb e0 40 34 abcd 01", "60000000 0009 11 40" + src + dst + "f0b3 f0b4 0009 abcd 01"},
		{"HC2, one port, length in line", "42 fb 80 40 3 1634 000a abcd 0 01", "60000000 0009 11 40" + src + dst + "f0b3 1634 000a abcd 01"},
		{"HC2, label before it", "42 f3 e0 40 b8 12345 34 abcd 0 01", "6b812345 0009 11 40" + src + dst + "f0b3 f0b4 0009 abcd 01"},
	} {
		frame, want := octets(t, tt.frame), octets(t, tt.want)
		got, r, err := expand(frame, &s)
		if err != nil || !bytes.Equal(got, want) || !r.HC1 {
			t.Errorf("%s: %v\n got %x\nwant %x", tt.name, err, got, want)
		}
		for n := range r.Took {
			if got, _, err := expand(frame[:n], &s); err == nil {
				t.Errorf("%s, cut to %d octets: %x", tt.name, n, got)
			}
		}
	}
	for name, frame := range map[string]string{
		"an HC2 of ICMPv6": "42 fd 00 40 01", "an HC2 of TCP": "42 ff 00 40 01", "an HC2 of none": "42 f9 00 40 3b",
		"reserved bits of HC_UDP": "42 fb e1 40 34 abcd 01",
	} {
		if got, _, err := expand(octets(t, frame), &s); !errors.Is(err, lowpan.ErrUnknown) {
			t.Errorf("%s: %x, %v", name, got, err)
		}
	}
	s.PAN = 0xffff
	if got, _, err := expand(octets(t, "42 fc 40"), &s); err != nil || !bytes.Equal(got[32:40], octets(t, "000000fffe00beef")) {
		t.Errorf("without a PAN: %x, %v", got, err)
	}
}
