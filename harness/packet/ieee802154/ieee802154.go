// Package ieee802154 is the tables of the frames of IEEE 802.15.4, versions 2003, 2006 and 2015 (with 2020): the MAC
// header, the check sequence behind everything, and what beacons and commands begin with.
//
// Numbers and addresses stand in a frame least significant octet first; the fields give and take them as people write
// them, most significant first. Which fields a header has is told by its frame control field, so that a field that is set
// may change the bits that announce it: Dst.Is(addr) makes DstMode fit the length of addr, SrcPAN.Is(p) takes back the
// compression of PAN identifiers. Bits that are to lie are set behind, or with Octets.
//
//	ieee802154.Data(ieee802154.AckRequest.Is(0)).Then(packet.Payload([]byte("not 6LoWPAN")))
//
// The check sequence follows unless the template sets it: FCS.Is(0). A frame of link type 230 has none.
package ieee802154

import (
	"encoding/binary"
	"fmt"
	"net"
	"strings"

	"github.com/conform-stack/conform/harness/packet"
)

// Proto is the MAC header. A template that does not name it gets one.
var Proto = packet.Define("IEEE 802.15.4", macLayer, 2)

// Frame types.
const (
	TypeBeacon  = 0
	TypeData    = 1
	TypeAck     = 2
	TypeCommand = 3
)

// Addressing modes.
const (
	ModeNone     = 0
	ModeReserved = 1
	ModeShort    = 2
	ModeExtended = 3
)

// Frame versions.
const (
	Version2003 = 0
	Version2006 = 1
	Version2015 = 2
)

// MaxOctets are in a frame, the check sequence included (aMaxPHYPacketSize).
const MaxOctets = 127

// Broadcast is everybody, as a short address; NoShort is the one of a device that was given none (RFC 4944, section 12).
var (
	Broadcast = net.HardwareAddr{0xff, 0xff}
	NoShort   = net.HardwareAddr{0xff, 0xfe}
)

// AnyPAN is the identifier that stands for all.
const AnyPAN = 0xffff

var typeNames = map[uint]string{0: "beacon", 1: "data", 2: "acknowledgement", 3: "command", 5: "multipurpose", 6: "fragment", 7: "extended"} // never written

// The frame control field: its bits count from the right of each octet.
var (
	Type           = packet.Uint(Proto, "frame type", 5, 3, packet.Named(typeNames))
	SecurityOn     = packet.Uint(Proto, "security enabled", 4, 1)
	Pending        = packet.Uint(Proto, "frame pending", 3, 1)
	AckRequest     = packet.Uint(Proto, "acknowledgment request", 2, 1)
	PANCompression = packet.Uint(Proto, "PAN ID compression", 1, 1)
	Reserved       = packet.Uint(Proto, "reserved", 0, 1)
	SrcMode        = packet.Uint(Proto, "source addressing mode", 8, 2)
	Version        = packet.Uint(Proto, "frame version", 10, 2)
	DstMode        = packet.Uint(Proto, "destination addressing mode", 12, 2)
	IEPresent      = packet.Uint(Proto, "IE present", 14, 1)
	NoSequence     = packet.Uint(Proto, "sequence number suppression", 15, 1)
)

// What follows it, as far as it is there.
var (
	Sequence = packet.OptionalUint(Proto, "sequence number", 8, at(seqSpan), spliceSequence)
	DstPAN   = packet.OptionalUint(Proto, "destination PAN", 16, at(dstPANSpan), splicePAN(dstPANSpan), packet.Hex(), packet.LittleEndian())
	Dst      = packet.OptionalLinkAddr(Proto, "destination", at(dstSpan), spliceAddr(dstSpan), packet.LittleEndian())
	SrcPAN   = packet.OptionalUint(Proto, "source PAN", 16, at(srcPANSpan), splicePAN(srcPANSpan), packet.Hex(), packet.LittleEndian())
	Src      = packet.OptionalLinkAddr(Proto, "source", at(srcSpan), spliceAddr(srcSpan), packet.LittleEndian())
	// Aux is the auxiliary security header: see security.go.
	Aux = packet.Optional(Proto, "auxiliary security header", at(auxSpan), spliceTail(auxSpan), octets)
	// IEs are the header's information elements, terminations among them.
	IEs = packet.Optional(Proto, "header IEs", at(ieSpan), spliceTail(ieSpan), octets)
	// Octets are the whole header, for one that no field can tell.
	Octets = packet.Variable(Proto, "header", func(hdr []byte) (int, int) { return 0, len(hdr) }, func(_, value []byte) []byte { return value })
)

