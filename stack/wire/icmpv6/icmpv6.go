// Package icmpv6 reads and writes ICMPv6 messages: errors and echoes (RFC 4443), Neighbor Discovery with its options
// (RFC 4861, 4191, 7527, 8106) and those of 6LoWPAN (RFC 6775, 8505), Multicast Listener Discovery (RFC 2710, 3810).
//
// Every message has a header of eight octets, of which the last four, Word, mean something else in each type. An error
// quotes the packet that it is about: its payload is read with ipv6.Parse, which stops where the quotation does. The
// messages of Neighbor Discovery have types of their own (nd.go), whose payload is their options (ndoption.go), and so
// have those of MLD (mld.go). What registers addresses (registration.go) is an option and two messages.
package icmpv6

import (
	"encoding/binary"
	"fmt"

	"github.com/conform-stack/conform/stack/wire"
)

// HeaderLen is the length of what every message begins with. Messages that are shorter do not exist.
const HeaderLen = 8

// A Header is what every message begins with.
type Header struct {
	Type     Type
	Code     Code
	Checksum uint16
	Word     uint32 // by type: see ID, Seq, MTU, Pointer; zero where the RFC calls it unused
}

// Len is the length of the header in octets.
func (h Header) Len() int { return HeaderLen }

// ID is the identifier of an echo.
func (h Header) ID() uint16 { return uint16(h.Word >> 16) }

// Seq is the sequence number of an echo.
func (h Header) Seq() uint16 { return uint16(h.Word) }

// MTU is what a PacketTooBig tells.
func (h Header) MTU() uint32 { return h.Word }

// Pointer is the octet that a ParameterProblem complains of, counted from the quoted header's start.
func (h Header) Pointer() uint32 { return h.Word }

// Echo makes the header of an echo request or reply.
func Echo(t Type, id, seq uint16) Header { return Header{Type: t, Word: uint32(id)<<16 | uint32(seq)} }

// TooBig makes the header of a PacketTooBig.
func TooBig(mtu int) Header { return Header{Type: PacketTooBig, Word: uint32(mtu)} }

// BadParameter makes the header of a ParameterProblem.
func BadParameter(c Code, pointer int) Header {
	return Header{Type: ParameterProblem, Code: c, Word: uint32(pointer)}
}

// Parse reads a message. The payload is all that follows the header.
func Parse(b []byte) (h Header, payload []byte, err error) {
	if len(b) < HeaderLen {
		return Header{}, nil, wire.ErrShort
	}
	h = Header{
		Type:     Type(b[0]),
		Code:     Code(b[1]),
		Checksum: binary.BigEndian.Uint16(b[2:]),
		Word:     binary.BigEndian.Uint32(b[4:]),
	}
	return h, b[HeaderLen:len(b):len(b)], nil
}

// Append adds the header to b.
func Append(b []byte, h Header) []byte {
	var w [HeaderLen]byte
	Put(w[:], h)
	return append(b, w[:]...)
}

// Put writes the header into the first 8 octets of b.
func Put(b []byte, h Header) {
	_ = b[HeaderLen-1]
	b[0], b[1] = uint8(h.Type), uint8(h.Code)
	binary.BigEndian.PutUint16(b[2:], h.Checksum)
	binary.BigEndian.PutUint32(b[4:], h.Word)
}

// Verify judges the checksum of the message b; pseudo is the pseudo-header's without the length (RFC 4443, 2.3).
func Verify(b []byte, pseudo wire.Sum) error {
	if !pseudo.AddUint32(uint32(len(b))).Add(b).Valid() {
		return wire.ErrChecksum
	}
	return nil
}

// Seal fills in the checksum of the message b.
func Seal(b []byte, pseudo wire.Sum) {
	_ = b[3]
	b[2], b[3] = 0, 0
	binary.BigEndian.PutUint16(b[2:], pseudo.AddUint32(uint32(len(b))).Add(b).Checksum())
}

func (h Header) String() string {
	s := "ICMP6 " + h.Type.String()
	switch h.Type {
	case EchoRequest, EchoReply:
		return s + fmt.Sprintf(" id %d seq %d", h.ID(), h.Seq())
	case PacketTooBig:
		return s + fmt.Sprintf(" mtu %d", h.MTU())
	case ParameterProblem:
		return s + fmt.Sprintf(" code %d at %d", h.Code, h.Pointer())
	}
	if h.Type.IsError() {
		return s + fmt.Sprintf(" code %d", h.Code)
	}
	return s
}
