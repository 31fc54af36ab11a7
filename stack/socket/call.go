package socket

import (
	"net/netip"
	"strconv"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
)

// How says which half of a connection Shutdown closes, as POSIX numbers them.
type How uint8

const (
	Read  How = iota // SHUT_RD
	Write            // SHUT_WR
	Both             // SHUT_RDWR
)

// Bind sets the local address and port; port 0 takes one that is free, the unspecified address means all. A link-local
// address of IPv6 may have a zone, which binds to that interface.
func (s *Socket) Bind(a netip.AddrPort) error {
	if s.closed {
		return errno.EBADF
	}
	a, in, err := s.address(a)
	switch {
	case err == errno.ENETUNREACH: // IPv4 on a socket of IPv6 only
		return errno.EINVAL
	case err != nil:
		return err
	}
	if err := s.endpoint.bind(a); err != nil {
		return err
	}
	if in != nil {
		s.options.Out = in
	}
	return nil
}

// Connect sets the peer of a datagram socket; the invalid AddrPort undoes it. On a stream it begins a connection:
// EINPROGRESS, and the socket becomes writable when there is one, or when SO_ERROR tells why there is none.
func (s *Socket) Connect(a netip.AddrPort) error {
	if s.closed {
		return errno.EBADF
	}
	var in *iface.Iface
	if a.IsValid() {
		var err error
		if a, in, err = s.address(a); err != nil {
			return err
		}
	}
	if in == nil {
		return s.endpoint.connect(a)
	}
	kept := s.options.Out
	s.options.Out = in
	err := s.endpoint.connect(a)
	if err != nil && err != errno.EINPROGRESS {
		s.options.Out = kept
	}
	return err
}

// Listen lets a stream take connections: as many as backlog at a time that nobody has accepted yet.
func (s *Socket) Listen(backlog int) error {
	if s.closed {
		return errno.EBADF
	}
	if l, ok := s.endpoint.(listener); ok {
		return l.listen(backlog)
	}
	return errno.EOPNOTSUPP
}

// Accept takes the connection that waits longest. EAGAIN when none does, EINVAL when the socket does not listen, EMFILE
// when too many sockets are open; the connection then goes on waiting.
func (s *Socket) Accept() (*Socket, error) {
	if s.closed {
		return nil, errno.EBADF
	}
	if l, ok := s.endpoint.(listener); ok {
		return l.accept(s.system)
	}
	return nil, errno.EOPNOTSUPP
}

// Shutdown closes one half or both. What arrives after Read was closed is still read; then comes the end. Sending after
// Write was closed is EPIPE.
func (s *Socket) Shutdown(h How) error {
	if s.closed {
		return errno.EBADF
	}
	if h > Both {
		return errno.EINVAL
	}
	return s.endpoint.shutdown(h)
}

// Local is the local address; its port is 0 before there is one.
func (s *Socket) Local() netip.AddrPort {
	a := s.endpoint.local()
	switch {
	case a.Addr().IsValid():
		return a
	case s.family == Inet6:
		return netip.AddrPortFrom(netip.IPv6Unspecified(), a.Port())
	case s.family == Inet:
		return netip.AddrPortFrom(netip.IPv4Unspecified(), a.Port())
	}
	return a
}

// Peer is whom the socket is connected to; ENOTCONN when to nobody.
func (s *Socket) Peer() (netip.AddrPort, error) {
	if a := s.endpoint.peer(); a.Addr().IsValid() {
		return a, nil
	}
	return netip.AddrPort{}, errno.ENOTCONN
}

// TakeError takes the pending error; nil when there is none (SO_ERROR).
func (s *Socket) TakeError() error {
	if s.closed {
		return errno.EBADF
	}
	return s.endpoint.takeError()
}

// address takes an address of the socket's family, and the interface that its zone names. A socket of IPv6 takes
// addresses of IPv4 that are mapped into IPv6, unless it is of IPv6 only: ENETUNREACH.
func (s *Socket) address(a netip.AddrPort) (netip.AddrPort, *iface.Iface, error) {
	addr := a.Addr()
	switch {
	case !addr.IsValid():
		return a, nil, nil
	case s.family == Inet:
		addr = addr.Unmap()
		if !addr.Is4() {
			return a, nil, errno.EAFNOSUPPORT
		}
	case s.family == Inet6:
		switch {
		case addr.Is4():
			return a, nil, errno.EAFNOSUPPORT
		case addr.Is4In6() && (s.v6only || s.system.IP.Network(ip.V4) == nil):
			return a, nil, errno.ENETUNREACH
		}
	default:
		return a, nil, errno.EAFNOSUPPORT
	}
	addr, in, err := s.inZone(addr)
	return netip.AddrPortFrom(addr, a.Port()), in, err
}

// inZone takes the zone of an address, by an interface's name or number (RFC 4007, 11.2). A link-local address of one
// host always has the name of its zone from there on; if the user has not said which, it is that of the interface bound
// to, or the one by which the address is reached. With other addresses the interface is all that the zone says.
func (s *Socket) inZone(a netip.Addr) (netip.Addr, *iface.Iface, error) {
	zone, local := a.Zone(), a.IsLinkLocalUnicast() && a.Is6()
	switch {
	case zone != "":
		in := s.system.byName(zone)
		if index, err := strconv.Atoi(zone); err == nil && in == nil {
			in = s.system.byIndex(index)
		}
		switch {
		case in == nil:
			return a, nil, errno.ENODEV
		case !local:
			return a.WithZone(""), in, nil
		case in.Name != zone:
			a = a.WithZone(in.Name)
		}
	case !local:
	case s.options.Out != nil:
		a = a.WithZone(s.options.Out.Name)
	default:
		n := s.system.IP.Network(ip.V6)
		if in := n.InterfaceOf(a); in != nil {
			return a.WithZone(in.Name), nil, nil
		}
		if by, err := n.Path(&ip.Send{Dst: a}); err == nil {
			a = a.WithZone(by.Out.Name)
		}
	}
	return a, nil, nil
}

// mayBind tells why an address is none to bind to; groups says whether groups and broadcast addresses are.
func (s *Socket) mayBind(a netip.Addr, groups bool) error {
	if !a.IsValid() || a.IsUnspecified() {
		return nil
	}
	a = a.Unmap()
	n := s.system.IP.Network(ip.FamilyOf(a))
	switch {
	case a.IsUnspecified(), a.IsLoopback() && a.Is4(), n.Holds(a), groups && (a.IsMulticast() || n.IsBroadcast(a)):
		return nil
	}
	return errno.EADDRNOTAVAIL
}
