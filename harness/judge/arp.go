package judge

import (
	"bytes"
	"fmt"
	"net/netip"
	"time"
)

// arp is a packet of RFC 826, section "Packet format".
type arp struct {
	*scene
	eth      *ethernet
	at       int
	hrd, pro uint16
	hln, pln uint8
	op       uint16
	sha, tha [6]byte
	spa, tpa netip.Addr
	plain    bool // Ethernet and IPv4 sizes: the addresses can be read
	whole    bool // and all of them are there
}

// arpRequest is a request that was seen, for the reply to come.
type arpRequest struct {
	at       time.Duration
	hrd      uint16
	sha      [6]byte
	spa, tpa netip.Addr
}

// answerable is how long a request is remembered for its reply.
const answerable = 5 * time.Second

const (
	arpAsk    = 1
	arpAnswer = 2
)

// readARP reads an ARP packet and returns where it ends in the frame; -1 when that cannot be told.
func readARP(e *ethernet, b []byte) int {
	c := cursor{b: b}
	p := &arp{scene: e.scene, eth: e, at: e.net}
	p.hrd, p.pro, p.hln, p.pln, p.op = c.u16(), c.u16(), c.u8(), c.u8(), c.u16()
	if c.short {
		e.skip("ARP packets too short to be told apart")
		return -1
	}
	if p.pro >= 0x1000 && p.pro < 0x1010 || p.pro != typeIPv4 && p.pln != 4 {
		e.skip(fmt.Sprintf("ARP for protocol %#04x", p.pro))
		return -1
	}
	if p.plain = p.hln == 6 && p.pln == 4; p.plain {
		p.sha, p.spa, p.tha, p.tpa = c.mac(), c.ip(), c.mac(), c.ip()
		p.whole = !c.short
	}
	switch {
	case p.op >= 3 && p.op <= 25:
		e.skip(fmt.Sprintf("ARP opcode %d", p.op))
	default:
		apply(e.scene, arpRules, p)
	}
	if p.whole && p.op == arpAsk {
		e.j.requests.add(arpRequest{e.f.Time, p.hrd, p.sha, p.spa, p.tpa})
	}
	return p.at + 8 + 2*int(p.hln) + 2*int(p.pln)
}

func (p *arp) request() bool { return p.whole && p.op == arpAsk }
func (p *arp) reply() bool   { return p.whole && p.op == arpAnswer }

// first is the fault in a field of the first 8 octets: in a packet of one opcode, want but also, on SNAP, other.
func (p *arp) first(op uint16, offset int, got, want, other uint16) *fault {
	if p.op != op || got == want || p.eth.snap && got == other {
		return nil
	}
	return differsHex(p.at+offset, got, want)
}

