package netconn

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/socket"
)

// A Door runs functions on a live node's loop; stack.Node has one.
type Door interface {
	Do(f func()) bool
}

// base is what connections and listeners have in common: a socket on the loop, and calls that wait for it.
type base struct {
	door     Door
	socket   *socket.Socket // touched on the loop only
	network  string         // tcp or udp
	local    net.Addr
	remote   net.Addr      // nil without a peer
	readable chan struct{} // holds one token when there may be something to read
	writable chan struct{} // the same when there may be room
	closed   chan struct{}
	once     sync.Once

	read, write deadline
}

func newBase(door Door, network string) base {
	return base{
		door: door, network: network,
		readable: make(chan struct{}, 1), writable: make(chan struct{}, 1), closed: make(chan struct{}),
	}
}

// adopt takes the socket, on the loop.
func (c *base) adopt(s *socket.Socket) {
	c.socket = s
	s.OnReady(c.wake)
	c.local = c.addr(s.Local())
	if peer, err := s.Peer(); err == nil {
		c.remote = c.addr(peer)
	}
}

// addr is an address of the network's kind. One of IPv4 is of IPv4 here, whatever socket it is on.
func (c *base) addr(a netip.AddrPort) net.Addr {
	a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
	if c.network == "udp" {
		return net.UDPAddrFromAddrPort(a)
	}
	return net.TCPAddrFromAddrPort(a)
}

// wake never blocks: one token is enough, since who takes it leaves another when there is more.
func (c *base) wake() {
	leave(c.readable)
	leave(c.writable)
}

func leave(token chan struct{}) {
	select {
	case token <- struct{}{}:
	default:
	}
}

// reads makes a call that reads, on the loop, until it does not say EAGAIN.
func (c *base) reads(try func(s *socket.Socket) error) error {
	return c.wait(&c.read, c.readable, try, (*socket.Socket).Readable)
}

// writes is the same for one that writes.
func (c *base) writes(try func(s *socket.Socket) error) error {
	return c.wait(&c.write, c.writable, try, (*socket.Socket).Writable)
}

func (c *base) wait(d *deadline, token chan struct{}, try func(*socket.Socket) error, more func(*socket.Socket) bool) error {
	var patience <-chan time.Time // of SO_RCVTIMEO or SO_SNDTIMEO
	for first := true; ; first = false {
		passed := d.wait()
		switch {
		case isClosed(c.closed):
			return net.ErrClosed
		case isClosed(passed):
			leave(token) // another one may wait by a later deadline
			return os.ErrDeadlineExceeded
		}
		err := net.ErrClosed
		var timeout time.Duration
		c.door.Do(func() {
			if err = try(c.socket); err == nil && more(c.socket) {
				leave(token)
			}
			recv, send := c.socket.Timeouts()
			if timeout = recv; d == &c.write {
				timeout = send
			}
		})
		switch {
		case errors.Is(err, errno.EBADF):
			return net.ErrClosed
		case !errors.Is(err, errno.EAGAIN):
			return err
		}
		if first && timeout > 0 {
			timer := time.NewTimer(timeout)
			defer timer.Stop()
			patience = timer.C
		}
		select {
		case <-token:
		case <-passed:
		case <-c.closed:
		case <-patience:
			leave(token)
			return os.ErrDeadlineExceeded
		}
	}
}

// Close closes the socket. Every call that waits ends with net.ErrClosed.
func (c *base) Close() error {
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

// Control runs f with the socket, on the node's loop: for options that have no call here.
func (c *base) Control(f func(s *socket.Socket) error) error {
	err := net.ErrClosed
	if !isClosed(c.closed) {
		c.door.Do(func() { err = f(c.socket) })
	}
	if errors.Is(err, errno.EBADF) {
		err = net.ErrClosed
	}
	if err != nil {
		return c.error("set", nil, err)
	}
	return nil
}

func (c *base) setOption(o socket.Option, v int) error {
	return c.Control(func(s *socket.Socket) error { return s.SetOption(o, socket.Value{Int: v}) })
}

// LocalAddr is the local address.
func (c *base) LocalAddr() net.Addr { return c.local }

// RemoteAddr is the peer's address; nil without a peer.
func (c *base) RemoteAddr() net.Addr { return c.remote }

// SetDeadline is SetReadDeadline and SetWriteDeadline.
func (c *base) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline says when calls that read fail. An instant in the past ends those that wait.
func (c *base) SetReadDeadline(t time.Time) error { return c.setDeadline(&c.read, t) }

// SetWriteDeadline says when calls that write fail. An instant in the past ends those that wait.
func (c *base) SetWriteDeadline(t time.Time) error { return c.setDeadline(&c.write, t) }

func (c *base) setDeadline(d *deadline, t time.Time) error {
	if isClosed(c.closed) {
		return c.error("set", nil, net.ErrClosed)
	}
	d.set(t)
	return nil
}

func (c *base) error(op string, addr net.Addr, err error) error {
	if addr == nil {
		addr = c.remote
	}
	return &net.OpError{Op: op, Net: c.network, Source: c.local, Addr: addr, Err: err}
}

// open opens a socket of the family of the first address that has one, on the loop. Without any it is of IPv6, and speaks
// both, where there is IPv6.
func open(y *socket.System, t socket.Type, addrs ...netip.AddrPort) (*socket.Socket, error) {
	f := socket.Inet
	if y.IP.Network(ip.V6) != nil {
		f = socket.Inet6
	}
	for _, a := range addrs {
		if a.IsValid() {
			if f = socket.Inet6; a.Addr().Unmap().Is4() {
				f = socket.Inet
			}
			break
		}
	}
	return y.Open(f, t, 0)
}
