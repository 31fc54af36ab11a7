//go:build linux

package linux

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// A thread is an operating system thread that runs functions, one at a time. It is never given back to the Go runtime:
// what is done to it (another network namespace) ends with it.
type thread struct {
	jobs chan func()
	quit chan struct{}
	gone chan struct{}
}

func newThread() *thread {
	t := &thread{jobs: make(chan func()), quit: make(chan struct{}), gone: make(chan struct{})}
	go t.run()
	return t
}

// run never unlocks, so that the runtime ends the thread with the goroutine. The main thread cannot end before the
// process does; when the runtime offers it, run holds it until another thread has been found.
func (t *thread) run() {
	runtime.LockOSThread()
	if unix.Gettid() == os.Getpid() {
		found := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(found)
			t.serve()
		}()
		<-found
		runtime.UnlockOSThread()
		return
	}
	t.serve()
}

func (t *thread) serve() {
	defer close(t.gone)
	for {
		select {
		case f := <-t.jobs:
			f()
		case <-t.quit:
			return
		}
	}
}

// do runs f on the thread and returns when it has run. On a thread that has ended it does nothing.
func (t *thread) do(f func()) {
	ran := make(chan struct{})
	select {
	case t.jobs <- func() { defer close(ran); f() }:
		<-ran
	case <-t.gone:
	}
}

func (t *thread) end() {
	close(t.quit)
	<-t.gone
}
