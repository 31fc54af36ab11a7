package judge

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
)

const (
	ip6A, ip6B = "2001:db8::1", "2001:db8::2" // the target and the tester
	ll6A, ll6B = "fe80::1", "fe80::2"
)

var target6 = Options{Target: &Target{MAC: macA[:], Addrs6: []netip.Addr{netip.MustParseAddr(ip6A), netip.MustParseAddr(ll6A)}}}

func addr6(s string) []byte { a := netip.MustParseAddr(s).As16(); return a[:] }

// header6 is a packet from the target to the tester. sum says where the checksum of the upper layer stands, -1 for none.
type header6 struct {
	first    byte
	plen     int // 0 is right
	hops     byte
	src, dst string
	exts     [][]byte // each with the next header value of the one behind it, filled in
	kinds    []byte
	proto    byte
	body     []byte
	sum      int
}

func ip6(proto byte, body []byte, sum int, change ...func(h *header6)) []byte {
	h := &header6{first: 0x60, hops: 64, src: ip6A, dst: ip6B, proto: proto, body: slices.Clone(body), sum: sum}
	for _, c := range change {
		c(h)
	}
	if h.sum >= 0 && len(h.body) >= h.sum+2 {
		pseudo := join(addr6(h.src), addr6(h.dst), binary.BigEndian.AppendUint32(nil, uint32(len(h.body))), []byte{0, 0, 0, h.proto})
		h.body = seal(h.body, h.sum, pseudo...)
	}
	next, inner := h.proto, h.body
	for i := len(h.exts) - 1; i >= 0; i-- {
		x := slices.Clone(h.exts[i])
		x[0] = next
		next, inner = h.kinds[i], join(x, inner)
	}
	plen := h.plen
	if plen == 0 {
		plen = len(inner)
	}
	b := join([]byte{h.first, 0, 0, 0}, be16(uint16(plen)), []byte{next, h.hops}, addr6(h.src), addr6(h.dst), inner)
	return frame{dst: macB, src: macA, kind: typeIPv6, body: b}.bytes()
}

func ext(kind byte, octets ...byte) func(h *header6) {
	return func(h *header6) { h.kinds, h.exts = append(h.kinds, kind), append(h.exts, octets) }
}

func icmp6(kind, code byte, rest ...[]byte) []byte {
	return join([]byte{kind, code, 0, 0}, join(rest...))
}

func from6(a string) func(h *header6) { return func(h *header6) { h.src = a } }
func to6(a string) func(h *header6)   { return func(h *header6) { h.dst = a } }
func hops6(n byte) func(h *header6)   { return func(h *header6) { h.hops = n } }

// heard6 is a packet as the tester would have sent it.
func heard6(proto byte, body []byte, sum int, change ...func(h *header6)) []byte {
	b := ip6(proto, body, sum, append([]func(h *header6){from6(ip6B), to6(ip6A)}, change...)...)
	copy(b, join(macA[:], macB[:]))
	return b
}

var echo6 = icmp6(icmp6Echo, 0, []byte{0, 9, 0, 1}, []byte("abcdefgh"))

