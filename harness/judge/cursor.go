package judge

import (
	"encoding/binary"
	"net/netip"
)

// A cursor reads big-endian fields. Reading past the end gives zeros and marks it short.
type cursor struct {
	b     []byte
	short bool
}

func (c *cursor) take(n int) []byte {
	if len(c.b) < n {
		c.short, c.b = true, nil
		return make([]byte, n)
	}
	b := c.b[:n:n]
	c.b = c.b[n:]
	return b
}

func (c *cursor) u8() uint8        { return c.take(1)[0] }
func (c *cursor) u16() uint16      { return binary.BigEndian.Uint16(c.take(2)) }
func (c *cursor) ip() netip.Addr   { return netip.AddrFrom4([4]byte(c.take(4))) }
func (c *cursor) mac() (m [6]byte) { return [6]byte(c.take(6)) }

// sum16 is the ones' complement sum of RFC 1071 over parts, each but the last of even length.
func sum16(parts ...[]byte) uint16 {
	var sum uint32
	for _, b := range parts {
		for ; len(b) > 1; b = b[2:] {
			sum += uint32(b[0])<<8 | uint32(b[1])
			sum = sum&0xffff + sum>>16
		}
		if len(b) == 1 {
			sum += uint32(b[0]) << 8
			sum = sum&0xffff + sum>>16
		}
	}
	return uint16(sum)
}

// checksumWithout is the checksum that b should have in the two octets at offset at.
func checksumWithout(b []byte, at int) uint16 {
	return ^sum16(b[:at], b[at+2:])
}

// badChecksum is the fault that the checksum of b at offset at is wrong. Both zeros of ones' complement arithmetic
// are the same number, so the sum decides, not the field.
func badChecksum(base int, b []byte, at int) *fault {
	if sum16(b) == 0xffff {
		return nil
	}
	return differsHex(base+at, binary.BigEndian.Uint16(b[at:]), checksumWithout(b, at))
}
