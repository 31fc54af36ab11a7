package live

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conform-stack/conform/stack/clock"
)

func TestEventsRunAtTheirInstants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := clock.New()
		c := Start(loop)
		defer c.Close()
		start := time.Now()
		var at time.Duration
		c.Do(func() {
			loop.NewTimer(func() { at = time.Since(start) }).After(3 * time.Second)
		})
		time.Sleep(3*time.Second - 1)
		synctest.Wait()
		c.Do(func() {
			if at != 0 {
				t.Errorf("ran at %v, a nanosecond early", at)
			}
		})
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		c.Do(func() {
			if at != 3*time.Second {
				t.Errorf("ran at %v, want 3s", at)
			}
			if loop.Now() != 3*time.Second {
				t.Errorf("the loop stands at %v, want 3s", loop.Now())
			}
		})
	})
}

func TestIdleLoopSleeps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Start(clock.New())
		synctest.Wait()
		before := c.turns
		time.Sleep(1000 * time.Hour)
		synctest.Wait()
		if c.turns != before {
			t.Errorf("an idle loop woke %d times", c.turns-before)
		}
		c.Close()
	})
}

// While an event runs, Now stands still and Instant goes on.
func TestInstantGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := clock.New()
		c := Start(loop)
		time.Sleep(time.Second)
		c.Do(func() {
			before := loop.Instant()
			time.Sleep(5 * time.Millisecond)
			if d := loop.Instant() - before; before != time.Second || d != 5*time.Millisecond || loop.Now() != time.Second {
				t.Errorf("from %v, %v later Now is %v", before, d, loop.Now())
			}
		})
		c.Close()
		at := loop.Now()
		time.Sleep(time.Second)
		if loop.Instant() != at {
			t.Errorf("the loop is the caller's again, and Instant is %v where Now is %v", loop.Instant(), at)
		}
	})
}

func TestDoSeesTimeOfTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		loop := clock.New()
		c := Start(loop)
		defer c.Close()
		time.Sleep(time.Minute)
		c.Do(func() {
			if loop.Now() != time.Minute {
				t.Errorf("Do after a minute sees %v", loop.Now())
			}
		})
	})
}

func TestDoAfterClose(t *testing.T) {
	c := Start(clock.New())
	c.Close()
	c.Close()
	if c.Do(func() { t.Error("ran on a closed clock") }) {
		t.Error("Do on a closed clock = true")
	}
}

func TestDoIsOneAtATime(t *testing.T) { // with -race
	c := Start(clock.New())
	count := 0
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				c.Do(func() { count++ })
			}
		})
	}
	all.Wait()
	c.Close()
	if count != 800 {
		t.Errorf("%d functions ran, want 800", count)
	}
}

func TestBusyLoopKeepsTheDoorOpen(t *testing.T) {
	loop := clock.New()
	loop.SetBound(1000)
	c := Start(loop)
	defer c.Close()
	var again *clock.Timer
	c.Do(func() {
		again = loop.NewTimer(func() { again.Post() })
		again.Post()
	})
	if !c.Do(func() { again.Stop() }) {
		t.Error("a busy loop was not reached")
	}
}
