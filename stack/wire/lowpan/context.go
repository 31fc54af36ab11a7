package lowpan

import (
	"encoding/binary"

	"github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
)

// NumContexts is how many contexts an encoding can name (RFC 6282, 3.1.2).
const NumContexts = 16

// Surroundings are what both sides know of a header without its being sent.
type Surroundings struct {
	Src, Dst link.Addr // of the header around it: the mesh header's if there is one, else the link's
	PAN      uint16    // for HC1, whose identifiers are those of RFC 4944, 6
	Contexts *Contexts // nil: none
}

// Contexts are prefixes by their number. The zero value has none.
type Contexts struct {
	known    uint16 // a bit for each
	compress uint16 // of those that are known
	c        [NumContexts]context
}

// context is a prefix as the two halves of an address. Bits that it does not cover are zero.
type context struct {
	hi, lo uint64
	maskLo uint64 // of the lower half, what the prefix covers
	bits   uint8
}

// Set makes a context known. compress says that it may be used to compress, and not only to expand.
func (s *Contexts) Set(id uint8, prefix ipv6.Addr, bits uint8, compress bool) {
	bits = min(bits, 128)
	c := &s.c[id&15]
	hi, lo := prefix.Halves()
	maskHi := ones(min(bits, 64))
	c.bits, c.maskLo = bits, ones(max(bits, 64)-64)
	c.hi, c.lo = hi&maskHi, lo&c.maskLo
	bit := uint16(1) << (id & 15)
	s.known |= bit
	s.compress &^= bit
	if compress {
		s.compress |= bit
	}
}

// Clear makes a context unknown.
func (s *Contexts) Clear(id uint8) {
	bit := uint16(1) << (id & 15)
	s.known &^= bit
	s.compress &^= bit
}

// Known tells whether a context can be expanded.
func (s *Contexts) Known(id uint8) bool { return s.known&(1<<(id&15)) != 0 }

// get gives a context, nil when it is not known.
func (s *Surroundings) get(id uint8) *context {
	if s.Contexts == nil || !s.Contexts.Known(id) {
		return nil
	}
	return &s.Contexts.c[id&15]
}

// usable is a bit for each context that may be used to compress.
func (s *Surroundings) usable() uint16 {
	if s.Contexts == nil {
		return 0
	}
	return s.Contexts.compress
}

// ones has n of the highest bits set.
func ones(n uint8) uint64 { return ^(^uint64(0) >> n) }

// Halves of addresses that encodings abbreviate.
const (
	linkLocal = 0xfe80 << 48
	shortIID  = 0x000000fffe000000 // 0000:00ff:fe00:XXXX
)

// An ident is the interface identifier of a header around; it need not have one.
type ident struct {
	iid uint64
	ok  bool
}

// idents are those of the source and the destination.
type idents struct{ src, dst ident }

// InterfaceID derives an interface identifier from a link address (RFC 6282, 3.2.2). ok is false for one that is neither
// short nor extended.
func InterfaceID(a link.Addr) (iid uint64, ok bool) {
	switch a.Len() {
	case 2:
		return shortIID | a.Uint64(), true
	case 8:
		return a.Uint64() ^ 1<<57, true // the universal/local bit
	}
	return 0, false
}

func (s *Surroundings) idents() (d idents) {
	d.src.iid, d.src.ok = InterfaceID(s.Src)
	d.dst.iid, d.dst.ok = InterfaceID(s.Dst)
	return d
}

// identsOf are those of an IPv6 header, for one within it.
func identsOf(header []byte) idents {
	return idents{ident{binary.BigEndian.Uint64(header[16:]), true}, ident{binary.BigEndian.Uint64(header[32:]), true}}
}
