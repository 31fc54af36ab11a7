package icmpv6

import (
	"encoding/binary"
	"fmt"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
)

// An OptionType names an option of Neighbor Discovery.
type OptionType uint8

const (
	SourceLinkAddr   OptionType = 1
	TargetLinkAddr   OptionType = 2
	PrefixOption     OptionType = 3
	RedirectedHeader OptionType = 4
	MTUOption        OptionType = 5
	Nonce            OptionType = 14 // RFC 3971, 5.3.2; RFC 7527
	RouteOption      OptionType = 24 // RFC 4191
	RDNSS            OptionType = 25 // RFC 8106
	DNSSL            OptionType = 31 // RFC 8106

	RegistrationOption OptionType = 33 // RFC 6775, RFC 8505
	ContextOption      OptionType = 34 // RFC 6775
	BorderRouterOption OptionType = 35 // RFC 6775
	CapabilityOption   OptionType = 36 // RFC 7400, RFC 8505
)

// ErrOption is what an option of length 0 gives (RFC 4861, 4.6); it wraps wire.ErrInvalid.
var ErrOption = wire.Invalid("icmpv6: an option of length 0")

// An Option is one option. Data is what follows type and length: 6 octets and then a multiple of 8. It aliases the message.
type Option struct {
	Type OptionType
	Data []byte
}

// Len is the length of the option in octets.
func (o Option) Len() int { return 2 + len(o.Data) }

// ParseOption reads the first option of a message; rest are the others. Ranging is
//
//	for len(options) > 0 {
//		o, rest, err := icmpv6.ParseOption(options)
//		...
//		options = rest
//	}
func ParseOption(b []byte) (o Option, rest []byte, err error) {
	if len(b) < 2 {
		return Option{}, nil, wire.ErrShort
	}
	n := 8 * int(b[1])
	switch {
	case n == 0:
		return Option{}, nil, ErrOption
	case n > len(b):
		return Option{}, nil, wire.ErrShort
	}
	return Option{OptionType(b[0]), b[2:n:n]}, b[n:len(b):len(b)], nil
}

// AppendOption adds an option to b; data is padded with zero.
func AppendOption(b []byte, o Option) []byte {
	units := (len(o.Data) + 2 + 7) / 8
	b = append(append(b, uint8(o.Type), uint8(units)), o.Data...)
	for range 8*units - 2 - len(o.Data) {
		b = append(b, 0)
	}
	return b
}

// AppendLinkAddr adds an option with a link address.
func AppendLinkAddr(b []byte, t OptionType, a link.Addr) []byte {
	units := (a.Len() + 2 + 7) / 8
	b = a.Append(append(b, uint8(t), uint8(units)))
	for range 8*units - 2 - a.Len() {
		b = append(b, 0)
	}
	return b
}

// LinkAddr reads the link address of an option, on a link whose addresses have n octets; ok is false when it is too short.
func (o Option) LinkAddr(n int) (a link.Addr, ok bool) {
	if n > len(o.Data) {
		return link.Addr{}, false
	}
	return link.AddrFrom(o.Data[:n])
}

// AppendMTU adds an MTU option (RFC 4861, 4.6.4).
func AppendMTU(b []byte, mtu uint32) []byte {
	return binary.BigEndian.AppendUint32(append(b, uint8(MTUOption), 1, 0, 0), mtu)
}

// MTU reads an MTU option; ok is false when its length is another.
func (o Option) MTU() (mtu uint32, ok bool) {
	if len(o.Data) != 6 {
		return 0, false
	}
	return binary.BigEndian.Uint32(o.Data[2:]), true
}

// A Prefix is what a prefix information option tells (RFC 4861, 4.6.2).
type Prefix struct {
	Bits       uint8
	OnLink     bool
	Autonomous bool
	Rest       uint8  // the other six flags
	Valid      uint32 // seconds
	Preferred  uint32 // seconds
	Reserved   uint32
	Prefix     ipv6.Addr
}

// Len is the length of the option in octets.
func (Prefix) Len() int { return 32 }

// ParsePrefix reads a prefix information option, type and length included.
func ParsePrefix(b []byte) (p Prefix, rest []byte, err error) {
	switch {
	case len(b) < 32:
		return Prefix{}, nil, wire.ErrShort
	case OptionType(b[0]) != PrefixOption || b[1] != 4:
		return Prefix{}, nil, ErrType
	}
	return Prefix{
		Bits: b[2], OnLink: b[3]&0x80 != 0, Autonomous: b[3]&0x40 != 0, Rest: b[3] & 0x3f,
		Valid: binary.BigEndian.Uint32(b[4:]), Preferred: binary.BigEndian.Uint32(b[8:]), Reserved: binary.BigEndian.Uint32(b[12:]),
		Prefix: ipv6.Addr(b[16:32]),
	}, b[32:len(b):len(b)], nil
}

