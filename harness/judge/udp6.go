package judge

import (
	"encoding/binary"
	"fmt"
)

// udp6 is a datagram of RFC 768 by IPv6, not in fragments.
type udp6 struct{ *ipv6 }

func readUDP6(p *ipv6) {
	if len(p.data) < 8 && !p.whole {
		p.skip("UDP headers cut off")
		return
	}
	apply(p.scene, udp6Rules, &udp6{p})
}

func (u *udp6) length() int { return int(binary.BigEndian.Uint16(u.data[4:])) }

var udp6Rules = []rule[udp6]{
	{Rule{"udp6.short", "RFC768:FM-1", "header", "the header has 8 octets"},
		func(u *udp6) *fault {
			return when(len(u.data) < 8, u.base, fmt.Sprintf("%d octets", len(u.data)), "8 or more")
		}},
	{Rule{"udp6.length", "RFC768:FI-5", "length", "the length counts header and data"},
		func(u *udp6) *fault {
			have := u.at + 40 + u.plen - u.base
			if len(u.data) < 8 || u.length() == have || u.length() >= 8 && u.length() < have && u.j.opts.Target == nil { // UDP options (RFC 9868)
				return nil
			}
			return &fault{u.base + 4, fmt.Sprint(u.length()), fmt.Sprintf("the %d octets there are", have)}
		}},
	{Rule{"udp6.checksum.none", "RFC8200:8.1-7", "checksum", "a datagram by IPv6 has a checksum"},
		func(u *udp6) *fault {
			return when(len(u.data) >= 8 && u.data[6]|u.data[7] == 0 && !u.f.ChecksumNotReady, u.base+6, "0x0000", "a checksum; 0xffff for a sum of 0")
		}},
	{Rule{"udp6.checksum", "RFC8200:8.1-1", "checksum", "the checksum covers the pseudo-header, header and data"},
		func(u *udp6) *fault {
			if len(u.data) < 8 || u.length() != len(u.data) || u.data[6]|u.data[7] == 0 {
				return nil
			}
			return u.badSum(6)
		}},
}
