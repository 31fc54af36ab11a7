//go:build linux

// Package sockets is the agent over the sockets of the kernel that it runs on.
//
// A call that the kernel answers at once ends inside Start. One that would block, or comes behind such a one, waits in a goroutine of its own until
// the kernel is ready or the socket is closed: calls of one direction on one socket end in the order of their start.
// Every end is notified, whichever way it came.
//
// Errors carry the kernel's POSIX names. The agent adds two of its own accord: EBADF for a socket that it does not know,
// ECANCELED for a call that was pending when its socket was closed.
package sockets

import (
	"errors"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"github.com/conform-stack/conform/harness/agent"
	"golang.org/x/sys/unix"
)

// An Agent opens, uses and closes sockets. It may be used from several goroutines.
type Agent struct {
	do     func(func())
	notify func(*agent.Op)

	mu      sync.Mutex
	sockets map[int]*socket
	polls   []*polling
	last    int // number of the last socket opened; numbers are never reused
	closed  bool
	pending sync.WaitGroup // one for each goroutine that waits for the kernel
}

// New makes an agent. do runs a function on a thread of the network namespace in which sockets shall be, and returns
// when it has run; only the opening of sockets needs it. notify is told each operation that has ended, from any
// goroutine, and must not block.
func New(do func(func()), notify func(*agent.Op)) *Agent {
	return &Agent{do: do, notify: notify, sockets: map[int]*socket{}}
}

// Start starts a call. It never blocks.
func (a *Agent) Start(r agent.Request) *agent.Op {
	op := &agent.Op{Request: r}
	switch r.Do {
	case agent.Open:
		a.end(op, a.open(r))
		return op
	case agent.Poll:
		a.poll(op)
		return op
	}
	if !known[r.Do] {
		a.end(op, fail(unix.ENOSYS))
		return op
	}
	s := a.socket(r.Socket)
	if s == nil {
		a.end(op, fail(unix.EBADF))
		return op
	}
	switch r.Do {
	case agent.Bind:
		a.end(op, s.bind(r))
	case agent.Listen:
		a.end(op, s.listen(r.Value))
	case agent.Accept:
		a.accept(op, s)
	case agent.Shutdown:
		a.end(op, fail(s.control(func(fd int) error { return unix.Shutdown(fd, r.Value) })))
	case agent.SockName:
		if s.family == unix.AF_PACKET {
			a.end(op, s.linkName())
			break
		}
		a.end(op, s.name(unix.Getsockname, func(r *agent.Reply) *netip.AddrPort { return &r.Local }))
	case agent.PeerName:
		a.end(op, s.name(unix.Getpeername, func(r *agent.Reply) *netip.AddrPort { return &r.Remote }))
	case agent.Dial:
		a.dial(op, s)
	case agent.Send:
		a.send(op, s)
	case agent.Recv:
		a.recv(op, s)
	case agent.SetOpt:
		a.end(op, s.setOption(r))
	case agent.GetOpt:
		a.end(op, s.getOption(r))
	case agent.Close:
		a.closeSocket(op, s)
	}
	return op
}

// known are the verbs that a socket understands.
var known = map[agent.Verb]bool{ // never written
	agent.Bind: true, agent.Listen: true, agent.Accept: true, agent.Shutdown: true, agent.SockName: true, agent.PeerName: true, agent.Dial: true,
	agent.Send: true, agent.Recv: true, agent.SetOpt: true, agent.GetOpt: true, agent.Close: true,
}

// closeSocket closes at once, or from a goroutine when close(2) itself waits: with SO_LINGER it does until the peer has all.
func (a *Agent) closeSocket(op *agent.Op, s *socket) {
	if got := s.getOption(agent.Request{Option: "SO_LINGER"}); got.Errno != "" || got.Value <= 0 || !a.expect() {
		a.end(op, a.close(op.Request.Socket))
		return
	}
	go func() {
		defer a.pending.Done()
		a.end(op, a.close(op.Request.Socket))
	}()
}

// CloseAll closes every socket, ends what is pending and returns when no goroutine of the agent is left. No socket can
// be opened afterwards.
func (a *Agent) CloseAll() {
	a.mu.Lock()
	open := a.sockets
	a.sockets, a.closed = map[int]*socket{}, true
	a.mu.Unlock()
	a.wake(func(*polling) bool { return true })
	for _, s := range open {
		s.file.Close()
	}
	a.pending.Wait()
}

