package ipv6

import (
	"encoding/binary"
	"fmt"

	"github.com/conform-stack/conform/stack/wire"
)

// AH is the Authentication Header (RFC 4302), which is skipped here but not judged.
const AH wire.Protocol = 51

// IsExtension tells whether a next header is an extension header of which the length can be told (RFC 8200, 4; RFC 4302).
func IsExtension(p wire.Protocol) bool {
	switch p {
	case wire.HopByHop, wire.DestOpts, wire.Routing, wire.Fragment, AH:
		return true
	}
	return false
}

// An OptionsHeader is a Hop-by-Hop Options or a Destination Options header (RFC 8200, 4.3 and 4.6).
type OptionsHeader struct {
	Next    wire.Protocol
	Options Options // with their padding, 6 octets and then a multiple of 8; aliases what was parsed
}

// Len is the length of the header in octets.
func (h OptionsHeader) Len() int { return 2 + len(h.Options) }

// ParseOptions reads an options header.
func ParseOptions(b []byte) (h OptionsHeader, payload []byte, err error) {
	n, err := extensionLen(b)
	if err != nil {
		return OptionsHeader{}, nil, err
	}
	return OptionsHeader{wire.Protocol(b[0]), Options(b[2:n:n])}, b[n:len(b):len(b)], nil
}

// AppendOptions adds an options header to b. It panics when the options are not padded: see Options.Pad.
func AppendOptions(b []byte, h OptionsHeader) []byte {
	if h.Len()%8 != 0 || h.Len() == 0 || h.Len() > 2048 {
		panic("ipv6: options are not padded to a multiple of 8 octets")
	}
	b = append(b, uint8(h.Next), uint8(h.Len()/8-1))
	return append(b, h.Options...)
}

func (h OptionsHeader) String() string { return fmt.Sprintf("options [%v] %v", h.Options, h.Next) }

// extensionLen is the length of a header whose second octet counts units of 8, beyond the first.
func extensionLen(b []byte) (int, error) {
	if len(b) < 8 {
		return 0, wire.ErrShort
	}
	n := 8 * (int(b[1]) + 1)
	if n > len(b) {
		return 0, wire.ErrShort
	}
	return n, nil
}

// A RoutingHeader asks for a way (RFC 8200, 4.4).
type RoutingHeader struct {
	Next     wire.Protocol
	Type     uint8
	SegsLeft uint8
	Data     []byte // 4 octets and then a multiple of 8; aliases what was parsed
}

// Len is the length of the header in octets.
func (h RoutingHeader) Len() int { return 4 + len(h.Data) }

// ParseRouting reads a Routing header of any type.
func ParseRouting(b []byte) (h RoutingHeader, payload []byte, err error) {
	n, err := extensionLen(b)
	if err != nil {
		return RoutingHeader{}, nil, err
	}
	return RoutingHeader{wire.Protocol(b[0]), b[2], b[3], b[4:n:n]}, b[n:len(b):len(b)], nil
}

// AppendRouting adds a Routing header to b. It panics when the length of Data is not that of a header.
func AppendRouting(b []byte, h RoutingHeader) []byte {
	if h.Len()%8 != 0 || h.Len() == 0 || h.Len() > 2048 {
		panic("ipv6: a routing header is a multiple of 8 octets")
	}
	b = append(b, uint8(h.Next), uint8(h.Len()/8-1), h.Type, h.SegsLeft)
	return append(b, h.Data...)
}

func (h RoutingHeader) String() string {
	return fmt.Sprintf("routing type %d left %d %v", h.Type, h.SegsLeft, h.Next)
}

// FragmentLen is the length of a Fragment header in octets.
const FragmentLen = 8

// A FragmentHeader says which part of a packet follows (RFC 8200, 4.5).
type FragmentHeader struct {
	Next      wire.Protocol
	Reserved  uint8
	Offset    uint16 // in octets: a multiple of 8
	Reserved2 uint8  // 2 bits
	More      bool
	ID        uint32
}

// Len is the length of the header in octets.
func (h FragmentHeader) Len() int { return FragmentLen }

// IsAtomic tells whether the packet is in this fragment whole (RFC 6946).
func (h FragmentHeader) IsAtomic() bool { return h.Offset == 0 && !h.More }

// ParseFragment reads a Fragment header.
func ParseFragment(b []byte) (h FragmentHeader, payload []byte, err error) {
	if len(b) < FragmentLen {
		return FragmentHeader{}, nil, wire.ErrShort
	}
	at := binary.BigEndian.Uint16(b[2:])
	return FragmentHeader{
		Next: wire.Protocol(b[0]), Reserved: b[1],
		Offset: at &^ 7, Reserved2: uint8(at>>1) & 3, More: at&1 != 0,
		ID: binary.BigEndian.Uint32(b[4:]),
	}, b[FragmentLen:len(b):len(b)], nil
}

// AppendFragment adds a Fragment header to b. Low bits of Offset, which cannot be sent, are lost.
func AppendFragment(b []byte, h FragmentHeader) []byte {
	var w [FragmentLen]byte
	PutFragment(w[:], h)
	return append(b, w[:]...)
}

// PutFragment writes a Fragment header into the first 8 octets of b.
func PutFragment(b []byte, h FragmentHeader) {
	_ = b[FragmentLen-1]
	at := h.Offset&^7 | uint16(h.Reserved2&3)<<1
	if h.More {
		at |= 1
	}
	b[0], b[1] = uint8(h.Next), h.Reserved
	binary.BigEndian.PutUint16(b[2:], at)
	binary.BigEndian.PutUint32(b[4:], h.ID)
}

func (h FragmentHeader) String() string {
	s := fmt.Sprintf("frag %d", h.Offset)
	if h.More {
		s += "+"
	}
	return s + fmt.Sprintf(" id 0x%08x %v", h.ID, h.Next)
}

// Upper finds the upper-layer protocol of a packet, behind its extension headers: first is the next header of what is in
// front of b, at the offset of the upper layer's header in b. fragment tells that b holds a later fragment, so that what
// is at the offset is no header. ok is false when b ends before.
func Upper(first wire.Protocol, b []byte) (p wire.Protocol, at int, fragment, ok bool) {
	p = first
	for IsExtension(p) {
		rest := b[at:]
		if len(rest) < 8 {
			return p, at, false, false
		}
		n := 8 * (int(rest[1]) + 1)
		switch p {
		case wire.Fragment:
			n = FragmentLen
			if binary.BigEndian.Uint16(rest[2:])&^7 != 0 {
				return wire.Protocol(rest[0]), at + n, true, true
			}
		case AH:
			n = 4 * (int(rest[1]) + 2)
		}
		if n > len(rest) {
			return p, at, false, false
		}
		p, at = wire.Protocol(rest[0]), at+n
	}
	return p, at, false, true
}
