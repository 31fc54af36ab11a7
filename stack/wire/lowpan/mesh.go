package lowpan

import (
	"fmt"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/link"
)

// A Mesh is a mesh addressing header (RFC 4944, 5.2).
type Mesh struct {
	Originator link.Addr // of 2 or 8 octets, as is Final
	Final      link.Addr
	HopsLeft   uint8
	Deep       bool // Hops Left is in an octet of its own, which it need be from 15 on
}

// deep is the Hops Left that says that an octet with the true value follows.
const deep = 15

// Len is the length of the header in octets.
func (h Mesh) Len() int {
	n := 1 + h.Originator.Len() + h.Final.Len()
	if h.Deep || h.HopsLeft >= deep {
		n++
	}
	return n
}

// ParseMesh reads a mesh addressing header.
func ParseMesh(b []byte) (h Mesh, payload []byte, err error) {
	r := wire.NewReader(b)
	first := r.U8()
	if !r.Short() && KindOf(first, 0) != MeshType {
		return Mesh{}, nil, ErrUnknown
	}
	h.HopsLeft = first & 15
	if h.HopsLeft == deep {
		h.Deep, h.HopsLeft = true, r.U8()
	}
	h.Originator, _ = link.AddrFrom(r.Bytes(addrLen(first, 0x20)))
	h.Final, _ = link.AddrFrom(r.Bytes(addrLen(first, 0x10)))
	if r.Short() {
		return Mesh{}, nil, wire.ErrShort
	}
	return h, r.Rest(), nil
}

// addrLen is the length of the address that a bit of the header speaks of.
func addrLen(first, bit uint8) int {
	if first&bit != 0 {
		return 2
	}
	return 8
}

// AppendMesh adds the header to b. It panics when an address is neither short nor extended.
func AppendMesh(b []byte, h Mesh) []byte {
	first := uint8(dispatchMesh) | min(h.HopsLeft, deep)
	if h.Deep {
		first |= deep
	}
	first |= addrBit(h.Originator, 0x20) | addrBit(h.Final, 0x10)
	b = append(b, first)
	if first&deep == deep {
		b = append(b, h.HopsLeft)
	}
	return h.Final.Append(h.Originator.Append(b))
}

// PutMesh writes the header into the first h.Len() octets of b.
func PutMesh(b []byte, h Mesh) { AppendMesh(b[:0:h.Len()], h) }

func addrBit(a link.Addr, bit uint8) uint8 {
	switch a.Len() {
	case 2:
		return bit
	case 8:
		return 0
	}
	panic("lowpan: a mesh address is of 2 or 8 octets")
}

func (h Mesh) String() string {
	return fmt.Sprintf("mesh %v > %v hops %d", h.Originator, h.Final, h.HopsLeft)
}

// A Broadcast is a LOWPAN_BC0 header (RFC 4944, 11.1).
type Broadcast struct{ Seq uint8 }

// BroadcastLen is the length of the header in octets.
const BroadcastLen = 2

// Len is the length of the header in octets.
func (h Broadcast) Len() int { return BroadcastLen }

// ParseBroadcast reads a LOWPAN_BC0 header.
func ParseBroadcast(b []byte) (h Broadcast, payload []byte, err error) {
	switch {
	case len(b) < BroadcastLen:
		return Broadcast{}, nil, wire.ErrShort
	case b[0] != dispatchBC0:
		return Broadcast{}, nil, ErrUnknown
	}
	return Broadcast{b[1]}, b[BroadcastLen:len(b):len(b)], nil
}

// AppendBroadcast adds the header to b.
func AppendBroadcast(b []byte, h Broadcast) []byte { return append(b, dispatchBC0, h.Seq) }

// PutBroadcast writes the header into the first 2 octets of b.
func PutBroadcast(b []byte, h Broadcast) { b[0], b[1] = dispatchBC0, h.Seq }

func (h Broadcast) String() string { return fmt.Sprintf("BC0 seq %d", h.Seq) }
