package mutate

import (
	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/lowpan"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Recoded is a target on a 6LoWPAN that sends packets like on in another encoding: as the layers of as say, whether or not
// that gives them back.
func Recoded(on, as packet.Template) Mutation {
	return Mutation{
		Name:  "sends " + on.String() + " as " + as.String(),
		Kills: []probe.Kind{probe.Field, probe.Value, probe.Missing, probe.Spurious},
		make: func(*world) hooks {
			return hooks{got: func(f *packet.Frame) []target.Event {
				if on.Matches(f) {
					return events(f, f.At, lowpan.Recode(f, as))
				}
				return same(f)
			}}
		},
	}
}

// MisreadsAs is a target on a 6LoWPAN that reads frames of the tester like when as if they had other octets: how says it in
// words, change is given a frame and returns what the target sees.
func MisreadsAs(when packet.Template, how string, change func(f *packet.Frame) [][]byte) Mutation {
	return Mutation{
		Name:  "reads " + when.String() + " " + how,
		Kills: []probe.Kind{probe.Field, probe.Value, probe.Missing, probe.Spurious, probe.Timing},
		make: func(*world) hooks {
			return hooks{sent: func(f *packet.Frame, _ [][]byte) [][]byte {
				if when.Matches(f) {
					return change(f)
				}
				return [][]byte{f.Bytes}
			}}
		},
	}
}
