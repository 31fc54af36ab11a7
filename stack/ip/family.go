package ip

import "net/netip"

// A Family is a version of IP.
type Family uint8

const (
	V4 Family = iota
	V6
	families = iota
)

func (f Family) String() string {
	switch f {
	case V4:
		return "IPv4"
	case V6:
		return "IPv6"
	}
	return "unknown family"
}

// FamilyOf is the family of a valid address. One of IPv6 that maps one of IPv4 is of IPv6, as on the wire.
func FamilyOf(a netip.Addr) Family {
	if a.Is4() {
		return V4
	}
	return V6
}