func ipv6Rows() []row {
	good := ip6(protoICMPv6, echo6, 2)
	raw := func(at int, v byte) []byte { b := slices.Clone(good); b[at] = v; return b }
	bad := func(change ...func(h *header6)) []byte { return ip6(protoICMPv6, echo6, 2, change...) }
	part := func(flags byte, n int) []byte {
		return ip6(protoUDP, make([]byte, n), -1, ext(protoFragment, 0, 0, 0, flags, 0, 0, 0, 1))
	}
	pad := []byte{0, 0, 1, 4, 0, 0, 0, 0}
	none := func(change ...func(h *header6)) []byte { return ip6(protoNone, nil, -1, change...) }
	return []row{
		{rule: "ipv6.version", good: good, bad: raw(14, 0x50)},
		{rule: "ipv6.length", good: good, bad: raw(19, 200)},
		{rule: "ipv6.length", why: "half a header", good: good, bad: good[:50]},
		{rule: "ipv6.source.multicast", good: good, bad: bad(from6("ff02::9"))},
		{rule: "ipv6.source.loopback", good: good, bad: bad(from6("::1"))},
		{rule: "ipv6.destination.loopback", good: good, bad: bad(to6("::1"))},
		{rule: "ipv6.destination.unspecified", good: good, bad: bad(to6("::"))},
		{rule: "ipv6.destination.scope", good: bad(to6("ff01::9")), bad: bad(to6("ff00::9"))},
		{rule: "ipv6.source.own", good: good, bad: bad(from6("::"))},
		{rule: "ipv6.source.own", why: "another's", opts: target6, good: bad(from6(ll6A)), bad: bad(from6("2001:db8::9"))},
		{rule: "ipv6.hop-by-hop.first", good: none(ext(protoHopByHop, pad...), ext(protoDestination, pad...)),
			bad: none(ext(protoDestination, pad...), ext(protoHopByHop, pad...))},
		{rule: "ipv6.headers.once", good: none(ext(protoDestination, pad...), ext(protoDestination, pad...)),
			bad: none(ext(protoDestination, pad...), ext(protoDestination, pad...), ext(protoDestination, pad...))},
		{rule: "ipv6.options", good: none(ext(protoDestination, pad...)), bad: none(ext(protoDestination, 0, 0, 1, 5, 0, 0, 0, 0))},
		{rule: "ipv6.options", why: "without a length", good: none(ext(protoHopByHop, 0, 0, 1, 3, 0, 0, 0, 0)), bad: none(ext(protoHopByHop, 0, 0, 1, 3, 0, 0, 0, 1))},
		{rule: "ipv6.options.padding", good: none(ext(protoHopByHop, pad...)), bad: none(ext(protoHopByHop, 0, 0, 1, 4, 0, 0, 9, 0))},
		{rule: "ipv6.fragment.reserved", good: part(1, 16), bad: ip6(protoUDP, make([]byte, 16), -1, ext(protoFragment, 0, 7, 0, 1, 0, 0, 0, 1))},
		{rule: "ipv6.fragment.res", good: part(1, 16), bad: part(3, 16)},
		{rule: "ipv6.fragment.multiple", good: part(1, 16), bad: part(1, 17)},
		{rule: "ipv6.fragment.atomic", good: part(8, 12), bad: ip6(protoNone, nil, -1, ext(protoFragment, 0, 0, 0, 0, 0, 0, 0, 1))},
		{rule: "ipv6.fragment.chain", good: part(1, 8), bad: part(1, 0)},
		{rule: "ipv6.fragment.chain", why: "half an extension header",
			good: ip6(protoUDP, make([]byte, 8), -1, ext(protoFragment, 0, 0, 0, 1, 0, 0, 0, 1), ext(protoDestination, pad...)),
			bad:  ip6(protoDestination, []byte{protoUDP, 1, 1, 4, 0, 0, 0, 0}, -1, ext(protoFragment, 0, 0, 0, 1, 0, 0, 0, 1))},
	}
}

