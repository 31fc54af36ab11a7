package packet

import (
	"encoding/binary"
	"slices"
)

// Sealing is one layer of a frame while its lengths and checksums are set.
type Sealing struct {
	Header  []byte
	Payload []byte   // all that follows the header, within the layer outside
	Outer   *Sealing // nil for the outermost
	Proto   *Proto
	Pad     int // octets to add behind the frame; Ethernet asks for them

	explicit []*spec
}

// Sets tells whether field f is to be set, which it is unless the template or the mutation set it.
func Sets[V any](s *Sealing, f Field[V]) bool { return !slices.Contains(s.explicit, f.spec) }

// Put sets f in the header unless it is explicit.
func Put[V any](s *Sealing, f Field[V], v V) {
	if Sets(s, f) {
		f.write(s.Header, f.raw(v))
	}
}

// PseudoHeader is what a transport checksum covers of the network header outside, perhaps behind extension headers; empty
// without one.
func (s *Sealing) PseudoHeader(protocol uint, length int) []byte {
	var final []byte
	for o := s.Outer; o != nil; o = o.Outer {
		if o.Proto.Reroutes != nil && final == nil {
			final = o.Proto.Reroutes(o.Header)
		}
		if o.Proto.PseudoHeader == nil {
			continue
		}
		b := o.Proto.PseudoHeader(o.Header, protocol, length)
		copy(b[len(final):], final) // source and destination have the same length
		return b
	}
	return nil
}

// seal sets lengths and checksums of all layers of frame, innermost first, and pads it.
func seal(frame []byte, layers []located) []byte {
	ss := make([]Sealing, len(layers))
	for i, l := range layers {
		ss[i] = Sealing{Header: frame[l.at : l.at+l.octets], Payload: frame[l.at+l.octets:], Proto: l.proto, explicit: l.explicit}
		if i > 0 {
			ss[i].Outer = &ss[i-1]
		}
	}
	pad := 0
	for i := len(ss) - 1; i >= 0; i-- {
		if fix := ss[i].Proto.Fix; fix != nil {
			fix(&ss[i])
		}
		pad = max(pad, ss[i].Pad)
	}
	return append(frame, make([]byte, pad)...)
}

// Sum is the ones' complement sum of RFC 1071 over the parts, joined. Only the last part may have an odd length.
func Sum(parts ...[]byte) uint16 {
	var sum uint32
	for _, p := range parts {
		for ; len(p) >= 2; p = p[2:] {
			sum += uint32(binary.BigEndian.Uint16(p))
		}
		if len(p) == 1 {
			sum += uint32(p[0]) << 8
		}
		sum = sum>>16 + sum&0xffff
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

// Checksum is the complement of Sum: what a checksum field over the parts, itself zero in them, must hold.
func Checksum(parts ...[]byte) uint { return uint(^Sum(parts...)) }
