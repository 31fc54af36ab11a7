// Package lowpan is the tables of 6LoWPAN: dispatch, mesh, broadcast and fragment headers of RFC 4944, those of RFC 8931, the header
// compression of RFC 6282 and of RFC 7400, and that of RFC 4944, section 10, which is only read.
//
// Two things make this link unlike others. An IPv6 packet does not stand in its frame as it is: a frame that is
// dissected has the layers that stand there (mesh, fragment, IPHC, NHC), and behind them those of the packet that they
// decompress to, so that ipv6.Src.Of(f) and every matcher work as on Ethernet. And a packet may take several frames: the
// one that completes it has its layers; the others have theirs.
//
// A template of a packet is sent in the shortest legal form, in fragments if it must. A check that wants another form
// puts the header into the template, outside the packet:
//
//	icmpv6.Echo(1, 1, nil).With(lowpan.TF.Is(0), lowpan.SAM.Is(1))         the rest as short as it can be
//	lowpan.Uncompressed().Then(icmpv6.Echo(1, 1, nil))                     dispatch 01000001
//	lowpan.Mesh(lowpan.HopsLeft.Is(3)).Then(icmpv6.Echo(1, 1, nil))
//	lowpan.IPHC(lowpan.NH.Is(1)).Then(lowpan.UDPNHC(lowpan.P.Is(0)), udp.Datagram(), packet.Payload(data))
//
// The bits that it names are as it says, and what they want in line is taken from the packet, whether or not that gives
// the packet back: a mode that elides what cannot be derived is sent all the same. Expand says what a receiver makes of it.
// Whatever is no encoding of a packet is octets: lowpan.IPHC(lowpan.Encoded.Is(octets)).Then(packet.Payload(rest)).
//
// The contexts are those of the world (target.Net.Contexts); probe.P.SetContext changes them.
package lowpan

import (
	"fmt"
	"net"
	"slices"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/ieee802154"
)

// Dispatch values (RFC 4944, section 5.1; RFC 6282, section 5; RFC 8025; RFC 8066).
const (
	DispatchESC  = 0x40
	DispatchIPv6 = 0x41
	DispatchHC1  = 0x42
	DispatchBC0  = 0x50
	DispatchIPHC = 0x60 // and the 31 above it
	DispatchMesh = 0x80 // and the 63 above it
	DispatchFrag = 0xc0 // and the 7 above it
	DispatchNext = 0xe0 // and the 7 above it
	DispatchPage = 0xf0 // and the 15 above it
)

// The headers, in the order in which they stand.
var (
	PageProto     = packet.Define("6LoWPAN page", pageLayer, 1)
	MeshProto     = packet.Define("6LoWPAN mesh", meshLayer, 1)
	BC0Proto      = packet.Define("6LoWPAN BC0", bc0Layer, 2)
	Frag1Proto    = packet.Define("6LoWPAN FRAG1", frag1Layer, 4)
	FragNProto    = packet.Define("6LoWPAN FRAGN", fragNLayer, 5)
	ESCProto      = packet.Define("6LoWPAN ESC", escLayer, 2)
	DispatchProto = packet.Define("6LoWPAN dispatch", dispatchLayer, 1)
	HC1Proto      = packet.Define("6LoWPAN HC1", hc1Layer, 3)
	IPHCProto     = packet.Define("6LoWPAN IPHC", iphcLayer, 2)
	ExtProto      = packet.Define("6LoWPAN NHC extension", extLayer, 1)
	UDPProto      = packet.Define("6LoWPAN NHC UDP", udpLayer, 1)
	ICMPProto     = packet.Define("6LoWPAN NHC ICMPv6", icmpLayer, 1)
)

// Page is the number of the page that a paging dispatch makes active (RFC 8025).
var Page = packet.Uint(PageProto, "page", 4, 4)

