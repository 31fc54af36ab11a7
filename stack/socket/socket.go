// Package socket is the sockets of a node, as BSD has them: open, bind, connect, send, recv, close, options, with POSIX's
// errors (package errno).
//
// Calls never block. What would block is EAGAIN, and OnReady tells when it is worth another try; package netconn makes
// blocking calls of that. Everything happens on the node's loop.
package socket

import (
	"net/netip"
	"slices"

	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/inbox"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/raw"
	"github.com/conform-stack/conform/stack/udp"
	"github.com/conform-stack/conform/stack/wire"
)

// A Family is an address family.
type Family uint8

const (
	Inet Family = 1 + iota
	Inet6
)

// ip is the version of IP; there are no others.
func (f Family) ip() ip.Family {
	if f == Inet6 {
		return ip.V6
	}
	return ip.V4
}

// A Type is a kind of socket.
type Type uint8

const (
	Dgram Type = 1 + iota
	Stream
	Raw
)

// System opens sockets. Protocols that are nil are not there.
type System struct {
	IP     *ip.Demux // knows which families there are
	UDP    *udp.UDP
	Raw    *raw.Raw
	Ifaces func() []*iface.Iface

	max    int
	noLoop bool      // what sockets begin with
	open   []*Socket // in order of opening
}

// NewSystem makes the sockets of a node. The configuration is resolved.
func NewSystem(c config.Config) *System {
	return &System{max: c.Sockets, noLoop: !c.MulticastLoop.On()}
}

// endpoint is what a transport gives a socket.
type endpoint interface {
	Bind(netip.AddrPort) error
	Connect(netip.AddrPort) error
	Send(b []byte, to netip.AddrPort) error
	Local() netip.AddrPort
	Peer() netip.AddrPort
	Close()
}

// A Socket is an open socket.
type Socket struct {
	system   *System
	family   Family
	network  ip.Network // of the family
	typ      Type
	protocol wire.Protocol
	endpoint endpoint
	inbox    *inbox.Inbox
	options  *ip.Options
	udp      *udp.Endpoint // one of both
	raw      *raw.Endpoint
	groups   []membership
	closed   bool
}

// Open opens a socket. Protocol 0 is the usual one of a type: UDP for Dgram. EMFILE says that too many are open.
func (y *System) Open(f Family, t Type, protocol int) (*Socket, error) {
	if f != Inet && f != Inet6 {
		return nil, errno.EAFNOSUPPORT
	}
	n := y.IP.Network(f.ip())
	switch {
	case n == nil:
		return nil, errno.EAFNOSUPPORT
	case protocol < 0 || protocol > 255:
		return nil, errno.EINVAL
	case len(y.open) >= y.max:
		return nil, errno.EMFILE
	}
	s := &Socket{system: y, family: f, network: n, typ: t, protocol: wire.Protocol(protocol)}
	switch {
	case t == Dgram && y.UDP != nil:
		if s.protocol != 0 && s.protocol != wire.UDP {
			return nil, errno.EPROTONOSUPPORT
		}
		e := y.UDP.Open(f.ip())
		e.Wants = s.wants
		s.protocol, s.endpoint, s.inbox, s.options, s.udp = wire.UDP, e, &e.Inbox, &e.Options, e
	case t == Raw && y.Raw != nil:
		e := y.Raw.Open(f.ip(), s.protocol)
		e.HeaderWritten = s.protocol == rawProtocol
		s.endpoint, s.inbox, s.options, s.raw = e, &e.Inbox, &e.Options, e
	default:
		return nil, errno.ESOCKTNOSUPPORT
	}
	s.options.NoLoop = y.noLoop
	y.open = append(y.open, s)
	return s, nil
}

// rawProtocol is IPPROTO_RAW: the user writes headers, and receives nothing.
const rawProtocol wire.Protocol = 255

// Close closes all sockets.
func (y *System) Close() {
	for len(y.open) > 0 {
		_ = y.open[0].Close() // it is open
	}
}

// Len is the number of open sockets.
func (y *System) Len() int { return len(y.open) }

// OnReady has f called when there is something to read or an error to learn of; nil for nobody.
func (s *Socket) OnReady(f func()) { s.inbox.Ready = f }

// Readable tells whether Recv would give something other than EAGAIN.
func (s *Socket) Readable() bool { return s.inbox.Waiting() > 0 || s.inbox.Failed() }

