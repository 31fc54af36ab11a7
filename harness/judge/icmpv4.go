package judge

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// icmpv4 is a message of RFC 792. A message in fragments is judged by its first octets only.
type icmpv4 struct {
	*ipv4
	m    []byte // from the type on, as far as it was captured
	base int    // offset in the frame
}

const (
	icmpEchoReply          = 0
	icmpUnreachable        = 3
	icmpQuench             = 4
	icmpRedirect           = 5
	icmpEcho               = 8
	icmpRouterSolicitation = 10
	icmpExceeded           = 11
	icmpParameter          = 12
	icmpTimestamp          = 13
	icmpTimestampReply     = 14
	icmpInfoRequest        = 15
	icmpInfoReply          = 16
	icmpMaskRequest        = 17
)

func readICMPv4(p *ipv4) {
	m := &icmpv4{ipv4: p, m: p.payload, base: p.at + p.ihl()}
	before := len(p.found)
	apply(p.scene, icmpv4Rules, m)
	if len(p.found) > before || len(m.m) < 8 || p.mf {
		return
	}
	switch m.m[0] {
	case icmpUnreachable, icmpRedirect, icmpExceeded, icmpParameter:
		readICMPError(m)
	case icmpEchoReply, icmpTimestampReply:
		apply(p.scene, icmpReplyRules, m)
	}
}

// is tells whether the message has one of the types.
func (m *icmpv4) is(types ...uint8) bool { return len(m.m) > 0 && bytes.IndexByte(types, m.m[0]) >= 0 }

// icmpAssigned tells whether a type is assigned to a message (registry of ICMP types).
func icmpAssigned(t uint8) bool {
	switch {
	case t == 0, t >= 3 && t <= 6, t >= 8 && t <= 18, t >= 30 && t <= 43, t == 253, t == 254:
		return true
	}
	return false
}

// shortest is the length of the shortest message of a type; 0 where the rule does not know.
func (m *icmpv4) shortest() int {
	switch m.m[0] {
	case icmpEcho, icmpEchoReply, icmpInfoRequest, icmpInfoReply:
		return 8
	case icmpTimestamp, icmpTimestampReply:
		return 20
	}
	return 0
}

func (m *icmpv4) tooShort(types ...uint8) *fault {
	if !m.is(types...) || m.mf || !m.whole {
		return nil
	}
	want := m.shortest()
	return when(len(m.m) < want, m.base, fmt.Sprintf("%d octets", len(m.m)), fmt.Sprintf("%d or more", want))
}

func (m *icmpv4) code(last uint8, types ...uint8) *fault {
	if !m.is(types...) || len(m.m) < 2 {
		return nil
	}
	want := fmt.Sprintf("0 to %d", last)
	if last == 0 {
		want = "0"
	}
	return when(m.m[1] > last, m.base+1, m.m[1], want)
}

var icmpv4Rules = []rule[icmpv4]{
	{Rule{"icmpv4.type", "RFC792:MF-1", "type", "the type is one that is assigned to a message"},
		func(m *icmpv4) *fault {
			return when(len(m.m) > 0 && !icmpAssigned(m.m[0]), m.base, fmt.Sprint(first(m.m)), "an assigned type")
		}},
	{Rule{"icmpv4.checksum", "RFC792:MF-8", "checksum", "the checksum is the ones' complement of the ones' complement sum of the whole message"},
		func(m *icmpv4) *fault {
			if !m.whole || m.mf || len(m.m) < 4 {
				return nil
			}
			return badChecksum(m.base, m.m, 2)
		}},
	{Rule{"icmpv4.unreachable.code", "RFC792:DU-2", "code", "the code of Destination Unreachable is assigned (0 to 15)"},
		func(m *icmpv4) *fault { return m.code(15, icmpUnreachable) }},
	{Rule{"icmpv4.exceeded.code", "RFC792:TE-2", "code", "the code of Time Exceeded is 0 or 1"},
		func(m *icmpv4) *fault { return m.code(1, icmpExceeded) }},
	{Rule{"icmpv4.parameter.code", "RFC792:PP-2", "code", "the code of Parameter Problem is 0, 1 or 2"},
		func(m *icmpv4) *fault { return m.code(2, icmpParameter) }},
	{Rule{"icmpv4.redirect.code", "RFC792:RD-2", "code", "the code of Redirect is 0 to 3"},
		func(m *icmpv4) *fault { return m.code(3, icmpRedirect) }},
	{Rule{"icmpv4.echo.code", "RFC792:EC-1", "code", "the code of echo and echo reply is 0"},
		func(m *icmpv4) *fault { return m.code(0, icmpEcho, icmpEchoReply) }},
	{Rule{"icmpv4.timestamp.code", "RFC792:TS-1", "code", "the code of timestamp and timestamp reply is 0"},
		func(m *icmpv4) *fault { return m.code(0, icmpTimestamp, icmpTimestampReply) }},
	{Rule{"icmpv4.echo.length", "RFC792:EC-1", "length", "an echo message has at least 8 octets"},
		func(m *icmpv4) *fault { return m.tooShort(icmpEcho, icmpEchoReply) }},
	{Rule{"icmpv4.timestamp.length", "RFC792:TS-1", "length", "a timestamp message has 20 octets"},
		func(m *icmpv4) *fault { return m.tooShort(icmpTimestamp, icmpTimestampReply) }},
	{Rule{"icmpv4.quench", "RFC6633:3-1", "type", "Source Quench is not sent"},
		func(m *icmpv4) *fault { return when(m.is(icmpQuench), m.base, "4, Source Quench", "no such message") }},
	{Rule{"icmpv4.information", "RFC1122:3.2.2.7-1", "type", "Information Request and Reply are not sent"},
		func(m *icmpv4) *fault {
			return when(m.is(icmpInfoRequest, icmpInfoReply), m.base, fmt.Sprint(first(m.m)), "no such message")
		}},
	{Rule{"icmpv4.redirect.host", "RFC1122:3.2.2.2-1", "type", "a host sends no Redirect"},
		func(m *icmpv4) *fault {
			return when(m.host() != nil && m.is(icmpRedirect), m.base, "5, Redirect", "no such message from a host")
		}},
}

