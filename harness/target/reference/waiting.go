package reference

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/socket"
)

// open is one socket, with the calls that wait: those of one kind end in the order of their start.
type open struct {
	socket               *socket.Socket
	dials, writes, reads []*waiting
	serving              bool
}

// waiting is a call that would have blocked. try makes it once more; EAGAIN says that it goes on waiting.
type waiting struct {
	op   *agent.Op
	try  func(o *open, w *waiting) (agent.Reply, error)
	sent int // octets that a send has got rid of
}

// wait makes a call, now or when it can be made. Behind others of its kind it waits for them, unless it must not wait.
func (a *sockets) wait(o *open, line *[]*waiting, op *agent.Op, try func(*open, *waiting) (agent.Reply, error)) {
	w := &waiting{op: op, try: try}
	if slices.Contains(op.Request.Flags, "MSG_DONTWAIT") {
		reply, err := try(o, w)
		if errors.Is(err, errno.EAGAIN) && w.sent > 0 {
			reply, err = agent.Reply{Value: w.sent}, nil
		}
		a.end(op, reply, err)
		return
	}
	*line = append(*line, w)
	a.serve(o)
}

// serve ends the calls that can be.
func (a *sockets) serve(o *open) {
	if o.serving { // a call that is made may make the socket ready
		return
	}
	o.serving = true
	defer func() { o.serving = false }()
	for again := true; again; {
		again = false
		for _, line := range []*[]*waiting{&o.dials, &o.reads, &o.writes} {
			for len(*line) > 0 {
				w := (*line)[0]
				reply, err := w.try(o, w)
				if errors.Is(err, errno.EAGAIN) {
					break
				}
				again = true
				*line = slices.Delete(*line, 0, 1)
				a.end(w.op, reply, err)
			}
		}
	}
}

// dial begins to connect. A stream's call ends with the outcome.
func (a *sockets) dial(o *open, op *agent.Op) {
	err := o.socket.Connect(op.Request.Remote)
	if errors.Is(err, errno.EINPROGRESS) && !slices.Contains(op.Request.Flags, "MSG_DONTWAIT") {
		o.dials = append(o.dials, &waiting{op: op, try: connected})
		a.serve(o)
		return
	}
	a.end(op, agent.Reply{Local: o.socket.Local()}, err)
}

// connected looks for the outcome of a connect: the socket is writable when there is one.
func connected(o *open, _ *waiting) (agent.Reply, error) {
	if !o.socket.Writable() {
		return agent.Reply{}, errno.EAGAIN
	}
	return agent.Reply{Local: o.socket.Local()}, o.socket.TakeError()
}

func (a *sockets) accept(o *open, _ *waiting) (agent.Reply, error) {
	s, err := o.socket.Accept()
	if err != nil {
		return agent.Reply{}, err
	}
	peer, _ := s.Peer() // it may be gone already
	return agent.Reply{Socket: a.keep(s), Local: s.Local(), Remote: peer}, nil
}

// flags are those of messages that calls take here. MSG_DONTWAIT is the agent's own business: no call blocks.
var flags = map[string]socket.Flags{ // never written
	"MSG_DONTWAIT": 0, "MSG_OOB": socket.OOB, "MSG_PEEK": socket.Peek, "MSG_TRUNC": socket.Trunc, "MSG_WAITALL": socket.WaitAll,
	"MSG_DONTROUTE": socket.DontRoute, "MSG_MORE": socket.More, "MSG_NOSIGNAL": socket.NoSignal, "MSG_ERRQUEUE": socket.ErrQueue,
}

func flagsOf(names []string) (all socket.Flags, err error) {
	for _, n := range names {
		f, ok := flags[n]
		if !ok {
			return 0, errno.EOPNOTSUPP
		}
		all |= f
	}
	return all, nil
}

