package tcp

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// A Kind is the first octet of an option (IANA, TCP Option Kind Numbers).
type Kind uint8

const (
	EOL              Kind = 0  // end of option list
	NOP              Kind = 1  // no operation
	MSSKind          Kind = 2  // maximum segment size (RFC 9293, 3.7.1); SYN only
	WScaleKind       Kind = 3  // window scale (RFC 7323, 2); SYN only
	SACKPermitKind   Kind = 4  // RFC 2018, 2; SYN only
	SACKKind         Kind = 5  // RFC 2018, 3
	TimestampsKind   Kind = 8  // RFC 7323, 3
	UserTimeoutKind  Kind = 28 // RFC 5482, 3
	FastOpenKind     Kind = 34 // RFC 7413, 4.1.1; SYN only
	ExperimentalKind Kind = 254
)

func (k Kind) String() string {
	switch k {
	case EOL:
		return "eol"
	case NOP:
		return "nop"
	case MSSKind:
		return "mss"
	case WScaleKind:
		return "wscale"
	case SACKPermitKind:
		return "sackOK"
	case SACKKind:
		return "sack"
	case TimestampsKind:
		return "TS"
	case UserTimeoutKind:
		return "uto"
	case FastOpenKind:
		return "tfo"
	}
	return "opt-" + strconv.Itoa(int(k))
}

// fits tells whether an option of this kind may be n octets long, kind and length included.
func (k Kind) fits(n int) bool {
	switch k {
	case MSSKind, UserTimeoutKind:
		return n == 4
	case WScaleKind:
		return n == 3
	case SACKPermitKind:
		return n == 2
	case SACKKind:
		return n >= 10 && n <= 2+8*MaxSACK && (n-2)%8 == 0
	case TimestampsKind:
		return n == 10
	case FastOpenKind: // a request is empty; a cookie has 4 to 16 octets, and their number is even (RFC 7413, 4.1.1)
		return n == 2 || n >= 6 && n <= 18 && n%2 == 0
	}
	return true
}

// RawOptions are the octets of a header after the first 20.
type RawOptions []byte

// An OptionIter goes through options in order:
//
//	for it := h.Options.Iter(); it.Next(); {
//		use it.Kind, it.Data
//	}
type OptionIter struct {
	Kind  Kind
	Data  []byte // what follows kind and length; aliases the header
	rest  []byte
	fault Fault
}

// Iter starts before the first option.
func (o RawOptions) Iter() OptionIter { return OptionIter{rest: o} }

// Next moves to the next option and tells whether there is one. It passes over NOP, and stops at EOL (what follows is
// padding, whatever it holds), at the end, and at an option whose length does not fit, which Fault tells.
func (it *OptionIter) Next() bool {
	for len(it.rest) > 0 {
		k := Kind(it.rest[0])
		if k == EOL {
			break
		}
		if k == NOP {
			it.rest = it.rest[1:]
			continue
		}
		it.Kind = k
		switch {
		case len(it.rest) < 2:
			it.fault = Cut
		case it.rest[1] < 2:
			it.fault = NoLength
		case int(it.rest[1]) > len(it.rest):
			it.fault = Cut
		default:
			n := int(it.rest[1])
			it.Data, it.rest = it.rest[2:n:n], it.rest[n:]
			return true
		}
		break
	}
	it.rest, it.Data = nil, nil
	return false
}

// Fault tells, when Next has returned false, why options were left that cannot be read; Kind is then the one at which
// reading ended. It is None when all were read.
func (it *OptionIter) Fault() Fault { return it.fault }

// A Fault is what is wrong with an option. RFC 9293, 3.2 (MUST-7), only asks that no illegal length does harm; it
// suggests to reset the connection.
type Fault uint8

const (
	None      Fault = iota
	NoLength        // a length of 0 or 1: where the next option begins cannot be known
	Cut             // the length goes beyond the header
	WrongSize       // a known kind with a length that it cannot have; it was passed over
)

func (f Fault) String() string {
	return [...]string{"none", "no-length", "cut", "wrong-size"}[min(f, WrongSize)]
}

// String lists the options as tcpdump does.
func (o RawOptions) String() string {
	var parts []string
	rest := []byte(o)
	for len(rest) > 0 {
		k := Kind(rest[0])
		if k == EOL || k == NOP {
			parts = append(parts, k.String())
			rest = rest[1:]
			if k == EOL {
				break
			}
			continue
		}
		n := 0
		if len(rest) > 1 {
			n = int(rest[1])
		}
		if n < 2 || n > len(rest) {
			return strings.Join(append(parts, fmt.Sprintf("%v with bad length %d", k, n)), ",")
		}
		parts = append(parts, describe(k, rest[2:n]))
		rest = rest[n:]
	}
	return strings.Join(parts, ",")
}

func describe(k Kind, d []byte) string {
	if !k.fits(len(d) + 2) {
		return fmt.Sprintf("%v of wrong size %d", k, len(d)+2)
	}
	switch k {
	case MSSKind:
		return fmt.Sprintf("mss %d", binary.BigEndian.Uint16(d))
	case WScaleKind:
		return fmt.Sprintf("wscale %d", d[0])
	case TimestampsKind:
		return fmt.Sprintf("TS val %d ecr %d", binary.BigEndian.Uint32(d), binary.BigEndian.Uint32(d[4:]))
	case SACKKind:
		s := "sack"
		for ; len(d) >= 8; d = d[8:] {
			s += fmt.Sprintf(" %d:%d", binary.BigEndian.Uint32(d), binary.BigEndian.Uint32(d[4:]))
		}
		return s
	case UserTimeoutKind:
		return "uto " + parseTimeout(binary.BigEndian.Uint16(d)).String()
	case FastOpenKind:
		if len(d) == 0 {
			return "tfo cookie request"
		}
		return fmt.Sprintf("tfo cookie %x", d)
	}
	if len(d) > 0 {
		return fmt.Sprintf("%v %x", k, d)
	}
	return k.String()
}
