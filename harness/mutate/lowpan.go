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

// SendsAs is a target that sends other octets in the place of frames like on, perhaps in several frames or none: how says it
// in words.
func SendsAs(on packet.Template, how string, change func(f *packet.Frame) [][]byte) Mutation {
	return Mutation{
		Name:  "sends " + on.String() + " " + how,
		Kills: []probe.Kind{probe.Field, probe.Value, probe.Missing, probe.Spurious, probe.Timing},
		make: func(*world) hooks {
			return hooks{got: func(f *packet.Frame) []target.Event {
				if on.Matches(f) {
					return events(f, f.At, change(f))
				}
				return same(f)
			}}
		},
	}
}

// longerEncoding is a target that compresses no more than the dispatch: every field of the header is in line.
func longerEncoding() Mutation {
	plain := lowpan.IPHC(lowpan.TF.Is(0), lowpan.NH.Is(0), lowpan.HLIM.Is(0), lowpan.SAC.Is(0), lowpan.SAM.Is(0), lowpan.DAC.Is(0), lowpan.DAM.Is(0))
	return Mutation{Name: "headers compressed as little as can be", make: func(*world) hooks {
		return hooks{got: func(f *packet.Frame) []target.Event {
			if f.Has(lowpan.IPHCProto) && !inFragments(f) {
				if frames := lowpan.Recode(f, plain); len(frames) == 1 {
					return events(f, f.At, frames)
				}
			}
			return same(f)
		}}
	}}
}

// smallerFragments is a target that makes two of each later fragment, as a sender with less room in its frames would.
func smallerFragments() Mutation {
	return Mutation{Name: "smaller fragments", make: func(*world) hooks {
		return hooks{got: func(f *packet.Frame) []target.Event {
			if f.Has(lowpan.FragNProto) && !f.Opened() { // two frames would have one frame counter
				return events(f, f.At, lowpan.Halve(f))
			}
			return same(f)
		}}
	}}
}

func inFragments(f *packet.Frame) bool { return f.Has(lowpan.Frag1Proto) || f.Has(lowpan.FragNProto) }
