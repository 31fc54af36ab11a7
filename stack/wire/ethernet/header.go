// Package ethernet reads and writes the headers of Ethernet frames: Ethernet II (RFC 894), IEEE 802.3 with LLC and SNAP
// (RFC 1042), and one IEEE 802.1Q tag in either. Frames are without preamble and frame check sequence.
package ethernet

import (
	"encoding/binary"
	"fmt"

	"github.com/conform-stack/conform/stack/wire"
)

const (
	HeaderLen = 14   // of an untagged Ethernet II frame
	TagLen    = 4    // of an IEEE 802.1Q tag
	MaxHeader = 26   // tagged, with LLC and SNAP
	MinFrame  = 60   // shorter ones are padded on a real link
	MTU       = 1500 // of the network layer; 1492 in the format SNAP (RFC 1042)
)

// snap is what precedes the EtherType in RFC 1042: DSAP and SSAP 170, control 3 (unnumbered information), organisation
// code 0.
const snap = "\xaa\xaa\x03\x00\x00\x00"

// ErrType says that the type field holds 1501 to 1535, which is neither a length nor an EtherType.
var ErrType = wire.Invalid("ethernet: type field is neither length nor EtherType")

// A Header is what stands before the payload. A second tag is not looked into: it appears as Type TypeVLAN.
type Header struct {
	Dst, Src MAC
	Tagged   bool // an IEEE 802.1Q tag is there
	TCI      TCI  // its content; zero when not Tagged
	Format   Format
	Length   uint16 // octets after the length field, LLC and SNAP included; zero for Ethernet2
	Type     Type   // of the payload; zero for LLC
}

// Len is the length of the header in octets.
func (h Header) Len() int {
	n := HeaderLen
	if h.Tagged {
		n += TagLen
	}
	if h.Format == SNAP {
		n += snapHeader
	}
	return n
}

// Parse reads the header of a frame. In the 802.3 formats the payload ends where Length says, so that padding is gone;
// when Length promises more than came, the payload is what came and Verify tells. The payload of Ethernet2 includes
// padding, which only the network layer can tell from data.
func Parse(b []byte) (h Header, payload []byte, err error) {
	if len(b) < HeaderLen {
		return Header{}, nil, wire.ErrShort
	}
	h.Dst, h.Src = MAC(b), MAC(b[6:])
	t, rest := Type(binary.BigEndian.Uint16(b[12:])), b[14:len(b):len(b)]
	if t == TypeVLAN {
		if len(rest) < TagLen {
			return Header{}, nil, wire.ErrShort
		}
		h.Tagged, h.TCI = true, TCI(binary.BigEndian.Uint16(rest))
		t, rest = Type(binary.BigEndian.Uint16(rest[2:])), rest[4:]
	}
	switch {
	case t >= typeMin:
		h.Type = t
		return h, rest, nil
	case t > lengthMax:
		return Header{}, nil, ErrType
	}
	h.Format, h.Length = LLC, uint16(t)
	if int(t) < len(rest) {
		rest = rest[:t:t]
	}
	if t < snapHeader {
		return h, rest, nil
	}
	if len(rest) >= snapHeader {
		if string(rest[:6]) == snap {
			h.Format, h.Type, rest = SNAP, Type(binary.BigEndian.Uint16(rest[6:])), rest[snapHeader:]
		}
		return h, rest, nil
	}
	if n := min(len(rest), 6); string(rest[:n]) == snap[:n] { // may have been SNAP: nobody can say any more
		return Header{}, nil, wire.ErrShort
	}
	return h, rest, nil
}

// Append adds the header to b.
func Append(b []byte, h Header) []byte {
	b = append(append(b, h.Dst[:]...), h.Src[:]...)
	if h.Tagged {
		b = binary.BigEndian.AppendUint16(b, uint16(TypeVLAN))
		b = binary.BigEndian.AppendUint16(b, uint16(h.TCI))
	}
	switch h.Format {
	case SNAP:
		b = binary.BigEndian.AppendUint16(b, h.Length)
		b = append(b, snap...)
		return binary.BigEndian.AppendUint16(b, uint16(h.Type))
	case LLC:
		return binary.BigEndian.AppendUint16(b, h.Length)
	}
	return binary.BigEndian.AppendUint16(b, uint16(h.Type))
}

// Put writes the header into the first h.Len() octets of b.
func Put(b []byte, h Header) {
	_ = b[h.Len()-1]
	if h.Format == Ethernet2 && !h.Tagged { // nearly every frame
		*(*MAC)(b), *(*MAC)(b[6:]) = h.Dst, h.Src
		binary.BigEndian.PutUint16(b[12:], uint16(h.Type))
		return
	}
	Append(b[:0], h)
}

// Verify tells whether an 802.3 length agrees with the frame b of which h is the header. An Ethernet II frame has none.
func Verify(b []byte, h Header) error {
	if h.Format == Ethernet2 {
		return nil
	}
	if after := len(b) - lengthEnd(h); int(h.Length) > after || h.Format == LLC && h.Length < 3 {
		return wire.ErrLength
	}
	return nil
}

// Seal fills in the length field of the 802.3 frame b, which is not padded yet, of which h is the header.
func Seal(b []byte, h Header) {
	if h.Format != Ethernet2 {
		end := lengthEnd(h)
		binary.BigEndian.PutUint16(b[end-2:], uint16(len(b)-end))
	}
}

// lengthEnd is where the length field ends.
func lengthEnd(h Header) int {
	if h.Tagged {
		return HeaderLen + TagLen
	}
	return HeaderLen
}

func (h Header) String() string {
	s := h.Src.String() + " > " + h.Dst.String()
	if h.Tagged {
		s += fmt.Sprintf(" vlan %d p %d", h.TCI.VLAN(), h.TCI.Priority())
	}
	switch h.Format {
	case SNAP:
		return s + fmt.Sprintf(" SNAP %v len %d", h.Type, h.Length)
	case LLC:
		return s + fmt.Sprintf(" LLC len %d", h.Length)
	}
	return s + " " + h.Type.String()
}
