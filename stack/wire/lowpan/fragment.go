package lowpan

import (
	"encoding/binary"
	"fmt"

	"github.com/conform-stack/conform/stack/wire"
)

// A Fragment is a fragmentation header (RFC 4944, 5.3).
type Fragment struct {
	First  bool   // FRAG1; its offset is 0 and not sent
	Size   uint16 // of the datagram before it was compressed and cut, in octets: 11 bits
	Tag    uint16
	Offset uint16 // of the data in that datagram, in octets: a multiple of 8, to 2040
}

const (
	Frag1Len = 4
	FragNLen = 5
)

// Len is the length of the header in octets.
func (h Fragment) Len() int {
	if h.First {
		return Frag1Len
	}
	return FragNLen
}

// ParseFragment reads a first or a subsequent fragmentation header.
func ParseFragment(b []byte) (h Fragment, payload []byte, err error) {
	if len(b) < 1 {
		return Fragment{}, nil, wire.ErrShort
	}
	n := FragNLen
	switch KindOf(b[0], 0) {
	case Frag1:
		h.First, n = true, Frag1Len
	case FragN:
	default:
		return Fragment{}, nil, ErrUnknown
	}
	if len(b) < n {
		return Fragment{}, nil, wire.ErrShort
	}
	h.Size = binary.BigEndian.Uint16(b) & MaxSize
	h.Tag = binary.BigEndian.Uint16(b[2:])
	if !h.First {
		h.Offset = uint16(b[4]) * 8
	}
	return h, b[n:len(b):len(b)], nil
}

// AppendFragment adds the header to b. What of Size and Offset cannot be sent is lost.
func AppendFragment(b []byte, h Fragment) []byte {
	var w [FragNLen]byte
	PutFragment(w[:], h)
	return append(b, w[:h.Len()]...)
}

// PutFragment writes the header into the first h.Len() octets of b.
func PutFragment(b []byte, h Fragment) {
	_ = b[h.Len()-1]
	first := uint16(dispatchFN)
	if h.First {
		first = dispatchF1
	}
	binary.BigEndian.PutUint16(b, first<<8|h.Size&MaxSize)
	binary.BigEndian.PutUint16(b[2:], h.Tag)
	if !h.First {
		b[4] = uint8(h.Offset / 8)
	}
}

func (h Fragment) String() string {
	if h.First {
		return fmt.Sprintf("FRAG1 size %d tag 0x%04x", h.Size, h.Tag)
	}
	return fmt.Sprintf("FRAGN size %d tag 0x%04x offset %d", h.Size, h.Tag, h.Offset)
}