// FCSProto is the check sequence, behind everything.
var FCSProto = packet.Define("FCS", fcsLayer, 2)

// FCS is the check sequence.
var FCS = packet.Uint(FCSProto, "FCS", 0, 16, packet.Hex(), packet.LittleEndian())

// BeaconProto is what a beacon's payload begins with.
var BeaconProto = packet.Define("beacon", beaconLayer, 4)

// Of a beacon. The lists of GTS and pending addresses are empty by default.
var (
	Superframe       = packet.Uint(BeaconProto, "superframe specification", 0, 16, packet.Hex(), packet.LittleEndian())
	BeaconOrder      = packet.Uint(BeaconProto, "beacon order", 4, 4)
	SuperframeOrder  = packet.Uint(BeaconProto, "superframe order", 0, 4)
	PermitsAssociate = packet.Uint(BeaconProto, "association permit", 8, 1)
	PANCoordinator   = packet.Uint(BeaconProto, "PAN coordinator", 9, 1)
	GTS              = packet.Variable(BeaconProto, "GTS", func(h []byte) (int, int) { _, g, _ := beaconSpans(h); return 2, 2 + g },
		func(h, v []byte) []byte { _, g, _ := beaconSpans(h); return join(h[:2], v, h[2+g:]) })
	PendingAddresses = packet.Variable(BeaconProto, "pending addresses", func(h []byte) (int, int) { _, g, p := beaconSpans(h); return 2 + g, 2 + g + p },
		func(h, v []byte) []byte { _, g, p := beaconSpans(h); return join(h[:2+g], v, h[2+g+p:]) })
)

// CommandProto is the identifier that a command's payload begins with.
var CommandProto = packet.Define("command", commandLayer, 1)

// Commands.
const (
	AssociationRequest     = 1
	AssociationResponse    = 2
	Disassociation         = 3
	DataRequest            = 4
	PANConflict            = 5
	OrphanNotification     = 6
	BeaconRequest          = 7
	CoordinatorRealignment = 8
)

var commandNames = map[uint]string{ // never written
	1: "association request", 2: "association response", 3: "disassociation notification", 4: "data request",
	5: "PAN ID conflict", 6: "orphan notification", 7: "beacon request", 8: "coordinator realignment",
}

// CommandID is the identifier of a command.
var CommandID = packet.Uint(CommandProto, "command", 0, 8, packet.Named(commandNames))

// Header is a frame of any type.
func Header(conds ...packet.Cond) packet.Template { return Proto.Layer(conds...) }

// Data is a data frame.
func Data(conds ...packet.Cond) packet.Template { return typed(TypeData, conds) }

// Ack is an immediate acknowledgement of the frame with a sequence number: it has no addresses.
func Ack(seq uint, conds ...packet.Cond) packet.Template {
	return typed(TypeAck, append([]packet.Cond{AckRequest.Is(0), Dst.None(), Src.None(), Aux.None(), PANCompression.Is(0), Sequence.Is(seq)}, conds...))
}

// AnyAck is an acknowledgement of any frame.
func AnyAck(conds ...packet.Cond) packet.Template { return typed(TypeAck, conds) }

// Beacon is a beacon; conditions may be on its header and on what follows.
func Beacon(conds ...packet.Cond) packet.Template {
	header, rest := packet.Split(Proto, conds)
	return typed(TypeBeacon, header).Then(BeaconProto.Layer(rest...))
}

// Command is a command with the contents given as payload.
func Command(id uint, conds ...packet.Cond) packet.Template {
	return typed(TypeCommand, conds).Then(CommandProto.Layer(CommandID.Is(id)))
}

func typed(kind uint, conds []packet.Cond) packet.Template {
	return Header(append([]packet.Cond{Type.Is(kind)}, conds...)...)
}

// Check is a check sequence of one's own choice.
func Check(conds ...packet.Cond) packet.Template { return FCSProto.Layer(conds...) }

// Sum is the check sequence of a frame (IEEE 802.15.4-2020, 7.2.11): the CRC of ITU-T, least significant bit first.
func Sum(frame []byte) uint16 {
	var crc uint16
	for _, b := range frame {
		crc ^= uint16(b)
		for range 8 {
			if crc&1 == 1 {
				crc = crc>>1 ^ 0x8408
			} else {
				crc >>= 1
			}
		}
	}
	return crc
}

