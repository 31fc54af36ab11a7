package crosscheck

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"strings"

	"github.com/conform-stack/conform/harness/packet"
	"github.com/conform-stack/conform/harness/packet/icmpv6"
	"github.com/conform-stack/conform/harness/packet/ipv6"
	"github.com/conform-stack/conform/harness/packet/mld"
	"github.com/conform-stack/conform/harness/packet/ndp"
	"github.com/conform-stack/conform/harness/packet/tcp"
	"github.com/conform-stack/conform/harness/packet/udp"
	"github.com/conform-stack/conform/harness/target"
	"github.com/conform-stack/conform/stack/wire/ethernet"
)

// readHarness6 reads a frame of IPv6 with the harness's tables. It verifies no checksum, which is the judge's.
func readHarness6(frame []byte) reading {
	r := reading{}
	if e, _, err := ethernet.Parse(frame); err == nil && e.Type == ethernet.TypeIPv6 {
		harnessIPv6(r, packet.Dissect(target.Ethernet, frame))
	}
	return r
}

func harnessIPv6(r reading, f *packet.Frame) {
	take(r, "ipv6.tclass", f, ipv6.TrafficClass)
	take(r, "ipv6.flow", f, ipv6.FlowLabel)
	take(r, "ipv6.plen", f, ipv6.PayloadLength)
	take(r, "ipv6.nxt", f, ipv6.NextHeader)
	take(r, "ipv6.hlim", f, ipv6.HopLimit)
	take(r, "ipv6.src", f, ipv6.Src)
	take(r, "ipv6.dst", f, ipv6.Dst)
	headers := 0
	for _, v := range f.Views() { // a header may be there twice
		h := f.Bytes[v.At : v.At+v.Octets]
		switch v.Name {
		case ipv6.Proto.Name():
			if headers++; headers == 2 { // a tunnel: its own reading, as if the outer header were none
				harnessIPv6(r, packet.Dissect(target.Ethernet, append(bytes.Clone(f.Bytes[:14]), f.Bytes[v.At:]...)))
				return
			}
		case ipv6.HopByHopProto.Name(), ipv6.DestProto.Name():
			name := "ipv6.hopopts."
			if v.Name == ipv6.DestProto.Name() {
				name = "ipv6.dstopts."
			}
			r.num(name+"nxt", uint64(h[0]))
			r.num(name+"len", uint64(h[1]))
			all, _ := ipv6.SplitOptions(h[2:])
			for _, o := range all {
				r.num("ipv6.opt.type", uint64(o[0]))
				if len(o) > 1 {
					r.num("ipv6.opt.length", uint64(o[1]))
				}
			}
		case ipv6.RoutingProto.Name():
			r.num("ipv6.routing.nxt", uint64(h[0]))
			r.num("ipv6.routing.len", uint64(h[1]))
			r.num("ipv6.routing.type", uint64(h[2]))
			r.num("ipv6.routing.segleft", uint64(h[3]))
		case ipv6.FragmentProto.Name():
			at := binary.BigEndian.Uint16(h[2:])
			r.num("ipv6.fraghdr.nxt", uint64(h[0]))
			r.num("ipv6.fraghdr.reserved_octet", uint64(h[1]))
			r.num("ipv6.fraghdr.offset", uint64(at>>3))
			r.num("ipv6.fraghdr.reserved_bits", uint64(at>>1&3))
			r.num("ipv6.fraghdr.more", uint64(at&1))
			r.num("ipv6.fraghdr.ident", uint64(binary.BigEndian.Uint32(h[4:])))
		}
	}
	take(r, "udp.srcport", f, udp.SrcPort)
	take(r, "udp.dstport", f, udp.DstPort)
	take(r, "udp.length", f, udp.Length)
	take(r, "udp.checksum", f, udp.Checksum)
	harnessTCP(r, f)
	harnessICMPv6(r, f)
}

