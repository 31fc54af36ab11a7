package icmpv6

import (
	"encoding/binary"
	"fmt"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// A Context is what a 6LoWPAN Context Option tells (RFC 6775, 4.2): a prefix that header compression has a number for.
type Context struct {
	Bits     uint8 // of the prefix, 0 to 128
	Res      uint8 // three reserved bits
	Compress bool  // C: it may be used to compress, not only to decompress
	ID       uint8 // four bits
	Reserved uint16
	Lifetime uint16 // minutes; 0 removes it
	Prefix   ipv6.Addr
	Long     bool // 24 octets, though 16 would do
}

// Len is the length of the option in octets.
func (c Context) Len() int {
	if c.Long || c.Bits > 64 {
		return 24
	}
	return 16
}

// ParseContext reads the option, type and length included. One whose lengths do not fit gives ErrType.
func ParseContext(b []byte) (c Context, rest []byte, err error) {
	if len(b) < 16 {
		return c, nil, wire.ErrShort
	}
	n := 8 * int(b[1])
	switch {
	case OptionType(b[0]) != ContextOption || n != 16 && n != 24 || b[2] > 128 || b[2] > 64 && n != 24:
		return c, nil, ErrType
	case n > len(b):
		return c, nil, wire.ErrShort
	}
	c = Context{
		Bits: b[2], Res: b[3] >> 5, Compress: b[3]&16 != 0, ID: b[3] & 15, Reserved: binary.BigEndian.Uint16(b[4:]),
		Lifetime: binary.BigEndian.Uint16(b[6:]), Long: n == 24 && b[2] <= 64,
	}
	copy(c.Prefix[:], b[8:n])
	return c, b[n:len(b):len(b)], nil
}

// AppendContext adds the option to b. What the prefix has beyond the room there is, is left out.
func AppendContext(b []byte, c Context) []byte {
	flags := c.Res<<5 | c.ID&15
	if c.Compress {
		flags |= 16
	}
	n := c.Len()
	b = append(b, uint8(ContextOption), uint8(n/8), c.Bits, flags)
	b = binary.BigEndian.AppendUint16(b, c.Reserved)
	b = binary.BigEndian.AppendUint16(b, c.Lifetime)
	return append(b, c.Prefix[:n-8]...)
}

func (c Context) String() string {
	s := fmt.Sprintf("context %d %v/%d for %d min", c.ID, c.Prefix, c.Bits, c.Lifetime)
	if c.Compress {
		s += " C"
	}
	return s
}

// A BorderRouter is what an Authoritative Border Router Option tells (RFC 6775, 4.3): whose the prefixes and contexts are
// that stand beside it, and which version of them.
type BorderRouter struct {
	Version  uint32
	Lifetime uint16 // minutes; 0 stands for 10,000
	Addr     ipv6.Addr
}

// Len is the length of the option in octets.
func (BorderRouter) Len() int { return 24 }

// ParseBorderRouter reads the option, type and length included.
func ParseBorderRouter(b []byte) (r BorderRouter, rest []byte, err error) {
	switch {
	case len(b) < 24:
		return r, nil, wire.ErrShort
	case OptionType(b[0]) != BorderRouterOption || b[1] != 3:
		return r, nil, ErrType
	}
	low, high := binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint16(b[4:])
	return BorderRouter{uint32(high)<<16 | uint32(low), binary.BigEndian.Uint16(b[6:]), ipv6.Addr(b[8:24])}, b[24:len(b):len(b)], nil
}

// AppendBorderRouter adds the option to b.
func AppendBorderRouter(b []byte, r BorderRouter) []byte {
	b = append(b, uint8(BorderRouterOption), 3)
	b = binary.BigEndian.AppendUint16(b, uint16(r.Version))
	b = binary.BigEndian.AppendUint16(b, uint16(r.Version>>16))
	b = binary.BigEndian.AppendUint16(b, r.Lifetime)
	return append(b, r.Addr[:]...)
}

func (r BorderRouter) String() string {
	return fmt.Sprintf("border router %v version %d for %d min", r.Addr, r.Version, r.Lifetime)
}

// A Capability is a bit of the 6LoWPAN Capability Indication Option (RFC 7400, 3.3; RFC 8505, 4.3).
type Capability uint16

const (
	CanGHC             Capability = 1 << iota // G: generic header compression
	CanRegister                               // E: registrations by the extended option
	IsRegistrar                               // P: a routing registrar
	IsBorderRouter                            // B
	IsRouter                                  // L
	CanExtendDuplicate                        // D: the border router takes extended Duplicate Address messages
)

// Capabilities is what the option tells.
type Capabilities struct {
	Bits     Capability
	Reserved uint32
}

// Len is the length of the option in octets.
func (Capabilities) Len() int { return 8 }

// ParseCapabilities reads the option, type and length included.
func ParseCapabilities(b []byte) (c Capabilities, rest []byte, err error) {
	switch {
	case len(b) < 8:
		return c, nil, wire.ErrShort
	case OptionType(b[0]) != CapabilityOption || b[1] != 1:
		return c, nil, ErrType
	}
	return Capabilities{Capability(binary.BigEndian.Uint16(b[2:])), binary.BigEndian.Uint32(b[4:])}, b[8:len(b):len(b)], nil
}

// AppendCapabilities adds the option to b.
func AppendCapabilities(b []byte, c Capabilities) []byte {
	b = binary.BigEndian.AppendUint16(append(b, uint8(CapabilityOption), 1), uint16(c.Bits))
	return binary.BigEndian.AppendUint32(b, c.Reserved)
}

func (c Capabilities) String() string { return fmt.Sprintf("capabilities %#x", uint16(c.Bits)) }
