package tcp

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/conform-stack/conform/harness/packet"
)

// Option kinds.
const (
	KindEnd           = 0
	KindNOP           = 1
	KindMSS           = 2
	KindWindowScale   = 3
	KindSACKPermitted = 4
	KindSACK          = 5
	KindTimestamps    = 8
	KindUserTimeout   = 28
	KindFastOpen      = 34
	KindUnassigned    = 252 // no option has it; 253 and 254 are for experiments (RFC 4727)
)

var (
	// Options are the octets between the fixed header and the data. Setting them pads to a multiple of 4 octets with End
	// of Option List.
	Options = packet.Variable(Proto, "options", func(h []byte) (int, int) { return 20, max(20, len(h)) },
		func(h, value []byte) []byte { return withOptions(h, value) })

	MSS         = number("MSS", KindMSS, 2, 0, 2)                  // RFC 9293, 3.7.1
	WindowScale = number("window scale", KindWindowScale, 1, 0, 1) // RFC 7323, 2.2: the shift count
	TSval       = number("TSval", KindTimestamps, 8, 0, 4)         // RFC 7323, 3.2
	TSecr       = number("TSecr", KindTimestamps, 8, 4, 4)
	// UserTimeout is the 16 bits of RFC 5482: the top one is the granularity, minutes if set and seconds if not.
	UserTimeout = number("user timeout", KindUserTimeout, 2, 0, 2)

	// SACKPermitted has no value: SACKPermitted.Is(nil).
	SACKPermitted = octets("SACK permitted", KindSACKPermitted)
	// SACK holds blocks; Blocks and SACKBlocks have them as numbers.
	SACK = octets("SACK", KindSACK)
	// FastOpen holds the cookie, empty to ask for one (RFC 7413, 4.1.1).
	FastOpen = octets("Fast Open cookie", KindFastOpen)
)

// number is a field of width octets in the value, of size octets, of an option.
func number(name string, kind byte, size, at, width int) packet.Field[uint] {
	find := func(h []byte) (int, int) {
		from, to := findOption(h, kind)
		if from > to || to-from < 2+at+width {
			return 1, 0
		}
		return from + 2 + at, from + 2 + at + width
	}
	return packet.OptionalUint(Proto, name, 8*width, find, func(h, v []byte) []byte {
		if v == nil {
			return setOption(h, kind, nil, true)
		}
		from, to := findOption(h, kind)
		value := make([]byte, size)
		if from < to {
			copy(value, h[from+2:to])
		}
		copy(value[at:], v)
		return setOption(h, kind, value, false)
	})
}

// octets is the value of an option.
func octets(name string, kind byte) packet.Field[[]byte] {
	find := func(h []byte) (int, int) {
		from, to := findOption(h, kind)
		if from > to {
			return 1, 0
		}
		return from + 2, to
	}
	return packet.Optional(Proto, name, find, func(h, v []byte) []byte { return setOption(h, kind, v, v == nil) },
		func(raw []byte) string {
			switch {
			case kind == KindSACK:
				return blocksOf(raw)
			case len(raw) == 0:
				return "present"
			}
			return hex.EncodeToString(raw)
		})
}

// Option is one of the given kind, with a length that counts kind, length and data.
func Option(kind byte, data ...byte) []byte {
	return append([]byte{kind, byte(2 + len(data))}, data...)
}

// NOP and End are the options of one octet.
var (
	NOP = []byte{KindNOP} // never written
	End = []byte{KindEnd} // never written
)

// List joins options.
func List(options ...[]byte) []byte { return bytes.Join(options, nil) }

// MSSOption and the following are options as octets, for a List.
func MSSOption(mss uint16) []byte { return Option(KindMSS, byte(mss>>8), byte(mss)) }

// ScaleOption is Window Scale.
func ScaleOption(shift byte) []byte { return Option(KindWindowScale, shift) }

// SACKPermittedOption is SACK-permitted.
func SACKPermittedOption() []byte { return Option(KindSACKPermitted) }

// TimestampsOption is Timestamps.
func TimestampsOption(val, ecr uint32) []byte {
	b := binary.BigEndian.AppendUint32(nil, val)
	return Option(KindTimestamps, binary.BigEndian.AppendUint32(b, ecr)...)
}

// ErrOption says that options cannot be told apart: a length is below 2 or runs beyond the header.
var ErrOption = errors.New("an option's length is below 2 or runs beyond the header")

// SplitOptions gives each option with its kind and length, No-Operation among them; what follows End of Option List is
// left out. On an error it gives the options before the malformed one.
func SplitOptions(options []byte) (all [][]byte, err error) {
	for len(options) > 0 && options[0] != KindEnd {
		n := 1
		if options[0] != KindNOP {
			if len(options) < 2 || options[1] < 2 || int(options[1]) > len(options) {
				return all, ErrOption
			}
			n = int(options[1])
		}
		all, options = append(all, options[:n:n]), options[n:]
	}
	return all, nil
}

// Kinds are the kinds of the options of a segment in their order, No-Operation left out.
func Kinds(f *packet.Frame) (kinds []byte) {
	o, _ := Options.Of(f)
	all, _ := SplitOptions(o)
	for _, o := range all {
		if o[0] != KindNOP {
			kinds = append(kinds, o[0])
		}
	}
	return kinds
}

