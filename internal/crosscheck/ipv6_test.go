package crosscheck

import (
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
	"github.com/conform-stack/conform/stack/wire/tcp"
	"github.com/conform-stack/conform/stack/wire/udp"
)

// samples6 are frames with every message and header that the stack's codecs write.
func samples6() (frames [][]byte) {
	src, dst := ipv6.MustParseAddr("fe80::1"), ipv6.MustParseAddr("2001:db8::2")
	frame := func(h ipv6.Header, payload []byte) {
		h.Src, h.Dst, h.PayloadLen = src, dst, uint16(len(payload))
		b := ethernet.Append(nil, ethernet.Header{Dst: ethernet.MAC{2, 0, 0, 0, 0, 2}, Src: ethernet.MAC{2, 0, 0, 0, 0, 1}, Type: ethernet.TypeIPv6})
		frames = append(frames, append(ipv6.Append(b, h), payload...))
	}
	message := func(m []byte) []byte {
		icmpv6.Seal(m, ipv6.Pseudo(src, dst, wire.ICMPv6))
		return m
	}
	icmp := func(m []byte) { frame(ipv6.Header{NextHeader: wire.ICMPv6, HopLimit: 255}, message(m)) }
	quote := ipv6.Append(nil, ipv6.Header{NextHeader: wire.NoNext, HopLimit: 1, Src: dst, Dst: src})
	mac := link.MustParseAddr("02:00:00:00:00:01")
	echo := append(icmpv6.Append(nil, icmpv6.Echo(icmpv6.EchoRequest, 0x1234, 0xfedc)), "data"...)

	frame(ipv6.Header{TrafficClass: 0xb9, FlowLabel: 0xabcde, NextHeader: wire.ICMPv6, HopLimit: 7}, message(echo))
	icmp(append(icmpv6.Append(nil, icmpv6.TooBig(1400)), quote...))
	icmp(append(icmpv6.Append(nil, icmpv6.BadParameter(icmpv6.UnknownOption, 42)), quote...))
	icmp(append(icmpv6.Append(nil, icmpv6.Header{Type: icmpv6.Unreachable, Code: icmpv6.PortUnreachable}), quote...))
	icmp(icmpv6.AppendLinkAddr(icmpv6.Append(nil, icmpv6.Header{Type: icmpv6.RouterSolicit}), icmpv6.SourceLinkAddr, mac))
	ra := icmpv6.AppendRouterAdvertisement(nil, icmpv6.RouterAdvertisement{
		HopLimit: 64, Managed: true, Preference: icmpv6.High, Lifetime: 1800, Reachable: 30000, Retrans: 1000})
	ra = icmpv6.AppendMTU(icmpv6.AppendLinkAddr(ra, icmpv6.SourceLinkAddr, mac), 1480)
	ra = icmpv6.AppendPrefix(ra, icmpv6.Prefix{Bits: 64, OnLink: true, Autonomous: true, Valid: 3600, Preferred: 1800, Prefix: ipv6.MustParseAddr("2001:db8:5::")})
	ra = icmpv6.AppendOption(ra, icmpv6.Option{Type: icmpv6.RDNSS, Data: append([]byte{0, 0, 0, 0, 2, 88}, dst[:]...)})
	ra = icmpv6.AppendOption(ra, icmpv6.Option{Type: icmpv6.DNSSL, Data: append([]byte{0, 0, 0, 0, 4, 176}, "\x07example\x03org\x00\x03lan\x00"...)})
	for _, n := range []int{0, 8, 16} { // octets of the prefix
		o := icmpv6.Option{Type: icmpv6.RouteOption, Data: append([]byte{uint8(8 * n), 0x18, 0, 0, 14, 16}, dst[:n]...)}
		ra = icmpv6.AppendOption(ra, o)
	}
	icmp(ra)
	icmp(icmpv6.AppendOption(icmpv6.AppendNeighbor(nil, icmpv6.Neighbor{Type: icmpv6.NeighborSolicit, Target: dst}),
		icmpv6.Option{Type: icmpv6.Nonce, Data: []byte{1, 2, 3, 4, 5, 6}}))
	icmp(icmpv6.AppendLinkAddr(icmpv6.AppendNeighbor(nil, icmpv6.Neighbor{Type: icmpv6.NeighborSolicit, Target: dst}), icmpv6.SourceLinkAddr, mac))
	for _, n := range []icmpv6.Neighbor{{Router: true}, {Solicited: true}, {Override: true}} {
		n.Type, n.Target = icmpv6.NeighborAdvert, src
		icmp(icmpv6.AppendLinkAddr(icmpv6.AppendNeighbor(nil, n), icmpv6.TargetLinkAddr, mac))
	}
	icmp(icmpv6.AppendLinkAddr(icmpv6.AppendRedirection(nil, icmpv6.Redirection{Target: src, Dst: dst}), icmpv6.TargetLinkAddr, mac))
	for _, t := range []icmpv6.Type{icmpv6.ListenerQuery, icmpv6.ListenerReport, icmpv6.ListenerDone} {
		icmp(icmpv6.AppendListener(nil, icmpv6.Listener{Type: t, MaxDelay: 1000, Group: ipv6.AllRouters}))
	}
	sources := icmpv6.Sources(nil).Append(src).Append(dst)
	icmp(icmpv6.AppendQuery2(icmpv6.AppendListener(nil, icmpv6.Listener{Type: icmpv6.ListenerQuery, MaxDelay: 0x8123, Group: ipv6.AllRouters}),
		icmpv6.Query2{Suppress: true, QRV: 2, QQIC: 125, Sources: sources}))
	report := icmpv6.AppendRecord(icmpv6.Append(nil, icmpv6.Report2(2)), icmpv6.Record{Type: icmpv6.ChangeToExclude, Group: ipv6.AllRouters})
	icmp(icmpv6.AppendRecord(report, icmpv6.Record{Type: icmpv6.AllowNew, Group: ipv6.MLDv2Routers, Sources: sources}))

	chain := ipv6.AppendOptions(nil, ipv6.OptionsHeader{Next: wire.DestOpts, Options: ipv6.Options(nil).AppendRouterAlert(0).Pad()})
	chain = ipv6.AppendOptions(chain, ipv6.OptionsHeader{Next: wire.Routing, Options: ipv6.Options{0}.Append(0x1e, make([]byte, 3)).Pad()})
	chain = ipv6.AppendRouting(chain, ipv6.RoutingHeader{Next: wire.Fragment, Type: 0, Data: make([]byte, 20)})
	chain = ipv6.AppendFragment(chain, ipv6.FragmentHeader{Next: wire.ICMPv6, Offset: 1448, More: true, ID: 0xdeadbeef})
	frame(ipv6.Header{NextHeader: wire.HopByHop, HopLimit: 64}, append(chain, make([]byte, 16)...))

	datagram := append(udp.Append(nil, udp.Header{SrcPort: 40000, DstPort: 40001}), "data"...)
	udp.Seal(datagram, ipv6.Pseudo(src, dst, wire.UDP))
	frame(ipv6.Header{NextHeader: wire.UDP, HopLimit: 64}, datagram)
	segment := tcp.Append(nil, tcp.Header{SrcPort: 40000, DstPort: 40001, Seq: 0x89abcdef, Ack: 0xfedcba98, Flags: tcp.SYN | tcp.ACK, Window: 0xfff0,
		Options: (&tcp.Options{Has: tcp.HasMSS | tcp.HasWScale, MSS: 1440, WScale: 7}).Append(nil)})
	tcp.Seal(segment, ipv6.Pseudo(src, dst, wire.TCP))
	frame(ipv6.Header{NextHeader: wire.TCP, HopLimit: 64}, segment)
	whole := ipv6.Append(nil, ipv6.Header{NextHeader: wire.UDP, HopLimit: 63, PayloadLen: uint16(len(datagram)), Src: src, Dst: dst})
	icmp(append(icmpv6.Append(nil, icmpv6.TooBig(1400)), append(whole, datagram...)...))
	atomic := ipv6.AppendFragment(nil, ipv6.FragmentHeader{Next: wire.DestOpts, ID: 7})
	atomic = ipv6.AppendOptions(atomic, ipv6.OptionsHeader{Next: wire.UDP, Options: ipv6.Options(nil).Pad()})
	frame(ipv6.Header{NextHeader: wire.Fragment, HopLimit: 64}, append(atomic, datagram...))
	return frames
}
