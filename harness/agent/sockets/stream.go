//go:build linux

package sockets

import (
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"golang.org/x/sys/unix"
)

func (s *socket) listen(backlog int) agent.Reply {
	var r agent.Reply
	err := s.control(func(fd int) error {
		if err := unix.Listen(fd, backlog); err != nil {
			return err
		}
		r.Local = localOf(fd)
		return nil
	})
	return reply(r, err)
}

func (a *Agent) accept(op *agent.Op, s *socket) {
	a.begin(op, s, &s.reads, s.raw.Read, func(fd int) (agent.Reply, bool) {
		got, from, err := unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		switch {
		case err == unix.EAGAIN, err == unix.EINTR:
			return agent.Reply{}, true
		case err != nil:
			return fail(err), false
		}
		c, err := newSocket(got, s.family, s.kind)
		if err != nil {
			return fail(err), false
		}
		r := agent.Reply{Local: localOf(got), Remote: addrPort(from)}
		r.Socket, err = a.keep(c)
		return reply(r, err), false
	})
}

// name is getsockname(2) or getpeername(2).
func (s *socket) name(of func(int) (unix.Sockaddr, error), where func(*agent.Reply) *netip.AddrPort) agent.Reply {
	var r agent.Reply
	err := s.control(func(fd int) error {
		a, err := of(fd)
		*where(&r) = addrPort(a)
		return err
	})
	return reply(r, err)
}

// polled are the events of poll(2).
var polled = []struct {
	name string
	bit  int16
}{{"in", unix.POLLIN}, {"out", unix.POLLOUT}, {"pri", unix.POLLPRI}, {"err", unix.POLLERR}, {"hup", unix.POLLHUP}, {"rdhup", unix.POLLRDHUP}}

// polling is a poll under way, on descriptors of its own. They would keep closed sockets alive, so whoever closes one
// wakes the poll first.
type polling struct {
	sockets []agent.PollFor
	bell    int // an eventfd that ends the wait
	over    chan struct{}
}

func (p *polling) asks(n int) bool {
	return slices.ContainsFunc(p.sockets, func(f agent.PollFor) bool { return f.Socket == n })
}

// wake ends polls and returns when they are over.
func (a *Agent) wake(which func(*polling) bool) {
	var woken []*polling
	a.mu.Lock()
	for _, p := range a.polls { // while one is listed, its bell is open
		if which(p) {
			unix.Write(p.bell, []byte{1, 0, 0, 0, 0, 0, 0, 0})
			woken = append(woken, p)
		}
	}
	a.mu.Unlock()
	for _, p := range woken {
		<-p.over
	}
}

// begun lists a poll that waits; false when the agent is closed.
func (a *Agent) begun(p *polling) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	a.pending.Add(1)
	a.polls = append(a.polls, p)
	return true
}

// poll answers at once when something is ready, and otherwise waits in a thread of its own.
func (a *Agent) poll(op *agent.Op) {
	fds := make([]unix.PollFd, 0, len(op.Request.Polls)+1)
	release := func() {
		for _, f := range fds {
			unix.Close(int(f.Fd))
		}
	}
	for _, want := range op.Request.Polls {
		fd, err := a.duplicate(want.Socket)
		if err != nil {
			release()
			a.end(op, fail(err))
			return
		}
		f := unix.PollFd{Fd: int32(fd)}
		for _, e := range polled {
			if has(want.Events, e.name) {
				f.Events |= e.bit
			}
		}
		fds = append(fds, f)
	}
	if n, err := unix.Poll(fds, 0); n > 0 || err != nil || op.Request.Value == 0 {
		release()
		a.end(op, reply(ready(op.Request.Polls, fds), err))
		return
	}
	bell, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		release()
		a.end(op, fail(err))
		return
	}
	p := &polling{sockets: op.Request.Polls, bell: bell, over: make(chan struct{})}
	if !a.begun(p) {
		release()
		unix.Close(bell)
		a.end(op, fail(unix.ECANCELED))
		return
	}
	go func() {
		defer a.pending.Done()
		r := waitFor(op.Request, append(fds, unix.PollFd{Fd: int32(bell), Events: unix.POLLIN}))
		a.mu.Lock()
		a.polls = slices.DeleteFunc(a.polls, func(q *polling) bool { return q == p })
		a.mu.Unlock()
		release()
		close(p.over)
		unix.Close(bell)
		a.end(op, r)
	}()
}

// waitFor polls until something is ready, the time is up or the bell, which comes last, rings.
func waitFor(r agent.Request, fds []unix.PollFd) agent.Reply {
	end := time.Now().Add(time.Duration(r.Value) * time.Millisecond)
	for {
		left := -1
		if r.Value >= 0 {
			left = int(max(0, time.Until(end).Milliseconds()))
		}
		n, err := unix.Poll(fds, left)
		switch {
		case err == unix.EINTR:
		case err != nil:
			return fail(err)
		case fds[len(fds)-1].Revents != 0:
			return fail(unix.ECANCELED)
		case n > 0 || left == 0:
			return ready(r.Polls, fds)
		}
	}
}

func ready(wanted []agent.PollFor, fds []unix.PollFd) (r agent.Reply) {
	for i, w := range wanted {
		var events []string
		for _, e := range polled {
			if fds[i].Revents&e.bit != 0 {
				events = append(events, e.name)
			}
		}
		if len(events) > 0 {
			r.Polls = append(r.Polls, agent.PollFor{Socket: w.Socket, Events: events})
		}
	}
	r.Value = len(r.Polls)
	return r
}

func (a *Agent) duplicate(n int) (fd int, err error) {
	s := a.socket(n)
	if s == nil {
		return 0, unix.EBADF
	}
	err = s.control(func(of int) (err error) {
		fd, err = unix.FcntlInt(uintptr(of), unix.F_DUPFD_CLOEXEC, 0)
		return err
	})
	return fd, err
}
