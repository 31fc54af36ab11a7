package register

import "testing"

func TestCompareTID(t *testing.T) { // RFC 8505, 5.2.1
	for _, tt := range []struct {
		a, b uint8
		want age
	}{
		{5, 5, same},
		{240, 5, newer}, // the first example: 21 is greater than the window
		{250, 5, older}, // the second: 11 is not
		{240, 0, older}, // 16: the window's edge
		{240, 1, newer}, // 17
		{6, 5, newer}, {5, 6, older},
		{20, 4, newer}, {21, 4, unknown},
		{0, 127, newer}, {127, 0, older}, {15, 127, newer}, {16, 127, unknown},
		{241, 240, newer}, {128, 144, older}, {128, 145, unknown},
	} {
		if got := compareTID(tt.a, tt.b); got != tt.want {
			t.Errorf("%d is %d to %d, want %d", tt.a, got, tt.b, tt.want)
		}
		if back := compareTID(tt.b, tt.a); tt.want != unknown && back != -tt.want || tt.want == unknown && back != unknown {
			t.Errorf("%d is %d to %d", tt.b, back, tt.a)
		}
	}
}

func TestNextTID(t *testing.T) {
	for from, want := range map[uint8]uint8{firstTID: 241, 254: 255, 255: 0, 0: 1, 126: 127, 127: 0} {
		if got := nextTID(from); got != want {
			t.Errorf("%d is followed by %d, want %d", from, got, want)
		}
	}
}
