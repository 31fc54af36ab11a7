package gvisor

import (
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/waiter"
)

func (s *socket) listen(backlog int) agent.Reply {
	if err := s.endpoint.Listen(backlog); err != nil {
		return failed(agent.Reply{}, err)
	}
	return agent.Reply{Local: s.local()}
}

// acceptOn takes a connection of a socket that listens.
func (a *sockets) acceptOn(s *socket) func(*call) (agent.Reply, tcpip.Error) {
	return func(*call) (agent.Reply, tcpip.Error) {
		var peer tcpip.FullAddress
		e, ready, err := s.endpoint.Accept(&peer)
		if err != nil {
			return agent.Reply{}, err
		}
		c := newSocket(e, ready, true, a.end)
		return agent.Reply{Socket: a.keep(c), Local: c.local(), Remote: addrPort(peer)}, nil
	}
}

// dial begins to connect. A stream's call ends with the outcome.
func (a *sockets) dial(op *agent.Op, s *socket) {
	var err tcpip.Error
	if !op.Request.Remote.IsValid() { // AF_UNSPEC
		err = s.endpoint.Disconnect()
	} else {
		var remote tcpip.FullAddress
		if remote, err = fullAddress(op.Request.Remote); err == nil {
			err = s.endpoint.Connect(remote)
		}
	}
	if _, begun := err.(*tcpip.ErrConnectStarted); begun && !slices.Contains(op.Request.Flags, "MSG_DONTWAIT") {
		s.start(&s.dials, op, s.connected)
		return
	}
	r := failed(agent.Reply{}, err)
	r.Local = s.local()
	a.end(op, r)
}

// connected looks for the outcome of a connect.
func (s *socket) connected(*call) (agent.Reply, tcpip.Error) {
	switch now := s.endpoint.Readiness(waiter.EventOut | waiter.EventErr | waiter.EventHUp); {
	case now == 0:
		return agent.Reply{}, &tcpip.ErrWouldBlock{}
	case now&(waiter.EventErr|waiter.EventHUp) != 0:
		if err := s.endpoint.LastError(); err != nil {
			return agent.Reply{}, err
		}
	}
	return agent.Reply{Local: s.local()}, nil
}

func (s *socket) shutdown(how int) agent.Reply {
	ways := []tcpip.ShutdownFlags{tcpip.ShutdownRead, tcpip.ShutdownWrite, tcpip.ShutdownRead | tcpip.ShutdownWrite}
	if how < 0 || how >= len(ways) {
		return agent.Reply{Errno: "EINVAL"}
	}
	return failed(agent.Reply{}, s.endpoint.Shutdown(ways[how]))
}

func (s *socket) peerName() agent.Reply {
	a, err := s.endpoint.GetRemoteAddress()
	if err != nil {
		return failed(agent.Reply{}, err)
	}
	return agent.Reply{Remote: addrPort(a)}
}

// polled are the events of poll by the agent's names.
var polled = []struct { // never written
	name string
	mask waiter.EventMask
}{{"in", waiter.EventIn}, {"out", waiter.EventOut}, {"pri", waiter.EventPri}, {"err", waiter.EventErr}, {"hup", waiter.EventHUp}, {"rdhup", waiter.EventRdHUp}}

// polling is a poll under way.
type polling struct {
	op      *agent.Op
	sockets []*socket
	masks   []waiter.EventMask
	timer   tcpip.Timer // nil when it waits for ever
}

// poll answers at once when something is ready, and otherwise when something is, or its time is up.
func (a *sockets) poll(op *agent.Op) {
	p := &polling{op: op}
	for _, want := range op.Request.Polls {
		s := a.open[want.Socket]
		if s == nil {
			a.end(op, agent.Reply{Errno: "EBADF"})
			return
		}
		mask := waiter.EventErr | waiter.EventHUp
		for _, e := range polled {
			if slices.Contains(want.Events, e.name) {
				mask |= e.mask
			}
		}
		p.sockets, p.masks = append(p.sockets, s), append(p.masks, mask)
	}
	if r := p.ready(); r.Value > 0 || op.Request.Value == 0 {
		a.end(op, r)
		return
	}
	if ms := op.Request.Value; ms > 0 {
		p.timer = a.world.clock.AfterFunc(time.Duration(ms)*time.Millisecond, func() { a.endPoll(p, p.ready()) })
	}
	a.polls = append(a.polls, p)
}

func (p *polling) ready() (r agent.Reply) {
	for i, s := range p.sockets {
		now := s.endpoint.Readiness(p.masks[i])
		var names []string
		for _, e := range polled {
			if now&e.mask&p.masks[i] != 0 {
				names = append(names, e.name)
			}
		}
		if len(names) > 0 {
			r.Polls = append(r.Polls, agent.PollFor{Socket: p.op.Request.Polls[i].Socket, Events: names})
		}
	}
	r.Value = len(r.Polls)
	return r
}

// servePolls ends the polls for which something is ready.
func (a *sockets) servePolls() {
	for _, p := range slices.Clone(a.polls) {
		if r := p.ready(); r.Value > 0 {
			a.endPoll(p, r)
		}
	}
}

func (a *sockets) endPoll(p *polling, r agent.Reply) {
	if p.timer != nil {
		p.timer.Stop()
	}
	a.polls = slices.DeleteFunc(a.polls, func(q *polling) bool { return q == p })
	a.end(p.op, r)
}

// endPolls ends the polls that ask about a socket which is to be closed.
func (a *sockets) endPolls(n int) {
	for _, p := range slices.Clone(a.polls) {
		if slices.ContainsFunc(p.op.Request.Polls, func(f agent.PollFor) bool { return f.Socket == n }) {
			a.endPoll(p, agent.Reply{Errno: "ECANCELED"})
		}
	}
}
