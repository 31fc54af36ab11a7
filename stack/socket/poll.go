package socket

import (
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/errno"
)

// An Event is what a socket is ready for, as POSIX and Linux number it.
type Event uint16

const (
	In         Event = 0x001  // POLLIN: something to read or to accept, or the end
	Pri        Event = 0x002  // POLLPRI: urgent data
	Writing    Event = 0x004  // POLLOUT: room to write
	Err        Event = 0x008  // POLLERR: an error, or the record of one; told unasked
	HangUp     Event = 0x010  // POLLHUP: both directions are closed; told unasked
	Invalid    Event = 0x020  // POLLNVAL: the socket is not open; told unasked
	PeerClosed Event = 0x2000 // POLLRDHUP: the peer sends no more
)

// A Poll is one socket to look at, and for what (struct pollfd). A Socket that is nil is passed over.
type Poll struct {
	Socket *Socket
	Events Event // wanted
	Ready  Event // of what is wanted, and of what is told unasked
}

// Poll is what the socket is ready for now.
func (s *Socket) Poll() Event {
	if s.closed {
		return Invalid
	}
	return s.endpoint.events()
}

// Poll fills in what sockets are ready for now, and tells how many are ready for something. EINVAL for more of them than
// the configuration allows.
func (y *System) Poll(all []Poll) (n int, err error) {
	if len(all) > y.pollMax {
		return 0, errno.EINVAL
	}
	for i := range all {
		p := &all[i]
		p.Ready = 0
		if p.Socket == nil {
			continue
		}
		p.Ready = p.Socket.Poll() & (p.Events | Err | HangUp | Invalid)
		if p.Ready != 0 {
			n++
		}
	}
	return n, nil
}

// A Waiting is a call of poll or select that has not ended.
type Waiting struct {
	system *System
	polls  []Poll
	done   func(n int)
	check  clock.Timer // posted when a socket may have become ready
	limit  clock.Timer
	over   bool
}

// Wait calls done, in an event of the loop, as soon as one of the sockets is ready, with the number of those that are;
// all is filled in then, and is Wait's until then. With 0 the timeout has passed; a negative one never does. Wait looks
// at levels: what is ready when it begins ends it at the same instant.
func (y *System) Wait(all []Poll, timeout time.Duration, done func(n int)) (*Waiting, error) {
	if len(all) > y.pollMax {
		return nil, errno.EINVAL
	}
	w := &Waiting{system: y, polls: all, done: done}
	w.check.Init(y.Loop, w.look)
	w.limit.Init(y.Loop, w.end)
	for i := range all {
		if s := all[i].Socket; s != nil && !slices.Contains(s.waits, w) {
			s.waits = append(s.waits, w)
		}
	}
	w.check.Post()
	if timeout == 0 {
		w.limit.Post() // behind the look
	} else if timeout > 0 {
		w.limit.After(timeout)
	}
	return w, nil
}

// Cancel ends the call; done is not called. It does nothing when the call has ended.
func (w *Waiting) Cancel() {
	if w.over {
		return
	}
	w.over = true
	w.check.Stop()
	w.limit.Stop()
	for i := range w.polls {
		if s := w.polls[i].Socket; s != nil {
			s.waits = slices.DeleteFunc(s.waits, func(x *Waiting) bool { return x == w })
		}
	}
}

func (w *Waiting) look() {
	if n, _ := w.system.Poll(w.polls); n > 0 { // as many as Wait has let pass
		w.Cancel()
		w.done(n)
	}
}

func (w *Waiting) end() {
	w.Cancel()
	n, _ := w.system.Poll(w.polls) // as many as Wait has let pass
	w.done(n)
}
