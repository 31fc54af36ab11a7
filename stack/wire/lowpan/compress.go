package lowpan

import (
	"encoding/binary"
	"math/bits"

	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// maxIPHC is the length of the longest compressed IPv6 header. One with an octet of context identifiers is shorter by more than it.
const maxIPHC = 2 + 4 + 1 + 1 + 16 + 16

// form is how an address is compressed.
type form struct {
	bits uint8 // SAC and SAM, or M, DAC and DAM
	n    uint8 // octets in line
	cid  uint8 // the context
}

// compressHeader writes the shortest form of an IPv6 header into b, and tells how long it is. Among forms of one length it
// takes one that needs no context.
func compressHeader(b, header []byte, s *Surroundings, d idents, nhc bool) int {
	_ = b[maxIPHC-1]
	srcHi, srcLo := binary.BigEndian.Uint64(header[8:]), binary.BigEndian.Uint64(header[16:])
	dstHi, dstLo := binary.BigEndian.Uint64(header[24:]), binary.BigEndian.Uint64(header[32:])
	group := header[24] == 0xff

	var src, srcX, dst, dstX form // without and with the octet of context identifiers
	if srcHi|srcLo == 0 {
		src.bits = 4
		srcX = src
	} else {
		src, srcX = s.unicast(srcHi, srcLo, d.src)
	}
	if group {
		dst, dstX = s.group(dstHi, dstLo)
	} else {
		dst, dstX = s.unicast(dstHi, dstLo, d.dst)
	}
	e, at := uint16(dispatchIPHC)<<8, 2
	if srcX.n+dstX.n+1 < src.n+dst.n {
		src, dst = srcX, dstX
		e |= 1 << 7
		b[2] = src.cid<<4 | dst.cid
		at = 3
	}
	e |= uint16(src.bits)<<4 | uint16(dst.bits)

	first := binary.BigEndian.Uint32(header)
	class, label := uint8(first>>20), first&0xfffff
	class = class>>2 | class<<6 // 3.2.1
	switch {
	case label == 0 && class == 0:
		e |= 3 << 11
	case label == 0:
		e |= 2 << 11
		b[at] = class
		at++
	case class&0x3f == 0:
		e |= 1 << 11
		b[at], b[at+1], b[at+2] = class|uint8(label>>16), uint8(label>>8), uint8(label)
		at += 3
	default:
		binary.BigEndian.PutUint32(b[at:], uint32(class)<<24|label)
		at += 4
	}
	if nhc {
		e |= 1 << 10
	} else {
		b[at] = header[6]
		at++
	}
	switch header[7] {
	case 1:
		e |= 1 << 8
	case 64:
		e |= 2 << 8
	case 255:
		e |= 3 << 8
	default:
		b[at] = header[7]
		at++
	}
	binary.BigEndian.PutUint16(b, e)

	at += copy(b[at:], header[24-src.n:24]) // the last octets of the address, in each form
	if group {
		return at + putGroup(b[at:], header[24:40], dst)
	}
	return at + copy(b[at:], header[40-dst.n:40])
}

// unicast finds the shortest forms of an address: one that needs no octet of context identifiers, and one that may.
func (s *Surroundings) unicast(hi, lo uint64, d ident) (plain, any form) {
	plain = form{0, 16, 0}
	if hi == linkLocal {
		switch {
		case d.ok && lo == d.iid:
			plain = form{3, 0, 0}
			return plain, plain
		case lo&^0xffff == shortIID:
			plain = form{2, 2, 0}
		default:
			plain = form{1, 8, 0}
		}
	}
	any = plain
	for m := s.usable(); m != 0; m &= m - 1 {
		id := uint8(bits.TrailingZeros16(m))
		c := &s.Contexts.c[id]
		if hi != c.hi || lo&c.maskLo != c.lo {
			continue
		}
		f := form{4 | 1, 8, id}
		switch { // only bits beyond the prefix are told by an identifier
		case c.bits == 128, d.ok && lo == c.lo|d.iid&^c.maskLo:
			f.bits, f.n = 4|3, 0
		case lo == c.lo|(shortIID|lo&0xffff)&^c.maskLo:
			f.bits, f.n = 4|2, 2
		}
		if f.n < any.n {
			any = f
		}
		if id == 0 && f.n < plain.n {
			plain = f
		}
	}
	return plain, any
}

// group finds the shortest forms of a group, as unicast does.
func (s *Surroundings) group(hi, lo uint64) (plain, any form) {
	plain = form{8, 16, 0}
	if hi&^(0xff<<48) == 0xff<<56 { // ffXX::
		switch {
		case hi == 0xff02<<48 && lo>>8 == 0:
			plain = form{8 | 3, 1, 0}
		case lo>>24 == 0:
			plain = form{8 | 2, 4, 0}
		case lo>>40 == 0:
			plain = form{8 | 1, 6, 0}
		}
	}
	any = plain
	for m := s.usable(); m != 0; m &= m - 1 {
		id := uint8(bits.TrailingZeros16(m))
		c := &s.Contexts.c[id]
		if c.bits > 64 || uint8(hi>>32) != c.bits || hi<<32|lo>>32 != c.hi { // ffXX:XXLL:P, 3.2.4
			continue
		}
		f := form{8 | 4, 6, id}
		if f.n < any.n {
			any = f
		}
		if id == 0 && f.n < plain.n {
			plain = f
		}
	}
	return plain, any
}

// putGroup writes what of a group is in line, and tells how much that is.
func putGroup(b, a []byte, f form) int {
	switch f.bits {
	case 8 | 1, 8 | 2:
		b[0] = a[1]
		copy(b[1:], a[17-f.n:16])
	case 8 | 4:
		b[0], b[1] = a[1], a[2]
		copy(b[2:6], a[12:16])
	default:
		copy(b, a[16-f.n:16])
	}
	return int(f.n)
}

// Options say how Compress may go about it.
type Options struct {
	// Limit is how many octets the compressed headers may take; 0 for any number. What would not fit is left as it is.
	Limit int
	// Elide leaves out a UDP checksum. Whether it may, and is right, the caller has settled (RFC 6282, 4.3.2).
	Elide bool
	// GHC is what generic compression needs (RFC 7400); nil: there is none.
	GHC *GHC
}

// Compress writes the shortest form of the headers of a datagram into room, the dispatch first, and tells how many octets
// that are and how many of b they stand for; the rest of b follows as it is. A datagram is compressed as far as its headers
// can be named: they are contiguous (RFC 6282, 4.2). n is 0 when b is no datagram of IPv6, ends where it does not say so, or
// its header does not fit the limit.
//
// room must have the length of b and one octet more.
func Compress(room, b []byte, s *Surroundings, o Options) (n, took int) {
	if len(b) < ipv6.HeaderLen || b[0]>>4 != 6 || int(binary.BigEndian.Uint16(b[4:]))+ipv6.HeaderLen != len(b) {
		return 0, 0
	}
	if o.Limit == 0 {
		o.Limit = len(room)
	}
	z := compressor{room: room, b: b, s: s, o: o}
	return z.headers()
}
