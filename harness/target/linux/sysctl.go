//go:build linux

package linux

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/conform-stack/conform/harness/target"
	"golang.org/x/sys/unix"
)

// sysctlPath is where the kernel shows a sysctl of the calling thread's network namespace. None of the names that are
// used here holds a dot within a part.
func sysctlPath(name string) string { return "/proc/sys/" + strings.ReplaceAll(name, ".", "/") }

func readSysctl(name string) (string, error) {
	b, err := os.ReadFile(sysctlPath(name))
	return strings.TrimSpace(string(b)), err
}

// readNumber is 0 where the kernel has no such number.
func readNumber(name string) int {
	s, err := readSysctl(name)
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return n
}

// apply makes settings and gives those that the kernel knows: older kernels lack some.
func apply(settings []target.Setting) (made []target.Setting, err error) {
	for _, s := range settings {
		err := os.WriteFile(sysctlPath(s.Name), []byte(s.Value), 0)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS):
			return made, fmt.Errorf("%s cannot be set to %s, as in a container without privileges; "+
				"run it with --privileged, or outside: %w", s.Name, s.Value, err)
		case err != nil:
			return made, fmt.Errorf("%s cannot be set to %s: %w", s.Name, s.Value, err)
		}
		made = append(made, s)
	}
	return made, nil
}
