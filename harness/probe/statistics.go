package probe

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// doubt is the chance with which a target that draws its times evenly fails Uniform.
const doubt = 1e-6

// Uniform asserts that times were drawn evenly between two bounds, each on its own. Bounds are asserted with Between.
func (p *P) Uniform(req, what string, samples []time.Duration, least, most time.Duration) bool {
	shares := make([]float64, len(samples))
	for i, s := range samples {
		shares[i] = float64(s-least) / float64(most-least)
	}
	return p.Even(req, fmt.Sprintf("%s: drawn evenly between %v and %v", what, least, most), shares)
}

// Even asserts that numbers from 0 to 1 were drawn evenly.
//
// By the inequality of Dvoretzky, Kiefer, Wolfowitz and Massart, the share of n even draws below any number differs from
// what is due there by more than e with a chance of at most 2 exp(-2 n e^2). With e such that this is one in a million, 40
// samples may differ by 0.43, 80 by 0.31. A constant differs by 0.5 at least, which 30 samples show.
func (p *P) Even(req, what string, shares []float64) bool {
	p.log.assert(req)
	if len(shares) == 0 {
		p.fail(req, Value, explain{want: what, more: []string{"there is no sample"}})
		return false
	}
	n := float64(len(shares))
	allowed := math.Sqrt(math.Log(2/doubt) / (2 * n))
	sorted := slices.Sorted(slices.Values(shares))
	worst, at := 0.0, 0.0
	for i, s := range sorted {
		due := min(1, max(0, s))
		for _, seen := range []float64{float64(i) / n, float64(i+1) / n} {
			if d := math.Abs(seen - due); d > worst {
				worst, at = d, s
			}
		}
	}
	if worst <= allowed {
		return true
	}
	p.fail(req, Value, explain{want: what, more: []string{
		fmt.Sprintf("of %d samples the share up to %.3f of the range is off by %.2f; chance allows %.2f", len(shares), at, worst, allowed),
		fmt.Sprintf("%.3f", sorted),
	}})
	return false
}
