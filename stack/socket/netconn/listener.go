package netconn

import (
	"net"
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/socket"
)

// backlog is how many connections may wait for Accept; the configuration may have less.
const backlog = 128

// A Listener takes TCP connections. It implements net.Listener.
type Listener struct{ base }

var _ net.Listener = (*Listener)(nil)

// ListenTCP opens a socket, binds it and listens; port 0 takes one that is free, the unspecified address means all of its
// version of IP, the invalid AddrPort all there are.
func ListenTCP(door Door, y *socket.System, local netip.AddrPort) (*Listener, error) {
	l := &Listener{newBase(door, "tcp")}
	err := net.ErrClosed
	door.Do(func() { err = l.open(y, local) })
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: net.TCPAddrFromAddrPort(local), Err: err}
	}
	return l, nil
}

func (l *Listener) open(y *socket.System, local netip.AddrPort) error {
	s, err := open(y, socket.Stream, local)
	if err != nil {
		return err
	}
	if err = s.SetOption(socket.SOReuseAddr, socket.Value{Int: 1}); err == nil { // as package net: TIME-WAIT is no obstacle
		if err = s.Bind(local); err == nil {
			err = s.Listen(backlog)
		}
	}
	if err != nil {
		_ = s.Close() // it is open
		return err
	}
	l.adopt(s)
	return nil
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	return c, nil
}

// AcceptTCP is Accept with the type of what it gives.
func (l *Listener) AcceptTCP() (c *Conn, err error) {
	err = l.reads(func(s *socket.Socket) error {
		a, err := s.Accept()
		if err == nil {
			c = newConn(l.door, a)
		}
		return err
	})
	if err != nil {
		return nil, l.error("accept", l.local, err)
	}
	return c, nil
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return l.local }

// SetDeadline says when Accept fails. An instant in the past ends calls that wait.
func (l *Listener) SetDeadline(t time.Time) error { return l.SetReadDeadline(t) }
