package replay

import (
	"context"
	"fmt"
	"time"

	"github.com/conform-stack/conform/harness/check"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// A player plays one plan in one world.
type player struct {
	ctx      context.Context
	scenario *Scenario
	plan     *plan
	world    target.World
	info     target.Info
	opts     Options
	judge    func(*packet.Frame, bool) []check.Finding // nil for none

	tr      *translation
	speaker target.Host   // the target
	peers   []target.Host // everybody else
	sockets sockets

	base       time.Duration   // when the first step was due
	gap        []time.Duration // of each step since then
	translated map[*message][][]byte
	incoming   *assembler
	wanted     []*wanted
	extras     []*message       // that nobody waited for
	said       []*packet.Frame  // by the target, of what the capture has
	acted      time.Duration    // when the newest step was done
	ahead      *packet.Frame    // what the peer says next, as captured; nil for nothing more
	heard      bool             // of the target, something that shows that it is alive
	readers    []*packet.Reader // of what comes, a link each
	sent       *packet.Reader   // of what goes
	numbers    packet.Numbers   // of what is sent and not of the capture
	earlier    []*captured      // that the target said on this link, the newest last

	log      *probe.Log
	failures []Failure
	findings []check.Finding
}

func newPlayer(ctx context.Context, s *Scenario, pl *plan, w target.World, info target.Info, o Options) *player {
	p := &player{
		ctx: ctx, scenario: s, plan: pl, world: w, info: info, opts: o,
		translated: map[*message][][]byte{}, incoming: newAssembler(), log: newLog(),
	}
	for _, n := range w.Nets() {
		p.readers = append(p.readers, packet.NewReader(n))
	}
	p.sent = packet.NewReader(w.Nets()[0])
	return p
}

// step says in words what comes next.
func (p *player) step(format string, args ...any) {
	p.log.Records = append(p.log.Records, probe.Record{At: p.world.Now(), Step: fmt.Sprintf(format, args...)})
}

// outcome settles a packet of the capture.
func (p *player) outcome(c *captured, o Outcome) { p.plan.packets[c.number-1].Outcome = o }

// send puts a frame on the link.
func (p *player) send(b []byte, note string) error {
	f := p.sent.Dissect(b)
	f.At = p.world.Now()
	p.log.Records = append(p.log.Records, probe.Record{At: f.At, Frame: f})
	p.note(note)
	p.judged(f, false)
	if err := p.world.Send(0, b); err != nil {
		return fmt.Errorf("sending a frame to the target: %w", err)
	}
	return nil
}

// env is the first of the peers, speaking to the target.
func (p *player) env() packet.Env {
	env := packet.Of(p.world.Nets()[0])
	env.Local, env.Peer, env.Numbers = p.peers[0], p.speaker, &p.numbers
	return env
}

func (p *player) judged(f *packet.Frame, fromTarget bool) {
	if p.judge == nil {
		return
	}
	for _, found := range p.judge(f, fromTarget) {
		p.findings = append(p.findings, found)
		p.note("JUDGE " + found.Requirement + ": " + found.Text)
	}
}

// next lets time pass to the next event and deals with it. more is false at until.
func (p *player) next(until time.Duration) (more bool, err error) {
	if err := context.Cause(p.ctx); err != nil {
		return false, fmt.Errorf("interrupted: %w", err)
	}
	ev, err := p.world.Next(until)
	switch {
	case err != nil:
		return false, fmt.Errorf("the target's link: %w", err)
	case ev.Op != nil:
		p.serve()
		return true, p.refused()
	case ev.Frame == nil:
		return false, nil
	}
	f := p.readers[ev.Link].Dissect(ev.Frame)
	f.At, f.On = ev.At, ev.Link
	p.log.Records = append(p.log.Records, probe.Record{At: f.At, Frame: f, FromTarget: true})
	p.judged(f, true)
	if f.On != 0 {
		p.note("on another link than that of the capture")
		return true, nil
	}
	why := ownAffair(f, p.earlier)
	if p.earlier = []*captured{{frame: f}}; why != "" {
		p.note(why)
		return true, nil
	}
	return true, p.hear(f)
}

// hear deals with a frame of the target.
func (p *player) hear(f *packet.Frame) error {
	m := p.incoming.add(f)
	if m == nil {
		p.note("a fragment: the others of its datagram are to come")
		return nil
	}
	al := alignerOf(m.frame)
	if al == nil {
		p.note("of no kind that the scenario is about")
		return nil
	}
	if al.ranges {
		p.hearSegment(m)
		return nil
	}
	if w := p.waiting(m.frame); w != nil {
		p.take(w, m)
		return nil
	}
	if al.aside != nil {
		if answer, ok := al.aside(m.frame, p.peers, p.env()); ok {
			if answer == nil {
				p.note("nobody's business here")
				return nil
			}
			p.heard = true
			return p.send(answer, "an answer that the target needs to go on")
		}
	}
	if !p.outstanding() && p.repetition(m) {
		return nil
	}
	p.extras = append(p.extras, m)
	return nil
}
