package ieee802154

import (
	"encoding/binary"
	"iter"

	"github.com/conform-stack/conform/stack/wire"
)

// Element ids that end a list (7.4.2, 7.4.3).
const (
	// HeaderTermination1 ends header elements; payload elements follow.
	HeaderTermination1 = 0x7e
	// HeaderTermination2 ends header elements; the payload follows.
	HeaderTermination2 = 0x7f
	// PayloadTermination ends payload elements.
	PayloadTermination = 0xf
)

// isPayload is the type bit of an element's descriptor: it is one of the payload.
const isPayload = 1 << 15

// headerIEs is the length of the header elements at the front of b, whose last mic octets are no elements. A list ends
// by a termination, or with the frame: one without payload needs none (7.4.1).
func headerIEs(b []byte, mic int) (n int, err error) {
	for n < len(b) && (n == 0 || len(b)-n != mic) {
		if len(b)-n < 2 {
			return 0, wire.ErrShort
		}
		d := binary.LittleEndian.Uint16(b[n:])
		if d&isPayload != 0 {
			return 0, ErrIE
		}
		n += 2 + int(d&0x7f)
		if n > len(b) {
			return 0, wire.ErrShort
		}
		if id := d >> 7 & 0xff; id == HeaderTermination1 || id == HeaderTermination2 {
			return n, nil
		}
	}
	if n == 0 {
		return 0, wire.ErrShort // the header says that there is one at least
	}
	return n, nil
}

// AppendHeaderIE adds a header element (7.4.2.1) with at most 127 octets of content.
func AppendHeaderIE(b []byte, id uint8, content []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, uint16(id)<<7|uint16(len(content)&0x7f))
	return append(b, content...)
}

// AppendPayloadIE adds a payload element (7.4.3.1) with at most 2047 octets of content.
func AppendPayloadIE(b []byte, group uint8, content []byte) []byte {
	b = binary.LittleEndian.AppendUint16(b, isPayload|uint16(group&0xf)<<11|uint16(len(content)&0x7ff))
	return append(b, content...)
}

// Elements goes through the header elements: their ids and contents.
func (h *Header) Elements() iter.Seq2[uint8, []byte] {
	return func(yield func(uint8, []byte) bool) {
		for b := h.IEs; len(b) >= 2; {
			d := binary.LittleEndian.Uint16(b)
			end := 2 + int(d&0x7f)
			if end > len(b) || !yield(uint8(d>>7), b[2:end:end]) {
				return
			}
			b = b[end:]
		}
	}
}

// HasPayloadIEs tells whether the payload begins with elements: the header's end with HeaderTermination1.
func (h *Header) HasPayloadIEs() bool {
	last := -1
	for id := range h.Elements() {
		last = int(id)
	}
	return h.HasIEs && last == HeaderTermination1
}

// SkipPayloadIEs parses over the payload elements at the front of a payload in plain text and gives what follows them. A
// list ends by a termination, or with the payload.
func SkipPayloadIEs(b []byte) (rest []byte, err error) {
	for len(b) > 0 {
		if len(b) < 2 {
			return nil, wire.ErrShort
		}
		d := binary.LittleEndian.Uint16(b)
		if d&isPayload == 0 {
			return nil, ErrIE
		}
		end := 2 + int(d&0x7ff)
		if end > len(b) {
			return nil, wire.ErrShort
		}
		b = b[end:len(b):len(b)]
		if d>>11&0xf == PayloadTermination {
			break
		}
	}
	return b, nil
}
