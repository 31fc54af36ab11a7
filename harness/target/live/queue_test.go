package live

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/conform-stack/conform/harness/agent"
)

func TestQueueKeepsOrderAndStamps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, op := NewQueue(), &agent.Op{}
		go func() {
			time.Sleep(2 * time.Second)
			q.Frame([]byte{1})
			q.Ended(op)
			time.Sleep(time.Second)
			q.Frame([]byte{2})
		}()
		one, _ := q.Next(time.Minute)
		if one.At != 2*time.Second || len(one.Frame) != 1 || one.Frame[0] != 1 {
			t.Errorf("first event %+v, want frame 1 at 2 s", one)
		}
		if two, _ := q.Next(0); two.Op != op || two.At != 2*time.Second || two.Frame != nil {
			t.Errorf("second event %+v, want the operation at 2 s", two)
		}
		if three, _ := q.Next(3*time.Second - 1); three.Frame != nil || three.Op != nil || three.At != 0 {
			t.Errorf("a nanosecond before the third event there is %+v", three)
		}
		if three, _ := q.Next(time.Minute); three.At != 3*time.Second || three.Frame == nil || q.Now() != 3*time.Second {
			t.Errorf("third event %+v at %v, want frame 2 at 3 s", three, q.Now())
		}
	})
}

func TestDeadlineIsReachedNotPassed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := NewQueue()
		for _, until := range []time.Duration{time.Second, 5 * time.Second} {
			if ev, err := q.Next(until); ev.Frame != nil || err != nil || q.Now() != until {
				t.Errorf("Next(%v) = %+v, %v at %v", until, ev, err, q.Now())
			}
		}
		before := q.Now()
		if q.Next(0); q.Now()-before != settle {
			t.Errorf("a past deadline took %v, want %v", q.Now()-before, settle)
		}
	})
}

func TestBrokenLinkIsToldAfterWhatCameBefore(t *testing.T) {
	q, cause := NewQueue(), errors.New("unplugged")
	q.Frame([]byte{1})
	q.Break(cause)
	if ev, err := q.Next(time.Hour); err != nil || ev.Frame == nil {
		t.Errorf("Next = %+v, %v, want the frame", ev, err)
	}
	if _, err := q.Next(time.Hour); !errors.Is(err, cause) {
		t.Errorf("Next = %v, want %v", err, cause)
	}
}

func TestFullQueueCountsWhatIsLost(t *testing.T) {
	q := NewQueue()
	for range maxFrames {
		q.Frame([]byte{1})
	}
	if err := q.Lost(); err != nil {
		t.Fatalf("%d frames: %v", maxFrames, err)
	}
	q.Frame([]byte{2})
	q.Ended(&agent.Op{}) // has room all the same
	if got, want := q.Lost().Error(), "1 frames of the target were lost: more than 4096 waited to be looked at"; got != want {
		t.Errorf("lost: %q, want %q", got, want)
	}
	q.Next(0)
	q.Frame([]byte{3})
	last := q.events[len(q.events)-1]
	if last.Frame == nil || last.Frame[0] != 3 {
		t.Errorf("after one was taken there is room: the last event is %+v", last)
	}
}
