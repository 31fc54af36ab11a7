// Package mutate makes targets wrong on purpose, and different on purpose.
//
// A violating mutant breaks one requirement and mends everything around the fault: a check that proves the requirement
// must fail on it, by its own assertion and for that requirement. A benign mutant does what the RFCs allow: every check
// must pass on it. Both stand between the probe and any target, so a check is proven with the target it runs on.
package mutate

import (
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Mutation is a way to be different. The zero value changes nothing.
type Mutation struct {
	Name string
	// Kills are the kinds of failure that show it: a wrong field must be seen as one, not as a missing answer.
	Kills []probe.Kind

	make func(w *world) hooks
}

// hooks see each frame of one world.
type hooks struct {
	// sent is given a frame of the tester and, for a bad one, its good twin; it returns what the target gets.
	sent func(f *packet.Frame, good [][]byte) [][]byte
	// got is given a frame of the target; it returns what the tester gets, and when.
	got func(f *packet.Frame) []target.Event
	// asked, told and unheeded are of the agent: what it is asked, what it says, and what it only says that it does.
	asked    func(*agent.Request)
	told     func(agent.Request, *agent.Reply)
	unheeded func(agent.Request) bool
}

// Counts tells whether a failure of kind k shows the mutation.
func (m Mutation) Counts(k probe.Kind) bool { return slices.Contains(m.Kills, k) }

// Wrap is w as the mutant.
func (m Mutation) Wrap(w target.World) target.World {
	if m.make == nil {
		return w
	}
	mw := &world{World: w, ops: map[*agent.Op]*agent.Op{}}
	for _, n := range w.Nets() {
		mw.readers = append(mw.readers, packet.NewReader(n))
	}
	mw.hooks = m.make(mw)
	return mw
}

// world is a target's world seen through a mutation.
type world struct {
	target.World
	hooks hooks
	later []target.Event          // in order of At
	ops   map[*agent.Op]*agent.Op // those of the target, and what the check holds for them

	readers []*packet.Reader // of each link
	numbers packet.Numbers   // of what is forged
}

// Acknowledge implements target.Radio.
func (w *world) Acknowledge(link int, on bool) bool {
	r, ok := w.World.(target.Radio)
	return ok && r.Acknowledge(link, on)
}

func (w *world) dissect(b []byte, at time.Duration, link int) *packet.Frame {
	f := w.readers[link].Dissect(b)
	f.At, f.On = at, link
	return f
}

// Send implements target.World.
func (w *world) Send(link int, frame []byte) error { return w.SendBad(link, frame) }

// SendBad is Send for a bad frame, whose good twin, of one or more frames, is what a target that overlooks the fault takes
// it for.
func (w *world) SendBad(link int, frame []byte, good ...[]byte) error {
	frames := [][]byte{frame}
	if w.hooks.sent != nil {
		frames = w.hooks.sent(w.dissect(slices.Clone(frame), w.Now(), link), good)
	}
	for _, f := range frames {
		if err := w.World.Send(link, f); err != nil {
			return err
		}
	}
	return nil
}

// Next delivers what the hooks make of the target's frames, each at its time.
func (w *world) Next(until time.Duration) (target.Event, error) {
	for {
		limit := until
		if len(w.later) > 0 {
			if w.later[0].At <= w.Now() {
				return w.pop(), nil
			}
			limit = min(limit, w.later[0].At)
		}
		ev, err := w.World.Next(limit)
		switch {
		case err != nil:
			return ev, err
		case ev.Op != nil:
			return w.ended(ev), nil
		case ev.Frame == nil && limit == until:
			return ev, nil
		case ev.Frame == nil: // the time of a delayed frame has come
			continue
		case w.hooks.got == nil:
			return ev, nil
		}
		for _, e := range w.hooks.got(w.dissect(ev.Frame, ev.At, ev.Link)) {
			w.deliver(e)
		}
	}
}

// deliver puts e among the frames to come, behind those of the same instant.
func (w *world) deliver(e target.Event) {
	i := len(w.later)
	for i > 0 && w.later[i-1].At > e.At {
		i--
	}
	w.later = slices.Insert(w.later, i, e)
}

func (w *world) pop() target.Event {
	e := w.later[0]
	w.later = w.later[1:]
	return e
}

// event is f's arrival with other octets, or at another time.
func event(f *packet.Frame, at time.Duration, b []byte) target.Event {
	return target.Event{At: at, Link: f.On, Frame: b}
}

// events is f's arrival as other frames.
func events(f *packet.Frame, at time.Duration, frames [][]byte) (es []target.Event) {
	for _, b := range frames {
		es = append(es, event(f, at, b))
	}
	return es
}

func same(f *packet.Frame) []target.Event { return []target.Event{event(f, f.At, f.Bytes)} }

// Here is a mutation that depends on the addresses of the world. f is also called with those of an example, for the name.
func Here(f func(target.Net) Mutation) Mutation {
	m := f(example)
	m.make = func(w *world) hooks { return f(w.Nets()[0]).make(w) }
	return m
}

// Between is Here for a world with two links.
func Between(f func(near, far target.Net) Mutation) Mutation {
	m := f(example, farExample)
	m.make = func(w *world) hooks {
		nets := w.Nets()
		return f(nets[0], nets[len(nets)-1]).make(w)
	}
	return m
}

// example and farExample are links of RFC 5737 and RFC 3849 addresses.
var (
	example    = exampleNet(0, "192.0.2.0/24")
	farExample = exampleNet(1, "198.51.100.0/24")
)

func exampleNet(link byte, prefix string) target.Net {
	p := netip.MustParsePrefix(prefix)
	host := func(i byte) target.Host {
		ip := p.Addr().As4()
		ip[3] = i
		return target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, link, i}, IP4: netip.AddrFrom4(ip)}
	}
	n := target.Net{
		Link: target.Ethernet, MTU: 1500, Prefix4: p, Unused4: host(99).IP4,
		Target: host(2), Testers: []target.Host{host(1), host(3), host(4), host(5)},
	}
	n.Give6(int(link))
	return n
}
