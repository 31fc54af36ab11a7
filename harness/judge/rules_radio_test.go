package judge

import (
	"slices"
	"testing"

	"github.com/conform-stack/conform/harness/capture"
)

// The frames of these tests are octets, as the RFCs draw them.

var station = Options{Target: &Target{MAC: []byte{2, 0, 0, 0, 0, 0, 0, 2}}}

// sealedMAC is a frame with its check sequence: the remainder of a long division, in the tests' own words.
func sealedMAC(parts ...[]byte) []byte {
	b := join(parts...)
	var r uint32
	bits := 8*len(b) + 16
	for i := range bits {
		var bit uint32
		if i < 8*len(b) {
			bit = uint32(b[i/8]>>(i%8)) & 1
		}
		if r = r<<1 | bit; r&0x10000 != 0 {
			r ^= 0x11021
		}
	}
	low, high := byte(0), byte(0)
	for i := range 8 {
		low |= byte(r>>(15-i)&1) << i
		high |= byte(r>>(7-i)&1) << i
	}
	return append(b, low, high)
}

var (
	extA = []byte{2, 0, 0, 0, 0, 0, 0, 2} // as they stand in a frame: the last octet first
	extB = []byte{1, 0, 0, 0, 0, 0, 0, 2}
	pan  = []byte{0xcd, 0xab}
	all  = []byte{0xff, 0xff}
)

// data154 is a data frame of version 1 from the target to the tester.
func data154(payload ...byte) []byte {
	return sealedMAC([]byte{0x61, 0xdc, 7}, pan, extB, extA, payload)
}

// to154 is the same with another frame control field and destination.
func to154(control uint16, dst []byte, payload ...byte) []byte {
	return sealedMAC([]byte{byte(control), byte(control >> 8), 7}, pan, dst, extA, payload)
}

func ack154(control uint16, number byte, more ...byte) []byte {
	return sealedMAC([]byte{byte(control), byte(control >> 8), number}, more)
}

func macRows() []row {
	spoiled := data154(0x60, 0)
	spoiled = slices.Clone(spoiled)
	spoiled[len(spoiled)-1] ^= 1
	from := func(control uint16) step {
		return heard(sealedMAC([]byte{byte(control), byte(control >> 8), 9}, pan, extA, extB, []byte{0x41}))
	}
	rows := []row{
		{rule: "802.15.4.length", good: data154(make([]byte, 104)...), bad: data154(make([]byte, 105)...)},
		{rule: "802.15.4.fcs", good: data154(0x60, 0), bad: spoiled},
		{rule: "802.15.4.mode", good: data154(0), bad: to154(0xd461, extB, 0)},
		{rule: "802.15.4.version", good: data154(0), bad: to154(0xfc61, extB, 0)},
		{rule: "802.15.4.reserved", good: data154(0), bad: to154(0xdce1, extB, 0)},
		{rule: "802.15.4.reserved", why: "bits of version 2 in version 1", good: to154(0xec61&^0x40, extB, 0), bad: to154(0xde61, extB, 0)},
		{rule: "802.15.4.ack-request", good: to154(0xd841, all, 0), bad: to154(0xd861, all, 0)},
		{rule: "802.15.4.compression", good: sealedMAC([]byte{0x01, 0xd0, 7}, pan, extA, []byte{0}), bad: sealedMAC([]byte{0x41, 0xd0, 7}, pan, extA, []byte{0})},
		{rule: "802.15.4.same-pan", good: sealedMAC([]byte{0x21, 0xdc, 7}, pan, extB, []byte{0x11, 0x11}, extA, []byte{0}), bad: sealedMAC([]byte{0x21, 0xdc, 7}, pan, extB, pan, extA, []byte{0})},
		{rule: "802.15.4.safe-payload", good: to154(0xcc61, extB, make([]byte, 102)...), bad: to154(0xcc61, extB, make([]byte, 103)...)},
		{rule: "802.15.4.ack.form", good: ack154(0x0002, 9), bad: ack154(0x0002, 9, 0)},
		{rule: "802.15.4.ack.form", why: "bits", good: ack154(0x0012, 9), bad: ack154(0x0022, 9)},
		{rule: "802.15.4.ack.number", opts: station, before: []step{from(0xdc61)}, good: ack154(2, 9), bad: ack154(2, 8)},
		{rule: "802.15.4.ack.version", opts: station, before: []step{from(0xec21)}, good: ack154(0x2002, 9), bad: ack154(0x0002, 9)},
		{rule: "802.15.4.ack.destination", opts: station, before: []step{from(0xec21)},
			good: sealedMAC([]byte{0x02, 0x2c, 9}, pan, extB), bad: sealedMAC([]byte{0x02, 0x2c, 9}, pan, extA)},
	}
	return on154(append(rows, securityRows()...))
}

