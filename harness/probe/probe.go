package probe

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/internal/panics"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/target"
)

// Config is what a probe is made with.
type Config struct {
	World    target.World
	Info     target.Info
	Proves   []string      // the requirements that the check claims
	Patience time.Duration // how long Expect waits when it is not told; zero means 5 s virtual, 1 s live
	// Tolerance widens the bounds of timing on a live target, on both sides.
	Tolerance time.Duration
	// Judge looks at each frame; nil for none.
	Judge func(f *packet.Frame, fromTarget bool)
}

// P is the tester of one run of one check.
type P struct {
	cfg      Config
	ctx      context.Context
	world    target.World
	net      target.Net   // of link 0
	nets     []target.Net // of all links
	log      Log
	inbox    []*packet.Frame
	answers  []responder // what the tester does by itself, in order
	watchers []watcher   // who follows conversations
	timers   []timer     // what the tester does later by itself, in order of time
	pending  map[*agent.Op]func(agent.Reply)
	cleanups []func()
	serial   uint
	owned    []owned // addresses that the tester has beside those of its hosts

	readers []*packet.Reader // of each link
	longest []int            // frame of each link; 0 when nothing is said
	numbers packet.Numbers   // of the frames that the tester sends
	heard   []repeated       // the last frames of IEEE 802.15.4

	showRepeats bool
}

// A responder answers frames of the target by itself, as a host would.
type responder struct {
	name   string
	answer func(*packet.Frame)
}

// A watcher looks at each frame of both sides, before the responders.
type watcher func(f *packet.Frame, fromTarget bool)

// A timer is something that the tester does at its time, while time passes.
type timer struct {
	at time.Duration
	do func()
}

// after lets the tester do something by itself in d from now.
func (p *P) after(d time.Duration, do func()) {
	at := p.Now() + d
	i := len(p.timers)
	for i > 0 && p.timers[i-1].at > at {
		i--
	}
	p.timers = slices.Insert(p.timers, i, timer{at, do})
}

// due does what has its time, and tells whether there was anything.
func (p *P) due() bool {
	if len(p.timers) == 0 || p.timers[0].at > p.Now() {
		return false
	}
	t := p.timers[0]
	p.timers = p.timers[1:]
	t.do()
	return true
}

// New makes a probe. Run gives it a body.
func New(ctx context.Context, cfg Config) *P {
	p := &P{
		cfg: cfg, ctx: ctx, world: cfg.World, nets: cfg.World.Nets(), log: newLog(cfg.Proves),
		pending: map[*agent.Op]func(agent.Reply){},
	}
	p.net = p.nets[0]
	for _, n := range p.nets {
		p.readers = append(p.readers, packet.NewReader(n))
		p.longest = append(p.longest, longest(n))
		p.numbers.Counter = max(p.numbers.Counter, n.Security.Counter)
	}
	return p
}

// Run runs a body to its end and returns what it found. It recovers what the body throws.
func (p *P) Run(body func(*P)) *Log {
	defer func() { p.log.Elapsed = p.world.Now() }()
	p.protect(func() { body(p) })
	for i := len(p.cleanups) - 1; i >= 0; i-- {
		p.protect(p.cleanups[i])
	}
	return &p.log
}

// stop is thrown to end a body after a failure has been logged.
type stop struct{}

// protect runs f and turns what it throws into the log's words.
func (p *P) protect(f func()) {
	defer func() {
		switch r := recover().(type) {
		case nil, stop:
		case runtime.Error:
			_, at := panics.Culprit()
			p.log.broken(fmt.Errorf("the check panicked in %s: %w", at, r))
		case error:
			if errors.Is(r, agent.NoOption) { // preparation takes an option that sockets may lack: the check cannot be asked
				p.log.Inconclusive = "the target lacks a socket option: " + r.Error()
				return
			}
			p.log.broken(r)
		default:
			p.log.broken(fmt.Errorf("the check panicked: %v", r))
		}
	}()
	f()
}

// Net is what the link looks like.
func (p *P) Net() target.Net { return p.net }

// Params are the target's timings and sizes.
func (p *P) Params() target.Params { return p.cfg.Info.Params }

// Virtual tells whether waiting costs nothing and timers are exact.
func (p *P) Virtual() bool { return p.cfg.Info.Virtual }

// Now is the time since the world was made.
func (p *P) Now() time.Duration { return p.world.Now() }

// Step says in words what the next lines are about; it appears in the log and in the evidence.
func (p *P) Step(format string, args ...any) { p.log.step(p.Now(), fmt.Sprintf(format, args...)) }

// Note writes text on frame f in the log and the evidence.
func (p *P) Note(f *packet.Frame, text string) { p.log.Note(f, text) }

// Cleanup runs f when the body has ended, however it ended; last registered, first run.
func (p *P) Cleanup(f func()) { p.cleanups = append(p.cleanups, f) }

// Serial is a number that no other call in this run gives: for identifiers, ports and payloads that tell answers apart.
func (p *P) Serial() uint { p.serial++; return p.serial }

// Inconclusive ends the check: it could not be told whether the target conforms, for the given reason.
func (p *P) Inconclusive(format string, args ...any) {
	p.log.Inconclusive = fmt.Sprintf(format, args...)
	panic(stop{})
}

