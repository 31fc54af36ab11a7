package judge

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
)

// icmpv6 is a message of RFC 4443, not in fragments.
type icmpv6 struct {
	*ipv6
	m []byte
}

const (
	icmp6Unreachable = 1
	icmp6TooBig      = 2
	icmp6Exceeded    = 3
	icmp6Parameter   = 4
	icmp6Echo        = 128
	icmp6EchoReply   = 129
	icmp6Query       = 130
	icmp6Report      = 131
	icmp6Done        = 132
	icmp6RS          = 133
	icmp6RA          = 134
	icmp6NS          = 135
	icmp6NA          = 136
	icmp6Redirect    = 137
	icmp6Report2     = 143
)

func readICMPv6(p *ipv6) {
	m := &icmpv6{ipv6: p, m: p.data}
	before := len(p.found)
	apply(p.scene, icmpv6Rules, m)
	if len(p.found) > before || len(m.m) < 8 {
		return
	}
	switch t := m.m[0]; {
	case t < 128:
		readICMPv6Error(m)
	case t == icmp6EchoReply:
		apply(p.scene, icmpv6ReplyRules, m)
	case t >= icmp6RS && t <= icmp6Redirect:
		readND(m)
	case t >= icmp6Query && t <= icmp6Done, t == icmp6Report2:
		readMLD(m)
	}
}

// is tells whether the message has one of the types.
func (m *icmpv6) is(types ...uint8) bool { return len(m.m) > 0 && bytes.IndexByte(types, m.m[0]) >= 0 }

// code is the fault that a message of one of the types has a code above last.
func (m *icmpv6) code(last uint8, types ...uint8) *fault {
	if !m.is(types...) || len(m.m) < 2 {
		return nil
	}
	want := fmt.Sprintf("0 to %d", last)
	if last == 0 {
		want = "0"
	}
	return when(m.m[1] > last, m.base+1, m.m[1], want)
}

var icmpv6Rules = []rule[icmpv6]{
	{Rule{"icmpv6.short", "RFC4443:2.1-2", "length", "a message has type, code and checksum"},
		func(m *icmpv6) *fault {
			return when(len(m.m) < 4 && m.whole, m.base, fmt.Sprintf("%d octets", len(m.m)), "4 or more")
		}},
	{Rule{"icmpv6.checksum", "RFC4443:2.3-1", "checksum", "the checksum covers the pseudo-header and the whole message"},
		func(m *icmpv6) *fault { return m.badSum(2) }},
	{Rule{"icmpv6.too-big.code", "RFC4443:3.2-2", "code", "the code of Packet Too Big is 0"},
		func(m *icmpv6) *fault { return m.code(0, icmp6TooBig) }},
	{Rule{"icmpv6.exceeded.code", "RFC4443:3.3-2", "code", "the code of Time Exceeded is 0 or 1"},
		func(m *icmpv6) *fault { return m.code(1, icmp6Exceeded) }},
	{Rule{"icmpv6.parameter.code", "RFC4443:3.4-2", "code", "the code of Parameter Problem is assigned (0 to 10: RFC 4443, 7112, 8754, 8883)"},
		func(m *icmpv6) *fault { return m.code(10, icmp6Parameter) }},
	{Rule{"icmpv6.echo.code", "RFC4443:4.1-1", "code", "the code of an echo request is 0"},
		func(m *icmpv6) *fault { return m.code(0, icmp6Echo) }},
	{Rule{"icmpv6.reply.code", "RFC4443:4.2-2", "code", "the code of an echo reply is 0"},
		func(m *icmpv6) *fault { return m.code(0, icmp6EchoReply) }},
}

