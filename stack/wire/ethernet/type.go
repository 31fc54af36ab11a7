package ethernet

import "fmt"

// A Type is an EtherType (IANA, IEEE 802 Numbers).
type Type uint16

const (
	TypeIPv4   Type = 0x0800
	TypeARP    Type = 0x0806
	TypeVLAN   Type = 0x8100 // IEEE 802.1Q, the tag of a customer VLAN
	TypeIPv6   Type = 0x86dd
	TypeLLDP   Type = 0x88cc
	TypeLoop   Type = 0x9000
	typeMin    Type = 0x0600 // below it, the field is a length or undefined (IEEE 802.3, 3.2.6)
	lengthMax       = 1500
	snapHeader      = 8 // LLC 3, organisation code 3, EtherType 2
)

func (t Type) String() string {
	switch t {
	case TypeIPv4:
		return "IPv4"
	case TypeARP:
		return "ARP"
	case TypeVLAN:
		return "802.1Q"
	case TypeIPv6:
		return "IPv6"
	case TypeLLDP:
		return "LLDP"
	case TypeLoop:
		return "loopback"
	}
	return fmt.Sprintf("ethertype 0x%04x", uint16(t))
}

// A Format is how a frame says what it carries.
type Format uint8

const (
	// Ethernet2 has an EtherType in the header (RFC 894).
	Ethernet2 Format = iota
	// SNAP has a length, then LLC and SNAP with organisation code 0, then the EtherType (RFC 1042).
	SNAP
	// LLC has a length and carries an LLC PDU other than that of RFC 1042: the payload begins with DSAP and SSAP.
	LLC
)

func (f Format) String() string {
	switch f {
	case Ethernet2:
		return "Ethernet II"
	case SNAP:
		return "802.3 SNAP"
	case LLC:
		return "802.3 LLC"
	}
	return "unknown format"
}

// A TCI is the control information of an IEEE 802.1Q tag: priority, drop eligible, VLAN identifier.
type TCI uint16

// MakeTCI keeps the low 3 bits of priority and the low 12 of vlan.
func MakeTCI(priority uint8, dropEligible bool, vlan uint16) TCI {
	t := TCI(priority&7)<<13 | TCI(vlan&0xfff)
	if dropEligible {
		t |= 1 << 12
	}
	return t
}

// Priority is the priority code point, 0 to 7.
func (t TCI) Priority() uint8 { return uint8(t >> 13) }

// DropEligible is the drop eligible indicator.
func (t TCI) DropEligible() bool { return t&(1<<12) != 0 }

// VLAN is the VLAN identifier; 0 says that the tag carries only a priority.
func (t TCI) VLAN() uint16 { return uint16(t & 0xfff) }
