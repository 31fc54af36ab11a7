package socket

import (
	"net/netip"

	"github.com/conform-stack/conform/stack/errno"
	"github.com/conform-stack/conform/stack/ip"
	wire "github.com/conform-stack/conform/stack/wire/ipv4"
)

// An Option is a socket option, by its POSIX or Linux name.
type Option string

const (
	SOReuseAddr    Option = "SO_REUSEADDR"
	SOReusePort    Option = "SO_REUSEPORT"
	SOBroadcast    Option = "SO_BROADCAST"
	SODontRoute    Option = "SO_DONTROUTE"
	SORcvBuf       Option = "SO_RCVBUF"
	SOError        Option = "SO_ERROR"
	SONoCheck      Option = "SO_NO_CHECK"
	SOType         Option = "SO_TYPE"
	SOProtocol     Option = "SO_PROTOCOL"
	SOBindToDevice Option = "SO_BINDTODEVICE" // Bytes: the name of an interface, none for all

	IPTTL           Option = "IP_TTL"
	IPTOS           Option = "IP_TOS"
	IPHdrIncl       Option = "IP_HDRINCL"
	IPMTU           Option = "IP_MTU" // of the path to the peer connected to
	IPMTUDiscover   Option = "IP_MTU_DISCOVER"
	IPRecvErr       Option = "IP_RECVERR"
	IPOptions       Option = "IP_OPTIONS" // Bytes
	IPMulticastTTL  Option = "IP_MULTICAST_TTL"
	IPMulticastLoop Option = "IP_MULTICAST_LOOP"
	IPMulticastIf   Option = "IP_MULTICAST_IF" // Interface

	IPAddMembership        Option = "IP_ADD_MEMBERSHIP"         // Group, Interface
	IPDropMembership       Option = "IP_DROP_MEMBERSHIP"        // Group, Interface
	IPAddSourceMembership  Option = "IP_ADD_SOURCE_MEMBERSHIP"  // Group, Interface, one of Sources
	IPDropSourceMembership Option = "IP_DROP_SOURCE_MEMBERSHIP" // the same
	IPBlockSource          Option = "IP_BLOCK_SOURCE"           // the same
	IPUnblockSource        Option = "IP_UNBLOCK_SOURCE"         // the same
	IPMsfilter             Option = "IP_MSFILTER"               // Group, Interface, Sources; Int: 0 exclude, 1 include
)

// Values of IP_MTU_DISCOVER, as Linux numbers them.
const (
	PMTUDont  = 0
	PMTUWant  = 1
	PMTUDo    = 2
	PMTUProbe = 3
)

var fragmentOf = [...]ip.FragmentPolicy{ // never written
	PMTUDont: ip.FragmentAlways, PMTUWant: ip.FragmentWanted, PMTUDo: ip.FragmentNever, PMTUProbe: ip.FragmentProbe,
}

// A Value is the value of an option: most take Int, others what their comment says.
type Value struct {
	Int       int
	Bytes     []byte
	Group     netip.Addr
	Interface netip.Addr // an address of the interface; none for the system's choice
	Sources   []netip.Addr
}

// SetOption sets an option. ENOPROTOOPT says that there is none of the name for this socket, EINVAL that it does not take
// the value.
func (s *Socket) SetOption(o Option, v Value) error {
	if s.closed {
		return errno.EBADF
	}
	switch o {
	case SOReuseAddr, SOReusePort:
		if s.udp == nil {
			return errno.ENOPROTOOPT
		}
		s.udp.Reuse = v.Int != 0
	case SOBroadcast:
		s.options.Broadcast = v.Int != 0
	case SODontRoute:
		s.options.OnLink = v.Int != 0
	case SORcvBuf:
		if v.Int < 0 {
			return errno.EINVAL
		}
		s.inbox.SetRoom(max(v.Int, minRcvBuf))
	case SONoCheck:
		if s.udp == nil {
			return errno.ENOPROTOOPT
		}
		s.udp.NoChecksum = v.Int != 0
	case SOBindToDevice:
		return s.bindToDevice(string(v.Bytes))
	case IPTTL:
		return setByte(&s.options.TTL, v.Int, 1)
	case IPTOS:
		return setByte(&s.options.TOS, v.Int, 0)
	case IPMulticastTTL:
		return setByte(&s.options.MulticastTTL, v.Int, 1)
	case IPMulticastLoop:
		s.options.NoLoop = v.Int == 0
	case IPMulticastIf:
		return s.setMulticastIf(v.Interface)
	case IPHdrIncl:
		if s.raw == nil {
			return errno.ENOPROTOOPT
		}
		s.raw.HeaderWritten = v.Int != 0
	case IPMTUDiscover:
		if v.Int < 0 || v.Int >= len(fragmentOf) {
			return errno.EINVAL
		}
		s.options.Fragment = fragmentOf[v.Int]
	case IPRecvErr:
		if s.udp != nil {
			s.udp.AllErrors = v.Int != 0
		} else {
			s.raw.AllErrors = v.Int != 0
		}
	case IPOptions:
		return s.setIPOptions(v.Bytes)
	case IPAddMembership, IPDropMembership, IPAddSourceMembership, IPDropSourceMembership,
		IPBlockSource, IPUnblockSource, IPMsfilter:
		return s.changeGroup(o, v)
	default:
		return errno.ENOPROTOOPT
	}
	return nil
}

