package bench

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"text/tabwriter"
)

// TestRatios prints both stacks side by side. How fast they are is for people to judge, on a quiet machine; the test
// fails only when work was not done, or when the reference stack allocates.
func TestRatios(t *testing.T) {
	if testing.Short() {
		t.Skip("measures for a few seconds; leave out -short")
	}
	benchtime := flag.Lookup("test.benchtime").Value
	was := benchtime.String()
	if err := benchtime.Set("200ms"); err != nil {
		t.Fatal(err)
	}
	defer benchtime.Set(was)
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "work\tconform ns\tallocs\tgvisor ns\tallocs\tratio\t\n")
	for _, j := range jobs() {
		ours := testing.Benchmark(func(b *testing.B) { j.measure(b, conformStack) })
		theirs := testing.Benchmark(func(b *testing.B) { j.measure(b, gvisorStack) })
		for _, r := range []struct {
			of string
			testing.BenchmarkResult
		}{{conformStack.name, ours}, {gvisorStack.name, theirs}} {
			if r.N == 0 {
				t.Fatalf("%s %s: the benchmark of %s failed; run it by itself to see why", j.name, j.param, r.of)
			}
		}
		if n := ours.AllocsPerOp(); n != 0 {
			t.Errorf("%s %s: %d allocations, want 0", j.name, j.param, n)
		}
		fmt.Fprintf(w, "%s %s\t%.0f\t%d\t%.0f\t%d\t%.1f\t\n", j.name, j.param,
			j.once(ours), ours.AllocsPerOp(), j.once(theirs), theirs.AllocsPerOp(), j.once(theirs)/j.once(ours))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + out.String())
}

// once is how long the work took each time, in nanoseconds.
func (j job) once(r testing.BenchmarkResult) float64 {
	return float64(r.T.Nanoseconds()) / float64(r.N*max(1, j.times))
}
