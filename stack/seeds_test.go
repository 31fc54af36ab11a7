package stack_test

import (
	"net/netip"

	codec "github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/igmp"
	"github.com/conform-stack/conform/stack/wire/ipv4"
)

// seeds are good frames of every kind that the node knows, and of some that it does not.
func seeds() (all [][]byte) {
	all = append(all, arpSeeds()...)
	all = append(all, optionSeeds()...)
	all = append(all, icmpSeeds()...)
	all = append(all, igmpSeeds()...)
	all = append(all, udpSeeds()...)
	all = append(all, framingSeeds()...)
	for id := range uint16(3) {
		all = append(all, pieces(id, toEcho(200), 64, 128)...)
	}
	return append(all,
		ipFrame(ipv4.Header{Protocol: codec.UDP, Flags: ipv4.MF, FragOffset: 8, ID: 1}, make([]byte, 64)), // overlaps
		ipFrame(ipv4.Header{Protocol: codec.UDP, FragOffset: 65512}, make([]byte, 8)),
		through(ipv4.Header{Dst: ipv4.Addr{203, 0, 113, 5}}, []byte("on")),
		through(ipv4.Header{Dst: ipv4.Addr{203, 0, 113, 5}, TTL: 1}, []byte("no further")),
		through(ipv4.Header{Dst: ipv4.Addr{192, 0, 2, 77}}, []byte("back to the link")),
		ipFrame(ipv4.Header{Protocol: 200}, []byte("to a raw socket")),
		ipFrame(ipv4.Header{Protocol: 201}, []byte("to nobody")),
	)
}

func arpSeeds() [][]byte {
	linkLocal := ipv4.Addr{169, 254, 7, 7}
	return [][]byte{
		arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, nodeIP),
		arpFrame(arp.Reply, testerMAC, testerIP, nodeMAC, nodeIP),
		arpFrame(arp.Request, testerMAC, ipv4.Addr{}, ethernet.MAC{}, nodeIP), // a probe
		arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, testerIP),  // an announcement
		arpFrame(arp.Request, testerMAC, nodeIP, ethernet.MAC{}, nodeIP),      // a conflict
		arpFrame(arp.Request, testerMAC, linkLocal, ethernet.MAC{}, ipv4.Addr{169, 254, 8, 8}),
		arpFrame(arp.Reply, ethernet.MAC{2, 0, 0, 0, 0, 9}, ipv4.Addr{192, 0, 2, 9}, nodeMAC, nodeIP),
	}
}

