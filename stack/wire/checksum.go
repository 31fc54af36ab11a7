package wire

import (
	"encoding/binary"
	"math/bits"
)

// A Sum is an unfinished Internet checksum (RFC 1071): a one's complement sum of 16-bit words, not yet folded. The zero
// Sum is the sum of nothing. Sums of parts are joined in any order, as long as each part starts at an even offset; for
// one that starts at an odd offset there is AddOdd.
type Sum uint64

// Add adds the octets of b; a last odd octet counts as the high half of a word.
func (s Sum) Add(b []byte) Sum { return s + Sum(sum(b)) }

// AddOdd adds octets that stand at an odd offset of the message, so that the first is the low half of a word.
func (s Sum) AddOdd(b []byte) Sum { return s + Sum(bits.ReverseBytes16(sum(b))) }

// AddUint16 adds one word.
func (s Sum) AddUint16(v uint16) Sum { return s + Sum(v) }

// AddUint32 adds two words.
func (s Sum) AddUint32(v uint32) Sum { return s + Sum(v>>16) + Sum(v&0xffff) }

// Fold is the one's complement sum itself: 0xffff over a message whose checksum field is right.
func (s Sum) Fold() uint16 {
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// Checksum is what goes into the checksum field: the complement of the sum.
func (s Sum) Checksum() uint16 { return ^s.Fold() }

// Valid tells whether the sum covers a message with the right checksum in it.
func (s Sum) Valid() bool { return s.Fold() == 0xffff }

// Checksum is the Internet checksum of b.
func Checksum(b []byte) uint16 { return ^sum(b) }

// UpdateChecksum is the checksum of a message in which one word has changed (RFC 1624, equation 3).
func UpdateChecksum(checksum, from, to uint16) uint16 {
	return Sum(0).AddUint16(^checksum).AddUint16(^from).AddUint16(to).Checksum()
}

// Pseudo4 sums the pseudo-header of RFC 768 and RFC 9293, 3.1, without the length of the segment, which the transport
// adds: it may be shorter than the datagram's payload.
func Pseudo4(src, dst [4]byte, p Protocol) Sum {
	return Sum(p).AddUint32(binary.BigEndian.Uint32(src[:])).AddUint32(binary.BigEndian.Uint32(dst[:]))
}

// Pseudo6 sums the pseudo-header of RFC 8200, 8.1, likewise without the length of the upper-layer packet.
func Pseudo6(src, dst [16]byte, p Protocol) Sum { return Sum(p).Add(src[:]).Add(dst[:]) }

// sum folds the one's complement sum of b. The sum does not depend on the order of octets within words (RFC 1071, 2.B):
// eight octets at a time are added as they lie in memory on most machines, and the result is swapped once.
func sum(b []byte) uint16 {
	var s, c uint64
	for len(b) >= 64 {
		w := (*[64]byte)(b)
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(w[0:]), c)
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(w[8:]), c)
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(w[16:]), c)
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(w[24:]), c)
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(w[32:]), c)
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(w[40:]), c)
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(w[48:]), c)
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(w[56:]), c)
		b = b[64:]
	}
	for len(b) >= 8 {
		s, c = bits.Add64(s, binary.LittleEndian.Uint64(b), c)
		b = b[8:]
	}
	if len(b) >= 4 {
		s, c = bits.Add64(s, uint64(binary.LittleEndian.Uint32(b)), c)
		b = b[4:]
	}
	if len(b) >= 2 {
		s, c = bits.Add64(s, uint64(binary.LittleEndian.Uint16(b)), c)
		b = b[2:]
	}
	if len(b) == 1 {
		s, c = bits.Add64(s, uint64(b[0]), c)
	}
	s, c = bits.Add64(s, 0, c)
	s += c
	s = s>>32 + s&0xffffffff
	s = s>>16&0xffff + s>>32 + s&0xffff
	s = s>>16 + s&0xffff
	s = s>>16 + s&0xffff
	return bits.ReverseBytes16(uint16(s))
}
