package wire

import "strconv"

// A Protocol is an IP protocol number, the Next Header of IPv6 (IANA, Protocol Numbers).
type Protocol uint8

const (
	ICMPv4   Protocol = 1
	IGMP     Protocol = 2
	TCP      Protocol = 6
	UDP      Protocol = 17
	IPv6     Protocol = 41
	Routing  Protocol = 43
	Fragment Protocol = 44
	ICMPv6   Protocol = 58
	NoNext   Protocol = 59
	DestOpts Protocol = 60
	HopByHop Protocol = 0
)

func (p Protocol) String() string {
	switch p {
	case ICMPv4:
		return "ICMP"
	case IGMP:
		return "IGMP"
	case TCP:
		return "TCP"
	case UDP:
		return "UDP"
	case IPv6:
		return "IPv6"
	case Routing:
		return "routing"
	case Fragment:
		return "fragment"
	case ICMPv6:
		return "ICMPv6"
	case NoNext:
		return "no-next"
	case DestOpts:
		return "dest-opts"
	case HopByHop:
		return "hop-by-hop"
	}
	return "proto-" + strconv.Itoa(int(p))
}