func optionSeeds() (all [][]byte) {
	route := []byte{10, 10, 0, 0, 1, 192, 0, 2, 77}
	for _, o := range []ipv4.Options{
		ipv4.Options{}.AppendRecordRoute(2).AppendTimestamp(ipv4.TimestampAddress, 1).AppendRouterAlert(),
		ipv4.Options{}.AppendTimestamp(ipv4.TimestampOnly, 2).AppendNOP(),
		{68, 12, 5, 3, 192, 0, 2, 2, 0, 0, 0, 0}, // a timestamp asked of the node
		append(ipv4.Options{131, 11, 4}, route[1:]...),
		append(ipv4.Options{137, 11, 4}, route[1:]...),
		{131, 7, 8, 192, 0, 2, 1}, // used up
		{136, 4, 0, 1, 130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		{7, 3, 4, 0}, // no room
		{7, 40, 4},   // beyond the header
	} {
		all = append(all, pingWith(o))
	}
	return all
}

// icmpSeeds are all types that have a number (RFC 792, 950, 1256, 1393, 8335), and a number that is free.
func icmpSeeds() (all [][]byte) {
	about := udpFrame(9, 4000, "x")[14:]
	quoted := ipFrame(ipv4.Header{Protocol: codec.UDP, Src: nodeIP, Dst: testerIP}, udpMessage(nodeIP, testerIP, 7, 4000, []byte("sent")))[14:]
	for kind := range icmpv4.Type(44) {
		body := make([]byte, 24)
		if kind.IsError() {
			body = quoted
		}
		all = append(all, ipFrame(ipv4.Header{Protocol: codec.ICMPv4}, icmpMessage(icmpv4.Header{Type: kind, Word: 1<<24 | 296}, body)))
	}
	for code := range icmpv4.Code(16) {
		all = append(all, ipFrame(ipv4.Header{Protocol: codec.ICMPv4}, icmpMessage(icmpv4.Header{Type: icmpv4.Unreachable, Code: code, Word: 600}, quoted)))
	}
	return append(all,
		echoRequest("hello"),
		ipFrame(ipv4.Header{Protocol: codec.ICMPv4, Dst: ipv4.Addr{192, 0, 2, 255}}, icmpMessage(icmpv4.Query(icmpv4.EchoRequest, 1, 1), nil)),
		ipFrame(ipv4.Header{Protocol: codec.ICMPv4}, icmpMessage(icmpv4.FragNeeded(600), about)),
		ipFrame(ipv4.Header{Protocol: codec.ICMPv4}, icmpMessage(icmpv4.Redirected(1, ipv4.Addr{192, 0, 2, 3}), quoted)),
	)
}

func igmpSeeds() [][]byte {
	other := func(m []byte) []byte {
		f := ipFrame(ipv4.Header{Protocol: codec.IGMP, Dst: groupIP, TTL: 1, Options: ipv4.Options{}.AppendRouterAlert()}, igmpSealed(m))
		mac := ethernet.Multicast4(groupIP)
		copy(f, mac[:])
		return f
	}
	records := igmp.Records(nil).Append(igmp.Record{Type: igmp.ChangeToExclude, Group: groupIP, SourceSet: igmp.SourcesFrom(testerIP)})
	return [][]byte{
		generalQuery(1, 0), generalQuery(2, 10), generalQuery(3, 10),
		query(2, groupIP, groupIP, 10, true),
		query(3, groupIP, groupIP, 10, true), query(3, groupIP, groupIP, 255, true, src1, netip.MustParseAddr("198.51.100.9")),
		other(igmp.Append(nil, igmp.Header{Type: igmp.V1Report, Group: groupIP})),
		other(igmp.Append(nil, igmp.Header{Type: igmp.V2Report, Group: groupIP})),
		other(igmp.Append(nil, igmp.Header{Type: igmp.V2Leave, Group: groupIP})),
		other(igmp.Append(nil, igmp.Header{Type: 0x13, Group: groupIP})), // DVMRP
		other(igmp.AppendReport(nil, igmp.ReportV3{Records: records})),
	}
}

func udpSeeds() [][]byte {
	to := func(dst ipv4.Addr, mac ethernet.MAC) []byte {
		f := ipFrame(ipv4.Header{Protocol: codec.UDP, Dst: dst}, udpMessage(testerIP, dst, 4000, 9, []byte("to all")))
		copy(f, mac[:])
		return f
	}
	none := udpFrame(4000, 7, "no checksum")
	none[40], none[41] = 0, 0
	return [][]byte{
		udpFrame(4000, 7, "echo"), udpFrame(4000, 9, "never read"), udpFrame(4000, 99, "closed"), udpFrame(0, 7, "from nowhere"),
		none,
		to(ipv4.Addr{255, 255, 255, 255}, ethernet.Broadcast),
		to(ipv4.Addr{192, 0, 2, 255}, ethernet.Broadcast),
		to(groupIP, ethernet.Multicast4(groupIP)),
	}
}

// framingSeeds are a datagram and an ARP packet in the formats of Ethernet frames.
func framingSeeds() (all [][]byte) {
	for _, inner := range [][]byte{echoRequest("framed"), arpFrame(arp.Request, testerMAC, testerIP, ethernet.MAC{}, nodeIP)} {
		was, payload, err := ethernet.Parse(inner)
		if err != nil {
			panic(err) // the test's own frames
		}
		for _, h := range []ethernet.Header{
			{Format: ethernet.SNAP}, {Format: ethernet.LLC},
			{Tagged: true}, {Tagged: true, TCI: 5}, {Tagged: true, TCI: 7 << 13}, {Tagged: true, Format: ethernet.SNAP},
		} {
			h.Dst, h.Src, h.Type = was.Dst, testerMAC, was.Type
			f := append(ethernet.Append(nil, h), payload...)
			ethernet.Seal(f, h)
			all = append(all, f)
		}
		for _, t := range []ethernet.Type{ethernet.TypeIPv6, 0x88a8, 0x88cc, 0x9000} {
			all = append(all, append(ethernet.Append(nil, ethernet.Header{Dst: was.Dst, Src: testerMAC, Type: t}), payload...))
		}
	}
	return all
}
