package socket

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/tcp"
	"github.com/conform-stack/conform/stack/wire"
)

// stream is a socket of TCP. A socket of IPv6 speaks IPv4 as well unless it is of IPv6 only: bound to an address of IPv4,
// its endpoint is one of IPv4; listening at all addresses, it takes connections of both.
type stream struct {
	socket *Socket
	e      *tcp.Endpoint
	set    []setting // what the user has set, in order of the first time
	ready  func()
}

type setting struct {
	option tcp.Option
	value  int
}

func (s *Socket) openStream() error {
	if err := s.protocolOf(wire.TCP); err != nil {
		return err
	}
	e, err := s.system.TCP.Open(s.family.ip())
	if err != nil {
		return err
	}
	e.Dual = s.family == Inet6
	s.onStream(e)
	return nil
}

func (s *Socket) onStream(e *tcp.Endpoint) {
	t := &stream{socket: s, e: e}
	s.endpoint, s.stream, s.options = t, t, &e.Options
}

// inside is an address as TCP has it.
func (t *stream) inside(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// outside is an address as the user of the socket writes it.
func (t *stream) outside(a netip.AddrPort) netip.AddrPort {
	if t.socket.family == Inet6 && a.Addr().Is4() {
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr().As16()), a.Port())
	}
	return a
}

func (t *stream) bind(a netip.AddrPort) error {
	if err := t.socket.mayBind(a.Addr(), false); err != nil {
		return err
	}
	if a.Addr().Is4In6() && t.e.Local().Port() == 0 {
		if err := t.becomeIPv4(); err != nil {
			return err
		}
	}
	return t.e.Bind(t.inside(a))
}

// becomeIPv4 takes an endpoint of IPv4 in place of the one of IPv6, before anything was done with that.
func (t *stream) becomeIPv4() error {
	old := t.e
	e, err := t.socket.system.TCP.Open(ip.V4)
	if err != nil {
		return err
	}
	e.Options, e.Reuse, e.ReusePort, e.Ports = old.Options, old.Reuse, old.ReusePort, old.Ports
	for _, s := range t.set {
		_ = e.SetOption(s.option, s.value) // the other one has taken it
	}
	t.e, t.socket.options = e, &e.Options
	old.Close()
	t.onReady(t.ready)
	return nil
}

// connect does not undo a connection: a stream has none that ends without a word.
func (t *stream) connect(a netip.AddrPort) error {
	if !a.IsValid() {
		return errno.EAFNOSUPPORT
	}
	return t.e.Connect(t.inside(a))
}

func (t *stream) listen(backlog int) error { return t.e.Listen(backlog) }

func (t *stream) accept(y *System) (*Socket, error) {
	if len(y.open) >= y.max {
		return nil, errno.EMFILE
	}
	e, err := t.e.Accept()
	if err != nil {
		return nil, err
	}
	from := t.socket
	s := &Socket{
		system: y, family: from.family, typ: from.typ, protocol: from.protocol, v6only: from.v6only,
		rcvTimeout: from.rcvTimeout, sndTimeout: from.sndTimeout,
	}
	s.onStream(e)
	y.add(s)
	return s, nil
}

func (t *stream) listens() bool { return t.e.State() == tcp.Listen }

// send to an address is EISCONN on a stream that is connected (POSIX; Linux looks past it).
func (t *stream) send(b []byte, o *outgoing) (int, error) {
	if o.to.IsValid() && t.e.State() >= tcp.Established {
		return 0, errno.EISCONN
	}
	var f tcp.Flags
	if o.flags&OOB != 0 {
		f |= tcp.OOB
	}
	if o.flags&More != 0 {
		f |= tcp.More
	}
	return t.e.Send(b, f)
}

func (t *stream) recv(b []byte, f Flags, m *Message) error {
	if f&ErrQueue != 0 {
		return errno.EAGAIN
	}
	var tf tcp.Flags
	if f&OOB != 0 {
		tf |= tcp.OOB
	}
	if f&Peek != 0 {
		tf |= tcp.Peek
	}
	if t.listens() { // no connection is to be read from
		return errno.ENOTCONN
	}
	n, err := t.e.Recv(b, tf) // whom it tells may read
	*m = Message{N: n, Len: n, Flags: f & OOB}
	return err
}

func (t *stream) shutdown(h How) error {
	return t.e.Shutdown([...]tcp.How{Read: tcp.Read, Write: tcp.Write, Both: tcp.Both}[h])
}

func (t *stream) local() netip.AddrPort { return t.outside(t.e.Local()) }

// peer is there while there is a connection.
func (t *stream) peer() netip.AddrPort {
	switch t.e.State() {
	case tcp.Closed, tcp.Listen, tcp.SynSent, tcp.SynReceived:
		return netip.AddrPort{}
	}
	return t.outside(t.e.Peer())
}

func (t *stream) takeError() error { return t.e.TakeError() }
func (t *stream) pending() int     { return t.e.Info().Unread }
func (t *stream) close()           { t.e.Close() }

func (t *stream) readable() bool {
	return t.e.Ready()&(tcp.Readable|tcp.HangUp|tcp.Failed|tcp.PeerClosed) != 0
}

func (t *stream) onReady(f func()) {
	t.ready = f
	t.e.SetReady(func(tcp.Ready) { f() })
}

func (t *stream) events() (e Event) {
	r := t.e.Ready()
	for _, m := range [...]struct {
		tcp tcp.Ready
		e   Event
	}{
		{tcp.Readable, In}, {tcp.Writable, Writing}, {tcp.HangUp, HangUp},
		{tcp.Failed, Err}, {tcp.Urgent, Pri}, {tcp.PeerClosed, PeerClosed},
	} {
		if r&m.tcp != 0 {
			e |= m.e
		}
	}
	return e
}

func (t *stream) ioctl(r Request) (int, error) {
	switch r {
	case SIOCAtMark:
		return toInt(t.e.AtMark()), nil
	case SIOCOutQ:
		if t.listens() {
			return 0, errno.EINVAL
		}
		i := t.e.Info()
		return i.InFlight + i.Unsent, nil
	}
	return 0, errno.EINVAL
}

// TCP is the endpoint of a stream, for those who want to know more of it; nil of other sockets.
func (s *Socket) TCP() *tcp.Endpoint {
	if s.stream == nil {
		return nil
	}
	return s.stream.e
}
