package ipv4

import (
	"errors"
	"net/netip"
)

// Option types (RFC 791, section 3.1; Router Alert: RFC 2113).
const (
	EndOfOptionList = 0
	NoOperation     = 1
	RecordRouteType = 7
	TimestampType   = 68
	SecurityType    = 130
	LooseRouteType  = 131
	StreamIDType    = 136
	StrictRouteType = 137
	RouterAlertType = 148
)

// Flags of the Timestamp option.
const (
	TimestampsOnly      = 0
	TimestampsWithAddrs = 1
	TimestampsOfGiven   = 3 // the sender gives the addresses
)

// Option is one of the given type, with a length that counts type, length and data.
func Option(kind byte, data ...byte) []byte {
	return append([]byte{kind, byte(2 + len(data))}, data...)
}

// RecordRoute is a Record Route option with one slot an address; the zero Addr makes an empty one. pointer counts octets
// of the option from 1: 4 is the first slot.
func RecordRoute(pointer byte, slots ...netip.Addr) []byte {
	return route(RecordRouteType, pointer, slots)
}

// LooseRoute is a Loose Source and Record Route option. A pointer beyond the hops says that the route is used up.
func LooseRoute(pointer byte, hops ...netip.Addr) []byte { return route(LooseRouteType, pointer, hops) }

// StrictRoute is a Strict Source and Record Route option.
func StrictRoute(pointer byte, hops ...netip.Addr) []byte {
	return route(StrictRouteType, pointer, hops)
}

func route(kind, pointer byte, slots []netip.Addr) []byte {
	data := []byte{pointer}
	for _, s := range slots {
		if !s.IsValid() {
			s = netip.IPv4Unspecified()
		}
		data = append(data, s.AsSlice()...)
	}
	return Option(kind, data...)
}

// Timestamp is a Timestamp option: the pointer counts octets of the option from 1 (5 is the first entry), overflow and
// flag are 4 bits each, area is the octets behind them.
func Timestamp(pointer, overflow, flag byte, area []byte) []byte {
	return Option(TimestampType, append([]byte{pointer, overflow<<4 | flag&0xf}, area...)...)
}

// RouterAlert asks routers to look at the datagram (RFC 2113).
func RouterAlert() []byte { return Option(RouterAlertType, 0, 0) }

// ErrOption says that the options of a header cannot be told apart: a length is below 2 or runs beyond the header.
var ErrOption = errors.New("an option's length is below 2 or runs beyond the header")

// SplitOptions gives each option of a header with its type and length, No Operation among them; what follows the End of
// Option List is left out. On an error it gives the options before the malformed one.
func SplitOptions(options []byte) (all [][]byte, err error) {
	for len(options) > 0 && options[0] != EndOfOptionList {
		n := 1
		if options[0] != NoOperation {
			if len(options) < 2 || options[1] < 2 || int(options[1]) > len(options) {
				return all, ErrOption
			}
			n = int(options[1])
		}
		all, options = append(all, options[:n:n]), options[n:]
	}
	return all, nil
}

// FindOptions gives the options of one type, each with its type and length. Malformed options end the search.
func FindOptions(options []byte, kind byte) (found [][]byte) {
	all, _ := SplitOptions(options)
	for _, o := range all {
		if o[0] == kind {
			found = append(found, o)
		}
	}
	return found
}

// CopiedOptions are those that go into every fragment: those with the copied flag (RFC 791, section 3.1).
func CopiedOptions(options []byte) (copied []byte) {
	all, _ := SplitOptions(options)
	for _, o := range all {
		if o[0]&0x80 != 0 {
			copied = append(copied, o...)
		}
	}
	return copied
}
