package seq_test

import (
	"fmt"
	"testing"

	"github.com/conform-stack/conform/stack/tcp/seq"
)

// around are the places at which arithmetic of 32 bits goes wrong, and some where it does not.
func around() (v []seq.Value) {
	for _, base := range []uint32{0, 1 << 16, 1 << 31, 1000} {
		for d := range uint32(9) {
			v = append(v, seq.Value(base+d-4))
		}
	}
	return v
}

// Law: order depends on the distance alone, and is that of plain numbers up to 2^31-1 apart.
func TestOrderIsOfDistanceAlone(t *testing.T) {
	for _, v := range around() {
		for _, d := range []seq.Size{0, 1, 2, 1460, 65535, 1 << 30, 1<<31 - 1} {
			w := v.Add(d)
			if got, want := v.Less(w), d > 0; got != want {
				t.Errorf("%d.Less(+%d) = %v", v, d, got)
			}
			if w.Less(v) || !v.LessEq(w) || w.LessEq(v) != (d == 0) {
				t.Errorf("%d and +%d: Less back %v, LessEq %v, LessEq back %v", v, d, w.Less(v), v.LessEq(w), w.LessEq(v))
			}
			if seq.Max(v, w) != w || seq.Max(w, v) != w || seq.Min(v, w) != v || seq.Min(w, v) != v {
				t.Errorf("%d and +%d: Max %d %d, Min %d %d", v, d, seq.Max(v, w), seq.Max(w, v), seq.Min(v, w), seq.Min(w, v))
			}
			if w.Since(v) != d || v.To(w) != d || w.Sub(d) != v {
				t.Errorf("%d and +%d: Since %d, To %d, Sub %d", v, d, w.Since(v), v.To(w), w.Sub(d))
			}
		}
	}
}

// The window is shifted over the whole neighbourhood, so that its start, its end and the value each meet the wrap.
func TestWindowAtEveryOffsetAroundTheWrap(t *testing.T) {
	for _, first := range around() {
		for size := range seq.Size(9) {
			for d := -12; d <= 12; d++ {
				v := first + seq.Value(d)
				want := d >= 0 && d < int(size)
				if got := v.InWindow(first, size); got != want {
					t.Errorf("(%d%+d).InWindow(%d, %d) = %v", first, d, first, size, got)
				}
				if got := v.InRange(first, first.Add(size)); got != want {
					t.Errorf("(%d%+d).InRange(%d, +%d) = %v", first, d, first, size, got)
				}
				for n := range seq.Size(6) {
					want := false
					for i := range int(n) {
						want = want || d+i >= 0 && d+i < int(size)
					}
					if got := seq.Overlap(v, n, first, size); got != want {
						t.Errorf("Overlap(%d%+d, %d, %d, %d) = %v", first, d, n, first, size, got)
					}
				}
			}
		}
	}
	if seq.Value(5).InWindow(6, 1<<32-1) || !seq.Value(4).InWindow(6, 1<<32-1) {
		t.Error("a window of 2^32-1 octets holds all but the value before it")
	}
}

// The four cases of RFC 9293, 3.10.7.4; yes and no hold both sides of each edge. The numbers are offsets from RCV.NXT.
func TestAcceptable(t *testing.T) {
	for _, tt := range []struct {
		n, window seq.Size
		yes, no   []int
	}{
		{0, 0, []int{0}, []int{-1, 1}},
		{0, 100, []int{0, 99}, []int{-1, 100}},
		{5, 0, nil, []int{-5, -1, 0, 1}},
		{5, 100, []int{-4, 0, 99}, []int{-5, 100}},
		{1, 1, []int{0}, []int{-1, 1}},
		{200, 100, []int{-199, -100, 0, 99}, []int{-200, -50, 100}}, // -50 reaches over the window at both ends
	} {
		for _, next := range around() {
			t.Run(fmt.Sprintf("len=%d/wnd=%d/nxt=%d", tt.n, tt.window, next), func(t *testing.T) {
				for _, d := range tt.yes {
					if !seq.Acceptable(next+seq.Value(d), tt.n, next, tt.window) {
						t.Errorf("%+d is not acceptable", d)
					}
				}
				for _, d := range tt.no {
					if seq.Acceptable(next+seq.Value(d), tt.n, next, tt.window) {
						t.Errorf("%+d is acceptable", d)
					}
				}
			})
		}
	}
}

func TestRangeAroundTheWrap(t *testing.T) {
	for _, base := range around() {
		r := seq.Range{Start: base, End: base.Add(6)}
		if r.Len() != 6 || r.Empty() || !(seq.Range{Start: base, End: base}).Empty() {
			t.Fatalf("%v: length %d, empty %v", r, r.Len(), r.Empty())
		}
		for a := -2; a <= 8; a++ {
			for b := a + 1; b <= 9; b++ {
				s := seq.Range{Start: base + seq.Value(a), End: base + seq.Value(b)}
				if got, want := r.Contains(s), a >= 0 && b <= 6; got != want {
					t.Errorf("[0,6) at %d contains [%d,%d) = %v", base, a, b, got)
				}
			}
		}
	}
}
