package crosscheck

import (
	"strings"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/igmp"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	"github.com/conform-stack/conform/stack/wire/link"
	"github.com/conform-stack/conform/stack/wire/udp"
)

// A sample is a frame built by the stack's codecs, and fields that every reading of it must have, lest two decoders agree
// by both giving up.
type sample struct {
	name  string
	frame []byte
	must  string
}

var (
	ourMAC, peerMAC = ethernet.MAC{2, 0, 0, 0, 0, 1}, ethernet.MAC{2, 0, 0, 0, 0, 2}
	ourIP, peerIP   = ipv4.Addr{192, 0, 2, 1}, ipv4.Addr{192, 0, 2, 2}
	group           = ipv4.Addr{239, 1, 2, 3}
)

func samples() []sample {
	var all []sample
	add := func(name, must string, frame []byte) { all = append(all, sample{name, frame, must}) }
	for _, op := range []arp.Op{arp.Request, arp.Reply} {
		h := arp.Header{Hardware: arp.HardwareEthernet, Protocol: ethernet.TypeIPv4, Op: op,
			SenderHW: ourMAC.Addr(), SenderIP: ourIP, TargetHW: peerMAC.Addr(), TargetIP: peerIP}
		add("arp "+op.String(), "arp.opcode arp.dst.proto_ipv4", frame(ethernet.Header{Type: ethernet.TypeARP}, arp.Append(nil, h)))
	}
	add("arp with short hardware addresses", "arp.hw.size", frame(ethernet.Header{Type: ethernet.TypeARP}, arp.Append(nil, arp.Header{
		Hardware: 7, Protocol: ethernet.TypeIPv4, Op: arp.Request,
		SenderHW: link.AddrFrom2([2]byte{0xbe, 0xef}), SenderIP: ourIP, TargetIP: peerIP})))

	ping := echo(icmpv4.EchoRequest, "0123456789")
	add("tagged", "vlan.id vlan.etype icmp.seq", frame(ethernet.Header{Tagged: true, TCI: ethernet.MakeTCI(5, true, 4094), Type: ethernet.TypeIPv4},
		datagram(ipv4.Header{Protocol: wire.ICMPv4}, ping)))
	add("SNAP", "eth.len llc.type icmp.seq", frame(ethernet.Header{Format: ethernet.SNAP, Type: ethernet.TypeIPv4},
		datagram(ipv4.Header{Protocol: wire.ICMPv4}, ping)))
	ip := func(name, must string, h ipv4.Header, payload []byte) {
		add(name, "ip.ttl ip.checksum "+must, frame(ethernet.Header{Type: ethernet.TypeIPv4}, datagram(h, payload)))
	}
	ip("header fields", "icmp.seq", ipv4.Header{TOS: 0xb9, ID: 0xfedc, Flags: ipv4.DF, TTL: 1, Protocol: wire.ICMPv4}, ping)
	ip("reserved flag", "icmp.seq", ipv4.Header{Flags: ipv4.Reserved, Protocol: wire.ICMPv4}, ping)
	ip("first fragment", "icmp.seq", ipv4.Header{ID: 1, Flags: ipv4.MF, Protocol: wire.ICMPv4}, ping[:16])
	ip("later fragment", "ip.frag_offset", ipv4.Header{ID: 1, FragOffset: 16, Protocol: wire.ICMPv4}, ping[16:])
	ip("last fragment there can be", "ip.frag_offset", ipv4.Header{ID: 1, FragOffset: 65528, Protocol: wire.ICMPv4}, ping[16:])
	for name, o := range map[string]ipv4.Options{
		"record route":       ipv4.Options(nil).AppendNOP().AppendRecordRoute(9),
		"loose source route": ipv4.Options(nil).AppendNOP().AppendSourceRoute(ipv4.LSRR, peerIP, ourIP),
		"strict and alert":   ipv4.Options(nil).AppendSourceRoute(ipv4.SSRR, peerIP).AppendNOP().AppendRouterAlert(),
		"timestamps":         ipv4.Options(nil).AppendTimestamp(ipv4.TimestampOnly, 9),
		"timestamps of all":  ipv4.Options(nil).AppendTimestamp(ipv4.TimestampAddress, 4),
		"timestamps of one":  ipv4.Options(nil).AppendTimestampsOf(peerIP),
	} {
		ip("option "+name, "ip.opt.type ip.opt.len ip.opt.ptr icmp.seq", ipv4.Header{Options: o, Protocol: wire.ICMPv4}, ping)
	}

	quote := datagram(ipv4.Header{ID: 7, TTL: 3, Protocol: wire.UDP, TOS: 4}, segment(40000, 33434, "some data"))
	icmp := func(name, must string, h icmpv4.Header, payload []byte) {
		m := append(icmpv4.Append(nil, h), payload...)
		icmpv4.Seal(m)
		ip(name, "icmp.type "+must, ipv4.Header{Protocol: wire.ICMPv4}, m)
	}
	for code := range 16 {
		icmp("unreachable", "udp.dstport", icmpv4.Header{Type: icmpv4.Unreachable, Code: icmpv4.Code(code)}, quote[:28])
	}
	icmp("fragmentation needed", "icmp.mtu", icmpv4.FragNeeded(1280), quote)
	icmp("time exceeded", "udp.dstport", icmpv4.Header{Type: icmpv4.TimeExceeded, Code: icmpv4.ReassemblyExceeded}, quote)
	icmp("parameter problem", "icmp.pointer", icmpv4.BadParameter(20), quote)
	icmp("redirect", "icmp.redir_gw", icmpv4.Redirected(icmpv4.RedirectHost, peerIP), quote)
	icmp("source quench", "udp.dstport", icmpv4.Header{Type: icmpv4.SourceQuench}, quote)
	icmp("echo reply", "icmp.ident", icmpv4.Query(icmpv4.EchoReply, 0x1234, 0xfffe), []byte("data"))
	icmp("timestamp", "icmp.transmit_timestamp", icmpv4.Query(icmpv4.TimestampReply, 1, 2),
		icmpv4.AppendTimestamps(nil, icmpv4.Timestamps{Originate: 1, Receive: 2, Transmit: 86399999}))
	icmp("address mask", "icmp.address_mask", icmpv4.Query(icmpv4.AddressMaskReply, 1, 2), icmpv4.AppendMask(nil, ipv4.Addr{255, 255, 255, 0}))

	ip("udp", "udp.dstport", ipv4.Header{Protocol: wire.UDP}, segment(40000, 40001, "payload of odd length"))
	none := segment(40000, 40001, "x")
	none[6], none[7] = 0, 0
	ip("udp without checksum", "udp.checksum", ipv4.Header{Protocol: wire.UDP}, none)
	wrong := segment(40000, 40001, "x")
	wrong[7] ^= 1
	ip("udp with a wrong checksum", "udp.checksum", ipv4.Header{Protocol: wire.UDP}, wrong)

	for _, h := range []igmp.Header{
		{Type: igmp.Query}, {Type: igmp.Query, MaxResp: 100}, {Type: igmp.V1Report, Group: group},
		{Type: igmp.V2Report, Group: group}, {Type: igmp.V2Leave, Group: group},
	} {
		ip(h.String(), "igmp.type igmp.maddr", ipv4.Header{Protocol: wire.IGMP}, sealed(igmp.Append(nil, h)))
	}
	for _, q := range []igmp.QueryV3{
		{MaxResp: 100, QRV: 2, QQIC: 125},
		{MaxResp: 0x9a, Group: group, Suppress: true, QRV: 7, QQIC: 0x8f, SourceSet: igmp.SourcesFrom(ourIP, peerIP)},
	} {
		ip(q.String(), "igmp.type igmp.qqic", ipv4.Header{Protocol: wire.IGMP}, sealed(igmp.AppendQuery(nil, q)))
	}
	var records igmp.Records
	for kind := igmp.ModeIsInclude; kind <= igmp.BlockOld; kind++ {
		records = records.Append(igmp.Record{Type: kind, Group: group, SourceSet: igmp.SourcesFrom(ourIP, peerIP)[:4*(int(kind)%3)]})
	}
	ip("igmp v3 report", "igmp.record_type igmp.saddr", ipv4.Header{Protocol: wire.IGMP, Options: ipv4.Options(nil).AppendRouterAlert()},
		sealed(igmp.AppendReport(nil, igmp.ReportV3{Records: records})))
	return all
}

func (s sample) fields() []string { return strings.Fields(s.must) }

func frame(h ethernet.Header, payload []byte) []byte {
	h.Src, h.Dst = ourMAC, peerMAC
	b := append(ethernet.Append(nil, h), payload...)
	ethernet.Seal(b, h)
	return b
}

func datagram(h ipv4.Header, payload []byte) []byte {
	h.Src, h.Dst = ourIP, peerIP
	if h.TTL == 0 {
		h.TTL = 64
	}
	b := append(ipv4.Append(nil, h), payload...)
	ipv4.Seal(b)
	return b
}

func echo(t icmpv4.Type, data string) []byte {
	b := append(icmpv4.Append(nil, icmpv4.Query(t, 0x1234, 0x00ff)), data...)
	icmpv4.Seal(b)
	return b
}

func segment(src, dst uint16, data string) []byte {
	b := append(udp.Append(nil, udp.Header{SrcPort: src, DstPort: dst}), data...)
	udp.Seal(b, wire.Pseudo4(ourIP, peerIP, wire.UDP))
	return b
}

func sealed(b []byte) []byte {
	igmp.Seal(b)
	return b
}
