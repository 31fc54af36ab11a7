package socket

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/inbox"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/raw"
	"github.com/conform-stack/conform/stack/udp"
	"github.com/conform-stack/conform/stack/wire"
)

// transport is what UDP and raw IP have in common.
type transport interface {
	Bind(netip.AddrPort) error
	Connect(netip.AddrPort) error
	SendFrom(b []byte, from netip.Addr, to netip.AddrPort) error
	Local() netip.AddrPort
	Peer() netip.AddrPort
	Close()
}

// datagram is a socket of UDP or of raw IP.
type datagram struct {
	mailbox
	transport
	socket *Socket
	held   []byte   // of a datagram that MSG_MORE says is longer
	rest   outgoing // of that one: what the first call said
}

func (s *Socket) openDatagram() error {
	if err := s.protocolOf(wire.UDP); err != nil {
		return err
	}
	e := s.system.UDP.Open(s.family.ip())
	e.Wants, e.Dual = s.wants, s.family == Inet6
	s.udp, s.options = e, &e.Options
	s.openMailbox(&datagram{mailbox: mailbox{inbox: &e.Inbox}, transport: e, socket: s})
	return nil
}

func (s *Socket) openRaw() {
	e := s.system.Raw.Open(s.family.ip(), wire.Protocol(s.protocol))
	e.HeaderWritten = s.family == Inet && wire.Protocol(s.protocol) == rawProtocol
	s.raw, s.options, s.v6only = e, &e.Options, true
	s.openMailbox(&datagram{mailbox: mailbox{inbox: &e.Inbox}, transport: e, socket: s})
}

func (s *Socket) openMailbox(d *datagram) { s.endpoint, s.mail = d, &d.mailbox }

var (
	_ transport = (*udp.Endpoint)(nil)
	_ transport = (*raw.Endpoint)(nil)
)

func (d *datagram) bind(a netip.AddrPort) error {
	if err := d.socket.mayBind(a.Addr(), true); err != nil {
		return err
	}
	return d.Bind(a)
}

func (d *datagram) connect(a netip.AddrPort) error { return d.Connect(a) }

func (d *datagram) send(b []byte, o *outgoing) (int, error) {
	if d.shutDown {
		return 0, errno.EPIPE
	}
	if o.flags&OOB != 0 {
		return 0, errno.EOPNOTSUPP
	}
	if len(d.held)+len(b) > min(d.socket.sndbuf, 65535) { // as BSD says: a datagram has room in the send buffer
		return 0, errno.EMSGSIZE
	}
	if o.flags&More == 0 && d.held == nil {
		if err := d.sendWhole(b, o); err != nil {
			return 0, err
		}
		return len(b), nil
	}
	return d.hold(b, o)
}

// sendWhole sends a datagram. That it is larger than its path takes is recorded, with the MTU (IP_RECVERR).
func (d *datagram) sendWhole(b []byte, o *outgoing) error {
	err := d.SendFrom(b, o.from, o.to)
	if err != errno.EMSGSIZE || !d.inbox.Recording {
		return err
	}
	to := o.to
	if !to.IsValid() {
		to = d.Peer()
	}
	dst := to.Addr().Unmap()
	by, e := d.socket.system.IP.Network(ip.FamilyOf(dst)).Path(&ip.Send{Dst: dst, Out: d.socket.options.Out})
	if e == nil {
		d.inbox.Note(inbox.Failure{Err: errno.EMSGSIZE, Peer: to, MTU: by.MTU}, b)
	}
	return err
}

// hold makes one datagram of what several calls give: all but the last say MSG_MORE, and the first says where it goes. An
// error is that of the whole, which is lost.
func (d *datagram) hold(b []byte, o *outgoing) (int, error) {
	if d.held == nil {
		d.rest = *o
		d.held = make([]byte, 0, len(b))
	}
	d.held = append(d.held, b...)
	if o.flags&More != 0 {
		return len(b), nil
	}
	whole := d.held
	d.held = nil
	if err := d.sendWhole(whole, &d.rest); err != nil {
		return 0, err
	}
	return len(b), nil
}

// shutdown of a socket without a peer is ENOTCONN (POSIX).
func (d *datagram) shutdown(h How) error {
	if !d.Peer().Addr().IsValid() {
		return errno.ENOTCONN
	}
	return d.shut(h)
}

func (d *datagram) local() netip.AddrPort { return d.Local() }
func (d *datagram) peer() netip.AddrPort  { return d.Peer() }
func (d *datagram) close()                { d.Close() }
