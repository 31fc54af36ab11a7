// Package wire is a virtual cable between two stations on one loop, or on none but a tester: frames go in at one end and
// come out at the other, in order, whole, later.
//
// A wire has a bit rate and a delay. By default the rate is infinite and the delay zero; a frame then arrives at the
// instant at which it was sent, but never within the call that sent it. With a rate, a frame occupies the sender for the
// time that its octets take, and those behind it wait: that is what fills the queues of an interface.
package wire

import (
	"cmp"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/driver"
)

// Config describes a wire. The same holds for both directions.
type Config struct {
	BitRate int64         // bits a second; 0 means infinite
	Delay   time.Duration // from the last bit's sending to its arrival
	Sending int           // frames that wait to be sent or are being sent at a time, when there is a rate; 0 means 2
	Flying  int           // frames on the wire at a time, those that wait to be sent included; 0 means 256
}

func (c Config) sending() int { return cmp.Or(c.Sending, 2) }

// smallest is the octets that a place on the wire has at least: those of acknowledgments are not all of one length.
const smallest = 128

func (c Config) flying() int { return cmp.Or(c.Flying, 256) }

// airtime is how long a frame of n octets occupies the sender.
func (c Config) airtime(n int) time.Duration {
	if c.BitRate <= 0 {
		return 0
	}
	return time.Duration(int64(n) * 8 * int64(time.Second) / c.BitRate)
}

// New makes a wire and gives its ends. Each serves an interface, or a tester by way of driver.Frames.
func New(l *clock.Loop, c Config) (a, b *End) {
	a, b = &End{loop: l, config: c}, &End{loop: l, config: c}
	a.peer, b.peer = b, a
	for _, e := range []*End{a, b} {
		e.flying = make([]flight, c.flying())
		e.arrive.Init(l, e.arrived)
		e.free.Init(l, e.freed)
	}
	return a, b
}

// An End is one end of a wire, with the frames on their way to the other.
type End struct {
	loop    *clock.Loop
	config  Config
	peer    *End
	handler driver.Handler
	closed  bool
	pulled  bool // nothing passes, and both ends know
	pulls   int  // how often it was

	flying  []flight // a ring
	oldest  int
	count   int
	idleAt  time.Duration // when the sender has sent all frames
	refused bool          // a Send was, and nobody was told Ready since
	arrive  clock.Timer
	free    clock.Timer
	lost    uint64
}

// flight is a frame on the wire. Its memory stays for the next one.
type flight struct {
	frame       []byte
	sent, lands time.Duration
}

// Start implements driver.Device.
func (e *End) Start(h driver.Handler) { e.handler = h }

// Send implements driver.Device.
func (e *End) Send(frame []byte) bool {
	if e.closed || e.pulled {
		e.lost++
		return true
	}
	if at, full := e.full(); full {
		e.refused = true
		if !e.timed() {
			e.free.Set(at)
		}
		return false
	}
	f := &e.flying[e.at(e.count)]
	e.count++
	if f.frame == nil {
		f.frame = make([]byte, 0, max(smallest, len(frame)))
	}
	f.frame = append(f.frame[:0], frame...)
	f.sent = max(e.loop.Now(), e.idleAt) + e.config.airtime(len(frame))
	f.lands = f.sent + e.config.Delay
	e.idleAt = f.sent
	if e.count == 1 {
		e.arrive.Set(f.lands)
	}
	return true
}

// Close implements driver.Device. Frames that are on their way from this end still arrive.
func (e *End) Close() error {
	e.closed, e.handler, e.refused = true, nil, false
	e.free.Stop()
	return nil
}

// HasCarrier implements driver.Carrier.
func (e *End) HasCarrier() bool { return !e.pulled }

// Pull pulls the cable out: frames on their way are lost, those sent meanwhile as well, and both stations learn that they
// have no carrier.
func (e *End) Pull() { e.plug(false) }

// Plug plugs it in again.
func (e *End) Plug() { e.plug(true) }

func (e *End) plug(in bool) {
	if e.pulled != in {
		return
	}
	both := [2]*End{e, e.peer}
	for _, x := range both {
		x.pulled = !in
		x.pulls++
		x.lost += uint64(x.count)
		x.oldest, x.count, x.idleAt, x.refused = 0, 0, 0, false
		x.arrive.Stop()
		x.free.Stop()
	}
	for _, x := range both {
		if x.handler != nil {
			driver.TellCarrier(x.handler, in)
		}
	}
}

// InFlight is the number of frames on their way from this end.
func (e *End) InFlight() int { return e.count }

// Lost is the number of frames that were sent from this end after it was closed, or that found nobody at the other.
func (e *End) Lost() uint64 { return e.lost }

// full tells whether no frame can be taken, and when it is worth another try.
func (e *End) full() (at time.Duration, full bool) {
	if e.count == len(e.flying) {
		return e.flying[e.oldest].lands, true
	}
	if e.config.BitRate <= 0 {
		return 0, false
	}
	if n := e.config.sending(); e.count >= n {
		if sent := e.flying[e.at(e.count-n)].sent; sent > e.loop.Now() {
			return sent, true
		}
	}
	return 0, false
}

func (e *End) timed() bool {
	_, ok := e.free.When()
	return ok
}

// freed is due when a frame has been sent or has landed since a Send was refused.
func (e *End) freed() {
	if at, full := e.full(); full { // the oldest frame lands at this very instant, in an event behind this one
		e.free.Set(at)
		return
	}
	if e.refused && e.handler != nil {
		e.refused = false
		e.handler.Ready()
	}
}

// arrived hands over the oldest frame. The next one of the same instant waits its turn behind what this one caused.
func (e *End) arrived() {
	f, pulls := &e.flying[e.oldest], e.pulls
	if e.count > 1 {
		e.arrive.Set(e.flying[e.at(1)].lands)
	}
	if h := e.peer.handler; h != nil {
		h.Receive(f.frame)
	} else {
		e.lost++
	}
	if e.pulls == pulls { // else the cable was pulled by what the frame caused
		e.oldest = e.at(1) // only now: what the frame caused to be sent must not overwrite it
		e.count--
	}
}

// at is the index into the ring of the i-th oldest frame.
func (e *End) at(i int) int {
	if i += e.oldest; i >= len(e.flying) {
		i -= len(e.flying)
	}
	return i
}
