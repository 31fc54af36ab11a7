package slip

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
)

// decode gives the frames of a line, with room for so many octets in each.
func decode(room int, octets []byte) (frames []string, noise Noise) {
	var d Decoder
	b := make([]byte, room)
	for _, c := range octets {
		if n, done := d.Octet(b, c); done {
			frames = append(frames, string(b[:n]))
		}
	}
	return frames, d.Noise
}

func TestDecoder(t *testing.T) {
	for _, tt := range []struct {
		name, line string
		frames     []string
		noise      Noise
	}{
		{"a frame between two ENDs", "\xc0abc\xc0", []string{"abc"}, Noise{}},
		{"one END between two frames", "\xc0abc\xc0de\xc0", []string{"abc", "de"}, Noise{}},
		{"ENDs doubled and leading", "\xc0\xc0\xc0abc\xc0\xc0\xc0de\xc0\xc0", []string{"abc", "de"}, Noise{}},
		{"what is escaped", "\xc0\xdb\xdc\xdb\xdd\xdc\xdd\xc0", []string{"\xc0\xdb\xdc\xdd"}, Noise{}},
		{"an escaped ESC before what would end an escape", "\xc0\xdb\xdd\xdc\xc0", []string{"\xdb\xdc"}, Noise{}},
		{"ESC before another octet leaves the octet", "\xc0a\xdbbc\xc0", []string{"abc"}, Noise{Escapes: 1}},
		{"ESC twice leaves one", "\xc0a\xdb\xdb\xdc\xc0", []string{"a\xdb\xdc"}, Noise{Escapes: 1}},
		{"cut within an escape", "\xc0a\xdb\xc0bc\xc0", []string{"bc"}, Noise{Cut: 1}},
		{"opened in the middle of a frame", "bc\xdb\xdc\xc0abc\xc0", []string{"abc"}, Noise{Before: 4}},
		{"as long as the room", "\xc012345678\xc0", []string{"12345678"}, Noise{}},
		{"longer than the room", "\xc0123456789\xc0abc\xc0", []string{"abc"}, Noise{Long: 1}},
		{"without end", "\xc0" + string(make([]byte, 1000)), nil, Noise{}},
		{"without end, and then one", "\xc0" + string(make([]byte, 1000)) + "\xc0a\xc0", []string{"a"}, Noise{Long: 1}},
	} {
		frames, noise := decode(8, []byte(tt.line))
		if !slices.Equal(frames, tt.frames) || noise != tt.noise {
			t.Errorf("%s: %q, %+v\nwant %q, %+v", tt.name, frames, noise, tt.frames, tt.noise)
		}
	}
}

func TestAppend(t *testing.T) {
	if got := Append(nil, []byte("a\xc0\xdb\xdc\xdd")); string(got) != "\xc0a\xdb\xdc\xdb\xdd\xdc\xdd\xc0" {
		t.Errorf("%q", got)
	}
}

func TestDecodingAllocatesNothing(t *testing.T) {
	frame := bytes.Repeat([]byte{end, esc, 1}, 400)
	out, line, b := make([]byte, 0, 4000), Append(nil, frame), make([]byte, 1500)
	var d Decoder
	if n := testing.AllocsPerRun(10, func() {
		out = Append(out[:0], frame)
		for _, c := range line {
			d.Octet(b, c)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever a line has carried before, an END ends it, and a frame that is appended then comes out as it went in.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte("noise\xdb"), []byte("\xc0\xdb"))
	f.Add([]byte("\xc0\xdb\xc0\xc0"), []byte("a"))
	f.Fuzz(func(t *testing.T, noise, frame []byte) {
		if len(frame) == 0 {
			return
		}
		var d Decoder
		b := make([]byte, len(frame))
		for _, c := range noise {
			if n, done := d.Octet(b, c); done && (n == 0 || n > len(b)) {
				t.Fatalf("a frame of %d octets in %d", n, len(b))
			}
		}
		var got []string
		for i, c := range Append(nil, frame) {
			if n, done := d.Octet(b, c); done && i > 0 {
				got = append(got, string(b[:n]))
			}
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", []string{string(frame)}) {
			t.Errorf("%q after %q came out as %q", frame, noise, got)
		}
	})
}
