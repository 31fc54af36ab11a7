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
	sent func(f *packet.Frame, good []byte) [][]byte
	// got is given a frame of the target; it returns what the tester gets, and when.
	got func(f *packet.Frame) []target.Event
}

// Counts tells whether a failure of kind k shows the mutation.
func (m Mutation) Counts(k probe.Kind) bool { return slices.Contains(m.Kills, k) }

// Wrap is w as the mutant.
func (m Mutation) Wrap(w target.World) target.World {
	if m.make == nil {
		return w
	}
	mw := &world{World: w}
	mw.hooks = m.make(mw)
	if r, ok := w.(target.Routed); ok {
		return &routedWorld{mw, r}
	}
	return mw
}

// routedWorld is a mutant with several links. Frames for links beyond the first pass the hooks, too.
type routedWorld struct {
	*world
	routed target.Routed
}

func (w *routedWorld) Nets() []target.Net { return w.routed.Nets() }

// SendOn gives the target what the hooks make of a frame.
func (w *routedWorld) SendOn(link int, frame []byte) error {
	return w.through(link, frame, nil, func(f []byte) error { return w.routed.SendOn(link, f) })
}

// world is a target's world seen through a mutation.
type world struct {
	target.World
	hooks hooks
	later []target.Event // in order of At
}

func (w *world) dissect(b []byte, at time.Duration, link int) *packet.Frame {
	f := packet.Dissect(w.Net().Link, b)
	f.At, f.On = at, link
	return f
}

func (w *world) Send(frame []byte) error { return w.SendBad(frame, nil) }

// SendBad implements target.Stimulated.
func (w *world) SendBad(frame, good []byte) error {
	return w.through(0, frame, good, w.World.Send)
}

// through sends what the hooks make of a frame.
func (w *world) through(link int, frame, good []byte, send func([]byte) error) error {
	frames := [][]byte{frame}
	if w.hooks.sent != nil {
		frames = w.hooks.sent(w.dissect(slices.Clone(frame), w.Now(), link), good)
	}
	for _, f := range frames {
		if err := send(f); err != nil {
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
		case err != nil || ev.Op != nil:
			return ev, err
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

func same(f *packet.Frame) []target.Event { return []target.Event{event(f, f.At, f.Bytes)} }

// Here is a mutation that depends on the addresses of the world. f is also called with those of an example, for the name.
func Here(f func(target.Net) Mutation) Mutation {
	m := f(example)
	m.make = func(w *world) hooks { return f(w.Net()).make(w) }
	return m
}

// example is a link of RFC 5737 addresses.
var example = target.Net{
	Link:   target.Ethernet,
	MTU:    1500,
	Target: target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, IP4: netip.MustParseAddr("192.0.2.2")},
	Testers: []target.Host{
		{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, IP4: netip.MustParseAddr("192.0.2.1")},
		{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 3}, IP4: netip.MustParseAddr("192.0.2.3")},
		{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 4}, IP4: netip.MustParseAddr("192.0.2.4")},
		{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 5}, IP4: netip.MustParseAddr("192.0.2.5")},
	},
	Prefix4: netip.MustParsePrefix("192.0.2.0/24"),
	Unused4: netip.MustParseAddr("192.0.2.99"),
}
