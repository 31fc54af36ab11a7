package judge

import (
	"encoding/binary"
	"fmt"
)

// udp is a datagram of RFC 768, not in fragments.
type udp struct {
	*ipv4
	base           int
	b              []byte // the IP payload
	sport, dport   uint16
	length         int
	checksum       uint16
	computed       uint16 // what the checksum should be; only with sum
	sum            bool   // the checksum could be computed
	checksumHabit  udpHabit
	headerReadable bool
}

// udpHabit is what is known of how a host sends UDP.
type udpHabit struct {
	with    bool // it computes checksums
	without bool // it leaves them out, as RFC 768 allows
}

const (
	portBootps = 67
	portBootpc = 68
)

func readUDP(p *ipv4) {
	u := &udp{ipv4: p, base: p.at + p.ihl(), b: p.payload}
	c := cursor{b: u.b}
	u.sport, u.dport, u.length, u.checksum = c.u16(), c.u16(), int(c.u16()), c.u16()
	u.headerReadable = !c.short
	if !u.headerReadable && !p.whole {
		p.skip("UDP headers cut off")
		return
	}
	switch {
	case !u.headerReadable || u.length < 8 || u.length > len(u.b):
	case p.f.ChecksumNotReady:
		p.skip("checksums left to a network card")
	case p.underway():
		p.skip("checksums of datagrams on a source route")
	default:
		u.sum = true
		d := u.b[:u.length]
		u.computed = ^sum16(u.pseudo(u.length), d[:6], d[8:])
	}
	u.checksumHabit = p.j.senders[p.src]
	apply(p.scene, udpRules, u)
	u.learn()
}

// learn keeps whether the sender computes checksums.
func (u *udp) learn() {
	if !u.sum || !u.f.FromTarget {
		return
	}
	h := u.checksumHabit
	switch {
	case u.checksum != 0:
		h.with = true
	case u.computed != 0:
		h.without = true
	default:
		return
	}
	if len(u.j.senders) >= identLimit {
		clear(u.j.senders)
	}
	u.j.senders[u.src] = h
}

// pseudo is the pseudo header of RFC 768.
func (p *ipv4) pseudo(length int) []byte {
	b := make([]byte, 0, 12)
	src, dst := p.src.As4(), p.dst.As4()
	b = append(append(b, src[:]...), dst[:]...)
	b = append(b, 0, p.proto)
	return binary.BigEndian.AppendUint16(b, uint16(length))
}

var udpRules = []rule[udp]{
	{Rule{"udp.short", "RFC768:FM-1", "header", "the header has 8 octets"},
		func(u *udp) *fault {
			return when(!u.headerReadable, u.base, fmt.Sprintf("%d octets", len(u.b)), "8 or more")
		}},
	{Rule{"udp.length.small", "RFC768:FI-6", "length", "the smallest length is 8"},
		func(u *udp) *fault { return when(u.headerReadable && u.length < 8, u.base+4, u.length, "8 or more") }},
	{Rule{"udp.length", "RFC768:FI-5", "length", "the length counts header and data"},
		func(u *udp) *fault {
			have := u.total - u.ihl()
			if !u.headerReadable || u.length < 8 || u.length == have {
				return nil
			}
			// Octets behind the length may be UDP options (RFC 9868): a fault only of a target known to send none.
			if u.length < have && u.j.opts.Target == nil {
				return nil
			}
			return &fault{u.base + 4, fmt.Sprint(u.length), fmt.Sprintf("the %d octets there are", have)}
		}},
	{Rule{"udp.checksum", "RFC768:CK-1", "checksum", "the checksum is the ones' complement of the ones' complement sum of pseudo header, header and data"},
		func(u *udp) *fault {
			if !u.sum || u.checksum == 0 || u.checksum == u.computed || u.checksum == 0xffff && u.computed == 0 {
				return nil
			}
			return differsHex(u.base+6, u.checksum, u.onWire())
		}},
	{Rule{"udp.checksum.zero", "RFC768:CK-4", "checksum", "a computed checksum of 0 is sent as 0xffff"},
		func(u *udp) *fault {
			bad := u.sum && u.checksum == 0 && u.computed == 0 && u.checksumHabit.with && !u.checksumHabit.without
			return when(bad, u.base+6, "0x0000", "0xffff")
		}},
	{Rule{"udp.source", "RFC1122:4.1.3.6-2", "source address", "datagrams are sent with a valid source address (0 only by BOOTP and DHCP)"},
		func(u *udp) *fault {
			bootp := u.dport == portBootps || u.sport == portBootpc
			return when(u.headerReadable && u.src.IsUnspecified() && !bootp, u.at+12, u.src, "an address of the sender")
		}},
}

// onWire is the computed checksum as it is sent.
func (u *udp) onWire() uint16 {
	if u.computed == 0 {
		return 0xffff
	}
	return u.computed
}
