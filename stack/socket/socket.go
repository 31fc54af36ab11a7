// Package socket is the sockets of a node, as BSD has them: open, bind, connect, listen, accept, send, recv, shutdown,
// poll, options, close, with POSIX's errors (package errno). Where POSIX leaves a choice, or has no such call, they do as
// Linux does; where the two differ they follow POSIX, and the place says so.
//
// Calls never block. What would block is EAGAIN, or EINPROGRESS for connect, and OnReady and Wait tell when it is worth
// another try; package netconn makes blocking calls of that. MSG_DONTWAIT, O_NONBLOCK, SO_RCVTIMEO and SO_SNDTIMEO are
// kept for such layers to look at. Everything happens on the node's loop.
package socket

import (
	"slices"
	"time"

	"github.com/conform-stack/conform/stack/clock"
	"github.com/conform-stack/conform/stack/config"
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/iface"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/raw"
	"github.com/conform-stack/conform/stack/stats"
	"github.com/conform-stack/conform/stack/tcp"
	"github.com/conform-stack/conform/stack/udp"
)

// System opens sockets. Protocols that are nil are not there.
type System struct {
	Loop *clock.Loop
	IP   *ip.Demux // knows which families there are
	UDP  *udp.UDP
	Raw  *raw.Raw
	TCP  *tcp.TCP

	ifaces   []*iface.Iface
	counters stats.Node // of what concerns no interface
	ttl      [2]int     // by version of IP
	groupTTL [2]int
	max      int
	pollMax  int
	room     int       // octets that wait to be read, at first
	noLoop   bool      // what sockets begin with
	none     bool      // there are no sockets
	noPacket bool      // there are none of the link
	open     []*Socket // in order of opening
	origins  uint32    // Packet sockets that were ever opened
	promisc  map[*iface.Iface]*promiscuity
}

// NewSystem makes the sockets of a node. The configuration is resolved.
func NewSystem(c config.Config) *System {
	return &System{
		ttl:      [...]int{ip.V4: c.DefaultTTL, ip.V6: c.IPv6.HopLimit},
		groupTTL: [...]int{ip.V4: c.MulticastTTL, ip.V6: c.IPv6.MulticastHopLimit},
		max:      c.Sockets, pollMax: c.PollMax, room: c.SocketBuffer, noLoop: !c.MulticastLoop.On(),
		none: !c.Have.Sockets.On(), noPacket: !c.Have.PacketSockets.On(),
	}
}

// Close closes all sockets.
func (y *System) Close() {
	for len(y.open) > 0 {
		_ = y.open[0].Close() // it is open
	}
}

// Len is the number of open sockets.
func (y *System) Len() int { return len(y.open) }

// Sockets are the open ones, in order of opening. The slice is the system's.
func (y *System) Sockets() []*Socket { return y.open }

// add makes a socket, whose endpoint is there, one of the open ones.
func (y *System) add(s *Socket) {
	s.endpoint.onReady(s.notify)
	y.open = append(y.open, s)
}

// Attach tells that there is another interface.
func (y *System) Attach(in *iface.Iface) {
	y.ifaces = append(y.ifaces, in)
	for _, s := range y.open {
		if s.link != nil {
			s.link.tap()
		}
	}
}

// Detach tells that an interface goes: memberships on it end, Packet sockets see no more of it.
func (y *System) Detach(in *iface.Iface) {
	y.ifaces = slices.DeleteFunc(slices.Clone(y.ifaces), func(x *iface.Iface) bool { return x == in })
	for _, s := range y.open {
		s.leave(func(m membership) bool { return m.in == in })
		if s.link != nil {
			s.link.leave(func(m linkMembership) bool { return m.in == in })
			s.link.tap()
		}
	}
}

// byName finds an interface; nil when there is none.
func (y *System) byName(name string) *iface.Iface {
	for _, i := range y.ifaces {
		if i.Name == name {
			return i
		}
	}
	return nil
}

// byIndex finds an interface; nil when there is none.
func (y *System) byIndex(index int) *iface.Iface {
	for _, i := range y.ifaces {
		if i.Index == index {
			return i
		}
	}
	return nil
}

// A Socket is an open socket.
type Socket struct {
	system   *System
	family   Family
	typ      Type
	protocol int
	endpoint endpoint

	// What options look at; nil where the kind of socket has none.
	options *ip.Options
	udp     *udp.Endpoint
	raw     *raw.Endpoint
	stream  *stream
	link    *linkEndpoint
	mail    *mailbox // of an endpoint that gets whole messages

	groups       []membership
	v6only       bool
	want         wants // ancillary data
	timestamping int
	nonblock     bool
	rcvTimeout   time.Duration // 0: none
	sndTimeout   time.Duration
	sndbuf       int
	priority     uint8 // of a Packet socket

	out     outgoing // of the call of SendMsg
	message Message  // of the call of RecvMsg
	control []Control
	ready   func()
	waits   []*Waiting
	closed  bool
}

// Family is the address family.
func (s *Socket) Family() Family { return s.family }

// Type is the kind of socket.
func (s *Socket) Type() Type { return s.typ }

// OnReady has f called when a call may have become worth another try: there is something to read or to accept, room to
// write, an error to learn of, or the end; nil for nobody. f may use the socket, and close it.
func (s *Socket) OnReady(f func()) { s.ready = f }

// notify tells everybody who waits for the socket.
func (s *Socket) notify() {
	for _, w := range s.waits {
		w.check.Post()
	}
	if s.ready != nil {
		s.ready()
	}
}

// Readable tells whether Recv, or Accept, would give something other than EAGAIN.
func (s *Socket) Readable() bool { return !s.closed && s.endpoint.readable() }

// Writable tells whether Send would give something other than EAGAIN, and whether a connection has been made, or not.
func (s *Socket) Writable() bool { return !s.closed && s.endpoint.events()&(Writing|Err|HangUp) != 0 }

// Close closes the socket: what waits to be read is dropped, groups are left; a connection is closed in order, as
// SO_LINGER says. A second time is EBADF.
func (s *Socket) Close() error {
	if s.closed {
		return errno.EBADF
	}
	s.leave(func(membership) bool { return true })
	s.closed = true
	s.endpoint.close()
	y := s.system
	y.open = slices.DeleteFunc(y.open, func(x *Socket) bool { return x == s })
	for _, w := range s.waits { // they learn that it is not valid
		w.check.Post()
	}
	return nil
}