// Bind sets the local address and port; port 0 takes one that is free, the unspecified address means all.
func (s *Socket) Bind(a netip.AddrPort) error {
	if s.closed {
		return errno.EBADF
	}
	a, err := s.address(a)
	if err != nil {
		return err
	}
	if addr := a.Addr(); addr.IsValid() && !addr.IsUnspecified() && !addr.IsMulticast() && !addr.IsLoopback() &&
		!s.network.Holds(addr) && !s.network.IsBroadcast(addr) {
		return errno.EADDRNOTAVAIL
	}
	return s.endpoint.Bind(a)
}

// Connect sets the peer of a datagram socket; the invalid AddrPort undoes it.
func (s *Socket) Connect(a netip.AddrPort) error {
	if s.closed {
		return errno.EBADF
	}
	if a.IsValid() {
		var err error
		if a, err = s.address(a); err != nil {
			return err
		}
	}
	return s.endpoint.Connect(a)
}

// address takes an address of the socket's family.
func (s *Socket) address(a netip.AddrPort) (netip.AddrPort, error) {
	addr := a.Addr()
	if s.family == Inet {
		addr = addr.Unmap()
	}
	if addr.IsValid() && ip.FamilyOf(addr) != s.family.ip() {
		return netip.AddrPort{}, errno.EAFNOSUPPORT
	}
	return netip.AddrPortFrom(addr, a.Port()), nil
}

// Send sends a datagram to the peer connected to.
func (s *Socket) Send(b []byte) error { return s.SendTo(b, netip.AddrPort{}) }

// SendTo sends a datagram. An error that earlier datagrams met is told first, once, and nothing is sent then.
func (s *Socket) SendTo(b []byte, to netip.AddrPort) error {
	if s.closed {
		return errno.EBADF
	}
	if err := s.TakeError(); err != nil {
		return err
	}
	if to.IsValid() {
		var err error
		if to, err = s.address(to); err != nil {
			return err
		}
	}
	return s.endpoint.Send(b, to)
}

// A Message is what Recv gives beside the data.
type Message struct {
	N         int            // octets written to the buffer
	Truncated bool           // the datagram was longer; the rest is lost
	From      netip.AddrPort // port 0 on a raw socket
	To        netip.Addr     // the destination address
	In        *iface.Iface
	TTL, TOS  uint8
	Options   []byte // of IPv4, nil without any
}

// Recv reads a datagram. EAGAIN says that none waits; another error is what datagrams sent earlier met, told once.
func (s *Socket) Recv(b []byte) (m Message, err error) {
	if s.closed {
		return m, errno.EBADF
	}
	if err := s.TakeError(); err != nil {
		return m, err
	}
	r, ok := s.inbox.Recv()
	if !ok {
		return m, errno.EAGAIN
	}
	m = Message{From: r.From, To: r.To, In: r.In, TTL: r.TTL, TOS: r.TOS}
	m.N = copy(b, r.Packet.Bytes())
	m.Truncated = m.N < r.Packet.Len()
	if r.Options != nil {
		m.Options = append([]byte(nil), r.Options...)
	}
	r.Packet.Free()
	return m, nil
}

// TakeError takes the pending error; nil when there is none (SO_ERROR).
func (s *Socket) TakeError() error {
	if f, ok := s.inbox.Failure(); ok {
		return f.Err
	}
	return nil
}

// Local is the local address; its port is 0 before there is one.
func (s *Socket) Local() netip.AddrPort {
	a := s.endpoint.Local()
	switch {
	case a.Addr().IsValid():
		return a
	case s.family == Inet6:
		return netip.AddrPortFrom(netip.IPv6Unspecified(), a.Port())
	}
	return netip.AddrPortFrom(netip.IPv4Unspecified(), a.Port())
}

// Peer is whom the socket is connected to; ENOTCONN when to nobody.
func (s *Socket) Peer() (netip.AddrPort, error) {
	if a := s.endpoint.Peer(); a.Addr().IsValid() {
		return a, nil
	}
	return netip.AddrPort{}, errno.ENOTCONN
}

// Close closes the socket: what waits to be read is dropped, groups are left. A second time is EBADF.
func (s *Socket) Close() error {
	if s.closed {
		return errno.EBADF
	}
	s.closed = true
	s.leaveAll()
	s.endpoint.Close()
	s.system.open = slices.DeleteFunc(s.system.open, func(x *Socket) bool { return x == s })
	return nil
}
