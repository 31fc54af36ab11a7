package socket

import (
	"net/netip"
	"time"

	"github.com/conform-stack/conform/stack/errno"
)

// An Option is a socket option, by its POSIX or Linux name, which also tells its level: SO_ SOL_SOCKET, IP_ IPPROTO_IP,
// IPV6_ IPPROTO_IPV6, TCP_ IPPROTO_TCP, MCAST_ either version of IP, PACKET_ SOL_PACKET. The tables of what each takes are
// in the files of their levels.
type Option string

// A Value is the value of an option: most take Int, others what their comment says. A switch is on when Int is not 0, and
// reads as 0 or 1.
type Value struct {
	Int       int
	Bytes     []byte
	Duration  time.Duration
	Group     netip.Addr
	Interface netip.Addr // an address of the interface; none for the system's choice
	Index     int        // of the interface, which then counts; 0 for none
	Sources   []netip.Addr
}

// row is one option: which sockets have it, and what it does there. Without set it is only read, without get only set.
type row struct {
	has func(*Socket) bool
	set func(*Socket, Value) error
	get func(*Socket) (Value, error)
}

// optionOf finds an option of the socket; nil when it has none of the name.
func (s *Socket) optionOf(o Option) *row {
	for _, table := range [...]map[Option]row{socketOptions, ipOptions, ipv6Options, tcpOptions, packetOptions} {
		if r, ok := table[o]; ok && r.has(s) {
			return &r
		}
	}
	return nil
}

// SetOption sets an option. ENOPROTOOPT says that there is none of the name for this socket, or that it is only read,
// EINVAL that it does not take the value.
func (s *Socket) SetOption(o Option, v Value) error {
	if s.closed {
		return errno.EBADF
	}
	r := s.optionOf(o)
	if r == nil || r.set == nil {
		return errno.ENOPROTOOPT
	}
	return r.set(s, v)
}

// GetOption reads an option whose value is an int.
func (s *Socket) GetOption(o Option) (int, error) {
	v, err := s.GetValue(o)
	return v.Int, err
}

// GetValue reads an option.
func (s *Socket) GetValue(o Option) (Value, error) {
	if s.closed {
		return Value{}, errno.EBADF
	}
	r := s.optionOf(o)
	if r == nil || r.get == nil {
		return Value{}, errno.ENOPROTOOPT
	}
	return r.get(s)
}

// Which sockets have an option.
func all(*Socket) bool        { return true }
func ofIP(s *Socket) bool     { return s.options != nil }
func ofInet(s *Socket) bool   { return s.family == Inet }
func ofInet6(s *Socket) bool  { return s.family == Inet6 }
func ofUDP(s *Socket) bool    { return s.udp != nil }
func ofRaw6(s *Socket) bool   { return s.raw != nil && s.family == Inet6 }
func ofTCP(s *Socket) bool    { return s.stream != nil }
func ofPacket(s *Socket) bool { return s.family == Packet }
func ofInbox(s *Socket) bool  { return s.box() != nil }
func ofBound(s *Socket) bool  { return s.udp != nil || s.stream != nil }

// notRaw6 is where options of IPv4 are: on sockets of IPv6 as well, for the IPv4 that they speak, but for raw ones.
func notRaw6(s *Socket) bool { return s.options != nil && !ofRaw6(s) }

func number(n int) (Value, error) { return Value{Int: n}, nil }

func constant(f func(*Socket) int) func(*Socket) (Value, error) {
	return func(s *Socket) (Value, error) { return number(f(s)) }
}

// toggle is an option that is a bool somewhere.
func toggle(has func(*Socket) bool, at func(*Socket) *bool) row {
	return row{has, func(s *Socket, v Value) error {
		*at(s) = v.Int != 0
		return nil
	}, func(s *Socket) (Value, error) { return number(toInt(*at(s))) }}
}

// octet is an option that is an octet somewhere, of a least value. With dflt -1 sets what the system's default is, which
// is 0 in the octet and reads as dflt says.
func octet(has func(*Socket) bool, least int, dflt func(*Socket) int, at func(*Socket) *uint8) row {
	return row{has, func(s *Socket, v Value) error {
		n := v.Int
		if dflt != nil && n == -1 {
			n = 0
		} else if n < least || n > 255 {
			return errno.EINVAL
		}
		*at(s) = uint8(n)
		return nil
	}, func(s *Socket) (Value, error) {
		n := int(*at(s))
		if n == 0 && dflt != nil {
			n = dflt(s)
		}
		return number(n)
	}}
}

// asks is an option by which ancillary data is asked for.
func asks(has func(*Socket) bool, w wants) row {
	return row{has, func(s *Socket, v Value) error {
		s.want &^= w
		if v.Int != 0 {
			s.want |= w
		}
		return nil
	}, func(s *Socket) (Value, error) { return number(toInt(s.want&w != 0)) }}
}

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
