package netconn

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/socket"
)

// A Dialer opens connections from a node, by the strings that package net takes: its DialContext fits into an
// http.Transport.
type Dialer struct {
	Door   Door
	System *socket.System
	Local  netip.AddrPort // the invalid AddrPort: the node chooses
	// Resolve finds the addresses of a name, in order of preference. Without it only addresses in figures are taken.
	Resolve func(ctx context.Context, name string) ([]netip.Addr, error)
}

// DialContext opens a connection: of TCP for tcp, tcp4 and tcp6, of UDP for udp, udp4 and udp6. Of several addresses the
// first that answers is taken; the error is that of the last.
func (d *Dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	fail := func(err error) (net.Conn, error) { return nil, &net.OpError{Op: "dial", Net: network, Err: err} }
	if len(network) < 3 || (network[:3] != "tcp" && network[:3] != "udp") || len(network) > 3 && network[3:] != "4" && network[3:] != "6" {
		return fail(net.UnknownNetworkError(network))
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return fail(err)
	}
	port, err := net.LookupPort(network, service)
	if err != nil {
		return fail(err)
	}
	addrs, err := d.addresses(ctx, host)
	if err != nil {
		return fail(err)
	}
	last := error(&net.AddrError{Err: "no address of this network", Addr: host})
	for _, a := range addrs {
		if a = a.Unmap(); len(network) > 3 && a.Is4() != (network[3:] == "4") {
			continue
		}
		to := netip.AddrPortFrom(a, uint16(port))
		var c net.Conn
		if network[:3] == "tcp" {
			c, last = asConn(DialTCP(ctx, d.Door, d.System, d.Local, to))
		} else {
			c, last = asConn(DialUDP(d.Door, d.System, d.Local, to))
		}
		if last == nil || ctx.Err() != nil {
			return c, last
		}
	}
	var op *net.OpError
	if errors.As(last, &op) {
		return nil, last
	}
	return fail(last)
}

// asConn keeps nil nil.
func asConn[C net.Conn](c C, err error) (net.Conn, error) {
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (d *Dialer) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	a, err := netip.ParseAddr(host)
	switch {
	case err == nil:
		return []netip.Addr{a}, nil
	case d.Resolve == nil:
		return nil, &net.DNSError{Err: "no resolver", Name: host, IsNotFound: true}
	}
	return d.Resolve(ctx, host)
}

// DialTCP connects to remote; the invalid local lets the node choose. When ctx ends before there is a connection, the
// error answers to context.Canceled or os.ErrDeadlineExceeded; afterwards ctx has no say.
func DialTCP(ctx context.Context, door Door, y *socket.System, local, remote netip.AddrPort) (*Conn, error) {
	fail := func(err error) (*Conn, error) {
		e := &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(remote), Err: err}
		if local.IsValid() {
			e.Source = net.TCPAddrFromAddrPort(local)
		}
		return nil, e
	}
	if err := ctx.Err(); err != nil {
		return fail(ended(err))
	}
	c := &Conn{base: newBase(door, "tcp"), writing: make(chan struct{}, 1)}
	err := net.ErrClosed
	door.Do(func() { err = c.connect(y, local, remote) })
	if err != nil {
		return fail(err)
	}
	stop := context.AfterFunc(ctx, func() { c.write.set(longAgo) })
	err = c.writes(connected)
	if !stop() && err == nil { // it has ended meanwhile, and the connection is there all the same
		err = os.ErrDeadlineExceeded
	}
	if err != nil {
		_ = c.Close() // it is open
		if ctx.Err() != nil && errors.Is(err, os.ErrDeadlineExceeded) {
			err = ended(ctx.Err())
		}
		return fail(err)
	}
	door.Do(func() { c.adopt(c.socket) })
	if c.remote == nil { // closed with its node, or reset at once
		_ = c.Close() // it is open
		return fail(errno.ECONNRESET)
	}
	return c, nil
}

// connect begins a connection, on the loop.
func (c *Conn) connect(y *socket.System, local, remote netip.AddrPort) error {
	s, err := open(y, socket.Stream, remote)
	if err != nil {
		return err
	}
	c.adopt(s)
	_ = s.SetOption(socket.TCPNoDelay, socket.Value{Int: 1}) // a stream has it
	if local.IsValid() {
		err = s.Bind(local)
	}
	if err == nil {
		err = s.Connect(remote)
	}
	if err != nil && err != errno.EINPROGRESS {
		_ = s.Close() // it is open
		return err
	}
	return nil
}

// connected says EAGAIN until the outcome is there.
func connected(s *socket.Socket) error {
	if !s.Writable() {
		return errno.EAGAIN
	}
	return s.TakeError()
}

// ended is why a context has ended, as package net says it.
func ended(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return os.ErrDeadlineExceeded
	}
	return err
}

// DialUDP opens a socket of UDP that is connected: Write sends to remote, Read takes what comes from there, and an error
// that a datagram met, such as ECONNREFUSED, ends one call.
func DialUDP(door Door, y *socket.System, local, remote netip.AddrPort) (*PacketConn, error) {
	c := &PacketConn{newBase(door, "udp")}
	err := net.ErrClosed
	door.Do(func() {
		err = c.open(y, local, func(s *socket.Socket) error { return s.Connect(remote) }, remote, local)
	})
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "udp", Addr: net.UDPAddrFromAddrPort(remote), Err: err}
	}
	return c, nil
}
