package icmpv6

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// Lengths of messages without options (RFC 4861, 4).
const (
	SolicitLen  = 8  // of a router solicitation
	AdvertLen   = 16 // of a router advertisement
	NeighborLen = 24 // of a neighbor solicitation or advertisement
	RedirectLen = 40
)

// A Preference is that of a router or a route (RFC 4191, 2.1).
type Preference uint8

const (
	Medium   Preference = 0
	High     Preference = 1
	Reserved Preference = 2 // to be taken as Medium, of a router
	Low      Preference = 3
)

// A RouterAdvertisement is the message of RFC 4861, 4.2, header included; its payload is the options.
type RouterAdvertisement struct {
	Code       Code
	Checksum   uint16
	HopLimit   uint8 // 0: not told
	Managed    bool
	Other      bool
	Home       bool // RFC 6275
	Preference Preference
	Rest       uint8  // the last three bits of the flags
	Lifetime   uint16 // of the default router, in seconds
	Reachable  uint32 // milliseconds; 0: not told
	Retrans    uint32 // milliseconds; 0: not told
}

// Len is the length without options.
func (RouterAdvertisement) Len() int { return AdvertLen }

// ErrType is what a message of another type gives; it wraps wire.ErrInvalid.
var ErrType = wire.Invalid("icmpv6: not a message of that type")

// ParseRouterAdvertisement reads a message.
func ParseRouterAdvertisement(b []byte) (m RouterAdvertisement, options []byte, err error) {
	h, _, err := Parse(b)
	switch {
	case err != nil || len(b) < AdvertLen:
		return m, nil, wire.ErrShort
	case h.Type != RouterAdvert:
		return m, nil, ErrType
	}
	flags := uint8(h.Word >> 16)
	return RouterAdvertisement{
		Code: h.Code, Checksum: h.Checksum,
		HopLimit: uint8(h.Word >> 24),
		Managed:  flags&0x80 != 0, Other: flags&0x40 != 0, Home: flags&0x20 != 0,
		Preference: Preference(flags >> 3 & 3), Rest: flags & 7,
		Lifetime:  uint16(h.Word),
		Reachable: binary.BigEndian.Uint32(b[8:]),
		Retrans:   binary.BigEndian.Uint32(b[12:]),
	}, b[AdvertLen:len(b):len(b)], nil
}

// AppendRouterAdvertisement adds the message, without options, to b.
func AppendRouterAdvertisement(b []byte, m RouterAdvertisement) []byte {
	flags := uint8(m.Preference&3)<<3 | m.Rest&7
	if m.Managed {
		flags |= 0x80
	}
	if m.Other {
		flags |= 0x40
	}
	if m.Home {
		flags |= 0x20
	}
	b = Append(b, Header{
		Type: RouterAdvert, Code: m.Code, Checksum: m.Checksum,
		Word: uint32(m.HopLimit)<<24 | uint32(flags)<<16 | uint32(m.Lifetime),
	})
	b = binary.BigEndian.AppendUint32(b, m.Reachable)
	return binary.BigEndian.AppendUint32(b, m.Retrans)
}

func (m RouterAdvertisement) String() string {
	s := fmt.Sprintf("ICMP6 router-advertisement hlim %d lifetime %d", m.HopLimit, m.Lifetime)
	if m.Managed {
		s += " managed"
	}
	if m.Other {
		s += " other"
	}
	if m.Reachable != 0 {
		s += fmt.Sprintf(" reachable %v", Milliseconds(m.Reachable))
	}
	if m.Retrans != 0 {
		s += fmt.Sprintf(" retrans %v", Milliseconds(m.Retrans))
	}
	return s
}

// Milliseconds is a time of an advertisement.
func Milliseconds(n uint32) time.Duration { return time.Duration(n) * time.Millisecond }

// Infinity is the lifetime in seconds that never ends.
const Infinity = 0xffffffff

// A Neighbor is a neighbor solicitation or advertisement (RFC 4861, 4.3 and 4.4), header included; its payload is the
// options.
type Neighbor struct {
	Type      Type // NeighborSolicit or NeighborAdvert
	Code      Code
	Checksum  uint16
	Router    bool // the flags, which a solicitation calls reserved
	Solicited bool
	Override  bool
	Reserved  uint32 // 29 bits
	Target    ipv6.Addr
}

// Len is the length without options.
func (Neighbor) Len() int { return NeighborLen }

const reserved29 = 1<<29 - 1

// ParseNeighbor reads a message of either type.
func ParseNeighbor(b []byte) (m Neighbor, options []byte, err error) {
	h, _, err := Parse(b)
	switch {
	case err != nil || len(b) < NeighborLen:
		return m, nil, wire.ErrShort
	case h.Type != NeighborSolicit && h.Type != NeighborAdvert:
		return m, nil, ErrType
	}
	return Neighbor{
		Type: h.Type, Code: h.Code, Checksum: h.Checksum,
		Router: h.Word>>31 != 0, Solicited: h.Word>>30&1 != 0, Override: h.Word>>29&1 != 0, Reserved: h.Word & reserved29,
		Target: ipv6.Addr(b[8:24]),
	}, b[NeighborLen:len(b):len(b)], nil
}

// AppendNeighbor adds the message, without options, to b.
func AppendNeighbor(b []byte, m Neighbor) []byte {
	word := m.Reserved & reserved29
	if m.Router {
		word |= 1 << 31
	}
	if m.Solicited {
		word |= 1 << 30
	}
	if m.Override {
		word |= 1 << 29
	}
	b = Append(b, Header{Type: m.Type, Code: m.Code, Checksum: m.Checksum, Word: word})
	return append(b, m.Target[:]...)
}

func (m Neighbor) String() string {
	s := fmt.Sprintf("ICMP6 %v %v", m.Type, m.Target)
	if m.Router {
		s += " R"
	}
	if m.Solicited {
		s += " S"
	}
	if m.Override {
		s += " O"
	}
	return s
}

// A Redirection is a redirect (RFC 4861, 4.5), header included; its payload is the options.
type Redirection struct {
	Code     Code
	Checksum uint16
	Reserved uint32
	Target   ipv6.Addr // the better first hop
	Dst      ipv6.Addr // to which it leads
}

// Len is the length without options.
func (Redirection) Len() int { return RedirectLen }

// ParseRedirection reads a message.
func ParseRedirection(b []byte) (m Redirection, options []byte, err error) {
	h, _, err := Parse(b)
	switch {
	case err != nil || len(b) < RedirectLen:
		return m, nil, wire.ErrShort
	case h.Type != Redirect:
		return m, nil, ErrType
	}
	return Redirection{
		Code: h.Code, Checksum: h.Checksum, Reserved: h.Word,
		Target: ipv6.Addr(b[8:24]), Dst: ipv6.Addr(b[24:40]),
	}, b[RedirectLen:len(b):len(b)], nil
}

// AppendRedirection adds the message, without options, to b.
func AppendRedirection(b []byte, m Redirection) []byte {
	b = Append(b, Header{Type: Redirect, Code: m.Code, Checksum: m.Checksum, Word: m.Reserved})
	b = append(b, m.Target[:]...)
	return append(b, m.Dst[:]...)
}

func (m Redirection) String() string { return fmt.Sprintf("ICMP6 redirect %v by %v", m.Dst, m.Target) }
