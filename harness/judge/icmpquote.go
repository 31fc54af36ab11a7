package judge

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
)

// icmpError is an ICMP message about another datagram, whose first octets it quotes.
type icmpError struct {
	*icmpv4
	q        []byte // the quote, without extensions (RFC 4884)
	qat      int    // its offset in the frame
	readable bool   // the quoted header is all there
	qsrc     netip.Addr
	qdst     netip.Addr
	qihl     int
	qtotal   int
	qoffset  int
	qproto   uint8
	about    []*datagram // datagrams seen that the quote may be of
}

func readICMPError(m *icmpv4) {
	e := &icmpError{icmpv4: m, q: m.m[8:], qat: m.base + 8}
	if words := int(m.m[5]); words > 0 && m.m[0] != icmpRedirect {
		e.q = e.q[:min(len(e.q), words*4)]
	}
	if len(e.q) >= 20 && e.q[0]>>4 == 4 {
		e.qihl = int(e.q[0]&0xf) * 4
		e.qtotal = int(binary.BigEndian.Uint16(e.q[2:]))
		e.qoffset = int(binary.BigEndian.Uint16(e.q[6:])&0x1fff) * 8
		e.qproto = e.q[9]
		e.qsrc, e.qdst = netip.AddrFrom4([4]byte(e.q[12:16])), netip.AddrFrom4([4]byte(e.q[16:20]))
		e.readable = e.qihl >= 20 && len(e.q) >= e.qihl
	}
	if e.readable && m.f.FromTarget {
		e.match()
	}
	apply(m.scene, icmpErrorRules, e)
}

// match finds the datagrams that the quote may be of: by addresses, protocol, identification, flags, offset.
func (e *icmpError) match() {
	for d := range e.j.datagrams.each() {
		if bytes.Equal(d.b[4:8], e.q[4:8]) && d.b[9] == e.q[9] && bytes.Equal(d.b[12:20], e.q[12:20]) && d.b[0] == e.q[0] {
			e.about = append(e.about, d)
		}
	}
}

func (m *icmpv4) unicastBytes(a [4]byte) bool { return m.unicast(netip.AddrFrom4(a)) }

// quote is the fault that an error of one type quotes too little.
func (e *icmpError) quote(kind uint8) *fault {
	if !e.is(kind) || !e.whole {
		return nil
	}
	want := 28
	if e.readable {
		want = e.qihl + 8
		if e.qtotal >= e.qihl {
			want = min(want, e.qtotal)
		}
	}
	return when(len(e.q) < want, e.qat, fmt.Sprintf("%d octets", len(e.q)), fmt.Sprintf("%d or more: the header and 8 octets of data", want))
}

// unused is the fault in a field that is not used by a message: one of the octets from from to to.
func (e *icmpError) unused(from, to int) *fault {
	for i := from; i < to; i++ {
		if e.m[i] != 0 {
			return &fault{e.base + i, fmt.Sprintf("%#02x", e.m[i]), "0"}
		}
	}
	return nil
}

