package random_test

import (
	"testing"

	"github.com/conform-stack/conform/stack/random"
)

func TestPurposesAreIndependentAndRepeat(t *testing.T) {
	a, again, b, c := random.New(1, "a"), random.New(1, "a"), random.New(1, "b"), random.New(2, "a")
	x := a.Uint64()
	if x != again.Uint64() {
		t.Error("the same seed and purpose give other numbers")
	}
	if x == b.Uint64() || x == c.Uint64() {
		t.Error("another purpose or seed gives the same numbers")
	}
}
