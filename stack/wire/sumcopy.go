package wire

import (
	"encoding/binary"
	"math/bits"
)

// SumCopy copies src to the front of dst and sums it on the way, so that data passes through the processor once. dst must
// not be shorter than src, and the two must be the same or not overlap. The sum is that of Sum(0).Add(src).
//
// It is for data that is copied anyhow, between a user's buffer and a packet: the checksum then costs little more than
// the copy.
func SumCopy(dst, src []byte) Sum {
	dst = dst[:len(src)]
	var s, t, c, d uint64 // two chains of carries, so that neither waits for the other
	for len(src) >= 64 && len(dst) >= 64 {
		r, w := (*[64]byte)(src), (*[64]byte)(dst)
		a0 := binary.LittleEndian.Uint64(r[0:])
		a1 := binary.LittleEndian.Uint64(r[8:])
		a2 := binary.LittleEndian.Uint64(r[16:])
		a3 := binary.LittleEndian.Uint64(r[24:])
		s, c = bits.Add64(s, a0, 0)
		s, c = bits.Add64(s, a1, c)
		s, c = bits.Add64(s, a2, c)
		s, c = bits.Add64(s, a3, c)
		s += c
		binary.LittleEndian.PutUint64(w[0:], a0)
		binary.LittleEndian.PutUint64(w[8:], a1)
		binary.LittleEndian.PutUint64(w[16:], a2)
		binary.LittleEndian.PutUint64(w[24:], a3)
		b0 := binary.LittleEndian.Uint64(r[32:])
		b1 := binary.LittleEndian.Uint64(r[40:])
		b2 := binary.LittleEndian.Uint64(r[48:])
		b3 := binary.LittleEndian.Uint64(r[56:])
		t, d = bits.Add64(t, b0, 0)
		t, d = bits.Add64(t, b1, d)
		t, d = bits.Add64(t, b2, d)
		t, d = bits.Add64(t, b3, d)
		t += d
		binary.LittleEndian.PutUint64(w[32:], b0)
		binary.LittleEndian.PutUint64(w[40:], b1)
		binary.LittleEndian.PutUint64(w[48:], b2)
		binary.LittleEndian.PutUint64(w[56:], b3)
		src, dst = src[64:], dst[64:]
	}
	copy(dst, src)
	s, c = bits.Add64(s, t, 0)
	s += c
	s = s>>32 + s&0xffffffff
	s = s>>32 + s&0xffffffff
	s = s>>16 + s&0xffff
	s = s>>16 + s&0xffff
	return Sum(bits.ReverseBytes16(uint16(s))) + Sum(sum(src))
}