func icmpv6Rows() []row {
	good := ip6(protoICMPv6, echo6, 2)
	of := func(kind, code byte) []byte { return ip6(protoICMPv6, icmp6(kind, code, echo6[4:]), 2) }
	ping := []step{heard(heard6(protoICMPv6, echo6, 2))}
	quote := heard6(protoUDP, make([]byte, 8), -1)[14:]
	about := func(kind, code byte) []byte { return ip6(protoICMPv6, icmp6(kind, code, make([]byte, 4), quote), 2) }
	wrong := slices.Clone(good)
	wrong[len(wrong)-1] ^= 1
	reply := func(data string, change ...func(h *header6)) []byte {
		return ip6(protoICMPv6, icmp6(icmp6EchoReply, 0, []byte{0, 9, 0, 1}, []byte(data)), 2, change...)
	}
	return []row{
		{rule: "icmpv6.short", good: good, bad: ip6(protoICMPv6, []byte{128, 0, 0}, -1)},
		{rule: "icmpv6.checksum", good: good, bad: wrong},
		{rule: "icmpv6.too-big.code", good: about(icmp6TooBig, 0), bad: about(icmp6TooBig, 1)},
		{rule: "icmpv6.exceeded.code", good: about(icmp6Exceeded, 1), bad: about(icmp6Exceeded, 2)},
		{rule: "icmpv6.parameter.code", good: about(icmp6Parameter, 10), bad: about(icmp6Parameter, 11)},
		{rule: "icmpv6.echo.code", good: of(icmp6Echo, 0), bad: of(icmp6Echo, 1)},
		{rule: "icmpv6.reply.code", good: of(icmp6EchoReply, 0), bad: of(icmp6EchoReply, 1)},
		{rule: "icmpv6.reply.data", why: "altered", before: ping, good: reply("abcdefgh"), bad: reply("abcdefgH")},
		{rule: "icmpv6.reply.data", why: "less", before: ping, good: reply("abcdefgh"), bad: reply("abcdefg")},
		{rule: "icmpv6.reply.source", before: ping, good: reply("abcdefgh"), bad: reply("abcdefgh", from6("2001:db8::9"))},
	}
}

func icmpv6ErrorRows() []row {
	udp := join(be16(1000), be16(2000), be16(24), be16(0x1234), make([]byte, 16))
	asked := heard6(protoUDP, udp, 6)
	quoteOf := func(frame []byte) []byte { return frame[14:] }
	quote := quoteOf(asked)
	before := []step{heard(asked)}
	about := func(kind, code byte, rest uint32, quote []byte, change ...func(h *header6)) []byte {
		return ip6(protoICMPv6, icmp6(kind, code, binary.BigEndian.AppendUint32(nil, rest), quote), 2, change...)
	}
	good := about(icmp6Unreachable, 4, 0, quote)
	spoil := func(at int, v byte) []byte { q := slices.Clone(quote); q[at] = v; return q }
	other := func(body []byte, change ...func(h *header6)) []byte {
		return quoteOf(heard6(protoICMPv6, body, 2, change...))
	}
	long := quoteOf(heard6(protoUDP, make([]byte, 1300), -1))
	return []row{
		{rule: "icmpv6.error.size", good: about(icmp6Exceeded, 0, 0, long[:1232]), bad: about(icmp6Exceeded, 0, 0, long[:1233])},
		{rule: "icmpv6.error.quote", why: "changed", before: before, good: about(icmp6Unreachable, 4, 0, spoil(7, 9)), bad: about(icmp6Unreachable, 4, 0, spoil(60, 9))},
		{rule: "icmpv6.error.quote", why: "less than fits", before: before, good: good, bad: about(icmp6Unreachable, 4, 0, quote[:63])},
		{rule: "icmpv6.error.quote", why: "more than there was", before: before, good: good, bad: about(icmp6Unreachable, 4, 0, append(slices.Clone(quote), 0))},
		{rule: "icmpv6.error.quote", why: "no header", good: good, bad: about(icmp6Unreachable, 4, 0, quote[:39])},
		{rule: "icmpv6.error.about-error", good: about(icmp6Unreachable, 3, 0, other(echo6)), bad: about(icmp6Unreachable, 3, 0, other(icmp6(99, 0, make([]byte, 48))))},
		{rule: "icmpv6.error.about-redirect", good: about(icmp6Unreachable, 3, 0, other(echo6)), bad: about(icmp6Unreachable, 3, 0, other(icmp6(icmp6Redirect, 0, make([]byte, 36))))},
		{rule: "icmpv6.error.about-multicast", good: about(icmp6Parameter, 2, 40, other(echo6, to6("ff02::1"))), bad: about(icmp6Parameter, 1, 40, other(echo6, to6("ff02::1")))},
		{rule: "icmpv6.error.to-unspecified", good: about(100, 0, 0, quote), bad: about(100, 0, 0, other(echo6, from6("::")))},
		{rule: "icmpv6.error.to-group", good: about(100, 0, 0, quote), bad: about(100, 0, 0, other(echo6, from6("ff02::9")))},
		{rule: "icmpv6.unreachable.destination", good: good, bad: about(icmp6Unreachable, 4, 0, quote, to6("2001:db8::9"))},
		{rule: "icmpv6.too-big.destination", good: about(icmp6TooBig, 0, 1280, quote), bad: about(icmp6TooBig, 0, 1280, quote, to6("2001:db8::9"))},
		{rule: "icmpv6.exceeded.destination", good: about(icmp6Exceeded, 0, 0, quote), bad: about(icmp6Exceeded, 0, 0, quote, to6("2001:db8::9"))},
		{rule: "icmpv6.parameter.destination", good: about(icmp6Parameter, 0, 6, quote), bad: about(icmp6Parameter, 0, 6, quote, to6("2001:db8::9"))},
		{rule: "icmpv6.unreachable.unused", good: good, bad: about(icmp6Unreachable, 4, 1, quote)},
		{rule: "icmpv6.unreachable.unused", why: "no length of RFC 4884", good: about(icmp6Unreachable, 4, 16<<24, append(slices.Clone(quote), make([]byte, 64)...)),
			bad: about(icmp6Unreachable, 4, 15<<24, append(slices.Clone(quote), make([]byte, 64)...))},
		{rule: "icmpv6.exceeded.unused", good: about(icmp6Exceeded, 1, 0, quote), bad: about(icmp6Exceeded, 1, 0x10000, quote)},
	}
}