func (a *Agent) end(op *agent.Op, r agent.Reply) {
	op.End(r)
	a.notify(op)
}

func (a *Agent) socket(n int) *socket {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sockets[n]
}

func (a *Agent) open(r agent.Request) agent.Reply {
	var s *socket
	err := error(unix.ENETDOWN) // stays when do has no thread any more
	a.do(func() { s, err = openSocket(r.Family, r.Type, r.Protocol) })
	if err != nil {
		return fail(err)
	}
	n, err := a.keep(s)
	return reply(agent.Reply{Socket: n}, err)
}

// keep numbers a socket.
func (a *Agent) keep(s *socket) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		s.file.Close()
		return 0, unix.ENETDOWN
	}
	a.last++
	a.sockets[a.last] = s
	return a.last, nil
}

func (a *Agent) close(n int) agent.Reply {
	a.mu.Lock()
	s := a.sockets[n]
	delete(a.sockets, n)
	a.mu.Unlock()
	if s == nil {
		return fail(unix.EBADF)
	}
	a.wake(func(p *polling) bool { return p.asks(n) })
	return reply(agent.Reply{}, s.file.Close())
}

// A call asks the kernel once, without blocking; again says that it would have blocked.
type call func(fd int) (r agent.Reply, again bool)

// begin ends op with what try says: at once, or from a goroutine that waits until the kernel is ready. wait is the
// socket's Read or Write.
func (a *Agent) begin(op *agent.Op, s *socket, l *line, wait func(func(uintptr) bool) error, try call) {
	if has(op.Request.Flags, "MSG_DONTWAIT") {
		a.end(op, s.once(try))
		return
	}
	l.mu.Lock()
	var r agent.Reply
	again := true
	if l.isFree() {
		if err := s.raw.Control(func(fd uintptr) { r, again = try(int(fd)) }); err != nil {
			r, again = fail(err), false
		}
	}
	if again && !a.expect() {
		r, again = fail(unix.ECANCELED), false
	}
	if !again {
		l.mu.Unlock()
		a.end(op, r)
		return
	}
	before, served := l.join()
	l.mu.Unlock()
	go func() {
		defer a.pending.Done()
		defer close(served)
		<-before
		var r agent.Reply
		err := wait(func(fd uintptr) bool {
			var again bool
			r, again = try(int(fd))
			return !again
		})
		if err != nil {
			r = fail(err)
		}
		a.end(op, r)
	}()
}

// once is a call that does not wait.
func (s *socket) once(try call) agent.Reply {
	var r agent.Reply
	again := false
	if err := s.raw.Control(func(fd uintptr) { r, again = try(int(fd)) }); err != nil {
		return fail(err)
	}
	if again {
		r.Errno = unix.ErrnoName(unix.EAGAIN)
	}
	return r
}

func has(names []string, name string) bool { return slices.Contains(names, name) }

// expect counts a goroutine that CloseAll shall wait for; false when it has begun.
func (a *Agent) expect() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	a.pending.Add(1)
	return true
}

// A line is where the calls of one direction of one socket wait, first come first served.
type line struct {
	mu   sync.Mutex
	last chan struct{} // closed when whoever came last has been served
}

func (l *line) isFree() bool {
	if l.last == nil {
		return true
	}
	select {
	case <-l.last:
		return true
	default:
		return false
	}
}

func (l *line) join() (before <-chan struct{}, served chan struct{}) {
	before = l.last
	if l.last == nil {
		none := make(chan struct{})
		close(none)
		before = none
	}
	l.last = make(chan struct{})
	return before, l.last
}

// nameOf is the POSIX name of an error. ENOTSUP has the same number as EOPNOTSUPP, which is what sockets say.
func nameOf(errno syscall.Errno) string {
	if errno == unix.EOPNOTSUPP {
		return "EOPNOTSUPP"
	}
	return unix.ErrnoName(errno)
}

func fail(err error) agent.Reply { return reply(agent.Reply{}, err) }

// reply is r with the POSIX name of err.
func reply(r agent.Reply, err error) agent.Reply {
	var errno syscall.Errno
	switch {
	case err == nil:
	case errors.As(err, &errno):
		r.Errno = nameOf(errno)
	default: // Go's poller has one reason of its own to refuse: the file was closed
		r.Errno = unix.ErrnoName(unix.ECANCELED)
	}
	return r
}