// Of the mesh header (RFC 4944, section 5.2). Setting an address sets the bit that tells its length.
var (
	MeshV      = packet.Uint(MeshProto, "V", 2, 1)
	MeshF      = packet.Uint(MeshProto, "F", 3, 1)
	HopsLeft   = packet.Uint(MeshProto, "hops left", 4, 4)
	DeepHops   = packet.OptionalUint(MeshProto, "deep hops left", 8, meshAt(0), meshPut(0))
	Originator = packet.OptionalLinkAddr(MeshProto, "originator address", meshAt(1), meshPut(1))
	Final      = packet.OptionalLinkAddr(MeshProto, "final address", meshAt(2), meshPut(2))
)

// BC0Sequence is the sequence number of a broadcast header (RFC 4944, section 11.1).
var BC0Sequence = packet.Uint(BC0Proto, "sequence number", 8, 8)

// Of the fragment headers (RFC 4944, section 5.3). Offset is in units of 8 octets.
var (
	Frag1Size = packet.Uint(Frag1Proto, "datagram_size", 5, 11)
	Frag1Tag  = packet.Uint(Frag1Proto, "datagram_tag", 16, 16)
	FragNSize = packet.Uint(FragNProto, "datagram_size", 5, 11)
	FragNTag  = packet.Uint(FragNProto, "datagram_tag", 16, 16)
	Offset    = packet.Uint(FragNProto, "datagram_offset", 32, 8)
)

// ESCType is the extension type behind an ESC dispatch (RFC 8066).
var ESCType = packet.Uint(ESCProto, "ESC extension type", 8, 8)

// Dispatch is a dispatch octet with nothing of its own behind it.
var Dispatch = packet.Uint(DispatchProto, "dispatch", 0, 8, packet.Hex())

// Of LOWPAN_IPHC (RFC 6282, section 3.1.1).
var (
	TF   = packet.Uint(IPHCProto, "TF", 3, 2)
	NH   = packet.Uint(IPHCProto, "NH", 5, 1)
	HLIM = packet.Uint(IPHCProto, "HLIM", 6, 2)
	CID  = packet.Uint(IPHCProto, "CID", 8, 1)
	SAC  = packet.Uint(IPHCProto, "SAC", 9, 1)
	SAM  = packet.Uint(IPHCProto, "SAM", 10, 2)
	M    = packet.Uint(IPHCProto, "M", 12, 1)
	DAC  = packet.Uint(IPHCProto, "DAC", 13, 1)
	DAM  = packet.Uint(IPHCProto, "DAM", 14, 2)

	// CIDs is the context identifier extension, source in the upper half; setting it sets CID.
	CIDs = packet.OptionalUint(IPHCProto, "context identifiers", 8, iphcAt(cidPart), iphcPut(cidPart), packet.Hex())
	// What is in line, in order. Setting one does not change the mode that tells its length.
	InlineTF   = packet.Optional(IPHCProto, "in-line TF", iphcAt(tfPart), iphcPut(tfPart), hexOctets)
	InlineNext = packet.OptionalUint(IPHCProto, "in-line next header", 8, iphcAt(nextPart), iphcPut(nextPart))
	InlineHops = packet.OptionalUint(IPHCProto, "in-line hop limit", 8, iphcAt(hopsPart), iphcPut(hopsPart))
	InlineSrc  = packet.Optional(IPHCProto, "in-line source", iphcAt(srcPart), iphcPut(srcPart), hexOctets)
	InlineDst  = packet.Optional(IPHCProto, "in-line destination", iphcAt(dstPart), iphcPut(dstPart), hexOctets)
	// Encoded is the whole header.
	Encoded = packet.Variable(IPHCProto, "encoding", whole, func(_, v []byte) []byte { return v })
)

// Of an extension header in NHC form (RFC 6282, section 4.2; GHC: RFC 7400, section 3.2).
var (
	NHCID      = packet.Uint(ExtProto, "NHC ID", 0, 4)
	EID        = packet.Uint(ExtProto, "EID", 4, 3)
	ExtNH      = packet.Uint(ExtProto, "NH", 7, 1)
	ExtNext    = packet.OptionalUint(ExtProto, "next header", 8, extAt(0), extPut(0))
	ExtLength  = packet.OptionalUint(ExtProto, "length", 8, extAt(1), extPut(1))
	ExtData    = packet.Optional(ExtProto, "extension header data", extAt(2), extPut(2), hexOctets)
	ExtEncoded = packet.Variable(ExtProto, "encoding", whole, func(_, v []byte) []byte { return v })
)

