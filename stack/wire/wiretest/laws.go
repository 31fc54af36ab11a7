// Package wiretest checks for one codec what all of stack/wire promise.
package wiretest

import (
	"bytes"
	"reflect"
	"testing"
)

// Laws checks a codec with headers that it can represent, which are not empty on the wire:
//
//   - parsing what was appended gives the same header, and nothing is left;
//   - appending leaves alone what is in front;
//   - cut at any length, it is refused, with a zero header and no payload;
//   - with any octet changed in a few ways, parsing does not panic, and a header that is read survives append and parse;
//   - neither parsing nor appending into enough room allocates.
//
// Bytes are handed to parse without spare capacity, so that reading past the end panics.
func Laws[H any](t testing.TB, parse func([]byte) (H, []byte, error), app func([]byte, H) []byte, headers ...H) {
	t.Helper()
	if len(headers) == 0 {
		t.Error("no headers to check the laws with")
	}
	for _, h := range headers {
		b := clip(app(nil, h))
		got, rest, err := parse(b)
		if err != nil || len(rest) != 0 || !reflect.DeepEqual(got, h) {
			t.Errorf("parse(append(h)) = %+v, %d octets left, %v\nwant               %+v\noctets %x", got, len(rest), err, h, b)
			continue
		}
		if front := app([]byte("front"), h); !bytes.Equal(front, append([]byte("front"), b...)) {
			t.Errorf("append after %q = %x\nwant the same octets as after nothing: %x", "front", front, b)
		}
		truncated(t, parse, b)
		spoiled(t, parse, app, b)
		allocations(t, parse, app, h, b)
	}
}

func truncated[H any](t testing.TB, parse func([]byte) (H, []byte, error), b []byte) {
	t.Helper()
	var zero H
	for n := range b {
		got, rest, err := parse(clip(b[:n]))
		switch {
		case err == nil:
			t.Errorf("parse of the first %d of %d octets = %+v, want an error\noctets %x", n, len(b), got, b[:n])
		case rest != nil || !reflect.DeepEqual(got, zero):
			t.Errorf("parse of the first %d of %d octets gives %v together with %+v and %x, want nothing",
				n, len(b), err, got, rest)
		}
	}
}

func spoiled[H any](t testing.TB, parse func([]byte) (H, []byte, error), app func([]byte, H) []byte, b []byte) {
	t.Helper()
	for i := range b {
		for _, v := range []byte{0, 1, b[i] + 1, b[i] - 1, ^b[i], b[i] ^ 0x80, 0x7f, 0xff} {
			c := clip(b)
			c[i] = v
			Stable(t, parse, app, c)
		}
	}
}

// Stable checks one input, as a fuzz target does: parsing does not panic; and when it succeeds, the header survives
// append and parse. What append writes may differ from the input, where the format has two ways to say one thing.
func Stable[H any](t testing.TB, parse func([]byte) (H, []byte, error), app func([]byte, H) []byte, b []byte) {
	t.Helper()
	h, rest, err := parse(clip(b))
	if err != nil {
		return
	}
	again := append(app(nil, h), rest...)
	got, _, err := parse(clip(again))
	if err != nil || !reflect.DeepEqual(got, h) {
		t.Errorf("parse     %+v\nbut after append and parse\n          %+v, %v\ninput  %x\nappend %x", h, got, err, b, again)
	}
}

func allocations[H any](t testing.TB, parse func([]byte) (H, []byte, error), app func([]byte, H) []byte, h H, b []byte) {
	t.Helper()
	room := make([]byte, 0, len(b))
	if n := testing.AllocsPerRun(10, func() {
		if _, _, err := parse(b); err != nil {
			panic(err)
		}
	}); n != 0 {
		t.Errorf("parse allocates %v times\noctets %x", n, b)
	}
	if n := testing.AllocsPerRun(10, func() { app(room, h) }); n != 0 {
		t.Errorf("append into enough room allocates %v times\noctets %x", n, b)
	}
}

// clip copies b so that nothing follows it.
func clip(b []byte) []byte { return append(make([]byte, 0, len(b)), b...) }
