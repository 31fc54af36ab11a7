package packet

import (
	"fmt"
	"strings"
)

// A Diff is a field that is not what was asked for.
type Diff struct {
	Field     string
	Want, Got string
}

func (d Diff) String() string { return fmt.Sprintf("%s is %s, want %s", d.Field, d.Got, d.Want) }

// Compare holds f against t: whether f has t's layers, in order, and which fields differ. Layers that t does not name
// are skipped.
func (t Template) Compare(f *Frame) (layers bool, diffs []Diff) {
	i := 0
	for _, want := range t {
		for i < len(f.layers) && f.layers[i].proto != want.proto {
			i++
		}
		if i == len(f.layers) {
			if want.proto == payload && wantsNoData(want) {
				continue
			}
			return false, nil
		}
		diffs = append(diffs, differences(want.conds, f.layers[i].header)...)
		i++
	}
	return true, diffs
}

// wantsNoData is for templates that ask for an empty payload, which gopacket shows as no layer at all.
func wantsNoData(l Layer) bool {
	for _, c := range l.conds {
		if c.none || !c.holds(nil) {
			return false
		}
	}
	return true
}

func differences(conds []Cond, hdr []byte) (diffs []Diff) {
	for _, c := range conds {
		if d := c.fails(hdr); d != nil {
			diffs = append(diffs, *d)
		}
	}
	return diffs
}

// Matches tells whether f is a frame that t describes.
func (t Template) Matches(f *Frame) bool {
	ok, diffs := t.Compare(f)
	return ok && len(diffs) == 0
}

// Check holds f against conditions and returns those that fail. A protocol that f does not have fails all of its own.
func Check(f *Frame, conds ...Cond) (diffs []Diff) {
	for _, c := range conds {
		l := f.layer(c.field.proto)
		switch {
		case l == nil && c.field.proto == payload:
			diffs = append(diffs, differences([]Cond{c}, nil)...)
		case l == nil:
			diffs = append(diffs, Diff{c.field.name, c.want, "absent, the frame has no " + c.field.proto.name})
		default:
			diffs = append(diffs, differences([]Cond{c}, l.header)...)
		}
	}
	return diffs
}

// Like is a Gomega matcher: the actual value, a *Frame, is one that t describes.
func Like(t Template) *matcher { return &matcher{t: t} }

type matcher struct {
	t     Template
	diffs []Diff
	has   bool
}

// Match is an error, not a mismatch, when the actual value is no frame.
func (m *matcher) Match(actual any) (bool, error) {
	f, ok := actual.(*Frame)
	if !ok {
		return false, fmt.Errorf("packet.Like compares a *packet.Frame, not a %T", actual)
	}
	m.has, m.diffs = m.t.Compare(f)
	return m.has && len(m.diffs) == 0, nil
}

func (m *matcher) FailureMessage(actual any) string {
	var b strings.Builder
	fmt.Fprintf(&b, "want %s\ngot  %s", m.t, actual)
	if !m.has {
		b.WriteString("\n     which has other layers")
	}
	for _, d := range m.diffs {
		fmt.Fprintf(&b, "\n     %s", d)
	}
	return b.String()
}

func (m *matcher) NegatedFailureMessage(actual any) string {
	return fmt.Sprintf("want no %s\ngot  %s", m.t, actual)
}
