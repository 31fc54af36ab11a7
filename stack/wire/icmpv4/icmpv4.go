// Package icmpv4 reads and writes ICMP messages (RFC 792, with RFC 950, 1122, 1191, 1256).
//
// Every message has a header of eight octets, of which the last four, Word, mean something else in each type. An error
// quotes the datagram that it is about: its payload is read with ipv4.Parse, which stops where the quotation does.
package icmpv4

import (
	"encoding/binary"
	"fmt"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

const (
	HeaderLen = 8
	MinQuote  = 8 // octets of a datagram's data that an error quotes at least, if there are as many (RFC 792)
)

// A Header is what every message begins with.
type Header struct {
	Type     Type
	Code     Code
	Checksum uint16
	Word     uint32 // by type: see ID, Seq, NextHopMTU, Pointer, Gateway; zero where the RFC calls it unused
}

// Len is the length of the header in octets.
func (h Header) Len() int { return HeaderLen }

// ID is the identifier of an echo, timestamp, information or address mask message.
func (h Header) ID() uint16 { return uint16(h.Word >> 16) }

// Seq is the sequence number of an echo, timestamp, information or address mask message.
func (h Header) Seq() uint16 { return uint16(h.Word) }

// NextHopMTU is the MTU that an Unreachable of code FragmentationNeeded tells; 0 from a router older than RFC 1191.
func (h Header) NextHopMTU() uint16 { return uint16(h.Word) }

// Pointer is the octet that a ParameterProblem of code 0 complains of, counted from the quoted header's start.
func (h Header) Pointer() uint8 { return uint8(h.Word >> 24) }

// Gateway is the router that a Redirect recommends.
func (h Header) Gateway() ipv4.Addr { return ipv4.AddrFromUint32(h.Word) }

// Query makes the header of an echo, timestamp, information or address mask message.
func Query(t Type, id, seq uint16) Header { return Header{Type: t, Word: uint32(id)<<16 | uint32(seq)} }

// FragNeeded makes the header of an Unreachable of code FragmentationNeeded.
func FragNeeded(mtu uint16) Header {
	return Header{Type: Unreachable, Code: FragmentationNeeded, Word: uint32(mtu)}
}

// BadParameter makes the header of a ParameterProblem of code 0.
func BadParameter(pointer uint8) Header {
	return Header{Type: ParameterProblem, Code: PointerGiven, Word: uint32(pointer) << 24}
}

// Redirected makes the header of a Redirect.
func Redirected(c Code, gateway ipv4.Addr) Header {
	return Header{Type: Redirect, Code: c, Word: gateway.Uint32()}
}

// Parse reads a message. The payload is all that follows the header: data, timestamps, or the quoted datagram.
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

// Verify judges the checksum of the message b.
func Verify(b []byte) error {
	if wire.Checksum(b) != 0 {
		return wire.ErrChecksum
	}
	return nil
}

// Seal fills in the checksum of the message b.
func Seal(b []byte) {
	_ = b[HeaderLen-1]
	b[2], b[3] = 0, 0
	binary.BigEndian.PutUint16(b[2:], wire.Checksum(b))
}

func (h Header) String() string {
	s := "ICMP " + h.Type.String()
	switch {
	case h.Type == Unreachable && h.Code == FragmentationNeeded:
		return s + fmt.Sprintf(" code 4 mtu %d", h.NextHopMTU())
	case h.Type == Redirect:
		return s + fmt.Sprintf(" code %d to %v", h.Code, h.Gateway())
	case h.Type == ParameterProblem && h.Code == PointerGiven:
		return s + fmt.Sprintf(" at %d", h.Pointer())
	case h.Type.IsError():
		return s + fmt.Sprintf(" code %d", h.Code)
	case h.Type == RouterAdvertisement || h.Type == RouterSolicitation:
		return s
	}
	return s + fmt.Sprintf(" id %d seq %d", h.ID(), h.Seq())
}
