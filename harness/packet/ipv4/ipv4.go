// Package ipv4 is the table of the IPv4 header (RFC 791).
package ipv4

import (
	"fmt"
	"net"
	"net/netip"

	"github.com/google/gopacket/layers"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ethernet"
)

// Proto is IPv4.
var Proto = packet.Define("IPv4", layers.LayerTypeIPv4, 20)

// linkDst maps broadcast and multicast destinations (RFC 1112, 6.4); nil means the peer.
func linkDst(dst netip.Addr) net.HardwareAddr {
	a := dst.As4()
	switch {
	case dst == Broadcast:
		return ethernet.Broadcast
	case dst.IsMulticast():
		return net.HardwareAddr{0x01, 0x00, 0x5e, a[1] & 0x7f, a[2], a[3]}
	}
	return nil
}

// Addr is an IPv4 address.
type Addr = netip.Addr

// MustAddr reads an address that is written in a program.
func MustAddr(s string) Addr { return netip.MustParseAddr(s) }

// Broadcast is the limited broadcast address.
var Broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

var (
	Version     = packet.Uint(Proto, "version", 0, 4)
	IHL         = packet.Uint(Proto, "IHL", 4, 4)
	TOS         = packet.Uint(Proto, "type of service", 8, 8, packet.Hex())
	TotalLength = packet.Uint(Proto, "total length", 16, 16)
	ID          = packet.Uint(Proto, "identification", 32, 16)
	Reserved    = packet.Uint(Proto, "reserved flag", 48, 1)
	DF          = packet.Uint(Proto, "don't fragment", 49, 1)
	MF          = packet.Uint(Proto, "more fragments", 50, 1)
	Offset      = packet.Uint(Proto, "fragment offset", 51, 13) // in units of 8 octets
	TTL         = packet.Uint(Proto, "time to live", 64, 8)
	Protocol    = packet.Uint(Proto, "protocol", 72, 8)
	Checksum    = packet.Uint(Proto, "header checksum", 80, 16, packet.Hex())
	Src         = packet.IP(Proto, "source", 96, 32)
	Dst         = packet.IP(Proto, "destination", 128, 32)
	// Options are the octets between the fixed header and the data. Setting them pads to a multiple of 4 octets with
	// End of Option List and sets the IHL.
	Options = packet.Variable(Proto, "options", findOptions, spliceOptions)
)

func findOptions(hdr []byte) (int, int) { return 20, max(20, len(hdr)) }

func spliceOptions(hdr, value []byte) []byte {
	out := append(hdr[:20:20], value...)
	for len(out)%4 != 0 {
		out = append(out, 0)
	}
	out[0] = out[0]&0xf0 | byte(len(out)/4)&0x0f
	return out
}

// Header is an IPv4 header.
func Header(conds ...packet.Cond) packet.Template { return Proto.Layer(conds...) }

func summary(h, _ []byte) string {
	if len(h) < 20 {
		return "IPv4"
	}
	s := fmt.Sprintf("IPv4 %s > %s ttl %d", netip.AddrFrom4([4]byte(h[12:16])), netip.AddrFrom4([4]byte(h[16:20])), h[8])
	if frag := uint(h[6]&0x1f)<<8 | uint(h[7]); frag != 0 || h[6]&0x20 != 0 {
		s += fmt.Sprintf(" id %d fragment at %d", uint(h[4])<<8|uint(h[5]), frag*8)
		if h[6]&0x20 != 0 {
			s += "+"
		}
	}
	return s
}

func init() {
	Proto.Rules = packet.Rules{
		Below:     func(packet.Env) *packet.Proto { return ethernet.Proto },
		EtherType: 0x0800,
		Defaults: func(env packet.Env, inner *packet.Layer) []packet.Cond {
			conds := []packet.Cond{Version.Is(4), IHL.Is(5), TTL.Is(64)}
			if env.Local.IP4.IsValid() { // a host may be without an address
				conds = append(conds, Src.Is(env.Local.IP4))
			}
			if env.Peer.IP4.IsValid() {
				conds = append(conds, Dst.Is(env.Peer.IP4))
			}
			if inner != nil {
				if p, ok := inner.IPProtocol(); ok {
					conds = append(conds, Protocol.Is(p))
				}
			}
			return conds
		},
		LinkDst: func(env packet.Env, l *packet.Layer) net.HardwareAddr {
			dst, ok := packet.Get(l, Dst)
			if !ok {
				return nil
			}
			return linkDst(dst)
		},
		Fix: func(s *packet.Sealing) {
			packet.Put(s, TotalLength, uint(len(s.Header)+len(s.Payload)))
			if packet.Sets(s, Checksum) {
				packet.Put(s, Checksum, 0)
				packet.Put(s, Checksum, packet.Checksum(s.Header))
			}
		},
		PseudoHeader: func(hdr []byte, protocol uint, length int) []byte {
			b := append([]byte(nil), hdr[12:20]...)
			return append(b, 0, byte(protocol), byte(length>>8), byte(length))
		},
		Summary: summary,
	}
}
