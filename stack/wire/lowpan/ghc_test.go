package lowpan_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/lowpan"
	"github.com/conform-stack/conform/stack/wire/lowpan/lowpantest"
)

// ghcVectors are the examples of RFC 7400, appendix A: a header with the addresses that are in the dictionary, what follows
// it, and code for that.
var ghcVectors = []struct{ name, header, payload, code string }{ // never written
	{"A-1", "6000000000083afffe80000000000000021cdafffe002024ff02000000000000000000000000001a",
		"9b006bde00000000",
		"049b006bde82"},
	{"A-2", "60000000005c3afffe80000000000000021cdafffe003023ff02000000000000000000000000001a",
		"9b017a5f00f001008800000020020db800000000000000fffe00face040e001409ff00000100000000000000081e8020ffffffffffffffff0000000020020db800000000000000fffe00face030e4000ffffffff20020db800000000",
		"069b017a5f00f0c70188810420020db885a7c908face040e001409ffa4da8306081e8020ffffc0d082b4f003030e40c7a3c9a2f0"},
	{"A-3", "6000000000323aff20020db800000000000000fffe00334420020db800000000000000fffe001122",
		"9b02587d018000f10512008020020db800000000000000fffe00334406140080f100fe80000000000000000000fffe001122",
		"0c9b02587d018000f105120080b5f40806140080f100fe8087a7dd"},
	{"A-4", "6000000000303aff20020db800000000000000fffe003bd3fe80000000000000021cdafffe003023",
		"8700a76800000000fe80000000000000021cdafffe00302301013bd3000000001f02000000000006001cdafffe002024",
		"048700a76882b3f00401013bd382021f0283020600a2db022024"},
	{"A-5", "6000000000303afefe80000000000000021cdafffe00302320020db800000000000000fffe003bd3",
		"8800266cc0000000fe80000000000000021cdafffe0030230201face000000001f02000000000006001cdafffe002024",
		"058800266cc081b5f0040201face82021f0283020600a2db022024"},
	{"A-6", "6000000000183afffe80000000000000aede480000000001ff020000000000000000000000000002",
		"85009065000000000102acde480000000001000000000000",
		"0485009065de0202aca5eb84"},
	{"A-7", "6000000000603afffe80000000000000103400fffe001122fe80000000000000aede480000000001",
		"860055c940000fa01c5a3817000007d0010111220000000003044040ffffffffffffffff0000000020020db800000000000000000000000020024010000003e820020db800000000210300010000000020020db800000000000000fffe001122",
		"0c860055c940000fa01c5a3817800607d001011122820603044040ffffc0d0820420020db88a0420024010a4cb01e8a2f0022103a9e6b3cdafdb"},
	{"A-8", "00000000000000000000000000000000000000000000000000000000000000000000000000000000",
		"17fefd0001000000000001001d000100000000000109b20e82c16eb696c51f368d1761e2b5d422d4ed2b",
		"b0d1011df21509b20e82c16eb696c51f368d1761e2b5d422d4ed2b"},
	{"A-9", "00000000000000000000000000000000000000000000000000000000000000000000000000000000",
		"17fefd000100000000000500160001000000000005aea0155667924dff8a24e4cb35b9",
		"b0c303050016f20eaea0155667924dff8a24e4cb35b9"},
	{"A-10", "00000000000000000000000000000000000000000000000000000000000000000000000000000000",
		"16fefd000000000000000000360100002a000000000000002afefd5152ed79a420c962561147c939ee6cc0a4fec6892f32269a164e317e9f20929200000002c0a80100",
		"a1cd870136a1cd012a85232afefd5152ed79a420c962561147c939ee6cc0a4fec6892f32269a164e317e9f209292810502c0a80100"},
}

// packet is a datagram of a vector's header and payload, as ICMPv6, and what an IPHC and NHC in front of code is.
func packet(t *testing.T, header, payload string) (b []byte, s lowpan.Surroundings) {
	t.Helper()
	b = append(octets(t, header), octets(t, payload)...)
	b[0] = 0x60
	b[6] = 58
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)-40))
	return b, lowpan.Surroundings{}
}

// plainIPHC is an IPHC of a header with all fields in line but traffic class and flow label, and an NHC behind it.
func plainIPHC(header []byte, group bool) []byte {
	b := []byte{0x7c, 0x00, header[7]}
	if group {
		b[1] |= 8
	}
	return append(b, header[8:40]...)
}

func TestVectorsOfRFC7400(t *testing.T) {
	for _, v := range ghcVectors {
		want, s := packet(t, v.header, v.payload)
		code := octets(t, v.code)
		frame := append(append(plainIPHC(want, want[24] == 0xff), 0xdf), code...)
		got, r, err := expand(frame, &s)
		if err != nil || !bytes.Equal(got, want) || !r.Generic {
			t.Errorf("%s: %v\n got %x\nwant %x", v.name, err, got, want)
		}
		for n := range code {
			if got, _, err := expand(frame[:len(frame)-len(code)+n], &s); err == nil && len(got) >= len(want) {
				t.Errorf("%s: cut to %d of %d octets of code it is as long as whole", v.name, n, len(code))
			}
		}
		// What is made here is no longer than the examples.
		room := make([]byte, len(want)+1)
		n, took := lowpan.Compress(room, want, &s, lowpan.Options{GHC: new(lowpan.GHC)})
		at := bytes.IndexByte(room[:n], 0xdf)
		if took != len(want) || at < 0 || n-at-1 > len(code) {
			t.Errorf("%s: code of %d octets, want at most %d\n%x", v.name, n-at-1, len(code), room[:n])
		}
	}
}

