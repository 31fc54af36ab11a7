package socket

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/errno"
)

// Pair opens two streams that are each other's peer, on this node alone (socketpair). Each keeps what was sent to it, up
// to the configured room, until it is read.
func (y *System) Pair() (a, b *Socket, err error) {
	if y.none {
		return nil, nil, errno.EAFNOSUPPORT
	}
	if len(y.open)+2 > y.max {
		return nil, nil, errno.EMFILE
	}
	open := func() (*Socket, *pipe) {
		p := &pipe{room: y.room}
		return &Socket{system: y, family: Unix, typ: Stream, endpoint: p}, p
	}
	a, left := open()
	b, right := open()
	left.other, right.other = right, left
	y.add(a)
	y.add(b)
	return a, b, nil
}

// pipe is one end of a pair: what has been sent to it and not been read.
type pipe struct {
	other *pipe // nil once it is closed
	held  []byte
	room  int
	ready func()

	ended bool // the other end sends no more
	mute  bool // this end sends no more
	deaf  bool // this end reads no more
	lost  bool // the other end was closed without having read everything
}

func (p *pipe) bind(netip.AddrPort) error    { return errno.EINVAL }
func (p *pipe) connect(netip.AddrPort) error { return errno.EISCONN }
func (p *pipe) local() netip.AddrPort        { return netip.AddrPort{} }
func (p *pipe) peer() netip.AddrPort         { return netip.AddrPort{} }

func (p *pipe) send(b []byte, o *outgoing) (int, error) {
	if o.flags&OOB != 0 {
		return 0, errno.EOPNOTSUPP
	}
	to := p.other
	if p.mute || to == nil || to.deaf {
		return 0, errno.EPIPE
	}
	n := min(len(b), to.room-len(to.held))
	if n <= 0 && len(b) > 0 {
		return 0, errno.EAGAIN
	}
	to.held = append(to.held, b[:n]...)
	to.tell()
	return n, nil
}

func (p *pipe) recv(b []byte, f Flags, m *Message) error {
	switch {
	case f&(OOB|ErrQueue) != 0:
		return errno.EOPNOTSUPP
	case len(p.held) > 0:
	case p.lost:
		return p.takeError()
	case p.ended || p.deaf:
		return nil
	default:
		return errno.EAGAIN
	}
	m.Len = len(p.held)
	m.N = copy(b, p.held)
	if f&Peek == 0 {
		p.held = append(p.held[:0], p.held[m.N:]...)
		if o := p.other; o != nil {
			given := *m
			o.tell()   // there is room
			*m = given // who was told may have had something else read here
		}
	}
	return nil
}

func (p *pipe) shutdown(h How) error {
	other := p.other
	if other == nil {
		return errno.ENOTCONN
	}
	if h != Write {
		p.deaf, p.held = true, nil
	}
	if h != Read {
		p.mute, other.ended = true, true
	}
	p.tell() // who may close it
	other.tell()
	return nil
}

func (p *pipe) takeError() error {
	if p.lost {
		p.lost = false
		return errno.ECONNRESET
	}
	return nil
}

func (p *pipe) events() (e Event) {
	if p.readable() {
		e |= In
	}
	if p.other == nil || p.mute || p.other.deaf || len(p.other.held) < p.other.room {
		e |= Writing
	}
	if p.ended || p.deaf {
		e |= PeerClosed
		if p.mute || p.other == nil {
			e |= HangUp
		}
	}
	if p.lost {
		e |= Err
	}
	return e
}

func (p *pipe) readable() bool   { return len(p.held) > 0 || p.ended || p.deaf || p.lost }
func (p *pipe) pending() int     { return len(p.held) }
func (p *pipe) onReady(f func()) { p.ready = f }

func (p *pipe) tell() {
	if p.ready != nil {
		p.ready()
	}
}

// close with something unread resets the pair, as Linux does.
func (p *pipe) close() {
	p.ready = nil
	if o := p.other; o != nil {
		o.other, o.ended = nil, true
		o.lost = len(p.held) > 0
		o.tell()
	}
	p.other, p.held = nil, nil
}

// buffer and setBuffer are SO_RCVBUF; what SO_SNDBUF bounds is the other end's.
func (p *pipe) buffer(send bool) (Value, error) {
	if send {
		if p.other == nil {
			return Value{}, errno.ENOTCONN
		}
		return number(p.other.room)
	}
	return number(p.room)
}

func (p *pipe) setBuffer(send bool, octets int) error {
	switch {
	case !send:
		p.room = max(octets, minRcvBuf)
	case p.other != nil:
		p.other.room = octets
	}
	return nil
}
