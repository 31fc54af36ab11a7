package igmp

import (
	"strconv"
	"time"
)

// A Type is the first octet of a message. In IGMPv1 it was two fields, version 1 and a type; as one octet they are the
// same numbers (RFC 2236, 2.1).
type Type uint8

const (
	Query    Type = 0x11 // Membership Query, of any version
	V1Report Type = 0x12
	V2Report Type = 0x16
	V2Leave  Type = 0x17
	V3Report Type = 0x22
)

func (t Type) String() string {
	switch t {
	case Query:
		return "query"
	case V1Report:
		return "v1 report"
	case V2Report:
		return "v2 report"
	case V2Leave:
		return "leave"
	case V3Report:
		return "v3 report"
	}
	return "type 0x" + strconv.FormatUint(uint64(t), 16)
}

// A Code is a number on one octet, floating-point from 128 on: Max Resp Code and QQIC (RFC 3376, 4.1.1, 4.1.7).
type Code uint8

// MakeCode is the largest Code that does not exceed v.
func MakeCode(v int) Code {
	switch {
	case v < 0:
		return 0
	case v < 128:
		return Code(v)
	case v >= 31744: // Code(0xff).Value()
		return 0xff
	}
	exp := 0
	for v >= 32<<(exp+3) { // the mantissa with its leading one has five bits
		exp++
	}
	return Code(0x80 | exp<<4 | v>>(exp+3)&0xf)
}

// Value is the number, 0 to 31744.
func (c Code) Value() int {
	if c < 128 {
		return int(c)
	}
	return (int(c&0xf) | 0x10) << (c>>4&7 + 3)
}

// MaxRespTime is the time that an IGMPv3 Max Resp Code tells; the unit is a tenth of a second.
func (c Code) MaxRespTime() time.Duration { return time.Duration(c.Value()) * time.Second / 10 }

// Interval is the time that a QQIC tells; the unit is a second.
func (c Code) Interval() time.Duration { return time.Duration(c.Value()) * time.Second }

// A RecordType says what a group record of an IGMPv3 report tells (RFC 3376, 4.2.12).
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
	switch t {
	case ModeIsInclude:
		return "is-in"
	case ModeIsExclude:
		return "is-ex"
	case ChangeToInclude:
		return "to-in"
	case ChangeToExclude:
		return "to-ex"
	case AllowNew:
		return "allow"
	case BlockOld:
		return "block"
	}
	return "record " + strconv.Itoa(int(t))
}
