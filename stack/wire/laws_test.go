package wire_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conform-stack/conform/stack/wire"
	"github.com/conform-stack/conform/stack/wire/arp"
	"github.com/conform-stack/conform/stack/wire/ethernet"
	"github.com/conform-stack/conform/stack/wire/icmpv4"
	"github.com/conform-stack/conform/stack/wire/icmpv6"
	"github.com/conform-stack/conform/stack/wire/ieee802154"
	"github.com/conform-stack/conform/stack/wire/igmp"
	"github.com/conform-stack/conform/stack/wire/ipv4"
	"github.com/conform-stack/conform/stack/wire/ipv6"
	"github.com/conform-stack/conform/stack/wire/link"
	"github.com/conform-stack/conform/stack/wire/lowpan"
	"github.com/conform-stack/conform/stack/wire/tcp"
	"github.com/conform-stack/conform/stack/wire/udp"
	"github.com/conform-stack/conform/stack/wire/wiretest"
	"github.com/conform-stack/conform/stack/wire/zep"
)

// laws has one row for each codec below this package.
var laws = map[string]func(*testing.T){
	"arp": func(t *testing.T) {
		ask := arp.Header{
			Hardware: arp.HardwareEthernet, Protocol: ethernet.TypeIPv4, Op: arp.Request,
			SenderHW: link.MustParseAddr("02:00:00:00:00:01"), SenderIP: ipv4.Addr{192, 0, 2, 1},
			TargetHW: link.MustParseAddr("00:00:00:00:00:00"), TargetIP: ipv4.Addr{192, 0, 2, 2},
		}
		long, none, other := ask, ask, ask
		long.Hardware, long.Op = 32, arp.Reply
		long.SenderHW, long.TargetHW = link.MustParseAddr("02:11:22:33:44:55:66:77"), link.MustParseAddr("02:01:02:03:04:05:06:07")
		none.SenderHW, none.TargetHW = link.Addr{}, link.Addr{}
		other.Protocol, other.Op = 0x1234, 9
		wiretest.Laws(t, arp.Parse, arp.Append, ask, long, none, other)
	},
	"ethernet": func(t *testing.T) {
		h := ethernet.Header{Dst: ethernet.Broadcast, Src: ethernet.MAC{2, 0, 0, 0, 0, 1}, Type: ethernet.TypeARP}
		tagged, snap, both, llc := h, h, h, h
		tagged.Tagged, tagged.TCI = true, ethernet.MakeTCI(5, true, 4094)
		snap.Format, snap.Length, snap.Type = ethernet.SNAP, 8, ethernet.TypeIPv4
		both.Format, both.Length = ethernet.SNAP, 1500
		both.Tagged, both.TCI = true, ethernet.MakeTCI(0, false, 7)
		llc.Format, llc.Length, llc.Type = ethernet.LLC, 7, 0
		wiretest.Laws(t, ethernet.Parse, ethernet.Append, h, tagged, snap, both, llc)
	},
	"icmpv4": func(t *testing.T) {
		wiretest.Laws(t, icmpv4.Parse, icmpv4.Append,
			icmpv4.Query(icmpv4.EchoRequest, 0x1234, 0xfffe),
			icmpv4.FragNeeded(1400),
			icmpv4.Header{Type: 255, Code: 255, Checksum: 0xabcd, Word: 0x01020304})
		wiretest.Laws(t, icmpv4.ParseTimestamps, icmpv4.AppendTimestamps, icmpv4.Timestamps{Originate: 1, Receive: 1 << 31, Transmit: 86399999})
		wiretest.Laws(t, icmpv4.ParseMask, icmpv4.AppendMask, ipv4.Addr{255, 255, 255, 0})
	},
	"icmpv6": func(t *testing.T) {
		target := ipv6.MustParseAddr("2001:db8::1")
		wiretest.Laws(t, icmpv6.Parse, icmpv6.Append,
			icmpv6.Echo(icmpv6.EchoRequest, 0x1234, 0xfffe), icmpv6.TooBig(1280), icmpv6.BadParameter(icmpv6.UnknownNextHeader, 40))
		wiretest.Laws(t, icmpv6.ParseRouterAdvertisement, icmpv6.AppendRouterAdvertisement,
			icmpv6.RouterAdvertisement{HopLimit: 64, Lifetime: 1800},
			icmpv6.RouterAdvertisement{Code: 1, Checksum: 2, Managed: true, Other: true, Home: true, Preference: icmpv6.Low, Rest: 5, Reachable: 3, Retrans: 4})
		wiretest.Laws(t, icmpv6.ParseNeighbor, icmpv6.AppendNeighbor,
			icmpv6.Neighbor{Type: icmpv6.NeighborSolicit, Target: target},
			icmpv6.Neighbor{Type: icmpv6.NeighborAdvert, Checksum: 7, Router: true, Solicited: true, Override: true, Reserved: 9, Target: target})
		wiretest.Laws(t, icmpv6.ParseRedirection, icmpv6.AppendRedirection, icmpv6.Redirection{Reserved: 1, Target: ipv6.LinkLocal, Dst: target})
		wiretest.Laws(t, icmpv6.ParseOption, icmpv6.AppendOption,
			icmpv6.Option{Type: icmpv6.SourceLinkAddr, Data: make([]byte, 6)}, icmpv6.Option{Type: 99, Data: make([]byte, 14)})
		wiretest.Laws(t, icmpv6.ParsePrefix, icmpv6.AppendPrefix,
			icmpv6.Prefix{Bits: 64, OnLink: true, Autonomous: true, Rest: 1, Valid: 2, Preferred: 3, Reserved: 4, Prefix: target})
		eui, _ := icmpv6.ROVRFrom([]byte("\x02interfa"))
		rovr, _ := icmpv6.ROVRFrom([]byte("a token of 256 bits, 32 octets .."))
		if rovr.Len() != 0 { // 33 octets are none
			t.Error("a ROVR of 33 octets")
		}
		rovr, _ = icmpv6.ROVRFrom([]byte("a token of 256 bits, 32 octets ."))
		wiretest.Laws(t, icmpv6.ParseRegistration, icmpv6.AppendRegistration,
			icmpv6.Registration{Lifetime: 60, ROVR: eui},
			icmpv6.Registration{Status: icmpv6.Saturated, Opaque: 7, Rest: 9, Index: 2, Reach: true, Extended: true, TID: 240, Lifetime: 0xffff, ROVR: rovr})
		wiretest.Laws(t, icmpv6.ParseDuplicate, icmpv6.AppendDuplicate,
			icmpv6.Duplicate{Type: icmpv6.DuplicateRequest, Lifetime: 60, ROVR: eui, Addr: target},
			icmpv6.Duplicate{Type: icmpv6.DuplicateConfirm, Prefix: 15, Extended: true, Checksum: 1, Status: icmpv6.Moved, TID: 3, ROVR: rovr, Addr: target})
		wiretest.Laws(t, icmpv6.ParseContext, icmpv6.AppendContext,
			icmpv6.Context{Bits: 64, Compress: true, ID: 15, Lifetime: 10, Prefix: ipv6.MustParseAddr("2001:db8::")},
			icmpv6.Context{Bits: 48, Res: 7, Reserved: 5, Prefix: target, Long: true}, icmpv6.Context{Bits: 128, ID: 1, Prefix: target})
		wiretest.Laws(t, icmpv6.ParseBorderRouter, icmpv6.AppendBorderRouter, icmpv6.BorderRouter{Version: 0x12345678, Lifetime: 9, Addr: target})
		wiretest.Laws(t, icmpv6.ParseCapabilities, icmpv6.AppendCapabilities,
			icmpv6.Capabilities{Bits: icmpv6.CanRegister | icmpv6.IsRouter, Reserved: 4}, icmpv6.Capabilities{})
		wiretest.Laws(t, icmpv6.ParseListener, icmpv6.AppendListener,
			icmpv6.Listener{Type: icmpv6.ListenerQuery, MaxDelay: 1000, Reserved: 1, Group: ipv6.AllNodes})
		wiretest.Laws(t, icmpv6.ParseQuery2, icmpv6.AppendQuery2,
			icmpv6.Query2{Reserved: 3, Suppress: true, QRV: 2, QQIC: 125},
			icmpv6.Query2{Sources: icmpv6.Sources(nil).Append(target).Append(ipv6.Loopback)})
		wiretest.Laws(t, icmpv6.ParseRecord, icmpv6.AppendRecord,
			icmpv6.Record{Type: icmpv6.ChangeToExclude, Group: ipv6.AllRouters},
			icmpv6.Record{Type: icmpv6.AllowNew, Group: ipv6.AllRouters, Sources: icmpv6.Sources(nil).Append(target), Aux: []byte("auxiliary...")})
	},
	"ieee802154": func(t *testing.T) {
		h := ieee802154.Header{Type: ieee802154.Data, Version: ieee802154.V2006, AckRequest: true, Compressed: true, Seq: 7,
			Dst: link.MustParseAddr("02:00:00:00:00:00:00:01"), DstPAN: 0xabcd, Src: ieee802154.Short(0x1234)}
		full, bare := h, h
		full.Version, full.Secured, full.Pending, full.Compressed, full.SrcPAN = ieee802154.V2015, true, true, false, 0x23
		full.Security = ieee802154.Security{Level: ieee802154.ENCMIC128, KeyMode: ieee802154.KeySource8, ASNInNonce: true,
			Reserved: true, Counter: 0xdeadbeef, Source: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}, Index: 9}
		full.HasIEs, full.IEs = true, ieee802154.AppendHeaderIE(nil, ieee802154.HeaderTermination2, nil)
		bare.Version, bare.NoSeq, bare.Seq, bare.Dst = ieee802154.V2015, true, 0, link.Addr{}
		bare.DstPAN = 0
		wiretest.Laws(t, ieee802154.Parse, ieee802154.Append, h, full, bare)
		wiretest.Laws(t, ieee802154.ParseBeacon, ieee802154.AppendBeacon,
			ieee802154.BeaconInfo{Superframe: ieee802154.NoBeacons | ieee802154.SuperframePermit},
			ieee802154.BeaconInfo{GTS: 0x81, GTSInfo: []byte{1, 2, 3, 4}, Short: []byte{1, 2}, Extended: make([]byte, 16)})
		wiretest.Laws(t, ieee802154.ParseResponse, ieee802154.AppendResponse, ieee802154.Response{Short: 0x1234, Status: ieee802154.Denied})
		wiretest.Laws(t, ieee802154.ParseRealign, ieee802154.AppendRealign, ieee802154.Realign{PAN: 1, Coordinator: 2, Channel: 26, Short: 3})
	},
	"igmp": func(t *testing.T) {
		wiretest.Laws(t, igmp.Parse, igmp.Append,
			igmp.Header{Type: igmp.Query, MaxResp: 100},
			igmp.Header{Type: igmp.V2Leave, Checksum: 0x1234, Group: ipv4.Addr{239, 1, 2, 3}})
		q := igmp.QueryV3{MaxResp: 100, Checksum: 7, Group: ipv4.Addr{239, 1, 2, 3}, Reserved: 5, Suppress: true, QRV: 2, QQIC: 125}
		sources := q
		sources.SourceSet = igmp.SourcesFrom(ipv4.Addr{192, 0, 2, 1}, ipv4.Addr{192, 0, 2, 2})
		wiretest.Laws(t, igmp.ParseQuery, igmp.AppendQuery, q, sources)
		records := igmp.Records(nil).
			Append(igmp.Record{Type: igmp.ChangeToExclude, Group: ipv4.Addr{239, 1, 2, 3}}).
			Append(igmp.Record{Type: igmp.AllowNew, Group: ipv4.Addr{239, 1, 2, 4}, SourceSet: sources.SourceSet, Aux: []byte("auxiliary...")})
		wiretest.Laws(t, igmp.ParseReport, igmp.AppendReport,
			igmp.ReportV3{Reserved1: 1, Checksum: 2, Reserved2: 3}, igmp.ReportV3{Records: records})
	},
	"ipv4": func(t *testing.T) {
		h := ipv4.Header{TOS: 0xb8, TotalLen: 20, ID: 0xabcd, Flags: ipv4.DF, TTL: 64, Protocol: wire.UDP, Checksum: 0x1234,
			Src: ipv4.Addr{192, 0, 2, 1}, Dst: ipv4.Addr{192, 0, 2, 2}}
		part, options, full := h, h, h
		part.Flags, part.FragOffset = ipv4.MF|ipv4.Reserved, 65528
		options.TotalLen, options.Options = 1500, ipv4.Options(nil).AppendRouterAlert()
		full.TotalLen, full.Options = 0, ipv4.Options(nil).AppendRecordRoute(9).Pad()
		wiretest.Laws(t, ipv4.Parse, ipv4.Append, h, part, options, full)
	},
	"ipv6": func(t *testing.T) {
		h := ipv6.Header{NextHeader: wire.UDP, HopLimit: 64, Src: ipv6.MustParseAddr("2001:db8::1"), Dst: ipv6.AllNodes}
		full := h
		full.TrafficClass, full.FlowLabel, full.PayloadLen = 0xff, 0xfffff, 0xffff
		wiretest.Laws(t, ipv6.Parse, ipv6.Append, h, full)
		wiretest.Laws(t, ipv6.ParseOptions, ipv6.AppendOptions,
			ipv6.OptionsHeader{Next: wire.UDP, Options: ipv6.Options(nil).AppendRouterAlert(0).Pad()},
			ipv6.OptionsHeader{Next: wire.NoNext, Options: ipv6.Options(nil).Append(0x3e, make([]byte, 100)).Pad()})
		wiretest.Laws(t, ipv6.ParseRouting, ipv6.AppendRouting,
			ipv6.RoutingHeader{Next: wire.UDP, Type: 2, SegsLeft: 1, Data: make([]byte, 20)}, ipv6.RoutingHeader{Data: make([]byte, 4)})
		wiretest.Laws(t, ipv6.ParseFragment, ipv6.AppendFragment,
			ipv6.FragmentHeader{Next: wire.UDP, Reserved: 1, Offset: 65528, Reserved2: 3, More: true, ID: 0xdeadbeef}, ipv6.FragmentHeader{})
	},
	"lowpan": func(t *testing.T) {
		short, long := link.MustParseAddr("12:34"), link.MustParseAddr("02:11:22:33:44:55:66:77")
		wiretest.Laws(t, lowpan.ParseMesh, lowpan.AppendMesh,
			lowpan.Mesh{Originator: short, Final: long, HopsLeft: 14},
			lowpan.Mesh{Originator: long, Final: short, HopsLeft: 200, Deep: true},
			lowpan.Mesh{Originator: short, Final: short, HopsLeft: 3, Deep: true})
		wiretest.Laws(t, lowpan.ParseBroadcast, lowpan.AppendBroadcast, lowpan.Broadcast{Seq: 255})
		wiretest.Laws(t, lowpan.ParseIPHC, lowpan.AppendIPHC,
			lowpan.Compressed{Encoding: 0x6000, Inline: make([]byte, 38)},
			lowpan.Compressed{Encoding: 0x7eb7, SCI: 3, DCI: 12, Inline: []byte{}},
			lowpan.Compressed{Encoding: 0x7afb, Inline: []byte{17, 1}})
		wiretest.Laws(t, lowpan.ParseRecoverable, lowpan.AppendRecoverable,
			lowpan.Recoverable{Congested: true, Tag: 0xab, AckRequest: true, Sequence: 31, Size: 1023, Offset: 0xffff},
			lowpan.Recoverable{Tag: 1, Sequence: 1, Size: 1, Offset: 1})
		wiretest.Laws(t, lowpan.ParseAcknowledgment, lowpan.AppendAcknowledgment,
			lowpan.Acknowledgment{Congested: true, Tag: 0xab, Bitmap: lowpan.FullBitmap}, lowpan.Acknowledgment{Bitmap: 1})
		wiretest.Laws(t, lowpan.ParseFragment, lowpan.AppendFragment,
			lowpan.Fragment{First: true, Size: 2047, Tag: 0xabcd}, lowpan.Fragment{Size: 1280, Tag: 1, Offset: 2040})
	},
	"link": nil, // addresses, no header: its own tests hold their laws
	"tcp": func(t *testing.T) {
		h := tcp.Header{SrcPort: 1, DstPort: 65535, Seq: 1<<32 - 1, Ack: 1 << 31, Flags: tcp.SYN | tcp.ACK, Window: 1, Checksum: 2, Urgent: 3}
		one, full := h, h
		one.Flags, one.Options = tcp.AE|tcp.Reserved|tcp.URG, tcp.RawOptions{4, 2, 0, 0xff}
		full.Options = (&tcp.Options{
			Has: tcp.HasMSS | tcp.HasSACK | tcp.HasTimestamps | tcp.HasWScale | tcp.HasSACKPermitted, MSS: 1460, WScale: 7,
			TSVal: 1, TSEcr: 2, Blocks: 2, SACK: [tcp.MaxSACK]tcp.Block{{Start: 1, End: 2}, {Start: 5, End: 9}},
		}).Append(nil)
		wiretest.Laws(t, tcp.Parse, tcp.Append, h, one, full)
	},
	"udp": func(t *testing.T) {
		wiretest.Laws(t, udp.Parse, udp.Append, udp.Header{SrcPort: 1, DstPort: 65535, Length: 8, Checksum: 0xabcd}, udp.Header{Length: 7})
	},
	"zep": func(t *testing.T) {
		wiretest.Laws(t, zep.Parse, zep.Append,
			zep.Header{Version: 2, Type: zep.Data, Channel: 26, Device: 0x1234, CRC: true, LQI: 7, Time: 1 << 60, Seq: 9, Length: 127, Padding: [10]byte{9: 1}},
			zep.Header{Version: 2, Type: zep.Ack, Seq: 5}, zep.Header{Version: 1, Type: zep.Data, Channel: 11, Device: 1, Padding: [10]byte{6: 1}})
	},
	"wiretest": nil, // the laws themselves
}

func TestLaws(t *testing.T) {
	for name, check := range laws {
		if check != nil {
			t.Run(name, check)
		}
	}
}

// A codec that nobody entered above must not go unchecked.
func TestEveryCodecIsInTheTable(t *testing.T) {
	files, err := filepath.Glob("*/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("packages below stack/wire: %v, %v", files, err)
	}
	found := map[string]bool{}
	for _, f := range files {
		if dir := filepath.Dir(f); !strings.HasSuffix(f, "_test.go") && !found[dir] {
			found[dir] = true
			if _, ok := laws[dir]; !ok {
				t.Errorf("package %s has no row in the table of laws", dir)
			}
		}
	}
	for name := range laws {
		if !found[name] {
			t.Errorf("the table of laws has a row for package %s, which does not exist", name)
		}
	}
	for name := range found { // whoever parses has laws to keep
		if laws[name] == nil && exports(t, name, "func Parse(") {
			t.Errorf("package %s has a Parse, but its row in the table of laws is empty", name)
		}
	}
}

func exports(t *testing.T, dir, decl string) bool {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), "\n"+decl) {
			return true
		}
	}
	return false
}
