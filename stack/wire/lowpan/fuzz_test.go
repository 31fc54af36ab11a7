package lowpan_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/lowpan"
	"github.com/conform-stack/conform/stack/wire/wiretest"
)

// What is expanded is a datagram that survives being compressed and expanded again; nothing panics.
func FuzzDecompress(f *testing.F) {
	for _, s := range []string{
		iphc + "f3 5a abcd 01", iphc + "ee 7e33 f7 5a 01", iphc + "e1 04 05020000 e7 00 f3 5a abcd 01", iphc + "b1 04 05020000 90 f3 5a abcd",
		iphc + "df 02 8000 80 c0", iphc + "e4 3b 00 0009 01020304", "f1 7af7 55 3b", "42 f3 e0 40 b8 12345 34 abcd 0 01", "41 60", "7a3c 3b 050000000001",
	} {
		f.Add(octets(f, s))
	}
	g := new(lowpan.GHC)
	s := grid.Surroundings()
	f.Fuzz(func(t *testing.T, b []byte) {
		wiretest.Stable(t, lowpan.ParseMesh, lowpan.AppendMesh, b)
		wiretest.Stable(t, lowpan.ParseBroadcast, lowpan.AppendBroadcast, b)
		wiretest.Stable(t, lowpan.ParseFragment, lowpan.AppendFragment, b)
		wiretest.Stable(t, lowpan.ParseRecoverable, lowpan.AppendRecoverable, b)
		wiretest.Stable(t, lowpan.ParseAcknowledgment, lowpan.AppendAcknowledgment, b)
		wiretest.Stable(t, lowpan.ParseIPHC, lowpan.AppendIPHC, b)
		room := make([]byte, 1280)
		lowpan.Decompress(room, b, &s, 1280)
		lowpan.Decompress(room, b, &lowpan.Surroundings{}, 0)
		got, r, err := expand(b, &s)
		if err != nil || r.Len == 0 {
			return
		}
		if h, _, err := ipv6.Parse(got); err != nil || int(h.PayloadLen) != len(got)-40 {
			t.Fatalf("%x expands to %v, %v in %d octets", b, h, err, len(got))
		}
		for _, o := range []lowpan.Options{{}, {GHC: g}, {Limit: 30}, {Limit: 50}} {
			survives(t, got, &s, o)
		}
	})
}

// What looks like a datagram survives; anything else is refused.
func FuzzCompress(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		f.Add(grid.Packet(r, 150))
	}
	g := new(lowpan.GHC)
	s := grid.Surroundings()
	f.Fuzz(func(t *testing.T, b []byte) {
		survives(t, b, &s, lowpan.Options{})
		survives(t, b, &s, lowpan.Options{GHC: g})
	})
}

func survives(t *testing.T, b []byte, s *lowpan.Surroundings, o lowpan.Options) {
	t.Helper()
	room := make([]byte, len(b)+1)
	n, took := lowpan.Compress(room, b, s, o)
	if n == 0 {
		return
	}
	if o.Limit > 0 && n > o.Limit || n-took > 1 {
		t.Fatalf("%d octets for %d of %x, limit %d", n, took, b, o.Limit)
	}
	got, _, err := expand(append(room[:n:n], b[took:]...), s)
	if err != nil || !bytes.Equal(got, b) {
		t.Fatalf("%x\nis compressed to %x\nwhich expands to %x, %v", b, room[:n], got, err)
	}
}

// typical are datagrams as they are often sent, in the network of the grid.
func typical(tb testing.TB) map[string][]byte {
	link := "fe80000000000000 0011223344556677 fe80000000000000 000000fffe00beef"
	global := "20010db800010002 0011223344556677 20010db800010002 000000fffe00beef"
	bytes := map[string][]byte{
		"echo-link-local": octets(tb, "60000000 0000 3a 40"+link+"8000 abcd 0001 0001"+"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"),
		"udp-context":     octets(tb, "60000000 0000 11 40"+global+"1633 f0b1 0028 abcd"+"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"),
		"rpl-dio": octets(tb, "60000000 0000 3a ff fe80000000000000 0011223344556677 ff020000000000000000 00000000001a"+
			"9b01 abcd 00f00100 8800 0000"+"20010db8000000000000 00fffe00face 040e001409ff00000100000000000000081e8020ffffffffffffffff00000000"),
		"hop-by-hop-udp": octets(tb, "60000000 0000 00 3f"+global+"1100 6304 00000000"+"f0b2 f0b1 0018 abcd"+"00112233445566778899aabbccddeeff"),
	}
	for _, b := range bytes {
		ipv6.Seal(b)
	}
	return bytes
}

// Each packet is compressed, and what comes of it expanded, beside a plain copy.
func BenchmarkHeaders(b *testing.B) {
	s := grid.Surroundings()
	for name, p := range typical(b) {
		room, out := make([]byte, 1281), make([]byte, 1281)
		n, took := lowpan.Compress(room, p, &s, lowpan.Options{})
		frame := append(bytes.Clone(room[:n]), p[took:]...)
		b.Run(name+"/copy", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				copy(out, p)
			}
		})
		b.Run(name+"/compress", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n, took := lowpan.Compress(room, p, &s, lowpan.Options{})
				copy(out[copy(out, room[:n]):], p[took:])
			}
			b.ReportMetric(float64(len(frame)), "octets")
		})
		b.Run(name+"/expand", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, _ := lowpan.Decompress(room, frame, &s, 0)
				copy(out[copy(out, room[:r.Len]):], frame[r.Took:])
			}
		})
		g := new(lowpan.GHC)
		b.Run(name+"/generic", func(b *testing.B) {
			b.ReportAllocs()
			n, took := 0, 0
			for b.Loop() {
				n, took = lowpan.Compress(room, p, &s, lowpan.Options{GHC: g})
			}
			b.ReportMetric(float64(n+len(p)-took), "octets")
		})
	}
}

func TestNothingIsAllocated(t *testing.T) {
	s := grid.Surroundings()
	g := new(lowpan.GHC)
	room, out := make([]byte, 1281), make([]byte, 1281)
	for name, p := range typical(t) {
		for _, o := range []lowpan.Options{{}, {GHC: g}} {
			if n := testing.AllocsPerRun(20, func() {
				n, took := lowpan.Compress(room, p, &s, o)
				copy(out[copy(out, room[:n]):], p[took:])
				if _, err := lowpan.Decompress(room, out[:n+len(p)-took], &s, 0); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%s, generic %v: %v allocations", name, o.GHC != nil, n)
			}
		}
	}
}
