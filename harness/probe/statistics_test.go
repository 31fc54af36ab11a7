package probe_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/conform-stack/conform/harness/internal/faketarget"
	"github.com/conform-stack/conform/harness/probe"
)

func TestUniform(t *testing.T) {
	draws := func(n int, draw func(*rand.Rand) float64) (all []time.Duration) {
		r := rand.New(rand.NewPCG(1, 2))
		for range n {
			all = append(all, time.Second+time.Duration(draw(r)*float64(time.Second)))
		}
		return all
	}
	for _, tt := range []struct {
		name    string
		samples []time.Duration
		even    bool
	}{
		{"even", draws(40, func(r *rand.Rand) float64 { return r.Float64() }), true},
		{"few", draws(1, func(*rand.Rand) float64 { return 0.9 }), true}, // prove nothing
		{"constant", draws(40, func(*rand.Rand) float64 { return 0.5 }), false},
		{"in the lower half", draws(40, func(r *rand.Rand) float64 { return r.Float64() / 2 }), false},
		{"early or late", draws(80, func(r *rand.Rand) float64 { return float64(r.IntN(2)) }), false},
	} {
		var even bool
		log := run(t, faketarget.Host, func(p *probe.P) { even = p.Uniform(req, "the delay", tt.samples, time.Second, 2*time.Second) })
		if even != tt.even || len(log.Failures) == 0 != tt.even {
			t.Errorf("%s: %v, failures %v", tt.name, even, log.Failures)
		}
	}
}