func harnessTCP(r reading, f *packet.Frame) {
	offset, ok := tcp.DataOffset.Of(f)
	if !ok {
		return
	}
	take(r, "tcp.srcport", f, tcp.SrcPort)
	take(r, "tcp.dstport", f, tcp.DstPort)
	take(r, "tcp.seq_raw", f, tcp.Seq)
	take(r, "tcp.ack_raw", f, tcp.Ack)
	r.num("tcp.hdr_len", uint64(4*offset))
	take(r, "tcp.flags", f, tcp.Flags)
	take(r, "tcp.window_size_value", f, tcp.Window)
	take(r, "tcp.checksum", f, tcp.Checksum)
	take(r, "tcp.urgent_pointer", f, tcp.Urgent)
	all, _ := tcp.SplitOptions(f.Header(tcp.Proto)[20:])
	for _, o := range all {
		if len(o) > 1 { // no NOP
			r.num("tcp.option_kind", uint64(o[0]))
			r.num("tcp.option_len", uint64(o[1]))
		}
	}
}

func harnessICMPv6(r reading, f *packet.Frame) {
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
	if kind, ok := icmpv6.Type.Of(f); ok && kind >= 1 && kind <= 4 {
		if q := f.Quoted(); q != nil {
			harnessIPv6(r, packet.Dissect(target.Ethernet, append(bytes.Clone(f.Bytes[:14]), q.Bytes...)))
		}
	}
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
		case o[0] == ndp.NonceType:
			r["icmpv6.opt.nonce"] = append(r["icmpv6.opt.nonce"], hex.EncodeToString(o[2:]))
		case o[0] == ndp.RouteInfoType && len(o) <= 24 && int(o[2]) <= 8*(len(o)-8):
			r.num("icmpv6.opt.prefix.length", uint64(o[2]))
			r.num("icmpv6.opt.route_info.flag.route_preference", uint64(o[3]>>3&3))
			r.num("icmpv6.opt.route_lifetime", uint64(binary.BigEndian.Uint32(o[4:])))
			if len(o) > 8 {
				var a [16]byte
				copy(a[:], o[8:])
				r.str("icmpv6.opt.prefix", netip.AddrFrom16(a))
			}
		case o[0] == ndp.DNSSLType && len(o) >= 16:
			r.num("icmpv6.opt.dnssl.lifetime", uint64(binary.BigEndian.Uint32(o[4:])))
			r["icmpv6.opt.dnssl"] = append(r["icmpv6.opt.dnssl"], names(o[8:])...)
		case o[0] == ndp.RDNSSType && len(o) >= 24 && len(o)%16 == 8:
			r.num("icmpv6.opt.rdnss.lifetime", uint64(binary.BigEndian.Uint32(o[4:])))
			for s := o[8:]; len(s) > 0; s = s[16:] {
				r.str("icmpv6.opt.rdnss", netip.AddrFrom16([16]byte(s)))
			}
		}
	}
}

// names are those of a DNSSL option, up to its padding; none when one is cut. The harness has no reader of its own for them.
func names(b []byte) (all []string) {
	for len(b) > 0 && b[0] != 0 {
		var labels []string
		for len(b) > 0 && b[0] != 0 {
			if b[0] > 63 || len(b) < 1+int(b[0]) {
				return nil
			}
			labels, b = append(labels, string(b[1:1+b[0]])), b[1+b[0]:]
		}
		if len(b) == 0 {
			return nil
		}
		if name := strings.Join(labels, "."); strings.IndexFunc(name, func(c rune) bool { return c <= ' ' || c >= 0x7f || c == '\\' }) < 0 {
			all = append(all, name)
		}
		b = b[1:]
	}
	return all
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
	if code, ok := mld.QQIC.Of(f); ok {
		if code >= 0x80 { // likewise (RFC 3810, section 5.1.9)
			code = (code&0xf | 0x10) << (code>>4&7 + 3)
		}
		r.num("icmpv6.mld.qqi", uint64(code))
	}
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
	add(tcp.Segment(tcp.Flags.Is(tcp.SYN), tcp.Options.Is(tcp.List(tcp.MSSOption(1440), tcp.SACKPermittedOption(), tcp.TimestampsOption(1, 2), tcp.NOP, tcp.ScaleOption(7)))))
	tunnel := add(udp.Datagram(udp.DstPort.Is(9)).Then(packet.Payload([]byte("inner"))))
	add(ipv6.Header(ipv6.NextHeader.Is(41)).Then(packet.Payload(tunnel.Bytes[14:])))
	return frames
}