// Of a UDP header in NHC form (RFC 6282, section 4.3.3). UDPID is 11110, or 11010 when the payload is in GHC form.
var (
	UDPID      = packet.Uint(UDPProto, "NHC ID", 0, 5)
	C          = packet.Uint(UDPProto, "C", 5, 1)
	P          = packet.Uint(UDPProto, "P", 6, 2)
	InPorts    = packet.Optional(UDPProto, "in-line ports", udpAt(0), udpPut(0), hexOctets)
	InChecksum = packet.OptionalUint(UDPProto, "in-line checksum", 16, udpAt(1), udpPut(1), packet.Hex())
	UDPEncoded = packet.Variable(UDPProto, "encoding", whole, func(_, v []byte) []byte { return v })
)

// ICMPNHC is the octet that announces an ICMPv6 message in GHC form (RFC 7400, section 3.1).
var ICMPNHC = packet.Uint(ICMPProto, "NHC", 0, 8, packet.Hex())

// Of LOWPAN_HC1 (RFC 4944, section 10.1), the dispatch included.
var (
	HC1Src  = packet.Uint(HC1Proto, "source address", 8, 2)
	HC1Dst  = packet.Uint(HC1Proto, "destination address", 10, 2)
	HC1TF   = packet.Uint(HC1Proto, "traffic class and flow label", 12, 1)
	HC1Next = packet.Uint(HC1Proto, "next header", 13, 2)
	HC2     = packet.Uint(HC1Proto, "HC2 encoding", 15, 1)
	// HCUDP is the octet of HC_UDP (RFC 4944, section 10.2); setting it sets HC2.
	HCUDP = packet.OptionalUint(HC1Proto, "HC_UDP encoding", 8, func(h []byte) (int, int) {
		if len(h) < 3 || h[1]&1 == 0 {
			return absent()
		}
		return 2, 3
	}, func(h, v []byte) []byte {
		rest := h[2:]
		if h[1]&1 != 0 {
			rest = h[3:]
		}
		out := slices.Concat(h[:2], v, rest)
		out[1] &^= 1
		if v != nil {
			out[1] |= 1
		}
		return out
	}, packet.Hex())
	HC1Encoded = packet.Variable(HC1Proto, "encoding", whole, func(_, v []byte) []byte { return v })
)

// Paging is a paging dispatch.
func Paging(page uint) packet.Template { return PageProto.Layer(Page.Is(page)) }

// Mesh is a mesh header, by default from the tester to the target with a few hops to go.
func Mesh(conds ...packet.Cond) packet.Template { return MeshProto.Layer(conds...) }

// BC0 is a broadcast header.
func BC0(conds ...packet.Cond) packet.Template { return BC0Proto.Layer(conds...) }

// ESC is an escape with its extension type.
func ESC(kind uint) packet.Template { return ESCProto.Layer(ESCType.Is(kind)) }

// Uncompressed announces an IPv6 packet as it is.
func Uncompressed() packet.Template { return DispatchProto.Layer(Dispatch.Is(DispatchIPv6)) }

// Other is any dispatch octet.
func Other(octet uint) packet.Template { return DispatchProto.Layer(Dispatch.Is(octet)) }

// IPHC is a compressed IPv6 header.
func IPHC(conds ...packet.Cond) packet.Template { return IPHCProto.Layer(conds...) }

// UDPNHC is a UDP header in NHC form.
func UDPNHC(conds ...packet.Cond) packet.Template { return UDPProto.Layer(conds...) }

// ExtNHC is an extension header in NHC form.
func ExtNHC(conds ...packet.Cond) packet.Template { return ExtProto.Layer(conds...) }