var arpRules = []rule[arp]{
	{Rule{"arp.request.hrd", "RFC826:TX-3", "ar$hrd", "a request has hardware type 1 on Ethernet (6 is allowed with SNAP)"},
		func(p *arp) *fault { return p.first(arpAsk, 0, p.hrd, 1, 6) }},
	{Rule{"arp.request.pro", "RFC826:TX-4", "ar$pro", "a request for an IPv4 address has protocol type 0x0800"},
		func(p *arp) *fault { return p.first(arpAsk, 2, p.pro, typeIPv4, typeIPv4) }},
	{Rule{"arp.request.hln", "RFC826:TX-5", "ar$hln", "a request has hardware address length 6 on Ethernet"},
		func(p *arp) *fault { return p.first(arpAsk, 4, uint16(p.hln), 6, 6) }},
	{Rule{"arp.request.pln", "RFC826:TX-6", "ar$pln", "a request has protocol address length 4 for IPv4"},
		func(p *arp) *fault { return p.first(arpAsk, 5, uint16(p.pln), 4, 4) }},
	{Rule{"arp.op", "RFC826:TX-7", "ar$op", "the opcode is 1 for a request, 2 for a reply, or another assigned number"},
		func(p *arp) *fault { return when(p.op == 0 || p.op > 25, p.at+6, p.op, "1 or 2") }},
	{Rule{"arp.request.short", "RFC826:TX-10", "ar$tpa", "a request holds all its addresses"},
		func(p *arp) *fault { return p.short(arpAsk) }},
	{Rule{"arp.reply.short", "RFC826:RX-12", "ar$tpa", "a reply holds all its addresses"},
		func(p *arp) *fault { return p.short(arpAnswer) }},
	{Rule{"arp.request.sha", "RFC826:TX-8", "ar$sha", "a request has the sender's own hardware address"},
		func(p *arp) *fault { return p.sender(arpAsk) }},
	{Rule{"arp.reply.sha", "RFC826:RX-13", "ar$sha", "a reply has the sender's own hardware address"},
		func(p *arp) *fault { return p.sender(arpAnswer) }},
	{Rule{"arp.request.spa", "RFC826:TX-9", "ar$spa", "a request has the sender's own protocol address, or 0 in a probe"},
		func(p *arp) *fault {
			return when(p.request() && !p.spa.IsUnspecified() && p.foreign(), p.at+14, p.spa, "an address of the sender")
		}},
	{Rule{"arp.reply.spa", "RFC826:RX-13", "ar$spa", "a reply has the sender's own protocol address"},
		func(p *arp) *fault {
			return when(p.reply() && (p.spa.IsUnspecified() || p.foreign()), p.at+14, p.spa, "an address of the sender")
		}},
	{Rule{"arp.request.multicast", "RFC826:TX-12", "destination address", "a request is broadcast (or, as a poll, unicast)"},
		func(p *arp) *fault {
			return when(p.request() && p.eth.dst[0]&1 != 0 && p.eth.dst != broadcastMAC, 0, macString(p.eth.dst), macString(broadcastMAC))
		}},
	{Rule{"arp.request.group", "RFC1112:6.4-1", "ar$tpa", "the Ethernet address of a group follows from the group: nobody is asked for it"},
		func(p *arp) *fault {
			return when(p.request() && p.tpa.IsMulticast(), p.at+24, p.tpa, "an address of one host")
		}},
	{Rule{"arp.request.ll-broadcast", "RFC3927:2.6.2-4", "ar$tpa", "169.254.255.255 is a broadcast address: nobody is asked for it"},
		func(p *arp) *fault {
			return when(p.request() && p.tpa == netip.AddrFrom4([4]byte{169, 254, 255, 255}), p.at+24, p.tpa, "an address of one host")
		}},
	{Rule{"arp.probe.tha", "RFC5227:1.1-4", "ar$tha", "the target hardware address of a probe is zero"},
		func(p *arp) *fault {
			return when(p.request() && p.spa.IsUnspecified() && p.eth.dst == broadcastMAC && p.tha != [6]byte{}, p.at+18, macString(p.tha), macString([6]byte{}))
		}},
	{Rule{"arp.request.link-local", "RFC3927:2.5-9", "destination address", "a request from a link-local address is broadcast"},
		func(p *arp) *fault { return p.unicastLinkLocal(p.request()) }},
	{Rule{"arp.reply.link-local", "RFC3927:2.5-10", "destination address", "a reply from a link-local address is broadcast"},
		func(p *arp) *fault { return p.unicastLinkLocal(p.reply()) }},
	{Rule{"arp.reply.types", "RFC826:RX-18", "ar$hrd, ar$pro, ar$hln, ar$pln", "types and lengths of a reply are those of the request"},
		func(p *arp) *fault {
			hrd := p.hrd == 1 || p.hrd == 6 && (p.eth.snap || p.asked6())
			return when(p.op == arpAnswer && !(hrd && p.pro == typeIPv4 && p.plain), p.at,
				fmt.Sprintf("%d, %#04x, %d, %d", p.hrd, p.pro, p.hln, p.pln), "1, 0x0800, 6, 4")
		}},
	{Rule{"arp.reply.target", "RFC826:RX-12", "ar$tha, ar$tpa", "the target fields of a reply are the sender fields of the request"}, (*arp).misdirected},
	{Rule{"arp.reply.destination", "RFC826:RX-15", "destination address", "a reply is sent to its target hardware address"},
		func(p *arp) *fault {
			return when(p.reply() && p.eth.dst != p.tha && p.eth.dst != broadcastMAC, 0, macString(p.eth.dst), macString(p.tha))
		}},
	{Rule{"arp.reply.broadcast", "RFC5227:2.6-1", "destination address", "replies are unicast in general use (link-local and gratuitous ones aside)"},
		func(p *arp) *fault {
			return when(p.reply() && p.eth.dst == broadcastMAC && p.tha != broadcastMAC && p.spa != p.tpa && !p.spa.IsLinkLocalUnicast(), 0,
				macString(p.eth.dst), macString(p.tha))
		}},
}

