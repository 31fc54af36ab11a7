package gvisor

import (
	"bytes"
	"net/netip"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/conform-stack/conform/harness/agent"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/waiter"
)

const maxDatagram = 65535 // octets that recv takes when the request does not say

// A socket is an endpoint with the calls that wait for it. The stack tells of readiness while it holds locks, so that is
// only noted; the world looks what can go on when the stack is idle.
type socket struct {
	endpoint tcpip.Endpoint
	ready    *waiter.Queue
	entry    waiter.Entry
	woken    atomic.Bool // the stack has told of something
	stream   bool
	packet   bool // it is of frames
	stamped  bool // times of arrival are asked for
	end      func(*agent.Op, agent.Reply)

	dials, sends, recvs waiting
}

// A call waits for the socket. try makes it once more; it goes on waiting when that would block.
type call struct {
	op   *agent.Op
	try  func(c *call) (agent.Reply, tcpip.Error)
	sent int // octets that a send has got rid of
}

// waiting is the calls of one kind, first come first served.
type waiting []*call

// anything is what an endpoint may tell of.
const anything = waiter.ReadableEvents | waiter.WritableEvents | waiter.EventErr | waiter.EventHUp | waiter.EventPri | waiter.EventRdHUp

func newSocket(e tcpip.Endpoint, ready *waiter.Queue, stream bool, end func(*agent.Op, agent.Reply)) *socket {
	s := &socket{endpoint: e, ready: ready, stream: stream, end: end}
	s.entry = waiter.NewFunctionEntry(anything, func(waiter.EventMask) { s.woken.Store(true) })
	ready.EventRegister(&s.entry)
	return s
}

// start puts a call behind those of its kind, and ends what can be. One that must not wait is made at once.
func (s *socket) start(line *waiting, op *agent.Op, try func(*call) (agent.Reply, tcpip.Error)) {
	c := &call{op: op, try: try}
	if slices.Contains(op.Request.Flags, "MSG_DONTWAIT") {
		r, err := try(c)
		if _, blocks := err.(*tcpip.ErrWouldBlock); blocks && c.sent > 0 {
			r, err = agent.Reply{Value: c.sent}, nil
		}
		s.end(op, failed(r, err))
		return
	}
	*line = append(*line, c)
	s.serve()
}

func failed(r agent.Reply, err tcpip.Error) agent.Reply {
	if err != nil {
		return agent.Reply{Errno: errno(err)}
	}
	return r
}

// serve ends the calls that need not wait any more.
func (s *socket) serve() {
	for _, line := range []*waiting{&s.dials, &s.sends, &s.recvs} {
		for len(*line) > 0 && s.finish(line) {
		}
	}
}

// finish tries the first call of a line; it is false when the call would block.
func (s *socket) finish(line *waiting) bool {
	c := (*line)[0]
	r, err := c.try(c)
	if _, blocks := err.(*tcpip.ErrWouldBlock); blocks {
		return false
	}
	*line = slices.Delete(*line, 0, 1)
	s.end(c.op, failed(r, err))
	return true
}

// messageFlags are those that the stack has, or that mean nothing to it.
var messageFlags = []string{"MSG_DONTWAIT", "MSG_PEEK", "MSG_MORE", "MSG_NOSIGNAL"} // never written

func refused(names []string) tcpip.Error {
	for _, n := range names {
		if !slices.Contains(messageFlags, n) {
			return &tcpip.ErrNotSupported{}
		}
	}
	return nil
}

// send takes what there is room for; on a stream it is over when all was taken or the connection breaks.
func (s *socket) send(c *call) (agent.Reply, tcpip.Error) {
	r := c.op.Request
	o := tcpip.WriteOptions{More: slices.Contains(r.Flags, "MSG_MORE")}
	if err := refused(r.Flags); err != nil {
		return agent.Reply{}, err
	}
	if s.packet && r.Link != nil {
		to := linkAddress(r.Link)
		o.To = &to
	} else if r.Remote.IsValid() {
		to, err := fullAddress(r.Remote)
		if err != nil {
			return agent.Reply{}, err
		}
		o.To = &to
	}
	for _, m := range r.Control {
		if m.Type != "IP_TTL" {
			return agent.Reply{}, &tcpip.ErrInvalidOptionValue{}
		}
		o.ControlMessages.HasTTL, o.ControlMessages.TTL = true, uint8(m.Value)
	}
	for {
		n, err := s.endpoint.Write(bytes.NewReader(r.Data[c.sent:]), o)
		c.sent += int(n)
		_, blocks := err.(*tcpip.ErrWouldBlock)
		switch {
		case err != nil && (blocks || c.sent == 0):
			return agent.Reply{}, err
		case err != nil, c.sent >= len(r.Data), !s.stream:
			return agent.Reply{Value: c.sent}, nil
		}
	}
}