// AppendPrefix adds a prefix information option to b.
func AppendPrefix(b []byte, p Prefix) []byte {
	flags := p.Rest & 0x3f
	if p.OnLink {
		flags |= 0x80
	}
	if p.Autonomous {
		flags |= 0x40
	}
	b = append(b, uint8(PrefixOption), 4, p.Bits, flags)
	b = binary.BigEndian.AppendUint32(b, p.Valid)
	b = binary.BigEndian.AppendUint32(b, p.Preferred)
	b = binary.BigEndian.AppendUint32(b, p.Reserved)
	return append(b, p.Prefix[:]...)
}

func (p Prefix) String() string {
	s := fmt.Sprintf("prefix %v/%d valid %d preferred %d", p.Prefix, p.Bits, p.Valid, p.Preferred)
	if p.OnLink {
		s += " L"
	}
	if p.Autonomous {
		s += " A"
	}
	return s
}

// Servers are the recursive DNS servers of an RDNSS option (RFC 8106, 5.1), and for how many seconds they may be used; ok is
// false when its length cannot be.
func (o Option) Servers() (lifetime uint32, servers []byte, ok bool) {
	if len(o.Data) < 22 || (len(o.Data)-6)%16 != 0 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint32(o.Data[2:]), o.Data[6:], true
}

// SearchList reads a DNSSL option (RFC 8106, 5.2): names, each ended by a zero octet, and padding; ok is false when it is too
// short.
func (o Option) SearchList() (lifetime uint32, names []byte, ok bool) {
	if len(o.Data) < 14 {
		return 0, nil, false
	}
	return binary.BigEndian.Uint32(o.Data[2:]), o.Data[6:], true
}

// Domains reads the names of a DNSSL option, each a sequence of labels that a zero octet ends (RFC 1035, 3.1), up to the
// padding. ok is false when one is cut short, compressed or too long. A name that text cannot tell is left out.
func Domains(b []byte) (names []string, ok bool) {
	for len(b) > 0 && b[0] != 0 {
		var name []byte
		plain := true
		for {
			if len(b) == 0 || b[0] > 63 || len(b) <= int(b[0]) || len(name) > 254 {
				return nil, false
			}
			n := int(b[0])
			label := b[1 : 1+n]
			b = b[1+n:]
			if n == 0 {
				break
			}
			if len(name) > 0 {
				name = append(name, '.')
			}
			for _, c := range label {
				plain = plain && c > ' ' && c < 0x7f && c != '.' && c != '\\'
			}
			name = append(name, label...)
		}
		if plain {
			names = append(names, string(name))
		}
	}
	return names, true
}

// A Route is what a route information option tells (RFC 4191, 2.3).
type Route struct {
	Bits       uint8
	Preference Preference
	Lifetime   uint32 // seconds
	Prefix     ipv6.Addr
}

// Route reads a route information option; ok is false when its length does not fit its prefix.
func (o Option) Route() (r Route, ok bool) {
	n := len(o.Data) - 6 // octets of the prefix
	if n != 0 && n != 8 && n != 16 || int(o.Data[0]) > 8*n {
		return Route{}, false
	}
	r = Route{Bits: o.Data[0], Preference: Preference(o.Data[1] >> 3 & 3), Lifetime: binary.BigEndian.Uint32(o.Data[2:])}
	copy(r.Prefix[:], o.Data[6:])
	return r, true
}

func (o Option) String() string {
	switch o.Type {
	case SourceLinkAddr, TargetLinkAddr:
		a, _ := o.LinkAddr(min(len(o.Data), link.MaxLen))
		if o.Type == SourceLinkAddr {
			return "source " + a.String()
		}
		return "target " + a.String()
	case MTUOption:
		mtu, _ := o.MTU()
		return fmt.Sprintf("mtu %d", mtu)
	case Nonce:
		return fmt.Sprintf("nonce %x", o.Data)
	case PrefixOption, RegistrationOption, ContextOption, BorderRouterOption, CapabilityOption:
		if s := describe(AppendOption(nil, o)); s != "" {
			return s
		}
	}
	return fmt.Sprintf("option %d, %d octets", uint8(o.Type), o.Len())
}

// describe puts into words what options with a codec of their own tell; empty when one cannot be read.
func describe(b []byte) string {
	var x fmt.Stringer
	var err error
	switch OptionType(b[0]) {
	case PrefixOption:
		x, _, err = ParsePrefix(b)
	case RegistrationOption:
		x, _, err = ParseRegistration(b)
	case ContextOption:
		x, _, err = ParseContext(b)
	case BorderRouterOption:
		x, _, err = ParseBorderRouter(b)
	case CapabilityOption:
		x, _, err = ParseCapabilities(b)
	}
	if x == nil || err != nil {
		return ""
	}
	return x.String()
}
