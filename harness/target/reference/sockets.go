package reference

import (
	"errors"
	"net/netip"
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
}

// open is one socket, with the calls of recv that wait.
type open struct {
	socket  *socket.Socket
	waiting []*agent.Op
}

func newSockets(w *world) *sockets { return &sockets{world: w, open: map[int]*open{}} }

// Start implements agent.Agent.
func (a *sockets) Start(r agent.Request) *agent.Op {
	op := &agent.Op{Request: r}
	a.world.settle()
	if r.Do == agent.Open {
		reply, err := a.openSocket(r)
		a.end(op, reply, err)
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
	var reply agent.Reply
	var err error
	switch s := o.socket; r.Do {
	case agent.Bind:
		err = s.Bind(r.Local)
		reply.Local = s.Local()
	case agent.Dial:
		err = s.Connect(r.Remote)
		reply.Local = s.Local()
	case agent.Send:
		err = s.SendTo(r.Data, r.Remote)
		reply.Value = len(r.Data)
	case agent.Recv:
		o.waiting = append(o.waiting, op)
		a.serve(o)
		return op
	case agent.SetOpt:
		err = s.SetOption(socket.Option(r.Option), socket.Value{
			Int: r.Value, Bytes: r.Data, Group: r.Group, Interface: r.Local.Addr(), Sources: r.Sources,
		})
	case agent.GetOpt:
		reply.Value, err = s.GetOption(socket.Option(r.Option))
	case agent.Close:
		a.close(r.Socket)
	default:
		err = errors.New("ENOSYS")
	}
	a.end(op, reply, err)
	return op
}

var (
	families = map[string]socket.Family{"": socket.Inet, "inet": socket.Inet, "inet6": socket.Inet6} // never written
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
	a.last++
	o := &open{socket: s}
	a.open[a.last] = o
	s.OnReady(func() { a.serve(o) })
	return agent.Reply{Socket: a.last}, nil
}

// serve ends the calls of recv that can be, first come first served.
func (a *sockets) serve(o *open) {
	for len(o.waiting) > 0 && o.socket.Readable() {
		op := o.waiting[0]
		o.waiting = slices.Delete(o.waiting, 0, 1)
		size := op.Request.Max
		if size <= 0 {
			size = maxDatagram
		}
		buf := make([]byte, size)
		m, err := o.socket.Recv(buf)
		a.end(op, agent.Reply{
			Data: buf[:m.N:m.N], Remote: m.From,
			Local: netip.AddrPortFrom(m.To, o.socket.Local().Port()),
		}, err)
	}
}

func (a *sockets) close(n int) {
	o := a.open[n]
	delete(a.open, n)
	_ = o.socket.Close() // it is open
	for _, op := range o.waiting {
		a.end(op, agent.Reply{}, errors.New("ECANCELED"))
	}
	o.waiting = nil
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
		r = agent.Reply{Errno: err.Error()}
	}
	op.End(r)
	a.world.events = append(a.world.events, target.Event{At: a.world.loop.Now(), Op: op})
}
