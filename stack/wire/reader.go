package wire

import "encoding/binary"

// A Reader reads fields in the order in which they stand, all big-endian.
//
// Reading past the end yields zero and marks the Reader short, for good: a codec reads all its fields in plain lines and
// asks Short once, before it believes any of them.
type Reader struct {
	b     []byte
	short bool
}

// NewReader reads from b, which it aliases.
func NewReader(b []byte) Reader { return Reader{b: b} }

// Short tells whether any read went past the end.
func (r *Reader) Short() bool { return r.short }

// Len is the number of octets left.
func (r *Reader) Len() int { return len(r.b) }

// U8 reads one octet.
func (r *Reader) U8() uint8 {
	if len(r.b) < 1 {
		r.fail()
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

// U16 reads two octets.
func (r *Reader) U16() uint16 {
	if len(r.b) < 2 {
		r.fail()
		return 0
	}
	v := binary.BigEndian.Uint16(r.b)
	r.b = r.b[2:]
	return v
}

// U32 reads four octets.
func (r *Reader) U32() uint32 {
	if len(r.b) < 4 {
		r.fail()
		return 0
	}
	v := binary.BigEndian.Uint32(r.b)
	r.b = r.b[4:]
	return v
}

// Four reads four octets as they stand, such as an IPv4 address.
func (r *Reader) Four() [4]byte {
	if len(r.b) < 4 {
		r.fail()
		return [4]byte{}
	}
	v := [4]byte(r.b)
	r.b = r.b[4:]
	return v
}

// Bytes reads n octets without copying them; an append to the result cannot reach what follows. It is nil when fewer
// than n are left, and when n is negative.
func (r *Reader) Bytes(n int) []byte {
	if n < 0 || len(r.b) < n {
		r.fail()
		return nil
	}
	v := r.b[:n:n]
	r.b = r.b[n:]
	return v
}

// Rest reads everything that is left.
func (r *Reader) Rest() []byte {
	v := r.b[:len(r.b):len(r.b)]
	r.b = r.b[len(r.b):]
	return v
}

func (r *Reader) fail() { r.b, r.short = nil, true }
