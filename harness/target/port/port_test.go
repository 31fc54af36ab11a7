package port

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestMain makes of the test binary the program of TestExec: it sends back what it reads.
func TestMain(m *testing.M) {
	if os.Getenv("PORT_TEST_ECHO") != "" {
		if n, err := io.Copy(os.Stdout, os.Stdin); err != nil || n == 0 {
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

var frames = [][]byte{{1}, bytes.Repeat([]byte{2}, 1514), bytes.Repeat([]byte{3}, MaxFrame)}

// exchange sends frames from a to b, and wants them whole and in order.
func exchange(t *testing.T, a, b io.ReadWriter, frames ...[]byte) {
	t.Helper()
	got := make([]byte, MaxFrame)
	for _, f := range frames {
		done := make(chan error, 1)
		go func() { _, err := a.Write(f); done <- err }()
		n, err := b.Read(got)
		if err != nil || !bytes.Equal(got[:n], f) {
			t.Fatalf("a frame of %d octets came as %d octets, %v", len(f), n, err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

// closing ends a Read under way.
func closing(t *testing.T, p io.ReadWriteCloser) {
	t.Helper()
	over := make(chan error, 1)
	go func() { _, err := p.Read(make([]byte, MaxFrame)); over <- err }()
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if err := <-over; err == nil {
		t.Error("a Read outlived Close")
	}
}

func TestStream(t *testing.T) {
	for _, at := range []string{"127.0.0.1:0", "unix:" + filepath.Join(t.TempDir(), "s")} {
		// The listener's port is chosen here, so that the connecting side knows it.
		if at == "127.0.0.1:0" {
			l, err := net.Listen("tcp", at)
			if err != nil {
				t.Fatal(err)
			}
			at = l.Addr().String()
			l.Close()
		}
		accepted := make(chan io.ReadWriteCloser, 1)
		go func() {
			p, err := Open(t.Context(), "stream:"+at+",listen")
			if err != nil {
				t.Error(err)
			}
			accepted <- p
		}()
		var a io.ReadWriteCloser
		for { // until the other side listens
			var err error
			if a, err = Open(t.Context(), "stream:"+at); err == nil {
				break
			}
			if t.Context().Err() != nil {
				t.Fatal(err)
			}
		}
		b := <-accepted
		exchange(t, a, b, frames...)
		exchange(t, b, a, frames...)
		closing(t, a)
		closing(t, b)
	}
}

func TestStreamWaitsNoLongerThanItsContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := Open(ctx, "stream:unix:"+filepath.Join(t.TempDir(), "s")+",listen")
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "nobody has connected") {
		t.Errorf("nobody connects: %v", err)
	}
}

func TestDgram(t *testing.T) {
	dir := t.TempDir()
	x, y := "unix:"+filepath.Join(dir, "x"), "unix:"+filepath.Join(dir, "y")
	a, err := Open(t.Context(), "dgram:"+x+","+y)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(t.Context(), "dgram:"+y+","+x)
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, a, b, frames...)
	exchange(t, b, a, frames[:2]...)
	closing(t, a)
	closing(t, b)
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestExec(t *testing.T) {
	t.Setenv("PORT_TEST_ECHO", "1")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p, err := Exec(t.Context(), []string{self})
	if err != nil {
		t.Fatal(err)
	}
	exchange(t, p, p, frames...)
	closing(t, p)
}

func TestNonsenseIsNoFrame(t *testing.T) {
	f := &framed{r: strings.NewReader("HTTP/1.1 200 OK\r\n\r\n")}
	if _, err := f.Read(make([]byte, MaxFrame)); err == nil || !strings.Contains(err.Error(), "does not write frames behind their length") {
		t.Errorf("%v", err)
	}
	f = &framed{r: bytes.NewReader([]byte{0, 0, 0, 9, 1, 2})}
	if _, err := f.Read(make([]byte, MaxFrame)); err != io.ErrUnexpectedEOF {
		t.Errorf("a frame that is cut: %v", err)
	}
	if _, err := f.Write(make([]byte, MaxFrame+1)); err == nil {
		t.Error("a frame that is too long is written")
	}
}

func TestRefusals(t *testing.T) {
	for link, want := range map[string]string{
		"cable:x":                 `"cable:x" names no link; links are tap:NAME, packet:NAME, stream:ADDRESS[,listen], dgram:LOCAL,REMOTE, zep:ADDRESS[,listen][,channel=N], slip:PATH[,listen], exec:COMMAND`,
		"tap":                     `"tap" names no link; links are tap:NAME, packet:NAME, stream:ADDRESS[,listen], dgram:LOCAL,REMOTE, zep:ADDRESS[,listen][,channel=N], slip:PATH[,listen], exec:COMMAND`,
		"dgram:127.0.0.1:0":       "dgram:127.0.0.1:0: it takes two addresses, LOCAL,REMOTE",
		"dgram:unix:/x,1.2.3.4:5": "dgram:unix:/x,1.2.3.4:5: both addresses are of UDP, or both of Unix sockets",
		"exec:/no/such/program":   "exec:/no/such/program: fork/exec /no/such/program: no such file or directory",
	} {
		if p, err := Open(t.Context(), link); err == nil || err.Error() != want {
			t.Errorf("%s: %v\nwant %s", link, err, want)
			if p != nil {
				p.Close()
			}
		}
	}
}
