// Package panics tells where a panic came from.
package panics

import (
	"fmt"
	"path"
	"runtime"
	"strings"
)

// Culprit is the function that panicked, with its package, and its file and line. It is called while the panic is recovered.
func Culprit() (function, at string) {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for panicking := false; ; {
		f, more := frames.Next()
		if inRuntime := strings.HasPrefix(f.Function, "runtime."); panicking && !inRuntime || !more {
			return path.Base(f.Function), fmt.Sprintf("%s:%d", path.Base(f.File), f.Line)
		} else if inRuntime {
			panicking = true
		}
	}
}
