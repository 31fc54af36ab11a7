package ipv6

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/conform-stack/conform/harness/packet"
)

// The extension headers. A header of options is as long as its options say: they are padded to a multiple of 8 octets,
// and HopLength or DestLength follows, unless the template sets it.
var (
	HopByHopProto = packet.Define("hop-by-hop options", hopLayer, 8)
	DestProto     = packet.Define("destination options", destLayer, 8)
	RoutingProto  = packet.Define("routing header", routingLayer, 8)
	FragmentProto = packet.Define("fragment header", fragmentLayer, 8)
)

var (
	HopNext   = packet.Uint(HopByHopProto, "next header", 0, 8)
	HopLength = packet.Uint(HopByHopProto, "header extension length", 8, 8) // in units of 8 octets, the first not counted
	// HopOptions are the octets behind the length: Option, Pad1 and PadN make them.
	HopOptions = packet.Variable(HopByHopProto, "options", tailAt(2), spliceOptions)

	DestNext    = packet.Uint(DestProto, "next header", 0, 8)
	DestLength  = packet.Uint(DestProto, "header extension length", 8, 8)
	DestOptions = packet.Variable(DestProto, "options", tailAt(2), spliceOptions)

	RouteNext    = packet.Uint(RoutingProto, "next header", 0, 8)
	RouteLength  = packet.Uint(RoutingProto, "header extension length", 8, 8)
	RouteType    = packet.Uint(RoutingProto, "routing type", 16, 8)
	SegmentsLeft = packet.Uint(RoutingProto, "segments left", 24, 8)
	// RouteData is padded with zeros to a multiple of 8 octets.
	RouteData = packet.Variable(RoutingProto, "type-specific data", tailAt(4), func(hdr, value []byte) []byte {
		out := append(hdr[:4:4], value...)
		for len(out)%8 != 0 || len(out) == 0 {
			out = append(out, 0)
		}
		return out
	})

	FragNext     = packet.Uint(FragmentProto, "next header", 0, 8)
	FragReserved = packet.Uint(FragmentProto, "reserved", 8, 8)
	FragOffset   = packet.Uint(FragmentProto, "fragment offset", 16, 13) // in units of 8 octets
	FragRes      = packet.Uint(FragmentProto, "res", 29, 2)
	FragMore     = packet.Uint(FragmentProto, "M flag", 31, 1)
	FragID       = packet.Uint(FragmentProto, "identification", 32, 32, packet.Hex())
)

// HopByHop is a Hop-by-Hop Options header; without options it is all padding.
func HopByHop(conds ...packet.Cond) packet.Template { return HopByHopProto.Layer(conds...) }

// Destination is a Destination Options header.
func Destination(conds ...packet.Cond) packet.Template { return DestProto.Layer(conds...) }

// Routing is a Routing header.
func Routing(conds ...packet.Cond) packet.Template { return RoutingProto.Layer(conds...) }

// Fragment is a Fragment header. Split makes fragments of a packet.
func Fragment(conds ...packet.Cond) packet.Template { return FragmentProto.Layer(conds...) }

// RouteType0 is the deprecated source route of RFC 2460, section 4.4, with addresses to visit.
func RouteType0(left uint, hops ...netip.Addr) packet.Template {
	data := make([]byte, 4)
	for _, h := range hops {
		data = append(data, h.AsSlice()...)
	}
	return Routing(RouteType.Is(0), SegmentsLeft.Is(left), RouteData.Is(data))
}

func tailAt(n int) func([]byte) (int, int) {
	return func(hdr []byte) (int, int) { return n, max(n, len(hdr)) }
}

func spliceOptions(hdr, value []byte) []byte {
	out := append(hdr[:2:2], value...)
	if rest := len(out) % 8; rest > 0 {
		out = append(out, Pad(8-rest)...)
	}
	return out
}

// final is the last address of a routing header of type 0 or 2 that is not used up: the checksums of what follows are made
// with it (RFC 8200, section 8.1).
func final(hdr []byte) []byte {
	if len(hdr) < 24 || hdr[3] == 0 || hdr[2] != 0 && hdr[2] != 2 {
		return nil
	}
	return hdr[len(hdr)-16:]
}

func fixLength(f packet.Field[uint]) func(*packet.Sealing) {
	return func(s *packet.Sealing) { packet.Put(s, f, uint(len(s.Header)/8-1)) }
}

func below(packet.Env) *packet.Proto { return Proto }

func init() {
	HopByHopProto.Rules = packet.Rules{
		Below: below,
		Defaults: func(_ packet.Env, inner *packet.Layer) []packet.Cond {
			return []packet.Cond{HopNext.Is(next(inner)), HopOptions.Is(Pad(6))}
		},
		Fix:     fixLength(HopLength),
		Summary: func(h, _ []byte) string { return "hop-by-hop options " + listOptions(h) },
	}
	DestProto.Rules = packet.Rules{
		Below: below, IPProtocol: NextDestination,
		Defaults: func(_ packet.Env, inner *packet.Layer) []packet.Cond {
			return []packet.Cond{DestNext.Is(next(inner)), DestOptions.Is(Pad(6))}
		},
		Fix:     fixLength(DestLength),
		Summary: func(h, _ []byte) string { return "destination options " + listOptions(h) },
	}
	RoutingProto.Rules = packet.Rules{
		Below: below, IPProtocol: NextRouting,
		Defaults: func(_ packet.Env, inner *packet.Layer) []packet.Cond { return []packet.Cond{RouteNext.Is(next(inner))} },
		Reroutes: final,
		Fix:      fixLength(RouteLength),
		Summary: func(h, _ []byte) string {
			if len(h) < 4 {
				return "routing header"
			}
			return fmt.Sprintf("routing header type %d, %d left", h[2], h[3])
		},
	}
	FragmentProto.Rules = packet.Rules{
		Below: below, IPProtocol: NextFragment,
		Defaults: func(_ packet.Env, inner *packet.Layer) []packet.Cond { return []packet.Cond{FragNext.Is(next(inner))} },
		Summary: func(h, body []byte) string {
			if len(h) < 8 {
				return "fragment"
			}
			at, more := int(binary.BigEndian.Uint16(h[2:]))&^7, ""
			if h[3]&1 != 0 {
				more = "+"
			}
			return fmt.Sprintf("fragment id %#x at %d%s, %d octets", binary.BigEndian.Uint32(h[4:]), at, more, len(body))
		},
	}
}