// UDPGHC is a UDP header in NHC form whose payload is in GHC form.
func UDPGHC(conds ...packet.Cond) packet.Template {
	return UDPNHC(append([]packet.Cond{UDPID.Is(0x1a)}, conds...)...)
}

// ICMPGHC announces an ICMPv6 message in GHC form.
func ICMPGHC() packet.Template { return ICMPProto.Layer(ICMPNHC.Is(0xdf)) }

// HC1 is an IPv6 header compressed as in RFC 4944, section 10; with a UDP header if HC2 is 1.
func HC1(conds ...packet.Cond) packet.Template { return HC1Proto.Layer(conds...) }

// First is a first fragment; what it carries begins with a dispatch.
func First(size, tag uint, carries ...byte) packet.Template {
	return Frag1Proto.Layer(Frag1Size.Is(size), Frag1Tag.Is(tag)).Then(packet.Payload(carries))
}

// Later is a later fragment, at an offset in units of 8 octets.
func Later(size, tag, offset uint, carries ...byte) packet.Template {
	return FragNProto.Layer(FragNSize.Is(size), FragNTag.Is(tag), Offset.Is(offset)).Then(packet.Payload(carries))
}

// AnyFirst and AnyLater are fragments.
func AnyFirst(conds ...packet.Cond) packet.Template { return Frag1Proto.Layer(conds...) }

// AnyLater is a fragment that is not the first.
func AnyLater(conds ...packet.Cond) packet.Template { return FragNProto.Layer(conds...) }

// Split cuts a whole IPv6 packet at the given octets, multiples of 8 in rising order, into fragments in order. The first
// carries its part uncompressed.
func Split(ip []byte, tag uint, cuts ...int) (parts []packet.Template) {
	from := 0
	for _, to := range append(append([]int(nil), cuts...), len(ip)) {
		parts = append(parts, Part(ip, tag, from, to))
		from = to
	}
	return parts
}

// SplitEvery is Split with n octets in each fragment, a multiple of 8; the last may have fewer.
func SplitEvery(ip []byte, tag uint, n int) []packet.Template {
	var cuts []int
	for at := n; at < len(ip); at += n {
		cuts = append(cuts, at)
	}
	return Split(ip, tag, cuts...)
}

// Part is the fragment with octets from to to of a packet.
func Part(ip []byte, tag uint, from, to int) packet.Template {
	if from == 0 {
		return First(uint(len(ip)), tag, append([]byte{DispatchIPv6}, ip[:to]...)...)
	}
	return Later(uint(len(ip)), tag, uint(from/8), ip[from:to]...)
}

func whole(hdr []byte) (int, int) { return 0, len(hdr) }

func hexOctets(raw []byte) string {
	if len(raw) == 0 {
		return "none"
	}
	return fmt.Sprintf("%x", raw)
}

func carried(packet.Env) *packet.Proto { return ieee802154.Proto }

