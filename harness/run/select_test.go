package run

import (
	"fmt"
	"slices"
	"testing"

	"github.com/conform-stack/conform/harness/check"
)

// Every check is one worker's; those that crowd are all the last one's, which waits when it has nothing else.
func TestChecksAreDealtToWorkers(t *testing.T) {
	for _, tt := range []struct {
		together, crowding, jobs int
		workers                  int
		last                     bool
	}{
		{0, 0, 4, 1, false},
		{10, 0, 4, 4, false},
		{3, 0, 8, 3, false},
		{10, 2, 4, 5, true},
		{1, 1, 4, 2, true},
		{0, 2, 4, 1, false},
	} {
		t.Run(fmt.Sprintf("%d+%d in %d", tt.together, tt.crowding, tt.jobs), func(t *testing.T) {
			var all []*check.Check
			for i := range tt.together + tt.crowding {
				all = append(all, &check.Check{ID: fmt.Sprint(i), Crowds: i < tt.crowding})
			}
			n, last := workers(all, tt.jobs)
			if n != tt.workers || last != tt.last {
				t.Fatalf("%d workers, last %v; want %d, %v", n, last, tt.workers, tt.last)
			}
			var dealt []string
			for i := range n {
				mine := Part{I: i + 1, N: n}.deal(all)
				if len(mine) == 0 && len(all) > 0 {
					t.Errorf("worker %d has nothing to do", i+1)
				}
				for _, c := range mine {
					dealt = append(dealt, c.ID)
					if alone := last && i == n-1; c.Crowds != alone && n > 1 {
						t.Errorf("worker %d of %d has check %+v", i+1, n, *c)
					}
				}
			}
			slices.Sort(dealt)
			if len(dealt) != len(all) || len(slices.Compact(dealt)) != len(all) {
				t.Errorf("dealt %v of %d checks", dealt, len(all))
			}
		})
	}
}
