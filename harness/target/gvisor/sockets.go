package gvisor

import (
	"sync"

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
// otherwise when the endpoint is ready, or closed.
type sockets struct {
	stack *stack.Stack
	ended func(*agent.Op)

	mu   sync.Mutex
	open map[int]*socket
	last int // number of the socket opened last; numbers are never used again

	polls []*polling
}

func newSockets(s *stack.Stack, ended func(*agent.Op)) *sockets {
	return &sockets{stack: s, ended: ended, open: map[int]*socket{}}
}

// Start implements agent.Agent.
func (a *sockets) Start(r agent.Request) *agent.Op {
	op := &agent.Op{Request: r}
	switch r.Do {
	case agent.Open:
		a.end(op, a.openSocket(r))
		return op
	case agent.Poll:
		a.poll(op)
		return op
	}
	s := a.socket(r.Socket)
	if s == nil {
		a.end(op, agent.Reply{Errno: "EBADF"})
		return op
	}
	switch r.Do {
	case agent.Bind:
		a.end(op, s.bind(r.Local))
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
	return op
}

func (a *sockets) openSocket(r agent.Request) agent.Reply {
	network := ipv4.ProtocolNumber
	switch r.Family {
	case "", "inet":
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

// keep numbers a socket.
func (a *sockets) keep(s *socket) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last++
	a.open[a.last] = s
	return a.last
}

// ipprotoRaw is a socket that sends whole datagrams, of any protocol, and receives none (raw(7)).
const ipprotoRaw = 255

func (a *sockets) socket(n int) *socket {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.open[n]
}

func (a *sockets) close(n int) {
	a.mu.Lock()
	s := a.open[n]
	delete(a.open, n)
	a.mu.Unlock()
	a.endPolls(n)
	if s != nil {
		s.close()
	}
}

// closeAll closes what is open, in the order of opening.
func (a *sockets) closeAll() {
	a.mu.Lock()
	last := a.last
	a.mu.Unlock()
	for n := range last + 1 {
		a.close(n)
	}
}

func (a *sockets) end(op *agent.Op, r agent.Reply) {
	op.End(r)
	a.ended(op)
}

// anyAddr is what a socket is bound to when it takes datagrams for every address; the stack has it as no address.
func anyAddr(a tcpip.Address) tcpip.Address {
	if a == header.IPv4Any || a == header.IPv6Any {
		return tcpip.Address{}
	}
	return a
}
