package socket

import (
	"time"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/inbox"
)

// Options of SOL_SOCKET.
const (
	SOReuseAddr    Option = "SO_REUSEADDR"
	SOReusePort    Option = "SO_REUSEPORT"
	SOBroadcast    Option = "SO_BROADCAST"
	SODontRoute    Option = "SO_DONTROUTE"
	SORcvBuf       Option = "SO_RCVBUF" // reads as it was set (POSIX), not doubled as on Linux
	SOSndBuf       Option = "SO_SNDBUF"
	SORcvTimeo     Option = "SO_RCVTIMEO" // Duration; 0 for none
	SOSndTimeo     Option = "SO_SNDTIMEO" // Duration; 0 for none
	SOError        Option = "SO_ERROR"
	SONoCheck      Option = "SO_NO_CHECK"
	SOType         Option = "SO_TYPE"
	SOProtocol     Option = "SO_PROTOCOL"
	SODomain       Option = "SO_DOMAIN"
	SOAcceptConn   Option = "SO_ACCEPTCONN"
	SOBindToDevice Option = "SO_BINDTODEVICE" // Bytes: the name of an interface, none for all
	SOKeepAlive    Option = "SO_KEEPALIVE"
	SOLinger       Option = "SO_LINGER" // seconds, -1 for off
	SOOOBInline    Option = "SO_OOBINLINE"
	SOTimestamp    Option = "SO_TIMESTAMP"    // in microseconds
	SOTimestampNS  Option = "SO_TIMESTAMPNS"  // in nanoseconds; of the two, the one that was set last holds, as on Linux
	SOTimestamping Option = "SO_TIMESTAMPING" // of reception only
	SOPriority     Option = "SO_PRIORITY"     // 0 to 7, for the traffic class; until it is set, the node's default
)

// Bits of SO_TIMESTAMPING, as Linux numbers them.
const (
	TimestampingRxSoftware = 1 << 3 // datagrams are stamped when they arrive
	TimestampingSoftware   = 1 << 4 // stamps are reported
)

const (
	minRcvBuf     = 256 // the least that SO_RCVBUF sets; a stream decides by itself
	minSndBuf     = 256
	defaultSndBuf = 212992 // as on Linux
)

var socketOptions = map[Option]row{ // never written
	SOReuseAddr: {ofBound, (*Socket).setReuseAddr, constant(func(s *Socket) int {
		if s.stream != nil {
			return toInt(s.stream.e.Reuse)
		}
		return toInt(s.udp.ReuseAddr)
	})},
	SOReusePort: toggle(ofBound, func(s *Socket) *bool {
		if s.stream != nil {
			return &s.stream.e.ReusePort
		}
		return &s.udp.ReusePort
	}),
	SOBroadcast: toggle(ofIP, func(s *Socket) *bool { return &s.options.Broadcast }),
	SODontRoute: toggle(ofIP, func(s *Socket) *bool { return &s.options.OnLink }),
	SONoCheck:   toggle(ofUDP, func(s *Socket) *bool { return &s.udp.NoChecksum }),
	SORcvBuf: {all, (*Socket).setRcvBuf, func(s *Socket) (Value, error) {
		if b := s.box(); b != nil {
			return number(b.Room())
		}
		return s.endpoint.(buffered).buffer(false)
	}},
	SOSndBuf: {all, (*Socket).setSndBuf, func(s *Socket) (Value, error) {
		if b, ok := s.endpoint.(buffered); ok {
			return b.buffer(true)
		}
		return number(s.sndbuf)
	}},
	SORcvTimeo: timeout(func(s *Socket) *time.Duration { return &s.rcvTimeout }),
	SOSndTimeo: timeout(func(s *Socket) *time.Duration { return &s.sndTimeout }),
	SOError:    {all, nil, constant(func(s *Socket) int { return int(errno.Of(s.TakeError())) })},
	SOType:     {all, nil, constant(func(s *Socket) int { return typeNumbers[s.typ] })},
	SOProtocol: {all, nil, constant(func(s *Socket) int { return s.protocol })},
	SODomain:   {all, nil, constant(func(s *Socket) int { return numbers[s.family] })},
	SOAcceptConn: {all, nil, constant(func(s *Socket) int {
		return toInt(s.stream != nil && s.stream.listens())
	})},
	SOBindToDevice: {ofIP, func(s *Socket, v Value) error { return s.bindToDevice(string(v.Bytes)) },
		func(s *Socket) (v Value, err error) {
			if s.options.Out != nil {
				v.Bytes = []byte(s.options.Out.Name)
			}
			return v, nil
		}},
	SOPriority: {all, func(s *Socket, v Value) error {
		if v.Int < 0 || v.Int > 7 { // those of IEEE 802.1Q
			return errno.EINVAL
		}
		if *s.priorityAt() = uint8(v.Int); v.Int == 0 {
			*s.priorityAt() = bestEffort
		}
		return nil
	}, constant(func(s *Socket) int { return int(*s.priorityAt() & 7) })},
	SOTimestamp:    stamps(wantTimestamp, wantTimestampNS),
	SOTimestampNS:  stamps(wantTimestampNS, wantTimestamp),
	SOTimestamping: {ofInbox, (*Socket).setTimestamping, constant(func(s *Socket) int { return s.timestamping })},
}