// patience is how long a frame is waited for.
func (p *P) patience() time.Duration {
	switch {
	case p.cfg.Patience > 0:
		return p.cfg.Patience + p.slack()
	case p.Virtual():
		return 5 * time.Second
	default:
		return time.Second + p.slack()
	}
}

// settle is how long after the fence a late offender is waited for. Links keep order, so on a live target it only has to
// cover the jitter of its threads.
func (p *P) settle() time.Duration {
	if p.Virtual() {
		return 200 * time.Millisecond
	}
	return 15*time.Millisecond + p.slack()/10
}

// slack is the tolerance of timing bounds: none in virtual time.
func (p *P) slack() time.Duration {
	if p.Virtual() {
		return 0
	}
	return p.cfg.Tolerance
}

// sendAll puts the frames of a packet on a link. good are those that would be right in their place.
func (p *P) sendAll(link int, frames, good [][]byte) {
	for i, f := range frames {
		if i == len(frames)-1 {
			p.send(link, f, good...)
			return
		}
		p.send(link, f)
	}
}

// longest is how long a frame may be on a link: that of Ethernet is the MTU with a header and a tag. A virtual wire takes more, a
// real one does not.
func longest(n target.Net) int {
	if n.Link != target.Ethernet || n.MTU == 0 {
		return 0
	}
	return n.MTU + 14 + 4
}

// send puts a frame on a link. good are the frames that would be right in its place, none when it is right itself.
func (p *P) send(link int, frame []byte, good ...[]byte) {
	if most := p.longest[link]; most > 0 && len(frame) > most {
		panic(fmt.Errorf("a frame of %d octets is longer than the %d that the link carries", len(frame), most))
	}
	f := p.readers[link].Dissect(frame)
	f.At, f.On = p.Now(), link
	p.log.sent(f)
	for _, w := range p.watchers {
		w(f, false)
	}
	if p.cfg.Judge != nil {
		p.cfg.Judge(f, false)
	}
	var err error
	if m, ok := p.world.(mutant); ok && len(good) > 0 {
		err = m.SendBad(link, frame, good...)
	} else {
		err = p.world.Send(link, frame)
	}
	if err != nil {
		panic(fmt.Errorf("sending a frame to the target: %w", err))
	}
}

// reflex sends a frame that the check did not ask for.
func (p *P) reflex(link int, frame []byte) {
	p.send(link, frame)
	p.log.Records[len(p.log.Records)-1].Reflex = true
}

// reflexes is reflex for a packet that may take several frames.
func (p *P) reflexes(link int, frames [][]byte) {
	for _, f := range frames {
		p.reflex(link, f)
	}
}

// mutant is a world that wants to know what a bad frame would be with its fault made right; package mutate has it.
type mutant interface {
	SendBad(link int, bad []byte, good ...[]byte) error
}

// next lets time pass to the next event and handles it. It returns the frame that came, or nil; more is false at until.
func (p *P) next(until time.Duration) (f *packet.Frame, more bool) {
	if err := context.Cause(p.ctx); err != nil {
		panic(fmt.Errorf("interrupted: %w", err))
	}
	if p.due() {
		return nil, true
	}
	limit := until
	if len(p.timers) > 0 {
		limit = min(until, p.timers[0].at)
	}
	ev, err := p.world.Next(limit)
	switch {
	case errors.Is(err, target.ErrRunaway):
		panic(fmt.Errorf("%w; last: %s", err, p.log.last(3)))
	case err != nil:
		panic(fmt.Errorf("the target's link: %w", err))
	case ev.Op != nil:
		p.ended(ev.Op)
		return nil, true
	case ev.Frame == nil:
		return nil, limit < until || p.due()
	}
	if p.repeats(ev) {
		return nil, true
	}
	f = p.readers[ev.Link].Dissect(ev.Frame)
	f.At, f.On = ev.At, ev.Link
	p.log.got(f)
	if p.cfg.Judge != nil {
		p.cfg.Judge(f, true)
	}
	for _, w := range p.watchers {
		w(f, true)
	}
	for _, r := range p.answers {
		r.answer(f)
	}
	return f, true
}

// Wait lets time pass. Frames that come are kept.
func (p *P) Wait(d time.Duration) {
	for until := p.Now() + d; ; {
		f, more := p.next(until)
		if f != nil {
			p.inbox = append(p.inbox, f)
		}
		if !more {
			return
		}
	}
}

// Forget drops what came and was not asked for.
func (p *P) Forget() { p.inbox = nil }

// await waits for the first frame that accept takes, looking through the inbox first; nil at until.
func (p *P) await(until time.Duration, accept func(*packet.Frame) bool) *packet.Frame {
	for i, f := range p.inbox {
		if accept(f) {
			p.inbox = append(p.inbox[:i], p.inbox[i+1:]...)
			return f
		}
	}
	for {
		f, more := p.next(until)
		switch {
		case f != nil && accept(f):
			return f
		case f != nil:
			p.inbox = append(p.inbox, f)
		case !more:
			return nil
		}
	}
}
