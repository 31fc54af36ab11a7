package ndp

import (
	"encoding/binary"
	"net"
	"net/netip"

	"github.com/google/gopacket"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
)

// Options of 6LoWPAN (RFC 6775, section 4; RFC 7400, section 3.3).
const (
	AROType  = 33 // and the extended one of RFC 8505
	CtxType  = 34 // 6CO
	ABROType = 35
	CIOType  = 36 // 6CIO
)

// Status values of registrations (RFC 6775, table 1; RFC 8505, table 1).
const (
	StatusSuccess         = 0
	StatusDuplicate       = 1
	StatusFull            = 2
	StatusMoved           = 3
	StatusDuplicateSource = 6
	StatusInvalidSource   = 7
	StatusIncorrect       = 8
	StatusSaturated       = 9
)

// The Address Registration Option in a solicitation and in the advertisement that answers it. Each field is one of an
// option that a message may lack.
var (
	NSStatus    = aroUint(NS, "ARO status", 20, 0, 1)
	NSReserved1 = aroUint(NS, "ARO octet 3", 20, 1, 1)  // reserved; RFC 8505: opaque
	NSFlags     = aroUint(NS, "ARO flags", 20, 2, 1)    // reserved; RFC 8505: four reserved bits, I, R, T
	NSTID       = aroUint(NS, "ARO TID", 20, 3, 1)      // reserved; RFC 8505
	NSLifetime  = aroUint(NS, "ARO lifetime", 20, 4, 2) // minutes
	NSEUI64     = aroLink(NS, 20)
	NSARO       = aroOctets(NS, 20)

	NAStatus   = aroUint(NA, "ARO status", 20, 0, 1)
	NAFlags    = aroUint(NA, "ARO flags", 20, 2, 1)
	NATID      = aroUint(NA, "ARO TID", 20, 3, 1)
	NALifetime = aroUint(NA, "ARO lifetime", 20, 4, 2)
	NAEUI64    = aroLink(NA, 20)
	NAARO      = aroOctets(NA, 20)
)

// aroBounds are those of the option with its type and length; from above to when there is none.
func aroBounds(hdr []byte, n int) (from, to int) {
	for at := n; at+8 <= len(hdr) && hdr[at+1] != 0; at += 8 * int(hdr[at+1]) {
		if hdr[at] == AROType {
			return at, min(len(hdr), at+8*int(hdr[at+1]))
		}
	}
	return 1, 0
}

// aroSplice puts octets in place of those from at on behind type and length; nil takes the option away.
func aroSplice(n, at int) func(hdr, value []byte) []byte {
	return func(hdr, value []byte) []byte {
		from, to := aroBounds(hdr, n)
		switch {
		case from > to && value == nil:
			return hdr
		case value == nil:
			return append(hdr[:from:from], hdr[to:]...)
		case from > to:
			hdr = append(hdr[:len(hdr):len(hdr)], Option(AROType, make([]byte, 14)...)...)
			from, to = aroBounds(hdr, n)
		default:
			hdr = append([]byte(nil), hdr...)
		}
		copy(hdr[from+2+at:to], value)
		return hdr
	}
}

func aroUint(p *packet.Proto, name string, n, at, octets int) packet.Field[uint] {
	find := func(hdr []byte) (int, int) {
		from, to := aroBounds(hdr, n)
		if from > to || to-from < 16 {
			return 1, 0
		}
		return from + 2 + at, from + 2 + at + octets
	}
	return packet.OptionalUint(p, name, 8*octets, find, aroSplice(n, at))
}

func aroLink(p *packet.Proto, n int) packet.Field[net.HardwareAddr] {
	find := func(hdr []byte) (int, int) {
		from, to := aroBounds(hdr, n)
		if from > to || to-from < 16 {
			return 1, 0
		}
		return from + 8, from + 16
	}
	return packet.OptionalLinkAddr(p, "ARO EUI-64", find, aroSplice(n, 6))
}

// aroOctets is the whole option: to be there, or not (None).
func aroOctets(p *packet.Proto, n int) packet.Field[[]byte] {
	return packet.Optional(p, "ARO", func(hdr []byte) (int, int) { return aroBounds(hdr, n) }, func(hdr, value []byte) []byte {
		from, to := aroBounds(hdr, n)
		if from <= to {
			hdr = append(hdr[:from:from], hdr[to:]...)
		}
		return append(hdr[:len(hdr):len(hdr)], value...)
	}, func(raw []byte) string { return "with an ARO" })
}

// ARO is an Address Registration Option.
func ARO(status byte, minutes uint16, eui net.HardwareAddr) []byte {
	return EARO{Status: status, Lifetime: minutes, ROVR: eui}.Option()
}

// An EARO is an Extended Address Registration Option (RFC 8505, section 4.1).
type EARO struct {
	Status, Opaque byte
	Flags          byte // 1: T, there is a TID; 2: R
	TID            byte
	Lifetime       uint16 // minutes
	ROVR           []byte
}

