package fault

import (
	"math/rand/v2"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/random"
)

// A lane is one direction.
//
// A copy that is neither late nor to be overtaken goes on within the call. Otherwise it is held, with a timer. One that
// is to be overtaken, at most one at a time, is let go right behind the next copy, or when patience ends.
type lane struct {
	loop    *clock.Loop
	faults  Faults
	deliver func(frame []byte) bool // false: full, try again in resume
	counts  Counts

	loss, duplicate, corrupt, bit, jitter, reorder *rand.Rand // one for each purpose, so that none shifts the others

	idle      *held // free ones
	busy      int
	limit     int
	all       []*held
	overtaken *held // waits for another copy to pass
	first     *held // wait for the device, in order
	last      *held
	closed    bool
}

// held is a copy that is held back. Its memory stays for the next one.
type held struct {
	lane  *lane
	frame []byte
	due   clock.Timer
	used  bool
	next  *held
}

func (n *lane) init(l *clock.Loop, seed uint64, direction string, f Faults, limit int, deliver func([]byte) bool) {
	*n = lane{loop: l, faults: f, limit: limit, deliver: deliver}
	source := func(purpose string) *rand.Rand { return random.New(seed, "fault."+direction+"."+purpose) }
	n.loss, n.duplicate, n.corrupt = source("loss"), source("duplicate"), source("corrupt")
	n.bit, n.jitter, n.reorder = source("bit"), source("jitter"), source("reorder")
}

// pass takes a frame. It is false when the device is full and the frame was to go on within the call, unharmed: then
// nothing has happened, and the same frame may come again.
func (n *lane) pass(frame []byte) bool {
	if n.closed {
		return true
	}
	if n.plain() {
		if !n.deliver(frame) {
			return false
		}
		n.counts.Passed++
		return true
	}
	lost, twice := chance(n.loss, n.faults.Loss), chance(n.duplicate, n.faults.Duplicate)
	if lost {
		n.counts.Lost++
		return true
	}
	n.copy(frame)
	if twice {
		n.counts.Duplicated++
		n.copy(frame)
	}
	return true
}

// plain tells whether nothing can happen to a frame.
func (n *lane) plain() bool { return n.faults == Faults{Patience: n.faults.Patience} }

func (n *lane) copy(frame []byte) {
	h := n.hold(frame)
	if h == nil {
		n.counts.Overflowed++
		return
	}
	if chance(n.corrupt, n.faults.Corrupt) && len(frame) > 0 {
		bit := n.bit.IntN(8 * len(frame))
		h.frame[bit/8] ^= 0x80 >> (bit % 8)
		n.counts.Corrupted++
	}
	delay := n.faults.Delay
	if n.faults.Jitter > 0 {
		delay += time.Duration(n.jitter.Int64N(int64(n.faults.Jitter) + 1))
	}
	switch {
	case chance(n.reorder, n.faults.Reorder) && n.overtaken == nil:
		n.counts.Reordered++
		n.overtaken = h
		h.due.After(delay + n.faults.patience())
	case delay > 0:
		h.due.After(delay)
	default:
		n.release(h)
	}
}

// release sends a copy on, and the one that waited to be overtaken behind it.
func (n *lane) release(h *held) {
	waited := n.overtaken
	if waited == h {
		waited = nil
		n.overtaken = nil
	}
	n.send(h)
	if waited != nil && n.overtaken == waited { // and not let go, or dropped, by what the first has caused
		n.overtaken = nil
		waited.due.Stop()
		n.send(waited)
	}
}

func (n *lane) send(h *held) {
	h.next = nil
	if n.first == nil && n.deliver(h.frame) {
		n.done(h)
		return
	}
	if n.first == nil {
		n.first = h
	} else {
		n.last.next = h
	}
	n.last = h
}

// waiting tells whether copies wait for the device.
func (n *lane) waiting() bool { return n.first != nil }

// resume sends the copies that wait for the device.
func (n *lane) resume() {
	for h := n.first; h != nil; h = n.first {
		if !n.deliver(h.frame) {
			return
		}
		if n.closed {
			return
		}
		n.first = h.next
		n.done(h)
	}
}

func (n *lane) hold(frame []byte) *held {
	h := n.idle
	switch {
	case h != nil:
		n.idle = h.next
	case len(n.all) == n.limit:
		return nil
	default:
		h = &held{lane: n}
		h.due.Init(n.loop, func() { n.release(h) })
		n.all = append(n.all, h)
	}
	n.busy++
	h.used, h.next = true, nil
	h.frame = append(h.frame[:0], frame...)
	return h
}

func (n *lane) done(h *held) {
	n.counts.Passed++
	n.free(h)
}

func (n *lane) free(h *held) {
	if !h.used { // the handler closed the device while it had the frame
		return
	}
	h.used, h.next = false, n.idle
	n.idle = h
	n.busy--
}

// drop frees all copies held; nothing passes any more.
func (n *lane) drop() {
	n.closed = true
	n.first, n.last, n.overtaken = nil, nil, nil
	for _, h := range n.all {
		if h.used {
			h.due.Stop()
			n.free(h)
		}
	}
}

// chance draws always, so that a changed chance does not shift what follows.
func chance(r *rand.Rand, p float64) bool { return r.Float64() < p }
