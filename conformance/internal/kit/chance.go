package kit

import (
	"time"

	"github.com/conform-stack/conform/harness/probe"
)

// Spread tells of delays chosen at random, up to most, whether the lower and the upper half of the range have been used. Of n
// uniform delays all are in one half with a probability of 2^(1-n).
func Spread(delays []time.Duration, most time.Duration) bool {
	low, high := false, false
	for _, d := range delays {
		low = low || d < most/2
		high = high || d >= most/2
	}
	return low && high
}

// Rounds is how often a check asks for what chance may bring about in a target that does not see to it.
func Rounds(p *probe.P) int {
	if p.Virtual() {
		return 8
	}
	return 1
}