// Option gives the octets.
func (o EARO) Option() []byte {
	b := binary.BigEndian.AppendUint16([]byte{o.Status, o.Opaque, o.Flags, o.TID}, o.Lifetime)
	return Option(AROType, append(b, o.ROVR...)...)
}

// A Context is a 6LoWPAN Context Option (RFC 6775, section 4.2).
type Context struct {
	ID       byte
	Prefix   netip.Prefix
	Compress bool
	Lifetime uint16 // minutes
	Reserved byte   // the three bits of it
}

// Option gives the octets.
func (c Context) Option() []byte {
	flags := c.ID&15 | c.Reserved<<5
	if c.Compress {
		flags |= 16
	}
	b := binary.BigEndian.AppendUint16([]byte{byte(c.Prefix.Bits()), flags, 0, 0}, c.Lifetime)
	n := 8
	if c.Prefix.Bits() > 64 {
		n = 16
	}
	return Option(CtxType, append(b, c.Prefix.Addr().AsSlice()[:n]...)...)
}

// ContextOf reads a 6LoWPAN Context Option.
func ContextOf(o []byte) (c Context, ok bool) {
	if len(o) < 16 || o[0] != CtxType || o[2] > 128 {
		return c, false
	}
	var a [16]byte
	copy(a[:], o[8:])
	return Context{
		ID: o[3] & 15, Compress: o[3]&16 != 0, Reserved: o[3] >> 5, Lifetime: binary.BigEndian.Uint16(o[6:]),
		Prefix: netip.PrefixFrom(netip.AddrFrom16(a), int(o[2])),
	}, true
}

// ABRO is an Authoritative Border Router Option (RFC 6775, section 4.3).
func ABRO(version uint32, minutes uint16, border netip.Addr) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(version))
	b = binary.BigEndian.AppendUint16(b, uint16(version>>16))
	b = binary.BigEndian.AppendUint16(b, minutes)
	return Option(ABROType, append(b, border.AsSlice()...)...)
}

// ABROOf reads one.
func ABROOf(o []byte) (version uint32, minutes uint16, border netip.Addr, ok bool) {
	if len(o) != 24 || o[0] != ABROType {
		return 0, 0, border, false
	}
	be := binary.BigEndian
	return uint32(be.Uint16(o[4:]))<<16 | uint32(be.Uint16(o[2:])), be.Uint16(o[6:]), netip.AddrFrom16([16]byte(o[8:24])), true
}

// Bits of the 6LoWPAN Capability Indication Option (RFC 7400, 3.3; RFC 8505, 4.3).
const (
	CapG = 1 << iota
	CapE
	CapP
	CapB
	CapL
	CapD
)

// CIO is a 6LoWPAN Capability Indication Option.
func CIO(bits uint16) []byte { return Option(CIOType, byte(bits>>8), byte(bits)) }

// CIOOf reads one.
func CIOOf(o []byte) (bits uint16, ok bool) {
	if len(o) != 8 || o[0] != CIOType {
		return 0, false
	}
	return binary.BigEndian.Uint16(o[2:]), true
}

// Duplicate Address Request and Confirmation (RFC 6775, section 4.4), with a 64-bit EUI-64 or ROVR (RFC 8505, 4.2: code 1).
const (
	TypeDAR = 157
	TypeDAC = 158

	dadLayer gopacket.LayerType = 1974
)

var (
	DAD         = packet.Define("duplicate address", dadLayer, 28)
	DADStatus   = packet.Uint(DAD, "status", 0, 8)
	DADReserved = packet.Uint(DAD, "reserved", 8, 8) // RFC 8505: the TID
	DADLifetime = packet.Uint(DAD, "registration lifetime", 16, 16)
	DADEUI64    = packet.LinkAddr(DAD, "EUI-64", 32, 64)
	DADAddr     = packet.IP(DAD, "registered address", 96, 128)
	DADOptions  = options(DAD, 28)
)

// DAR is any Duplicate Address Request; sent, it has the hop limit of RFC 6775, section 9.
func DAR(conds ...packet.Cond) packet.Template { return icmpv6.With(TypeDAR, DAD, conds...) }

// DAC is any Duplicate Address Confirmation.
func DAC(conds ...packet.Cond) packet.Template { return icmpv6.With(TypeDAC, DAD, conds...) }

func init() {
	icmpv6.Register(dadLayer, "ND duplicate address")
	icmpv6.Carry(DAD, message(dadLayer, 28), TypeDAR, TypeDAC)
	DAD.Rules = packet.Rules{
		Below:    icmpv6.Below,
		Defaults: func(packet.Env, *packet.Layer) []packet.Cond { return nil },
		Carrier:  func(packet.Env, *packet.Layer) []packet.Cond { return []packet.Cond{ipv6.HopLimit.Is(64)} },
		Summary:  func(h, _ []byte) string { return address(h, 12) },
	}
}
