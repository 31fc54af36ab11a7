package judge

import "slices"

func icmpRows() []row {
	id := []byte{0, 9, 0, 1}
	data := []byte("abcdefgh")
	stamp := make([]byte, 12)
	echo := func(kind, code byte, data []byte, change ...func(h *header)) []byte {
		return ip(protoICMP, icmpOf(kind, code, id, data), change...)
	}
	ping := []step{heard(sent(protoICMP, icmpOf(icmpEcho, 0, id, data)))}
	askTime := []step{heard(sent(protoICMP, icmpOf(icmpTimestamp, 0, id, stamp)))}
	quote := datagramOf(sent(protoUDP, udpOf()))[:28]
	about := func(kind, code byte) []byte { return ip(protoICMP, icmpOf(kind, code, make([]byte, 4), quote)) }
	return []row{
		{rule: "icmpv4.type", good: echo(icmpEcho, 0, data), bad: echo(44, 0, data)},
		{rule: "icmpv4.checksum", good: echo(icmpEcho, 0, data),
			bad: ip(protoICMP, func(*header) []byte { b := icmpOf(icmpEcho, 0, id, data)(nil); b[3]++; return b })},
		{rule: "icmpv4.unreachable.code", good: about(icmpUnreachable, 15), bad: about(icmpUnreachable, 16)},
		{rule: "icmpv4.exceeded.code", good: about(icmpExceeded, 1), bad: about(icmpExceeded, 2)},
		{rule: "icmpv4.parameter.code", good: about(icmpParameter, 2), bad: about(icmpParameter, 3)},
		{rule: "icmpv4.redirect.code", good: about(icmpRedirect, 3), bad: about(icmpRedirect, 4)},
		{rule: "icmpv4.echo.code", good: echo(icmpEchoReply, 0, data), bad: echo(icmpEchoReply, 1, data)},
		{rule: "icmpv4.timestamp.code", good: echo(icmpTimestamp, 0, stamp), bad: echo(icmpTimestamp, 1, stamp)},
		{rule: "icmpv4.echo.length", good: echo(icmpEcho, 0, nil), bad: ip(protoICMP, icmpOf(icmpEcho, 0, id[:3], nil))},
		{rule: "icmpv4.timestamp.length", good: echo(icmpTimestamp, 0, stamp), bad: echo(icmpTimestamp, 0, stamp[:11])},
		{rule: "icmpv4.quench", good: about(icmpUnreachable, 3), bad: about(icmpQuench, 0)},
		{rule: "icmpv4.information", good: echo(icmpEcho, 0, nil), bad: echo(icmpInfoRequest, 0, nil)},
		{rule: "icmpv4.redirect.host", opts: target, good: about(icmpExceeded, 1), bad: about(icmpRedirect, 1)},
		{rule: "icmpv4.echo.data", why: "altered", before: ping, good: echo(icmpEchoReply, 0, data), bad: echo(icmpEchoReply, 0, []byte("abcdefgH"))},
		{rule: "icmpv4.echo.data", why: "less", before: ping, good: echo(icmpEchoReply, 0, data), bad: echo(icmpEchoReply, 0, data[:7])},
		{rule: "icmpv4.echo.data", why: "more", before: ping, good: echo(icmpEchoReply, 0, data), bad: echo(icmpEchoReply, 0, []byte("abcdefghi"))},
		{rule: "icmpv4.echo.source", before: ping, good: echo(icmpEchoReply, 0, data),
			bad: echo(icmpEchoReply, 0, data, func(h *header) { h.src = "192.0.2.3" })},
		{rule: "icmpv4.timestamp.source", before: askTime, good: echo(icmpTimestampReply, 0, stamp),
			bad: echo(icmpTimestampReply, 0, stamp, func(h *header) { h.src = "192.0.2.3" })},
		{rule: "icmpv4.timestamp.originate", before: askTime, good: echo(icmpTimestampReply, 0, stamp),
			bad: echo(icmpTimestampReply, 0, append([]byte{1}, stamp[1:]...))},
	}
}