// defaults are those of a frame between the tester and the target with one identifier of a PAN, which asks for an
// acknowledgement unless it is a beacon or a broadcast.
func defaults(env packet.Env, inner *packet.Layer) []packet.Cond {
	head := []byte{TypeData, Version2006 << 4, env.NextSequence()}
	dst := env.Peer.MAC
	if to := inner.LinkDst(env); to != nil {
		dst = to
	}
	switch {
	case inner != nil && inner.Proto() == BeaconProto:
		head[0], dst = TypeBeacon, nil
	case inner != nil && inner.Proto() == CommandProto:
		head[0] = TypeCommand
	}
	pan := binary.LittleEndian.AppendUint16(nil, env.PAN)
	head = splicePAN(srcPANSpan)(spliceAddr(srcSpan)(head, reversed(env.Local.MAC)), pan)
	if len(dst) > 0 {
		head = splicePAN(srcPANSpan)(spliceAddr(dstSpan)(head, reversed(dst)), nil)
	}
	if !group(dst) {
		head[0] |= 1 << 5
	}
	if aux := Auxiliary(env); aux != nil {
		head = spliceTail(auxSpan)(head, aux)
	}
	return []packet.Cond{Octets.Is(head)}
}

// group tells whether a frame to an address is for many, or for nobody in particular.
func group(dst net.HardwareAddr) bool { return len(dst) == 0 || len(dst) == 2 && dst[0]&0x80 != 0 }

func reversed(a []byte) []byte {
	out := make([]byte, len(a))
	for i, b := range a {
		out[len(a)-1-i] = b
	}
	return out
}

func octets(raw []byte) string { return fmt.Sprintf("% x", raw) }

func join(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

func summary(h, _ []byte) string {
	if len(h) < 2 {
		return "IEEE 802.15.4"
	}
	l := parse(h)
	name := typeNames[uint(h[0]&7)]
	if name == "" {
		name = fmt.Sprintf("type %d", h[0]&7)
	}
	parts := []string{name}
	if s := l[seqSpan]; s.len() == 1 {
		parts = append(parts, fmt.Sprintf("seq %d", h[s.from]))
	}
	address := func(s int) string {
		if l[s].len() == 0 {
			return "nobody"
		}
		return net.HardwareAddr(reversed(h[l[s].from:l[s].to])).String()
	}
	if l[dstSpan].len()+l[srcSpan].len() > 0 {
		parts = append(parts, address(srcSpan)+" > "+address(dstSpan))
	}
	if h[0]&8 != 0 {
		parts = append(parts, security(h, l))
	}
	return "802.15.4 " + strings.Join(parts, " ")
}

// security is how a frame is secured, for people.
func security(h []byte, l layout) string {
	a := l[auxSpan]
	if a.len() < 5 || h[a.from]&0x20 != 0 {
		return "secured"
	}
	text := fmt.Sprintf("level %d counter %d", h[a.from]&7, binary.LittleEndian.Uint32(h[a.from+1:]))
	if at := auxSpans(h[a.from:a.to])[indexPart]; at.from < at.to {
		text += fmt.Sprintf(" key %d", h[a.from+at.from])
	}
	return text
}

func init() {
	MICProto.Rules = packet.Rules{Trails: true, Summary: func(_, _ []byte) string { return "" }}
	sealer.Rules = packet.Rules{Rank: 1}
	Proto.Rules = packet.Rules{Rank: 1, Defaults: defaults, Summary: summary}
	carried := func(packet.Env) *packet.Proto { return Proto }
	FCSProto.Rules = packet.Rules{
		Below: carried, Trails: true,
		Fix: func(s *packet.Sealing) {
			root := s
			for root.Outer != nil {
				root = root.Outer
			}
			n := len(root.Header) + len(root.Payload) - 2
			packet.Put(s, FCS, uint(Sum(append(root.Header[:len(root.Header):len(root.Header)], root.Payload...)[:n])))
		},
		Summary: func(_, _ []byte) string { return "" },
	}
	BeaconProto.Rules = packet.Rules{Below: carried, Defaults: func(packet.Env, *packet.Layer) []packet.Cond {
		return []packet.Cond{BeaconOrder.Is(15), SuperframeOrder.Is(15)}
	}}
	CommandProto.Rules = packet.Rules{Below: carried, Summary: func(h, _ []byte) string {
		if n := commandNames[uint(h[0])]; n != "" {
			return n
		}
		return fmt.Sprintf("command %d", h[0])
	}}
}