func ndRows() []row {
	const sn = "ff02::1:ff00:2" // of the tester's address
	link := func(kind byte) []byte { return join([]byte{kind, 1}, macA[:]) }
	send := func(kind, code byte, word uint32, rest []byte, change ...func(h *header6)) []byte {
		return ip6(protoICMPv6, icmp6(kind, code, binary.BigEndian.AppendUint32(nil, word), rest), 2, append([]func(h *header6){hops6(255)}, change...)...)
	}
	rs := func(code byte, word uint32, opts []byte, change ...func(h *header6)) []byte {
		return send(icmp6RS, code, word, opts, append([]func(h *header6){from6(ll6A), to6("ff02::2")}, change...)...)
	}
	ra := func(code byte, word uint32, opts []byte, change ...func(h *header6)) []byte {
		return send(icmp6RA, code, word, join(make([]byte, 8), opts), append([]func(h *header6){from6(ll6A), to6("ff02::1")}, change...)...)
	}
	ns := func(code byte, word uint32, target string, opts []byte, change ...func(h *header6)) []byte {
		return send(icmp6NS, code, word, join(addr6(target), opts), append([]func(h *header6){to6(sn)}, change...)...)
	}
	na := func(code byte, word uint32, target string, opts []byte, change ...func(h *header6)) []byte {
		return send(icmp6NA, code, word, join(addr6(target), opts), change...)
	}
	rd := func(code byte, word uint32, target, dst string, change ...func(h *header6)) []byte {
		return send(icmp6Redirect, code, word, join(addr6(target), addr6(dst)), append([]func(h *header6){from6(ll6A)}, change...)...)
	}
	prefix := func(valid, preferred uint32, p string) []byte {
		b := binary.BigEndian.AppendUint32([]byte{3, 4, 64, 0xc0}, valid)
		b = binary.BigEndian.AppendUint32(b, preferred)
		return join(b, make([]byte, 4), addr6(p))
	}
	slla, tlla := link(1), link(2)
	other := join([]byte{1, 1}, macB[:])
	goodRS, goodRA := rs(0, 0, slla), ra(0, 0x40000708, slla)
	goodNS, goodNA := ns(0, 0, ip6B, slla), na(0, 0x60000000, ip6A, tlla)
	goodRD := rd(0, 0, ll6B, "2001:db8:9::1")
	dad := ns(0, 0, ip6B, nil, from6("::"))
	return []row{
		{rule: "nd.short", good: goodNS, bad: send(icmp6NS, 0, 0, addr6(ip6B)[:12], to6(sn))},
		{rule: "nd.rs.hop-limit", good: goodRS, bad: rs(0, 0, slla, hops6(254))},
		{rule: "nd.ra.hop-limit", good: goodRA, bad: ra(0, 0x40000708, slla, hops6(254))},
		{rule: "nd.ns.hop-limit", good: goodNS, bad: ns(0, 0, ip6B, slla, hops6(254))},
		{rule: "nd.na.hop-limit", good: goodNA, bad: na(0, 0x60000000, ip6A, tlla, hops6(64))},
		{rule: "nd.redirect.hop-limit", good: goodRD, bad: rd(0, 0, ll6B, "2001:db8:9::1", hops6(1))},
		{rule: "nd.rs.code", good: goodRS, bad: rs(1, 0, slla)},
		{rule: "nd.ra.code", good: goodRA, bad: ra(1, 0x40000708, slla)},
		{rule: "nd.ns.code", good: goodNS, bad: ns(1, 0, ip6B, slla)},
		{rule: "nd.na.code", good: goodNA, bad: na(1, 0x60000000, ip6A, tlla)},
		{rule: "nd.redirect.code", good: goodRD, bad: rd(1, 0, ll6B, "2001:db8:9::1")},
		{rule: "nd.rs.reserved", good: goodRS, bad: rs(0, 1, slla)},
		{rule: "nd.ra.reserved", good: ra(0, 0x40fc0708, slla), bad: ra(0, 0x40010708, slla)},
		{rule: "nd.ns.reserved", good: goodNS, bad: ns(0, 1<<31, ip6B, slla)},
		{rule: "nd.na.reserved", good: goodNA, bad: na(0, 0x60000001, ip6A, tlla)},
		{rule: "nd.redirect.reserved", good: goodRD, bad: rd(0, 7, ll6B, "2001:db8:9::1")},
		{rule: "nd.options", good: goodNA, bad: na(0, 0x60000000, ip6A, []byte{2, 0, 0, 0, 0, 0, 0, 0})},
		{rule: "nd.options", why: "beyond the end", good: goodNA, bad: na(0, 0x60000000, ip6A, []byte{14, 2, 0, 0, 0, 0, 0, 0})},
		{rule: "nd.options", why: "no boundary", good: goodNA, bad: na(0, 0x60000000, ip6A, []byte{14, 1, 0, 0, 0, 0, 0})},
		{rule: "nd.option.link", good: goodNS, bad: ns(0, 0, ip6B, append([]byte{1, 2}, make([]byte, 14)...))},
		{rule: "nd.option.source-link", opts: target6, good: goodNS, bad: ns(0, 0, ip6B, other)},
		{rule: "nd.option.target-link", opts: target6, good: goodNA, bad: na(0, 0x60000000, ip6A, join([]byte{2, 1}, macB[:]))},
		{rule: "nd.rs.destination", good: goodRS, bad: rs(0, 0, slla, to6("ff02::1"))},
		{rule: "nd.rs.unspecified", good: rs(0, 0, nil, from6("::")), bad: rs(0, 0, slla, from6("::"))},
		{rule: "nd.ra.source", good: goodRA, bad: ra(0, 0x40000708, slla, from6(ip6A))},
		{rule: "nd.ra.prefix.lifetimes", good: ra(0, 0, prefix(5, 5, "2001:db8:5::")), bad: ra(0, 0, prefix(5, 6, "2001:db8:5::"))},
		{rule: "nd.ra.prefix.bits", good: ra(0, 0, prefix(5, 5, "2001:db8:5::")), bad: ra(0, 0, prefix(5, 5, "2001:db8:5::1"))},
		{rule: "nd.ns.target", good: goodNS, bad: ns(0, 0, "ff02::9", slla)},
		{rule: "nd.ns.destination", good: ns(0, 0, ip6B, slla, to6(ip6B)), bad: ns(0, 0, ip6B, slla, to6("ff02::1"))},
		{rule: "nd.dad.destination", good: dad, bad: ns(0, 0, ip6B, nil, from6("::"), to6("ff02::1"))},
		{rule: "nd.dad.link", good: dad, bad: ns(0, 0, ip6B, slla, from6("::"))},
		{rule: "nd.ns.link", good: ns(0, 0, ip6B, nil, to6(ip6B)), bad: ns(0, 0, ip6B, nil)},
		{rule: "nd.na.target", good: goodNA, bad: na(0, 0x60000000, "ff02::9", tlla)},
		{rule: "nd.na.solicited", good: na(0, 0x20000000, ip6A, tlla, to6("ff02::1")), bad: na(0, 0x60000000, ip6A, tlla, to6("ff02::1"))},
		{rule: "nd.na.router", opts: target6, good: goodNA, bad: na(0, 0xe0000000, ip6A, tlla)},
		{rule: "nd.redirect.source", good: goodRD, bad: rd(0, 0, ll6B, "2001:db8:9::1", from6(ip6A))},
		{rule: "nd.redirect.target", good: rd(0, 0, "2001:db8:9::1", "2001:db8:9::1"), bad: rd(0, 0, ip6B, "2001:db8:9::1")},
	}
}