func icmpErrorRows() []row {
	whole := sent(protoUDP, udpOf())
	quote := datagramOf(whole)[:28]
	none := make([]byte, 4)
	about := func(kind, code byte, rest, quote []byte, change ...func(h *header)) []byte {
		return ip(protoICMP, icmpOf(kind, code, rest, quote), change...)
	}
	spoil := func(at int, v byte) []byte { q := slices.Clone(quote); q[at] = v; return q }
	good := about(icmpUnreachable, 3, none, quote)
	of := func(proto byte, body func(*header) []byte, change ...func(h *header)) []byte {
		return datagramOf(sent(proto, body, change...))[:28]
	}
	bcast := slices.Clone(whole)
	copy(bcast, broadcastMAC[:])
	elsewhere := func(h *header) { h.dst = "192.0.2.9" }
	nobody := func(h *header) { h.dst = "240.0.0.1" }
	return []row{
		{rule: "icmpv4.unused", good: good, bad: about(icmpUnreachable, 3, []byte{1, 0, 0, 0}, quote)},
		{rule: "icmpv4.unused", why: "an MTU in another code", good: about(icmpUnreachable, 4, []byte{0, 0, 5, 0}, quote), bad: about(icmpUnreachable, 3, []byte{0, 0, 5, 0}, quote)},
		{rule: "icmpv4.unused", why: "no length of RFC 4884", good: about(icmpExceeded, 0, []byte{0, 32, 0, 0}, append(slices.Clone(quote), make([]byte, 108)...)),
			bad: about(icmpExceeded, 0, []byte{0, 31, 0, 0}, append(slices.Clone(quote), make([]byte, 108)...))},
		{rule: "icmpv4.unused", why: "behind the pointer", good: about(icmpParameter, 0, []byte{20, 0, 0, 0}, quote), bad: about(icmpParameter, 0, []byte{20, 0, 0, 1}, quote)},
		{rule: "icmpv4.unreachable.quote", good: good, bad: about(icmpUnreachable, 3, none, quote[:27])},
		{rule: "icmpv4.exceeded.quote", good: about(icmpExceeded, 1, none, quote), bad: about(icmpExceeded, 1, none, quote[:20])},
		{rule: "icmpv4.parameter.quote", good: about(icmpParameter, 0, none, quote), bad: about(icmpParameter, 0, none, quote[:27])},
		{rule: "icmpv4.redirect.quote", good: about(icmpRedirect, 1, none, quote), bad: about(icmpRedirect, 1, none, nil)},
		{rule: "icmpv4.unreachable.destination", good: good, bad: about(icmpUnreachable, 3, none, quote, elsewhere)},
		{rule: "icmpv4.quote.changed", before: []step{heard(whole)}, good: about(icmpUnreachable, 3, none, spoil(8, 63)), bad: about(icmpUnreachable, 3, none, spoil(24, 0xee))},
		{rule: "icmpv4.quote.changed", why: "swapped length", before: []step{heard(whole)}, good: good, bad: about(icmpUnreachable, 3, none, spoil(3, 0))},
		{rule: "icmpv4.error.about-error", good: about(icmpUnreachable, 2, none, of(protoICMP, icmpOf(icmpEcho, 0, none, none))),
			bad: about(icmpUnreachable, 2, none, of(protoICMP, icmpOf(icmpExceeded, 0, none, none)))},
		{rule: "icmpv4.error.about-broadcast", good: good,
			bad: about(icmpUnreachable, 3, none, of(protoUDP, udpOf(), func(h *header) { h.dst = "224.0.0.9" }))},
		{rule: "icmpv4.error.about-broadcast", why: "directed", opts: target, good: good,
			bad: about(icmpUnreachable, 3, none, of(protoUDP, udpOf(), func(h *header) { h.dst = "192.0.2.255" }))},
		{rule: "icmpv4.error.about-link-broadcast", before: []step{heard(bcast)},
			good: about(icmpUnreachable, 3, none, of(protoUDP, udpOf(), func(h *header) { h.id = 8 })), bad: good},
		{rule: "icmpv4.error.about-fragment", good: about(icmpUnreachable, 3, none, of(protoUDP, udpOf(), func(h *header) { h.frag = 0x2000 })),
			bad: about(icmpUnreachable, 3, none, of(protoUDP, udpOf(), func(h *header) { h.frag = 0x2001 }))},
		{rule: "icmpv4.error.to-nobody", good: good, bad: about(icmpExceeded, 1, none, of(protoUDP, udpOf(), func(h *header) { h.src = "240.0.0.1" }), nobody)},
		{rule: "icmpv4.error.tos", opts: target, good: good, bad: about(icmpUnreachable, 3, none, quote, func(h *header) { h.tos = 0xc0 })},
	}
}

