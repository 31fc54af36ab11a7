package probe

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/harness/agent"
)

// start begins a call on the socket.
func (s *Socket) start(r agent.Request) *Call {
	r.Socket = s.id
	return &Call{s.p, s.p.start(r, nil)}
}

// call is one that returns without the tester's help.
func (s *Socket) call(r agent.Request) (agent.Reply, error) {
	r.Socket = s.id
	return s.p.call(r)
}

// Stream opens a TCP socket of the tester's family on the target.
func (t *Tester) Stream() *Socket { return t.Open(t.family.networkOf().socket, "stream", 0) }

// Listen opens a TCP socket on the target that listens on a port of all its addresses, 0 for any.
func (t *Tester) Listen(port uint16, backlog int) *Socket {
	return t.listen(t.Stream(), port, backlog)
}

func (t *Tester) listen(s *Socket, port uint16, backlog int) *Socket {
	if err := s.Bind(netip.AddrPortFrom(t.Any(), port)); err != nil {
		panic(fmt.Errorf("binding a TCP socket of the target to port %d: %w", port, err))
	}
	if err := s.Listen(backlog); err != nil {
		panic(fmt.Errorf("listening on port %d of the target: %w", port, err))
	}
	return s
}

// Listen makes the socket wait for connections.
func (s *Socket) Listen(backlog int) error {
	r, err := s.call(agent.Request{Do: agent.Listen, Value: backlog})
	if err == nil && r.Local.IsValid() {
		s.Local = r.Local
	}
	return err
}

// Accept starts to wait for a connection.
func (s *Socket) Accept() *Accepting {
	return &Accepting{Call: s.start(agent.Request{Do: agent.Accept})}
}

// Accepting is an accept under way.
type Accepting struct {
	*Call
	socket *Socket
}

// Socket waits for the end of the accept and gives the connection's socket, nil when no connection came. It is closed
// when the check ends.
func (a *Accepting) Socket(within time.Duration) *Socket {
	r, done := a.Await(within)
	if a.socket == nil && done && r.Errno == "" {
		a.socket = &Socket{p: a.p, id: r.Socket, Local: r.Local, Remote: r.Remote}
		a.p.Cleanup(func() { a.p.start(agent.Request{Do: agent.Close, Socket: r.Socket}, nil) })
	}
	return a.socket
}

// Dial starts to connect a TCP socket. The call ends with the outcome.
func (s *Socket) Dial(remote netip.AddrPort) *Call {
	return s.start(agent.Request{Do: agent.Dial, Remote: remote})
}

// Write starts to send on a stream. The call ends when the target has taken all of it.
func (s *Socket) Write(data []byte, flags ...string) *Call {
	return s.start(agent.Request{Do: agent.Send, Data: data, Flags: flags})
}

// Read starts to receive at most n octets of a stream. At the end of the stream the reply is EOF.
func (s *Socket) Read(n int, flags ...string) *Call {
	return s.start(agent.Request{Do: agent.Recv, Max: n, Flags: flags})
}

// ReadFull reads until n octets have come, the stream ends or fails, or nothing more comes in the time given.
func (s *Socket) ReadFull(n int, within time.Duration) (data []byte, last agent.Reply) {
	for len(data) < n {
		r, ok := s.Read(n - len(data)).Await(within)
		if !ok || r.Errno != "" || r.EOF() {
			return data, r
		}
		data = append(data, r.Data...)
	}
	return data, last
}

// The ways of Shutdown.
const (
	ShutRead  = 0
	ShutWrite = 1
	ShutBoth  = 2
)

// Shutdown is shutdown(2).
func (s *Socket) Shutdown(how int) error {
	_, err := s.call(agent.Request{Do: agent.Shutdown, Value: how})
	return err
}

// Abort closes the socket so that the connection is reset: with SO_LINGER of 0 seconds.
func (s *Socket) Abort() error {
	if err := s.SetOption("SO_LINGER", 0); err != nil {
		return err
	}
	return s.Close()
}

// GetOption reads an option by its POSIX or Linux name.
func (s *Socket) GetOption(name string) (int, error) {
	r, err := s.call(agent.Request{Do: agent.GetOpt, Option: name})
	return r.Value, err
}

// Poll starts to wait until the socket is ready for one of "in", "out", "pri", or has "err" or "hup"; Ready tells of what.
func (s *Socket) Poll(timeout time.Duration, events ...string) *Call {
	ms := int(timeout / time.Millisecond)
	if timeout < 0 {
		ms = -1
	}
	return &Call{s.p, s.p.start(agent.Request{Do: agent.Poll, Value: ms, Polls: []agent.PollFor{{Socket: s.id, Events: events}}}, nil)}
}

// Ready is what the socket is ready for now.
func (s *Socket) Ready(events ...string) []string {
	r, _ := s.Poll(0, events...).Delivered()
	for _, p := range r.Polls {
		return p.Events
	}
	return nil
}

// SockName and PeerName are the addresses of both ends.
func (s *Socket) SockName() (netip.AddrPort, error) {
	r, err := s.call(agent.Request{Do: agent.SockName})
	return r.Local, err
}

// PeerName is getpeername(2).
func (s *Socket) PeerName() (netip.AddrPort, error) {
	r, err := s.call(agent.Request{Do: agent.PeerName})
	return r.Remote, err
}

// Echo lets the target's application send back what it receives, until the stream ends; then it closes its half.
func (s *Socket) Echo() {
	var serve func(agent.Reply)
	read := func() { s.p.start(agent.Request{Do: agent.Recv, Socket: s.id, Max: 65535}, serve) }
	serve = func(r agent.Reply) {
		switch {
		case r.Errno != "":
		case r.EOF():
			s.p.start(agent.Request{Do: agent.Shutdown, Socket: s.id, Value: ShutWrite}, nil)
		default:
			s.p.start(agent.Request{Do: agent.Send, Socket: s.id, Data: r.Data}, func(sent agent.Reply) {
				if sent.Errno == "" {
					read()
				}
			})
		}
	}
	read()
}

// Drained is what an application has read so far.
type Drained struct {
	Data  []byte
	EOF   bool
	Errno string // how the last receive failed; empty while it goes on
}

// Drain lets the target's application read whatever comes, until the stream ends or breaks.
func (s *Socket) Drain() *Drained {
	d := &Drained{}
	var serve func(agent.Reply)
	read := func() { s.p.start(agent.Request{Do: agent.Recv, Socket: s.id, Max: 65535}, serve) }
	serve = func(r agent.Reply) {
		d.Errno, d.EOF = r.Errno, r.EOF()
		if r.Errno == "" && !d.EOF {
			d.Data = append(d.Data, r.Data...)
			read()
		}
	}
	read()
	return d
}
