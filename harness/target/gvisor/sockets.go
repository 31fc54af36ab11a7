package gvisor

import (
	"github.com/conform-stack/conform/harness/agent"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// sockets is the agent: it has the stack's own endpoints. A call ends inside Start when the stack answers at once, and
// otherwise when the endpoint is ready, or closed. The stack's goroutines only say that an endpoint may be ready.
type sockets struct {
	world *world
	stack *stack.Stack
	open  map[int]*socket
	last  int // number of the socket opened last; numbers are never used again
	polls []*polling
}

func newSockets(w *world) *sockets {
	return &sockets{world: w, stack: w.stack, open: map[int]*socket{}}
}

// Start implements agent.Agent.
func (a *sockets) Start(r agent.Request) *agent.Op {
	op := &agent.Op{Request: r}
	err := a.world.guard(func() error {
		if err := a.world.settle(); err != nil { // what was sent before has come
			return err
		}
		a.start(op)
		return a.world.settle()
	})
	if err != nil {
		a.world.failed = err
	}
	return op
}

func (a *sockets) start(op *agent.Op) {
	r := op.Request
	if reply, ok := a.world.manage(r); ok {
		a.end(op, reply)
		return
	}
	switch r.Do {
	case agent.Open:
		a.end(op, a.openSocket(r))
		return
	case agent.Poll:
		a.poll(op)
		return
	}
	s := a.open[r.Socket]
	if s == nil {
		a.end(op, agent.Reply{Errno: "EBADF"})
		return
	}
	switch r.Do {
	case agent.Bind:
		a.end(op, s.bind(r))
	case agent.Listen:
		a.end(op, s.listen(r.Value))
	case agent.Dial:
		a.dial(op, s)
	case agent.Send:
		s.start(&s.sends, op, s.send)
	case agent.Recv:
		s.start(&s.recvs, op, s.recv)
	case agent.Accept:
		s.start(&s.recvs, op, a.acceptOn(s))
	case agent.Shutdown:
		a.end(op, s.shutdown(r.Value))
	case agent.SockName:
		if s.packet {
			a.end(op, agent.Reply{Link: s.linkName()})
			return
		}
		a.end(op, agent.Reply{Local: s.local()})
	case agent.PeerName:
		a.end(op, s.peerName())
	case agent.SetOpt:
		a.end(op, s.setOption(r))
	case agent.GetOpt:
		a.end(op, s.getOption(r))
	case agent.Close:
		a.close(r.Socket)
		a.end(op, agent.Reply{})
	default:
		a.end(op, agent.Reply{Errno: "ENOSYS"})
	}
}

// serve goes on with the calls of sockets that the stack has told of, in the order in which they were opened. It is false
// when it told of none.
func (a *sockets) serve() (served bool) {
	for n := 1; n <= a.last; n++ {
		if s := a.open[n]; s != nil && s.woken.Swap(false) {
			s.serve()
			served = true
		}
	}
	if served {
		a.servePolls()
	}
	return served
}

func (a *sockets) openSocket(r agent.Request) agent.Reply {
	network := ipv4.ProtocolNumber
	switch r.Family {
	case "", "inet":
	case "packet":
		return a.openPacket(r)
	case "inet6":
		network = ipv6.ProtocolNumber
		if !a.stack.CheckNetworkProtocol(network) {
			return agent.Reply{Errno: "EAFNOSUPPORT"}
		}
	default:
		return agent.Reply{Errno: "EAFNOSUPPORT"}
	}
	ready := &waiter.Queue{}
	var e tcpip.Endpoint
	var err tcpip.Error
	switch {
	case (r.Type == "" || r.Type == "dgram") && (r.Protocol == 0 || r.Protocol == int(udp.ProtocolNumber)):
		e, err = a.stack.NewEndpoint(udp.ProtocolNumber, network, ready)
	case r.Type == "" || r.Type == "dgram":
		return agent.Reply{Errno: "EPROTONOSUPPORT"}
	case r.Type == "stream" && (r.Protocol == 0 || r.Protocol == int(tcp.ProtocolNumber)):
		e, err = a.stack.NewEndpoint(tcp.ProtocolNumber, network, ready)
	case r.Type == "stream":
		return agent.Reply{Errno: "EPROTONOSUPPORT"}
	case r.Type == "raw": // those of the stack's protocols alone, and the one that sends whole datagrams
		e, err = a.stack.NewRawEndpoint(tcpip.TransportProtocolNumber(r.Protocol), network, ready, r.Protocol != ipprotoRaw)
	default:
		return agent.Reply{Errno: "ESOCKTNOSUPPORT"}
	}
	switch err.(type) {
	case nil:
	case *tcpip.ErrUnknownProtocol:
		return agent.Reply{Errno: "EPROTONOSUPPORT"}
	default:
		return agent.Reply{Errno: errno(err)}
	}
	if r.Type != "stream" {
		e.SocketOptions().SetReceivePacketInfo(true) // so that recv can tell the destination address
		e.SocketOptions().SetIPv6ReceivePacketInfo(network == ipv6.ProtocolNumber)
	}
	return agent.Reply{Socket: a.keep(newSocket(e, ready, r.Type == "stream", a.end))}
}

// openPacket opens a socket of frames.
func (a *sockets) openPacket(r agent.Request) agent.Reply {
	if r.Type != "raw" && r.Type != "dgram" && r.Type != "" {
		return agent.Reply{Errno: "ESOCKTNOSUPPORT"}
	}
	ready := &waiter.Queue{}
	e, err := a.stack.NewPacketEndpoint(r.Type != "raw", tcpip.NetworkProtocolNumber(r.Protocol), ready)
	if err != nil {
		return agent.Reply{Errno: errno(err)}
	}
	s := newSocket(e, ready, false, a.end)
	s.packet = true
	return agent.Reply{Socket: a.keep(s)}
}

// keep numbers a socket.
func (a *sockets) keep(s *socket) int {
	a.last++
	a.open[a.last] = s
	return a.last
}

// ipprotoRaw is a socket that sends whole datagrams, of any protocol, and receives none (raw(7)).
const ipprotoRaw = 255

func (a *sockets) close(n int) {
	s := a.open[n]
	delete(a.open, n)
	a.endPolls(n)
	if s != nil {
		s.close()
	}
}

// closeAll closes what is open, in the order of opening.
func (a *sockets) closeAll() {
	for n := range a.last + 1 {
		a.close(n)
	}
}

func (a *sockets) end(op *agent.Op, r agent.Reply) {
	op.End(r)
	a.world.events.ended(op)
}

// anyAddr is what a socket is bound to when it takes datagrams for every address; the stack has it as no address.
func anyAddr(a tcpip.Address) tcpip.Address {
	if a == header.IPv4Any || a == header.IPv6Any {
		return tcpip.Address{}
	}
	return a
}
