package reference

import (
	"errors"
	"slices"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/socket"
)

const maxDatagram = 65535 // octets that recv takes when the request does not say

// sockets is the agent: it has the node's own sockets. Every end of an operation is an event, whether it came inside
// Start or later.
type sockets struct {
	world *world
	open  map[int]*open
	last  int // number of the socket opened last; numbers are never used again
	polls []*polling
}

func newSockets(w *world) *sockets { return &sockets{world: w, open: map[int]*open{}} }

// Start implements agent.Agent.
func (a *sockets) Start(r agent.Request) *agent.Op {
	op := &agent.Op{Request: r}
	a.world.settle()
	switch r.Do {
	case agent.Open:
		reply, err := a.openSocket(r)
		a.end(op, reply, err)
		return op
	case agent.Poll:
		a.poll(op)
		return op
	}
	if reply, ok, err := a.world.management.serve(r); ok {
		a.end(op, reply, err)
		return op
	}
	o := a.open[r.Socket]
	if o == nil {
		a.end(op, agent.Reply{}, errno.EBADF)
		return op
	}
	switch r.Do {
	case agent.Dial:
		a.dial(o, op)
	case agent.Send:
		a.wait(o, &o.writes, op, a.send)
	case agent.Recv:
		a.wait(o, &o.reads, op, a.recv)
	case agent.Accept:
		a.wait(o, &o.reads, op, a.accept)
	default:
		reply, err := a.now(o.socket, r)
		a.end(op, reply, err)
	}
	return op
}

// now makes the calls that never wait.
func (a *sockets) now(s *socket.Socket, r agent.Request) (reply agent.Reply, err error) {
	switch r.Do {
	case agent.Bind:
		if r.Link != nil {
			return bindLink(s, r.Link)
		}
		err = s.Bind(r.Local)
		reply.Local = s.Local()
	case agent.Listen:
		err = s.Listen(r.Value)
		reply.Local = s.Local()
	case agent.Shutdown:
		err = s.Shutdown(socket.How(r.Value))
	case agent.SockName:
		reply.Local, reply.Link = s.Local(), linkName(s)
	case agent.PeerName:
		reply.Remote, err = s.Peer()
	case agent.SetOpt:
		err = s.SetOption(socket.Option(r.Option), socket.Value{
			Int: r.Value, Bytes: r.Data, Group: r.Group, Interface: r.Local.Addr(), Index: r.Iface, Sources: r.Sources,
		})
	case agent.GetOpt:
		reply, err = getOption(s, r.Option)
	case agent.Close:
		a.close(r.Socket)
	default:
		err = errors.New("ENOSYS")
	}
	return reply, err
}

// requests are what is asked of a socket by ioctl, and by an option's name through the agent.
var requests = map[string]socket.Request{ // never written
	"SIOCATMARK": socket.SIOCAtMark, "SIOCINQ": socket.FIONRead, "SIOCOUTQ": socket.SIOCOutQ,
}

func getOption(s *socket.Socket, name string) (agent.Reply, error) {
	if r, ok := requests[name]; ok {
		n, err := s.Ioctl(r, 0)
		return agent.Reply{Value: n}, err
	}
	v, err := s.GetValue(socket.Option(name))
	return agent.Reply{Value: v.Int, Data: v.Bytes}, err
}

var (
	families = map[string]socket.Family{"": socket.Inet, "inet": socket.Inet, "inet6": socket.Inet6, "packet": socket.Packet} // never written
	types    = map[string]socket.Type{"": socket.Dgram, "dgram": socket.Dgram, "stream": socket.Stream, "raw": socket.Raw}
)

func (a *sockets) openSocket(r agent.Request) (agent.Reply, error) {
	f, ok := families[r.Family]
	if !ok {
		return agent.Reply{}, errno.EAFNOSUPPORT
	}
	t, ok := types[r.Type]
	if !ok {
		return agent.Reply{}, errno.ESOCKTNOSUPPORT
	}
	s, err := a.world.node.Sockets.Open(f, t, r.Protocol)
	if err != nil {
		return agent.Reply{}, err
	}
	return agent.Reply{Socket: a.keep(s)}, nil
}

// keep numbers a socket.
func (a *sockets) keep(s *socket.Socket) int {
	a.last++
	o := &open{socket: s}
	a.open[a.last] = o
	s.OnReady(func() { a.serve(o) })
	return a.last
}

func (a *sockets) close(n int) {
	o := a.open[n]
	delete(a.open, n)
	a.endPolls(n)
	o.serving = true     // what waits ends below
	_ = o.socket.Close() // it is open
	for _, w := range slices.Concat(o.dials, o.writes, o.reads) {
		a.end(w.op, agent.Reply{}, errors.New("ECANCELED"))
	}
	o.dials, o.writes, o.reads = nil, nil, nil
}

// closeAll closes what is open, in the order of opening.
func (a *sockets) closeAll() {
	for n := range a.last + 1 {
		if a.open[n] != nil {
			a.close(n)
		}
	}
}

func (a *sockets) end(op *agent.Op, r agent.Reply, err error) {
	if err != nil {
		r = agent.Reply{Errno: err.Error(), Local: r.Local}
	}
	op.End(r)
	a.world.events = append(a.world.events, target.Event{At: a.world.loop.Now(), Op: op})
}