// icmpv6ReplyRules compare replies with the requests seen. Without a request of the same peer, identifier and sequence
// number they are silent.
var icmpv6ReplyRules = []rule[icmpv6]{
	{Rule{"icmpv6.reply.data", "RFC4443:4.2-9", "data", "an echo reply returns the data of its request, whole and unaltered"},
		func(m *icmpv6) *fault {
			var want []byte
			asked, same := false, false
			m.eachEcho(func(d *datagram, q []byte) {
				n := len(q)
				if !m.whole || !d.whole {
					n = min(n, len(m.m))
				}
				asked, want = true, q[8:]
				same = same || len(m.m) >= n && bytes.Equal(q[8:n], m.m[8:n]) && (len(m.m) == len(q) || !m.whole || !d.whole)
			})
			if !asked || same {
				return nil
			}
			at := commonPrefix(want, m.m[8:])
			return &fault{m.base + 8 + at, fmt.Sprintf("%d octets, %s", len(m.m)-8, octetAt(m.m[8:], at)), fmt.Sprintf("%d octets, %s", len(want), octetAt(want, at))}
		}},
	{Rule{"icmpv6.reply.source", "RFC4443:4.2-5", "source address", "the source of the reply to a unicast echo is the address that the echo was sent to"},
		func(m *icmpv6) *fault {
			var asked netip.Addr
			right := false
			m.eachEcho(func(d *datagram, _ []byte) {
				asked = netip.AddrFrom16([16]byte(d.b[24:40]))
				right = right || asked == m.src || asked.IsMulticast() || [8]byte(d.b[32:40]) == [8]byte{} // Subnet-Router anycast (RFC 4291, 2.6.1)
			})
			return when(asked.IsValid() && !right, m.at+8, m.src, asked.String())
		}},
}

// eachEcho calls f with the requests that the message may answer: those that came whole and without extension headers.
func (m *icmpv6) eachEcho(f func(d *datagram, message []byte)) {
	peer := m.dst.As16()
	for d := range m.j.packets.each() {
		if d.b[6] != protoICMPv6 || len(d.b) < 48 || d.b[40] != icmp6Echo || !bytes.Equal(d.b[8:24], peer[:]) || !bytes.Equal(d.b[44:48], m.m[4:8]) {
			continue
		}
		f(d, d.b[40:])
	}
}

// icmpv6Error is a message about another packet, whose first octets it quotes.
type icmpv6Error struct {
	*icmpv6
	q          []byte
	qat        int // its offset in the frame
	readable   bool
	qsrc, qdst netip.Addr
	qupper     uint8
	qdata      []byte // behind the headers of the quote that are there
	about      []*datagram
}

func readICMPv6Error(m *icmpv6) {
	e := &icmpv6Error{icmpv6: m, q: m.m[8:], qat: m.base + 8}
	if words := int(m.m[4]); words >= 16 && m.is(icmp6Unreachable, icmp6Exceeded) { // RFC 4884: extensions follow
		e.q = e.q[:min(len(e.q), words*8)]
	}
	if len(e.q) >= 40 && e.q[0]>>4 == 6 {
		quoted := ipv6{scene: m.scene, b: e.q, payload: e.q[40:], at: e.qat}
		quoted.walk()
		e.readable = true
		e.qsrc, e.qdst = netip.AddrFrom16([16]byte(e.q[8:24])), netip.AddrFrom16([16]byte(e.q[24:40]))
		if !quoted.cutShort && (quoted.fragment == nil || quoted.fragment.offset() == 0) {
			e.qupper, e.qdata = quoted.upper, quoted.data
		}
		for d := range m.j.packets.each() {
			n := min(len(d.b), len(e.q), 56)
			if bytes.Equal(d.b[:7], e.q[:7]) && bytes.Equal(d.b[8:n], e.q[8:n]) {
				e.about = append(e.about, d)
			}
		}
	}
	apply(m.scene, icmpv6ErrorRules, e)
}

func (e *icmpv6Error) to(kind uint8) *fault {
	return when(e.is(kind) && e.readable && e.dst != e.qsrc, e.at+24, e.dst, e.qsrc.String())
}

func (e *icmpv6Error) unused(kind uint8) *fault {
	v := binary.BigEndian.Uint32(e.m[4:])
	if e.m[4] >= 16 { // RFC 4884
		v &= 0xffffff
	}
	return when(e.is(kind) && v != 0, e.base+4, fmt.Sprintf("%#x", v), "0")
}