func first(b []byte) uint8 {
	if len(b) == 0 {
		return 0
	}
	return b[0]
}

// icmpReplyRules compare replies with the requests seen. Without a request of the same peer, identifier and sequence
// number they are silent.
var icmpReplyRules = []rule[icmpv4]{
	{Rule{"icmpv4.echo.data", "RFC792:EC-2", "data", "an echo reply returns the data of its echo, whole and unaltered"}, (*icmpv4).echoedData},
	{Rule{"icmpv4.echo.source", "RFC1122:3.2.2.6-5", "source address", "the source of an echo reply is the address that the echo was sent to"},
		func(m *icmpv4) *fault { return m.otherSource(icmpEchoReply) }},
	{Rule{"icmpv4.timestamp.source", "RFC1122:3.2.2.8-5", "source address", "the source of a timestamp reply is the address that the request was sent to"},
		func(m *icmpv4) *fault { return m.otherSource(icmpTimestampReply) }},
	{Rule{"icmpv4.timestamp.originate", "RFC792:TS-4", "originate timestamp", "a timestamp reply has the originate timestamp of its request"}, (*icmpv4).originate},
}

// eachRequest calls f with the requests that the message may answer: their datagram and their ICMP message.
func (m *icmpv4) eachRequest(f func(d *datagram, dst [4]byte, message []byte)) {
	kind := byte(icmpEcho)
	if m.is(icmpTimestampReply) {
		kind = icmpTimestamp
	}
	peer := m.dst.As4()
	for d := range m.j.datagrams.each() {
		n := int(d.b[0]&0xf) * 4
		flags := binary.BigEndian.Uint16(d.b[6:])
		if d.b[9] != protoICMP || flags&0x3fff != 0 || len(d.b) < n+8 || d.b[n] != kind ||
			!bytes.Equal(d.b[12:16], peer[:]) || !bytes.Equal(d.b[n+4:n+8], m.m[4:8]) {
			continue
		}
		f(d, [4]byte(d.b[16:20]), d.b[n:])
	}
}

func (m *icmpv4) echoedData() *fault {
	if !m.is(icmpEchoReply) {
		return nil
	}
	var asked, cut bool
	var want []byte
	src := m.src.As4()
	same := false
	m.eachRequest(func(d *datagram, dst [4]byte, q []byte) {
		if dst != src && m.unicastBytes(dst) {
			return
		}
		asked, cut, want = true, cut || !d.whole, q[8:]
		n := len(q)
		if !m.whole || !d.whole {
			n = min(n, len(m.m))
		}
		same = same || len(m.m) >= n && bytes.Equal(q[8:n], m.m[8:n]) && (len(m.m) == len(q) || !m.whole || !d.whole)
	})
	if !asked || same {
		return nil
	}
	at := commonPrefix(want, m.m[8:])
	return &fault{m.base + 8 + at, fmt.Sprintf("%d octets, %s", len(m.m)-8, octetAt(m.m[8:], at)), fmt.Sprintf("%d octets, %s", len(want), octetAt(want, at))}
}

func (m *icmpv4) otherSource(kind uint8) *fault {
	if !m.is(kind) {
		return nil
	}
	src := m.src.As4()
	var asked [4]byte
	right := false
	m.eachRequest(func(_ *datagram, dst [4]byte, _ []byte) {
		right = right || dst == src || !m.unicastBytes(dst)
		asked = dst
	})
	if right || asked == [4]byte{} {
		return nil
	}
	return &fault{m.at + 12, m.src.String(), fmt.Sprintf("%d.%d.%d.%d", asked[0], asked[1], asked[2], asked[3])}
}

func (m *icmpv4) originate() *fault {
	if !m.is(icmpTimestampReply) || len(m.m) < 12 {
		return nil
	}
	var want []byte
	same := false
	m.eachRequest(func(_ *datagram, _ [4]byte, q []byte) {
		if len(q) >= 12 {
			want = q[8:12]
			same = same || bytes.Equal(want, m.m[8:12])
		}
	})
	return when(want != nil && !same, m.base+8, fmt.Sprintf("%x", m.m[8:12]), fmt.Sprintf("%x", want))
}

func commonPrefix(a, b []byte) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func octetAt(b []byte, at int) string {
	if at >= len(b) {
		return "ended"
	}
	return fmt.Sprintf("%#02x at %d", b[at], at)
}
