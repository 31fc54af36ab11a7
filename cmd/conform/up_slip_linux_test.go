package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// upOn brings the stack up on a line, until the test ends. The line may wait for the other side.
func upOn(t *testing.T, link string) {
	cmd := command(t, "up", "--link", link)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, errs.String())
		}
	})
}

// suiteOver runs a small suite by a target file with the link.
func suiteOver(t *testing.T, link string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "board.yaml")
	if err := os.WriteFile(file, []byte("name: a board on a line\nlink: "+link+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := conform(t, "run", "rfc826", "--target", file, "--filter", "!slow", "--out", "none")
	if code != 0 || !strings.Contains(out, "pass") {
		t.Errorf("%d\n%s\n%s", code, out, errs)
	}
}

// until waits for a file that another process makes.
func until(t *testing.T, path string) {
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return
		}
		if time.Since(begin) > 20*time.Second {
			t.Fatal("nobody listens at", path)
		}
	}
}

func TestASuiteOverSLIPOnAUnixSocket(t *testing.T) {
	t.Run("the stack listens", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		upOn(t, "slip:"+path+",listen")
		until(t, path)
		suiteOver(t, "slip:"+path)
	})
	t.Run("the harness listens", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "s")
		go func() {
			until(t, path)
			upOn(t, "slip:"+path)
		}()
		suiteOver(t, "slip:"+path+",listen")
	})
}

// Two terminals, and between them somebody who carries octets, as socat does.
func TestASuiteOverSLIPOnTerminals(t *testing.T) {
	a, pathA := terminal(t)
	b, pathB := terminal(t)
	go io.Copy(a, b)
	go io.Copy(b, a)
	upOn(t, "slip:"+pathA)
	suiteOver(t, "slip:"+pathB)
}

// terminal opens a pseudo-terminal and holds its other side open, so that it outlives who comes and goes there.
func terminal(t *testing.T) (master *os.File, path string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { master.Close() })
	c, err := master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if e := c.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			n, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}); e != nil || err != nil {
		t.Fatal(e, err)
	}
	path = fmt.Sprintf("/dev/pts/%d", n)
	held, err := os.OpenFile(path, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { held.Close() })
	return master, path
}
