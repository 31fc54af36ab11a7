package socket

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/iface"
)

// Flags change one call of SendMsg or RecvMsg, or tell of what it gave.
type Flags uint16

const (
	OOB       Flags = 1 << iota // MSG_OOB: urgent data of a stream
	Peek                        // MSG_PEEK: what is read stays
	DontWait                    // MSG_DONTWAIT: for blocking layers; calls never block here
	Trunc                       // MSG_TRUNC: the true length is wanted, which Message.Len always tells
	WaitAll                     // MSG_WAITALL: for blocking layers, on streams
	DontRoute                   // MSG_DONTROUTE: to neighbours only
	More                        // MSG_MORE: more follows at once; of a datagram, more of the same one
	NoSignal                    // MSG_NOSIGNAL: there are no signals
	ErrQueue                    // MSG_ERRQUEUE: the record of a failure is wanted, or read
)

// Out is what SendMsg takes beside the data.
type Out struct {
	To      netip.AddrPort // invalid: the peer connected to
	Link    LinkAddr       // of a Packet socket
	Flags   Flags
	Control []Control
}

// outgoing is Out as endpoints see it.
type outgoing struct {
	to    netip.AddrPort
	from  netip.Addr // of this message; the zero Addr: as the endpoint is bound
	link  LinkAddr
	flags Flags
}

// A Message is what RecvMsg gives beside the data.
type Message struct {
	N         int            // octets written to the buffer
	Len       int            // octets that the datagram has
	Truncated bool           // the datagram was longer; the rest is lost (MSG_TRUNC)
	Flags     Flags          // OOB, ErrQueue
	From      netip.AddrPort // port 0 on a raw socket; invalid on a stream
	Link      LinkAddr       // of a Packet socket
	To        netip.Addr     // the destination address
	In        *iface.Iface   // nil on a stream
	TTL, TOS  uint8
	At        time.Duration // when it arrived, by the loop's clock
	Options   []byte        // of IPv4, nil without any
	Control   []Control     // what options ask for; good until the next call on the socket
}

// Send sends a message to the peer connected to.
func (s *Socket) Send(b []byte) error { return s.SendTo(b, netip.AddrPort{}) }

// SendTo sends a message. On a stream fewer octets may have been taken than there are: there SendMsg is the call.
func (s *Socket) SendTo(b []byte, to netip.AddrPort) error {
	s.out.to, s.out.from, s.out.flags = to, netip.Addr{}, 0 // field by field: this is done for each datagram
	if s.link != nil {
		s.out.link = LinkAddr{}
	}
	_, err := s.send(b, nil)
	return err
}

// SendMsg sends a datagram, or as much of b on a stream as there is room for, and tells how many octets were taken. An
// error that earlier datagrams met is told first, once, and nothing is sent then.
func (s *Socket) SendMsg(b []byte, o Out) (int, error) {
	s.out = outgoing{to: o.To, link: o.Link, flags: o.Flags}
	return s.send(b, o.Control)
}

// send sends what is in s.out.
func (s *Socket) send(b []byte, control []Control) (int, error) {
	if s.closed {
		return 0, errno.EBADF
	}
	if s.typ != Stream {
		if err := s.endpoint.takeError(); err != nil {
			return 0, err
		}
	}
	var in *iface.Iface
	if to := s.out.to.Addr(); to.IsValid() && !(s.family == Inet && to.Is4()) { // nothing is to be found out about those
		var err error
		if s.out.to, in, err = s.address(s.out.to); err != nil {
			return 0, err
		}
	}
	if s.options == nil || len(control) == 0 && s.out.flags&DontRoute == 0 && in == nil {
		return s.endpoint.send(b, &s.out)
	}
	return s.sendWith(b, control, in)
}

// sendWith sends with options that are those of one message.
func (s *Socket) sendWith(b []byte, control []Control, in *iface.Iface) (int, error) {
	kept := *s.options
	defer func() { *s.options = kept }()
	if in != nil {
		s.options.Out = in
	}
	if s.out.flags&DontRoute != 0 {
		s.options.OnLink = true
	}
	for i := range control {
		if err := s.applyControl(&control[i]); err != nil {
			return 0, err
		}
	}
	return s.endpoint.send(b, &s.out)
}

// Recv reads a datagram, or what there is of a stream.
func (s *Socket) Recv(b []byte) (Message, error) { return s.RecvMsg(b, 0) }

// RecvMsg reads a datagram, or what there is of a stream; of that, N 0 without an error is the end. EAGAIN says that
// nothing waits; another error is what datagrams sent earlier met, or a connection, told once.
func (s *Socket) RecvMsg(b []byte, f Flags) (m Message, err error) {
	if s.closed {
		return m, errno.EBADF
	}
	if s.mail != nil { // not as an endpoint: m would be of the heap
		err = s.mail.recv(b, f, &m)
	} else {
		s.message = Message{}
		err = s.endpoint.recv(b, f, &s.message)
		m = s.message
	}
	if err == nil && (s.want != 0 || m.Flags&ErrQueue != 0) {
		s.control = s.appendControl(s.control[:0], &m)
		m.Control = s.control
	}
	return m, err
}
