package igmp

import (
	"encoding/binary"
	"fmt"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// Sources is a list of addresses as it stands on the wire.
type Sources []byte

// SourcesFrom makes a list.
func SourcesFrom(addrs ...ipv4.Addr) (s Sources) {
	for _, a := range addrs {
		s = append(s, a[:]...)
	}
	return s
}

// Len is the number of addresses.
func (s Sources) Len() int { return len(s) / 4 }

// At is the i-th address.
func (s Sources) At(i int) ipv4.Addr { return ipv4.Addr(s[4*i:]) }

// Contains tells whether a is among them.
func (s Sources) Contains(a ipv4.Addr) bool {
	for i := range s.Len() {
		if s.At(i) == a {
			return true
		}
	}
	return false
}

// A QueryV3 is a version 3 Membership Query (RFC 3376, 4.1).
type QueryV3 struct {
	MaxResp   Code
	Checksum  uint16
	Group     ipv4.Addr // 0.0.0.0 in a general query
	Reserved  uint8     // 4 bits
	Suppress  bool      // the S flag: routers do not update timers
	QRV       uint8     // the querier's robustness variable, 0 to 7
	QQIC      Code      // the querier's query interval
	SourceSet Sources   // aliases what was parsed; nil when empty
}

// Len is the length of the query in octets.
func (q QueryV3) Len() int { return QueryLen + 4*q.SourceSet.Len() }

// ParseQuery reads a version 3 query. The rest is what follows its sources, which is part of the checksum only
// (RFC 3376, 4.1.10).
func ParseQuery(b []byte) (q QueryV3, rest []byte, err error) {
	r := wire.NewReader(b)
	t := Type(r.U8())
	q = QueryV3{MaxResp: Code(r.U8()), Checksum: r.U16(), Group: r.Four()}
	bits := r.U8()
	q.Reserved, q.Suppress, q.QRV = bits>>4, bits&8 != 0, bits&7
	q.QQIC = Code(r.U8())
	q.SourceSet = sources(&r, r.U16())
	switch {
	case r.Short():
		return QueryV3{}, nil, wire.ErrShort
	case t != Query:
		return QueryV3{}, nil, ErrType
	}
	return q, r.Rest(), nil
}

// AppendQuery adds a version 3 query to b. Of Reserved and QRV the low bits count.
func AppendQuery(b []byte, q QueryV3) []byte {
	b = Append(b, Header{Query, q.MaxResp, q.Checksum, q.Group})
	bits := q.Reserved<<4 | q.QRV&7
	if q.Suppress {
		bits |= 8
	}
	b = append(b, bits, byte(q.QQIC))
	b = binary.BigEndian.AppendUint16(b, uint16(q.SourceSet.Len()))
	return append(b, q.SourceSet[:4*q.SourceSet.Len()]...)
}

// sources reads n addresses.
func sources(r *wire.Reader, n uint16) Sources {
	if n == 0 {
		return nil
	}
	return r.Bytes(4 * int(n))
}

func (q QueryV3) String() string {
	s := fmt.Sprintf("IGMP v3 query %v max resp %d", q.Group, q.MaxResp.Value())
	if n := q.SourceSet.Len(); n > 0 {
		s += fmt.Sprintf(" %d sources", n)
	}
	return s
}