func mldRows() []row {
	alert := ext(protoHopByHop, 0, 0, 5, 2, 0, 0, 1, 0)
	plain := ext(protoHopByHop, 0, 0, 1, 4, 0, 0, 0, 0)
	group := addr6("ff15::123")
	send := func(header func(h *header6), body []byte, dst string, change ...func(h *header6)) []byte {
		return ip6(protoICMPv6, body, 2, append([]func(h *header6){header, hops6(1), from6(ll6A), to6(dst)}, change...)...)
	}
	old := func(kind, code byte, delay, reserved uint16) []byte {
		return icmp6(kind, code, be16(delay), be16(reserved), group)
	}
	record := func(kind, aux byte, n uint16, rest ...[]byte) []byte {
		return join([]byte{kind, aux}, be16(n), group, join(rest...))
	}
	report := func(reserved, n uint16, records ...[]byte) []byte {
		return icmp6(icmp6Report2, 0, be16(reserved), be16(n), join(records...))
	}
	v1 := send(alert, old(icmp6Report, 0, 0, 0), "ff15::123")
	one := record(4, 0, 0)
	v2 := send(alert, report(0, 1, one), "ff02::16")
	return []row{
		{rule: "mld.source", good: send(alert, old(icmp6Report, 0, 0, 0), "ff15::123", from6("::")), bad: send(alert, old(icmp6Report, 0, 0, 0), "ff15::123", from6(ip6A))},
		{rule: "mldv2.source", good: v2, bad: send(alert, report(0, 1, one), "ff02::16", from6(ip6A))},
		{rule: "mld.hop-limit", good: v1, bad: send(alert, old(icmp6Report, 0, 0, 0), "ff15::123", hops6(2))},
		{rule: "mldv2.hop-limit", good: v2, bad: send(alert, report(0, 1, one), "ff02::16", hops6(255))},
		{rule: "mld.alert", good: v1, bad: send(plain, old(icmp6Report, 0, 0, 0), "ff15::123")},
		{rule: "mldv2.alert", good: v2, bad: send(plain, report(0, 1, one), "ff02::16")},
		{rule: "mld.code", good: v1, bad: send(alert, old(icmp6Report, 1, 0, 0), "ff15::123")},
		{rule: "mld.delay", good: send(alert, old(icmp6Query, 0, 9, 0), "ff15::123"), bad: send(alert, old(icmp6Report, 0, 9, 0), "ff15::123")},
		{rule: "mld.reserved", good: v1, bad: send(alert, old(icmp6Report, 0, 0, 9), "ff15::123")},
		{rule: "mld.length", good: v1, bad: send(alert, append(old(icmp6Report, 0, 0, 0), 0, 0), "ff15::123")},
		{rule: "mld.report.destination", good: v1, bad: send(alert, old(icmp6Report, 0, 0, 0), "ff15::124")},
		{rule: "mld.done.destination", good: send(alert, old(icmp6Done, 0, 0, 0), "ff02::2"), bad: send(alert, old(icmp6Done, 0, 0, 0), "ff15::123")},
		{rule: "mldv2.report.destination", good: v2, bad: send(alert, report(0, 1, one), "ff02::2")},
		{rule: "mldv2.report.reserved", good: v2, bad: send(alert, report(1, 1, one), "ff02::16")},
		{rule: "mldv2.report.records", good: v2, bad: send(alert, report(0, 2, one), "ff02::16")},
		{rule: "mldv2.report.rest", good: v2, bad: send(alert, report(0, 1, one, []byte{0, 0}), "ff02::16")},
		{rule: "mldv2.report.aux", good: v2, bad: send(alert, report(0, 1, record(4, 1, 0, make([]byte, 4))), "ff02::16")},
		{rule: "mldv2.report.is-in", good: send(alert, report(0, 1, record(1, 0, 1, group)), "ff02::16"), bad: send(alert, report(0, 1, record(1, 0, 0)), "ff02::16")},
	}
}

