package socket

import (
	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	"github.com/conform-stack/conform/stack/wire"
)

// A Family is an address family.
type Family uint8

const (
	Inet   Family = 1 + iota // AF_INET
	Inet6                    // AF_INET6
	Packet                   // AF_PACKET: frames of an interface
	Unix                     // AF_UNIX: pairs only
)

// numbers are the families as Linux numbers them (SO_DOMAIN).
var numbers = [...]int{Inet: 2, Inet6: 10, Packet: 17, Unix: 1} // never written

// ip is the version of IP of Inet and Inet6.
func (f Family) ip() ip.Family {
	if f == Inet6 {
		return ip.V6
	}
	return ip.V4
}

// A Type is a kind of socket.
type Type uint8

const (
	Dgram Type = 1 + iota // SOCK_DGRAM
	Stream
	Raw
)

// typeNumbers are the types as Linux numbers them (SO_TYPE).
var typeNumbers = [...]int{Dgram: 2, Stream: 1, Raw: 3} // never written

// rawProtocol is IPPROTO_RAW: the user writes headers, and receives nothing.
const rawProtocol wire.Protocol = 255

// Open opens a socket. Protocol 0 is the usual one of a type: UDP for Dgram, TCP for Stream; of a Packet socket it is an
// EtherType, in the order of this host, or EtherTypeAll. EMFILE says that too many are open. A protocol that goes with
// another type is EPROTOTYPE, as POSIX says, where Linux says EPROTONOSUPPORT.
func (y *System) Open(f Family, t Type, protocol int) (*Socket, error) {
	switch {
	case y.none, f == Packet && y.noPacket:
		return nil, errno.EAFNOSUPPORT
	case f != Inet && f != Inet6 && f != Packet, f != Packet && y.IP.Network(f.ip()) == nil:
		return nil, errno.EAFNOSUPPORT
	case protocol < 0 || protocol > 255 && f != Packet || protocol > 0xffff:
		return nil, errno.EINVAL
	case len(y.open) >= y.max:
		return nil, errno.EMFILE
	}
	s := &Socket{system: y, family: f, typ: t, protocol: protocol, sndbuf: defaultSndBuf}
	var err error
	switch {
	case f == Packet && (t == Dgram || t == Raw):
		s.openPacket()
	case f != Packet && t == Dgram && y.UDP != nil:
		err = s.openDatagram()
	case f != Packet && t == Stream && y.TCP != nil:
		err = s.openStream()
	case f != Packet && t == Raw && y.Raw != nil:
		s.openRaw()
	default:
		err = errno.ESOCKTNOSUPPORT
	}
	if err != nil {
		return nil, err
	}
	if s.options != nil {
		s.options.NoLoop = y.noLoop
	}
	y.add(s)
	return s, nil
}

// protocolOf checks the protocol of a socket whose type has only one.
func (s *Socket) protocolOf(p wire.Protocol) error {
	switch wire.Protocol(s.protocol) {
	case 0, p:
		s.protocol = int(p)
		return nil
	case wire.UDP, wire.TCP:
		return errno.EPROTOTYPE
	}
	return errno.EPROTONOSUPPORT
}
