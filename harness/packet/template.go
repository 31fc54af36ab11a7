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
			out = append(Template{{proto: c.field.proto}}, out...)
			i = 0
		}
		out[i].conds = append(out[i].conds, c)
	}
	return out
}

// Whole is t with the layers below that env implies.
func (t Template) Whole(env Env) Template {
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
// cannot be sent (In, Not, Where) is a mistake of the caller and panics with the field's name.
func (t Template) Build(env Env) []byte {
	t = slices.Clone(t.Whole(env))
	for i := 1; i < len(t); i++ {
		t[i-1].inner = &t[i]
	}
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
