package icmpv6

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// ListenerLen is the length of a message of MLDv1, and of its part of a query.
const ListenerLen = 24

// A Listener is a message of MLDv1 (RFC 2710, 3), header included. A query of MLDv2 reads as one, with more behind it.
type Listener struct {
	Type     Type // ListenerQuery, ListenerReport, ListenerDone
	Code     Code
	Checksum uint16
	MaxDelay uint16 // milliseconds; a code in MLDv2
	Reserved uint16
	Group    ipv6.Addr
}

// Len is the length of the message in octets.
func (Listener) Len() int { return ListenerLen }

// ParseListener reads a message.
func ParseListener(b []byte) (m Listener, rest []byte, err error) {
	h, _, err := Parse(b)
	switch {
	case err != nil || len(b) < ListenerLen:
		return Listener{}, nil, wire.ErrShort
	case h.Type != ListenerQuery && h.Type != ListenerReport && h.Type != ListenerDone:
		return Listener{}, nil, ErrType
	}
	return Listener{
		Type: h.Type, Code: h.Code, Checksum: h.Checksum,
		MaxDelay: uint16(h.Word >> 16), Reserved: uint16(h.Word), Group: ipv6.Addr(b[8:24]),
	}, b[ListenerLen:len(b):len(b)], nil
}

// AppendListener adds a message to b.
func AppendListener(b []byte, m Listener) []byte {
	b = Append(b, Header{Type: m.Type, Code: m.Code, Checksum: m.Checksum, Word: uint32(m.MaxDelay)<<16 | uint32(m.Reserved)})
	return append(b, m.Group[:]...)
}

func (m Listener) String() string {
	return fmt.Sprintf("ICMP6 %v %v delay %d", m.Type, m.Group, m.MaxDelay)
}

// MaxResp is the maximum response delay of a query of MLDv2 (RFC 3810, 5.1.3).
func MaxResp(code uint16) time.Duration {
	n := uint32(code)
	if code >= 0x8000 {
		n = (n&0xfff | 0x1000) << (code>>12&7 + 3)
	}
	return Milliseconds(n)
}

// QueryInterval is the querier's query interval of a query of MLDv2 (RFC 3810, 5.1.9).
func QueryInterval(code uint8) time.Duration {
	n := uint32(code)
	if code >= 0x80 {
		n = (n&0xf | 0x10) << (code>>4&7 + 3)
	}
	return time.Duration(n) * time.Second
}

// Query2Len is the length of a query of MLDv2 without sources.
const Query2Len = 28

// A Query2 is what a query of MLDv2 has behind the part of MLDv1 (RFC 3810, 5.1).
type Query2 struct {
	Reserved uint8 // 4 bits
	Suppress bool
	QRV      uint8 // 3 bits
	QQIC     uint8
	Sources  Sources
}

// Sources are addresses as they stand on the wire, one after the other.
type Sources []byte

// Len is the number of addresses.
func (s Sources) Len() int { return len(s) / 16 }

// At is one of them.
func (s Sources) At(i int) ipv6.Addr { return ipv6.Addr(s[16*i:]) }

// Append adds one.
func (s Sources) Append(a ipv6.Addr) Sources { return append(s, a[:]...) }

// ParseQuery2 reads what ParseListener left of a query.
func ParseQuery2(b []byte) (q Query2, rest []byte, err error) {
	r := wire.NewReader(b)
	flags := r.U8()
	q = Query2{Reserved: flags >> 4, Suppress: flags&8 != 0, QRV: flags & 7, QQIC: r.U8()}
	if n := int(r.U16()); n > 0 {
		q.Sources = r.Bytes(16 * n)
	}
	if r.Short() {
		return Query2{}, nil, wire.ErrShort
	}
	return q, r.Rest(), nil
}

// AppendQuery2 adds it to b.
func AppendQuery2(b []byte, q Query2) []byte {
	flags := q.Reserved<<4 | q.QRV&7
	if q.Suppress {
		flags |= 8
	}
	b = append(b, flags, q.QQIC)
	b = binary.BigEndian.AppendUint16(b, uint16(q.Sources.Len()))
	return append(b, q.Sources...)
}

// A RecordType says what a record of a report tells (RFC 3810, 5.2.12).
type RecordType uint8

const (
	ModeIsInclude   RecordType = 1
	ModeIsExclude   RecordType = 2
	ChangeToInclude RecordType = 3
	ChangeToExclude RecordType = 4
	AllowNew        RecordType = 5
	BlockOld        RecordType = 6
)

func (t RecordType) String() string {
	names := [...]string{1: "is-in", 2: "is-ex", 3: "to-in", 4: "to-ex", 5: "allow", 6: "block"}
	if t > 0 && int(t) < len(names) {
		return names[t]
	}
	return fmt.Sprintf("record-%d", uint8(t))
}

// A Record is a multicast address record of a report. Its slices alias the report.
type Record struct {
	Type    RecordType
	Group   ipv6.Addr
	Sources Sources
	Aux     []byte // a multiple of 4 octets; none is sent
}

// ParseRecord reads the first record of a report's payload.
func ParseRecord(b []byte) (rec Record, rest []byte, err error) {
	r := wire.NewReader(b)
	rec.Type = RecordType(r.U8())
	aux, n := int(r.U8()), int(r.U16())
	copy(rec.Group[:], r.Bytes(16))
	if n > 0 {
		rec.Sources = r.Bytes(16 * n)
	}
	if aux > 0 {
		rec.Aux = r.Bytes(4 * aux)
	}
	if r.Short() {
		return Record{}, nil, wire.ErrShort
	}
	return rec, r.Rest(), nil
}

// AppendRecord adds a record to b.
func AppendRecord(b []byte, rec Record) []byte {
	b = append(b, uint8(rec.Type), uint8(len(rec.Aux)/4))
	b = binary.BigEndian.AppendUint16(b, uint16(rec.Sources.Len()))
	b = append(b, rec.Group[:]...)
	b = append(b, rec.Sources...)
	return append(b, rec.Aux[:len(rec.Aux)&^3]...)
}

func (rec Record) String() string {
	var s strings.Builder
	fmt.Fprintf(&s, "%v %v(", rec.Type, rec.Group)
	for i := range rec.Sources.Len() {
		fmt.Fprintf(&s, " %v", rec.Sources.At(i))
	}
	return s.String() + ")"
}

// Report2 makes the header of a report of MLDv2 with a number of records (RFC 3810, 5.2).
func Report2(records int) Header { return Header{Type: ListenerReport2, Word: uint32(records)} }
