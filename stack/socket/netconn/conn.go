package netconn

import (
	"io"
	"net"

	"github.com/conform-stack/conform/stack/socket"
)

// A Conn is a TCP connection. It implements net.Conn; errors are of type *net.OpError, answer to net.ErrClosed and
// os.ErrDeadlineExceeded, and hold the errno of others.
type Conn struct {
	base
	writing chan struct{} // holds a token while somebody writes: what one Write was given is not torn apart by another
}

var _ net.Conn = (*Conn)(nil)

// newConn makes a connection of a socket, on the loop. Small pieces are sent at once, as package net does.
func newConn(door Door, s *socket.Socket) *Conn {
	c := &Conn{base: newBase(door, "tcp"), writing: make(chan struct{}, 1)}
	c.adopt(s)
	_ = s.SetOption(socket.TCPNoDelay, socket.Value{Int: 1}) // a stream has it
	return c
}

// Read implements net.Conn. io.EOF says that the peer sends no more.
func (c *Conn) Read(b []byte) (n int, err error) {
	err = c.reads(func(s *socket.Socket) error {
		m, err := s.Recv(b)
		if n = m.N; err == nil && n == 0 && len(b) > 0 {
			err = io.EOF
		}
		return err
	})
	if err != nil && err != io.EOF {
		err = c.error("read", nil, err)
	}
	return n, err
}

// Write implements net.Conn: it returns when the node has taken all of b, which the peer may not have.
func (c *Conn) Write(b []byte) (n int, err error) {
	c.writing <- struct{}{}
	defer func() { <-c.writing }()
	for {
		err = c.writes(func(s *socket.Socket) error {
			k, err := s.SendMsg(b[n:], socket.Out{})
			n += k
			return err
		})
		if err != nil {
			return n, c.error("write", nil, err)
		}
		if n == len(b) {
			return n, nil
		}
	}
}

// CloseWrite says that no more will be written: the peer reads to the end.
func (c *Conn) CloseWrite() error { return c.shutdown(socket.Write) }

// CloseRead says that no more will be read: Read gives io.EOF.
func (c *Conn) CloseRead() error { return c.shutdown(socket.Read) }

func (c *Conn) shutdown(h socket.How) error {
	return c.Control(func(s *socket.Socket) error { return s.Shutdown(h) })
}

// SetLinger says how long, in seconds, data that the peer has not acknowledged lives after Close: 0 resets the connection,
// a negative number sets no bound.
func (c *Conn) SetLinger(sec int) error { return c.setOption(socket.SOLinger, max(sec, -1)) }

// SetNoDelay says whether small pieces are sent at once, which they are at first, or the Nagle algorithm is used.
func (c *Conn) SetNoDelay(on bool) error { return c.setOption(socket.TCPNoDelay, toInt(on)) }

// SetKeepAlive says whether an idle peer is probed.
func (c *Conn) SetKeepAlive(on bool) error { return c.setOption(socket.SOKeepAlive, toInt(on)) }

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
