//go:build linux

package linux

import (
	"errors"
	"sync"
)

// maxEnding bounds the worlds whose device the kernel is taking down; ending one more waits.
const maxEnding = 32

// An ending runs the slow last part of worlds' ends beside what comes next: to take down a device the kernel waits for
// all its processors, many times as long as making one takes, and does nothing meanwhile.
type ending struct {
	slots   chan struct{}
	running sync.WaitGroup

	mu   sync.Mutex
	errs []error
}

func newEnding() *ending { return &ending{slots: make(chan struct{}, maxEnding)} }

// run runs f, later.
func (e *ending) run(f func() error) {
	e.slots <- struct{}{}
	e.running.Go(func() {
		defer func() { <-e.slots }()
		if err := f(); err != nil {
			e.mu.Lock()
			defer e.mu.Unlock()
			e.errs = append(e.errs, err)
		}
	})
}

// wait returns when all that was given to run has run, with its errors.
func (e *ending) wait() error {
	e.running.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	err := errors.Join(e.errs...)
	e.errs = nil
	return err
}