// send takes as much as there is room for. It is over when all was taken, or when the connection breaks: then the next
// call tells the error.
func (a *sockets) send(o *open, w *waiting) (agent.Reply, error) {
	r := w.op.Request
	how, err := flagsOf(r.Flags)
	if err != nil {
		return agent.Reply{}, err
	}
	out := socket.Out{To: r.Remote, Link: linkTo(r.Link), Flags: how}
	for _, c := range r.Control {
		out.Control = append(out.Control, socket.Control{Type: socket.Option(c.Type), Int: c.Value, Addr: c.Addr, Index: c.Ifindex})
	}
	for {
		n, err := o.socket.SendMsg(r.Data[w.sent:], out)
		w.sent += max(0, n)
		switch {
		case errors.Is(err, errno.EAGAIN):
			return agent.Reply{}, err
		case err != nil && w.sent == 0:
			return agent.Reply{}, err
		case err != nil, w.sent >= len(r.Data):
			return agent.Reply{Value: w.sent, Local: o.socket.Local()}, nil
		}
	}
}

// received are the flags that a receive may give.
var received = []string{"MSG_OOB", "MSG_ERRQUEUE"} // never written

func (a *sockets) recv(o *open, w *waiting) (agent.Reply, error) {
	how, err := flagsOf(w.op.Request.Flags)
	if err != nil {
		return agent.Reply{}, err
	}
	size := w.op.Request.Max
	if size <= 0 {
		size = maxDatagram
	}
	buf := make([]byte, size)
	m, err := o.socket.RecvMsg(buf, how)
	if err != nil {
		return agent.Reply{}, err
	}
	reply := agent.Reply{Data: buf[:m.N:m.N], Value: m.Len, Remote: m.From, Local: netip.AddrPortFrom(m.To, o.socket.Local().Port())}
	if m.Truncated {
		reply.Flags = append(reply.Flags, "MSG_TRUNC")
	}
	for _, name := range received {
		if m.Flags&flags[name] != 0 {
			reply.Flags = append(reply.Flags, name)
		}
	}
	if m.Link != (socket.LinkAddr{}) {
		reply.Link = linkFrom(m.Link)
	}
	for _, c := range m.Control {
		to := agent.Control{Type: string(c.Type), Value: c.Int, Addr: c.Addr, Ifindex: c.Index}
		if c.Time != 0 {
			to.Value = int(c.Time)
		}
		reply.Control = append(reply.Control, to)
	}
	return reply, nil
}

// events are those of poll by the agent's names.
var events = []struct { // never written
	name string
	bit  socket.Event
}{{"in", socket.In}, {"out", socket.Writing}, {"pri", socket.Pri}, {"err", socket.Err}, {"hup", socket.HangUp}, {"rdhup", socket.PeerClosed}}

// polling is a poll under way.
type polling struct {
	op    *agent.Op
	wait  *socket.Waiting
	polls []socket.Poll
}

func (a *sockets) poll(op *agent.Op) {
	p := &polling{op: op}
	for _, want := range op.Request.Polls {
		o := a.open[want.Socket]
		if o == nil {
			a.end(op, agent.Reply{}, errno.EBADF)
			return
		}
		q := socket.Poll{Socket: o.socket}
		for _, e := range events {
			if slices.Contains(want.Events, e.name) {
				q.Events |= e.bit
			}
		}
		p.polls = append(p.polls, q)
	}
	if n, err := a.world.node.Sockets.Poll(p.polls); n > 0 || err != nil || op.Request.Value == 0 {
		a.end(op, p.ready(), err)
		return
	}
	var err error
	p.wait, err = a.world.node.Sockets.Wait(p.polls, time.Duration(op.Request.Value)*time.Millisecond, func(int) {
		a.polls = slices.DeleteFunc(a.polls, func(q *polling) bool { return q == p })
		a.end(op, p.ready(), nil)
	})
	if err != nil {
		a.end(op, agent.Reply{}, err)
		return
	}
	a.polls = append(a.polls, p)
}

func (p *polling) ready() (r agent.Reply) {
	for i, q := range p.polls {
		var names []string
		for _, e := range events {
			if q.Ready&e.bit != 0 {
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

// endPolls ends the polls that ask about a socket which is to be closed.
func (a *sockets) endPolls(n int) {
	for _, p := range slices.Clone(a.polls) {
		if slices.ContainsFunc(p.op.Request.Polls, func(f agent.PollFor) bool { return f.Socket == n }) {
			p.wait.Cancel()
			a.polls = slices.DeleteFunc(a.polls, func(q *polling) bool { return q == p })
			a.end(p.op, agent.Reply{}, errors.New("ECANCELED"))
		}
	}
}
