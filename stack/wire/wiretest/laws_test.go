package wiretest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/conform-stack/conform/stack/wire/wiretest"
)

// A pair is the header of a codec of two octets, which the tests break in one way each.
type pair struct{ A, B byte }

var errShort = errors.New("short")

func parse(b []byte) (pair, []byte, error) {
	if len(b) < 2 {
		return pair{}, nil, errShort
	}
	return pair{b[0], b[1]}, b[2:], nil
}

func app(b []byte, h pair) []byte { return append(b, h.A, h.B) }

// recorder is a test that remembers how it failed.
type recorder struct {
	testing.TB
	said []string
}

func (r *recorder) Helper()                      {}
func (r *recorder) Error(args ...any)            { r.said = append(r.said, fmt.Sprint(args...)) }
func (r *recorder) Errorf(f string, args ...any) { r.said = append(r.said, fmt.Sprintf(f, args...)) }

func TestLawsFindEachViolation(t *testing.T) {
	var kept []byte // makes what is stored there escape
	for _, tt := range []struct {
		name  string
		parse func([]byte) (pair, []byte, error)
		app   func([]byte, pair) []byte
		want  string // in what Laws says; empty: nothing
	}{
		{"lawful", parse, app, ""},
		{"append swaps the fields", parse, func(b []byte, h pair) []byte { return append(b, h.B, h.A) }, "parse(append(h)) ="},
		{"parse leaves an octet", func(b []byte) (pair, []byte, error) {
			h, _, err := parse(b)
			return h, b[min(1, len(b)):], err
		}, app, "1 octets left"},
		{"append overwrites what is in front", parse, func(b []byte, h pair) []byte {
			if len(b) > 0 {
				b[0] = 0
			}
			return app(b, h)
		}, "append after"},
		{"parse takes one octet", func(b []byte) (pair, []byte, error) {
			if len(b) == 1 {
				return pair{A: b[0]}, nil, nil
			}
			return parse(b)
		}, app, "parse of the first 1 of 2 octets"},
		{"parse gives a header with its error", func(b []byte) (pair, []byte, error) {
			h, rest, err := parse(b)
			if err != nil {
				h.A = 1
			}
			return h, rest, err
		}, app, "together with"},
		{"append loses the top bit of a field", parse, func(b []byte, h pair) []byte { return append(b, h.A&0x7f, h.B) }, "but after append and parse"},
		{"parse allocates", func(b []byte) (pair, []byte, error) {
			kept = append([]byte(nil), b...)
			return parse(b)
		}, app, "parse allocates 1 times"},
		{"append allocates", parse, func(b []byte, h pair) []byte {
			kept = []byte{h.A, h.B}
			return append(b, kept...)
		}, "append into enough room allocates 1 times"},
	} {
		r := &recorder{}
		wiretest.Laws(r, tt.parse, tt.app, pair{1, 2})
		said := strings.Join(r.said, "\n")
		if tt.want == "" && said != "" || !strings.Contains(said, tt.want) {
			t.Errorf("%s: Laws says %q, want %q in it", tt.name, said, tt.want)
		}
	}
}

// Octets are handed over without spare capacity: a codec that reads past their end panics.
func TestReadingPastTheEndPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a codec read past the end, and nothing happened")
		}
	}()
	wiretest.Laws(&recorder{}, func(b []byte) (pair, []byte, error) {
		b = b[:2]
		return pair{b[0], b[1]}, nil, nil
	}, app, pair{1, 2})
}

func TestLawsWantHeaders(t *testing.T) {
	r := &recorder{}
	wiretest.Laws(r, parse, app)
	if len(r.said) != 1 {
		t.Errorf("Laws without headers says %q", r.said)
	}
}
