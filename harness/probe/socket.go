package probe

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/target"
)

// ended hands an ended operation to whoever waits for it.
func (p *P) ended(op *agent.Op) {
	if f := p.pending[op]; f != nil {
		delete(p.pending, op)
		r, _ := op.Done()
		f(r)
	}
}

// start begins a call on the target. then, if not nil, gets its reply; at once when it has returned already.
func (p *P) start(r agent.Request, then func(agent.Reply)) *agent.Op {
	a := p.world.Agent()
	if a == nil {
		panic(fmt.Errorf("the check uses the target's sockets without declaring that it needs %q", target.Agent))
	}
	op := a.Start(r)
	if then == nil {
		return op
	}
	if reply, done := op.Done(); done {
		then(reply)
		return op
	}
	p.pending[op] = then
	return op
}

// call makes a call that returns without the tester's help.
func (p *P) call(r agent.Request) (agent.Reply, error) {
	op := p.start(r, nil)
	reply, done := p.awaitOp(op, p.patience())
	if !done {
		return agent.Reply{}, fmt.Errorf("%s did not return in %v", r.Do, p.patience())
	}
	return reply, reply.Err()
}

// awaitOp lets time pass until op has ended. Frames that come are kept.
func (p *P) awaitOp(op *agent.Op, within time.Duration) (agent.Reply, bool) {
	for until := p.Now() + within; ; {
		if r, done := op.Done(); done {
			return r, true
		}
		f, more := p.next(until)
		if f != nil {
			p.inbox = append(p.inbox, f)
		}
		if !more {
			r, done := op.Done()
			return r, done
		}
	}
}

// Socket is a socket of the target, driven by the agent. A call that is preparation and fails ends the check as
// an error; what a check is about is asked with the calls that return an error.
type Socket struct {
	p     *P
	id    int
	Local netip.AddrPort
	// Remote is the peer of a connection that was accepted.
	Remote netip.AddrPort
}

// Open opens a socket: family inet or inet6, type dgram, stream or raw. It is closed when the check ends.
func (p *P) Open(family, kind string, protocol int) *Socket {
	r, err := p.call(agent.Request{Do: agent.Open, Family: family, Type: kind, Protocol: protocol})
	switch {
	case err != nil && (r.Errno == "EMFILE" || r.Errno == "ENFILE"):
		p.Inconclusive("the target has no more sockets: %v", err)
	case err != nil:
		panic(fmt.Errorf("opening a socket (%s, %s) on the target: %w", family, kind, err))
	}
	s := &Socket{p: p, id: r.Socket}
	p.Cleanup(func() { p.start(agent.Request{Do: agent.Close, Socket: s.id}, nil) })
	return s
}

// UDP opens a UDP socket bound to the given port of all IPv4 addresses; 0 for any.
func (p *P) UDP(port uint16) *Socket {
	return p.UDPAt(netip.AddrPortFrom(netip.IPv4Unspecified(), port))
}

// UDPAt opens a UDP socket bound to an address.
func (p *P) UDPAt(local netip.AddrPort) *Socket {
	family := "inet"
	if local.Addr().Is6() {
		family = "inet6"
	}
	s := p.Open(family, "dgram", 0)
	if err := s.Bind(local); err != nil {
		panic(fmt.Errorf("binding a UDP socket of the target to %s: %w", local, err))
	}
	return s
}

// Bind gives the socket a local address.
func (s *Socket) Bind(local netip.AddrPort) error {
	r, err := s.p.call(agent.Request{Do: agent.Bind, Socket: s.id, Local: local})
	if err == nil {
		s.Local = r.Local
	}
	return err
}

// Connect fixes the peer of a UDP socket.
func (s *Socket) Connect(remote netip.AddrPort) error {
	r, err := s.p.call(agent.Request{Do: agent.Dial, Socket: s.id, Remote: remote})
	if err == nil {
		s.Local = r.Local
	}
	return err
}

// SendTo sends a datagram; the zero remote is the connected peer's.
func (s *Socket) SendTo(data []byte, remote netip.AddrPort) error {
	_, err := s.p.call(agent.Request{Do: agent.Send, Socket: s.id, Data: data, Remote: remote})
	return err
}

// SetOption sets an option by its POSIX or Linux name.
func (s *Socket) SetOption(name string, value int) error {
	_, err := s.p.call(agent.Request{Do: agent.SetOpt, Socket: s.id, Option: name, Value: value})
	return err
}

// SetOptionOctets sets an option that is not a number, such as IP_OPTIONS.
func (s *Socket) SetOptionOctets(name string, value []byte) error {
	_, err := s.p.call(agent.Request{Do: agent.SetOpt, Socket: s.id, Option: name, Data: value})
	return err
}