func udpRows() []row {
	good := ip(protoUDP, udpOf())
	spoil := func(rule string, change func(s *segment)) row {
		return row{rule: rule, good: good, bad: ip(protoUDP, udpOf(change))}
	}
	// Two octets of data that make the sum all ones: the computed checksum is 0.
	h := header{src: ipA, dst: ipB, proto: protoUDP}
	zero := be16(^slowSum(join(h.pseudo(10), be16(1000), be16(2000), be16(10))))
	empty := func(s *segment) { s.data = nil }
	noAddress := func(h *header) { h.src, h.dst, h.linkDst = "0.0.0.0", "255.255.255.255", broadcastMAC }
	return []row{
		{rule: "udp.short", good: ip(protoUDP, udpOf(empty)), bad: ip(protoUDP, raw(make([]byte, 7)))},
		spoil("udp.length.small", func(s *segment) { s.length = 7 }),
		spoil("udp.length", func(s *segment) { s.length = 31 }),
		{rule: "udp.length", why: "octets behind it", opts: target, good: good, bad: ip(protoUDP, udpOf(func(s *segment) { s.extra = []byte{0} }))},
		spoil("udp.checksum", func(s *segment) { s.checksum = 0x0101 }),
		{rule: "udp.checksum", why: "at the end of a source route",
			good: ip(protoUDP, udpOf(func(s *segment) { s.checksum = 0x0101 }), func(h *header) { h.options = []byte{optLoose, 7, 4, 192, 0, 2, 9, 0} }),
			bad:  ip(protoUDP, udpOf(func(s *segment) { s.checksum = 0x0101 }), func(h *header) { h.options = []byte{optLoose, 7, 8, 192, 0, 2, 9, 0} })},
		{rule: "udp.checksum.zero", before: []step{said(good)},
			good: ip(protoUDP, udpOf(func(s *segment) { s.data, s.checksum = zero, 0xffff })),
			bad:  ip(protoUDP, udpOf(func(s *segment) { s.data, s.checksum = zero, 0 }))},
		{rule: "udp.source", good: ip(protoUDP, udpOf(func(s *segment) { s.sport, s.dport = portBootpc, portBootps }), noAddress),
			bad: ip(protoUDP, udpOf(), noAddress)},
	}
}

