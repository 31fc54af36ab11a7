package icmpv6

import (
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ipv6"
)

// A Status is how a registration went (RFC 6775, 4.1; RFC 8505, 4.1).
type Status uint8

const (
	Registered          Status = 0
	DuplicateAddress    Status = 1
	CacheFull           Status = 2
	Moved               Status = 3 // a registration with a newer TID exists
	Removed             Status = 4
	ValidationRequested Status = 5
	DuplicateSource     Status = 6
	InvalidSource       Status = 7 // the source of the message is not link-local
	Incorrect           Status = 8 // the address is not usable on the link
	Saturated           Status = 9 // the border router's table is full
	ValidationFailed    Status = 10
)

var statusNames = [...]string{ // never written
	"success", "duplicate address", "neighbor cache full", "moved", "removed", "validation requested", "duplicate source address",
	"invalid source address", "topologically incorrect", "registry saturated", "validation failed",
}

func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return "status " + strconv.Itoa(int(s))
}

// A ROVR is a Registration Ownership Verifier (RFC 8505, 5.3): who registered an address. It has 64, 128, 192 or 256 bits;
// one of 64 is what RFC 6775 calls the EUI-64. It is comparable; the zero ROVR is none.
type ROVR struct {
	b     [32]byte
	units uint8 // of 8 octets
}

// ROVRFrom takes 8, 16, 24 or 32 octets; ok is false for another number.
func ROVRFrom(b []byte) (r ROVR, ok bool) {
	if len(b) == 0 || len(b) > len(r.b) || len(b)%8 != 0 {
		return r, false
	}
	copy(r.b[:], b)
	r.units = uint8(len(b) / 8)
	return r, true
}

// Len is the length in octets.
func (r ROVR) Len() int { return 8 * int(r.units) }

// Append adds the octets to b.
func (r ROVR) Append(b []byte) []byte { return append(b, r.b[:r.Len()]...) }

// First64 is the leftmost 64 bits: of one that has no more, the EUI-64 of an interface (RFC 8505, 6.4).
func (r ROVR) First64() (b [8]byte) { return [8]byte(r.b[:8]) }

// Short is the ROVR cut to its leftmost 64 bits.
func (r ROVR) Short() ROVR {
	s, _ := ROVRFrom(r.b[:8])
	return s
}

func (r ROVR) String() string { return fmt.Sprintf("%x", r.b[:r.Len()]) }

// A Registration is what an Address Registration Option tells (RFC 6775, 4.1), with the fields of the extended one (RFC
// 8505, 4.1), which are zero in the former.
type Registration struct {
	Status   Status
	Opaque   uint8
	Rest     uint8 // the four reserved bits of the flags
	Index    uint8 // I, two bits: what Opaque is; RFC 8505 knows 0
	Reach    bool  // R: the router is to make the address reachable
	Extended bool  // T: there is a TID
	TID      uint8
	Lifetime uint16 // minutes; 0 ends the registration
	ROVR     ROVR
}

// Len is the length of the option in octets.
func (r Registration) Len() int { return 8 + r.ROVR.Len() }

// ParseRegistration reads the option, type and length included. One of a length that cannot be gives ErrType.
func ParseRegistration(b []byte) (r Registration, rest []byte, err error) {
	if len(b) < 16 {
		return r, nil, wire.ErrShort
	}
	n := 8 * int(b[1])
	switch {
	case OptionType(b[0]) != RegistrationOption || n < 16 || n > 40:
		return r, nil, ErrType
	case n > len(b):
		return r, nil, wire.ErrShort
	}
	rovr, _ := ROVRFrom(b[8:n])
	return Registration{
		Status: Status(b[2]), Opaque: b[3], Rest: b[4] >> 4, Index: b[4] >> 2 & 3, Reach: b[4]&2 != 0, Extended: b[4]&1 != 0,
		TID: b[5], Lifetime: binary.BigEndian.Uint16(b[6:]), ROVR: rovr,
	}, b[n:len(b):len(b)], nil
}

// AppendRegistration adds the option to b.
func AppendRegistration(b []byte, r Registration) []byte {
	flags := r.Rest<<4 | r.Index&3<<2
	if r.Reach {
		flags |= 2
	}
	if r.Extended {
		flags |= 1
	}
	b = append(b, uint8(RegistrationOption), 1+r.ROVR.units, uint8(r.Status), r.Opaque, flags, r.TID)
	return r.ROVR.Append(binary.BigEndian.AppendUint16(b, r.Lifetime))
}

func (r Registration) String() string {
	s := fmt.Sprintf("register %v for %d min by %v", r.Status, r.Lifetime, r.ROVR)
	if r.Extended {
		s += fmt.Sprintf(" tid %d", r.TID)
	}
	if r.Reach {
		s += " R"
	}
	return s
}

// DuplicateLen is the length of a Duplicate Address message with a ROVR of 64 bits.
const DuplicateLen = 32

// A Duplicate is a Duplicate Address Request or Confirmation (RFC 6775, 4.4), or an extended one (RFC 8505, 4.2), header
// included; its payload is the options.
type Duplicate struct {
	Type     Type  // DuplicateRequest or DuplicateConfirm
	Prefix   uint8 // the upper four bits of the code
	Extended bool  // the code tells the length of the ROVR, and there is a TID
	Checksum uint16
	Status   Status
	TID      uint8 // reserved in one that is not extended
	Lifetime uint16
	ROVR     ROVR
	Addr     ipv6.Addr // the registered one
}

// Len is the length without options.
func (m Duplicate) Len() int { return 24 + m.ROVR.Len() }

// ParseDuplicate reads a message of either type. A code whose lower half is beyond 4 gives ErrType: nobody knows the length.
func ParseDuplicate(b []byte) (m Duplicate, options []byte, err error) {
	h, _, err := Parse(b)
	switch {
	case err != nil:
		return m, nil, wire.ErrShort
	case h.Type != DuplicateRequest && h.Type != DuplicateConfirm || h.Code&15 > 4:
		return m, nil, ErrType
	}
	suffix := uint8(h.Code) & 15
	n := 8 * max(1, int(suffix))
	if len(b) < 24+n {
		return m, nil, wire.ErrShort
	}
	rovr, _ := ROVRFrom(b[8 : 8+n])
	return Duplicate{
		Type: h.Type, Prefix: uint8(h.Code) >> 4, Extended: suffix != 0, Checksum: h.Checksum,
		Status: Status(b[4]), TID: b[5], Lifetime: binary.BigEndian.Uint16(b[6:]), ROVR: rovr, Addr: ipv6.Addr(b[8+n : 24+n]),
	}, b[24+n : len(b) : len(b)], nil
}

// AppendDuplicate adds the message to b.
func AppendDuplicate(b []byte, m Duplicate) []byte {
	code := m.Prefix << 4
	if m.Extended {
		code |= m.ROVR.units
	}
	b = Append(b, Header{
		Type: m.Type, Code: Code(code), Checksum: m.Checksum,
		Word: uint32(m.Status)<<24 | uint32(m.TID)<<16 | uint32(m.Lifetime),
	})
	return append(m.ROVR.Append(b), m.Addr[:]...)
}

func (m Duplicate) String() string {
	s := fmt.Sprintf("ICMP6 %v %v for %d min by %v", m.Type, m.Addr, m.Lifetime, m.ROVR)
	if m.Extended {
		s += fmt.Sprintf(" tid %d", m.TID)
	}
	if m.Type == DuplicateConfirm {
		s += " " + m.Status.String()
	}
	return s
}
