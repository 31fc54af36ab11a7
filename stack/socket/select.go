package socket

import (
	"time"

	"github.com/conform-stack/conform/stack/errno"
)

// Sets are the sockets of a call of select.
type Sets struct {
	Read   []*Socket // those that would not block when read, or accepted from
	Write  []*Socket // those that would not block when written to
	Except []*Socket // those with urgent data
}

// What makes a socket a member of a set that is ready (POSIX, select).
const (
	selectRead   = In | HangUp | Err
	selectWrite  = Writing | Err
	selectExcept = Pri
)

func (s Sets) polls() []Poll {
	var all []Poll
	for _, set := range [...]struct {
		sockets []*Socket
		events  Event
	}{{s.Read, selectRead}, {s.Write, selectWrite}, {s.Except, selectExcept}} {
		for _, x := range set.sockets {
			all = append(all, Poll{Socket: x, Events: set.events})
		}
	}
	return all
}

// pick gives those that are ready, and how many memberships that are, as POSIX counts.
func (s Sets) pick(all []Poll) (ready Sets, n int) {
	take := func(set []*Socket, events Event) (some []*Socket) {
		for i := range set {
			if all[i].Ready&events != 0 {
				some = append(some, set[i])
			}
		}
		all = all[len(set):]
		n += len(some)
		return some
	}
	ready.Read = take(s.Read, selectRead)
	ready.Write = take(s.Write, selectWrite)
	ready.Except = take(s.Except, selectExcept)
	return ready, n
}

func (s Sets) check() error {
	for _, set := range [...][]*Socket{s.Read, s.Write, s.Except} {
		for _, x := range set {
			if x.closed {
				return errno.EBADF
			}
		}
	}
	return nil
}

// Select calls done, in an event of the loop, as soon as a socket is ready for what its set says, with the sets of those
// that are and the number of memberships; with 0 when the timeout has passed, which a negative one never does. EBADF when
// a socket is not open. One that is closed meanwhile counts as a member of no set.
func (y *System) Select(s Sets, timeout time.Duration, done func(ready Sets, n int)) (*Waiting, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	all := s.polls()
	return y.Wait(all, timeout, func(int) { done(s.pick(all)) })
}