func (s *socket) recv(c *call) (agent.Reply, tcpip.Error) {
	r := c.op.Request
	if err := refused(r.Flags); err != nil {
		return agent.Reply{}, err
	}
	size := r.Max
	if size <= 0 {
		size = maxDatagram
	}
	var data bytes.Buffer
	o := tcpip.ReadOptions{NeedRemoteAddr: !s.stream, NeedLinkPacketInfo: s.packet, Peek: slices.Contains(r.Flags, "MSG_PEEK")}
	got, err := s.endpoint.Read(&tcpip.LimitedWriter{W: &data, N: int64(size)}, o)
	if _, over := err.(*tcpip.ErrClosedForReceive); over && s.stream {
		return agent.Reply{Local: s.local()}, nil
	}
	if err != nil {
		return agent.Reply{}, err
	}
	reply := agent.Reply{Data: data.Bytes(), Value: got.Total, Local: s.local()}
	if s.stream {
		return reply, nil
	}
	m := got.ControlMessages
	if s.packet {
		reply.Local, reply.Link = netip.AddrPort{}, linkFrom(got)
	} else {
		reply.Remote = addrPort(got.RemoteAddr)
	}
	if s.stamped && m.HasTimestamp {
		reply.Control = append(reply.Control, agent.Control{Type: "SO_TIMESTAMP", Value: int(m.Timestamp.Truncate(time.Microsecond).UnixNano())})
	}
	if m.HasIPPacketInfo {
		to := addr(m.PacketInfo.DestinationAddr)
		reply.Local = netip.AddrPortFrom(to, reply.Local.Port())
		reply.Control = append(reply.Control, agent.Control{Type: "IP_PKTINFO", Addr: to, Ifindex: int(m.PacketInfo.NIC)})
	}
	if m.HasIPv6PacketInfo {
		to := addr(m.IPv6PacketInfo.Addr)
		reply.Local = netip.AddrPortFrom(to, reply.Local.Port())
		reply.Control = append(reply.Control, agent.Control{Type: "IPV6_PKTINFO", Addr: to, Ifindex: int(m.IPv6PacketInfo.NIC)})
	}
	if m.HasHopLimit {
		reply.Control = append(reply.Control, agent.Control{Type: "IPV6_HOPLIMIT", Value: int(m.HopLimit)})
	}
	if m.HasTClass {
		reply.Control = append(reply.Control, agent.Control{Type: "IPV6_TCLASS", Value: int(m.TClass)})
	}
	if m.HasTTL {
		reply.Control = append(reply.Control, agent.Control{Type: "IP_TTL", Value: int(m.TTL)})
	}
	if m.HasTOS {
		reply.Control = append(reply.Control, agent.Control{Type: "IP_TOS", Value: int(m.TOS)})
	}
	if got.Total > got.Count {
		reply.Flags = append(reply.Flags, "MSG_TRUNC")
	}
	return reply, nil
}

func (s *socket) bind(r agent.Request) agent.Reply {
	if s.packet {
		return s.bindLink(r.Link)
	}
	local, err := fullAddress(r.Local)
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

// close ends the calls that wait. As in gVisor's sentry a linger of no time makes it an abort.
func (s *socket) close() {
	s.ready.EventUnregister(&s.entry)
	if l := s.endpoint.SocketOptions().GetLinger(); s.stream && l.Enabled && l.Timeout == 0 {
		s.endpoint.Abort()
	} else {
		s.endpoint.Close()
	}
	for _, c := range slices.Concat(s.dials, s.sends, s.recvs) {
		s.end(c.op, agent.Reply{Errno: "ECANCELED"})
	}
	s.dials, s.sends, s.recvs = nil, nil, nil
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
	default:
		full := tcpip.FullAddress{Addr: tcpip.AddrFrom16(ip.As16()), Port: a.Port()}
		if n, err := strconv.ParseUint(ip.Zone(), 10, 31); err == nil {
			full.NIC = tcpip.NICID(n)
		} else if ip.Zone() != "" {
			return tcpip.FullAddress{}, &tcpip.ErrInvalidOptionValue{}
		}
		return full, nil
	}
}

func addrPort(a tcpip.FullAddress) netip.AddrPort { return netip.AddrPortFrom(addr(a.Addr), a.Port) }

// addr is 0.0.0.0 for no address.
func addr(a tcpip.Address) netip.Addr {
	switch a.Len() {
	case 4:
		return netip.AddrFrom4(a.As4())
	case 16:
		return netip.AddrFrom16(a.As16())
	}
	return netip.IPv4Unspecified()
}
