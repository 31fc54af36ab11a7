package interop

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/target"
)

// delay is what a frame takes from one virtual target to another. Neither can be asked how far it may run ahead; within
// the delay it cannot meet an answer.
const delay = time.Millisecond

// held is how much longer a frame takes that is to be overtaken.
const held = 8 * time.Millisecond

// tooLongNote marks a frame that was not carried.
const tooLongNote = "too long for the wire"

// Faults are what the wire does to frames. The zero value carries all of them, in order.
type Faults struct {
	Loss, Repeat, Reorder float64 // shares of the frames, 0 to 1
	MTU                   int     // of the network layer, in octets: what is longer is not carried, and its sender told; 0 is no limit
}

// A flight is a frame that is under way.
type flight struct {
	at    time.Duration // of its arrival
	to    *Side
	frame []byte
}

// A wire carries frames between two sides.
type wire struct {
	a, b    *Side
	virtual bool // both sides are: time is moved, otherwise it is waited for
	start   time.Time
	now     time.Duration
	faults  Faults
	random  *rand.Rand
	flights []flight // by time of arrival
	seen    func(from *Side, at time.Duration, frame []byte, note string)
	tooLong func(from *Side, frame []byte) []byte // the answer to a frame that is too long, nil for none
}

func (w *wire) sides() [2]*Side { return [2]*Side{w.a, w.b} }

func (w *wire) other(s *Side) *Side {
	if s == w.a {
		return w.b
	}
	return w.a
}

// advance lets a little time pass, and what happens in it happen.
func (w *wire) advance() error {
	if w.virtual {
		return w.step(w.now + delay)
	}
	w.now = time.Since(w.start)
	for _, s := range w.sides() {
		if err := w.arrive(s, w.now); err != nil {
			return err
		}
		until := w.now
		if !s.Info.Virtual {
			until = 0 // what is there already: the other side is not kept waiting
		}
		for range 256 {
			ev, err := s.world.Next(until)
			if err != nil {
				return s.wrap(err)
			}
			if ev.Frame == nil && ev.Op == nil {
				break
			}
			if err := w.event(s, w.now, ev); err != nil {
				return err
			}
		}
	}
	return nil
}

// step moves two virtual clocks to until. What a side sends in between arrives behind it.
func (w *wire) step(until time.Duration) error {
	for _, s := range w.sides() {
		for {
			next := until
			if f := w.first(s); f != nil {
				next = min(next, f.at)
			}
			ev, err := s.world.Next(next)
			switch {
			case err != nil:
				return s.wrap(err)
			case ev.Frame != nil || ev.Op != nil:
				if err := w.event(s, ev.At, ev); err != nil {
					return err
				}
				continue
			}
			if next == until {
				break
			}
			if err := w.arrive(s, next); err != nil {
				return err
			}
		}
	}
	w.now = until
	return nil
}

// first is the next frame that arrives at a side, nil without one.
func (w *wire) first(s *Side) *flight {
	for i := range w.flights {
		if w.flights[i].to == s {
			return &w.flights[i]
		}
	}
	return nil
}

// arrive hands over what has its time.
func (w *wire) arrive(s *Side, now time.Duration) error {
	for i := 0; i < len(w.flights) && w.flights[i].at <= now; {
		f := w.flights[i]
		if f.to != s {
			i++
			continue
		}
		w.flights = slices.Delete(w.flights, i, i+1)
		if err := s.take(f.at, f.frame); err != nil {
			return err
		}
	}
	return nil
}

func (w *wire) event(from *Side, at time.Duration, ev target.Event) error {
	if ev.Frame == nil || ev.Link != 0 { // a second link leads nowhere
		return nil
	}
	return w.carry(from, at, ev.Frame)
}

// carry takes a frame from a side, and does with it what the faults say.
func (w *wire) carry(from *Side, at time.Duration, frame []byte) error {
	to := w.other(from)
	if f := w.faults; f.MTU > 0 && len(frame) > 14+f.MTU {
		w.seen(from, at, frame, tooLongNote)
		if answer := w.tooLong(from, frame); answer != nil {
			w.put(flight{w.after(at, 0), from, answer})
		}
		return nil
	}
	if w.chance(w.faults.Loss) {
		w.seen(from, at, frame, "lost by the wire")
		return nil
	}
	late, note := time.Duration(0), ""
	if w.chance(w.faults.Reorder) {
		late, note = held, "held up by the wire"
	}
	w.seen(from, at, frame, note)
	if w.chance(w.faults.Repeat) {
		w.put(flight{w.after(at, late+held), to, frame})
	}
	if !w.virtual && late == 0 {
		return to.take(at, frame)
	}
	w.put(flight{w.after(at, late), to, frame})
	return nil
}

func (w *wire) after(at, late time.Duration) time.Duration {
	if w.virtual {
		late += delay
	}
	return at + late
}

// chance draws only where there is something to draw for, so that a wire without faults is the same for every seed.
func (w *wire) chance(share float64) bool { return share > 0 && w.random.Float64() < share }

func (w *wire) put(f flight) {
	i := len(w.flights)
	for i > 0 && w.flights[i-1].at > f.at {
		i--
	}
	w.flights = slices.Insert(w.flights, i, f)
}
