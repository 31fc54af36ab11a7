package ipv6

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/conform-stack/conform/stack/wire"
)

// An OptionType names an option. Its two high bits say what to do with a packet whose option is not known; the third,
// that its data may change on the way (RFC 8200, 4.2).
type OptionType uint8

const (
	Pad1        OptionType = 0
	PadN        OptionType = 1
	RouterAlert OptionType = 5    // RFC 2711
	JumboLen    OptionType = 0xc2 // RFC 2675
)

// An Action is what an option that is not known asks for.
type Action uint8

const (
	Skip          Action = iota // go on with the next option
	Discard                     // the packet, silently
	DiscardTell                 // and send Parameter Problem, code 2, even for a group
	DiscardTellIf               // the same, unless the destination was a group
)

// Action is what the type asks for of a node that does not know it.
func (t OptionType) Action() Action { return Action(t >> 6) }

// Options are those of one header, with their padding, as they stand on the wire.
type Options []byte

// An Option is one of a header. Data aliases it.
type Option struct {
	Type   OptionType
	Offset int // of the type octet, from the first octet of the header
	Data   []byte
}

// ErrOption is what options give that end before their length says; it wraps wire.ErrInvalid.
var ErrOption = wire.Invalid("ipv6: an option is longer than its header")

// An OptionIter goes through options, padding among them.
//
//	for it := options.Iter(); it.Next(); {
//		o := it.Option()
//	}
type OptionIter struct {
	all Options
	at  int // of the next option
	now Option
	err error
}

// Iter begins before the first option.
func (o Options) Iter() OptionIter { return OptionIter{all: o} }

// Next goes to the next option; false at the end, and at an option that does not fit.
func (i *OptionIter) Next() bool {
	rest := i.all[i.at:]
	if len(rest) == 0 || i.err != nil {
		return false
	}
	i.now = Option{Type: OptionType(rest[0]), Offset: i.at + 2}
	if i.now.Type == Pad1 {
		i.at++
		return true
	}
	if len(rest) < 2 || len(rest) < 2+int(rest[1]) {
		i.err = ErrOption
		return false
	}
	n := 2 + int(rest[1])
	i.now.Data = rest[2:n:n]
	i.at += n
	return true
}

// Option is the option that Next went to.
func (i *OptionIter) Option() Option { return i.now }

// Err tells whether the options ended before their length said, and at which octet of the header the fault is: the length
// of the option, or its type when that is the last octet.
func (i *OptionIter) Err() (at int, err error) {
	if i.err == nil {
		return 0, nil
	}
	return min(i.now.Offset+1, len(i.all)+1), i.err
}

// Append adds an option.
func (o Options) Append(t OptionType, data []byte) Options {
	if t == Pad1 {
		return append(o, 0)
	}
	return append(append(o, uint8(t), uint8(len(data))), data...)
}

// Pad adds padding, so that a header with these options is a multiple of 8 octets.
func (o Options) Pad() Options {
	switch n := (6 - len(o)) & 7; n {
	case 0:
		return o
	case 1:
		return append(o, 0)
	default:
		return append(append(o, uint8(PadN), uint8(n-2)), make([]byte, n-2)...)
	}
}

// AlertMLD is the value of a Router Alert in messages of MLD (RFC 2711, 2.1).
const AlertMLD = 0

// AppendRouterAlert adds a Router Alert (RFC 2711).
func (o Options) AppendRouterAlert(value uint16) Options {
	return o.Append(RouterAlert, binary.BigEndian.AppendUint16(nil, value))
}

func (o Options) String() string {
	var s []string
	it := o.Iter()
	for it.Next() {
		switch o := it.Option(); o.Type {
		case Pad1, PadN:
		case RouterAlert:
			s = append(s, "router-alert "+hex.EncodeToString(o.Data))
		default:
			s = append(s, fmt.Sprintf("0x%02x %x", uint8(o.Type), o.Data))
		}
	}
	if _, err := it.Err(); err != nil {
		s = append(s, "broken")
	}
	return strings.Join(s, ", ")
}
