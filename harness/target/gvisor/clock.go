package gvisor

import (
	"container/heap"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
)

// epoch is where time begins for the stack, which takes a time of zero for none.
const epoch = 24 * time.Hour

// A clock is a world's time: it stands still until the world moves it. What is due is called by who moves it, so that
// nothing happens at its side; the stack's goroutines may set timers meanwhile.
type clock struct {
	mu     sync.Mutex
	now    time.Duration // since the world was made
	set    int           // timers so far: those of one instant are called in the order in which they were set
	timers timers
}

var _ tcpip.Clock = (*clock)(nil)

// Now implements tcpip.Clock.
func (c *clock) Now() time.Time { return time.Unix(0, 0).Add(epoch + c.since()) }

// NowMonotonic implements tcpip.Clock.
func (c *clock) NowMonotonic() tcpip.MonotonicTime {
	return tcpip.MonotonicTime{}.Add(epoch + c.since())
}

// AfterFunc implements tcpip.Clock. The stack holds locks that f takes, so f is not called here even when d is 0.
func (c *clock) AfterFunc(d time.Duration, f func()) tcpip.Timer {
	t := &timer{clock: c, call: f, place: -1}
	t.Reset(d)
	return t
}

func (c *clock) since() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// due takes out the first timer that is due by until, and moves time to it; nil when there is none.
func (c *clock) due(until time.Duration) (call func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.timers) == 0 || c.timers[0].at > until {
		return nil
	}
	t := heap.Pop(&c.timers).(*timer)
	c.now = max(c.now, t.at)
	return t.call
}

// moveTo lets time pass. It does not run backwards.
func (c *clock) moveTo(at time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = max(c.now, at)
}

// A timer calls a function once. Its fields are the clock's.
type timer struct {
	clock *clock
	call  func()
	at    time.Duration
	nth   int
	place int // in the heap; -1 when it is not set
}

// Reset implements tcpip.Timer.
func (t *timer) Reset(d time.Duration) {
	c := t.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	t.remove()
	c.set++
	t.at, t.nth = c.now+max(0, d), c.set
	heap.Push(&c.timers, t)
}

// Stop implements tcpip.Timer.
func (t *timer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	return t.remove()
}

// remove tells whether the timer was set. The clock's lock is held.
func (t *timer) remove() bool {
	if t.place < 0 {
		return false
	}
	heap.Remove(&t.clock.timers, t.place)
	return true
}

// timers is a heap, the first to be called in front.
type timers []*timer

func (h timers) Len() int { return len(h) }

func (h timers) Less(i, j int) bool {
	if h[i].at != h[j].at {
		return h[i].at < h[j].at
	}
	return h[i].nth < h[j].nth
}

func (h timers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *timers) Push(x any) {
	t := x.(*timer)
	t.place = len(*h)
	*h = append(*h, t)
}

func (h *timers) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	t.place = -1
	return t
}
