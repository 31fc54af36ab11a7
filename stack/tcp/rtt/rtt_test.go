package rtt_test

import (
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/tcp/rtt"
)

const ms, sec = time.Millisecond, time.Second

func estimator(c rtt.Config) *rtt.Estimator {
	var e rtt.Estimator
	e.Init(c)
	return &e
}

func wantRTO(t *testing.T, e *rtt.Estimator, why string, want time.Duration) {
	t.Helper()
	if got := e.RTO(); got != want {
		t.Errorf("%s: RTO = %v, want %v", why, got, want)
	}
}

// RFC 6298, 2.1 to 2.5, by hand.
func TestRTO(t *testing.T) {
	e := estimator(rtt.Config{Min: 1})
	wantRTO(t, e, "2.1, before the first sample", sec)
	if _, ok := e.Smoothed(); ok {
		t.Error("SRTT exists before the first sample")
	}
	e.Sample(0, 100*ms, 1)
	wantRTO(t, e, "2.2: R + 4 * R/2", 300*ms)
	e.Sample(0, 180*ms, 1) // RTTVAR = 3/4*50 + 1/4*80 = 57.5; SRTT = 7/8*100 + 1/8*180 = 110
	if srtt, _ := e.Smoothed(); srtt != 110*ms || e.Variation() != 57500*time.Microsecond {
		t.Errorf("2.3: SRTT %v, RTTVAR %v; want 110ms, 57.5ms", srtt, e.Variation())
	}
	wantRTO(t, e, "2.3: 110 + 4 * 57.5", 340*ms)

	e = estimator(rtt.Config{})
	e.Sample(0, 100*ms, 1)
	wantRTO(t, e, "2.4: not below 1 s", sec)
	e.Sample(0, 90*sec, 1)
	wantRTO(t, e, "2.5: not above 60 s", 60*sec)

	e = estimator(rtt.Config{Min: 1, Granularity: 500 * ms})
	for range 100 {
		e.Sample(0, 200*ms, 1)
	}
	wantRTO(t, e, "2.3: the variation is not below G", 700*ms)
}

func TestBackoff(t *testing.T) {
	e := estimator(rtt.Config{})
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		wantRTO(t, e, "5.5", want*sec)
		if e.Backoffs() != i {
			t.Errorf("Backoffs = %d, want %d", e.Backoffs(), i)
		}
		e.Backoff()
	}
	for range 1000 {
		e.Backoff()
	}
	wantRTO(t, e, "never beyond the bound", 60*sec)
	e.Sample(0, 2*sec, 1)
	wantRTO(t, e, "5.7: a sample ends it: 2 + 4 * 1", 6*sec)
	e.Backoff()
	e.ResetBackoff()
	wantRTO(t, e, "undone", 6*sec)
}

func TestSynLost(t *testing.T) { // 5.7
	e := estimator(rtt.Config{})
	e.Backoff()
	e.Backoff()
	e.Backoff()
	wantRTO(t, e, "while the SYN is not acknowledged", 8*sec)
	e.SynLost()
	wantRTO(t, e, "data begins", 3*sec)
	e.Sample(0, 20*ms, 1)
	wantRTO(t, e, "until a sample is there", sec)
	e = estimator(rtt.Config{Initial: 5 * sec})
	e.SynLost()
	wantRTO(t, e, "a longer one is kept", 5*sec)
}