// secured154 is a data frame of version 1 from the target to the tester with a security control, a frame counter and what
// follows: the rest of the key identifier, and the payload.
func secured154(control, counter byte, more ...byte) []byte {
	return sealedMAC([]byte{0x69, 0xdc, 7}, pan, extB, extA, []byte{control, counter, 0, 0, 0}, more)
}

func securityRows() []row {
	under := func(index, counter byte) []byte { return secured154(0x0d, counter, index, 1, 2, 3, 4, 5) }
	demanding := Options{Target: &Target{MAC: station.Target.MAC, Level: 5}}
	last := sealedMAC([]byte{0x69, 0xdc, 7}, pan, extB, extA, []byte{5, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5})
	return []row{
		{rule: "802.15.4.security.reserved", good: secured154(5, 9, 0, 0, 0, 0, 0), bad: secured154(0x45, 9, 0, 0, 0, 0, 0)},
		{rule: "802.15.4.security.counter", before: []step{said(under(1, 9)), said(under(2, 7))}, good: under(2, 8), bad: under(1, 8)},
		{rule: "802.15.4.security.nonce", before: []step{said(under(1, 9))}, good: under(1, 9), bad: secured154(0x0d, 9, 1, 1, 2, 3, 4, 6)},
		{rule: "802.15.4.security.last", good: under(1, 0xff), bad: last},
		{rule: "802.15.4.security.level", opts: demanding, good: secured154(6, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0), bad: secured154(3, 9, make([]byte, 17)...)},
		{rule: "802.15.4.security.level", why: "not at all", opts: demanding, good: secured154(7, 9, make([]byte, 17)...), bad: data154(0x41)},
	}
}

// What is in a secured frame is judged when somebody has opened it.
func TestOpenedFrame(t *testing.T) {
	clear := func(nhc byte) []byte { return secured154(5, 9, 0x7e, 0x33, nhc, 0x12, 9, 9, 1, 2, 3, 4) }
	for _, tt := range []struct {
		name           string
		frame, opened  []byte
		found, skipped int
	}{
		{"nobody has", secured154(5, 9, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4), nil, 0, 1},
		{"a reserved dispatch", secured154(5, 9, 1, 2, 1, 2, 3, 4), secured154(5, 9, 0x44, 0x60, 1, 2, 3, 4), 1, 0},
		{"a checksum that is elided, with a code", secured154(5, 9, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4), clear(0xf7), 0, 0},
		{"and without", secured154(4, 9, 1, 2, 3, 4, 5, 6), secured154(4, 9, 0x7e, 0x33, 0xf7, 0x12, 9, 9), 1, 0},
	} {
		j := New(station)
		got := j.Frame(Frame{Link: capture.IEEE802154, Data: tt.frame, Opened: tt.opened, FromTarget: true})
		if len(got) != tt.found || len(j.NotJudged()) != tt.skipped {
			t.Errorf("%s: %v, not judged %v", tt.name, got, j.NotJudged())
		}
	}
}

func on154(rows []row) []row {
	for i := range rows {
		rows[i].link = capture.IEEE802154
	}
	return rows
}

