package clock_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/clock"
)

func Example() {
	loop := clock.New()
	hello := loop.NewTimer(func() { fmt.Println("hello at", loop.Now()) })
	hello.After(2 * time.Minute)
	loop.Run(time.Hour)
	fmt.Println("the loop stands at", loop.Now())
	// Output:
	// hello at 2m0s
	// the loop stands at 1h0m0s
}

func TestEqualInstantsRunInOrderOfSetting(t *testing.T) {
	loop := clock.New()
	var got []string
	event := func(name string) *clock.Timer { return loop.NewTimer(func() { got = append(got, name) }) }
	a, b, c, d := event("a"), event("b"), event("c"), event("d")
	first := loop.NewTimer(func() { // time has moved to where b and c wait; d is posted behind them
		got = append(got, "first")
		d.Post()
	})
	first.Set(5)
	b.Set(5)
	a.Set(5)
	c.Set(5)
	a.Set(5) // again: it goes behind c
	if err := loop.Run(5); err != nil {
		t.Fatal(err)
	}
	if want := []string{"first", "b", "c", "a", "d"}; !slices.Equal(got, want) {
		t.Errorf("events ran in the order %v, want %v", got, want)
	}
}

func TestTimerIsNotEarly(t *testing.T) {
	loop := clock.New()
	ran := false
	timer := loop.NewTimer(func() { ran = true })
	timer.After(time.Second)
	loop.Run(time.Second - 1)
	if ran {
		t.Error("ran a nanosecond early")
	}
	if at, ok := timer.When(); !ok || at != time.Second {
		t.Errorf("When() = %v, %v, want 1s, true", at, ok)
	}
	loop.Run(time.Second)
	if !ran {
		t.Error("did not run at its instant")
	}
	if _, ok := timer.When(); ok {
		t.Error("still set after it ran")
	}
}

func TestStop(t *testing.T) {
	loop := clock.New()
	count := 0
	bump := func() { count++ }
	posted, timed := loop.NewTimer(bump), loop.NewTimer(bump)
	posted.Post()
	timed.Set(3)
	if !posted.Stop() || !timed.Stop() {
		t.Error("Stop of a timer that was set = false")
	}
	if posted.Stop() || timed.Stop() || new(clock.Timer).Stop() {
		t.Error("Stop of a timer that was not set = true")
	}
	loop.Run(10)
	if count != 0 {
		t.Errorf("%d stopped timers ran", count)
	}
}

func TestBoundOnEventsAtOneInstant(t *testing.T) {
	loop := clock.New()
	loop.SetBound(100)
	var again *clock.Timer
	again = loop.NewTimer(func() { again.Post() })
	again.Set(7)
	if err := loop.Run(10); err != clock.ErrBound {
		t.Fatalf("Run with an event that posts itself = %v, want ErrBound", err)
	}
	if loop.Now() != 7 || loop.Ran() != 100 {
		t.Errorf("stopped at %v after %d events, want 7ns after 100", loop.Now(), loop.Ran())
	}
	again.Stop()
	slow := loop.NewTimer(nil)
	*slow = clock.Timer{}
	slow.Init(loop, func() {
		if loop.Now() < 500 {
			slow.After(1)
		}
	})
	slow.Post()
	if err := loop.Run(1000); err != nil {
		t.Errorf("Run of 500 events at 500 instants = %v", err)
	}
}

// The heap against a sorted list, with random sets and stops.
func TestOrderAgainstModel(t *testing.T) {
	type due struct {
		at  time.Duration
		seq int
		id  int
	}
	rng := rand.New(rand.NewPCG(1, 2))
	loop := clock.New()
	var got []int
	timers := make([]*clock.Timer, 64)
	for i := range timers {
		timers[i] = loop.NewTimer(func() { got = append(got, i) })
	}
	model := map[int]due{}
	for seq := range 10000 {
		i := rng.IntN(len(timers))
		if rng.IntN(4) == 0 {
			_, set := model[i]
			if timers[i].Stop() != set {
				t.Fatalf("Stop of timer %d disagrees with the model", i)
			}
			delete(model, i)
			continue
		}
		at := time.Duration(rng.IntN(50)) + 1
		timers[i].Set(at)
		model[i] = due{at, seq, i}
	}
	var want []due
	for _, d := range model {
		want = append(want, d)
	}
	slices.SortFunc(want, func(a, b due) int {
		if a.at != b.at {
			return int(a.at - b.at)
		}
		return a.seq - b.seq
	})
	loop.Run(100)
	if len(got) != len(want) {
		t.Fatalf("%d events ran, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i].id {
			t.Fatalf("event %d was timer %d, want %d", i, got[i], want[i].id)
		}
	}
}

func TestEventsAllocateNothing(t *testing.T) {
	loop := clock.New()
	var a, b clock.Timer
	a.Init(loop, func() { b.Post() })
	b.Init(loop, func() {})
	if n := testing.AllocsPerRun(100, func() {
		a.After(10)
		if err := loop.Run(loop.Now() + 10); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations for two events, want 0", n)
	}
}

func BenchmarkEvent(b *testing.B) {
	loop := clock.New()
	ran := 0
	var t clock.Timer
	t.Init(loop, func() { ran++ })
	b.ReportAllocs()
	for b.Loop() {
		t.Post()
		loop.Step(loop.Now())
	}
	if ran == 0 {
		b.Fatal("nothing ran")
	}
}
