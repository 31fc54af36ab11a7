package capture

import (
	"encoding/binary"
	"iter"
	"math"
	"strings"
)

// Option codes of pcapng. Which block an option is in decides what the code means.
const (
	optEnd         = 0
	optComment     = 1
	optName        = 2  // if_name
	optFlags       = 2  // epb_flags
	optDescription = 3  // if_description
	optApplication = 4  // shb_userappl
	optResolution  = 9  // if_tsresol
	optOffset      = 14 // if_tsoffset
)

type option struct {
	code  uint16
	value []byte
}

// options yields the options at the end of a block. One that runs past the block ends the list: the packet before it
// is whole, and an option is no reason to lose it.
func (f *pcapng) options(b []byte) iter.Seq[option] {
	return func(yield func(option) bool) {
		for len(b) >= 4 {
			code, n := f.order.Uint16(b), int(f.order.Uint16(b[2:]))
			b = b[4:]
			if code == optEnd || n > len(b) {
				return
			}
			if !yield(option{code, b[:n:n]}) {
				return
			}
			b = b[min(pad4(n), len(b)):]
		}
	}
}

// appendOption appends one option, padded to 32 bits, in the writer's byte order.
func appendOption(b []byte, code uint16, value []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, code)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	return appendPadded(b, value)
}

// appendText appends a text option. Text is UTF-8; what is not becomes the replacement character.
func appendText(b []byte, code uint16, text string) ([]byte, error) {
	text = strings.ToValidUTF8(text, "\ufffd")
	if len(text) > math.MaxUint16 {
		return nil, errTooLong(len(text))
	}
	return appendOption(b, code, []byte(text)), nil
}

func appendPadded(b, data []byte) []byte {
	b = append(b, data...)
	return append(b, make([]byte, pad4(len(data))-len(data))...)
}

// pad4 rounds up to a multiple of 4.
func pad4(n int) int { return (n + 3) &^ 3 }
