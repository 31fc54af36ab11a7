package crosscheck

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/mld"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/stack/wire/ethernet"
)

// readHarness6 reads a frame of IPv6 with the harness's tables. It verifies no checksum, which is the judge's.
func readHarness6(frame []byte) reading {
	r := reading{}
	f := packet.Dissect(target.Ethernet, frame)
	if e, _, err := ethernet.Parse(frame); err != nil || e.Type != ethernet.TypeIPv6 {
		return r
	}
	take(r, "ipv6.tclass", f, ipv6.TrafficClass)
	take(r, "ipv6.flow", f, ipv6.FlowLabel)
	take(r, "ipv6.plen", f, ipv6.PayloadLength)
	take(r, "ipv6.nxt", f, ipv6.NextHeader)
	take(r, "ipv6.hlim", f, ipv6.HopLimit)
	take(r, "ipv6.src", f, ipv6.Src)
	take(r, "ipv6.dst", f, ipv6.Dst)
	for _, v := range f.Views() { // a header may be there twice
		h := frame[v.At : v.At+v.Octets]
		switch v.Name {
		case ipv6.HopByHopProto.Name(), ipv6.DestProto.Name():
			all, _ := ipv6.SplitOptions(h[2:])
			for _, o := range all {
				r.num("ipv6.opt.type", uint64(o[0]))
				if len(o) > 1 {
					r.num("ipv6.opt.length", uint64(o[1]))
				}
			}
		case ipv6.RoutingProto.Name():
			r.num("ipv6.routing.type", uint64(h[2]))
			r.num("ipv6.routing.segleft", uint64(h[3]))
		}
	}
	take(r, "ipv6.fraghdr.nxt", f, ipv6.FragNext)
	take(r, "ipv6.fraghdr.offset", f, ipv6.FragOffset)
	take(r, "ipv6.fraghdr.more", f, ipv6.FragMore)
	take(r, "ipv6.fraghdr.ident", f, ipv6.FragID)
	take(r, "icmpv6.type", f, icmpv6.Type)
	take(r, "icmpv6.code", f, icmpv6.Code)
	take(r, "icmpv6.checksum", f, icmpv6.Checksum)
	take(r, "icmpv6.echo.identifier", f, icmpv6.ID)
	take(r, "icmpv6.echo.sequence_number", f, icmpv6.Seq)
	switch kind, _ := icmpv6.Type.Of(f); kind {
	case icmpv6.TypePacketTooBig:
		take(r, "icmpv6.mtu", f, icmpv6.MTU)
	case icmpv6.TypeParameterProblem:
		take(r, "icmpv6.pointer", f, icmpv6.Pointer)
	}
	take(r, "icmpv6.nd.ra.cur_hop_limit", f, ndp.CurHopLimit)
	take(r, "icmpv6.nd.ra.flag.m", f, ndp.Managed)
	take(r, "icmpv6.nd.ra.flag.o", f, ndp.OtherConfig)
	take(r, "icmpv6.nd.ra.flag.prf", f, ndp.Preference)
	take(r, "icmpv6.nd.ra.router_lifetime", f, ndp.Lifetime)
	take(r, "icmpv6.nd.ra.reachable_time", f, ndp.Reachable)
	take(r, "icmpv6.nd.ra.retrans_timer", f, ndp.Retrans)
	take(r, "icmpv6.nd.ns.target_address", f, ndp.NSTarget)
	take(r, "icmpv6.nd.na.target_address", f, ndp.NATarget)
	take(r, "icmpv6.nd.na.flag.r", f, ndp.Router)
	take(r, "icmpv6.nd.na.flag.s", f, ndp.Solicited)
	take(r, "icmpv6.nd.na.flag.o", f, ndp.Override)
	take(r, "icmpv6.nd.rd.target_address", f, ndp.RDTarget)
	take(r, "icmpv6.rd.na.destination_address", f, ndp.RDDst)
	harnessND(r, ndp.OptionsOf(f))
	harnessMLD(r, f)
	return r
}