var icmpErrorRules = []rule[icmpError]{
	{Rule{"icmpv4.unused", "RFC792:MF-2", "unused", "fields marked unused are zero (a length by RFC 4884 and a next-hop MTU by RFC 1191 aside)"}, (*icmpError).unusedFields},
	{Rule{"icmpv4.unreachable.quote", "RFC792:DU-3", "quoted datagram", "Destination Unreachable quotes the header and 8 octets of the datagram"},
		func(e *icmpError) *fault { return e.quote(icmpUnreachable) }},
	{Rule{"icmpv4.exceeded.quote", "RFC792:TE-1", "quoted datagram", "Time Exceeded quotes the header and 8 octets of the datagram"},
		func(e *icmpError) *fault { return e.quote(icmpExceeded) }},
	{Rule{"icmpv4.parameter.quote", "RFC792:PP-1", "quoted datagram", "Parameter Problem quotes the header and 8 octets of the datagram"},
		func(e *icmpError) *fault { return e.quote(icmpParameter) }},
	{Rule{"icmpv4.redirect.quote", "RFC792:RD-1", "quoted datagram", "Redirect quotes the header and 8 octets of the datagram"},
		func(e *icmpError) *fault { return e.quote(icmpRedirect) }},
	{Rule{"icmpv4.unreachable.destination", "RFC792:DU-1", "destination address", "Destination Unreachable goes to the source of the datagram"},
		func(e *icmpError) *fault {
			return when(e.is(icmpUnreachable) && e.readable && e.dst != e.qsrc, e.at+16, e.dst, e.qsrc.String())
		}},
	{Rule{"icmpv4.quote.changed", "RFC1122:3.2.2-3", "quoted datagram", "quoted octets are the same as were received"}, (*icmpError).changed},
	{Rule{"icmpv4.error.about-error", "RFC1122:3.2.2-6", "quoted type", "no ICMP error is sent about an ICMP error"},
		func(e *icmpError) *fault {
			if !e.readable || e.qproto != protoICMP || e.qoffset > 0 || len(e.q) <= e.qihl {
				return nil
			}
			t := e.q[e.qihl]
			bad := t == icmpUnreachable || t == icmpQuench || t == icmpRedirect || t == icmpExceeded || t == icmpParameter
			return when(bad, e.qat+e.qihl, fmt.Sprintf("an error about ICMP type %d", t), "silence")
		}},
	{Rule{"icmpv4.error.about-broadcast", "RFC1122:3.2.2-7", "quoted destination", "no ICMP error is sent about a datagram to a broadcast or group address"},
		func(e *icmpError) *fault {
			bad := e.readable && (e.qdst.IsMulticast() || e.qdst == limitedBroadcast || e.directedBroadcast(e.qdst))
			return when(bad, e.qat+16, "an error about a datagram to "+e.qdst.String(), "silence")
		}},
	{Rule{"icmpv4.error.about-link-broadcast", "RFC1122:3.2.2-8", "quoted datagram", "no ICMP error is sent about a datagram that came as link-layer broadcast"},
		func(e *icmpError) *fault {
			bad := len(e.about) > 0 && e.unicast(e.qdst) && (e.qproto != protoICMP || e.qoffset == 0)
			for _, d := range e.about {
				bad = bad && d.broadcast
			}
			return when(bad, e.qat, "an error about a link-layer broadcast", "silence")
		}},
	{Rule{"icmpv4.error.about-fragment", "RFC1122:3.2.2-9", "quoted fragment offset", "no ICMP error is sent about a fragment other than the first"},
		func(e *icmpError) *fault {
			return when(e.readable && e.qoffset > 0, e.qat+6, fmt.Sprintf("an error about the fragment at %d", e.qoffset), "silence")
		}},
	{Rule{"icmpv4.error.to-nobody", "RFC1122:3.2.2-10", "destination address", "no ICMP error is sent about a datagram whose source is not a single host"},
		func(e *icmpError) *fault {
			a := e.dst
			bad := a.IsUnspecified() || a.IsLoopback() && e.eth != nil && !e.eth.loopback() || a.As4()[0] >= 224 || e.directedBroadcast(a)
			return when(bad, e.at+16, "an error to "+a.String(), "silence")
		}},
	{Rule{"icmpv4.error.tos", "RFC1122:3.2.2-5", "type of service", "a host sends ICMP errors with TOS 0"},
		func(e *icmpError) *fault {
			if e.host() == nil {
				return nil
			}
			return differsHex(e.at+1, uint16(e.header[1]), 0)
		}},
}

func (e *icmpError) unusedFields() *fault {
	const shortestOriginal = 128 // octets, when an extension follows (RFC 4884, section 3)
	if e.is(icmpRedirect) {
		return nil
	}
	from := 4
	if e.is(icmpParameter) { // the pointer
		from = 5
	}
	if f := e.unused(from, 5); f != nil {
		return f
	}
	length := int(e.m[5]) * 4
	if length > 0 && (length < shortestOriginal || e.whole && 8+length > len(e.m)) {
		return e.unused(5, 6)
	}
	if e.is(icmpUnreachable) && e.m[1] == 4 {
		return nil
	}
	return e.unused(6, 8)
}

// changed compares the quote with the datagram that it is about. On the way routers change TTL, checksum and perhaps
// TOS; what left its host without checksums tells nothing.
func (e *icmpError) changed() *fault {
	if len(e.about) == 0 || e.j.datagrams.lost && e.q[4]|e.q[5] == 0 {
		return nil
	}
	var f *fault
	for _, d := range e.about {
		n := min(len(e.q), len(d.b))
		at := -1
		for i := range n {
			if e.q[i] != d.b[i] && i != 8 && i != 10 && i != 11 && (i != 1 || e.host() != nil) {
				at = i
				break
			}
		}
		if at < 0 || d.notReady {
			return nil
		}
		f = &fault{e.qat + at, fmt.Sprintf("%#02x at octet %d of the quote", e.q[at], at), fmt.Sprintf("%#02x", d.b[at])}
	}
	return f
}
