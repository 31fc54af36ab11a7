package bench

import (
	"fmt"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/conform-stack/conform/stack/wire"
)

// How much is done in a round. The subjects take turns, and of each the best round counts.
const (
	rounds      = 5
	idleConns   = 10_000
	activeConns = 1_000
	messageSize = 1024
)

// TestStreams prints what TCP costs both stacks. Like TestRatios it fails only when work was not done, or when the reference
// stack allocates for a segment.
func TestStreams(t *testing.T) {
	if testing.Short() {
		t.Skip("measures for some seconds; leave out -short")
	}
	var out strings.Builder
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "work\tconform\tgvisor\tunit\tratio\t\n")
	row := func(name, unit string, ours, theirs float64) {
		fmt.Fprintf(w, "%s\t%.4g\t%.4g\t%s\t%.1f\t\n", name, ours, theirs, unit, max(ours, theirs)/min(ours, theirs))
	}
	for _, in := range []network{net4, net6} {
		for _, mtu := range mtus {
			rate, segment := streams(t, in, mtu)
			row(fmt.Sprintf("stream%s, mtu=%d", in.name, mtu), "MB/CPU-s", rate[0], rate[1])
			row(fmt.Sprintf("stream%s, mtu=%d", in.name, mtu), "CPU-ns/segment", segment[0], segment[1])
		}
	}
	cycles := connects(t)
	row("connect and close", "1/CPU-s", cycles[0], cycles[1])
	var octets, active [2]float64
	for i, s := range subjects {
		octets[i], active[i] = many(t, s)
	}
	row(fmt.Sprintf("%d idle connections", idleConns), "octets/connection", octets[0], octets[1])
	row(fmt.Sprintf("%d active among them", activeConns), "CPU-ns/message", active[0], active[1])
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s\nthe floor, which is a stream's copies and sums alone: %.0f MB/CPU-s", out.String(), floor(t))
}

// streams is how fast octets move by one connection, and what a segment costs, both nodes and the link together.
func streams(t *testing.T, in network, mtu int) (rate, segment [2]float64) {
	sizes := [...]int{64 << 20, 16 << 20}
	var best [2]cost
	var lanes [2]lane
	var from, to [2]end
	var segments [2]uint64
	for i, s := range subjects {
		lanes[i] = s.lane(t, in, mtu)
		from[i], to[i] = lanes[i].dial(t)
		lanes[i].move(t, from[i], to[i], 32<<20)
	}
	for range rounds {
		for i := range subjects {
			before := lanes[i].segments()
			best[i].better(timed(t, func() { lanes[i].move(t, from[i], to[i], sizes[i]) }))
			segments[i] = lanes[i].segments() - before
		}
	}
	if n := testing.AllocsPerRun(20, func() { lanes[0].move(t, from[0], to[0], 1<<20) }); n != 0 {
		t.Errorf("%s, mtu=%d: %v allocations for a mebibyte, want 0", in.net, mtu, n)
	}
	for i := range subjects {
		rate[i] = float64(sizes[i]) / float64(best[i].cpu) * 1000
		segment[i] = float64(best[i].cpu) / float64(segments[i])
	}
	return rate, segment
}

// connects is how many connections are made and closed in a second.
func connects(t *testing.T) (rate [2]float64) {
	counts := [...]int{20_000, 2_000}
	var best [2]cost
	var lanes [2]lane
	for i, s := range subjects {
		lanes[i] = s.lane(t, net4, 1500)
		for range 100 {
			lanes[i].cycle(t)
		}
	}
	for range rounds {
		for i := range subjects {
			best[i].better(timed(t, func() {
				for range counts[i] {
					lanes[i].cycle(t)
				}
			}))
		}
	}
	for i := range subjects {
		rate[i] = float64(counts[i]) / best[i].cpu.Seconds()
	}
	return rate
}

// many is how much memory a connection takes that nobody uses, its other end not counted, and what a message costs on one
// of those that are used in turn.
func many(t *testing.T, s subject) (octets, message float64) {
	l := s.lane(t, net4, 1500)
	l.cycle(t)
	before := heap()
	from, to := make([]end, idleConns), make([]end, idleConns)
	for i := range from {
		from[i], to[i] = l.dial(t)
	}
	after := heap()
	used := float64(after) - float64(before)
	turn := func() {
		for i := range activeConns {
			k := i * (idleConns / activeConns)
			l.move(t, from[k], to[k], messageSize)
		}
	}
	turn()
	var best cost
	for range rounds {
		best.better(timed(t, turn))
	}
	if s.name == conformStack.name {
		if n := testing.AllocsPerRun(5, turn); n != 0 {
			t.Errorf("%v allocations for a message on each of %d connections, want 0", n, activeConns)
		}
	}
	return used / (2 * idleConns), float64(best.cpu) / activeConns
}

// floor is how fast octets would move if all that there is to do were to copy them from the user, onto the link and to
// the user, and to copy and sum them into the segment and out of it.
func floor(t *testing.T) float64 {
	const n, size = 32 << 20, 1460
	a, b := make([]byte, block), make([]byte, block)
	var best cost
	var sum wire.Sum
	for range rounds {
		best.better(timed(t, func() {
			for range n / block {
				copy(b, a)
				for off := 0; off+size <= block; off += size {
					sum += wire.SumCopy(a[off:off+size], b[off:off+size])
					copy(b[off:off+size], a[off:off+size])
					sum += wire.SumCopy(a[off:off+size], b[off:off+size])
				}
				copy(b, a)
			}
		}))
	}
	if sum.Fold() != 0 {
		t.Error("the sum of nothing but zeroes is", sum.Fold())
	}
	return n / float64(best.cpu) * 1000
}