func harnessND(r reading, options []byte) {
	all, _ := ndp.SplitOptions(options)
	for _, o := range all {
		r.num("icmpv6.opt.type", uint64(o[0]))
		r.num("icmpv6.opt.length", uint64(o[1]))
		p, prefix := ndp.PrefixOf(o)
		switch {
		case o[0] == ndp.SourceLinkType && len(o) == 8:
			r.str("icmpv6.opt.src_linkaddr", net.HardwareAddr(o[2:8]))
		case o[0] == ndp.TargetLinkType && len(o) == 8:
			r.str("icmpv6.opt.target_linkaddr", net.HardwareAddr(o[2:8]))
		case o[0] == ndp.MTUType && len(o) == 8:
			r.num("icmpv6.opt.mtu", uint64(binary.BigEndian.Uint32(o[4:])))
		case prefix && len(o) == 32:
			r.num("icmpv6.opt.prefix.length", uint64(o[2]))
			r.flag("icmpv6.opt.prefix.flag.l", p.OnLink)
			r.flag("icmpv6.opt.prefix.flag.a", p.Autonom)
			r.num("icmpv6.opt.prefix.valid_lifetime", uint64(p.Valid))
			r.num("icmpv6.opt.prefix.preferred_lifetime", uint64(p.Preferred))
			r.str("icmpv6.opt.prefix", p.HostBits)
		case o[0] == ndp.RDNSSType && len(o) >= 24 && len(o)%16 == 8:
			for s := o[8:]; len(s) > 0; s = s[16:] {
				r.str("icmpv6.opt.rdnss", netip.AddrFrom16([16]byte(s)))
			}
		}
	}
}

func harnessMLD(r reading, f *packet.Frame) {
	take(r, "icmpv6.mld.maximum_response_delay", f, mld.MaxDelay)
	take(r, "icmpv6.mld.multicast_address", f, mld.Group)
	take(r, "icmpv6.mld.multicast_address", f, mld.QueryGroup)
	if code, ok := mld.MaxRespCode.Of(f); ok {
		if code >= 0x8000 { // tshark and the stack print the time (RFC 3810, section 5.1.3)
			code = (code&0xfff | 0x1000) << (code>>12&7 + 3)
		}
		r.num("icmpv6.mld.maximum_response_code", uint64(code))
	}
	take(r, "icmpv6.mld.flag.s", f, mld.S)
	take(r, "icmpv6.mld.flag.qrv", f, mld.QRV)
	take(r, "icmpv6.mld.qqi", f, mld.QQIC)
	take(r, "icmpv6.mld.nb_sources", f, mld.NumSources)
	sources, _ := mld.Sources.Of(f)
	for ; len(sources) >= 16; sources = sources[16:] {
		r.str("icmpv6.mld.source_address", netip.AddrFrom16([16]byte(sources)))
	}
	take(r, "icmpv6.mldr.nb_mcast_records", f, mld.NumRecords)
	for _, rec := range mld.RecordsOf(f) {
		r.num("icmpv6.mldr.mar.record_type", uint64(rec.Type))
		r.num("icmpv6.mldr.mar.nb_sources", uint64(len(rec.Sources)))
		r.str("icmpv6.mldr.mar.multicast_address", rec.Group)
		for _, s := range rec.Sources {
			r.str("icmpv6.mldr.mar.source_address", s)
		}
	}
}

// captures6 are the frames of IPv6 in the fixtures and, if CONFORM_PCAPS names a folder, in and below that.
func captures6(t *testing.T) (names []string, frames [][]byte) {
	t.Helper()
	dirs := []string{filepath.Join("..", "..", "fixtures", "pcaps")}
	if dir := os.Getenv("CONFORM_PCAPS"); dir != "" {
		dirs = append(dirs, dir)
	}
	for _, dir := range dirs {
		for _, f := range readCaptures(t, dir) {
			for _, p := range f.packets {
				if e, _, err := ethernet.Parse(p.frame); err == nil && e.Type == ethernet.TypeIPv6 {
					names, frames = append(names, fmt.Sprintf("%s, packet %d", f.name, p.Number)), append(frames, p.frame)
				}
			}
		}
	}
	return names, frames
}

// The harness and the stack agree on what the stack's codecs write and on what others wrote.
func TestHarnessReadsIPv6(t *testing.T) {
	names, frames := captures6(t)
	for i, f := range samples6() {
		names, frames = append(names, fmt.Sprintf("sample %d", i)), append(frames, f)
	}
	for i, f := range frames {
		compare6(t, names[i], f, "harness", readStack6(f), readHarness6(f))
	}
}

