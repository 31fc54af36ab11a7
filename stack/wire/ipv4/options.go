package ipv4

import (
	"fmt"
	"strings"

	"github.com/conform-stack/conform/stack/wire"
)

// An OptionType is the first octet of an option: copied flag, class, number (RFC 791, 3.1; IANA, IP Parameters).
type OptionType uint8

const (
	EOL            OptionType = 0 // end of option list
	NOP            OptionType = 1 // no operation
	RecordRoute    OptionType = 7
	TimestampType  OptionType = 68
	LSRR           OptionType = 131 // loose source and record route
	SSRR           OptionType = 137 // strict source and record route
	RouterAlert    OptionType = 148 // RFC 2113
	StreamID       OptionType = 136 // obsolete (RFC 1122, 3.2.1.8 (b))
	SecurityOption OptionType = 130 // RFC 1108
)

// Copied tells whether the option goes into every fragment, not only into the first.
func (t OptionType) Copied() bool { return t&0x80 != 0 }

func (t OptionType) String() string {
	switch t {
	case EOL:
		return "EOL"
	case NOP:
		return "NOP"
	case RecordRoute:
		return "RR"
	case TimestampType:
		return "TS"
	case LSRR:
		return "LSRR"
	case SSRR:
		return "SSRR"
	case RouterAlert:
		return "RA"
	case StreamID:
		return "SID"
	case SecurityOption:
		return "SEC"
	}
	return fmt.Sprintf("option %d", uint8(t))
}

// Options are the octets after the first 20 of a header.
type Options []byte

// An Option is one of them, NOP and EOL excepted.
type Option struct {
	Type   OptionType
	Offset int    // of its type octet from the start of the header, as a Parameter Problem's pointer counts
	Octets []byte // the whole option, type and length included; aliases the header: what is written there is sent
}

// ErrOption says that an option's length is below 2 or beyond the end of the header. It wraps wire.ErrInvalid.
var ErrOption = wire.Invalid("ipv4: option length does not fit")

// An OptionIter goes through options in order:
//
//	for it := h.Options.Iter(); it.Next(); {
//		use it.Option()
//	}
type OptionIter struct {
	all     Options
	next    int // index into all
	option  Option
	err     error
	pointer int
}

// Iter starts before the first option.
func (o Options) Iter() OptionIter { return OptionIter{all: o} }

// Next moves to the next option and tells whether there is one. It passes over NOP, and stops at EOL (what follows is
// padding, whatever it holds), at the end, and at an option whose length does not fit, which Err tells.
func (it *OptionIter) Next() bool {
	for it.next < len(it.all) {
		at := it.next
		switch t := OptionType(it.all[at]); t {
		case EOL:
			it.next = len(it.all)
			return false
		case NOP:
			it.next++
		default:
			if at+1 == len(it.all) {
				return it.fail(at) // there is no length octet to point at
			}
			n := int(it.all[at+1])
			if n < 2 || at+n > len(it.all) {
				return it.fail(at + 1)
			}
			it.option = Option{Type: t, Offset: MinHeader + at, Octets: it.all[at : at+n : at+n]}
			it.next += n
			return true
		}
	}
	return false
}

// Option is where the last Next stopped.
func (it *OptionIter) Option() Option { return it.option }

// Err tells, when Next has returned false, whether options were left that cannot be read, and where: pointer is the
// offset from the start of the header of the octet in which the error was detected, as RFC 792 asks of a Parameter
// Problem.
func (it *OptionIter) Err() (pointer int, err error) { return it.pointer, it.err }

func (it *OptionIter) fail(at int) bool {
	it.pointer, it.err, it.next = MinHeader+at, ErrOption, len(it.all)
	return false
}

// Find is the first option of type t. ok is false when there is none before the end or the first malformed option.
func (o Options) Find(t OptionType) (Option, bool) {
	for it := o.Iter(); it.Next(); {
		if it.option.Type == t {
			return it.option, true
		}
	}
	return Option{}, false
}

// AppendCopied adds to b the options that go into every fragment, padded to a multiple of 4 octets.
func (o Options) AppendCopied(b Options) Options {
	for it := o.Iter(); it.Next(); {
		if it.option.Type.Copied() {
			b = append(b, it.option.Octets...)
		}
	}
	return b.Pad()
}

// Pad adds EOL up to a multiple of 4 octets, which Append does as well.
func (o Options) Pad() Options {
	for len(o)%4 != 0 {
		o = append(o, byte(EOL))
	}
	return o
}

func (o Options) String() string {
	var names []string
	it := o.Iter()
	for it.Next() {
		names = append(names, it.option.Type.String())
	}
	if at, err := it.Err(); err != nil {
		names = append(names, fmt.Sprintf("malformed at %d", at))
	}
	return strings.Join(names, " ")
}
