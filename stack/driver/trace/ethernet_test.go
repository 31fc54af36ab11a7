package trace_test

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/conform-stack/conform/stack/driver/trace"
	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/igmp"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	"github.com/conform-stack/conform/stack/wire/udp"
)

const macs = "02:00:00:00:00:01 > 02:00:00:00:00:02 "

func ip(h ipv4.Header, payload []byte) []byte {
	h.Src, h.Dst, h.TTL = ipv4.Addr{192, 0, 2, 1}, ipv4.Addr{192, 0, 2, 2}, 64
	b := append(ipv4.Append(nil, h), payload...)
	ipv4.Seal(b)
	return b
}

func frame(t ethernet.Type, payload []byte) []byte {
	return append(ethernet.Append(nil, ethernet.Header{Dst: ethernet.MAC{2, 5: 2}, Src: ethernet.MAC{2, 5: 1}, Type: t}), payload...)
}

func TestEthernet(t *testing.T) {
	datagram := append(udp.Append(nil, udp.Header{SrcPort: 1, DstPort: 7}), "hello"...)
	udp.Seal(datagram, wire.Pseudo4([4]byte{192, 0, 2, 1}, [4]byte{192, 0, 2, 2}, wire.UDP))
	spoilt := append([]byte{}, datagram...)
	spoilt[12] ^= 1
	unreachable := append(icmpv4.Append(nil, icmpv4.Header{Type: icmpv4.Unreachable, Code: icmpv4.PortUnreachable}),
		ip(ipv4.Header{Protocol: wire.UDP}, datagram)[:28]...)
	icmpv4.Seal(unreachable)
	ping := append(icmpv4.Append(nil, icmpv4.Query(icmpv4.EchoRequest, 1, 2)), "abc"...)
	icmpv4.Seal(ping)
	report := igmp.AppendReport(nil, igmp.ReportV3{Records: igmp.Records(nil).Append(igmp.Record{Type: igmp.ChangeToExclude, Group: ipv4.Addr{239, 1, 2, 3}})})
	igmp.Seal(report)
	query := igmp.AppendQuery(nil, igmp.QueryV3{MaxResp: 100})
	igmp.Seal(query)
	leave := igmp.Append(nil, igmp.Header{Type: igmp.V2Leave, Group: ipv4.Addr{239, 1, 2, 3}})
	igmp.Seal(leave)
	const addrs = macs + "IPv4: IP 192.0.2.1 > 192.0.2.2 "

	for _, tt := range []struct {
		frame []byte
		want  string
	}{
		{unhex("ffffffffffff020000000001080600010800060400010200000000" + "01c0000201000000000000c0000202"),
			"02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff ARP: ARP who-has 192.0.2.2 tell 192.0.2.1 (02:00:00:00:00:01)"},
		{frame(ethernet.TypeARP, []byte{0, 1}), macs + "ARP: ARP [cut short] 0001"},
		{frame(ethernet.TypeIPv4, ip(ipv4.Header{Protocol: wire.UDP}, datagram)), addrs + "UDP ttl 64 id 0 len 33: UDP 1 > 7 len 13"},
		{frame(ethernet.TypeIPv4, ip(ipv4.Header{Protocol: wire.UDP}, spoilt)), addrs + "UDP ttl 64 id 0 len 33: UDP 1 > 7 len 13 [bad checksum]"},
		{frame(ethernet.TypeIPv4, ip(ipv4.Header{Protocol: wire.UDP}, datagram[:7])), addrs + "UDP ttl 64 id 0 len 27: UDP [cut short] 00010007000d" + hex.EncodeToString(datagram[6:7])},
		{frame(ethernet.TypeIPv4, ip(ipv4.Header{Protocol: wire.UDP, Flags: ipv4.MF}, spoilt)), addrs + "UDP ttl 64 id 0 len 33 frag 0+: UDP 1 > 7 len 13"},
		{frame(ethernet.TypeIPv4, ip(ipv4.Header{Protocol: wire.UDP, FragOffset: 8}, datagram)), addrs + "UDP ttl 64 id 0 len 33 frag 8"},
		{frame(ethernet.TypeIPv4, ip(ipv4.Header{Protocol: wire.ICMPv4}, ping)), addrs + "ICMP ttl 64 id 0 len 31: ICMP echo request id 1 seq 2 len 3"},
		{frame(ethernet.TypeIPv4, ip(ipv4.Header{Protocol: wire.ICMPv4}, unreachable)), addrs + "ICMP ttl 64 id 0 len 56: ICMP unreachable code 3, about IP 192.0.2.1 > 192.0.2.2 UDP ttl 64 id 0 len 33: UDP 1 > 7 len 13"},
		{frame(ethernet.TypeIPv4, ip(ipv4.Header{Protocol: wire.IGMP}, report)), addrs + "IGMP ttl 64 id 0 len 36: IGMP v3 report [to-ex 239.1.2.3 0 sources]"},
		{frame(ethernet.TypeIPv4, ip(ipv4.Header{Protocol: wire.IGMP}, query)), addrs + "IGMP ttl 64 id 0 len 32: IGMP v3 query 0.0.0.0 max resp 100"},
		{frame(ethernet.TypeIPv4, ip(ipv4.Header{Protocol: wire.IGMP}, leave)), addrs + "IGMP ttl 64 id 0 len 28: IGMP leave 239.1.2.3"},
		{frame(ethernet.TypeIPv4, ip(ipv4.Header{Protocol: 99}, []byte("x"))), addrs + "proto-99 ttl 64 id 0 len 21"},
		{frame(ethernet.TypeIPv4, []byte{0x60}), macs + "IPv4: IP [cut short] 60"},
		{frame(0x1234, make([]byte, 46)), macs + "ethertype 0x1234: 46 octets"},
		{make([]byte, 13), "frame [cut short] 00000000000000000000000000"},
		{append(frame(0x05ff, nil), make([]byte, 40)...), "frame [ethernet: type field is neither length nor EtherType] " +
			"02000000000202000000000105ff" + strings.Repeat("00", 18) + "... (54 octets)"},
	} {
		if got := trace.Ethernet(tt.frame); got != tt.want {
			t.Errorf("frame %x\ngives %s\nwant  %s", tt.frame, got, tt.want)
		}
	}
}

// Law: every frame gives one line that is not empty.
func FuzzEthernet(f *testing.F) {
	f.Add(frame(ethernet.TypeIPv4, ip(ipv4.Header{Protocol: wire.UDP}, make([]byte, 8))))
	f.Add(frame(ethernet.TypeIPv4, ip(ipv4.Header{Protocol: wire.IGMP, Options: ipv4.Options(nil).AppendRouterAlert()},
		igmp.AppendQuery(nil, igmp.QueryV3{SourceSet: igmp.SourcesFrom(ipv4.Addr{1, 2, 3, 4})}))))
	f.Add(frame(ethernet.TypeIPv4, ip(ipv4.Header{Protocol: wire.ICMPv4},
		icmpv4.Append(nil, icmpv4.BadParameter(20)))))
	f.Add(frame(ethernet.TypeARP, make([]byte, 28)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if line := trace.Ethernet(b); line == "" || strings.ContainsAny(line, "\r\n") {
			t.Errorf("frame %x gives %q", b, line)
		}
	})
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}
