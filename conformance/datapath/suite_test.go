package datapath

import (
	"testing"

	"github.com/conform-stack/conform/harness/run"
)

func Test(t *testing.T) { run.Suite(t, suite) }

// The tables that Zephyr's matrix needs: 28 numbers of classes with the strict map, and all but 1 and 1 with the others.
func TestMatrix(t *testing.T) {
	if n := len(matrix()); n != 28+27+27 {
		t.Errorf("%d shapes", n)
	}
	seen := map[shape]bool{}
	for _, s := range matrix() {
		if seen[s] {
			t.Errorf("%v twice", s)
		}
		seen[s] = true
	}
}

func TestSettles(t *testing.T) {
	a, b, c, d := item{1, 0, 0}, item{7, 3, 1}, item{7, 3, 2}, item{1, 0, 3}
	for _, tt := range []struct {
		items    []item
		underWay int
		want     bool
	}{
		{nil, 0, true}, {[]item{b, c, a, d}, 0, true}, {[]item{a, b, c, d}, 0, false}, {[]item{a, b, c, d}, 1, true},
		{[]item{b, a, c, d}, 1, false}, {[]item{c, b, a, d}, 0, false}, {[]item{b, c, d, a}, 2, false}, {[]item{a, d, b, c}, 2, true},
	} {
		if got := settles(tt.items, tt.underWay); got != tt.want {
			t.Errorf("%v but for %d: %v", tt.items, tt.underWay, got)
		}
	}
}
