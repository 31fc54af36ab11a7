package packet

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/google/gopacket"
)

// A Template is a stack of partial layers, outermost first.
type Template []Layer

// A Layer is a protocol and the fields that matter.
type Layer struct {
	proto *Proto
	conds []Cond
	inner *Layer // while a frame is built
}

// Get gives the octets that the layer sets field f to, nil when it leaves f out.
func Get[V any](l *Layer, f Field[V]) (v V, ok bool) {
	return Value(l.conds, f)
}

// Conds are the layer's conditions.
func (l *Layer) Conds() []Cond { return slices.Clone(l.conds) }

// Apply is a header with what the layer sets written over it. It panics as Build does.
func (l *Layer) Apply(hdr []byte) []byte {
	for _, c := range l.conds {
		if !c.sendable() {
			panic(fmt.Sprintf("packet: %s.%s is a condition, it cannot be sent", l.proto.name, c))
		}
		hdr = c.field.write(hdr, c.set)
	}
	return hdr
}

// Value gives the octets that conditions set field f to, nil when they leave f out.
func Value[V any](conds []Cond, f Field[V]) (v V, ok bool) {
	for _, c := range slices.Backward(conds) { // a later condition overrides
		if c.field == f.spec && c.set != nil {
			return f.value(c.set), true
		}
	}
	return v, false
}

// Then puts templates inside t.
func (t Template) Then(inner ...Template) Template {
	out := slices.Clone(t)
	for _, in := range inner {
		out = append(out, in...)
	}
	return out
}

// With overrides fields: each condition goes to the innermost layer of its protocol; without one, the layer is added
// where it belongs, outside.
func (t Template) With(conds ...Cond) Template {
	out := make(Template, len(t))
	for i, l := range t {
		out[i] = Layer{proto: l.proto, conds: slices.Clone(l.conds)}
	}
	for _, c := range conds {
		i := len(out) - 1
		for i >= 0 && out[i].proto != c.field.proto {
			i--
		}
		if i < 0 {
			i = out.place(c.field.proto.Rank)
			out = slices.Insert(out, i, Layer{proto: c.field.proto})
		}
		out[i].conds = append(out[i].conds, c)
	}
	return out
}

// place is where a layer of a rank belongs: inside those of lower ranks, and one of no rank inside all that have some.
func (t Template) place(rank int) int {
	for i, l := range t {
		if l.proto.Rank == 0 || rank > 0 && l.proto.Rank > rank {
			return i
		}
	}
	return len(t)
}

// Whole is t with the layers below that env implies.
func (t Template) Whole(env Env) Template {
	if l := env.link(); l != nil {
		return t.wholeOn(l, env)
	}
	for len(t) > 0 && t[0].proto.Below != nil {
		below := t[0].proto.Below(env)
		if below == nil {
			panic("packet: nothing says what carries " + t[0].proto.name + "; give the environment a network protocol")
		}
		t = append(Template{{proto: below}}, t...)
	}
	if n := len(env.Tags); n > 0 && (len(t) < 2 || t[1].proto != env.Tags[0].proto) {
		t = slices.Insert(slices.Clone(t), 1, env.Tags...)
	}
	return t
}

// wholeOn is Whole on a link whose own headers may stand between a packet and its carrier: what is missing of either is
// added.
func (t Template) wholeOn(l *LinkLayer, env Env) Template {
	t, trailer := t.trailed(l.Trailer)
	at := slices.IndexFunc(t, func(l Layer) bool { return l.proto.Rank == 0 && l.proto != payload })
	if at < 0 {
		at = len(t)
	}
	outer, inner := t[:at:at], t[at:]
	for len(inner) > 0 && inner[0].proto.Below != nil {
		below := inner[0].proto.Below(env)
		if below == nil {
			panic("packet: nothing says what carries " + inner[0].proto.name + "; give the environment a network protocol")
		}
		if below.Rank > 0 {
			break
		}
		inner = append(Template{{proto: below}}, inner...)
	}
	if len(outer) == 0 || outer[0].proto != l.Carrier {
		outer = append(Template{{proto: l.Carrier}}, outer...)
	}
	return outer.Then(inner, trailer)
}

func (t Template) String() string {
	var parts []string
	for _, l := range t {
		words := []string{l.proto.name}
		for _, c := range l.conds {
			words = append(words, c.String())
		}
		parts = append(parts, strings.Join(words, " "))
	}
	return strings.Join(parts, " / ")
}

// Build makes the frame: defaults, then what t sets, then lengths and checksums. A template with a condition that
// cannot be sent (In, Not, Where) is a mistake of the caller and panics with the field's name, and so does one that takes
// several frames; see Frames.
func (t Template) Build(env Env) []byte {
	frames := t.Frames(env)
	if len(frames) != 1 {
		panic(fmt.Sprintf("packet: %s takes %d frames on this link", t, len(frames)))
	}
	return frames[0]
}

