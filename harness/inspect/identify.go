package inspect

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"

	"github.com/conform-stack/conform/harness/capture"
)

// An identity is what a packet says of itself: who sent it, and what it is. It is for the reader of the summary; the
// judge reads packets by itself.
type identity struct {
	sender   string
	protocol string
}

func identify(link capture.LinkType, b []byte) identity {
	switch link {
	case capture.Ethernet:
		if len(b) < 14 {
			return identity{protocol: "too short"}
		}
		mac := net.HardwareAddr(b[6:12]).String()
		kind, rest := binary.BigEndian.Uint16(b[12:]), b[14:]
		for (kind == 0x8100 || kind == 0x88a8) && len(rest) >= 4 {
			kind, rest = binary.BigEndian.Uint16(rest[2:]), rest[4:]
		}
		if kind < 1536 && len(rest) >= 8 && rest[0] == 0xaa {
			kind, rest = binary.BigEndian.Uint16(rest[6:]), rest[8:]
		}
		return network(kind, rest).at(mac)
	case capture.RawIP, capture.IPv4, capture.IPv6:
		return network(versionType(b), b)
	case capture.Null:
		if len(b) > 4 {
			return network(versionType(b[4:]), b[4:])
		}
	case capture.LinuxSLL:
		if len(b) >= 16 {
			return network(binary.BigEndian.Uint16(b[14:]), b[16:])
		}
	case capture.LinuxSLL2:
		if len(b) >= 20 {
			return network(binary.BigEndian.Uint16(b), b[20:])
		}
	}
	return identity{protocol: link.String()}
}

// at adds the link address to the sender.
func (i identity) at(mac string) identity {
	if i.sender == "" {
		i.sender = mac
		return i
	}
	i.sender = fmt.Sprintf("%s (%s)", i.sender, mac)
	return i
}

func versionType(b []byte) uint16 {
	if len(b) > 0 && b[0]>>4 == 6 {
		return 0x86dd
	}
	return 0x0800
}

func network(kind uint16, b []byte) identity {
	switch kind {
	case 0x0800:
		if len(b) < 20 || b[0]>>4 != 4 {
			return identity{protocol: "ipv4, broken"}
		}
		return identity{netip.AddrFrom4([4]byte(b[12:16])).String(), transport("ipv4", b[9])}
	case 0x0806:
		return identity{protocol: "arp"}
	case 0x86dd:
		if len(b) < 40 {
			return identity{protocol: "ipv6, broken"}
		}
		return identity{netip.AddrFrom16([16]byte(b[8:24])).String(), transport("ipv6", b[6])}
	}
	if kind < 1536 {
		return identity{protocol: "802.3"}
	}
	return identity{protocol: fmt.Sprintf("ethertype %#04x", kind)}
}

func transport(ip string, proto uint8) string {
	switch proto {
	case 1:
		return ip + "/icmp"
	case 2:
		return ip + "/igmp"
	case 6:
		return ip + "/tcp"
	case 17:
		return ip + "/udp"
	case 58:
		return ip + "/icmpv6"
	}
	return fmt.Sprintf("%s/%d", ip, proto)
}
