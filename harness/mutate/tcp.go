package mutate

import (
	"fmt"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Shifts is a target that sends a field too high by n, or too low, in frames like on: sequence numbers, windows, lengths.
func Shifts(on packet.Template, field packet.Field[uint], n int) Mutation {
	return Mutation{
		Name:  fmt.Sprintf("sends %+d in %s of %s", n, field.Name(), on),
		Kills: []probe.Kind{probe.Field, probe.Value},
		make: func(*world) hooks {
			return hooks{got: func(f *packet.Frame) []target.Event {
				if v, ok := field.Of(f); ok && on.Matches(f) {
					return events(f, f.At, f.Rewrites(field.Is(uint(int(v)+n))))
				}
				return same(f)
			}}
		},
	}
}

// FieldFrom is Field for all frames like on but the first n of a run: what is sent again is not what was sent.
func FieldFrom(n int, on packet.Template, wrong ...packet.Cond) Mutation {
	return Mutation{
		Name:  fmt.Sprintf("sends %s in %s after %d of them", list(wrong), on, n),
		Kills: []probe.Kind{probe.Field, probe.Value},
		make: func(*world) hooks {
			seen := 0
			return hooks{got: func(f *packet.Frame) []target.Event {
				if on.Matches(f) {
					if seen++; seen > n {
						return events(f, f.At, f.Rewrites(wrong...))
					}
				}
				return same(f)
			}}
		},
	}
}

// Instead is a target that sends something else where it should send frames like on: a reset for an acknowledgment.
// answer is built from the frame that it stands for.
func Instead(on packet.Template, what string, answer func(f *packet.Frame) []packet.Cond) Mutation {
	return Mutation{
		Name:  "sends " + what + " instead of " + on.String(),
		Kills: []probe.Kind{probe.Field, probe.Value, probe.Missing, probe.Spurious},
		make: func(*world) hooks {
			return hooks{got: func(f *packet.Frame) []target.Event {
				if on.Matches(f) {
					return events(f, f.At, f.Rewrites(answer(f)...))
				}
				return same(f)
			}}
		},
	}
}

// Misshifts is Shifts for what the target is sent: it sees a field of the tester's frames like when too high by n.
func Misshifts(when packet.Template, field packet.Field[uint], n int) Mutation {
	return Mutation{
		Name:  fmt.Sprintf("sees %+d in %s of %s", n, field.Name(), when),
		Kills: []probe.Kind{probe.Field, probe.Value, probe.Missing, probe.Spurious, probe.Timing},
		make: func(*world) hooks {
			return hooks{sent: func(f *packet.Frame, _ [][]byte) [][]byte {
				if v, ok := field.Of(f); ok && when.Matches(f) {
					return f.Rewrites(field.Is(uint(int(v) + n)))
				}
				return [][]byte{f.Bytes}
			}}
		},
	}
}
