package wire_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/conform-stack/conform/stack/wire"
)

func TestSumCopyIsSumAndCopyAtEveryLength(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	random, ones := make([]byte, 400), bytes.Repeat([]byte{0xff}, 400)
	for i := range random {
		random[i] = byte(rnd.Uint32())
	}
	for _, src := range [][]byte{random, ones, make([]byte, 400)} {
		for n := range len(src) + 1 {
			for off := range 3 { // of the buffers: sources begin anywhere
				if off+n > len(src) {
					continue
				}
				dst := bytes.Repeat([]byte{0x55}, n+8)
				from := src[off : off+n : off+n]
				if got, want := wire.SumCopy(dst, from).Fold(), naive(from); got != want {
					t.Fatalf("sum of %d octets at %d = %#04x, want %#04x", n, off, got, want)
				}
				if !bytes.Equal(dst[:n], from) || !bytes.Equal(dst[n:], bytes.Repeat([]byte{0x55}, 8)) {
					t.Fatalf("copy of %d octets = %x\nwant %x", n, dst, from)
				}
			}
		}
	}
	same := bytes.Clone(random)
	if got := wire.SumCopy(same, same).Fold(); got != naive(random) || !bytes.Equal(same, random) {
		t.Errorf("onto itself: %#04x, want %#04x", got, naive(random))
	}
	big := bytes.Repeat([]byte{0xff}, 1<<20)
	if got := wire.SumCopy(make([]byte, len(big)), big).Fold(); got != 0xffff {
		t.Errorf("1 MiB of ones = %#04x", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a destination that is too short does not panic")
		}
	}()
	wire.SumCopy(make([]byte, 3, 8)[:3:3], make([]byte, 4))
}

func BenchmarkSumCopy(b *testing.B) {
	for _, n := range []int{40, 1460, 65495} {
		src, dst := make([]byte, n), make([]byte, n)
		for i := range src {
			src[i] = byte(i * 7)
		}
		want := wire.Sum(0).Add(src).Fold()
		run := func(name string, f func() wire.Sum) {
			b.Run(fmt.Sprintf("op=%s/len=%d", name, n), func(b *testing.B) {
				b.SetBytes(int64(n))
				for b.Loop() {
					if f().Fold() != want {
						b.Fatal("another sum")
					}
				}
			})
		}
		run("sum", func() wire.Sum { return wire.Sum(0).Add(src) })
		run("sumcopy", func() wire.Sum { return wire.SumCopy(dst, src) })
		run("copy-then-sum", func() wire.Sum { copy(dst, src); return wire.Sum(0).Add(dst) })
	}
}
