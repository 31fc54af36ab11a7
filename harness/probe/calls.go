package probe

import (
	"github.com/conform-stack/conform/harness/agent"
)

// Do makes any call on the socket that returns without the tester's help, and gives its outcome, an error as well. A call
// that does not return has the error "no return".
func (s *Socket) Do(r agent.Request) agent.Reply {
	reply, ok := s.Begin(r).Delivered()
	if !ok {
		return agent.Reply{Errno: "no return"}
	}
	return reply
}

// Begin starts any call on the socket.
func (s *Socket) Begin(r agent.Request) *Call { return s.start(r) }

// TryOpen is Open, but gives the error.
func (p *P) TryOpen(family, kind string, protocol int) (*Socket, string) {
	r, err := p.call(agent.Request{Do: agent.Open, Family: family, Type: kind, Protocol: protocol})
	if err != nil {
		return nil, err.Error()
	}
	s := &Socket{p: p, id: r.Socket}
	p.Cleanup(func() { p.start(agent.Request{Do: agent.Close, Socket: s.id}, nil) })
	return s, ""
}

// Sockets is the name of the tester's family where sockets are opened.
func (t *Tester) Sockets() string { return t.family.networkOf().socket }

// Datagram opens a UDP socket of the tester's family on the target, which is not bound.
func (t *Tester) Datagram() *Socket { return t.Open(t.Sockets(), "dgram", 0) }