func igmpRows() []row {
	group, other := addr("239.1.2.3"), "239.1.2.4"
	const dst = "239.1.2.3"
	ttl := func(h *header) { h.ttl = 2 }
	noAlert := func(h *header) { h.options = nil }
	wrong := func(b []byte) []byte { b = slices.Clone(b); b[2]++; return b }
	one := func(second byte, g []byte) []byte { return igmpMessage(igmpV1Report, second, g) }
	two := func(kind, second byte, g []byte) []byte { return igmpMessage(kind, second, g) }
	v1 := igmpOf(one(0, group), dst)
	v2 := igmpOf(two(igmpV2Report, 0, group), dst)
	leave := igmpOf(two(igmpLeave, 0, group), "224.0.0.2")
	record := join([]byte{4, 0, 0, 0}, group)
	v3 := func(reserved byte, head []byte, records ...[]byte) []byte {
		return igmpMessage(igmpV3Report, reserved, head, join(records...))
	}
	report := v3(0, []byte{0, 0, 0, 1}, record)
	spoil := func(at int, v byte) []byte {
		r := slices.Clone(record)
		r[at] = v
		return igmpOf(v3(0, []byte{0, 0, 0, 1}, r), "224.0.0.22")
	}
	good3 := igmpOf(report, "224.0.0.22")
	general := igmpMessage(igmpQuery, 100, make([]byte, 4))
	specific := igmpMessage(igmpQuery, 100, group)
	query3 := func(n byte, sources ...byte) []byte {
		return igmpOf(igmpMessage(igmpQuery, 100, make([]byte, 4), []byte{2, 125, 0, n}, sources), "224.0.0.1")
	}
	return []row{
		{rule: "igmp.short", good: v2, bad: igmpOf(two(igmpV2Report, 0, group)[:7], dst)},
		{rule: "igmpv1.ttl", good: v1, bad: igmpOf(one(0, group), dst, ttl)},
		{rule: "igmpv2.ttl", good: v2, bad: igmpOf(two(igmpV2Report, 0, group), dst, ttl)},
		{rule: "igmpv3.ttl", good: good3, bad: igmpOf(report, "224.0.0.22", ttl)},
		{rule: "igmpv2.alert", good: leave, bad: igmpOf(two(igmpLeave, 0, group), "224.0.0.2", noAlert)},
		{rule: "igmpv3.alert", good: good3, bad: igmpOf(report, "224.0.0.22", noAlert)},
		{rule: "igmpv3.tos", good: good3, bad: igmpOf(report, "224.0.0.22", func(h *header) { h.tos = 0 })},
		{rule: "igmpv1.checksum", good: v1, bad: igmpOf(wrong(one(0, group)), dst)},
		{rule: "igmpv2.checksum", good: v2, bad: igmpOf(wrong(two(igmpV2Report, 0, group)), dst)},
		{rule: "igmpv3.checksum", good: good3, bad: igmpOf(wrong(report), "224.0.0.22")},
		{rule: "igmpv1.unused", good: v1, bad: igmpOf(one(1, group), dst)},
		{rule: "igmpv2.max-response-time", good: v2, bad: igmpOf(two(igmpV2Report, 1, group), dst)},
		{rule: "igmpv1.group", good: v1, bad: igmpOf(one(0, addr(ipB)), dst)},
		{rule: "igmpv2.group", good: leave, bad: igmpOf(two(igmpLeave, 0, addr(ipB)), "224.0.0.2")},
		{rule: "igmp.query.group", good: igmpOf(specific, dst), bad: igmpOf(igmpMessage(igmpQuery, 100, addr(ipB)), dst)},
		{rule: "igmpv1.all-systems", good: v1, bad: igmpOf(one(0, addr("224.0.0.1")), "224.0.0.1")},
		{rule: "igmpv2.all-systems", good: v2, bad: igmpOf(two(igmpV2Report, 0, addr("224.0.0.1")), "224.0.0.1")},
		{rule: "igmpv1.report.destination", good: v1, bad: igmpOf(one(0, group), other)},
		{rule: "igmpv2.report.destination", good: v2, bad: igmpOf(two(igmpV2Report, 0, group), other)},
		{rule: "igmpv2.leave.destination", good: leave, bad: igmpOf(two(igmpLeave, 0, group), dst)},
		{rule: "igmpv3.report.destination", good: good3, bad: igmpOf(report, dst)},
		{rule: "igmp.query.general.destination", good: igmpOf(general, "224.0.0.1"), bad: igmpOf(general, dst)},
		{rule: "igmp.query.specific.destination", good: igmpOf(specific, dst), bad: igmpOf(specific, other)},
		{rule: "igmpv3.report.reserved", good: good3, bad: igmpOf(v3(1, []byte{0, 0, 0, 1}, record), "224.0.0.22")},
		{rule: "igmpv3.report.records", good: good3, bad: igmpOf(v3(0, []byte{0, 0, 0, 2}, record), "224.0.0.22")},
		{rule: "igmpv3.report.records", why: "sources", good: good3, bad: spoil(3, 1)},
		{rule: "igmpv3.report.extra", good: good3, bad: igmpOf(v3(0, []byte{0, 0, 0, 1}, record, make([]byte, 4)), "224.0.0.22")},
		{rule: "igmpv3.record.type", good: good3, bad: spoil(0, 7)},
		{rule: "igmpv3.record.aux", good: good3, bad: igmpOf(v3(0, []byte{0, 0, 0, 1}, join([]byte{4, 1, 0, 0}, group, make([]byte, 4))), "224.0.0.22")},
		{rule: "igmpv3.record.empty", good: good3, bad: spoil(0, 5)},
		{rule: "igmpv3.record.all-systems", good: good3, bad: igmpOf(v3(0, []byte{0, 0, 0, 1}, join([]byte{4, 0, 0, 0}, addr("224.0.0.1"))), "224.0.0.22")},
		{rule: "igmpv3.query.sources", good: query3(0), bad: query3(1, 192, 0, 2, 7)},
		{rule: "igmpv3.query.extra", good: query3(0), bad: query3(0, 1, 2, 3, 4)},
	}
}
