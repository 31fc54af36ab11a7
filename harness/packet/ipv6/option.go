package ipv6

import (
	"errors"
	"fmt"
	"strings"
)

// Option types (RFC 8200, section 4.2; Router Alert: RFC 2711; Jumbo Payload: RFC 2675). The highest two bits of a type
// say what a node does that does not know it, the third that the data may change on the way.
const (
	Pad1Type         = 0x00
	PadNType         = 0x01
	RouterAlertType  = 0x05
	TunnelLimitType  = 0x04
	JumboType        = 0xc2
	HomeAddressType  = 0xc9
	ActionSkip       = 0x00 // skip it and go on
	ActionDiscard    = 0x40 // discard the packet
	ActionReport     = 0x80 // discard and send Parameter Problem, whatever the destination
	ActionReportHost = 0xc0 // discard and send Parameter Problem unless the destination is a group
	MayChange        = 0x20
)

// Option is one of the given type, with the length of its data.
func Option(kind byte, data ...byte) []byte {
	return append([]byte{kind, byte(len(data))}, data...)
}

// Pad is n octets of padding: Pad1 for one, PadN for more.
func Pad(n int) []byte {
	switch {
	case n <= 0:
		return nil
	case n == 1:
		return []byte{Pad1Type}
	}
	return Option(PadNType, make([]byte, min(n, 257)-2)...)
}

// RouterAlert asks routers to look at the packet; value 0 is for MLD (RFC 2711).
func RouterAlert(value uint16) []byte {
	return Option(RouterAlertType, byte(value>>8), byte(value))
}

// Jumbo is a Jumbo Payload option (RFC 2675).
func Jumbo(length uint32) []byte {
	return Option(JumboType, byte(length>>24), byte(length>>16), byte(length>>8), byte(length))
}

// ErrOption says that the options of a header cannot be told apart: one runs beyond the header.
var ErrOption = errors.New("an option runs beyond its header")

// SplitOptions gives each option of a header with its type and length, padding among them. On an error it gives the
// options before the malformed one.
func SplitOptions(options []byte) (all [][]byte, err error) {
	for len(options) > 0 {
		n := 1
		if options[0] != Pad1Type {
			if len(options) < 2 || 2+int(options[1]) > len(options) {
				return all, ErrOption
			}
			n = 2 + int(options[1])
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

// listOptions names the types of a header's options, padding aside.
func listOptions(hdr []byte) string {
	if len(hdr) < 2 {
		return "cut off"
	}
	all, err := SplitOptions(hdr[2:])
	var names []string
	for _, o := range all {
		if o[0] != Pad1Type && o[0] != PadNType {
			names = append(names, fmt.Sprintf("%#02x", o[0]))
		}
	}
	if err != nil {
		names = append(names, "malformed")
	}
	return "[" + strings.Join(names, " ") + "]"
}
