package mutate

import (
	"bytes"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Octets is a target whose frames like on have another shape, which no field tells: change is given the octets of one
// and returns those that are sent. how says it in words, as in "sends ... in trailers".
func Octets(on packet.Template, how string, change func(frame []byte) []byte) Mutation {
	return Mutation{
		Name:  "sends " + on.String() + " " + how,
		Kills: []probe.Kind{probe.Field, probe.Value, probe.Missing},
		make: func(*world) hooks {
			return hooks{got: func(f *packet.Frame) []target.Event {
				if on.Matches(f) {
					return []target.Event{event(f, f.At, change(bytes.Clone(f.Bytes)))}
				}
				return same(f)
			}}
		},
	}
}

// Elsewhere is a target with two links that sends frames like on by the wrong one.
func Elsewhere(on packet.Template) Mutation {
	return Mutation{
		Name:  "sends " + on.String() + " by the other link",
		Kills: []probe.Kind{probe.Missing, probe.Spurious, probe.Value},
		make: func(*world) hooks {
			return hooks{got: func(f *packet.Frame) []target.Event {
				e := same(f)
				if on.Matches(f) {
					e[0].Link = 1 - f.On
				}
				return e
			}}
		},
	}
}
