package tcp

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
)

// An Endpoint is one user of TCP: not yet anything, a listener, or one side of a connection.
type Endpoint struct {
	Options   ip.Options // may be changed at any time; a connection takes them for what it sends next
	Reuse     bool       // SO_REUSEADDR: the port may be taken although connections still use it
	ReusePort bool       // SO_REUSEPORT: all who say so may be bound alike, and listen, and share the connections by flow
	Ports     ip.Ports   // from which one is chosen
	AllErrors bool       // errors that do not end the connection are told as well (3.9.1.8, MUST-47)
	Dual      bool       // of an IPv6 listener: it takes connections by IPv4 as well

	tcp      *TCP
	family   ip.Family
	local    netip.AddrPort // without port: not bound
	set      settings
	conn     *conn     // once connected, for ever
	listener *listener // once listening
	ready    func(Ready)
	closed   bool
}

// Bind gives the endpoint a local port, 0 for any that is free, and a local address of its family, the zero Addr for all.
func (e *Endpoint) Bind(a netip.AddrPort) error {
	if e.closed {
		return errno.EBADF
	}
	if e.local.Port() != 0 {
		return errno.EINVAL
	}
	addr := a.Addr()
	if addr.IsUnspecified() {
		addr = netip.Addr{}
	}
	if addr.IsValid() {
		n := e.tcp.demux.Network(e.family)
		switch {
		case ip.FamilyOf(addr) != e.family || n == nil:
			return errno.EAFNOSUPPORT
		case addr.IsMulticast() || n.IsBroadcast(addr) || !n.Holds(addr) && !addr.IsLoopback():
			return errno.EADDRNOTAVAIL
		}
	}
	port := a.Port()
	if port == 0 {
		var err error
		if port, err = e.tcp.ports.ephemeral(e.Ports); err != nil {
			return err
		}
	}
	b := netip.AddrPortFrom(addr, port)
	if !e.tcp.ports.mayBind(e, b) {
		return errno.EADDRINUSE
	}
	e.local = b
	e.tcp.ports.add(e)
	return nil
}

// Local is what the endpoint is bound to; its address is the zero Addr when it is bound to all.
func (e *Endpoint) Local() netip.AddrPort {
	if e.conn != nil {
		return e.conn.local
	}
	return e.local
}

// Peer is what the endpoint is connected to; invalid when it never was.
func (e *Endpoint) Peer() netip.AddrPort {
	if e.conn != nil {
		return e.conn.peer
	}
	return netip.AddrPort{}
}

// Family is the version of IP of the endpoint.
func (e *Endpoint) Family() ip.Family { return e.family }

// State is that of the connection; Listen for a listener.
func (e *Endpoint) State() State {
	switch {
	case e.conn != nil:
		return e.conn.state
	case e.listener != nil:
		return Listen
	}
	return Closed
}

// SetReady says who is told when readiness has changed, within the call or event that changes it. nil for nobody.
func (e *Endpoint) SetReady(f func(Ready)) { e.ready = f }

// Ready is what the endpoint is ready for.
func (e *Endpoint) Ready() Ready {
	switch {
	case e.listener != nil:
		return e.listener.ready()
	case e.conn != nil:
		return e.conn.ready()
	}
	return Writable | HangUp
}

// notify tells the user that readiness may have changed. Readable and Urgent are told again when more has come.
func (e *Endpoint) notify() {
	if e.ready != nil {
		e.ready(e.Ready())
	}
}

// TakeError gives what went wrong with the connection, once.
func (e *Endpoint) TakeError() error {
	if e.conn == nil {
		return nil
	}
	return e.conn.takeError()
}

// Close ends the use of the endpoint. A listener resets what nobody has accepted. A connection goes on by itself until
// what was sent is acknowledged, as far as Linger allows; one with data that was not read is reset (RFC 9293, 3.6.1).
func (e *Endpoint) Close() {
	if e.closed {
		return
	}
	e.closed, e.ready = true, nil
	switch {
	case e.listener != nil:
		e.listener.close()
	case e.conn != nil:
		e.conn.userClose()
	}
	if e.local.Port() != 0 {
		e.tcp.ports.remove(e)
	}
	e.tcp.endpoints--
}

// Abort ends the use of the endpoint, and its connection with a reset (3.10.5).
func (e *Endpoint) Abort() {
	if e.closed {
		return
	}
	if e.conn != nil {
		e.conn.abort(errno.ECONNABORTED)
	}
	e.Close()
}
