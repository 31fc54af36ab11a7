// Package netconn makes the net package's connections of a live node's sockets: calls that block, with deadlines, that
// may be used from any goroutine.
//
//	l, err := netconn.ListenTCP(node, node.Sockets, netip.MustParseAddrPort("192.0.2.1:80"))
//	err = http.Serve(l, handler)
//
//	d := netconn.Dialer{Door: node, System: node.Sockets}
//	client := http.Client{Transport: &http.Transport{DialContext: d.DialContext}}
package netconn

import (
	"net"
	"net/netip"

	"github.com/conform-stack/conform/stack/socket"
)

// A PacketConn is a UDP socket. It implements net.PacketConn, and net.Conn when it has a peer; errors are of type
// *net.OpError and answer to net.ErrClosed and os.ErrDeadlineExceeded.
type PacketConn struct{ base }

var (
	_ net.PacketConn = (*PacketConn)(nil)
	_ net.Conn       = (*PacketConn)(nil)
)

// ListenPacket opens a UDP socket and binds it; port 0 takes one that is free, the unspecified address means all of its
// version of IP, the invalid AddrPort all there are.
func ListenPacket(door Door, y *socket.System, local netip.AddrPort) (*PacketConn, error) {
	c := &PacketConn{newBase(door, "udp")}
	err := net.ErrClosed
	door.Do(func() { err = c.open(y, local, nil, local) })
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "udp", Addr: net.UDPAddrFromAddrPort(local), Err: err}
	}
	return c, nil
}

// open opens and binds a socket, on the loop, of the family of one of some addresses.
func (c *PacketConn) open(y *socket.System, local netip.AddrPort, then func(*socket.Socket) error, of ...netip.AddrPort) error {
	s, err := open(y, socket.Dgram, of...)
	if err != nil {
		return err
	}
	if local.IsValid() || then == nil {
		err = s.Bind(local)
	}
	if err == nil && then != nil {
		err = then(s)
	}
	if err != nil {
		_ = s.Close() // it is open
		return err
	}
	c.adopt(s)
	return nil
}

// ReadFrom implements net.PacketConn. What a longer datagram holds beyond b is lost. An error that an earlier datagram
// met, such as ECONNREFUSED, ends one call.
func (c *PacketConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := c.ReadFromAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// ReadFromAddrPort is ReadFrom without the allocation of an address.
func (c *PacketConn) ReadFromAddrPort(b []byte) (n int, from netip.AddrPort, err error) {
	var m socket.Message
	err = c.reads(func(s *socket.Socket) (err error) {
		m, err = s.Recv(b)
		return err
	})
	if err != nil {
		return 0, from, c.error("read", nil, err)
	}
	return m.N, netip.AddrPortFrom(m.From.Addr().Unmap(), m.From.Port()), nil
}

// Read implements net.Conn.
func (c *PacketConn) Read(b []byte) (int, error) {
	n, _, err := c.ReadFromAddrPort(b)
	return n, err
}

// WriteTo implements net.PacketConn. The address is a *net.UDPAddr.
func (c *PacketConn) WriteTo(b []byte, to net.Addr) (int, error) {
	a, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, c.error("write", to, net.InvalidAddrError("a UDP address is wanted"))
	}
	return c.WriteToAddrPort(b, a.AddrPort())
}

// WriteToAddrPort is WriteTo without the allocation of an address.
func (c *PacketConn) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	err := c.writes(func(s *socket.Socket) error {
		if s.Family() == socket.Inet6 && to.Addr().Is4() {
			return s.SendTo(b, netip.AddrPortFrom(netip.AddrFrom16(to.Addr().As16()), to.Port()))
		}
		return s.SendTo(b, to)
	})
	if err != nil {
		return 0, c.error("write", net.UDPAddrFromAddrPort(to), err)
	}
	return len(b), nil
}

// Write implements net.Conn.
func (c *PacketConn) Write(b []byte) (int, error) {
	if err := c.writes(func(s *socket.Socket) error { return s.Send(b) }); err != nil {
		return 0, c.error("write", nil, err)
	}
	return len(b), nil
}
