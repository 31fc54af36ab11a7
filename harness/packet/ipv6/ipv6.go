// Package ipv6 is the tables of the IPv6 header and of its extension headers (RFC 8200).
//
// An extension header is a layer like others: Header().Then(HopByHop(HopOptions.Is(...)), udp.Datagram(...)). Each names
// the one behind it, lengths follow, and the checksums of what they carry are those of RFC 8200, section 8.1, with the
// last address of a routing header that is not used up. Options are octets: Option, Pad1, PadN make them.
//
// What a packet carries may have wishes of the header: a Neighbor Solicitation has hop limit 255 and goes to the
// solicited-node group unless the template says otherwise.
//
// gopacket's own layers refuse what a conformance test has to send; the decoders of this package stand in their place.
package ipv6

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/google/gopacket/layers"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
)

// Proto is IPv6.
var Proto = packet.Define("IPv6", layers.LayerTypeIPv6, 40)

var (
	Version       = packet.Uint(Proto, "version", 0, 4)
	TrafficClass  = packet.Uint(Proto, "traffic class", 4, 8, packet.Hex())
	FlowLabel     = packet.Uint(Proto, "flow label", 12, 20, packet.Hex())
	PayloadLength = packet.Uint(Proto, "payload length", 32, 16)
	NextHeader    = packet.Uint(Proto, "next header", 48, 8)
	HopLimit      = packet.Uint(Proto, "hop limit", 56, 8)
	Src           = packet.IP(Proto, "source", 64, 128)
	Dst           = packet.IP(Proto, "destination", 192, 128)
)

// Next header values.
const (
	NextHopByHop    = 0
	NextTCP         = 6
	NextUDP         = 17
	NextRouting     = 43
	NextFragment    = 44
	NextESP         = 50
	NextAH          = 51
	NextICMPv6      = 58
	NextNone        = 59
	NextDestination = 60
)

// Header is an IPv6 header.
func Header(conds ...packet.Cond) packet.Template { return Proto.Layer(conds...) }

// next is the next header value of what is inside: of nothing and of mere data, that there is none.
func next(inner *packet.Layer) uint {
	if inner == nil {
		return NextNone
	}
	if inner.Proto() == HopByHopProto {
		return NextHopByHop
	}
	if p, ok := inner.IPProtocol(); ok {
		return p
	}
	return NextNone
}

func defaults(env packet.Env, inner *packet.Layer) []packet.Cond {
	conds := []packet.Cond{Version.Is(6), HopLimit.Is(64), NextHeader.Is(next(inner))}
	if env.Local.IP6.IsValid() { // a host may be without an address
		conds = append(conds, Src.Is(env.Local.IP6))
	}
	if env.Peer.IP6.IsValid() {
		conds = append(conds, Dst.Is(env.Peer.IP6))
	}
	return append(conds, inner.Carrier(env)...)
}

// linkDst maps multicast destinations (on Ethernet RFC 2464, section 7); nil means the peer.
func linkDst(env packet.Env, l *packet.Layer) net.HardwareAddr {
	dst, ok := packet.Get(l, Dst)
	if !ok {
		if dst, ok = packet.Value(l.Inner().Carrier(env), Dst); !ok {
			return nil
		}
	}
	if !dst.Is6() || !dst.IsMulticast() {
		return nil
	}
	return env.Group(dst, GroupMAC(dst))
}

func summary(h, _ []byte) string {
	if len(h) < 40 {
		return "IPv6"
	}
	return fmt.Sprintf("IPv6 %s > %s hlim %d", netip.AddrFrom16([16]byte(h[8:24])), netip.AddrFrom16([16]byte(h[24:40])), h[7])
}

func init() {
	Proto.Rules = packet.Rules{
		Below:      func(env packet.Env) *packet.Proto { return env.Under(ethernet.Proto) },
		EtherType:  0x86dd,
		IPProtocol: 41,
		Defaults:   defaults,
		LinkDst:    linkDst,
		Fix:        func(s *packet.Sealing) { packet.Put(s, PayloadLength, uint(len(s.Payload))) },
		// RFC 8200, section 8.1.
		PseudoHeader: func(hdr []byte, protocol uint, length int) []byte {
			b := append([]byte(nil), hdr[8:40]...)
			return append(b, byte(length>>24), byte(length>>16), byte(length>>8), byte(length), 0, 0, 0, byte(protocol))
		},
		Summary: summary,
	}
}
