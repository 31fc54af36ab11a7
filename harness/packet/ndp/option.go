package ndp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/conform-stack/conform/harness/packet"
)

// Option types.
const (
	SourceLinkType = 1
	TargetLinkType = 2
	PrefixType     = 3
	RedirectedType = 4
	MTUType        = 5
	NonceType      = 14 // RFC 3971; RFC 7527
	RouteInfoType  = 24 // RFC 4191
	RDNSSType      = 25 // RFC 8106
	FlagsType      = 26 // RFC 5175
	DNSSLType      = 31 // RFC 8106
)

// Option is one of the given type: data is padded with zeros to a multiple of 8 octets, and the length counts those, type
// and length included.
func Option(kind byte, data ...byte) []byte {
	n := (2 + len(data) + 7) / 8
	o := make([]byte, 8*n)
	o[0], o[1] = kind, byte(n)
	copy(o[2:], data)
	return o
}

// RawOption is an option with a length field of its own, right or wrong, and data as it stands.
func RawOption(kind, length byte, data ...byte) []byte {
	return append([]byte{kind, length}, data...)
}

// Options joins options to a list.
func Options(all ...[]byte) []byte { return slices.Concat(all...) }

// SourceLink is a Source Link-Layer Address option.
func SourceLink(mac net.HardwareAddr) []byte { return Option(SourceLinkType, mac...) }

// TargetLink is a Target Link-Layer Address option.
func TargetLink(mac net.HardwareAddr) []byte { return Option(TargetLinkType, mac...) }

// MTU is an MTU option.
func MTU(mtu uint32) []byte {
	return Option(MTUType, binary.BigEndian.AppendUint32([]byte{0, 0}, mtu)...)
}

// Nonce is a Nonce option; with 6 octets it is as long as RFC 7527 wants it at least.
func Nonce(nonce []byte) []byte { return Option(NonceType, nonce...) }

// Redirected is a Redirected Header option with the beginning of a packet.
func Redirected(packet []byte) []byte {
	return Option(RedirectedType, append(make([]byte, 6), packet...)...)
}

// A Prefix is a Prefix Information option (RFC 4861, section 4.6.2). Lifetimes are seconds; all ones is for ever.
type Prefix struct {
	Prefix           netip.Prefix
	OnLink, Autonom  bool
	Router           bool  // RFC 6275: the address in it is the router's own
	Reserved1        uint8 // the bits behind the three flags
	Valid, Preferred uint32
	Reserved2        uint32
	HostBits         netip.Addr // sent instead of the prefix when valid: for bits beyond its length
}

// Infinite is the lifetime that never ends.
const Infinite = 0xffffffff

// Advertised is a prefix with the L and A flags and the lifetimes of RFC 4861, section 6.2.1.
func Advertised(p netip.Prefix) Prefix {
	return Prefix{Prefix: p, OnLink: true, Autonom: true, Valid: 2592000, Preferred: 604800}
}

// Lasting is p with other lifetimes.
func (p Prefix) Lasting(valid, preferred uint32) Prefix {
	p.Valid, p.Preferred = valid, preferred
	return p
}

// Option gives the octets.
func (p Prefix) Option() []byte {
	flags := p.Reserved1 & 0x1f
	for i, set := range []bool{p.OnLink, p.Autonom, p.Router} {
		if set {
			flags |= 0x80 >> i
		}
	}
	b := []byte{byte(p.Prefix.Bits()), flags}
	b = binary.BigEndian.AppendUint32(b, p.Valid)
	b = binary.BigEndian.AppendUint32(b, p.Preferred)
	b = binary.BigEndian.AppendUint32(b, p.Reserved2)
	a := p.Prefix.Addr()
	if p.HostBits.IsValid() {
		a = p.HostBits
	}
	return Option(PrefixType, append(b, a.AsSlice()...)...)
}

// PrefixOf reads a Prefix Information option. HostBits is the address as it stands.
func PrefixOf(option []byte) (p Prefix, ok bool) {
	if len(option) < 32 || option[0] != PrefixType {
		return p, false
	}
	a := netip.AddrFrom16([16]byte(option[16:32]))
	be := binary.BigEndian
	return Prefix{
		Prefix: netip.PrefixFrom(a, int(option[2])).Masked(), HostBits: a,
		OnLink: option[3]&0x80 != 0, Autonom: option[3]&0x40 != 0, Router: option[3]&0x20 != 0, Reserved1: option[3] & 0x1f,
		Valid: be.Uint32(option[4:]), Preferred: be.Uint32(option[8:]), Reserved2: be.Uint32(option[12:]),
	}, true
}

// RouteInfo is a Route Information option (RFC 4191, section 2.3), with as few octets of the prefix as its length allows.
// Preference: 1 high, 0 medium, 3 low.
func RouteInfo(p netip.Prefix, preference byte, lifetime uint32) []byte {
	b := binary.BigEndian.AppendUint32([]byte{byte(p.Bits()), preference & 3 << 3}, lifetime)
	return Option(RouteInfoType, append(b, p.Addr().AsSlice()[:(p.Bits()+63)/64*8]...)...)
}

// RDNSS lists recursive DNS servers (RFC 8106, section 5.1).
func RDNSS(lifetime uint32, servers ...netip.Addr) []byte {
	b := binary.BigEndian.AppendUint32([]byte{0, 0}, lifetime)
	for _, s := range servers {
		b = append(b, s.AsSlice()...)
	}
	return Option(RDNSSType, b...)
}