func udp6Rows() []row {
	seg := func(length uint16, data string) []byte {
		return join(be16(1000), be16(2000), be16(length), []byte{0, 0}, []byte(data))
	}
	good := ip6(protoUDP, seg(12, "abcd"), 6)
	wrong := slices.Clone(good)
	wrong[len(wrong)-1] ^= 1
	return []row{
		{rule: "udp6.short", good: good, bad: ip6(protoUDP, seg(12, "")[:7], -1)},
		{rule: "udp6.length", good: good, bad: ip6(protoUDP, seg(13, "abcd"), 6)},
		{rule: "udp6.length", why: "octets behind it", opts: target6, good: good, bad: ip6(protoUDP, seg(11, "abcd"), 6)},
		{rule: "udp6.checksum.none", good: good, bad: ip6(protoUDP, seg(12, "abcd"), -1)},
		{rule: "udp6.checksum", good: good, bad: wrong},
		{rule: "udp6.checksum", why: "a route that is not used up", good: ip6(protoUDP, seg(12, "abcd"), -1, func(h *header6) { h.body[6] = 1 }, ext(protoRouting, make([]byte, 24)...), func(h *header6) { h.exts[0][1], h.exts[0][3] = 2, 1 }),
			bad: ip6(protoUDP, seg(12, "abcd"), -1, func(h *header6) { h.body[6] = 1 }, ext(protoRouting, make([]byte, 24)...), func(h *header6) { h.exts[0][1] = 2 })},
	}
}

// What a router passes on is not its own: the judge says nothing of it.
func TestForwardedIPv6IsNotJudged(t *testing.T) {
	router := Options{Target: &Target{Router: true, Addrs6: target6.Target.Addrs6}}
	bad := ip6(protoUDP, make([]byte, 7), -1, from6("2001:db8::9"))
	if got := findings(router, nil, bad); len(got) != 0 {
		t.Errorf("of a packet that was passed on: %v", got)
	}
	if got := findings(target6, nil, ip6(protoUDP, make([]byte, 7), -1)); len(got) != 1 {
		t.Errorf("of its own: %v", got)
	}
}