var icmpv6ErrorRules = []rule[icmpv6Error]{
	{Rule{"icmpv6.error.size", "RFC4443:2.4-4", "length", "an error is a packet of at most 1280 octets"},
		func(e *icmpv6Error) *fault {
			return when(e.plen > 1240, e.at+4, fmt.Sprintf("%d octets", e.plen+40), "1280 or less")
		}},
	{Rule{"icmpv6.error.quote", "RFC4443:2.4-3", "quoted packet", "an error quotes as much of the packet as fits, unchanged"}, (*icmpv6Error).quoted},
	{Rule{"icmpv6.error.about-error", "RFC4443:2.4-7", "quoted type", "no error is sent about an error"},
		func(e *icmpv6Error) *fault {
			bad := e.qupper == protoICMPv6 && len(e.qdata) > 0 && e.qdata[0] < 128
			return when(bad, e.qat, fmt.Sprintf("an error about type %s", octet(e.qdata, 0)), "silence")
		}},
	{Rule{"icmpv6.error.about-redirect", "RFC4443:2.4-8", "quoted type", "no error is sent about a redirect"},
		func(e *icmpv6Error) *fault {
			return when(e.qupper == protoICMPv6 && len(e.qdata) > 0 && e.qdata[0] == icmp6Redirect, e.qat, "an error about a redirect", "silence")
		}},
	{Rule{"icmpv6.error.about-multicast", "RFC4443:2.4-9", "quoted destination", "no error is sent about a packet to a group, but for Packet Too Big and Parameter Problem code 2"},
		func(e *icmpv6Error) *fault {
			bad := e.readable && e.qdst.IsMulticast() && !e.is(icmp6TooBig) && !(e.is(icmp6Parameter) && e.m[1] == 2)
			return when(bad, e.qat+24, "an error about a packet to "+e.qdst.String(), "silence")
		}},
	{Rule{"icmpv6.error.to-unspecified", "RFC4443:2.4-14", "quoted source", "no error is sent about a packet from the unspecified address"},
		func(e *icmpv6Error) *fault {
			return when(e.readable && e.qsrc.IsUnspecified(), e.qat+8, "an error about a packet from ::", "silence")
		}},
	{Rule{"icmpv6.error.to-group", "RFC4443:2.4-15", "quoted source", "no error is sent about a packet from a group"},
		func(e *icmpv6Error) *fault {
			return when(e.readable && e.qsrc.IsMulticast(), e.qat+8, "an error about a packet from "+e.qsrc.String(), "silence")
		}},
	{Rule{"icmpv6.unreachable.destination", "RFC4443:3.1-1", "destination address", "Destination Unreachable goes to the source of the packet"},
		func(e *icmpv6Error) *fault { return e.to(icmp6Unreachable) }},
	{Rule{"icmpv6.too-big.destination", "RFC4443:3.2-1", "destination address", "Packet Too Big goes to the source of the packet"},
		func(e *icmpv6Error) *fault { return e.to(icmp6TooBig) }},
	{Rule{"icmpv6.exceeded.destination", "RFC4443:3.3-1", "destination address", "Time Exceeded goes to the source of the packet"},
		func(e *icmpv6Error) *fault { return e.to(icmp6Exceeded) }},
	{Rule{"icmpv6.parameter.destination", "RFC4443:3.4-1", "destination address", "Parameter Problem goes to the source of the packet"},
		func(e *icmpv6Error) *fault { return e.to(icmp6Parameter) }},
	{Rule{"icmpv6.unreachable.unused", "RFC4443:3.1-3", "unused", "the unused field of Destination Unreachable is zero (a length by RFC 4884 aside)"},
		func(e *icmpv6Error) *fault { return e.unused(icmp6Unreachable) }},
	{Rule{"icmpv6.exceeded.unused", "RFC4443:3.3-3", "unused", "the unused field of Time Exceeded is zero (a length by RFC 4884 aside)"},
		func(e *icmpv6Error) *fault { return e.unused(icmp6Exceeded) }},
}

// quoted compares the quote with the packets that it may be about. A router may have counted the hop limit down.
func (e *icmpv6Error) quoted() *fault {
	if !e.whole {
		return nil
	}
	if !e.readable {
		return &fault{e.qat, fmt.Sprintf("%d octets", len(e.q)), "the IPv6 header at least"}
	}
	room := 1280 - (e.qat - e.at)
	var f *fault
	for _, d := range e.about {
		at := -1
		for i := range min(len(e.q), len(d.b)) {
			if e.q[i] != d.b[i] && i != 7 {
				at = i
				break
			}
		}
		least := min(len(d.b), room)
		switch {
		case d.notReady || at < 0 && len(e.q) >= least && (len(e.q) <= len(d.b) || !d.whole):
			return nil
		case at >= 0:
			f = &fault{e.qat + at, octetAt(e.q, at), octetAt(d.b, at)}
		case len(e.q) < least:
			f = &fault{e.qat, fmt.Sprintf("%d octets", len(e.q)), fmt.Sprintf("%d octets", least)}
		default:
			f = &fault{e.qat + len(d.b), fmt.Sprintf("%d octets", len(e.q)), fmt.Sprintf("%d octets", len(d.b))}
		}
	}
	return f
}