// Each row is code, and what it makes behind the addresses 2001:db8::1 and ::; none for code that is refused.
func TestCodeBytes(t *testing.T) { // RFC 7400, table 1
	header := octets(t, "6000000000003a40 20010db8000000000000000000000001 00000000000000000000000000000000")
	long := strings.Repeat("ab", 95)
	for _, tt := range []struct {
		name, code, want string
		refused          bool
	}{
		{name: "literals of 0, 2 and 1", code: "00 02 aabb 01 cc", want: "aabbcc"},
		{name: "a literal of 95", code: "5f" + long, want: long},
		{name: "2 zeros", code: "80", want: "0000"},
		{name: "17 zeros", code: "8f", want: strings.Repeat("00", 17)},
		{name: "the last two octets of the dictionary", code: "c0", want: "0000"},
		{name: "the first two of its static part", code: "a1 c6", want: "16fe"},
		{name: "the first two of it", code: "a5 c6", want: "2001"},
		{name: "the last eight", code: "f0", want: "0000000000010000"},
		{name: "the last nine", code: "f8", want: "010000000000010000"},
		{name: "from the dictionary into the output", code: "01 aa c8", want: "aa0000aa"},
		{name: "longer by 8", code: "b0 c0", want: "00010000000000010000"},
		{name: "longer by 16", code: "b0 b0 c0", want: "000016fefd17fefd00010000000000010000"},
		{name: "two extensions, for one reference only", code: "03 112233 a1 a1 c0 c0", want: "112233fefdfefd"},
		{name: "a stop code at the end", code: "01 aa 90", want: "aa"},
		{name: "a stop code before it", code: "01 aa 90 01 bb", refused: true},
		{name: "a literal that is cut", code: "02 aa", refused: true},
		{name: "beyond the dictionary", code: "a5 c7", refused: true},
		{name: "reserved 01100000", code: "60" + long + long, refused: true},
		{name: "reserved 01111111", code: "7f" + long + long, refused: true},
		{name: "reserved 10010001", code: "91", refused: true},
		{name: "reserved 10011111", code: "9f", refused: true},
	} {
		got, _, err := expand(append(append(plainIPHC(header, false), 0xdf), octets(t, tt.code)...), &lowpan.Surroundings{})
		switch {
		case tt.refused && err == nil:
			t.Errorf("%s: made %x", tt.name, got[40:])
		case !tt.refused && (err != nil || !bytes.Equal(got[40:], octets(t, tt.want))):
			t.Errorf("%s: made %x, %v; want %s", tt.name, got, err, tt.want)
		}
	}
}

// A payload of 17 zeros for each octet of code is bounded by the room for it (RFC 7400, 5).
func TestABombIsBounded(t *testing.T) {
	header := octets(t, "6000000000003a40 20010db8000000000000000000000001 00000000000000000000000000000000")
	bomb := append(append(plainIPHC(header, false), 0xdf), bytes.Repeat([]byte{0x8f}, 100)...)
	room := make([]byte, 1280)
	if _, err := lowpan.Decompress(room, bomb, &lowpan.Surroundings{}, 0); err != lowpan.ErrRoom {
		t.Errorf("1740 octets in 1280: %v", err)
	}
	doubling := append(append(plainIPHC(header, false), 0xdf, 1, 0xaa), bytes.Repeat([]byte{0xbf, 0xbf, 0xbf, 0xc0}, 80)...)
	if r, err := lowpan.Decompress(room, doubling, &lowpan.Surroundings{}, 0); err == nil {
		t.Errorf("references that are longer than what there is: %+v", r)
	}
}

// Whatever the data is, code for it makes it again, and its length is what was promised.
func TestCodeMakesTheData(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	g := new(lowpan.GHC)
	n := lowpantest.Random(r)
	for range 2000 {
		data := make([]byte, r.IntN(1230))
		for i := range data {
			switch r.IntN(4) {
			case 0:
			case 1:
				data[i] = byte(r.Uint32())
			default:
				data[i] = data[max(0, i-1-r.IntN(30))]
			}
		}
		h := ipv6.Header{NextHeader: wire.ICMPv6, PayloadLen: uint16(len(data)), Src: n.Unicast(r, n.Src), Dst: n.Unicast(r, n.Dst), HopLimit: 64}
		b := append(ipv6.Append(nil, h), data...)
		s := n.Surroundings()
		room := make([]byte, len(b)+1)
		k, took := lowpan.Compress(room, b, &s, lowpan.Options{GHC: g})
		got, _, err := expand(append(room[:k:k], b[took:]...), &s)
		if err != nil || !bytes.Equal(got, b) {
			t.Fatalf("%v\n got %x\nwant %x", err, got, b)
		}
	}
}
