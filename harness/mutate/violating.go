package mutate

import (
	"fmt"
	"strings"
	"time"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Field is a target that sends other values in the fields of frames like on. Lengths and checksums are mended.
func Field(on packet.Template, wrong ...packet.Cond) Mutation {
	return Mutation{
		Name:  "sends " + list(wrong) + " in " + on.String(),
		Kills: []probe.Kind{probe.Field, probe.Value},
		make: func(*world) hooks {
			return hooks{got: func(f *packet.Frame) []target.Event {
				if on.Matches(f) {
					return events(f, f.At, f.Rewrites(wrong...))
				}
				return same(f)
			}}
		},
	}
}

// Missing is a target that never sends frames like on.
func Missing(on packet.Template) Mutation {
	return Mutation{
		Name:  "never sends " + on.String(),
		Kills: []probe.Kind{probe.Missing, probe.Value},
		make: func(*world) hooks {
			return hooks{got: func(f *packet.Frame) []target.Event {
				if on.Matches(f) {
					return nil
				}
				return same(f)
			}}
		},
	}
}

// Gullible is a target that overlooks the fault of a bad stimulus: it does what it would do for the good one.
func Gullible() Mutation {
	return Mutation{
		Name:  "takes the bad stimulus for a good one",
		Kills: []probe.Kind{probe.Spurious, probe.Value},
		make: func(*world) hooks {
			return hooks{sent: func(f *packet.Frame, good [][]byte) [][]byte {
				if good != nil {
					return good
				}
				return [][]byte{f.Bytes}
			}}
		},
	}
}

// Ignores is a target that does not take notice of frames like when.
func Ignores(when packet.Template) Mutation {
	return Mutation{
		Name:  "takes no notice of " + when.String(),
		Kills: []probe.Kind{probe.Field, probe.Value, probe.Missing, probe.Spurious, probe.Timing},
		make: func(*world) hooks {
			return hooks{sent: func(f *packet.Frame, _ [][]byte) [][]byte {
				if when.Matches(f) {
					return nil
				}
				return [][]byte{f.Bytes}
			}}
		},
	}
}

// Hushed is a target that sends no frames like on any more once it has had one like by.
func Hushed(by, on packet.Template) Mutation {
	return Mutation{
		Name:  fmt.Sprintf("sends no %s any more after %s", on, by),
		Kills: []probe.Kind{probe.Missing, probe.Value},
		make: func(*world) hooks {
			hushed := false
			return hooks{
				sent: func(f *packet.Frame, _ [][]byte) [][]byte {
					hushed = hushed || by.Matches(f)
					return [][]byte{f.Bytes}
				},
				got: func(f *packet.Frame) []target.Event {
					if hushed && on.Matches(f) {
						return nil
					}
					return same(f)
				},
			}
		},
	}
}

// DeafAfter is a target that takes no notice of frames like to once it has had n frames like after: it copes with what
// comes first only.
func DeafAfter(n int, after, to packet.Template) Mutation {
	return Mutation{
		Name:  fmt.Sprintf("takes no notice of %s after %d of %s", to, n, after),
		Kills: []probe.Kind{probe.Field, probe.Value, probe.Missing},
		make: func(*world) hooks {
			had := 0
			return hooks{sent: func(f *packet.Frame, _ [][]byte) [][]byte {
				deaf := had >= n && to.Matches(f)
				if after.Matches(f) {
					had++
				}
				if deaf {
					return nil
				}
				return [][]byte{f.Bytes}
			}}
		},
	}
}

// Misreads is a target that sees other values in the fields of the tester's frames like when.
func Misreads(when packet.Template, as ...packet.Cond) Mutation {
	return Mutation{
		Name:  "reads " + list(as) + " in " + when.String(),
		Kills: []probe.Kind{probe.Field, probe.Value, probe.Missing, probe.Spurious, probe.Timing},
		make: func(*world) hooks {
			return hooks{sent: func(f *packet.Frame, _ [][]byte) [][]byte {
				if when.Matches(f) {
					return f.Rewrites(as...)
				}
				return [][]byte{f.Bytes}
			}}
		},
	}
}

// Forge is a target that answers frames like when with answer, too, before whatever it says itself.
func Forge(when, answer packet.Template) Mutation {
	return Mutation{
		Name:  "answers " + when.String() + " with " + answer.String(),
		Kills: []probe.Kind{probe.Spurious, probe.Field, probe.Value, probe.Timing},
		make: func(w *world) hooks {
			return hooks{sent: func(f *packet.Frame, _ [][]byte) [][]byte {
				if when.Matches(f) {
					n := w.Nets()[f.On]
					env := packet.Of(n)
					env.Local, env.Peer, env.Network, env.Numbers = n.Target, n.Testers[0], networkOf(f), &w.numbers
					for _, b := range answer.Frames(env) {
						w.deliver(target.Event{At: w.Now(), Link: f.On, Frame: b})
					}
				}
				return [][]byte{f.Bytes}
			}}
		},
	}
}

// networkOf is the version of IP that an answer to f is in when nothing says which.
func networkOf(f *packet.Frame) *packet.Proto {
	if f.Has(ipv6.Proto) {
		return ipv6.Proto
	}
	return ipv4.Proto
}

// Late is a target that sends frames like on later by d.
func Late(on packet.Template, d time.Duration) Mutation {
	return Mutation{
		Name:  fmt.Sprintf("sends %s %v late", on, d),
		Kills: []probe.Kind{probe.Timing, probe.Missing, probe.Value},
		make: func(*world) hooks {
			return hooks{got: func(f *packet.Frame) []target.Event {
				if on.Matches(f) {
					return []target.Event{event(f, f.At+d, f.Bytes)}
				}
				return same(f)
			}}
		},
	}
}

// Lags is a target that sends the frames like on in time n times, and all others later by d.
func Lags(on packet.Template, n int, d time.Duration) Mutation {
	return Mutation{
		Name:  fmt.Sprintf("sends %s %v late after %d of them", on, d, n),
		Kills: []probe.Kind{probe.Timing, probe.Missing, probe.Value},
		make: func(*world) hooks {
			seen := 0
			return hooks{got: func(f *packet.Frame) []target.Event {
				if on.Matches(f) {
					if seen++; seen > n {
						return []target.Event{event(f, f.At+d, f.Bytes)}
					}
				}
				return same(f)
			}}
		},
	}
}

// Punctual is a target that sends a frame like on exactly d after the last frame like after, the tester's or its own,
// where it ought to choose a time at random. d is the longest time that it could choose.
func Punctual(on, after packet.Template, d time.Duration) Mutation {
	return Mutation{
		Name:  fmt.Sprintf("sends %s exactly %v after %s", on, d, after),
		Kills: []probe.Kind{probe.Timing, probe.Value},
		make: func(*world) hooks {
			var last time.Duration
			begun := false
			return hooks{
				sent: func(f *packet.Frame, _ [][]byte) [][]byte {
					if after.Matches(f) {
						last, begun = f.At, true
					}
					return [][]byte{f.Bytes}
				},
				got: func(f *packet.Frame) []target.Event {
					at := f.At
					if begun && on.Matches(f) {
						at = max(at, last+d)
					}
					if after.Matches(f) {
						last, begun = at, true
					}
					return []target.Event{event(f, at, f.Bytes)}
				},
			}
		},
	}
}

// Repeat is a target that sends each frame like on once more, after d: too early for whatever has to wait longer.
func Repeat(on packet.Template, d time.Duration) Mutation {
	return Mutation{
		Name:  fmt.Sprintf("repeats %s after %v", on, d),
		Kills: []probe.Kind{probe.Timing, probe.Spurious, probe.Value},
		make: func(*world) hooks {
			return hooks{got: func(f *packet.Frame) []target.Event {
				if on.Matches(f) {
					return append(same(f), event(f, f.At+d, append([]byte(nil), f.Bytes...)))
				}
				return same(f)
			}}
		},
	}
}

// Also is a target that sends each frame like on, and behind it the same with other values in some fields: for what must not
// be sent at all.
func Also(on packet.Template, other ...packet.Cond) Mutation {
	return Mutation{
		Name:  "sends " + on.String() + ", and again with " + list(other),
		Kills: []probe.Kind{probe.Timing, probe.Spurious, probe.Value},
		make: func(*world) hooks {
			return hooks{got: func(f *packet.Frame) []target.Event {
				if on.Matches(f) {
					return append(same(f), event(f, f.At, f.Rewrite(other...)))
				}
				return same(f)
			}}
		},
	}
}

// Drops is a target that sends only the first n of the frames like on: it gives up too soon.
func Drops(on packet.Template, n int) Mutation {
	return Mutation{
		Name:  fmt.Sprintf("sends only %d of %s", n, on),
		Kills: []probe.Kind{probe.Missing, probe.Value, probe.Timing},
		make: func(*world) hooks {
			seen := 0
			return hooks{got: func(f *packet.Frame) []target.Event {
				if on.Matches(f) {
					if seen++; seen > n {
						return nil
					}
				}
				return same(f)
			}}
		},
	}
}

// Overtaken is a target that sends frames like first only behind the next like last: priority means nothing to it.
func Overtaken(first, last packet.Template) Mutation {
	return Mutation{
		Name:  "sends " + first.String() + " behind " + last.String(),
		Kills: []probe.Kind{probe.Value, probe.Missing, probe.Spurious},
		make: func(*world) hooks {
			var held []target.Event
			return hooks{got: func(f *packet.Frame) []target.Event {
				switch {
				case last.Matches(f):
					all := append(same(f), held...)
					for i := range all {
						all[i].At = f.At
					}
					held = nil
					return all
				case first.Matches(f):
					held = append(held, event(f, f.At, f.Bytes))
					return nil
				}
				return same(f)
			}}
		},
	}
}

func list(conds []packet.Cond) string {
	var parts []string
	for _, c := range conds {
		parts = append(parts, c.String())
	}
	return strings.Join(parts, ", ")
}

// Together is a target with several faults at once; one that the tester's frames, or the target's, or the agent's calls have
// is for the first mutation that is about them.
func Together(name string, ms ...Mutation) Mutation {
	all := Mutation{Name: name}
	for _, m := range ms {
		all.Kills = append(all.Kills, m.Kills...)
	}
	all.make = func(w *world) (h hooks) {
		for _, m := range ms {
			one := m.make(w)
			if h.sent == nil {
				h.sent = one.sent
			}
			if h.got == nil {
				h.got = one.got
			}
			if h.asked == nil {
				h.asked = one.asked
			}
			if h.told == nil {
				h.told = one.told
			}
			if h.unheeded == nil {
				h.unheeded = one.unheeded
			}
		}
		return h
	}
	return all
}