func init() {
	initial := func(rank int, of func(env packet.Env) packet.Cond, summary func(h []byte) string) packet.Rules {
		return packet.Rules{
			Rank: rank, Below: carried,
			Defaults: func(env packet.Env, _ *packet.Layer) []packet.Cond { return []packet.Cond{of(env)} },
			Summary:  func(h, _ []byte) string { return summary(h) },
		}
	}
	first := func(p *packet.Proto, octets ...byte) func(packet.Env) packet.Cond {
		raw := rawField[p]
		return func(packet.Env) packet.Cond { return raw.Is(octets) }
	}
	PageProto.Rules = initial(6, first(PageProto, DispatchPage|1), func(h []byte) string { return fmt.Sprintf("page %d", h[0]&15) })
	MeshProto.Rules = initial(2, func(env packet.Env) packet.Cond {
		return rawField[MeshProto].Is(mesh(14, env.Local.MAC, env.Peer.MAC))
	}, summarizeMesh)
	BC0Proto.Rules = initial(3, first(BC0Proto, DispatchBC0, 0), func(h []byte) string { return fmt.Sprintf("BC0 %d", h[1]) })
	Frag1Proto.Rules = initial(4, first(Frag1Proto, DispatchFrag, 0, 0, 0), func(h []byte) string {
		return fmt.Sprintf("first fragment of %d, tag %d", size(h), tag(h))
	})
	FragNProto.Rules = initial(4, first(FragNProto, DispatchNext, 0, 0, 0, 0), func(h []byte) string {
		return fmt.Sprintf("fragment of %d, tag %d, at %d", size(h), tag(h), 8*int(h[4]))
	})
	RFragProto.Rules = initial(4, first(RFragProto, DispatchRFrag, 0, 0, 0, 0, 0), func(h []byte) string {
		return fmt.Sprintf("recoverable fragment %d, tag %d, %d octets, at %d", h[2]>>2&31, h[1], int(h[2]&3)<<8|int(h[3]), int(h[4])<<8|int(h[5]))
	})
	RFragAckProto.Rules = initial(4, first(RFragAckProto, DispatchRFragAck, 0, 0, 0, 0, 0), func(h []byte) string {
		return fmt.Sprintf("acknowledgment of fragments, tag %d, %x", h[1], h[2:6])
	})
	ESCProto.Rules = initial(5, first(ESCProto, DispatchESC, 0), func(h []byte) string { return fmt.Sprintf("ESC %d", h[1]) })
	DispatchProto.Rules = initial(7, first(DispatchProto, DispatchIPv6), func(h []byte) string {
		if h[0] == DispatchIPv6 {
			return "uncompressed"
		}
		return fmt.Sprintf("dispatch %#02x", h[0])
	})
	HC1Proto.Rules = initial(7, first(HC1Proto, DispatchHC1, 0xf8, 64), func(h []byte) string { return "HC1" })
	IPHCProto.Rules = initial(7, first(IPHCProto, DispatchIPHC, 0), func(h []byte) string { return fmt.Sprintf("IPHC %02x%02x", h[0], h[1]) })
	ExtProto.Rules = initial(8, first(ExtProto, 0xe0), func(h []byte) string { return fmt.Sprintf("NHC %02x", h[0]) })
	UDPProto.Rules = initial(8, first(UDPProto, 0xf0), func(h []byte) string { return fmt.Sprintf("NHC %02x", h[0]) })
	ICMPProto.Rules = initial(8, first(ICMPProto, 0xdf), func(h []byte) string { return "GHC" })
	ieee802154.Register(packet.LinkLayer{Packet: read, Wrap: wrap, Rewrap: rewrap})
	ieee802154.Payload = decoder
}

// rawField is all of a header's octets, for defaults and for what the compressor makes.
var rawField = rawFields() // never written

func rawFields() map[*packet.Proto]packet.Field[[]byte] {
	m := map[*packet.Proto]packet.Field[[]byte]{HC1Proto: HC1Encoded, IPHCProto: Encoded, ExtProto: ExtEncoded, UDPProto: UDPEncoded}
	for _, p := range []*packet.Proto{PageProto, MeshProto, BC0Proto, Frag1Proto, FragNProto, ESCProto, DispatchProto, ICMPProto, RFragProto, RFragAckProto} {
		m[p] = packet.Variable(p, "octets", whole, func(_, v []byte) []byte { return v })
	}
	return m
}

func size(h []byte) int { return int(h[0]&7)<<8 | int(h[1]) }
func tag(h []byte) int  { return int(h[2])<<8 | int(h[3]) }

// mesh is a mesh header's octets.
func mesh(hops byte, originator, final net.HardwareAddr) []byte {
	b := []byte{DispatchMesh | hops}
	if len(originator) == 2 {
		b[0] |= 0x20
	}
	if len(final) == 2 {
		b[0] |= 0x10
	}
	return append(append(b, originator...), final...)
}

func summarizeMesh(h []byte) string {
	s := meshSpans(h)
	return fmt.Sprintf("mesh %s > %s hops %d", net.HardwareAddr(h[s[1]:s[2]]), net.HardwareAddr(h[s[2]:s[3]]), h[0]&15)
}
