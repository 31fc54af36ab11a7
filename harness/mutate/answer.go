package mutate

import (
	"slices"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
	"github.com/conform-stack/conform/harness/packet/ipv4"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/probe"
	"github.com/conform-stack/conform/harness/target"
)

// Answers is a target that answers segments of the tester like when with a segment of its own making, before whatever it
// says itself. answer is given the segment that is answered, and tells the flags and numbers of the answer.
func Answers(when packet.Template, what string, answer func(f *packet.Frame) []packet.Cond) Mutation {
	return answering("answers "+when.String()+" with "+what+", too", when, answer, true)
}

// AnswersInstead is a target that takes no notice of such segments but for an answer of its own making.
func AnswersInstead(when packet.Template, what string, answer func(f *packet.Frame) []packet.Cond) Mutation {
	return answering("does nothing about "+when.String()+" but answer with "+what, when, answer, false)
}

func answering(name string, when packet.Template, answer func(f *packet.Frame) []packet.Cond, heeds bool) Mutation {
	return Mutation{
		Name:  name,
		Kills: []probe.Kind{probe.Field, probe.Value, probe.Missing, probe.Spurious, probe.Timing},
		make: func(w *world) hooks {
			return hooks{sent: func(f *packet.Frame, _ [][]byte) [][]byte {
				if !when.Matches(f) {
					return [][]byte{f.Bytes}
				}
				w.deliver(target.Event{At: w.Now(), Link: f.On, Frame: reversed(f, answer(f))})
				if heeds {
					return [][]byte{f.Bytes}
				}
				return nil
			}}
		},
	}
}

// reversed is a segment without options and data from the receiver of f to its sender.
func reversed(f *packet.Frame, conds []packet.Cond) []byte {
	src, _ := tcp.SrcPort.Of(f)
	dst, _ := tcp.DstPort.Of(f)
	turned := []packet.Cond{
		tcp.SrcPort.Is(dst), tcp.DstPort.Is(src), tcp.Seq.Is(0), tcp.Ack.Is(0), tcp.Urgent.Is(0), tcp.Window.Is(65535), tcp.Options.Is(nil),
	}
	if s, ok := ethernet.Src.Of(f); ok {
		d, _ := ethernet.Dst.Of(f)
		turned = append(turned, ethernet.Src.Is(d), ethernet.Dst.Is(s))
	}
	if s, ok := ipv4.Src.Of(f); ok {
		d, _ := ipv4.Dst.Of(f)
		turned = append(turned, ipv4.Src.Is(d), ipv4.Dst.Is(s))
	}
	if s, ok := ipv6.Src.Of(f); ok {
		d, _ := ipv6.Dst.Of(f)
		turned = append(turned, ipv6.Src.Is(d), ipv6.Dst.Is(s))
	}
	return withoutData(f).Rewrite(append(turned, conds...)...)
}

// withoutData is f with the data of its segment cut off.
func withoutData(f *packet.Frame) *packet.Frame {
	n := len(f.Body(tcp.Proto))
	if n == 0 {
		return f
	}
	b := slices.Clone(f.Bytes)
	at := cap(f.Bytes) - cap(f.Body(tcp.Proto))
	return packet.Dissect(f.Link, b[:at])
}

// Persuaded is a target that takes a bad stimulus for what it is, and then does what it would do for the good one, too.
func Persuaded() Mutation {
	return Mutation{
		Name:  "takes the bad stimulus, and then for a good one",
		Kills: []probe.Kind{probe.Field, probe.Spurious, probe.Value, probe.Missing},
		make: func(*world) hooks {
			return hooks{sent: func(f *packet.Frame, good [][]byte) [][]byte {
				if good != nil {
					return append([][]byte{f.Bytes}, good...)
				}
				return [][]byte{f.Bytes}
			}}
		},
	}
}
