package rfc6282

import (
	"net/netip"

	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/target"
)

// What a target makes of an address that it reads wrong. The addresses are ones at which the packet is answered all the
// same: those of sources the tester has, too, and those of destinations the target. So the quoted packet tells, and not that
// there is no answer.

// A misread is such an address, by the world.
type misread func(n target.Net) netip.Addr

// in64 is an address with the first half of one and the identifier of another.
func in64(prefix, iid netip.Addr) netip.Addr {
	a, b := prefix.As16(), iid.As16()
	copy(a[8:], b[8:])
	return netip.AddrFrom16(a)
}

// local is the address that the tester's extended address makes.
func local(n target.Net) netip.Addr { return n.Testers[0].LinkLocal }

func short(n target.Net) (s [2]byte) {
	copy(s[:], n.Testers[0].ShortAddr)
	return s
}

// asLocal: the first 64 bits are not read, and the address is link-local.
func asLocal(n target.Net) netip.Addr { return in64(ipv6.MustAddr("fe80::"), n.Testers[0].IP6) }

// byDefault: the prefix is the one of context 0, where it is that of link-local addresses.
func byDefault(n target.Net) netip.Addr { return in64(n.Prefix6.Addr(), local(n)) }

// bare16: 16 bits in line are the identifier, without 00ff:fe00.
func bare16(n target.Net) netip.Addr {
	s := short(n)
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 14: s[0], 15: s[1]})
}

// notInverted: the universal bit is that of the extended address.
func notInverted(n target.Net) netip.Addr {
	a := local(n).As16()
	a[8] ^= 2
	return netip.AddrFrom16(a)
}

// withPAN: the identifier of a short address has the PAN in front of it, as RFC 4944 had it.
func withPAN(n target.Net) netip.Addr {
	s := short(n)
	return netip.AddrFrom16([16]byte{0xfe, 0x80, 8: byte(n.PAN >> 8), 9: byte(n.PAN), 11: 0xff, 12: 0xfe, 14: s[0], 15: s[1]})
}

// byContext: an identifier behind 64 bits of a context's prefix, whatever else of the address that covers.
func byContext(cid int, iid [8]byte) misread {
	return func(n target.Net) netip.Addr {
		p := n.Contexts[cid]
		if !p.IsValid() { // of the example that mutations are named by
			return stranger
		}
		a := p.Masked().Addr().As16()
		copy(a[8:], iid[:])
		return netip.AddrFrom16(a)
	}
}

// The target's addresses, and groups that it is a member of.
func targetLocal(n target.Net) netip.Addr     { return n.Target.LinkLocal }
func targetGlobal(n target.Net) netip.Addr    { return n.Target.IP6 }
func targetSolicited(n target.Net) netip.Addr { return ipv6.SolicitedNode(n.Target.IP6) }