// minRcvBuf is the least that SO_RCVBUF sets.
const minRcvBuf = 256

// GetOption reads an option whose value is an int.
func (s *Socket) GetOption(o Option) (int, error) {
	if s.closed {
		return 0, errno.EBADF
	}
	switch o {
	case SOReuseAddr, SOReusePort:
		return toInt(s.udp != nil && s.udp.Reuse), nil
	case SOBroadcast:
		return toInt(s.options.Broadcast), nil
	case SODontRoute:
		return toInt(s.options.OnLink), nil
	case SORcvBuf:
		return s.inbox.Room(), nil
	case SOError:
		return int(errno.Of(s.TakeError())), nil
	case SONoCheck:
		return toInt(s.udp != nil && s.udp.NoChecksum), nil
	case SOType:
		return int(s.typ), nil
	case SOProtocol:
		return int(s.protocol), nil
	case IPTTL:
		return int(s.options.TTL), nil
	case IPTOS:
		return int(s.options.TOS), nil
	case IPMulticastTTL:
		return int(s.options.MulticastTTL), nil
	case IPMulticastLoop:
		return toInt(!s.options.NoLoop), nil
	case IPMTUDiscover:
		for n, p := range fragmentOf {
			if p == s.options.Fragment {
				return n, nil
			}
		}
	case IPMTU:
		peer := s.endpoint.Peer()
		if !peer.Addr().IsValid() {
			return 0, errno.ENOTCONN
		}
		by, err := s.network.Path(&ip.Send{Dst: peer.Addr()})
		if err != nil {
			return 0, errno.Of(err)
		}
		return by.MTU, nil
	}
	return 0, errno.ENOPROTOOPT
}

func setByte(b *uint8, v, least int) error {
	if v < least || v > 255 {
		return errno.EINVAL
	}
	*b = uint8(v)
	return nil
}

func toInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

var limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255}) // never written

// setIPOptions takes the options that all datagrams are to carry, if they can be read, with at most one source route
// (RFC 1122, 3.2.1.8). A source route lists the hops from the first one on, without the destination.
func (s *Socket) setIPOptions(b []byte) error {
	if len(b) > wire.MaxOptions {
		return errno.EINVAL
	}
	options := wire.Options(append([]byte(nil), b...))
	routes := 0
	it := options.Iter()
	for it.Next() {
		switch o := it.Option(); o.Type {
		case wire.LSRR, wire.SSRR:
			routes++
			r, _, err := o.Route()
			if err != nil || r.Slots() == 0 || r.Len() > 0 {
				return errno.EINVAL
			}
			for i := range r.Slots() {
				if a := r.At(i).Netip(); a.IsMulticast() || a == limitedBroadcast { // RFC 1112, 6.2
					return errno.EINVAL
				}
			}
		case wire.RecordRoute:
			r, _, err := o.Route()
			if err != nil || r.Len() > 0 {
				return errno.EINVAL
			}
			clear(r[3:]) // RFC 791, 3.1: the originator leaves zeros for those on the way
		case wire.TimestampType:
			t, _, err := o.Timestamp()
			if err != nil {
				return errno.EINVAL
			}
			if t.Flag() != wire.TimestampPrespecified && t.Len() == 0 {
				clear(t[4:])
			}
		case wire.StreamID: // not sent (3.2.1.8 (b))
			return errno.EINVAL
		}
	}
	if _, err := it.Err(); err != nil || routes > 1 {
		return errno.EINVAL
	}
	s.options.IP = nil
	if len(options) > 0 {
		s.options.IP = options.Pad()
	}
	return nil
}

func (s *Socket) bindToDevice(name string) error {
	if name == "" {
		s.options.Out = nil
		return nil
	}
	for _, i := range s.system.Ifaces() {
		if i.Name == name {
			s.options.Out = i
			return nil
		}
	}
	return errno.ENODEV
}

func (s *Socket) setMulticastIf(addr netip.Addr) error {
	if !addr.IsValid() || addr.IsUnspecified() {
		s.options.MulticastOut, s.options.MulticastSrc = nil, netip.Addr{}
		return nil
	}
	in := s.network.InterfaceOf(addr)
	if in == nil {
		return errno.EADDRNOTAVAIL
	}
	s.options.MulticastOut, s.options.MulticastSrc = in, addr
	return nil
}
