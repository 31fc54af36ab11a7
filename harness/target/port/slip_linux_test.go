package port

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal opens a pseudo-terminal, as QEMU's -serial pty does.
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
	return master, fmt.Sprintf("/dev/pts/%d", n)
}

func TestSLIPOverATerminal(t *testing.T) {
	master, path := terminal(t)
	a, err := Open(t.Context(), "slip:"+path)
	if err != nil {
		t.Fatal(err)
	}
	b := newSLIP(master)
	every := make([]byte, 256) // what a terminal would take for a line's end, an interrupt, an end of file
	for i := range every {
		every[i] = byte(i)
	}
	exchange(t, a, b, every, frames[1])
	exchange(t, b, a, every, frames[1])
	closing(t, a)
}

func TestSLIPRefusesWhatIsNoLine(t *testing.T) {
	for path, want := range map[string]string{"/dev/null": "it is no serial device", "/no/such": "no such file", t.TempDir(): "connect"} {
		if p, err := Open(t.Context(), "slip:"+path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, %v; want %s", path, p, err, want)
		}
	}
}