// The equations in rational numbers, over a long walk: the integers stay within the cut of each division.
func TestEquationsExactly(t *testing.T) {
	for _, expected := range []int{1, 2, 7, 100} { // RFC 7323, 4.2
		e := estimator(rtt.Config{Min: 1, Max: time.Hour})
		rnd := rand.New(rand.NewPCG(1, uint64(expected)))
		srtt, rttvar := new(big.Rat), new(big.Rat)
		alpha, beta := big.NewRat(1, int64(8*expected)), big.NewRat(1, int64(4*expected))
		for i := range 300 {
			r := time.Duration(rnd.Int64N(int64(300 * ms)))
			R := new(big.Rat).SetInt64(int64(r))
			if i == 0 {
				srtt.Set(R)
				rttvar.Mul(R, big.NewRat(1, 2))
			} else {
				d := new(big.Rat).Sub(srtt, R)
				d.Abs(d).Sub(d, rttvar)
				rttvar.Add(rttvar, d.Mul(d, beta))
				d = new(big.Rat).Sub(R, srtt)
				srtt.Add(srtt, d.Mul(d, alpha))
			}
			e.Sample(0, r, expected)
			gotS, _ := e.Smoothed()
			wantS, _ := srtt.Float64()
			wantV, _ := rttvar.Float64()
			slack := float64(16 * expected) // 1 ns each step, of which 1/(8 n) is forgotten each step
			if ds, dv := float64(gotS)-wantS, float64(e.Variation())-wantV; max(ds, -ds) > slack || max(dv, -dv) > slack {
				t.Fatalf("expected=%d step %d: SRTT %d RTTVAR %d, want %.1f %.1f", expected, i, gotS, e.Variation(), wantS, wantV)
			}
			if got, want := e.RTO(), gotS+max(1, 4*e.Variation()); got != want {
				t.Fatalf("step %d: RTO = %v, want %v", i, got, want)
			}
			// Keep the rationals small: what is beyond 2^-40 ns does not matter.
			for _, v := range []*big.Rat{srtt, rttvar} {
				f, _ := v.Float64()
				v.SetFloat64(f)
			}
		}
	}
}

func TestExpectedSamples(t *testing.T) {
	for _, tt := range []struct{ flight, mss, want int }{{0, 1000, 1}, {1, 1000, 1}, {2000, 1000, 1}, {2001, 1000, 2}, {20000, 1000, 10}, {5, 0, 1}} {
		if got := rtt.ExpectedSamples(tt.flight, tt.mss); got != tt.want {
			t.Errorf("ExpectedSamples(%d, %d) = %d, want %d", tt.flight, tt.mss, got, tt.want)
		}
	}
}

// With more samples a window, the same change of the path takes as many windows to be believed.
func TestMoreSamplesDoNotShortenTheHistory(t *testing.T) {
	one, many := estimator(rtt.Config{Min: 1}), estimator(rtt.Config{Min: 1})
	one.Sample(0, 100*ms, 1)
	many.Sample(0, 100*ms, 1)
	for range 8 {
		one.Sample(0, 200*ms, 1)
		for range 10 {
			many.Sample(0, 200*ms, 10)
		}
	}
	a, _ := one.Smoothed()
	b, _ := many.Smoothed()
	if d := (a - b).Abs(); d > 3*ms {
		t.Errorf("after eight windows SRTT is %v with one sample each, %v with ten", a, b)
	}
}

func TestMinForgets(t *testing.T) {
	e := estimator(rtt.Config{})
	if e.Min(0) != 0 {
		t.Error("a minimum of nothing")
	}
	at := func(now, r, want time.Duration) {
		t.Helper()
		e.Sample(now, r, 1)
		if got := e.Min(now); got != want {
			t.Errorf("after %v at %v: Min = %v, want %v", r, now, got, want)
		}
	}
	at(0, 50*ms, 50*ms)
	at(sec, 40*ms, 40*ms)
	at(2*sec, 90*ms, 40*ms)
	at(31*sec, 90*ms, 40*ms)
	at(62*sec, 90*ms, 90*ms)
	at(63*sec, 80*ms, 80*ms)
	at(300*sec, 120*ms, 120*ms)
	if got := e.Min(1000 * sec); got != 120*ms {
		t.Errorf("long after the last sample: %v", got)
	}
	at(1000*sec, 0, 1)
}

func TestNoAllocation(t *testing.T) {
	e := estimator(rtt.Config{})
	if n := testing.AllocsPerRun(100, func() { e.Sample(0, ms, 3); e.Backoff(); _ = e.RTO() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
