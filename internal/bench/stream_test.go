package bench

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

// A lane is two nodes of a subject with a link between them, on which connections are made.
type lane interface {
	// dial makes a connection and gives both its ends. Small pieces are sent at once.
	dial(tb testing.TB) (client, server end)
	// move sends n octets from one end to the other, in calls of 64 KiB, and waits until they are read there.
	move(tb testing.TB, from, to end, n int)
	// cycle makes a connection, closes it from the client's side and then from the server's, and waits until both
	// know. There is no TIME-WAIT.
	cycle(tb testing.TB)
	// segments is how many segments the client's node has sent and received.
	segments() uint64
}

// end is one end of a connection, as its lane knows it.
type end any

// heap is how many octets live objects take.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what finalizers held
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// mtus are what streams are measured at.
var mtus = [...]int{1500, 65535} // never written

const block = 64 << 10

// A cost is what a piece of work took at best, of several rounds: other things run beside a benchmark, and take the
// processor's caches with them.
type cost struct{ cpu, wall time.Duration }

func (c *cost) better(than cost) {
	if c.cpu == 0 || than.cpu < c.cpu {
		c.cpu = than.cpu
	}
	if c.wall == 0 || than.wall < c.wall {
		c.wall = than.wall
	}
}

func timed(tb testing.TB, f func()) (c cost) {
	runtime.GC()
	began, used := time.Now(), cpu(tb)
	f()
	return cost{cpu(tb) - used, time.Since(began)}
}

// BenchmarkStream moves a mebibyte a run, over one connection.
func BenchmarkStream(b *testing.B) {
	for _, s := range subjects {
		for i, mtu := range []int{mtus[0], mtus[1], mtus[0], mtus[1]} {
			in := []network{net4, net6}[i/2]
			b.Run(fmt.Sprintf("stack=%s/ip=%s/mtu=%d", s.name, in.net, mtu), func(b *testing.B) {
				l := s.lane(b, in, mtu)
				from, to := l.dial(b)
				l.move(b, from, to, 32<<20)
				sent, used := l.segments(), cpu(b)
				b.SetBytes(1 << 20)
				b.ReportAllocs()
				for b.Loop() {
					l.move(b, from, to, 1<<20)
				}
				used = cpu(b) - used
				b.ReportMetric(float64(used)/float64(l.segments()-sent), "cpu-ns/segment")
				b.ReportMetric(float64(b.N<<20)/float64(used)*1000, "MB/cpu-s")
			})
		}
	}
}

// BenchmarkConnectClose makes and ends a connection a run.
func BenchmarkConnectClose(b *testing.B) {
	for _, s := range subjects {
		b.Run("stack="+s.name, func(b *testing.B) {
			l := s.lane(b, net4, 1500)
			l.cycle(b)
			used := cpu(b)
			b.ReportAllocs()
			for b.Loop() {
				l.cycle(b)
			}
			b.ReportMetric(float64(cpu(b)-used)/float64(b.N), "cpu-ns/op")
		})
	}
}
