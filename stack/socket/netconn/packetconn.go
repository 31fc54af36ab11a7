// Package netconn makes the net package's connections of a live node's sockets: calls that block, with deadlines, that
// may be used from any goroutine.
package netconn

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/socket"
)

// A Door runs functions on a live node's loop; stack.Node has one.
type Door interface {
	Do(f func()) bool
}

// A PacketConn is a UDP socket. It implements net.PacketConn; errors are of type *net.OpError and answer to net.ErrClosed
// and os.ErrDeadlineExceeded.
type PacketConn struct {
	door   Door
	socket *socket.Socket // touched on the loop only
	local  *net.UDPAddr
	ready  chan struct{} // holds one token when there may be something to read
	closed chan struct{}
	once   sync.Once

	read, write deadline
}

var _ net.PacketConn = (*PacketConn)(nil)

// ListenPacket opens a UDP socket and binds it; port 0 takes one that is free, the unspecified address means all.
func ListenPacket(door Door, y *socket.System, local netip.AddrPort) (*PacketConn, error) {
	c := &PacketConn{door: door, ready: make(chan struct{}, 1), closed: make(chan struct{})}
	err := error(net.ErrClosed)
	door.Do(func() {
		if c.socket, err = y.Open(socket.Inet, socket.Dgram, 0); err != nil {
			return
		}
		if err = c.socket.Bind(local); err != nil {
			_ = c.socket.Close() // it is open
			return
		}
		c.socket.OnReady(c.wake)
		c.local = net.UDPAddrFromAddrPort(c.socket.Local())
	})
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: "udp", Addr: net.UDPAddrFromAddrPort(local), Err: err}
	}
	return c, nil
}

// wake never blocks: one token is enough, since who takes it leaves another when there is more.
func (c *PacketConn) wake() {
	select {
	case c.ready <- struct{}{}:
	default:
	}
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
	for {
		passed := c.read.wait()
		switch {
		case isClosed(c.closed):
			return 0, from, c.error("read", nil, net.ErrClosed)
		case isClosed(passed):
			return 0, from, c.error("read", nil, os.ErrDeadlineExceeded)
		}
		var m socket.Message
		err = net.ErrClosed
		c.door.Do(func() {
			if m, err = c.socket.Recv(b); err == nil && c.socket.Readable() {
				c.wake()
			}
		})
		switch {
		case err == nil:
			return m.N, m.From, nil
		case errors.Is(err, errno.EBADF):
			return 0, from, c.error("read", nil, net.ErrClosed)
		case !errors.Is(err, errno.EAGAIN):
			return 0, from, c.error("read", nil, err)
		}
		select {
		case <-c.ready:
		case <-passed:
		case <-c.closed:
		}
	}
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
	err := error(net.ErrClosed)
	switch {
	case isClosed(c.closed):
	case isClosed(c.write.wait()):
		err = os.ErrDeadlineExceeded
	default:
		c.door.Do(func() { err = c.socket.SendTo(b, to) })
	}
	if errors.Is(err, errno.EBADF) {
		err = net.ErrClosed
	}
	if err != nil {
		return 0, c.error("write", net.UDPAddrFromAddrPort(to), err)
	}
	return len(b), nil
}

// Close closes the socket. Every call that waits ends with net.ErrClosed.
func (c *PacketConn) Close() error {
	err := c.error("close", nil, net.ErrClosed)
	c.once.Do(func() {
		err = nil
		close(c.closed)
		c.read.stop()
		c.write.stop()
		c.door.Do(func() { _ = c.socket.Close() }) // closed by the node, if not by us
	})
	return err
}

// LocalAddr implements net.PacketConn.
func (c *PacketConn) LocalAddr() net.Addr { return c.local }

// SetDeadline implements net.PacketConn.
func (c *PacketConn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline implements net.PacketConn. One in the past ends calls that wait.
func (c *PacketConn) SetReadDeadline(t time.Time) error { return c.setDeadline(&c.read, t) }

// SetWriteDeadline implements net.PacketConn.
func (c *PacketConn) SetWriteDeadline(t time.Time) error { return c.setDeadline(&c.write, t) }

func (c *PacketConn) setDeadline(d *deadline, t time.Time) error {
	if isClosed(c.closed) {
		return c.error("set", nil, net.ErrClosed)
	}
	d.set(t)
	return nil
}

func (c *PacketConn) error(op string, addr net.Addr, err error) error {
	return &net.OpError{Op: op, Net: "udp", Source: c.local, Addr: addr, Err: err}
}
