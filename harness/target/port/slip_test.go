package port

import (
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type readOnly struct{ io.Reader }

func (readOnly) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }
func (readOnly) Close() error              { return nil }

// read gives the frames of a line, and why there are no more.
func readSLIP(line string) (frames []string, err error) {
	s, b := newSLIP(readOnly{strings.NewReader(line)}), make([]byte, 8)
	for {
		n, err := s.Read(b)
		if err != nil {
			return frames, err
		}
		frames = append(frames, string(b[:n]))
	}
}

func TestSLIPReadsFrames(t *testing.T) {
	for _, tt := range []struct {
		name, line string
		frames     []string
		err        error
	}{
		{"one END between two frames", "\xc0abc\xc0de\xc0", []string{"abc", "de"}, io.EOF},
		{"ENDs doubled and leading", "\xc0\xc0\xc0abc\xc0\xc0", []string{"abc"}, io.EOF},
		{"what is escaped", "\xc0\xdb\xdc\xdb\xdd\xdc\xdd\xc0", []string{"\xc0\xdb\xdc\xdd"}, io.EOF},
		{"ESC before another octet leaves the octet", "\xc0a\xdbbc\xc0", []string{"abc"}, io.EOF},
		{"cut within an escape", "\xc0a\xdb\xc0bc\xc0", []string{"bc"}, io.EOF},
		{"opened in the middle of a frame", "bc\xdb\xdc\xc0abc\xc0", []string{"abc"}, io.EOF},
		{"longer than the room", "\xc0123456789\xc0abc\xc0", []string{"abc"}, io.EOF},
		{"the peer goes away within a frame", "\xc0abc\xc0de", []string{"abc"}, io.ErrUnexpectedEOF},
		{"the peer goes away within an escape", "\xc0abc\xc0de\xdb", []string{"abc"}, io.ErrUnexpectedEOF},
	} {
		frames, err := readSLIP(tt.line)
		if !slices.Equal(frames, tt.frames) || err != tt.err {
			t.Errorf("%s: %q, %v\nwant %q, %v", tt.name, frames, err, tt.frames, tt.err)
		}
	}
	if _, err := readSLIP("\xc0" + strings.Repeat("x", patience+1)); err == nil || !strings.Contains(err.Error(), "does not speak SLIP") {
		t.Errorf("an endless frame: %v", err)
	}
}

func FuzzSLIP(f *testing.F) {
	f.Add("noise\xdb", "\xc0\xdb")
	f.Fuzz(func(t *testing.T, noise, frame string) {
		if frame == "" || len(frame) > 8 {
			return
		}
		var w written
		if _, err := newSLIP(&w).Write([]byte(frame)); err != nil {
			t.Fatal(err)
		}
		frames, _ := readSLIP(noise + w.String())
		if len(frames) == 0 || frames[len(frames)-1] != frame {
			t.Errorf("%q after %q is read as %q", frame, noise, frames)
		}
	})
}

type written struct{ strings.Builder }

func (*written) Read([]byte) (int, error) { return 0, io.EOF }
func (*written) Close() error             { return nil }

func TestSLIPOverAUnixSocket(t *testing.T) {
	path := "slip:" + filepath.Join(t.TempDir(), "s")
	accepted := make(chan io.ReadWriteCloser, 1)
	go func() {
		p, err := Open(t.Context(), path+",listen")
		if err != nil {
			t.Error(err)
		}
		accepted <- p
	}()
	var a io.ReadWriteCloser
	for a == nil { // until the other side listens
		a, _ = Open(t.Context(), path)
	}
	b := <-accepted
	exchange(t, a, b, frames...)
	exchange(t, b, a, frames...)
	closing(t, a)
	if _, err := b.Read(make([]byte, 9)); !errors.Is(err, io.EOF) {
		t.Errorf("the peer has gone: %v", err)
	}
	closing(t, b)
}
