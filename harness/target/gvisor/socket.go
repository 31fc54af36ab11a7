package gvisor

import (
	"bytes"
	"net/netip"
	"slices"
	"sync"

	"github.com/conform-stack/conform/harness/agent"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/waiter"
)

const maxDatagram = 65535 // octets that recv takes when the request does not say

// A socket is an endpoint with the calls that wait for it. The stack tells of readiness while it holds locks, so a
// goroutine of the socket's own looks what can go on.
type socket struct {
	endpoint tcpip.Endpoint
	ready    *waiter.Queue
	entry    waiter.Entry
	end      func(*agent.Op, agent.Reply)
	quit     chan struct{}
	over     chan struct{}

	mu           sync.Mutex
	sends, recvs waiting
}

// waiting is the calls of one direction, first come first served.
type waiting []*agent.Op

func newSocket(e tcpip.Endpoint, ready *waiter.Queue, end func(*agent.Op, agent.Reply)) *socket {
	entry, wake := waiter.NewChannelEntry(waiter.ReadableEvents | waiter.WritableEvents | waiter.EventErr)
	s := &socket{endpoint: e, ready: ready, entry: entry, end: end, quit: make(chan struct{}), over: make(chan struct{})}
	ready.EventRegister(&s.entry)
	go s.run(wake)
	return s
}

func (s *socket) run(wake <-chan struct{}) {
	defer close(s.over)
	for {
		select {
		case <-wake:
			s.mu.Lock()
			s.serve()
			s.mu.Unlock()
		case <-s.quit:
			return
		}
	}
}

// start puts a call behind those of its direction, and ends what can be.
func (s *socket) start(direction *waiting, op *agent.Op) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*direction = append(*direction, op)
	s.serve()
}

// serve ends the calls that need not wait any more. The lock is held.
func (s *socket) serve() {
	for len(s.sends) > 0 && s.finish(&s.sends, s.send) {
	}
	for len(s.recvs) > 0 && s.finish(&s.recvs, s.recv) {
	}
}

// finish tries the first call of a direction; it is false when the call would block.
func (s *socket) finish(direction *waiting, try func(agent.Request) (agent.Reply, tcpip.Error)) bool {
	op := (*direction)[0]
	r, err := try(op.Request)
	if _, blocks := err.(*tcpip.ErrWouldBlock); blocks {
		return false
	}
	if err != nil {
		r = agent.Reply{Errno: errno(err)}
	}
	*direction = slices.Delete(*direction, 0, 1)
	s.end(op, r)
	return true
}

func (s *socket) send(r agent.Request) (agent.Reply, tcpip.Error) {
	var o tcpip.WriteOptions
	if r.Remote.IsValid() {
		to, err := fullAddress(r.Remote)
		if err != nil {
			return agent.Reply{}, err
		}
		o.To = &to
	}
	n, err := s.endpoint.Write(bytes.NewReader(r.Data), o)
	return agent.Reply{Value: int(n)}, err
}

func (s *socket) recv(r agent.Request) (agent.Reply, tcpip.Error) {
	size := r.Max
	if size <= 0 {
		size = maxDatagram
	}
	var data bytes.Buffer
	got, err := s.endpoint.Read(&tcpip.LimitedWriter{W: &data, N: int64(size)}, tcpip.ReadOptions{NeedRemoteAddr: true})
	if err != nil {
		return agent.Reply{}, err
	}
	reply := agent.Reply{Data: data.Bytes(), Remote: addrPort(got.RemoteAddr), Local: s.local()}
	if m := got.ControlMessages; m.HasIPPacketInfo {
		reply.Local = netip.AddrPortFrom(addr(m.PacketInfo.DestinationAddr), reply.Local.Port())
	}
	return reply, nil
}

func (s *socket) bind(to netip.AddrPort) agent.Reply {
	local, err := fullAddress(to)
	if err == nil {
		local.Addr = anyAddr(local.Addr)
		err = s.endpoint.Bind(local)
	}
	switch err.(type) {
	case nil:
		return agent.Reply{Local: s.local()}
	case *tcpip.ErrNoPortAvailable: // bind(2) has one error for a port that is taken and for no port at all
		err = &tcpip.ErrPortInUse{}
	}
	return agent.Reply{Errno: errno(err)}
}

func (s *socket) dial(to netip.AddrPort) agent.Reply {
	remote, err := fullAddress(to)
	if err == nil {
		err = s.endpoint.Connect(remote)
	}
	if err != nil {
		return agent.Reply{Errno: errno(err)}
	}
	return agent.Reply{Local: s.local()}
}

// close ends the calls that wait, and returns when the socket's goroutine is gone.
func (s *socket) close() {
	s.ready.EventUnregister(&s.entry)
	close(s.quit)
	<-s.over
	s.endpoint.Close()
	for _, op := range slices.Concat(s.sends, s.recvs) {
		s.end(op, agent.Reply{Errno: "ECANCELED"})
	}
	s.sends, s.recvs = nil, nil
}

func (s *socket) local() netip.AddrPort {
	a, err := s.endpoint.GetLocalAddress()
	if err != nil {
		return netip.AddrPort{}
	}
	return addrPort(a)
}

func fullAddress(a netip.AddrPort) (tcpip.FullAddress, tcpip.Error) {
	switch ip := a.Addr().Unmap(); {
	case !ip.IsValid():
		return tcpip.FullAddress{Port: a.Port()}, nil
	case ip.Is4():
		return tcpip.FullAddress{Addr: tcpip.AddrFrom4(ip.As4()), Port: a.Port()}, nil
	}
	return tcpip.FullAddress{}, &tcpip.ErrAddressFamilyNotSupported{}
}

func addrPort(a tcpip.FullAddress) netip.AddrPort { return netip.AddrPortFrom(addr(a.Addr), a.Port) }

// addr is 0.0.0.0 for no address.
func addr(a tcpip.Address) netip.Addr {
	if a.Len() != 4 {
		return netip.IPv4Unspecified()
	}
	return netip.AddrFrom4(a.As4())
}