// HasOption asks for an option of a kind, LacksOption that there is none. They cannot be sent.
func HasOption(kind byte) packet.Cond {
	return Options.Where(fmt.Sprintf("with one of kind %d", kind), func(o []byte) bool { return holdsKind(o, kind) })
}

// LacksOption asks that no option has the kind.
func LacksOption(kind byte) packet.Cond {
	return Options.Where(fmt.Sprintf("without one of kind %d", kind), func(o []byte) bool { return !holdsKind(o, kind) })
}

func holdsKind(options []byte, kind byte) bool {
	all, _ := SplitOptions(options)
	return slices.ContainsFunc(all, func(o []byte) bool { return o[0] == kind })
}

// findOption is where the first option of a kind stands in the header; from > to without one.
func findOption(h []byte, kind byte) (from, to int) {
	if len(h) < 20 {
		return 1, 0
	}
	at := 20
	all, _ := SplitOptions(h[20:])
	for _, o := range all {
		if o[0] == kind {
			return at, at + len(o)
		}
		at += len(o)
	}
	return 1, 0
}

// setOption replaces, adds or takes out an option. What was padding goes, and comes back as needed.
func setOption(h []byte, kind byte, value []byte, out bool) []byte {
	all, err := SplitOptions(h[20:])
	if err != nil { // octets that make no options stay, and what is added follows them
		all = append(all, h[20+len(bytes.Join(all, nil)):])
	}
	is := func(o []byte) bool { return o[0] == kind }
	switch i := slices.IndexFunc(all, is); {
	case out:
		all = slices.DeleteFunc(all, is)
	case i < 0:
		all = append(all, Option(kind, value...))
	default:
		all[i] = Option(kind, value...)
	}
	return withOptions(h, bytes.Join(all, nil))
}

// withOptions gives the header other options, padded, and the data offset that they make.
func withOptions(h, options []byte) []byte {
	out := append(h[:20:20], options...)
	for len(out)%4 != 0 {
		out = append(out, KindEnd)
	}
	out[12] = out[12]&0x0f | byte(len(out)/4)<<4
	return out
}

// A Block is a range of sequence numbers of a SACK option, [Left, Right).
type Block struct{ Left, Right uint32 }

func (b Block) String() string { return fmt.Sprintf("%d-%d", b.Left, b.Right) }

// SACKBlocks is a SACK option with these blocks.
func SACKBlocks(blocks ...Block) packet.Cond {
	raw := []byte{}
	for _, b := range blocks {
		raw = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(raw, b.Left), b.Right)
	}
	return SACK.Is(raw)
}

// Blocks are those of a segment's SACK option.
func Blocks(f *packet.Frame) (blocks []Block) {
	raw, _ := SACK.Of(f)
	return parseBlocks(raw)
}

func parseBlocks(raw []byte) (blocks []Block) {
	for ; len(raw) >= 8; raw = raw[8:] {
		blocks = append(blocks, Block{binary.BigEndian.Uint32(raw), binary.BigEndian.Uint32(raw[4:])})
	}
	return blocks
}

func blocksOf(raw []byte) string {
	var parts []string
	for _, b := range parseBlocks(raw) {
		parts = append(parts, b.String())
	}
	if len(raw)%8 != 0 {
		parts = append(parts, fmt.Sprintf("%d octets more", len(raw)%8))
	}
	return "{" + strings.Join(parts, " ") + "}"
}

// DescribeOptions prints options as tcpdump does; empty without any.
func DescribeOptions(options []byte) string {
	all, err := SplitOptions(options)
	var parts []string
	n := 0
	for _, o := range all {
		parts, n = append(parts, describe(o)), n+len(o)
	}
	switch rest := options[n:]; {
	case err != nil:
		parts = append(parts, "malformed "+hex.EncodeToString(rest))
	case len(rest) > 0 && len(bytes.Trim(rest, "\x00")) > 0:
		parts = append(parts, "end, then "+hex.EncodeToString(rest[1:]))
	case len(rest) > 0:
		parts = append(parts, "end")
	}
	return strings.Join(parts, ",")
}

func describe(o []byte) string {
	value := o[min(2, len(o)):]
	size := func(n int) bool { return len(value) == n }
	switch {
	case o[0] == KindNOP:
		return "nop"
	case o[0] == KindMSS && size(2):
		return fmt.Sprintf("mss %d", binary.BigEndian.Uint16(value))
	case o[0] == KindWindowScale && size(1):
		return fmt.Sprintf("ws %d", value[0])
	case o[0] == KindSACKPermitted && size(0):
		return "sackOK"
	case o[0] == KindSACK && len(value)%8 == 0:
		return "sack " + blocksOf(value)
	case o[0] == KindTimestamps && size(8):
		return fmt.Sprintf("TS val %d ecr %d", binary.BigEndian.Uint32(value), binary.BigEndian.Uint32(value[4:]))
	case o[0] == KindUserTimeout && size(2):
		unit := "s"
		if value[0]&0x80 != 0 {
			unit = "min"
		}
		return fmt.Sprintf("uto %d %s", binary.BigEndian.Uint16(value)&0x7fff, unit)
	case o[0] == KindFastOpen && size(0):
		return "tfo request"
	case o[0] == KindFastOpen:
		return "tfo " + hex.EncodeToString(value)
	}
	return fmt.Sprintf("kind %d length %d %s", o[0], len(o), hex.EncodeToString(value))
}
