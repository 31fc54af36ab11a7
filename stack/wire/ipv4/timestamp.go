package ipv4

import (
	"encoding/binary"

	"github.com/conform-stack/conform/stack/wire"
)

// A TimestampFlag says what a timestamp option records (RFC 791, 3.1).
type TimestampFlag uint8

const (
	TimestampOnly         TimestampFlag = 0
	TimestampAddress      TimestampFlag = 1 // each timestamp is preceded by the address of who made it
	TimestampPrespecified TimestampFlag = 3 // the addresses are given: only these make timestamps
)

var (
	// ErrTimestamp says that a timestamp option is shorter than 4 octets, has a pointer below 5, an unknown flag, or
	// some room left but not enough. It wraps wire.ErrInvalid.
	ErrTimestamp = wire.Invalid("ipv4: malformed timestamp option")
	// ErrOverflow says that the overflow count cannot grow beyond 15: the datagram is in error (RFC 791, 3.1).
	ErrOverflow = wire.Invalid("ipv4: timestamp overflow count exhausted")
)

// A Timestamp is an Internet timestamp option: type, length, pointer, overflow and flag, slots. It aliases the header.
// The pointer counts from the type octet, from 1: the least is 5.
type Timestamp []byte

// Timestamp reads o, which is a TimestampType. When it is malformed, pointer is what a Parameter Problem points at: the
// length, the pointer, or the octet of overflow and flag.
func (o Option) Timestamp() (t Timestamp, pointer int, err error) {
	n := len(o.Octets)
	if n < 4 {
		return nil, o.Offset + 1, ErrTimestamp
	}
	t = Timestamp(o.Octets)
	p := int(t[2])
	switch {
	case p < 5:
		return nil, o.Offset + 2, ErrTimestamp
	case t.Flag() > TimestampPrespecified || t.Flag() == 2:
		return nil, o.Offset + 3, ErrTimestamp
	case p <= n && p-1+t.slot() > n:
		return nil, o.Offset + 2, ErrTimestamp
	}
	return t, 0, nil
}

// Flag says what is recorded.
func (t Timestamp) Flag() TimestampFlag { return TimestampFlag(t[3] & 0xf) }

// Overflow is the number of hosts that found no room.
func (t Timestamp) Overflow() int { return int(t[3] >> 4) }

// Full tells whether there is no room for a slot at the pointer.
func (t Timestamp) Full() bool { return int(t[2])-1+t.slot() > len(t) }

// Record makes a timestamp, in milliseconds since midnight UT, for the host whose address is self. own tells whether a
// prespecified address is one of the host's; it may be nil, for self alone. A full option counts the overflow. The
// header's checksum is then wrong until it is sealed. At ErrOverflow a Parameter Problem points at the fourth octet.
func (t Timestamp) Record(ms uint32, self Addr, own func(Addr) bool) error {
	prespecified := t.Flag() == TimestampPrespecified
	if t.Full() {
		if prespecified { // the list is at its end: nobody is missing from it
			return nil
		}
		if t.Overflow() == 15 {
			return ErrOverflow
		}
		t[3] += 1 << 4
		return nil
	}
	slot := t[t[2]-1:]
	if prespecified {
		a := Addr(slot)
		if a != self && (own == nil || !own(a)) {
			return nil
		}
	}
	if t.Flag() == TimestampAddress {
		*(*Addr)(slot) = self
	}
	binary.BigEndian.PutUint32(slot[t.slot()-4:], ms)
	t[2] += byte(t.slot())
	return nil
}

// Len is the number of slots filled.
func (t Timestamp) Len() int { return min(int(t[2])-5, len(t)-4) / t.slot() }

// At is the content of slot i: the timestamp as it stands, and the address unless the flag is TimestampOnly. The top bit
// of a timestamp says that it is not in milliseconds since midnight UT.
func (t Timestamp) At(i int) (a Addr, ms uint32) {
	slot := t[4+i*t.slot():]
	if t.Flag() != TimestampOnly {
		a, slot = Addr(slot), slot[4:]
	}
	return a, binary.BigEndian.Uint32(slot)
}

// slot is the size of one slot in octets.
func (t Timestamp) slot() int {
	if t.Flag() == TimestampOnly {
		return 4
	}
	return 8
}

// AppendTimestamp adds a timestamp option with room for some slots of 4 octets, or of 8 when addresses are recorded.
func (o Options) AppendTimestamp(f TimestampFlag, slots int) Options {
	size := 4
	if f != TimestampOnly {
		size = 8
	}
	o = append(o, byte(TimestampType), byte(4+size*slots), 5, byte(f))
	return append(o, make([]byte, size*slots)...)
}

// AppendTimestampsOf adds a timestamp option that asks only the given hosts, at most 4.
func (o Options) AppendTimestampsOf(hosts ...Addr) Options {
	o = append(o, byte(TimestampType), byte(4+8*len(hosts)), 5, byte(TimestampPrespecified))
	for _, a := range hosts {
		o = append(append(o, a[:]...), 0, 0, 0, 0)
	}
	return o
}

// AppendRouterAlert adds the option that asks every router to look at the datagram (RFC 2113, 2.1).
func (o Options) AppendRouterAlert() Options { return append(o, byte(RouterAlert), 4, 0, 0) }

// AppendNOP adds a no operation, to align what follows.
func (o Options) AppendNOP() Options { return append(o, byte(NOP)) }
