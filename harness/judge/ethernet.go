package judge

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// ethernet is a frame of Ethernet II (RFC 894) or IEEE 802.3 with LLC (RFC 1042).
type ethernet struct {
	*scene
	dst, src [6]byte
	kind     uint16 // type, or length of the 802.3 data field
	at       int    // where the data field starts: behind the addresses, VLAN tags and type or length
	llc      bool   // kind is a length
	snap     bool   // LLC has both SAPs 0xaa
	protocol uint16 // EtherType, of the SNAP header too; 0 without one
	net      int    // where the network layer's packet starts
	end      int    // where it ends, as far as its own length tells; -1 when it does not
	ip       *ipv4  // nil for other protocols
}

var broadcastMAC = [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

func readEthernet(s *scene) {
	e := &ethernet{scene: s, end: -1}
	c := cursor{b: s.f.Data}
	e.dst, e.src, e.kind = c.mac(), c.mac(), c.u16()
	e.at = 14
	for e.kind == typeVLAN || e.kind == typeQinQ {
		c.u16()
		e.kind = c.u16()
		e.at += 4
	}
	if c.short {
		s.skip("frames shorter than their link header")
		return
	}
	e.net, e.protocol = e.at, e.kind
	if e.kind < 1536 {
		e.readLLC(c)
	}
	e.readNetwork()
	apply(s, ethernetRules, e)
}

// readLLC reads the 802.2 header behind a length field.
func (e *ethernet) readLLC(c cursor) {
	e.llc, e.protocol = true, 0
	llc := c.take(8)
	if e.snap = !c.short && llc[0] == 0xaa && llc[1]&^1 == 0xaa; e.snap {
		e.protocol, e.net = binary.BigEndian.Uint16(llc[6:]), e.at+8
	}
}

func (e *ethernet) readNetwork() {
	b := e.f.Data[e.net:]
	if e.llc {
		b = b[:min(len(b), max(0, int(e.kind)-(e.net-e.at)))]
	}
	switch e.protocol {
	case typeIPv4:
		e.ip = readIPv4(e.scene, e, e.net, b)
		if e.ip != nil {
			e.end = e.net + e.ip.total
		}
	case typeIPv6:
		if n := readIPv6(e.scene, e, e.net, b); n > 0 {
			e.end = e.net + n
		}
	case typeARP:
		e.end = readARP(e, b)
	case 0:
		e.skip("802.3 frames without SNAP")
	default:
		e.skip(protocolName(e.protocol))
	}
}

// loopback tells whether the frame is of a host's own loopback interface, which has no addresses.
func (e *ethernet) loopback() bool { return e != nil && e.dst == [6]byte{} && e.src == [6]byte{} }

var ethernetRules = []rule[ethernet]{
	{Rule{"ethernet.short", "RFC894:FF-3", "data field", "the data field of a frame is at least 46 octets long"},
		func(e *ethernet) *fault {
			n := len(e.f.Data) - e.at
			return when(e.j.opts.Wire && !e.llc && !e.f.Truncated && n < 46, e.at, fmt.Sprintf("%d octets", n), "46 octets or more")
		}},
	{Rule{"ethernet.padding", "RFC894:FF-4", "padding", "the padding octets of an Ethernet frame are zero"},
		func(e *ethernet) *fault { return e.padding(!e.llc) }},
	{Rule{"802.3.padding", "RFC1042:FF-2", "padding", "the padding octets of an 802.3 frame are zero"},
		func(e *ethernet) *fault { return e.padding(e.llc) }},
	{Rule{"ethernet.mtu", "RFC894:FF-7", "data field", "a datagram in an Ethernet frame is at most 1500 octets long"},
		func(e *ethernet) *fault { return e.longer(1500, !e.llc) }},
	{Rule{"802.3.mtu", "RFC1042:E3-3", "data field", "a datagram in an 802.3 frame is at most 1492 octets long"},
		func(e *ethernet) *fault { return e.longer(1492, e.llc) }},
	{Rule{"802.3.length", "RFC1042:E3-1", "length", "the length field counts the data of the frame"},
		func(e *ethernet) *fault {
			have := len(e.f.Data) - e.at
			return when(e.kind <= 1500 && !e.f.Truncated && int(e.kind) > have, e.at-2, e.kind, fmt.Sprintf("at most the %d octets there are", have))
		}},
	{Rule{"802.2.ip-sap", "RFC1122:2.3.3-5", "DSAP", "802.2 headers with the SAP 6 are not sent: IP goes with SNAP"},
		func(e *ethernet) *fault {
			llc := e.f.Data[e.at:]
			return when(e.llc && len(llc) >= 3 && llc[0] == 6 && llc[1]&^1 == 6 && llc[2] == 3, e.at, "6", "170 with a SNAP header")
		}},
	{Rule{"802.2.control", "RFC1042:HF-2", "control", "the control field of IP over 802.2 is 3, unnumbered information"},
		func(e *ethernet) *fault {
			if !e.snap || (e.protocol != typeIPv4 && e.protocol != typeARP) {
				return nil
			}
			return differs(e.at+2, e.f.Data[e.at+2], 3)
		}},
	{Rule{"ethernet.broadcast-unicast", "RFC1122:3.3.6-5", "destination address", "what is sent as link-layer broadcast has an IP broadcast or multicast destination"},
		func(e *ethernet) *fault {
			if e.ip == nil {
				return nil
			}
			return when(e.dst == broadcastMAC && e.ip.unicast(e.ip.dst), 0, macString(e.dst)+" to "+e.ip.dst.String(), "the link address of that host")
		}},
	{Rule{"ethernet.ip-broadcast", "RFC894:AM-4", "destination address", "an IP broadcast goes to the Ethernet broadcast address"},
		func(e *ethernet) *fault {
			return when(e.ip != nil && e.ip.dst == limitedBroadcast && e.dst != broadcastMAC && !e.loopback(), 0, macString(e.dst), macString(broadcastMAC))
		}},
	{Rule{"ethernet.ip-multicast", "RFC1112:6.4-1", "destination address", "a datagram to a group goes to 01-00-5e and the low 23 bits of the group"},
		func(e *ethernet) *fault {
			if e.ip == nil || !e.ip.dst.IsMulticast() || e.loopback() {
				return nil
			}
			g := e.ip.dst.As4()
			want := [6]byte{0x01, 0x00, 0x5e, g[1] & 0x7f, g[2], g[3]}
			return when(e.dst != want, 0, macString(e.dst), macString(want))
		}},
}

// padding looks at the octets between the packet's end and the shortest frame, 60 octets without its check sequence.
// What lies behind those is no padding (a check sequence, a switch's trailer).
func (e *ethernet) padding(mine bool) *fault {
	const shortest = 60
	if !mine || e.end < 0 {
		return nil
	}
	for i := e.end; i < min(shortest, len(e.f.Data)); i++ {
		if e.f.Data[i] != 0 {
			return &fault{i, fmt.Sprintf("%#02x", e.f.Data[i]), "0"}
		}
	}
	return nil
}

// longer looks for datagrams above the MTU. A network card may merge segments before they are captured, and cut them
// after; fragments and other protocols it leaves alone.
func (e *ethernet) longer(mtu int, mine bool) *fault {
	if !mine || e.ip == nil {
		return nil
	}
	merged := (e.ip.proto == protoTCP || e.ip.proto == protoUDP) && !e.ip.fragment()
	if merged && e.ip.total > mtu && !e.j.opts.Wire {
		e.skip("segments merged by a network card")
		return nil
	}
	return when(e.ip.total > mtu, e.net+2, e.ip.total, fmt.Sprintf("at most %d", mtu))
}

func macString(m [6]byte) string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

var limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
