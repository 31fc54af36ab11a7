package gvisor

import (
	"fmt"
	"path"
	"runtime"
	"strings"

	"github.com/conform-stack/conform/harness/target"
)

// guard calls the stack. One that panics is dead, and takes its locks with it: nothing is asked of it any more, and what
// it leaves behind stays. A panic of a goroutine of the stack's own cannot be caught; it ends the process.
func (w *world) guard(call func() error) (err error) {
	if w.dead != nil {
		return w.dead
	}
	defer func() {
		if r := recover(); r != nil {
			w.dead = fmt.Errorf("%w: netstack panicked in %s: %v", target.ErrDead, culprit(), r)
			err = w.dead
		}
	}()
	return call()
}

// culprit is the function that panicked and its line, called while the panic is recovered.
func culprit() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for panicking := false; ; {
		f, more := frames.Next()
		if inRuntime := strings.HasPrefix(f.Function, "runtime."); panicking && !inRuntime || !more {
			return fmt.Sprintf("%s (%s:%d)", path.Base(f.Function), path.Base(f.File), f.Line)
		} else if inRuntime {
			panicking = true
		}
	}
}
