package judge

import (
	"encoding/binary"
	"fmt"

	"github.com/conform-stack/conform/harness/capture"
)

// linkEntry is where frames of a link type are read; nil when the judge has no rules for it.
func linkEntry(link capture.LinkType) func(*scene) {
	switch link {
	case capture.Ethernet:
		return readEthernet
	case capture.RawIP, capture.IPv4, capture.IPv6:
		return func(s *scene) { readRaw(s, 0) }
	case capture.Null:
		return readNull
	case capture.LinuxSLL:
		return func(s *scene) { readCooked(s, 14, 16) }
	case capture.LinuxSLL2:
		return func(s *scene) { readCooked(s, 0, 20) }
	case capture.IEEE802154:
		return func(s *scene) { readMAC(s, 2) }
	case capture.IEEE802154NoFCS:
		return func(s *scene) { readMAC(s, 0) }
	}
	return nil
}

// readRaw reads a datagram without a link header.
func readRaw(s *scene, at int) {
	b := s.f.Data[at:]
	if len(b) > 0 && b[0]>>4 == 6 {
		readIPv6(s, nil, at, b)
		return
	}
	readIPv4(s, nil, at, b)
}

// readNull reads the 4 octets of BSD loopback: the address family, in the byte order of the capturing host.
func readNull(s *scene) {
	if len(s.f.Data) < 4 {
		s.skip("frames shorter than their link header")
		return
	}
	const inet = 2
	family := binary.LittleEndian.Uint32(s.f.Data)
	if family != inet && family != inet<<24 {
		s.skip("address families of BSD loopback other than IPv4")
		return
	}
	readRaw(s, 4)
}

// readCooked reads Linux cooked headers: the protocol stands at one offset, the payload begins at another.
func readCooked(s *scene, protocol, payload int) {
	if len(s.f.Data) < payload {
		s.skip("frames shorter than their link header")
		return
	}
	switch p := binary.BigEndian.Uint16(s.f.Data[protocol:]); p {
	case typeIPv4:
		readIPv4(s, nil, payload, s.f.Data[payload:])
	case typeIPv6:
		readIPv6(s, nil, payload, s.f.Data[payload:])
	default:
		s.skip(protocolName(p))
	}
}

const (
	typeIPv4 = 0x0800
	typeARP  = 0x0806
	typeVLAN = 0x8100
	typeQinQ = 0x88a8
	typeIPv6 = 0x86dd
)

// protocolName says what an EtherType stands for, in the list of what was not judged.
func protocolName(etherType uint16) string {
	switch etherType {
	case typeIPv6:
		return "IPv6"
	case typeARP:
		return "ARP without an Ethernet header"
	case 0x88cc:
		return "LLDP"
	}
	return fmt.Sprintf("EtherType %#04x", etherType)
}
