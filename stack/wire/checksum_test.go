package wire_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/conform-stack/conform/stack/wire"
)

// The example of RFC 1071, 3: words 0001 f203 f4f5 f6f7 sum to ddf2.
func TestSumOfRFC1071(t *testing.T) {
	b := []byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}
	if got := wire.Sum(0).Add(b).Fold(); got != 0xddf2 {
		t.Errorf("sum = %#04x, want 0xddf2", got)
	}
	if got := wire.Checksum(b); got != 0x220d {
		t.Errorf("checksum = %#04x, want 0x220d", got)
	}
}

// naive is RFC 1071, 4.1 word by word.
func naive(b []byte) uint16 {
	var s uint32
	for i := 0; i+1 < len(b); i += 2 {
		s += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	if len(b)%2 == 1 {
		s += uint32(b[len(b)-1]) << 8
	}
	for s>>16 != 0 {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

func TestSumIsTheNaiveSumAtEveryLength(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, fill := range []string{"random", "ff", "00"} {
		b := make([]byte, 300)
		for i := range b {
			switch fill {
			case "random":
				b[i] = byte(rnd.Uint32())
			case "ff":
				b[i] = 0xff
			}
		}
		for n := range len(b) + 1 {
			if got, want := wire.Sum(0).Add(b[:n]).Fold(), naive(b[:n]); got != want {
				t.Errorf("sum of %d octets of %s = %#04x, want %#04x", n, fill, got, want)
			}
		}
	}
	big := make([]byte, 65535)
	for i := range big {
		big[i] = 0xff
	}
	if got, want := wire.Sum(0).Add(big).Fold(), naive(big); got != want {
		t.Errorf("sum of 65535 octets of ff = %#04x, want %#04x", got, want)
	}
}

func TestSumsOfPartsJoin(t *testing.T) {
	b := make([]byte, 101)
	for i := range b {
		b[i] = byte(i*i + 7)
	}
	want := naive(b)
	for cut := range len(b) + 1 {
		s := wire.Sum(0).Add(b[:cut])
		if cut%2 == 0 {
			s = s.Add(b[cut:])
		} else {
			s = s.AddOdd(b[cut:])
		}
		if got := s.Fold(); got != want {
			t.Errorf("cut at %d: sum = %#04x, want %#04x", cut, got, want)
		}
	}
	words := wire.Sum(0).AddUint32(0x0001f203).AddUint16(0xf4f5).AddUint16(0xf6f7)
	if got := words.Fold(); got != 0xddf2 {
		t.Errorf("sum by words = %#04x, want 0xddf2", got)
	}
}

// The example of RFC 1624, 4: where the older equation gave all ones.
func TestUpdateChecksumOfRFC1624(t *testing.T) {
	if got := wire.UpdateChecksum(0xdd2f, 0x5555, 0x3285); got != 0x0000 {
		t.Errorf("updated checksum = %#04x, want 0x0000", got)
	}
}

func TestUpdateChecksumIsTheChecksumAfterTheChange(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, 40)
	for range 1000 {
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		before := wire.Checksum(b)
		at := rnd.IntN(len(b)/2) * 2
		from, to := binary.BigEndian.Uint16(b[at:]), uint16(rnd.Uint32())
		binary.BigEndian.PutUint16(b[at:], to)
		if got, want := wire.UpdateChecksum(before, from, to), wire.Checksum(b); got != want {
			t.Fatalf("%#04x with %#04x for %#04x = %#04x, want %#04x", before, to, from, got, want)
		}
	}
}

// The pseudo-header of RFC 8200, 8.1, is written out beside.
func TestPseudo6(t *testing.T) {
	src := [16]byte{0xfe, 0x80, 15: 1}
	dst := [16]byte{0xfe, 0x80, 15: 2}
	segment := []byte{0x30, 0x39, 0x00, 0x07, 0x00, 0x09, 0, 0, 'x'}
	flat := append(append(append([]byte{}, src[:]...), dst[:]...), 0, 0, 0, byte(len(segment)), 0, 0, 0, 17)
	flat = append(flat, segment...)
	got := wire.Pseudo6(src, dst, wire.UDP).AddUint32(uint32(len(segment))).Add(segment)
	if want := naive(flat); got.Fold() != want {
		t.Errorf("sum with pseudo-header = %#04x, want that of RFC 8200, 8.1 written out, %#04x", got.Fold(), want)
	}
}

// The pseudo-header of RFC 768 is written out beside.
func TestPseudo4(t *testing.T) {
	segment, _ := hex.DecodeString("04000035000c000061626364")
	flat, _ := hex.DecodeString("c0000201c00002020011000c")
	got := wire.Pseudo4([4]byte{192, 0, 2, 1}, [4]byte{192, 0, 2, 2}, wire.UDP).AddUint16(12).Add(segment)
	if want := naive(append(flat, segment...)); got.Fold() != want {
		t.Errorf("sum with pseudo-header = %#04x, want that of RFC 768 written out, %#04x", got.Fold(), want)
	}
}

func BenchmarkChecksum(b *testing.B) {
	for _, n := range []int{20, 64, 1500} {
		b.Run(fmt.Sprintf("len=%d", n), func(b *testing.B) {
			data := make([]byte, n)
			b.SetBytes(int64(n))
			b.ReportAllocs()
			for b.Loop() {
				if wire.Checksum(data) != 0xffff {
					b.Fatal("checksum of zeros is not all ones")
				}
			}
		})
	}
}