// DNSSL lists domain names to search (RFC 8106, section 5.2).
func DNSSL(lifetime uint32, names ...string) []byte {
	b := binary.BigEndian.AppendUint32([]byte{0, 0}, lifetime)
	for _, name := range names {
		for label := range strings.SplitSeq(name, ".") {
			b = append(append(b, byte(len(label))), label...)
		}
		b = append(b, 0)
	}
	return Option(DNSSLType, b...)
}

// ErrOption says that the options of a message cannot be told apart: a length is 0 or runs beyond the message.
var ErrOption = errors.New("an option's length is 0 or runs beyond the message")

// SplitOptions gives each option with its type and length. On an error it gives those before the malformed one.
func SplitOptions(options []byte) (all [][]byte, err error) {
	for len(options) > 0 {
		if len(options) < 8 || options[1] == 0 || 8*int(options[1]) > len(options) {
			return all, ErrOption
		}
		n := 8 * int(options[1])
		all, options = append(all, options[:n:n]), options[n:]
	}
	return all, nil
}

// FindOptions gives the options of one type. Malformed ones end the search.
func FindOptions(options []byte, kind byte) (found [][]byte) {
	all, _ := SplitOptions(options)
	for _, o := range all {
		if o[0] == kind {
			found = append(found, o)
		}
	}
	return found
}

// OptionsOf are the options of the message of Neighbor Discovery in f, nil without one.
func OptionsOf(f *packet.Frame) []byte {
	for _, field := range []packet.Field[[]byte]{RSOptions, RAOptions, NSOptions, NAOptions, RDOptions} {
		if b, ok := field.Of(f); ok {
			return b
		}
	}
	return nil
}

// Find gives the options of one type in the message of Neighbor Discovery in f.
func Find(f *packet.Frame, kind byte) [][]byte { return FindOptions(OptionsOf(f), kind) }

// Has asks for options with one like o among them; field is NSOptions, NAOptions and so on.
func Has(field packet.Field[[]byte], o []byte) packet.Cond {
	return field.Where(fmt.Sprintf("with the option %x", o), func(b []byte) bool {
		all, _ := SplitOptions(b)
		return slices.ContainsFunc(all, func(x []byte) bool { return bytes.Equal(x, o) })
	})
}

// Lacks asks for options without one of a type.
func Lacks(field packet.Field[[]byte], kind byte) packet.Cond {
	return field.Where(fmt.Sprintf("without an option of type %d", kind), func(b []byte) bool { return len(FindOptions(b, kind)) == 0 })
}

// options is the field of all options behind the fixed part of n octets.
func options(p *packet.Proto, n int) packet.Field[[]byte] {
	return packet.Variable(p, "options", func(hdr []byte) (int, int) { return n, max(n, len(hdr)) },
		func(hdr, value []byte) []byte { return append(hdr[:n:n], value...) })
}

// linkOption is the address in the first link-address option of a type. Nothing in an option of 8 octets tells the short
// address of IEEE 802.15.4 from a MAC address that ends in four zero octets: it is taken for the former.
func linkOption(p *packet.Proto, name string, n int, kind byte) packet.Field[net.HardwareAddr] {
	find := func(hdr []byte) (from, to int) {
		for at := n; at+8 <= len(hdr) && hdr[at+1] != 0; at += 8 * int(hdr[at+1]) {
			if hdr[at] == kind {
				n := 6
				switch {
				case hdr[at+1] == 2 && at+16 <= len(hdr): // an EUI-64 and padding (RFC 4944, section 8)
					n = 8
				case hdr[at+1] == 1 && bytes.Equal(hdr[at+4:at+8], make([]byte, 4)): // a short address and padding
					n = 2
				}
				return at + 2, at + 2 + n
			}
		}
		return 1, 0
	}
	return packet.OptionalLinkAddr(p, name, find, func(hdr, value []byte) []byte {
		from, to := find(hdr)
		switch {
		case from > to && value == nil:
			return hdr
		case from > to:
			return append(hdr[:len(hdr):len(hdr)], Option(kind, value...)...)
		case value == nil:
			end := min(len(hdr), from-2+8*int(hdr[from-1]))
			return append(hdr[:from-2:from-2], hdr[end:]...)
		}
		if len(value) == to-from {
			out := bytes.Clone(hdr)
			copy(out[from:to], value)
			return out
		}
		end := min(len(hdr), from-2+8*int(hdr[from-1]))
		return slices.Concat(hdr[:from-2], Option(kind, value...), hdr[end:])
	})
}

var optionNames = map[byte]string{ // never written
	SourceLinkType: "source link", TargetLinkType: "target link", PrefixType: "prefix", RedirectedType: "redirected header",
	MTUType: "mtu", NonceType: "nonce", RouteInfoType: "route", RDNSSType: "rdnss", FlagsType: "flags", DNSSLType: "dnssl",
}

// summarise is the options of a message on one line.
func summarise(h []byte, n int) string {
	if len(h) < n {
		return " cut off"
	}
	all, err := SplitOptions(h[n:])
	var parts []string
	for _, o := range all {
		name := optionNames[o[0]]
		if name == "" {
			name = fmt.Sprintf("option %d", o[0])
		}
		switch p, ok := PrefixOf(o); {
		case o[0] == SourceLinkType || o[0] == TargetLinkType:
			name += " " + net.HardwareAddr(o[2:8]).String()
		case ok:
			name += fmt.Sprintf(" %v valid %d preferred %d", p.Prefix, p.Valid, p.Preferred)
		case o[0] == MTUType:
			name += fmt.Sprintf(" %d", binary.BigEndian.Uint32(o[4:]))
		}
		parts = append(parts, name)
	}
	if err != nil {
		parts = append(parts, "malformed options")
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}