// templates6 are frames that the harness builds, each message and header once.
func templates6() (frames [][]byte) {
	env := packet.Env{
		Local: target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 1}, IP6: ipv6.MustAddr("2001:db8::1"), LinkLocal: ipv6.MustAddr("fe80::1")},
		Peer:  target.Host{MAC: net.HardwareAddr{2, 0, 0, 0, 0, 2}, IP6: ipv6.MustAddr("2001:db8::2"), LinkLocal: ipv6.MustAddr("fe80::2")}, Network: ipv6.Proto,
	}
	group, one := ipv6.MustAddr("ff15::123"), ipv6.MustAddr("2001:db8::11")
	add := func(t packet.Template) *packet.Frame {
		frames = append(frames, t.Build(env))
		return packet.Dissect(target.Ethernet, frames[len(frames)-1])
	}
	sent := add(udp.Datagram(udp.DstPort.Is(9)).Then(packet.Payload([]byte("some data"))))
	for _, t := range []packet.Template{
		icmpv6.Echo(7, 9, []byte("odd")), icmpv6.EchoReply(icmpv6.ID.Is(1)),
		icmpv6.Unreachable(4).Then(icmpv6.About(sent)), icmpv6.PacketTooBig(icmpv6.MTU.Is(1400)).Then(icmpv6.About(sent)),
		icmpv6.TimeExceeded(1).Then(icmpv6.About(sent)), icmpv6.ParameterProblem(2, icmpv6.Pointer.Is(42)).Then(icmpv6.About(sent)),
		ndp.RouterSolicit(), ndp.Solicit(one), ndp.Probe(one, ndp.NSOptions.Is(ndp.Nonce([]byte{1, 2, 3, 4, 5, 6}))), ndp.Advert(ndp.Router.Is(1)),
		ndp.Unsolicited(one), ndp.Redirect(env.Local.LinkLocal, one, ndp.RDLink.Is(env.Local.MAC)),
		ndp.RouterAdvert(ndp.Managed.Is(1), ndp.Preference.Is(3), ndp.RAOptions.Is(ndp.Options(ndp.SourceLink(env.Local.MAC), ndp.MTU(1400),
			ndp.Advertised(netip.MustParsePrefix("2001:db8:5::/64")).Option(), ndp.RDNSS(60, one, env.Peer.IP6)))),
		mld.GeneralQuery(1000), mld.GroupQuery(group, 10), mld.Heard(group), mld.To(ipv6.AllRouters, mld.Done(mld.Group.Is(group))),
		mld.GeneralQuery2(0x8a00), mld.SpecificQuery2(group, 100, one),
		mld.To(ipv6.AllMLDRouters, mld.Report2(mld.Records.Is(mld.Encode(mld.IsIn(group, one), mld.ToEx(group))))),
		ipv6.Header(ipv6.FlowLabel.Is(0xfffff)).Then(ipv6.HopByHop(), ipv6.Destination(), ipv6.RouteType0(0, one), ipv6.Fragment(ipv6.FragID.Is(5)), icmpv6.Echo(1, 2, nil)),
	} {
		add(t)
	}
	return frames
}

// All three agree on what the harness builds, and its checksums are right.
func TestHarnessBuildsIPv6(t *testing.T) {
	frames := templates6()
	for i, f := range frames {
		compare6(t, fmt.Sprintf("template %d", i), f, "harness", readStack6(f), readHarness6(f))
	}
	needTshark(t)
	theirs := readTshark6(t, captureOf(t, frames))
	for i, f := range frames {
		ours := readStack6(f)
		compare(t, fmt.Sprintf("template %d", i), f, "stack", ours, "tshark", theirs[i])
		if s := ours["icmpv6.checksum.status"]; len(s) > 0 && s[0] != "1" {
			t.Errorf("template %d: the checksum is wrong\n%x", i, f)
		}
	}
}

// apart6 are the frames on which the harness and the stack differ, and why.
var apart6 = []struct {
	why  string
	when func(packet []byte) bool
}{ // never written
	{"the stack reads nothing of a header that is not version 6; the harness reads what there is", func(b []byte) bool { return b[0]>>4 != 6 }},
	{"the stack knows no jumbograms (RFC 2675); the harness reads them to the end of the frame", func(b []byte) bool { return b[4]|b[5]|b[6] == 0 }},
	{"the stack takes ICMPv6 messages from 8 octets on, the harness from 4", func(b []byte) bool { return b[6] == 58 && len(b) < 48 }},
	{"the stack reads nothing of an extension header that is longer than the packet; the harness reads what there is", func(b []byte) bool {
		return (b[6] == 0 || b[6] == 43 || b[6] == 60) && len(b) >= 42 && len(b) < 48+8*int(b[41])
	}},
}

func compare6(t *testing.T, name string, frame []byte, reader string, ours, theirs reading) {
	t.Helper()
	keep := func(field string) bool { return !strings.HasSuffix(field, ".checksum.status") }
	for _, d := range apart6 {
		if b := frame[14:]; len(b) >= 40 && d.when(b) {
			t.Logf("%s: not compared: %s", name, d.why)
			return
		}
	}
	compare(t, name, frame, "stack", ours.only(keep), reader, theirs)
}
