package lowpan

import (
	"encoding/binary"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// Identifiers of LOWPAN_NHC, with zeros for the bits that are a header's own (RFC 6282, 4.2 and 4.3.3; RFC 7400, 4).
const (
	nhcExt     = 0xe0 // 1110 EID NH
	nhcUDP     = 0xf0 // 11110 C P
	nhcExtGHC  = 0xb0 // 10110 EID NH, the EID of 2 bits
	nhcUDPGHC  = 0xd0 // 11010 C P
	nhcICMPGHC = 0xdf
)

// Mobility is the Mobility header (RFC 6275, 6.1).
const mobility wire.Protocol = 135

// eids are the headers by their EID (RFC 6282, 4.2); 5 and 6 are reserved.
var eids = [8]wire.Protocol{wire.HopByHop, wire.Routing, wire.Fragment, wire.DestOpts, mobility, wire.NoNext, wire.NoNext, wire.IPv6} // never written

// eidOf is the EID of a header; ok is false for one that has none.
func eidOf(p wire.Protocol) (eid uint8, ok bool) {
	switch p {
	case wire.HopByHop:
		return 0, true
	case wire.Routing:
		return 1, true
	case wire.Fragment:
		return 2, true
	case wire.DestOpts:
		return 3, true
	case mobility:
		return 4, true
	case wire.IPv6:
		return 7, true
	}
	return 0, false
}

// Ports of UDP that are abbreviated (RFC 6282, 4.3.3).
const (
	ports8 = 0xf000 // and 8 bits
	ports4 = 0xf0b0 // and 4 bits
)

// compressor is one call of Compress.
type compressor struct {
	room, b []byte
	s       *Surroundings
	o       Options
}

func (z *compressor) headers() (n, took int) {
	n, took, ok := z.ip(0, 0, z.s.idents())
	if !ok {
		return 0, 0
	}
	return n, took
}

// ip writes the IPv6 header at an offset of the datagram at w, and what can be compressed behind it. ok is false when not
// even the header itself fits.
func (z *compressor) ip(w, at int, d idents) (n, took int, ok bool) {
	h := z.b[at : at+ipv6.HeaderLen]
	next, end := wire.Protocol(h[6]), at+ipv6.HeaderLen
	if z.nameable(next, end) {
		n := compressHeader(z.room[w:], h, z.s, d, true)
		if n, took, ok := z.next(w+n, next, end, at); ok {
			return n, took, true
		}
	}
	w += compressHeader(z.room[w:], h, z.s, d, false)
	return w, end, w <= z.o.Limit
}

// nameable tells whether a header can have a LOWPAN_NHC: it is known, whole, and says of itself what it will be expanded to.
func (z *compressor) nameable(p wire.Protocol, at int) bool {
	b := z.b[at:]
	switch p {
	case wire.UDP:
		return len(b) >= 8 && int(binary.BigEndian.Uint16(b[4:])) == len(b)
	case wire.ICMPv6:
		return z.o.GHC != nil
	case wire.IPv6:
		return len(b) >= ipv6.HeaderLen && b[0]>>4 == 6 && int(binary.BigEndian.Uint16(b[4:]))+ipv6.HeaderLen == len(b)
	case wire.HopByHop, wire.Routing, wire.Fragment, wire.DestOpts, mobility:
		return len(b) >= 8 && extLen(p, b) <= len(b)
	}
	return false
}

// extLen is the length of an extension header in octets. That of a Fragment header is fixed: it has no length field.
func extLen(p wire.Protocol, b []byte) int {
	if p == wire.Fragment {
		return ipv6.FragmentLen
	}
	return 8 * (int(b[1]) + 1)
}

// next writes a header that is nameable, and what can be compressed behind it; ip is where its IPv6 header is. ok is false
// when it does not fit, or is longer with its NHC than without.
func (z *compressor) next(w int, p wire.Protocol, at, ip int) (n, took int, ok bool) {
	switch p {
	case wire.UDP:
		return z.udp(w, at, ip)
	case wire.ICMPv6:
		return z.icmp(w, at, ip)
	case wire.IPv6:
		z.room[w] = nhcExt | 7<<1
		return z.ip(w+1, at, identsOf(z.b[ip:]))
	}
	h := z.b[at : at+extLen(p, z.b[at:])]
	next, end := wire.Protocol(h[0]), at+len(h)
	// Behind a Fragment header is a header in the first fragment only.
	if (p != wire.Fragment || binary.BigEndian.Uint16(h[2:])&^7 == 0) && z.nameable(next, end) {
		if n, ok := z.extension(w, p, h, true, ip); ok {
			if n, took, ok := z.next(n, next, end, ip); ok {
				return n, took, true
			}
		}
	}
	w, ok = z.extension(w, p, h, false, ip)
	return w, end, ok
}

// extension writes one extension header and tells where it ends.
func (z *compressor) extension(w int, p wire.Protocol, h []byte, nhc bool, ip int) (end int, ok bool) {
	eid, _ := eidOf(p)
	from := w
	first := nhcExt | eid<<1
	if nhc {
		first |= 1
	}
	data := h[2:]
	if p == wire.HopByHop || p == wire.DestOpts {
		data = data[:len(data)-trailingPad(data)]
	}
	if p == wire.Fragment {
		data = h[1:] // 4.2: unmodified, and the second octet is not a length
	}
	n := len(data) + 1
	if !nhc {
		n++
	}
	if p != wire.Fragment {
		n++
	}
	if g := z.o.GHC; g != nil && eid <= 3 {
		if end, ok := g.extension(z, w, first, data, n, ip); ok {
			return end, true
		}
	}
	if w+n > z.o.Limit || len(data) > 255 { // 4.2
		return 0, false
	}
	z.room[w] = first
	w++
	if !nhc {
		z.room[w] = h[0]
		w++
	}
	if p != wire.Fragment {
		z.room[w] = uint8(len(data))
		w++
	}
	copy(z.room[w:], data)
	return from + n, true
}

// trailingPad is how many octets of padding at the end of options can be left out: those of a single Pad1 or PadN of up to 7
// octets, whose octets are the zeros that will be put there again (4.2).
func trailingPad(options []byte) int {
	it := ipv6.Options(options).Iter()
	last, before := ipv6.Option{}, false // and whether padding is in front of it
	for it.Next() {
		before = last.Offset != 0 && isPad(last)
		last = it.Option()
	}
	if _, err := it.Err(); err != nil || last.Offset == 0 || !isPad(last) || before {
		return 0
	}
	for _, c := range last.Data {
		if c != 0 {
			return 0
		}
	}
	switch pad := 2 + len(last.Data); {
	case last.Type == ipv6.Pad1:
		return 1
	case pad <= 7:
		return pad
	}
	return 0
}

func isPad(o ipv6.Option) bool {
	return o.Type == ipv6.Pad1 || o.Type == ipv6.PadN
}

// udp writes a UDP header. Generic compression takes what follows along.
func (z *compressor) udp(w, at, ip int) (n, took int, ok bool) {
	h := z.b[at : at+8]
	src, dst := binary.BigEndian.Uint16(h), binary.BigEndian.Uint16(h[2:])
	first := uint8(nhcUDP)
	var f [7]byte
	f[0] = first
	in := f[1:1]
	switch {
	case src&0xfff0 == ports4 && dst&0xfff0 == ports4:
		f[0] |= 3
		in = append(in, uint8(src<<4|dst&15))
	case dst&0xff00 == ports8:
		f[0] |= 1
		in = append(in, h[0], h[1], h[3])
	case src&0xff00 == ports8:
		f[0] |= 2
		in = append(in, h[1], h[2], h[3])
	default:
		in = append(in, h[:4]...)
	}
	if z.o.Elide {
		f[0] |= 4
	} else {
		in = append(in, h[6], h[7])
	}
	end := w + 1 + len(in)
	if end > z.o.Limit {
		return 0, 0, false
	}
	copy(z.room[w:], f[:1+len(in)])
	if g := z.o.GHC; g != nil {
		if n, took, ok := g.payload(z, end, at+8, ip); ok {
			z.room[w] &^= nhcUDP ^ nhcUDPGHC
			return n, took, true
		}
	}
	return end, at + 8, true
}

// icmp writes an ICMPv6 message, which only generic compression can name.
func (z *compressor) icmp(w, at, ip int) (n, took int, ok bool) {
	if w+1 > z.o.Limit {
		return 0, 0, false
	}
	z.room[w] = nhcICMPGHC
	return z.o.GHC.payload(z, w+1, at, ip)
}