// Join and Leave are IP_ADD_MEMBERSHIP and IP_DROP_MEMBERSHIP, or IPV6_JOIN_GROUP and IPV6_LEAVE_GROUP on the first link.
func (s *Socket) Join(group netip.Addr) error {
	return s.membership("IP_ADD_MEMBERSHIP", group, netip.Addr{})
}

// JoinOn joins a group on the interface that has the address local.
func (s *Socket) JoinOn(local, group netip.Addr) error {
	return s.membership("IP_ADD_MEMBERSHIP", group, local)
}

// Leave leaves a group.
func (s *Socket) Leave(group netip.Addr) error {
	return s.membership("IP_DROP_MEMBERSHIP", group, netip.Addr{})
}

// LeaveOn leaves a group on the interface that has the address local.
func (s *Socket) LeaveOn(local, group netip.Addr) error {
	return s.membership("IP_DROP_MEMBERSHIP", group, local)
}

// SetMulticastInterface is IP_MULTICAST_IF or IPV6_MULTICAST_IF: what the socket sends to groups goes out where the target
// has the address local.
func (s *Socket) SetMulticastInterface(local netip.Addr) error {
	r := agent.Request{Do: agent.SetOpt, Socket: s.id, Option: "IP_MULTICAST_IF", Local: netip.AddrPortFrom(local, 0)}
	if local.Is6() {
		r = agent.Request{Do: agent.SetOpt, Socket: s.id, Option: "IPV6_MULTICAST_IF", Value: s.p.ifindexOf(local)}
	}
	_, err := s.p.call(r)
	return err
}

// SetSource changes by one source what the socket wants of a group (RFC 3678, section 4.1.3): IP_ADD_SOURCE_MEMBERSHIP,
// IP_DROP_SOURCE_MEMBERSHIP, IP_BLOCK_SOURCE or IP_UNBLOCK_SOURCE; of a group of IPv6, what section 5.1.2 has for them.
func (s *Socket) SetSource(option string, group, source netip.Addr) error {
	r := agent.Request{Do: agent.SetOpt, Socket: s.id, Option: option, Group: group, Sources: []netip.Addr{source}}
	_, err := s.p.call(s.p.of6(r))
	return err
}

// SetFilter is IP_MSFILTER: a group that the socket has joined is wanted from these sources only, or from all but these.
func (s *Socket) SetFilter(group netip.Addr, exclude bool, sources ...netip.Addr) error {
	mode := 1 // MCAST_INCLUDE
	if exclude {
		mode = 0
	}
	r := agent.Request{Do: agent.SetOpt, Socket: s.id, Option: "IP_MSFILTER", Value: mode, Group: group, Sources: sources}
	_, err := s.p.call(s.p.of6(r))
	return err
}

// Recv starts a receive. It ends when a datagram or an error is there.
func (s *Socket) Recv() *Receiving {
	return s.start(agent.Request{Do: agent.Recv, Max: 65535})
}

// Close closes the socket.
func (s *Socket) Close() error {
	_, err := s.p.call(agent.Request{Do: agent.Close, Socket: s.id})
	return err
}

// A Call on a socket is under way.
type Call struct {
	p  *P
	op *agent.Op
}

// Receiving is a receive under way.
type Receiving = Call

// Await waits for its end; ok is false when it has not come.
func (c *Call) Await(within time.Duration) (reply agent.Reply, ok bool) {
	return c.p.awaitOp(c.op, within)
}

// Delivered waits as long as for a frame.
func (c *Call) Delivered() (reply agent.Reply, ok bool) { return c.Await(c.p.patience()) }

// Done is the reply if the call has ended; no time passes.
func (c *Call) Done() (reply agent.Reply, ok bool) { return c.op.Done() }

// UDPEcho is the port of a UDP echo service on the target: one that runs there, or a socket that the agent serves.
func (p *P) UDPEcho() uint16 { return p.echoAt(netip.IPv4Unspecified()) }

func (p *P) echoAt(any netip.Addr) uint16 {
	if p.net.Service.IsValid() {
		return p.net.Service.Port()
	}
	s := p.UDPAt(netip.AddrPortFrom(any, 7))
	var serve func(agent.Reply)
	serve = func(r agent.Reply) {
		if r.Errno != "" && !fromICMP[r.Errno] {
			return // the socket is gone
		}
		if r.Errno == "" {
			p.start(agent.Request{Do: agent.Send, Socket: s.id, Data: r.Data, Remote: r.Remote}, func(agent.Reply) {})
		}
		p.start(agent.Request{Do: agent.Recv, Socket: s.id, Max: 65535}, serve)
	}
	p.start(agent.Request{Do: agent.Recv, Socket: s.id, Max: 65535}, serve)
	return s.Local.Port()
}

// fromICMP are the errors that an earlier answer of the service may leave on its socket.
var fromICMP = map[string]bool{"ECONNREFUSED": true, "EHOSTUNREACH": true, "ENETUNREACH": true, "ENOPROTOOPT": true, "EMSGSIZE": true}
