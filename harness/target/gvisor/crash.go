package gvisor

import (
	"fmt"

	"github.com/conform-stack/conform/harness/internal/panics"
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
			function, at := panics.Culprit()
			w.dead = fmt.Errorf("%w: netstack panicked in %s (%s): %v", target.ErrDead, function, at, r)
			err = w.dead
		}
	}()
	return call()
}