// Frames makes the frame, or on a link that cuts packets into fragments the frames, as Build does.
func (t Template) Frames(env Env) [][]byte {
	t, how := t.sealer(env)
	t = slices.Clone(t.Whole(env))
	l := env.link()
	if l == nil {
		return [][]byte{t.build(env)}
	}
	frames := t.frames(env, l)
	if l.Secure != nil && env.Security.On() {
		for i, f := range frames {
			frames[i] = l.Secure(env.Security, f, 0, how)
		}
	}
	return frames
}

// sealer takes the layer out of t that only says how it is secured.
func (t Template) sealer(env Env) (rest Template, how []Cond) {
	l := env.link()
	if l == nil || l.Sealer == nil {
		return t, nil
	}
	for _, one := range t {
		if one.proto == l.Sealer {
			how = append(how, one.conds...)
		} else {
			rest = append(rest, one)
		}
	}
	return rest, how
}

// frames are those that t makes on a link, before they are secured.
func (t Template) frames(env Env, l *LinkLayer) [][]byte {
	t, trailer := t.trailed(l.Trailer)
	t.nest()
	at := slices.IndexFunc(t, func(l Layer) bool { return l.proto.EtherType != 0 })
	if l.Wrap == nil || at < 0 {
		return [][]byte{t.Then(trailer).build(env)}
	}
	var frames [][]byte
	for _, one := range l.Wrap(env, t[:at:at], &t[at], t[at:].build(env)) {
		frames = append(frames, one.Then(trailer).build(env))
	}
	return frames
}

// Packet is the network packet that t makes, without a frame around it.
func (t Template) Packet(env Env) []byte {
	t, _ = t.sealer(env)
	t = slices.Clone(t.Whole(env))
	if l := env.link(); l != nil {
		t, _ = t.trailed(l.Trailer)
	}
	at := slices.IndexFunc(t, func(l Layer) bool { return l.proto.EtherType != 0 })
	if at < 0 {
		panic(fmt.Sprintf("packet: %s has no network packet", t))
	}
	return t[at:].build(env)
}

// trailed takes the trailer out of t and gives it apart; one that t does not have is made.
func (t Template) trailed(p *Proto) (rest, trailer Template) {
	if p == nil {
		return t, nil
	}
	trailer = Template{{proto: p}}
	rest = slices.DeleteFunc(slices.Clone(t), func(l Layer) bool {
		if l.proto == p {
			trailer = Template{l}
		}
		return l.proto == p
	})
	return rest, trailer
}

// nest tells each layer which one is inside it.
func (t Template) nest() {
	for i := 1; i < len(t); i++ {
		if !t[i].proto.Trails {
			t[i-1].inner = &t[i]
		}
	}
}

// build makes one run of octets of t as it is.
func (t Template) build(env Env) []byte {
	t.nest()
	located := make([]located, len(t))
	var frame []byte
	for i := len(t) - 1; i >= 0; i-- {
		l := t[i]
		conds := l.conds
		if l.proto.Defaults != nil {
			conds = append(l.proto.Defaults(env, l.inner), conds...)
		}
		hdr := make([]byte, l.proto.octets)
		for _, c := range conds {
			if !c.sendable() {
				panic(fmt.Sprintf("packet: %s.%s is a condition, it cannot be sent", l.proto.name, c))
			}
			hdr = c.field.write(hdr, c.set)
		}
		frame = append(hdr, frame...)
		located[i] = newLocated(l, len(hdr))
	}
	at := 0
	for i := range located {
		located[i].at = at
		at += located[i].octets
	}
	return seal(frame, located)
}

// located is a layer of a frame and where its header stands.
type located struct {
	proto      *Proto
	at, octets int
	explicit   []*spec // fields not to be touched by sealing
}

func newLocated(l Layer, octets int) located {
	loc := located{proto: l.proto, octets: octets}
	for _, c := range l.conds {
		loc.explicit = append(loc.explicit, c.field)
	}
	return loc
}

// Payload is data inside the innermost protocol.
func Payload(data []byte) Template { return payload.Layer(Data.Is(data)) }

// PayloadWith is data inside the innermost protocol that holds to conditions.
func PayloadWith(conds ...Cond) Template { return payload.Layer(conds...) }

var payload = Define("data", gopacket.LayerTypePayload, 0)

func init() {
	payload.Summary = func(hdr, _ []byte) string { return fmt.Sprintf("%d octets", len(hdr)) }
}

// Data is the payload of the innermost protocol.
var Data = Variable(payload, "data", func(hdr []byte) (int, int) { return 0, len(hdr) },
	func(_, value []byte) []byte { return bytes.Clone(value) })