func (p *arp) short(op uint16) *fault {
	have := len(p.f.Data) - p.at
	return when(p.op == op && p.plain && !p.whole && !p.f.Truncated, p.at+24, fmt.Sprintf("%d octets of packet", have), "28 octets")
}

// sender judges ar$sha. That it differs from the frame's source is no fault by itself: a host may have several
// hardware addresses, as with VRRP or bonding. A group or zero is nobody's.
func (p *arp) sender(op uint16) *fault {
	if !p.whole || p.op != op {
		return nil
	}
	if t := p.j.opts.Target; t != nil && len(t.MAC) == 6 {
		return when(!bytes.Equal(p.sha[:], t.MAC), p.at+8, macString(p.sha), macString([6]byte(t.MAC)))
	}
	return when(p.sha[0]&1 != 0 || p.sha == [6]byte{}, p.at+8, macString(p.sha), "an address of the sender")
}

// foreign tells whether ar$spa cannot be the sender's.
func (p *arp) foreign() bool {
	if p.spa.IsMulticast() || p.spa.IsLoopback() || p.spa == limitedBroadcast {
		return true
	}
	t := p.host()
	return t != nil && len(t.Addrs) > 0 && !p.spa.IsUnspecified() && !contains(t.Addrs, p.spa)
}

// asked6 tells whether one of the requests that the reply may be for had hardware type 6: what was asked in a frame of
// RFC 1042 may be answered in one of RFC 894.
func (p *arp) asked6() bool {
	for r := range p.j.requests.each() {
		if r.tpa == p.spa && p.f.Time-r.at <= answerable && r.hrd == 6 {
			return true
		}
	}
	return false
}

func (p *arp) unicastLinkLocal(applies bool) *fault {
	return when(applies && p.spa.IsLinkLocalUnicast() && p.eth.dst != broadcastMAC, 0, macString(p.eth.dst), macString(broadcastMAC))
}

// misdirected compares a reply with the requests for its sender's address that are up to 5 s old. Of those that its
// target sent, one at least must have the other target field too; without any the reply is not judged.
func (p *arp) misdirected() *fault {
	if !p.reply() {
		return nil
	}
	var of *arpRequest
	for r := range p.j.requests.each() {
		if r.tpa != p.spa || p.f.Time-r.at > answerable {
			continue
		}
		if r.spa == p.tpa && r.sha == p.tha {
			return nil
		}
		if r.spa == p.tpa || r.sha == p.tha {
			of = r
		}
	}
	if of == nil {
		return nil
	}
	return &fault{p.at + 18, macString(p.tha) + ", " + p.tpa.String(), macString(of.sha) + ", " + of.spa.String()}
}

func contains(all []netip.Addr, a netip.Addr) bool {
	for _, b := range all {
		if a == b {
			return true
		}
	}
	return false
}