// buffered is an endpoint that has buffers of its own.
type buffered interface {
	buffer(send bool) (Value, error)
	setBuffer(send bool, octets int) error
}

// box is where the messages of the socket wait; nil when it has none.
func (s *Socket) box() *inbox.Inbox {
	switch {
	case s.udp != nil:
		return &s.udp.Inbox
	case s.raw != nil:
		return &s.raw.Inbox
	case s.link != nil:
		return &s.link.box
	}
	return nil
}

func (s *Socket) setReuseAddr(v Value) error {
	if s.stream != nil {
		s.stream.e.Reuse = v.Int != 0
	} else {
		s.udp.ReuseAddr = v.Int != 0
	}
	return nil
}

func (s *Socket) setRcvBuf(v Value) error {
	if v.Int < 0 {
		return errno.EINVAL
	}
	if b := s.box(); b != nil {
		b.SetRoom(max(v.Int, minRcvBuf))
		return nil
	}
	return s.endpoint.(buffered).setBuffer(false, v.Int)
}

// setSndBuf bounds what a datagram may have, or what a stream holds. What a datagram socket sends does not wait there.
func (s *Socket) setSndBuf(v Value) error {
	if v.Int < 0 {
		return errno.EINVAL
	}
	n := max(v.Int, minSndBuf)
	if b, ok := s.endpoint.(buffered); ok {
		return b.setBuffer(true, n)
	}
	s.sndbuf = n
	return nil
}

// bestEffort is the priority 0, where 0 means the node's default (ip.Send.Mark).
const bestEffort = 8

func (s *Socket) priorityAt() *uint8 {
	if s.options != nil {
		return &s.options.Priority
	}
	return &s.priority
}

// timeout is an option for blocking layers. EDOM says that the time is none (as on Linux; POSIX has EDOM, too).
func timeout(at func(*Socket) *time.Duration) row {
	return row{all, func(s *Socket, v Value) error {
		if v.Duration < 0 {
			return errno.EDOM
		}
		*at(s) = v.Duration
		return nil
	}, func(s *Socket) (Value, error) { return Value{Duration: *at(s)}, nil }}
}

// Timeouts are SO_RCVTIMEO and SO_SNDTIMEO; 0 means none.
func (s *Socket) Timeouts() (recv, send time.Duration) { return s.rcvTimeout, s.sndTimeout }

func (s *Socket) setTimestamping(v Value) error {
	const known = TimestampingRxSoftware | TimestampingSoftware
	if v.Int&^known != 0 {
		return errno.EINVAL
	}
	s.timestamping = v.Int
	s.want &^= wantTimestamping
	if v.Int == known {
		s.want |= wantTimestamping
	}
	return nil
}

func (s *Socket) bindToDevice(name string) error {
	if name == "" {
		s.options.Out = nil
		return nil
	}
	in := s.system.byName(name)
	if in == nil {
		return errno.ENODEV
	}
	s.options.Out = in
	return nil
}

// stamps is an option that asks for the time of arrival in one form, and for none in the other.
func stamps(form, other wants) row {
	r := asks(ofInbox, form)
	ask := r.set
	r.set = func(s *Socket, v Value) error {
		s.want &^= other
		return ask(s, v)
	}
	return r
}
