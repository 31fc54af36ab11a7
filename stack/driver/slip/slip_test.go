package slip

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/clock/live"
	"github.com/conform-stack/conform/stack/driver"
)

// pair is a device that listens, and what has connected to it.
func pair(t *testing.T, c Config) (*Device, net.Conn, *live.Clock) {
	t.Helper()
	loop := live.Start(clock.New())
	c.Path, c.Listen = filepath.Join(t.TempDir(), "line"), true
	opened := make(chan *Device, 1)
	go func() {
		d, err := Open(t.Context(), c, loop.Do)
		if err != nil {
			t.Error(err)
		}
		opened <- d
	}()
	var conn net.Conn
	for conn == nil { // until it listens
		conn, _ = net.Dial("unix", c.Path)
	}
	d := <-opened
	t.Cleanup(func() {
		loop.Do(func() { _ = d.Close() })
		conn.Close()
		d.Wait()
		loop.Close()
	})
	return d, conn, loop
}

// carriers is a Handler that keeps what it is told.
type carriers struct {
	frames chan string
	off    chan struct{}
}

func (c carriers) Receive(b []byte) { c.frames <- string(b) }
func (carriers) Ready()             {}
func (c carriers) Carrier(on bool) {
	if !on {
		close(c.off)
	}
}

func TestFramesPassBothWaysUntilThePeerGoes(t *testing.T) {
	d, conn, loop := pair(t, Config{})
	h := carriers{make(chan string, 9), make(chan struct{})}
	loop.Do(func() { d.Start(h) })
	if _, err := conn.Write([]byte("tail\xc0\xc0one\xc0\xc0t\xdb\xdcwo\xc0")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"one", "t\xc0wo"} {
		if got := <-h.frames; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	loop.Do(func() { d.Send([]byte("an\xc0swer")) })
	b := make([]byte, len("\xc0an\xdb\xdcswer\xc0"))
	if _, err := io.ReadFull(conn, b); err != nil || string(b) != "\xc0an\xdb\xdcswer\xc0" {
		t.Errorf("%q, %v", b, err)
	}
	if noise := d.Noise(); noise != (Noise{Before: 4}) {
		t.Errorf("%+v", noise)
	}
	conn.Close()
	<-h.off
	loop.Do(func() {
		if d.HasCarrier() || d.Err() == nil {
			t.Error("the peer has gone, and the line is still there")
		}
		d.Send([]byte("lost"))
	})
}

func TestAPeerThatDoesNotReadHoldsNothingUp(t *testing.T) {
	d, _, loop := pair(t, Config{Frames: 4})
	loop.Do(func() {
		d.Start(driver.Frames(func([]byte) {}))
		for range 10000 {
			d.Send(make([]byte, 1500))
		}
		if c := d.Counts(); c.Unsent == 0 || c.Sent+c.Unsent != 10000 {
			t.Errorf("%+v", c)
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		c    Config
		want string
	}{
		{Config{Path: filepath.Join(dir, "none")}, "no such file"},
		{Config{Path: dir}, "is neither a Unix socket nor a serial device"},
		{Config{Path: "/dev/null"}, "raw mode"},
		{Config{Path: filepath.Join(dir, "line"), Listen: true}, "nobody has connected"},
		{Config{MTU: -1}, "are not negative"},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		if d, err := Open(ctx, tt.c, nil); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v, %v; want %s", tt.c, d, err, tt.want)
		}
		cancel()
	}
}