func lowpanRows() []row {
	eight := make([]byte, 8)
	frag := func(first byte, size, offset byte, n int) []byte {
		return data154(append([]byte{first, size, 0, 1, offset}, make([]byte, n)...)...)
	}
	mesh := append([]byte{0x81}, append(slices.Clone(extA), extB...)...)
	rows := []row{
		{rule: "lowpan.dispatch", good: data154(0x41, 0x60), bad: data154(0x44, 0x60)},
		{rule: "lowpan.dispatch", why: "in a first fragment", good: data154(0xc0, 80, 0, 1, 0x41, 0x60), bad: data154(0xc0, 80, 0, 1, 0x51, 0x60)},
		{rule: "lowpan.order", good: data154(join(mesh, []byte{0xc0, 80, 0, 1, 0x41})...), bad: data154(join([]byte{0xc0, 80, 0, 1}, mesh, []byte{0x41})...)},
		{rule: "lowpan.mesh.hops", good: data154(append(slices.Clone(mesh), 0x41)...), bad: data154(join([]byte{0x80}, mesh[1:], []byte{0x41})...)},
		{rule: "lowpan.mesh.hops", why: "deep", good: data154(join([]byte{0x8f, 1}, mesh[1:], []byte{0x41})...), bad: data154(join([]byte{0x8f, 0}, mesh[1:], []byte{0x41})...)},
		{rule: "lowpan.fragment.multiple", good: frag(0xe0, 200, 5, 16), bad: frag(0xe0, 200, 5, 15)},
		{rule: "lowpan.fragment.beyond", good: frag(0xe0, 50, 5, 10), bad: frag(0xe0, 50, 5, 11)},
		{rule: "lowpan.fragment.size", good: data154(append([]byte{0xc5, 0, 0, 1, 0x41}, eight...)...), bad: data154(append([]byte{0xc5, 1, 0, 1, 0x41}, eight...)...)},
		{rule: "lowpan.fragment.size", why: "less than a header", good: data154(0xc0, 40, 0, 1, 0x41), bad: data154(0xc0, 39, 0, 1, 0x41)},
		{rule: "lowpan.recovery.size", good: data154(0xe8, 7, 0x84, 2, 0, 9, 1, 2), bad: data154(0xe8, 7, 0x84, 2, 0, 9, 1)},
		{rule: "lowpan.recovery.size", why: "longer, with E", good: data154(0xe9, 7, 0, 1, 0, 9, 1), bad: data154(0xe9, 7, 0, 1, 0, 9, 1, 2)},
		{rule: "lowpan.recovery.alone", good: data154(0xea, 7, 0xff, 0xff, 0xff, 0xff), bad: data154(0xeb, 7, 0xff, 0xff, 0xff, 0xff, 0)},
		{rule: "lowpan.iphc.destination", good: data154(0x7a, 0x33, 0x3a), bad: data154(0x7a, 0x34, 0x3a)},
		{rule: "lowpan.iphc.group", good: data154(0x7a, 0x3c, 0x3a, 0, 0, 0, 0, 0, 0), bad: data154(0x7a, 0x3d, 0x3a, 0, 0, 0, 0, 0, 0)},
		{rule: "lowpan.hc1", good: data154(0x41, 0x60), bad: data154(0x42, 0xfa)},
		{rule: "lowpan.udp.checksum", good: data154(0x7e, 0x33, 0xf3, 0x12, 9, 9), bad: data154(0x7e, 0x33, 0xf7, 0x12, 9, 9)},
		{rule: "lowpan.udp.checksum", why: "behind options and a packet inside", good: data154(0x7e, 0x33, 0xe1, 0, 0xee, 0x7e, 0x33, 0xf3, 0x12, 9, 9),
			bad: data154(0x7e, 0x33, 0xe1, 0, 0xee, 0x7e, 0x33, 0xf7, 0x12, 9, 9)},
	}
	for i := range rows {
		rows[i].opts = station
	}
	return on154(rows)
}

// Between stations that nobody knows other protocols may speak, and frames may be missing.
func TestRadioOfStrangers(t *testing.T) {
	for _, b := range [][]byte{data154(0x48, 0, 1, 2), ack154(2, 77)} {
		if got := findingsOn(capture.IEEE802154, Options{}, nil, b); len(got) != 0 {
			t.Errorf("% x: %v", b, got)
		}
	}
}

// No frame, cut anywhere or of random octets, is too much for the judge.
func TestRadioOctets(t *testing.T) {
	for _, r := range slices.Concat(macRows(), lowpanRows()) {
		for n := range r.good {
			findingsOn(capture.IEEE802154, station, r.before, r.good[:n])
			for _, bits := range []byte{1, 0x55, 0xff} {
				b := slices.Clone(r.good)
				b[n] ^= bits
				findingsOn(capture.IEEE802154, station, r.before, b)
			}
		}
	}
}

// What RFC 6775 and RFC 8505 have hosts send is no fault on a 6LoWPAN, and is one elsewhere.
func TestNeighborDiscoveryOfLowpan(t *testing.T) {
	slla := join([]byte{1, 1}, macA[:])
	registration := append([]byte{33, 2}, make([]byte, 14)...)
	message := func(kind byte, rest []byte) []byte {
		return ip6(protoICMPv6, icmp6(kind, 0, make([]byte, 4), rest), 2, hops6(255), from6(ll6A), to6("fe80::9"))
	}
	for name, b := range map[string][]byte{
		"a solicitation for one router": message(icmp6RS, slla),
		"a registration with a router":  message(icmp6NS, join(addr6(ll6A), slla, registration)),
	} {
		for _, on := range []bool{false, true} {
			j := New(Options{})
			got := j.Frame(Frame{Link: capture.RawIP, Data: b[14:], FromTarget: true, Lowpan: on})
			if len(got) > 0 == on {
				t.Errorf("%s, 6LoWPAN %v: %v", name, on, got)
			}
		}
	}
}
